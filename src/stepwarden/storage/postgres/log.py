"""The log in PostgreSQL: the ledger's ``LogStore``, kept by its five promises as follows.

1. Atomic: a group is one call of ``commit_group``, and so one transaction (``sql/log.sql``).
2. Durable: ``synchronous_commit`` is on for the writer's session, whatever the server's default is.
3. In order: the call fails as ``fenced`` unless the head has the group's ``first`` as its size and its epoch.
4. Append-only: triggers refuse every change of entries and tiles, TRUNCATE and replication roles included.
5. Once failed, stop: a store whose commit failed refuses every later one.

One writer at a time: a session holds an advisory lock on the schema, and goes without it as soon as its connection
is gone; what a stalled former writer still sends is stopped by the epoch in the head (a lock alone would not do).
Several nodes may so stand by for each other: the next one to start takes over.

Needs the extra ``postgres`` (asyncpg). Not here: hashing, signing, the query index (a file beside each node).
"""

import threading
from collections.abc import Sequence
from hashlib import blake2b
from importlib.resources import files
from typing import Self

import asyncpg

from stepwarden.errors import StorageError, StorageLockedError, StorageTooOldError
from stepwarden.ledger.store import Group, Submission, check_floor
from stepwarden.storage.bundles import erased_openings, pack_entries, pack_openings
from stepwarden.storage.postgres.bridge import SECONDS, Bridge
from stepwarden.storage.postgres.reader import (
    CONNECT_SECONDS,
    VERSION,
    PostgresLogReader,
    check_schema,
    check_url,
    is_log,
    terminate,
)

OLDEST = 14
"""The oldest major version of PostgreSQL whose features are used; tested with 18."""

PRUNE_AT_ONCE = 256
_COMMIT = "SELECT commit_group($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)"


class PostgresLogStore(PostgresLogReader):
    """The one writer of a log. ``open`` makes one, ``close`` lets the log go."""

    def __init__(self, url: str, schema: str, bridge: Bridge, writer: asyncpg.Connection) -> None:
        super().__init__(url, schema=schema)
        self._writing = bridge
        self._writer = writer
        self._committing = threading.Lock()
        self._failed: StorageError | None = None

    @classmethod
    def open(cls, url: str, *, schema: str = "stepwarden") -> Self:
        """Open the log for writing; make it if there is none and the user may.

        Raises:
            StorageLockedError: another node writes it.
            StorageTooOldError, StorageError: see ``bridge.explain``.
        """
        check_url(url)
        check_schema(schema)
        # A thread of its own: readers never keep a commit waiting.
        bridge = Bridge("postgres writer")
        try:
            writer = bridge.call(_open_writer(url, schema))
            return cls(url, schema, bridge, writer)
        except BaseException:
            bridge.close()
            raise

    def take_over(self) -> int:
        with self._committing:
            return int(self._writing.call(self._writer.fetchval("SELECT take_over()")))

    def commit(self, group: Group) -> None:
        values = _values(group)
        with self._committing:
            if self._failed is not None:
                raise self._failed
            try:
                self._writing.call(self._writer.execute(_COMMIT, *values))
            except StorageError as exc:
                self._failed = exc
                raise

    def erase_openings(self, indices: Sequence[int]) -> int:
        left, erased = sorted({index for index in indices if index >= self.floor()}), 0
        while left:
            found = self.blocks(left[0], left[0] + 1, sealed=True)
            if not found:
                break  # beyond the end
            [(start, count, data)] = found
            inside = [index for index in left if index < start + count]
            left = left[len(inside) :]
            pieces = erased_openings(data, count, {index - start for index in inside}) if data else []
            if pieces:
                erased += len(pieces)
                self._write(
                    "SELECT erase_openings($1, $2, $3)",
                    start,
                    [at for at, _ in pieces],
                    [new for _, new in pieces],
                )
        return erased

    def prune(self, floor: int) -> int:
        head = self.load()
        check_floor(floor, head.size if head else 0)
        before = self.bytes_used()
        floor = int(str(self._write("SELECT raise_floor($1)", floor)))
        while self._write("SELECT prune($1)", PRUNE_AT_ONCE):
            pass
        # A block that reaches over the floor stays; what is personal about its first entries does not.
        self._erase_before(floor)
        self._rewrite("blocks", "openings")
        return max(before - self.bytes_used(), 0)

    def _erase_before(self, floor: int) -> None:
        for start, count, data in self.blocks(floor, floor + 1, sealed=True):
            pieces = erased_openings(data, count, range(floor - start)) if data else []
            if pieces:
                self._write(
                    "SELECT erase_openings($1, $2, $3)",
                    start,
                    [at for at, _ in pieces],
                    [new for _, new in pieces],
                )

    def scrub(self) -> None:
        """As the contract says of tables and indexes; PostgreSQL's own write-ahead log keeps old pages until the server
        reuses its files (docs/postgresql.md).
        """
        self._rewrite("openings", "side")

    def _rewrite(self, *tables: str) -> None:
        """Write the tables anew, without what was deleted or overwritten."""
        for table in tables:
            self._write("SELECT rewrite($1)", table, seconds=3_600.0)

    def _write(self, sql: str, *values: object, seconds: float = SECONDS) -> object:
        """One statement of the writer.

        Raises:
            StorageLockedError: somebody reads; nothing was done, and the store goes on.
            StorageError: and the store is as stopped as after a failed commit.
        """
        with self._committing:
            if self._failed is not None:
                raise self._failed
            try:
                return self._writing.call(self._writer.fetchval(sql, *values), seconds=seconds)
            except StorageLockedError:
                raise
            except StorageError as exc:
                self._failed = exc
                raise

    def close(self) -> None:
        if self._closed:
            return
        super().close()
        # The lock goes with the connection.
        self._writing.call(terminate(self._writer))
        self._writing.close()


