"""The log in one SQLite file: the ledger's ``LogStore``, kept by its five promises as follows.

1. Atomic: a group is one INSERT, and so one transaction (``sql/log.sql``, view ``groups``).
2. Durable: WAL with ``synchronous=FULL`` syncs the write-ahead log before the statement returns.
3. In order: that INSERT fails as ``fenced`` unless the head has the group's ``first`` as its size and its
   epoch.
4. Append-only: triggers refuse every change of entries and tiles, by whatever program writes.
5. Once failed, stop: a store whose commit failed refuses every later one.

One process at a time: a lock file beside the database (``lockfile``). Commits happen on one connection,
reads on others (``connection.ReadPool``), the WAL is moved into the database by a third (``checkpointer``),
so none of them waits for another. ``SqliteLogReader`` is for auditors: it takes no lock and cannot write.

Not here: hashing, signing, the meaning of an entry, the query index (``index``).
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import apsw
import msgspec

from stepwarden.errors import (
    FencedError,
    StorageCorruptError,
    StorageError,
    StorageTooOldError,
)
from stepwarden.ledger.store import Group, Head, Submission
from stepwarden.storage.sqlite.bundles import pack_entries, pack_openings, unpack_entries, unpack_openings
from stepwarden.storage.sqlite.checkpointer import Checkpointer
from stepwarden.storage.sqlite.connection import ReadPool, connect, create_file, keep_wal, sync_directory
from stepwarden.storage.sqlite.faults import explain, explained
from stepwarden.storage.sqlite.lockfile import LockFile
from stepwarden.storage.sqlite.statements import statement

APPLICATION_ID = 0x5354_574C
"""``STWL`` in the file's header: what ``file`` and we recognise a log by."""

SCHEMA = 1
CHUNK_BYTES = 4_000_000
"""How much a reader fetches in one turn."""

SIDE_ROWS = 1_000
CHECKPOINT_SECONDS = 1.0
_json = msgspec.json.Encoder().encode


class SqliteLogReader:
    """Reads a log, beside its writer if there is one. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            StorageCorruptError, StorageTooOldError, StorageError: it is not a log that this version reads.
        """
        self._path = path
        self._pool = ReadPool(path)
        with self._pool.use() as connection:
            if not _is_log(connection, path):
                raise StorageError(f"{path} holds no log: check the path")

    def load(self) -> Head | None:
        with self._pool.use() as connection:
            row = connection.execute(statement("load")).fetchone()
        if row is None:
            return None
        size, root, checkpoint, epoch = row
        return Head(size=size, root=root, checkpoint=checkpoint, epoch=epoch)

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        while first < stop:
            blocks = self._blocks("blocks_from", first, stop)
            for start, count, data in blocks:
                yield from unpack_entries(data or b"", count)[max(first - start, 0) : stop - start]
                first = start + count
            if not blocks:
                return

    def openings(self, first: int, stop: int) -> Iterator[bytes]:
        while first < stop:
            blocks = self._blocks("openings_from", first, stop)
            for start, count, data in blocks:
                found = [b""] * count if data is None else unpack_openings(data, count)
                yield from found[max(first - start, 0) : stop - start]
                first = start + count
            if not blocks:
                return

    def tile(self, level: int, index: int) -> bytes | None:
        with self._pool.use() as connection:
            row = connection.execute(statement("tile"), (level, index)).fetchone()
        return None if row is None else bytes(row[0])

    def side(self, space: str, key: bytes) -> bytes | None:
        with self._pool.use() as connection:
            row = connection.execute(statement("side"), (space, key)).fetchone()
        return None if row is None else bytes(row[0])

    def side_items(self, space: str) -> Iterator[tuple[bytes, bytes]]:
        last: bytes | None = None
        while True:
            with self._pool.use() as connection:
                rows: list[tuple[bytes, bytes]] = connection.execute(  # type: ignore[assignment]
                    statement("side_from"), (space, last, SIDE_ROWS)
                ).fetchall()  # the schema is STRICT: both are blobs
            yield from rows
            if len(rows) < SIDE_ROWS:
                return
            last = rows[-1][0]

    def close(self) -> None:
        self._pool.close()

    def _blocks(self, name: str, first: int, stop: int) -> list[tuple[int, int, bytes | None]]:
        """The blocks from the one that holds ``first`` on, some megabytes of them, without a gap."""
        rows: list[tuple[int, int, bytes | None]] = []
        fetched = 0
        with self._pool.use() as connection:
            cursor = connection.cursor()
            try:
                for start, count, data in cursor.execute(statement(name), (first, stop)):
                    if start != (rows[-1][0] + rows[-1][1] if rows else min(start, first)):
                        raise StorageCorruptError(
                            f"{self._path} lacks entries before {start}: restore the file from its last copy"
                        )
                    if start + count > first:
                        rows.append((start, count, data))
                    fetched += len(data or b"") + count
                    if fetched > CHUNK_BYTES:
                        break
            finally:
                cursor.close()
        return rows


