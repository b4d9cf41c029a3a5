"""Where checkpoints of this log are kept outside its database: files, an archive, witnesses.

``published.checkpoint`` is written by the service itself, about once a second, and whole or not at all. It costs
nothing to set up and finds a database that was put back alone. Whoever puts back the whole data directory puts this
file back as well: so set ``doubt.published`` to a path on another disk, or keep checkpoints where this machine cannot
reach them (an archive under lock, witnesses).

Every source answers ``kept()`` with what it has, the newest of it where it has more than ``NEWEST``: earlier
checkpoints of an honest source are the past of its newest one. ``ledger verify --checkpoint`` compares any number.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from stepwarden.connect.witnesses import HttpWitness, check_address, make_http
from stepwarden.errors import InputError, LedgerError, StorageError, WitnessError
from stepwarden.flow.doubt import Kept
from stepwarden.ledger.archive import CHECKPOINT, KEPT, Archive, file_path, kept_size
from stepwarden.ledger.cosignature import cosigned_at
from stepwarden.ledger.durable import write_whole
from stepwarden.ledger.note import MAX_NOTE, SignedNote, Verifier, verified
from stepwarden.ledger.witness_policy import KnownWitness, WitnessPolicy

NEWEST: Final = 32
"""Notes that are looked at per source."""
SECOND: Final = 1_000_000
DASH: Final = "\N{EM DASH}"


def notes_in(text: str) -> list[str]:
    """Take apart a file of signed notes: each ends with its signature lines, which begin with an em dash."""
    notes: list[str] = []
    note = ""
    for line in text.splitlines(keepends=True):
        if note and not line.startswith(DASH) and f"\n{DASH}" in note:
            notes.append(note)
            note = ""
        note += line if note or line.strip() else ""
    return [*notes, note] if note else notes


def read_notes(path: Path) -> list[Kept]:
    """The signed notes in a file; ``when`` is when it was written.

    Raises:
        InputError: it cannot be read, is too long, or is not text.
    """
    try:
        with path.open("rb") as file:
            when = os.fstat(file.fileno()).st_mtime_ns // 1_000
            data = file.read(NEWEST * MAX_NOTE + 1)
        if len(data) > NEWEST * MAX_NOTE:
            raise InputError(f"{path} is too long for a file of checkpoints")
        return [Kept(note=note, when=when) for note in notes_in(data.decode())]
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path} cannot be read: {exc}") from exc


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """Our own newest checkpoint, in a file outside the database. No file yet: nothing known."""

    path: Path
    ours: bool = True

    @property
    def name(self) -> str:
        return f"our own note in {self.path}"

    def kept(self) -> Sequence[Kept]:
        """Raises: InputError: there is a file, and it cannot be read."""
        if not self.path.exists():
            return ()
        # An empty file is one that somebody emptied: it says something, and nothing good.
        return read_notes(self.path) or (Kept(note=""),)

    def write(self, note: str) -> None:
        """Replace the file: whole or not at all, durable on return.

        Raises:
            StorageError: it cannot be written; the one before stays.
        """
        try:
            write_whole(self.path, note.encode(), mode=0o644, over=True)
        except OSError as exc:
            raise StorageError(f"the checkpoint {self.path} cannot be written: {exc.strerror}") from exc


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """A file of checkpoints, or a folder of such files, that somebody keeps for us; the newest files count."""

    path: Path
    suffix: str = ""
    ours: bool = False

    @property
    def name(self) -> str:
        return f"checkpoints in {self.path}"

    def kept(self) -> Sequence[Kept]:
        """Raises: InputError: there is nothing at that path, or it cannot be read."""
        if not self.path.is_dir():
            return read_notes(self.path)[-NEWEST:]
        try:
            files = [one for one in self.path.iterdir() if one.name.endswith(self.suffix) and one.is_file()]
            files.sort(key=lambda one: (one.stat().st_mtime_ns, one.name))
        except OSError as exc:
            raise InputError(f"{self.path} cannot be read: {exc.strerror}") from exc
        return [kept for one in files[-NEWEST:] for kept in read_notes(one)][-NEWEST:]


@dataclass(frozen=True, slots=True)
class ArchiveCopy:
    """The archive that this log is exported to: its newest checkpoint and the longest that it has kept."""

    where: str
    opened: Callable[[], AbstractContextManager[Archive]]
    ours: bool = False

    @property
    def name(self) -> str:
        return f"the archive {self.where}"

    def kept(self) -> Sequence[Kept]:
        """Raises: ArchiveError: it cannot be read."""
        # Opened for this look only: an archive is used by one thread at a time, and the export has its own.
        with self.opened() as archive:
            return self._read(archive)

    def _read(self, archive: Archive) -> Sequence[Kept]:
        sizes = sorted(found for path in archive.names(KEPT) if (found := kept_size(path)) is not None)
        paths = [file_path(size) for size in sizes[-NEWEST + 1 :]] + [CHECKPOINT]
        files = [archive.fetch(path) for path in paths]
        return [Kept(note=data.decode(errors="replace")) for data in files if data is not None]


@dataclass(frozen=True, slots=True)
class WitnessCopy:
    """The newest checkpoint that a witness has signed of this log, as it tells everybody."""

    who: str
    ask: Callable[[], str]
    verifier: Verifier
    ours: bool = False

    @property
    def name(self) -> str:
        return f"the witness {self.who}"

    def kept(self) -> Sequence[Kept]:
        """Raises: LedgerError: out of reach, or what it answers does not carry its own signature."""
        note = self.ask()
        if not note:
            return ()
        # Without its own signature it says nothing about this witness, only about whoever answered in its place.
        signatures = verified(SignedNote.parse(note), [self.verifier])
        if not signatures:
            raise LedgerError(
                "its checkpoint does not carry its signature: is this the witness of the policy?"
            )
        return (Kept(note=note, when=cosigned_at(signatures[0]) * SECOND),)


def witness_copies(
    policy: WitnessPolicy | None, origin: str, *, seconds: float, plain: bool
) -> list[WitnessCopy]:
    """One for each witness of the policy.

    Raises:
        SettingsError: a witness has no address that may be asked.
    """
    if policy is None:
        return []
    return [
        WitnessCopy(
            known.name,
            partial(_ask, known, check_address(known.url, plain=plain), origin, seconds),
            known.verifier,
        )
        for known in policy.witnesses.values()
    ]


def _ask(known: KnownWitness, address: str, origin: str, seconds: float) -> str:
    """What a witness serves, unverified. In a thread: with a loop of its own for the time."""

    async def newest() -> str:
        async with asyncio.timeout(seconds), make_http(seconds) as http:
            witness = HttpWitness(
                known.name, known.verifier, address, http, seconds=seconds, findings=lambda _: None
            )
            return await witness.newest(origin)

    try:
        return asyncio.run(newest())
    except TimeoutError as exc:
        raise WitnessError(f"it did not answer within {seconds:g} seconds") from exc


class NotePublisher:
    """Keeps ``published.checkpoint`` up to date, unless there is doubt: then the file is evidence."""

    def __init__(self, file: PublishedFile, newest: Callable[[], str], doubtful: Callable[[], bool]) -> None:
        self._file = file
        self._newest = newest
        self._doubtful = doubtful
        self._written = ""

    def due(self) -> str:
        """The note that has to be written, "" for none."""
        note = self._newest()
        return "" if self._doubtful() or note == self._written else note

    def write(self, note: str) -> None:
        """Raises: StorageError: it cannot be written."""
        self._file.write(note)
        self._written = note

    def last(self) -> None:
        """At the end of a run: the newest, if that is still to be written. An error is not worth another."""
        note = self.due()
        if note:
            with contextlib.suppress(StorageError):
                self.write(note)
