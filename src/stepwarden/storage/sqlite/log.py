"""The log in one SQLite file: the ledger's ``LogStore``, kept by its five promises as follows.

1. Atomic: a group is one INSERT, and so one transaction (``sql/guards.sql``, view ``groups``).
2. Durable: WAL with ``synchronous=FULL`` syncs the write-ahead log before the statement returns.
3. In order: that INSERT fails as ``fenced`` unless the head has the group's ``first`` as its size and its
   epoch.
4. Append-only: triggers refuse every change of entries and tiles, by whatever program writes, and every deletion but
   that of blocks before the floor.
5. Once failed, stop: a store that failed to write refuses every later write.

One process at a time: a lock file beside the database (``lockfile``). Commits happen on one connection,
reads on others (``reader``, ``connection.ReadPool``), the WAL is moved into the database by a third
(``checkpointer``), so none of them waits for another. Erasing and pruning share the connection with the commits, in
steps of some milliseconds with a pause after each, so that a commit waits for one step at most (``upkeep``).

Not here: hashing, signing, the meaning of an entry, the query index (``index``).
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import apsw
import msgspec

from stepwarden.errors import FencedError, StorageError
from stepwarden.ledger.store import Group, Submission, check_floor
from stepwarden.storage.bundles import pack_entries, pack_openings
from stepwarden.storage.sqlite import upkeep
from stepwarden.storage.sqlite.checkpointer import Checkpointer
from stepwarden.storage.sqlite.connection import connect, create_file, transaction
from stepwarden.storage.sqlite.faults import explain, explained
from stepwarden.storage.sqlite.lockfile import LockFile
from stepwarden.storage.sqlite.reader import SqliteLogReader
from stepwarden.storage.sqlite.schema import prepare
from stepwarden.storage.sqlite.statements import statement

__all__ = ["SqliteLogReader", "SqliteLogStore"]

CHECKPOINT_SECONDS = 1.0
_json = msgspec.json.Encoder().encode


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
                prepare(connection, path)
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

    def erase_openings(self, indices: Sequence[int]) -> int:
        left, erased = sorted(set(indices)), 0
        while left:
            with self._writing():
                done, found = upkeep.erase(self._connection, left)
            left, erased = left[done:], erased + found
        return erased

    def prune(self, floor: int) -> int:
        head = self.load()
        check_floor(floor, head.size if head else 0)
        self._checkpointer.attempt()
        before = self._path.stat().st_size
        with self._writing():
            self._connection.execute("UPDATE head SET floor = ?1 WHERE floor < ?1", (floor,))
        floor = self.floor()
        self._repeat(lambda: upkeep.prune(self._connection, floor))
        # A block that reaches over the floor stays; what is personal about its first entries does not.
        block = upkeep.block_of(self._connection, floor)
        if block is not None:
            self.erase_openings(range(block[0], floor))
        self._repeat(lambda: upkeep.give_back(self._connection))
        self._checkpointer.attempt()
        return max(before - self._path.stat().st_size, 0)

    def scrub(self) -> None:
        with self._writing():
            upkeep.tidy(self._connection)
        self._checkpointer.empty()

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

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One step of upkeep: a transaction, between two commits."""
        with self._committing:
            start = time.monotonic()
            if self._failed is not None:
                raise self._failed
            try:
                with transaction(self._connection):
                    yield
            except apsw.Error as exc:
                self._failed = explain(exc, self._path, self._connection)
                raise self._failed from exc
        # A lock knows no queue: who waits to commit gets it in this pause.
        time.sleep(time.monotonic() - start)

    def _repeat(self, step: Callable[[], bool]) -> None:
        more = True
        while more:
            with self._writing():
                more = step()

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
