"""The query index: which entries are about this actor, from this address, refused, since then.

A projection of the log in a file of its own. It is filled behind the log, in batches, and is never asked when
something is decided. It may be deleted at any time: ``extend`` makes it again from the entries. What is
in it is durable some time later; after a crash it is a little shorter, never wrong.

    index = EntryIndex.open(folder / "index.db", log="log.example/audit", size=head.size)
    index.extend(row_of(place, leaf) for place, leaf in ...)       # from index.size on
    projector = Projector(index, durable=lambda: sequencer.head.size)
    projector.offer(row)                                           # for each entry, in order
    index.find(EntryFilter(actor=token), after=-1, limit=100)

After an erasure ``forget`` takes the person's token out of every row. Their entries' leaves keep the token, so whoever
makes the index again has to ask for it again.

A damaged index is put aside as ``index.db.damaged`` and begun again; so is one of another log, or one that is
ahead of its log (the log was restored from a copy). Not here: entries themselves, and what a row is made
from.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Self

import apsw
import msgspec

from stepwarden.errors import StorageCorruptError, StorageError
from stepwarden.events.index import EntryFilter, IndexRow
from stepwarden.storage.sqlite.connection import ReadPool, connect, create_file, keep_wal, transaction
from stepwarden.storage.sqlite.faults import explained
from stepwarden.storage.sqlite.statements import statement
from stepwarden.storage.sqlite.traces import Traces

APPLICATION_ID = 0x5354_5749
"""``STWI`` in the file's header."""

SCHEMA = 1
BATCH = 1_000
"""Rows of one insert: encoding them holds the interpreter for about half a millisecond."""

MAX_WAITING = 200_000
"""Rows that may wait for the index before it is given up until the next start."""

_encode = msgspec.json.Encoder().encode
PART_BITS = 13
"""As in ``sql/index.sql``."""

_PARTS = "INSERT OR IGNORE INTO parts SELECT value FROM json_each(?)"
_PRUNE = "DELETE FROM entries WHERE idx IN (SELECT idx FROM entries WHERE idx < ? LIMIT ?)"
PRUNED_AT_ONCE = 2_000
_TOKENS = ("session", "actor", "address")
"""What is searched part by part; the first that is given leads, as the one with the fewest entries."""

_EQUAL = ("kind", "actor", "address", "action", "outcome", "decision", "session", "previous")


