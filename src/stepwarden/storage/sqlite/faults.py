"""What SQLite met, in our words: what happened to which file, and what to do about it.

    apsw exception                       error                 code
    FullError; IOError by quota or limit StorageFullError      storage.full
    CorruptError, NotADBError, FormatError StorageCorruptError storage.corrupt
    BusyError, LockedError               StorageLockedError    storage.locked
    ReadOnlyError, CantOpenError, other  StorageError          storage.error

Not here: FencedError and the guards' refusals, which only ``log`` can tell apart.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from stepwarden.errors import (
    StorageCorruptError,
    StorageError,
    StorageFullError,
    StorageLockedError,
)

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The device, the quota or the process's file size limit is used up; SQLite says FULL only for the first."""


def explain(exc: apsw.Error, path: Path, connection: apsw.Connection | None = None) -> StorageError:
    """The error to raise instead of ``exc``."""
    if isinstance(exc, apsw.SQLError) and isinstance(exc.__context__, apsw.Error):
        # A full disk ends the transaction by itself; rolling it back then fails too, and would hide why.
        exc = exc.__context__
    system = _system_errno(connection)
    match exc:
        case apsw.FullError():
            return _full(path)
        case apsw.IOError() if system in NO_SPACE:
            return _full(path)
        case apsw.NotADBError() | apsw.FormatError():
            return StorageCorruptError(
                f"{path} is not an SQLite database, or its first page is overwritten: check that the path "
                "is the log's, otherwise restore the file from its last copy"
            )
        case apsw.CorruptError():
            return StorageCorruptError(
                f"{path} has a damaged page ({exc}): stop, keep a copy of the file and of {path.name}-wal "
                "beside it, check the disk, restore the last copy and compare its checkpoint with those "
                "that you published"
            )
        case apsw.BusyError() | apsw.LockedError():
            return StorageLockedError(
                f"{path} is held by another program (an SQLite shell, a backup?): end it and start again"
            )
        case apsw.ReadOnlyError():
            return StorageError(
                f"{path} cannot be written: give this user write permission on the file and on its directory "
                f"({path.parent}), and check that the file system is not mounted read-only"
            )
        case apsw.CantOpenError():
            return StorageError(
                f"{path} cannot be opened{_because(system)}: check that its directory exists and that "
                "this user may read and write both"
            )
        case apsw.IOError():
            return StorageError(
                f"the disk failed under {path}{_because(system)}: look at the system's log, check the "
                "disk, then start again; what was answered is on it"
            )
        case _:
            return StorageError(f"{path}: {exc}")


@contextmanager
def explained(path: Path, connection: apsw.Connection | None = None) -> Iterator[None]:
    """Turn what SQLite raises inside into our errors."""
    try:
        yield
    except apsw.Error as exc:
        raise explain(exc, path, connection) from exc


def _full(path: Path) -> StorageFullError:
    return StorageFullError(
        f"no space left for {path}: make room on its disk (or raise the quota or the file size limit), "
        "then start again; nothing was answered that is not recorded"
    )


def _because(system: int) -> str:
    return f" ({errno.errorcode.get(system, system)})" if system else ""


def _system_errno(connection: apsw.Connection | None) -> int:
    """The errno behind the newest failure, 0 when it is not known any more."""
    if connection is None:
        return 0
    try:
        return connection.system_errno
    except apsw.Error:
        return 0
