"""Reading a log in PostgreSQL, beside its writer if there is one: for the ledger, and for auditors.

A reader takes no lock and its sessions are read-only. It reads in turns of some megabytes; entries that are pruned
between two turns end the reading with PrunedError.

Needs the extra ``postgres`` (asyncpg). Not here: writing (``log``), hashing, the meaning of an entry.
"""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg

from stepwarden.errors import PrunedError, StorageCorruptError, StorageError, StorageTooOldError
from stepwarden.ledger.store import Head
from stepwarden.storage.bundles import unpack_entries, unpack_openings
from stepwarden.storage.postgres.bridge import Bridge

VERSION = 1
CONNECT_SECONDS = 10.0
CHUNK_BYTES = 4_000_000
"""How much a reader fetches in one turn, and of how many blocks at most."""

CHUNK_BLOCKS = 2_000
SIDE_ROWS = 1_000
_FROM = "coalesce((SELECT max(first) FROM blocks WHERE first <= $1), 0)"
_LENGTHS = f"""
    SELECT b.first, b.count, octet_length(b.leaves) AS leaves, coalesce(octet_length(o.sealed), 0) AS sealed
    FROM blocks b LEFT JOIN openings o USING (first)
    WHERE b.first >= {_FROM} AND b.first < $2 ORDER BY b.first LIMIT $3
"""  # noqa: S608 - fixed text
_LEAVES = "SELECT first, leaves AS data FROM blocks WHERE first BETWEEN $1 AND $2 ORDER BY first"
_SEALED = "SELECT first, sealed AS data FROM openings WHERE first BETWEEN $1 AND $2 ORDER BY first"
T = TypeVar("T")
Block = tuple[int, int, bytes | None]
"""First entry, number of entries, bytes; None where the group had no openings."""


class NoLogError(StorageError):
    """The database is there, and holds no log under this schema."""


class PostgresLogReader:
    """Reads a log. Safe to use from any thread."""

    def __init__(self, url: str, *, schema: str = "stepwarden") -> None:
        """Connect.

        Args:
            url: ``postgresql://user:password@host:port/database``; what is missing comes from the PG... variables.
            schema: where the tables are: letters, digits and underscores.

        Raises:
            StorageTooOldError, StorageError: out of reach, or it holds no log that this version reads.
        """
        self._url, self._schema = check_url(url), check_schema(schema)
        self._closed = False
        self._bridge = Bridge("postgres reader")
        try:
            self._pool: asyncpg.Pool = self._bridge.call(_pool(url, schema))
            if not self._bridge.call(is_log(self._pool, schema)):
                raise NoLogError(f"{self.name} holds no log: check log.store and log.schema")
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
        return self._range(False, first, stop, lambda data, count: unpack_entries(data or b"", count))

    def openings(self, first: int, stop: int) -> Iterator[bytes]:
        return self._range(
            True,
            first,
            stop,
            lambda data, count: [b""] * count if data is None else unpack_openings(data, count),
        )

    def _range(
        self, sealed: bool, first: int, stop: int, unpack: Callable[[bytes | None, int], list[bytes]]
    ) -> Iterator[bytes]:
        while first < stop:
            blocks = self.blocks(first, stop, sealed=sealed)
            for start, count, data in blocks:
                yield from unpack(data, count)[max(first - start, 0) : stop - start]
                first = start + count
            if not blocks:
                return

    def blocks(self, first: int, stop: int, *, sealed: bool) -> list[Block]:
        """The blocks (or their openings) from the one that holds ``first`` on, some megabytes, without a gap.

        Raises:
            PrunedError: ``first`` lies before the floor.
            StorageCorruptError: there is a gap.
        """
        self._check_floor(first)
        places: list[tuple[int, int]] = []
        fetched = 0
        for row in self._fetch(_LENGTHS, first, stop, CHUNK_BLOCKS):
            start, count = row["first"], row["count"]
            if start != (sum(places[-1]) if places else min(start, first)):
                self._check_floor(
                    first
                )  # pruned since we looked? The floor moves before the first block goes
                raise StorageCorruptError(
                    f"{self.name} lacks entries before {start}: restore its last backup"
                )
            if start + count > first:
                places.append((start, count))
            fetched += row["sealed" if sealed else "leaves"] + count
            if fetched > CHUNK_BYTES:
                break
        if not places:
            return []
        rows = self._fetch(_SEALED if sealed else _LEAVES, places[0][0], places[-1][0])
        data = {row["first"]: row["data"] for row in rows}
        if not sealed and len(data) != len(places):
            self._check_floor(first)
        return [(start, count, data.get(start)) for start, count in places]

    def _check_floor(self, first: int) -> None:
        floor = self.floor()
        if first < floor:
            raise PrunedError(f"entries before {floor} were pruned: they are in the sealed archive")

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

    def bytes_used(self) -> int:
        """Bytes of the tables with their indexes."""
        row = self._fetchrow(
            "SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace = current_schema()::regnamespace"
        )
        return int(row["bytes"]) if row is not None else 0

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._bridge.call(terminate(self._pool))
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


def holds_log(url: str, schema: str) -> bool:
    """Whether a log was begun there.

    Raises:
        StorageTooOldError, StorageError: it cannot be found out.
    """
    try:
        reader = PostgresLogReader(url, schema=schema)
    except NoLogError:
        return False
    try:
        return reader.load() is not None
    finally:
        reader.close()


def check_url(url: str) -> str:
    """Return an address that the driver can read. It is not repeated: there may be a password in it.

    Raises:
        StorageError: it is none.
    """
    try:
        readable = urlsplit(url).port != 0
    except ValueError:
        readable = False
    if not readable:
        raise StorageError(
            "log.store is no address: give postgresql://user@host:port/database, in [] an IPv6 host, the port "
            "from 1 to 65535"
        )
    return url


def check_schema(schema: str) -> str:
    """Return a name that may become part of statements.

    One log has one spelling of it, since the writer's lock is on the spelling. PostgreSQL's own schemas are
    refused, and ``public``: where others may make functions, ours would call theirs with the rights of the owner.

    Raises:
        StorageError: it is no such name.
    """
    plain = schema.isascii() and schema.isidentifier() and schema == schema.lower() and len(schema) < 60
    if not plain or schema.startswith("pg_") or schema in ("public", "information_schema"):
        raise StorageError(
            f"log.schema {schema!r} is no plain name of a schema of the log's own: take lower-case letters, digits "
            "and underscores"
        )
    return schema


async def _pool(url: str, schema: str) -> asyncpg.Pool:
    settings = {"search_path": schema, "default_transaction_read_only": "on"}
    return await asyncpg.create_pool(
        url, min_size=0, max_size=4, timeout=CONNECT_SECONDS, server_settings=settings
    )


async def terminate(connection: "asyncpg.Pool | asyncpg.Connection") -> None:
    """On the loop's own thread: the driver is not made to be called from another."""
    connection.terminate()


async def is_log(connection: "asyncpg.Pool | asyncpg.Connection", schema: str) -> bool:
    if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{schema}.head"):
        return False
    version = await connection.fetchval(f"SELECT version FROM {schema}.head")  # noqa: S608 - a checked name
    if version != VERSION:
        raise StorageTooOldError(f"the log has schema version {version}; this version reads {VERSION}")
    return True