class EntryIndex:
    """The index of one log. ``add`` and ``extend`` from one thread at a time, the rest from any."""

    def __init__(self, path: Path, connection: apsw.Connection, size: int) -> None:
        self.size = size
        """How many entries it holds: the index of the next row."""
        self._path = path
        self._connection = connection
        self._writing = threading.Lock()
        self._traces = Traces(path)
        self._pool = ReadPool(path)

    @classmethod
    def open(cls, path: Path, *, log: str, size: int) -> Self:
        """Open the index, or begin it.

        Args:
            log: the log's origin.
            size: how many entries the log has.

        Raises:
            StorageError: the file cannot be written, or is another program's.
        """
        try:
            connection, known = _open(path, log, size)
        except StorageCorruptError:
            _put_aside(path)
            connection, known = _open(path, log, size)
        return cls(path, connection, known)

    def add(self, rows: Sequence[IndexRow]) -> None:
        """Add the rows of the next entries, all or none.

        Raises:
            ValueError: they are not the next.
            StorageError: see ``faults``.
        """
        if not rows:
            return
        if rows[0].idx != self.size or rows[-1].idx != self.size + len(rows) - 1:
            raise ValueError(f"rows {rows[0].idx} to {rows[-1].idx} do not follow {self.size} entries")
        data = _encode(rows).decode()
        parts = _encode([*range(rows[0].idx >> PART_BITS, (rows[-1].idx >> PART_BITS) + 1)]).decode()
        with self._changing():
            self._connection.execute(statement("index_add"), (data,))
            self._connection.execute(_PARTS, (parts,))
            self._connection.execute("UPDATE progress SET size = ?", (self.size + len(rows),))
        self.size += len(rows)

    def extend(self, rows: Iterable[IndexRow]) -> None:
        """Add many rows, from entry ``size`` on, in batches. Memory does not grow with their number."""
        source = iter(rows)
        while batch := list(islice(source, BATCH)):
            self.add(batch)

    def clear(self) -> None:
        """Forget everything: ``extend`` from entry 0 makes it again."""
        with self._changing():
            self._connection.execute("DELETE FROM entries; DELETE FROM parts; UPDATE progress SET size = 0")
        self.size = 0

    def prune(self, floor: int) -> None:
        """Forget the entries before ``floor``, in steps between which ``add`` may be called; the index begins there.

        Raises:
            StorageError: see ``faults``.
        """
        deleted = True
        while deleted:
            with self._changing():
                self._connection.execute(_PRUNE, (floor, PRUNED_AT_ONCE))
                deleted = self._connection.changes() > 0
        with self._changing():
            self._connection.execute("DELETE FROM parts WHERE part < ?", (floor >> PART_BITS,))
            self._connection.execute("UPDATE progress SET size = max(size, ?)", (floor,))
        self.size = max(self.size, floor)

    def forget(self, actor: str) -> int:
        """Take the token out of every row that is indexed by now, and its bytes out of the files; the rows stay.

        Returns:
            The number of rows.

        Raises:
            StorageLockedError: somebody has been reading for too long; it may be done again.
            StorageError: see ``faults``.
        """
        with self._disposable():
            with self._changing():
                self._connection.execute(statement("index_forget"), (actor,))
                count = self._connection.changes()
            with self._writing, explained(self._path, self._connection):
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                # SQLite overwrites what it deletes, but not the copies that splitting a page may have left.
                if self._traces.find(actor.encode()):
                    self._connection.execute("VACUUM")
                    self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            _damaged(self._path).unlink(missing_ok=True)
        return count

    def find(self, wanted: EntryFilter, *, after: int, limit: int, newest_first: bool = False) -> list[int]:
        """The indices of entries that match, in their order, at most ``limit``.

        Args:
            after: only entries after this one (before it, with ``newest_first``); -1 begins at the end
                that comes first.
        """
        sql, values = _query(wanted, after, limit, newest_first)
        with self._disposable(), self._pool.use() as connection:
            return [int(row[0]) for row in connection.execute(sql, values)]

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One transaction; other threads' wait for it, or they would be parts of it."""
        with (
            self._writing,
            self._disposable(),
            explained(self._path, self._connection),
            transaction(self._connection),
        ):
            yield

    @contextmanager
    def _disposable(self) -> Iterator[None]:
        """A damaged index needs no rescue: say so."""
        try:
            yield
        except StorageCorruptError as exc:
            raise StorageCorruptError(
                f"the query index {self._path} is damaged, the log is not: stop, delete it, start again; it is made "
                "again from the log"
            ) from exc

    def close(self) -> None:
        """Release the file. Twice is no error."""
        self._pool.close()
        try:
            with explained(self._path):
                self._connection.close()
        finally:
            self._traces.close()


