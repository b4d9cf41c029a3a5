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
from collections.abc import Callable, Coroutine, Iterator, Sequence
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import asyncpg

from stepwarden.errors import (
    PrunedError,
    StorageCorruptError,
    StorageError,
    StorageLockedError,
    StorageTooOldError,
)
from stepwarden.ledger.store import Group, Head, Submission
from stepwarden.storage.postgres.bridge import Bridge
from stepwarden.storage.sqlite.bundles import pack_entries, pack_openings, unpack_entries, unpack_openings

VERSION = 1
OLDEST = 140_000
"""PostgreSQL 14: the oldest that is tested against an installed one."""

BLOCKS_AT_ONCE = 64
PRUNE_AT_ONCE = 256
SIDE_ROWS = 1_000
CONNECT_SECONDS = 10.0
_COMMIT = "SELECT commit_group($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)"
_FROM = "coalesce((SELECT max(first) FROM blocks WHERE first <= $1), 0)"
_BLOCKS = f"""
    SELECT first, count, leaves AS data FROM blocks WHERE first >= {_FROM} AND first < $2 ORDER BY first LIMIT $3
"""  # noqa: S608 - fixed text
_OPENINGS = f"""
    SELECT b.first, b.count, o.sealed AS data FROM blocks b LEFT JOIN openings o USING (first)
    WHERE b.first >= {_FROM} AND b.first < $2 ORDER BY b.first LIMIT $3
"""  # noqa: S608 - fixed text
T = TypeVar("T")
_Row = tuple[int, int, bytes | None]


class PostgresLogReader:
    """Reads a log, beside its writer if there is one. Safe to use from any thread."""

    def __init__(self, url: str, *, schema: str = "stepwarden") -> None:
        """Connect.

        Args:
            url: ``postgresql://user:password@host:port/database``; what is missing comes from the PG... variables.
            schema: where the tables are: letters, digits and underscores.

        Raises:
            StorageTooOldError, StorageError: out of reach, or it holds no log that this version reads.
        """
        self._url, self._schema = url, check_schema(schema)
        self._closed = False
        self._bridge = Bridge("postgres reader")
        try:
            self._pool: asyncpg.Pool = self._bridge.call(_pool(url, schema))
            if not self._bridge.call(_is_log(self._pool, schema)):
                raise StorageError(f"{self.name} holds no log: check log.store and log.schema")
        except BaseException:
            self._bridge.close()
            raise

    @property
    def name(self) -> str:
        """Where the log is, without user and password."""
        parts = urlsplit(self._url)
        host = parts.hostname or "local"
        return f"postgresql://{host}{f':{parts.port}' if parts.port else ''}{parts.path}#{self._schema}"

    def load(self) -> Head | None:
        row = self._fetchrow("SELECT size, root, checkpoint, epoch FROM head WHERE checkpoint <> ''")
        if row is None:
            return None
        return Head(size=row["size"], root=row["root"], checkpoint=row["checkpoint"], epoch=row["epoch"])

    def floor(self) -> int:
        row = self._fetchrow("SELECT floor FROM head")
        return int(row["floor"]) if row is not None else 0

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        return self._range(_BLOCKS, first, stop, lambda data, count: unpack_entries(data or b"", count))

    def openings(self, first: int, stop: int) -> Iterator[bytes]:
        return self._range(
            _OPENINGS,
            first,
            stop,
            lambda data, count: [b""] * count if data is None else unpack_openings(data, count),
        )

    def _range(
        self, sql: str, first: int, stop: int, unpack: Callable[[bytes | None, int], list[bytes]]
    ) -> Iterator[bytes]:
        if first < stop and first < (floor := self.floor()):
            raise PrunedError(f"entries before {floor} were pruned: they are in the sealed archive")
        while first < stop:
            rows = self._blocks(sql, first, stop)
            for start, count, data in rows:
                yield from unpack(data, count)[max(first - start, 0) : stop - start]
                first = start + count
            if not rows:
                return

    def _blocks(self, sql: str, first: int, stop: int) -> list[_Row]:
        """The blocks from the one that holds ``first`` on, without a gap."""
        rows: list[_Row] = []
        for row in self._fetch(sql, first, stop, BLOCKS_AT_ONCE):
            start, count = row["first"], row["count"]
            if start != (rows[-1][0] + rows[-1][1] if rows else min(start, first)):
                raise StorageCorruptError(
                    f"{self.name} lacks entries before {start}: restore its last backup"
                )
            if start + count > first:
                rows.append((start, count, row["data"]))
        return rows

    def tile(self, level: int, index: int) -> bytes | None:
        row = self._fetchrow("SELECT hashes FROM tiles WHERE level = $1 AND idx = $2", level, index)
        return None if row is None else bytes(row["hashes"])

    def side(self, space: str, key: bytes) -> bytes | None:
        row = self._fetchrow("SELECT value FROM side WHERE space = $1 AND key = $2", space, key)
        return None if row is None else bytes(row["value"])

    def side_items(self, space: str) -> Iterator[tuple[bytes, bytes]]:
        last: bytes | None = None
        while True:
            rows = self._fetch(
                "SELECT key, value FROM side WHERE space = $1 AND ($2::bytea IS NULL OR key > $2) "
                "ORDER BY key LIMIT $3",
                space,
                last,
                SIDE_ROWS,
            )
            yield from ((bytes(row["key"]), bytes(row["value"])) for row in rows)
            if len(rows) < SIDE_ROWS:
                return
            last = rows[-1]["key"]

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._bridge.call(_terminate(self._pool))
        self._bridge.close()

    def _fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        return self._call(self._pool.fetch(sql, *values))

    def _fetchrow(self, sql: str, *values: object) -> asyncpg.Record | None:
        return self._call(self._pool.fetchrow(sql, *values))

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        if self._closed:
            work.close()
            raise StorageError(f"{self.name} is closed")
        return self._bridge.call(work)


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
        """Overwrite the openings of these entries with nothing; how many there were."""
        erased = 0
        wanted = iter(sorted(set(indices)))
        ahead = next(wanted, None)
        while ahead is not None:
            [(start, count, data)] = self._blocks(_OPENINGS, ahead, ahead + 1) or [(ahead, 1, None)]
            inside = [ahead]
            for ahead in wanted:
                if ahead >= start + count:
                    break
                inside.append(ahead)
            else:
                ahead = None
            if data is None:
                continue
            sealed = unpack_openings(data, count)
            erased += sum(bool(sealed[index - start]) for index in inside)
            for index in inside:
                sealed[index - start] = b""
            with self._committing:
                self._writing.call(
                    self._writer.execute("SELECT rewrite_openings($1, $2)", start, pack_openings(sealed))
                )
        return erased

    def prune(self, floor: int) -> int:
        """Remove what lies wholly before ``floor``; the bytes that the tables shrank by are PostgreSQL's to reuse."""
        before = self._size()
        gone = 1
        while gone:
            with self._committing:
                gone = int(
                    self._writing.call(self._writer.fetchval("SELECT prune($1, $2)", floor, PRUNE_AT_ONCE))
                )
        self.scrub()
        return max(0, before - self._size())

    def scrub(self) -> None:
        """Have dead rows removed from the tables that hold personal values and entries, where this user may.

        Raises:
            StorageError: the user does not own the tables; the message says what the owner has to run.
        """
        for table in ("openings", "side", "blocks"):
            with self._committing:
                self._writing.call(self._writer.execute(f"VACUUM (FULL) {table}"), seconds=3_600)

    def _size(self) -> int:
        row = self._fetchrow(
            "SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace = current_schema()::regnamespace"
        )
        return int(row["bytes"]) if row is not None else 0

    def close(self) -> None:
        if self._closed:
            return
        super().close()
        # The lock goes with the connection.
        self._writing.call(_terminate(self._writer))
        self._writing.close()


