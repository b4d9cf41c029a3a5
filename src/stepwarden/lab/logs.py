"""Several log files as one replay reads them: opened together, read one after another, counted file by file.

Whatever cannot be read is named, all of it at once: a person who gives twenty files wants to hear of all three that
are broken, not of the first. A file that breaks off in the middle (a cut gzip) stops the replay before anything was
decided, because ``in_order`` reads everything first.

``source`` of an attempt is the file's name; where two files share one, their paths as they were given. The same
path twice is two files, and each attempt of the second a duplicate.

Not here: formats (``connect``) and order (``ordering``).
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from stepwarden.connect.detect import Imported, Item, Skipped, detect, open_log
from stepwarden.errors import InputError
from stepwarden.lab.summary import FileSummary, Summary

STDIN = Path("-")


class Logs:
    """Files that are to be replayed, each with its format."""

    def __init__(self, opened: list[tuple[FileSummary, Path, Iterator[Item]]]) -> None:
        self._opened = opened
        self._failed: list[tuple[str, InputError]] = []

    @classmethod
    def open(
        cls,
        paths: Sequence[Path],
        *,
        format: str,  # noqa: A002 - the name of the option that it holds
        mapping: Mapping[str, str] | None,
        year: int | None,
    ) -> "Logs":
        """Open all of them. ``format`` ``""`` and ``year`` None: found out.

        Raises:
            InputError: one or more cannot be read or have no known format; names them all.
        """
        opened: list[tuple[FileSummary, Path, Iterator[Item]]] = []
        failed: list[tuple[str, InputError]] = []
        for path, label in zip(paths, labels(paths), strict=True):
            try:
                items = open_log(path, format=format, mapping=mapping, year=year)
                name = format or ("csv" if mapping else detect(path))
            except InputError as exc:
                failed.append((label, exc))
            else:
                opened.append((FileSummary(source=label, format=name), path, items))
        if failed:
            raise _all(failed, len(paths))
        return cls(opened)

    def attempts(self, summary: Summary, tick: Callable[[], None]) -> Iterator[Iterator[Imported]]:
        """The attempts of each file; everything else is counted in the summary.

        Args:
            tick: called for every line or record.

        Raises:
            InputError: after the last file, if some could not be read to their end; names them all.
        """
        for about, path, items in self._opened:
            summary.files.append(about)
            yield self._attempts(about, path, items, summary, tick)
        if self._failed:
            raise _all(self._failed, len(self._opened))

    def _attempts(
        self,
        about: FileSummary,
        path: Path,
        items: Iterator[Item],
        summary: Summary,
        tick: Callable[[], None],
    ) -> Iterator[Imported]:
        renamed = about.source != path.name
        skipped: Counter[str] = Counter()
        try:
            for item in items:
                tick()
                if isinstance(item, Skipped):
                    skipped[item.reason] += 1
                elif isinstance(item, Imported):
                    about.attempts += 1
                    yield _renamed(item, path.name, about.source) if renamed else item
                else:
                    about.unknown += 1
                    summary.not_understood(about.source, item.source_line, item.text, item.reason)
        except InputError as exc:
            self._failed.append((about.source, exc))
        about.skipped = skipped.total()
        summary.skipped.update(skipped)


def labels(paths: Sequence[Path]) -> list[str]:
    """What each file is called: its name where that is enough, else its path, else its path and a number."""
    names = Counter(path.name for path in paths)
    seen: Counter[str] = Counter()
    found = []
    for path in paths:
        label = path.name if names[path.name] == 1 else str(path)
        seen[label] += 1
        found.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return found


def kept(stream: BinaryIO, directory: Path) -> Path:
    """A file with what a stream gives: formats are told from a beginning that a pipe gives only once.

    Raises:
        InputError: it cannot be read, or not be written.
    """
    path = directory / "standard input"
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
    except OSError as exc:
        raise InputError(f"standard input cannot be kept in {tempfile.gettempdir()}: {exc.strerror}") from exc
    return path


def _renamed(item: Imported, name: str, label: str) -> Imported:
    """The attempt under its file's label: behind the name may be that of an archive's member."""
    if item.source != name and not item.source.startswith(f"{name}/"):
        return item
    return msgspec.structs.replace(item, source=label + item.source[len(name) :])


def _all(failed: list[tuple[str, InputError]], files: int) -> InputError:
    """All failures as one; the failure itself where there was only one file."""
    if files == 1:
        return failed[0][1]
    lines = "\n".join(f"  {label}: {exc}" for label, exc in failed)
    return InputError(f"{len(failed)} of {files} files cannot be replayed:\n{lines}", field=failed[0][0])
