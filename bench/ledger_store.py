"""The ledger on SQLite: durable entries per second and latency, beside the disk's own sync and pymerkle.

Submitters are tasks that await the receipt of one entry before they submit the next: 750 bytes of leaf, 300
of sealed opening, a checkpoint signed per group. ``rows`` is what ``make bench`` prints.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop
from pymerkle import SqliteTree

from stepwarden.ledger.note import Ed25519Signer
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import Submission
from stepwarden.storage.sqlite.log import SqliteLogStore

SECONDS = 3.0
LEAF = os.urandom(750)
OPENING = os.urandom(300)
Row = tuple[str, float, str, str, float]


def rows() -> Iterator[Row]:
    """Name, value, unit, what stands beside it, and its value; about 20 seconds."""
    with tempfile.TemporaryDirectory(prefix="stepwarden-bench-", dir=Path.cwd()) as folder:
        place = Path(folder)
        syncs, sync_p50 = raw_syncs(place / "raw")
        peer = pymerkle_appends(place / "peer.db")
        for submitters in (1, 16, 256):
            rate, p50, p99 = durable(place / f"{submitters}.db", submitters)
            name = f"ledger, {submitters} submitters"
            yield name, rate, "entries/s", "pymerkle on SQLite, appends/s", peer
            yield f"{name}, p50", p50 * 1e3, "ms", "one fdatasync, p50 ms", sync_p50 * 1e3
            yield f"{name}, p99", p99 * 1e3, "ms", "raw fdatasync/s", syncs


def durable(path: Path, submitters: int) -> tuple[float, float, float]:
    """Entries per second, and the median and 99th percentile of the seconds that one took."""
    store = SqliteLogStore.open(path)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_durable(store, submitters))
    finally:
        store.close()


async def _durable(store: SqliteLogStore, submitters: int) -> tuple[float, float, float]:
    signer = Ed25519Signer.from_seed("bench.example/log", bytes(32))
    sequencer = Sequencer.open(store, origin="bench.example/log", signer=signer, limit=10_000)
    taken: list[float] = []
    stop = time.perf_counter() + SECONDS

    async def submitter() -> None:
        while (start := time.perf_counter()) < stop:
            await sequencer.submit(Submission(LEAF, OPENING))
            taken.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(submitter() for _ in range(submitters)))
    seconds = time.perf_counter() - start
    await sequencer.close()
    taken.sort()
    return len(taken) / seconds, taken[len(taken) // 2], taken[len(taken) * 99 // 100]


def raw_syncs(path: Path) -> tuple[float, float]:
    """Writes of 4 KiB into a preallocated file, each made durable: per second, and the median."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.write(descriptor, bytes(4096 * 1000))
        os.fsync(descriptor)
        taken: list[float] = []
        start = time.perf_counter()
        while time.perf_counter() - start < SECONDS / 2:
            begun = time.perf_counter()
            os.pwrite(descriptor, LEAF, 4096 * (len(taken) % 1000))
            os.fdatasync(descriptor)
            taken.append(time.perf_counter() - begun)
    finally:
        os.close(descriptor)
    return len(taken) / sum(taken), sorted(taken)[len(taken) // 2]


def pymerkle_appends(path: Path) -> float:
    """Appends per second of another Merkle log on SQLite."""
    tree = SqliteTree(str(path))
    try:
        count = 0
        start = time.perf_counter()
        while time.perf_counter() - start < SECONDS / 2:
            tree.append_entry(LEAF)
            count += 1
        return count / (time.perf_counter() - start)
    finally:
        tree.close()


if __name__ == "__main__":
    for row in rows():
        print("{:<32}{:>10,.2f} {:<10} {:<32}{:>10,.2f}".format(*row))