def check_schema(schema: str) -> str:
    """Raises: StorageError: not a plain name; it becomes part of statements."""
    if not (schema.isascii() and schema.isidentifier() and len(schema) < 60):
        raise StorageError(f"log.schema {schema!r} is no plain name: letters, digits and underscores")
    return schema


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


async def _pool(url: str, schema: str) -> asyncpg.Pool:
    settings = {"search_path": schema, "default_transaction_read_only": "on"}
    return await asyncpg.create_pool(
        url, min_size=0, max_size=4, timeout=CONNECT_SECONDS, server_settings=settings
    )


async def _terminate(connection: "asyncpg.Pool | asyncpg.Connection") -> None:
    """On the loop's own thread: the driver is not made to be called from another."""
    connection.terminate()


async def _is_log(connection: "asyncpg.Pool | asyncpg.Connection", schema: str) -> bool:
    if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{schema}.head"):
        return False
    version = await connection.fetchval(f"SELECT version FROM {schema}.head")  # noqa: S608 - a checked name
    if version != VERSION:
        raise StorageTooOldError(f"the log has schema version {version}; this version reads {VERSION}")
    return True


async def _open_writer(url: str, schema: str) -> asyncpg.Connection:
    settings = {"search_path": schema, "synchronous_commit": "on", "application_name": "stepwarden writer"}
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, server_settings=settings)
    try:
        server = connection.get_server_version()
        if server.major * 10_000 < OLDEST:
            raise StorageTooOldError(f"PostgreSQL {server.major} is too old: 14 or newer is needed")
        key = lock_key(schema)
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
            raise StorageLockedError(await _holder(connection, key))
        if not await _is_log(connection, schema):
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
