"""The archive in a directory: one file each, on a disk, a network mount or a medium that is carried away.

A file comes into being in four steps, each a function here, so that a kill at any system call leaves the old state or
the new one:

1. ``_draft``    the bytes go into ``.draft-<random>`` in the archive's root, which is synced to the device
2. ``_publish``  an immutable file is linked to its name, which fails where the name is taken; a mutable one renamed
3. the draft's name goes
4. ``flush``     each directory that got a name is synced: from then on the name survives a loss of power

Immutable files are mode 0444, others 0644. Mode bits stop accidents, not an administrator: for a lock that holds
against root use an object store (``s3``), or ``chattr +i``, or a write-once mount.

Every step of a path is opened with O_NOFOLLOW below the root, so a symbolic link planted in the archive leads nowhere:
it is refused. Drafts that a killed run left are removed by a later one, once they are an hour old.

Not for two threads. Two processes may write the same archive: whoever links first wins, the other sees equal bytes.
"""

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from stepwarden.errors import ArchiveError, ArchiveForkError
from stepwarden.ledger.durable import sync_folder
from stepwarden.storage.archive.paths import check_path

LOCKED = 0o444
REPLACED = 0o644
MAX_FILE = 256 * (2 + 65_535)
"""Bytes of a file at most: a full bundle of the longest entries."""
_DRAFT = ".draft-"
_OLD = 3_600.0
"""Seconds after which nobody is still writing a draft."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DirectoryArchive:
    """An ``Archive`` below one directory. ``open`` makes one, ``close`` lets it go."""

    def __init__(self, root: Path, descriptor: int) -> None:
        self._path = root
        self._root = descriptor
        self._unsynced: set[str] = set()

    @classmethod
    def open(cls, root: Path, *, make: bool = True) -> Self:
        """Open the directory, made if it is missing (unless ``make`` is false).

        Raises:
            ArchiveError: it cannot be made, opened or written to.
        """
        with _explained(root):
            if make and not root.is_dir():
                root.mkdir(mode=0o755, parents=True)
                sync_folder(root.parent)
            # The root itself may be a link: whoever runs us named it.
            found = cls(root, os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            if make:
                found._sweep()
        return found

    def fetch(self, path: str) -> bytes | None:
        parts = check_path(path).split("/")
        with _explained(self._path / path):
            folder = self._folder(parts[:-1], make=False)
            if folder is None:
                return None
            try:
                return _read(folder, parts[-1])
            except FileNotFoundError:
                return None
            finally:
                os.close(folder)

    def put(self, path: str, data: bytes, *, immutable: bool) -> None:
        parts = check_path(path).split("/")
        with _explained(self._path / path):
            folder = self._folder(parts[:-1], make=True)
            if folder is None:
                raise ArchiveError(f"the folder of {path} cannot be made in {self._path}")
            try:
                if not self._is_done(folder, path, data, immutable):
                    draft = self._draft(data, LOCKED if immutable else REPLACED)
                    self._publish(draft, folder, path, data, immutable)
            finally:
                os.close(folder)
        # Also where all of it was there: whoever made file or folders may have been killed before the sync.
        self._unsynced.update("/".join(parts[:depth]) for depth in range(len(parts)))

    def flush(self) -> None:
        folders = sorted(self._unsynced, reverse=True)  # the deepest first
        with _explained(self._path):
            for name in folders:
                self._in_folder(name.split("/") if name else [], os.fsync)
        self._unsynced.clear()

    def names(self, folder: str) -> Iterator[str]:
        prefix = folder.rstrip("/")
        parts = check_path(prefix).split("/")
        with _explained(self._path / prefix):
            descriptor = self._folder(parts, make=False)
            if descriptor is None:
                return
            try:
                found = os.listdir(descriptor)
            finally:
                os.close(descriptor)
        for name in found:
            if not name.startswith("."):
                yield f"{prefix}/{name}"

    def remove(self, path: str) -> None:
        parts = check_path(path).split("/")
        with contextlib.suppress(OSError):
            self._in_folder(parts[:-1], lambda folder: os.unlink(parts[-1], dir_fd=folder))
            # The folder too, if that was the last; one with files in it stays.
            self._in_folder(parts[:-2], lambda folder: os.rmdir(parts[-2], dir_fd=folder))

    def describe(self) -> str:
        return str(self._path)

    def close(self) -> None:
        """Let the directory go. Once."""
        os.close(self._root)

    def _is_done(self, folder: int, path: str, data: bytes, immutable: bool) -> bool:
        """Whether the file is there as wanted.

        Raises:
            ArchiveForkError: it is immutable and another.
        """
        try:
            found = _read(folder, path.rsplit("/", 1)[-1])
        except FileNotFoundError:
            return False
        if found == data:
            return True
        if immutable:
            raise ArchiveForkError(
                f"{self._path / path} is there with other bytes: it was changed, or is of another log. "
                "It stays as it is"
            )
        return False

    def _draft(self, data: bytes, mode: int) -> str:
        """Step 1."""
        name = _DRAFT + os.urandom(8).hex()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, mode, dir_fd=self._root)
        with open(descriptor, "wb") as file:
            os.fchmod(
                descriptor, mode
            )  # whatever the umask: an archive that only its writer can read proves nothing
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        return name

    def _publish(self, draft: str, folder: int, path: str, data: bytes, immutable: bool) -> None:
        """Steps 2 and 3."""
        name = path.rsplit("/", 1)[-1]
        if not immutable:
            os.replace(draft, name, src_dir_fd=self._root, dst_dir_fd=folder)
            return
        try:
            os.link(draft, name, src_dir_fd=self._root, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            self._is_done(folder, path, data, immutable)  # another process was first: it must be the same
        finally:
            os.unlink(draft, dir_fd=self._root)

    def _folder(self, parts: list[str], *, make: bool) -> int | None:
        """A descriptor of the folder, opened part by part; None where it is missing and not to be made."""
        descriptor = os.dup(self._root)
        for part in parts:
            try:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=descriptor)
                following = os.open(part, _FOLDER, dir_fd=descriptor)
            except FileNotFoundError:
                return None
            finally:
                os.close(descriptor)
            descriptor = following
        return descriptor

    def _in_folder(self, parts: list[str], do: Callable[[int], None]) -> None:
        folder = self._folder(parts, make=False)
        if folder is not None:
            try:
                do(folder)
            finally:
                os.close(folder)

    def _sweep(self) -> None:
        """Remove what killed runs have left."""
        for name in os.listdir(self._root):
            if name.startswith(_DRAFT):
                with contextlib.suppress(OSError):
                    if time.time() - os.stat(name, dir_fd=self._root).st_mtime > _OLD:
                        os.unlink(name, dir_fd=self._root)


def _read(folder: int, name: str) -> bytes:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{name} is not a file")
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise OSError(f"{name} is longer than any file of an archive")
    return data


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say of an operating system's error what it was about, and what to do."""
    try:
        yield
    except OSError as exc:
        what = exc.strerror or str(exc)
        raise ArchiveError(
            f"{path}: {what}. Nothing is half written; put it right and run the export again"
        ) from exc
