"""Connections to one SQLite file, each set up alike, and a pool of those that only read.

A library older than 3.51.3 is refused: until then a checkpoint on one connection while another writes could
damage the database (the "WAL-reset" fault), and a background checkpoint is what we do.

Readers take a connection out of the pool for one short statement and put it back: a long read would keep the
write-ahead log from starting again. The pool is safe to use from any thread.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from stepwarden.errors import StorageError, StorageTooOldError
from stepwarden.ledger.durable import sync_folder
from stepwarden.storage.sqlite.faults import explain, explained

OLDEST = (3, 51, 3)
BUSY_MS = 5_000
"""How long a statement waits for another program's lock before it gives up."""


def require_sound_library(version: str) -> None:
    """Refuse an SQLite library that is known to damage files.

    Raises:
        StorageTooOldError: older than 3.51.3.
    """
    if tuple(int(part) for part in version.split(".")[:3]) < OLDEST:
        raise StorageTooOldError(
            f"SQLite {version} can damage a log that is checkpointed while it is written: install apsw "
            "3.51.3 or newer, which brings its own SQLite"
        )


def connect(path: Path, *, write: bool) -> apsw.Connection:
    """Open the file, which must exist.

    Raises:
        StorageTooOldError, StorageCorruptError, StorageError: see ``faults``.
    """
    require_sound_library(apsw.sqlite_lib_version())
    flags = apsw.SQLITE_OPEN_READWRITE if write else apsw.SQLITE_OPEN_READONLY
    with explained(path):
        connection = apsw.Connection(str(path), flags=flags)
    try:
        connection.set_busy_timeout(BUSY_MS)
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        connection.pragma("cell_size_check", True)
        connection.pragma("recursive_triggers", True)
        if write:
            connection.wal_autocheckpoint(0)
            connection.pragma("synchronous", "FULL")
            # What is deleted is overwritten, and nothing is copied to another file on the way.
            connection.pragma("secure_delete", True)
            connection.pragma("temp_store", "MEMORY")
    except apsw.Error as exc:
        error = explain(exc, path, connection)
        connection.close(True)
        raise error from exc
    return connection


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """All of it or nothing. Unlike apsw's own ``with connection``, which keeps the interpreter to itself until the disk
    has synced, this one lets the other threads go on meanwhile.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def keep_wal(connection: apsw.Connection, path: Path) -> None:
    """Switch the file to a write-ahead log. Only for a file that is known to be ours.

    Raises:
        StorageError: the file system does not carry one (no shared memory, as on some network mounts).
    """
    if connection.pragma("journal_mode", "WAL") != "wal":
        raise StorageError(f"{path} is on a file system without shared memory: put it on a local disk")


def create_file(path: Path) -> None:
    """Make an empty file that only its owner may read, if there is none; SQLite's own files follow its mode.

    Raises:
        StorageError: it cannot be made.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as exc:
        raise StorageError(
            f"{path} cannot be opened for writing ({exc.strerror}): check that {path.parent} is a "
            "directory and that this user may read and write both"
        ) from exc


def sync_directory(path: Path) -> None:
    """Make a new file's name durable.

    Raises:
        StorageError: it cannot be.
    """
    try:
        sync_folder(path)
    except OSError as exc:
        raise StorageError(f"the directory {path} cannot be synced ({exc.strerror}): check the disk") from exc


class ReadPool:
    """Read-only connections, as many as are in use at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[apsw.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def use(self) -> Iterator[apsw.Connection]:
        """A connection for the length of a ``with``; what SQLite raises in it becomes our error.

        Raises:
            StorageError: the pool is closed; and see ``faults``.
        """
        with self._lock:
            if self._closed:
                raise StorageError(f"{self._path} is closed")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = connect(self._path, write=False)
        try:
            with explained(self._path, connection):
                yield connection
        finally:
            with self._lock:
                if self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)

    def close(self) -> None:
        """Close what is idle now, and the rest when it comes back."""
        with self._lock:
            self._closed = True
            for connection in self._idle:
                connection.close()
            self._idle.clear()
