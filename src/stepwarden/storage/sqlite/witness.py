"""A witness's memory in one SQLite file: the ledger's ``WitnessStore``.

1. Durable: WAL with ``synchronous=FULL`` syncs before ``advance`` returns True.
2. One winner: ``advance`` reads and writes in one ``BEGIN IMMEDIATE`` transaction, and writes only where
   (origin, size, root) are what the caller compared with. That holds between threads and between processes,
   so the file takes no lock of its own: ``witness add-log`` works beside ``witness serve``.
3. Append-only: triggers refuse a row that goes, goes back, or gets another root for its size.
4. Once failed, stop: after an error of a write the state is unknown, and this store refuses everything.

Not here: whether a checkpoint may be signed (``ledger.witness``), and keys.
"""

import threading
from pathlib import Path
from typing import Self

import apsw

from stepwarden.errors import StorageError, StorageTooOldError
from stepwarden.ledger.witness import Seen, origin_hash
from stepwarden.storage.sqlite.connection import ReadPool, connect, create_file, keep_wal, sync_directory
from stepwarden.storage.sqlite.faults import explain, explained
from stepwarden.storage.sqlite.statements import statement

APPLICATION_ID = 0x5354_5753
"""``STWS`` in the file's header."""

SCHEMA = 1
WAL_PAGES = 256
"""Pages in the write-ahead log after which a write moves them into the file. A witness writes a row at a time."""

_BY_ORIGIN = "SELECT size, root, note FROM seen WHERE origin = ?"
_BY_DIGEST = "SELECT size, root, note FROM seen WHERE digest = ?"
_FORWARD = "UPDATE seen SET size = ?, root = ?, note = ? WHERE origin = ? AND size = ? AND root = ?"
_FIRST = "INSERT INTO seen (origin, digest, size, root, note) VALUES (?, ?, ?, ?, ?)"


class SqliteWitnessStore:
    """``open`` makes one, ``close`` lets the file go. Safe to use from any thread."""

    def __init__(self, path: Path, connection: apsw.Connection) -> None:
        self._path = path
        self._connection = connection
        self._writing = threading.Lock()
        self._pool = ReadPool(path)
        self.failed: StorageError | None = None
        """Why nothing is signed any more; None while it is."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the memory; make it if there is none.

        Raises:
            StorageTooOldError, StorageCorruptError, StorageFullError, StorageError: see ``faults``.
        """
        create_file(path)
        connection = connect(path, write=True)
        try:
            connection.wal_autocheckpoint(WAL_PAGES)
            with explained(path, connection):
                _prepare(connection, path)
            return cls(path, connection)
        except BaseException:
            connection.close(True)
            raise

    def latest(self, origin: str) -> Seen | None:
        return self._seen(_BY_ORIGIN, origin)

    def latest_by_hash(self, digest: str) -> Seen | None:
        return self._seen(_BY_DIGEST, digest)

    def _seen(self, sql: str, key: str) -> Seen | None:
        if self.failed is not None:
            raise self.failed
        with self._pool.use() as connection:
            row = connection.execute(sql, (key,)).fetchone()
        return None if row is None else Seen(size=row[0], root=row[1], note=row[2])

    def advance(self, origin: str, before: Seen | None, seen: Seen) -> bool:
        with self._writing:
            if self.failed is not None:
                raise self.failed
            try:
                with _Immediate(self._connection):
                    return self._advance(origin, before, seen)
            except apsw.BusyError as exc:
                # Another process held the file all the time: nothing was begun, so nothing is unknown.
                raise explain(exc, self._path, self._connection) from exc
            except apsw.Error as exc:
                self.failed = explain(exc, self._path, self._connection)
                raise self.failed from exc

    def _advance(self, origin: str, before: Seen | None, seen: Seen) -> bool:
        if before is not None:
            values = (seen.size, seen.root, seen.note, origin, before.size, before.root)
            self._connection.execute(_FORWARD, values)
            return self._connection.changes() == 1
        if self._connection.execute(_BY_ORIGIN, (origin,)).fetchone() is not None:
            return False
        self._connection.execute(_FIRST, (origin, origin_hash(origin), seen.size, seen.root, seen.note))
        return True

    def keys(self, origin: str) -> list[str]:
        """The public keys (vkey texts) of a log; none for one that is not followed."""
        with self._pool.use() as connection:
            rows = connection.execute("SELECT vkey FROM followed WHERE origin = ? ORDER BY vkey", (origin,))
            return [str(row[0]) for row in rows]

    def follow(self, origin: str, vkey: str) -> bool:
        """Follow a log; False if it was followed with this key already."""
        with self._writing, explained(self._path, self._connection), _Immediate(self._connection):
            known = "SELECT 1 FROM followed WHERE vkey = ?"
            if self._connection.execute(known, (vkey,)).fetchone() is not None:
                return False
            self._connection.execute("INSERT INTO followed (vkey, origin) VALUES (?, ?)", (vkey, origin))
            return True

    def unfollow(self, vkey: str) -> bool:
        """Believe this key no more; False if it was not followed. What was signed for its log stays known."""
        with self._writing, explained(self._path, self._connection), _Immediate(self._connection):
            self._connection.execute("DELETE FROM followed WHERE vkey = ?", (vkey,))
            return self._connection.changes() == 1

    def logs(self) -> list[tuple[str, str, int | None]]:
        """Every key of every followed log: origin, vkey, and the size signed so far (None: never)."""
        sql = (
            "SELECT followed.origin, vkey, size FROM followed LEFT JOIN seen USING (origin) "
            "ORDER BY followed.origin, vkey"
        )
        with self._pool.use() as connection:
            return [(str(row[0]), str(row[1]), row[2]) for row in connection.execute(sql)]

    def close(self) -> None:
        """Release the file. Twice is no error."""
        self._pool.close()
        with self._writing, explained(self._path):
            self._connection.close()


class _Immediate:
    """A transaction that holds the file from its beginning, so that what it reads stays true while it writes."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, exc: object, trace: object) -> None:
        if kind is None:
            self._connection.execute("COMMIT")
        elif not self._connection.get_autocommit():
            self._connection.execute("ROLLBACK")


def _prepare(connection: apsw.Connection, path: Path) -> None:
    """Make an empty file ours.

    Raises:
        StorageTooOldError: a newer version's.
        StorageError: another program's file.
    """
    application = connection.pragma("application_id")
    version = connection.pragma("user_version")
    if application == APPLICATION_ID and version != SCHEMA:
        raise StorageTooOldError(
            f"{path} has schema {version}; this version reads {SCHEMA}: start the newer version that wrote it"
        )
    if application != APPLICATION_ID and (
        application or version or connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    ):
        raise StorageError(f"{path} is a database of another program: check the path")
    keep_wal(connection, path)
    if application == APPLICATION_ID:
        return
    with _Immediate(connection):
        # Two processes may come at once: the second finds it made.
        if connection.pragma("application_id") != APPLICATION_ID:
            connection.execute(statement("witness"))
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", SCHEMA)
    sync_directory(path.parent)