def _values(group: Group) -> tuple[object, ...]:
    """The arguments of ``commit_group``."""
    head = group.head
    leaves = [submission.leaf for submission in group.submissions]
    openings = [submission.opening for submission in group.submissions]
    kept, dropped = _side(group.submissions)
    return (
        group.first,
        len(leaves),
        pack_entries(leaves),
        pack_openings(openings) if any(openings) else None,
        [level for level, _, _ in group.tiles],
        [index for _, index, _ in group.tiles],
        [hashes for _, _, hashes in group.tiles],
        [space for space, _, _ in kept],
        [key for _, key, _ in kept],
        [value for _, _, value in kept],
        [space for space, _ in dropped],
        [key for _, key in dropped],
        head.epoch,
        head.root,
        head.checkpoint,
    )


def _side(
    submissions: Sequence[Submission],
) -> tuple[list[tuple[str, bytes, bytes]], list[tuple[str, bytes]]]:
    """What the group leaves in the side rows, and what it removes; the last write of a key wins."""
    last = {(space, key): value for _, _, side in submissions if side for space, key, value in side}
    kept = [(space, key, value) for (space, key), value in last.items() if value is not None]
    dropped = [(space, key) for (space, key), value in last.items() if value is None]
    return kept, dropped


async def _open_writer(url: str, schema: str) -> asyncpg.Connection:
    settings = {"search_path": schema, "synchronous_commit": "on", "application_name": "stepwarden writer"}
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, server_settings=settings)
    try:
        major = connection.get_server_version().major
        if major < OLDEST:
            raise StorageTooOldError(f"PostgreSQL {major} is too old: {OLDEST} or newer is needed")
        key = lock_key(schema)
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
            raise StorageLockedError(await _holder(connection, key))
        if not await is_log(connection, schema):
            text = (files(__package__) / "sql" / "log.sql").read_text(encoding="utf-8")
            async with connection.transaction():
                await connection.execute(text.format(schema=schema, version=VERSION))
    except BaseException:
        connection.terminate()
        raise
    return connection


def lock_key(schema: str) -> int:
    """The advisory lock of a log in its database: 63 bits of a hash of the schema's name."""
    return int.from_bytes(blake2b(f"stepwarden/{schema}".encode(), digest_size=8).digest()) >> 1


async def _holder(connection: asyncpg.Connection, key: int) -> str:
    row = await connection.fetchrow(
        "SELECT a.pid, a.client_addr, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
        "WHERE l.locktype = 'advisory' AND l.granted AND ((l.classid::bigint << 32) | l.objid::bigint) = $1",
        key,
    )
    who = (
        "another node"
        if row is None
        else f"a node at {row['client_addr'] or 'this machine'} (backend {row['pid']})"
    )
    return f"this log is being written by {who}: one log has one writer; stop that one, and this one can take over"