class Projector:
    """Fills the index behind the log, in a thread of its own. A failing index never stops the log."""

    def __init__(self, index: EntryIndex, *, durable: Callable[[], int], seconds: float = 0.2) -> None:
        """Start.

        Args:
            durable: how many entries of the log are committed; only those are indexed.
            seconds: how far behind the log the index may be.
        """
        self.failure: StorageError | None = None
        """Why the index is not filled any more; None while it is. It is made up for at the next start."""
        self._index = index
        self._durable = durable
        self._seconds = seconds
        self._waiting: deque[IndexRow] = deque()
        self._wake = threading.Event()
        self._turn = threading.Condition()
        self._turns = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)
        self._thread.start()

    def offer(self, row: IndexRow) -> None:
        """Hand over the next entry's row, in order, as soon as it is submitted. Never waits."""
        if self.failure is None:
            self._waiting.append(row)

    def flush(self) -> None:
        """Wait until what was offered, and is durable by now, can be found. Not on the event loop."""
        with self._turn:
            # The running round may have looked before the newest offer: the one after it has not.
            wanted = self._turns + 2
            while self._turns < wanted and self._thread.is_alive():
                self._wake.set()
                self._turn.wait(0.05)

    def close(self) -> None:
        """Index what is durable, then stop. Twice is no error."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while self.failure is None:
            self._wake.wait(self._seconds)
            self._wake.clear()
            closing = self._closing
            try:
                self._round()
            except StorageError as exc:
                self.failure = exc
                self._waiting.clear()
            with self._turn:
                self._turns += 1
                self._turn.notify_all()
            if closing:
                return

    def _round(self) -> None:
        if len(self._waiting) > MAX_WAITING:
            raise StorageError("the query index cannot keep up: the next start completes it")
        durable = self._durable()
        waiting = self._waiting
        while waiting and waiting[0].idx < durable:
            batch: list[IndexRow] = []
            while waiting and waiting[0].idx < durable and len(batch) < BATCH:
                batch.append(waiting.popleft())
            self._index.add(batch)


def _query(
    wanted: EntryFilter, after: int, limit: int, newest_first: bool
) -> tuple[str, tuple[str | int, ...]]:
    """The SELECT for a filter: fixed pieces only, every value is bound."""
    terms: list[str] = []
    values: list[str | int] = []
    for name in _EQUAL:
        value = getattr(wanted, name)
        if value not in ("", None):
            terms.append(f"{name} = ?")
            values.append(value)
    # A plus keeps SQLite from sorting a wide range of times when walking the entries in order is cheaper.
    window = wanted.since is not None and wanted.until is not None and not terms
    time = "time" if window else "+time"
    if wanted.since is not None:
        terms.append(f"{time} >= ?")
        values.append(wanted.since)
    if wanted.until is not None:
        terms.append(f"{time} < ?")
        values.append(wanted.until)
    direction, compare = ("DESC", "<") if newest_first else ("ASC", ">")
    leading = next((name for name in _TOKENS if getattr(wanted, name)), None)
    if after >= 0:
        terms.append(f"idx {compare} ?")
        values.append(after)
        if leading is not None:
            terms.append(f"part {compare}= ?")
            values.append(after >> PART_BITS)
    source, order = "entries", f"idx {direction}"
    if leading is not None:
        source = f"parts CROSS JOIN entries INDEXED BY entries_by_{leading} USING (part)"
        order = f"part {direction}, idx {direction}"
    where = " AND ".join(terms) or "true"
    values.append(limit)
    return f"SELECT idx FROM {source} WHERE {where} ORDER BY {order} LIMIT ?", tuple(values)  # noqa: S608


def _open(path: Path, log: str, size: int) -> tuple[apsw.Connection, int]:
    """A connection to an index of this log, begun again where it is of no use, and how far it goes."""
    create_file(path)
    connection = connect(path, write=True)
    try:
        with explained(path, connection):
            # Losing the newest rows in a crash is no loss, so no commit waits for the disk here.
            connection.pragma("synchronous", "NORMAL")
            connection.wal_autocheckpoint(1_000)
            return connection, _prepare(connection, path, log, size)
    except BaseException:
        connection.close(True)
        raise


def _prepare(connection: apsw.Connection, path: Path, log: str, size: int) -> int:
    application = connection.pragma("application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if application == 0 and tables == 0:
        keep_wal(connection, path)
        with connection:
            connection.execute(statement("index"))
            connection.execute("INSERT INTO progress VALUES (1, ?, 0)", (log,))
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", SCHEMA)
        return 0
    if application != APPLICATION_ID:
        raise StorageError(f"{path} is a database of another program: check the path")
    if connection.pragma("user_version") != SCHEMA:
        raise StorageCorruptError(f"{path} is another version's index")
    found = connection.execute("SELECT log, size FROM progress").get
    if found is None or found[0] != log or found[1] > size:
        raise StorageCorruptError(f"{path} is not an index of this log")
    return int(found[1])


def _put_aside(path: Path) -> None:
    path.replace(_damaged(path))
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _damaged(path: Path) -> Path:
    return path.with_name(path.name + ".damaged")