class SqliteLogStore(SqliteLogReader):
    """The one writer of a log. ``open`` makes one, ``close`` lets the file go."""

    def __init__(
        self, path: Path, lock: LockFile, connection: apsw.Connection, checkpoint_seconds: float
    ) -> None:
        super().__init__(path)
        self._lock_file = lock
        self._connection = connection
        self._committing = threading.Lock()
        self._failed: StorageError | None = None
        self._closed = False
        self._checkpointer = Checkpointer(path, self._committing, seconds=checkpoint_seconds)

    @classmethod
    def open(cls, path: Path, *, checkpoint_seconds: float = CHECKPOINT_SECONDS) -> Self:
        """Open the log for writing; make it if there is none.

        Args:
            checkpoint_seconds: how often the write-ahead log is moved into the database.

        Raises:
            StorageLockedError: another process writes it.
            StorageTooOldError, StorageCorruptError, StorageFullError, StorageError: see ``faults``.
        """
        lock = LockFile.take(path.with_name(path.name + ".lock"), path)
        try:
            create_file(path)
            connection = connect(path, write=True)
            try:
                _prepare(connection, path)
                return cls(path, lock, connection, checkpoint_seconds)
            except BaseException:
                connection.close(True)
                raise
        except BaseException:
            lock.release()
            raise

    @property
    def checkpoint_failure(self) -> StorageError | None:
        """Why the write-ahead log could not be moved into the database last time; None when it could."""
        return self._checkpointer.failure

    def take_over(self) -> int:
        with self._committing, explained(self._path, self._connection):
            return int(self._connection.execute(statement("take_over")).get)

    def commit(self, group: Group) -> None:
        values = _values(group)
        with self._committing:
            if self._failed is not None:
                raise self._failed
            try:
                self._connection.execute(statement("commit"), values)
            except apsw.Error as exc:
                self._failed = self._explain(exc, group)
                raise self._failed from exc

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            with explained(self._path):
                self._checkpointer.close()
                super().close()
                # The last connection to go moves the rest of the write-ahead log and removes it. Where that
                # fails the entries are safe all the same: the next start reads them from there.
                with self._committing:
                    self._connection.close()
        finally:
            self._lock_file.release()

    def _explain(self, exc: apsw.Error, group: Group) -> StorageError:
        if isinstance(exc, apsw.ConstraintError) and str(exc) == "fenced":
            return FencedError(
                f"{self._path} was taken over by another writer, or does not end at entry {group.first}: "
                "this one stops; start it again to go on from where the log is now"
            )
        return explain(exc, self._path, self._connection)


def _values(group: Group) -> tuple[object, ...]:
    """The bindings of ``sql/commit.sql``."""
    head = group.head
    leaves = [leaf for leaf, _, _ in group.submissions]
    openings = [opening for _, opening, _ in group.submissions]
    kept, dropped = _side(group.submissions)
    return (
        group.first,
        len(leaves),
        pack_entries(leaves),
        pack_openings(openings) if any(openings) else None,
        _json([(level, index) for level, index, _ in group.tiles]).decode() if group.tiles else None,
        b"".join([hashes for _, _, hashes in group.tiles]) if group.tiles else None,
        kept,
        dropped,
        head.epoch,
        head.root,
        head.checkpoint,
    )


def _side(submissions: Sequence[Submission]) -> tuple[str | None, str | None]:
    """What the group leaves in the side rows, and what it removes; the last write of a key wins."""
    last = {(space, key): value for _, _, side in submissions if side for space, key, value in side}
    kept = [(space, key.hex(), value.hex()) for (space, key), value in last.items() if value is not None]
    dropped = [(space, key.hex()) for (space, key), value in last.items() if value is None]
    return _json(kept).decode() if kept else None, _json(dropped).decode() if dropped else None


def _is_log(connection: apsw.Connection, path: Path) -> bool:
    """Whether the file holds a log of this version; False for an empty file.

    Raises:
        StorageTooOldError: a newer version's.
        StorageError: another program's file.
    """
    application = connection.pragma("application_id")
    version = connection.pragma("user_version")
    if application == APPLICATION_ID and version == SCHEMA:
        return True
    if application == APPLICATION_ID:
        raise StorageTooOldError(
            f"{path} has schema {version}; this version reads {SCHEMA}: start the newer version that wrote it"
        )
    if application or version or connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
        raise StorageError(f"{path} is a database of another program: check the path")
    return False


def _prepare(connection: apsw.Connection, path: Path) -> None:
    with explained(path, connection):
        known = _is_log(connection, path)
        keep_wal(connection, path)
        if known:
            return
        with connection:
            connection.execute(statement("log"))
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", SCHEMA)
    sync_directory(path.parent)
