"""The ledger on SQLite, durable: entries per second and latency, proofs from storage, and what pruning gives back.

Submitters are tasks that await the receipt of one entry before they submit the next. Each entry is what a decision
records, made as ``flow.recorder`` makes it: 750 bytes of leaf, three personal fields committed to and sealed with
AES-256-GCM under the key of one of 1,000 people, tiles written, a checkpoint signed per group.

``rows`` is what ``make bench`` prints. How the same depends on the size of the log is ``ledger_growth``.
"""

import asyncio
import gc
import itertools
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvloop
from pymerkle import SqliteTree

from bench.table import Row
from stepwarden.app.serve import GC_EVERY
from stepwarden.events.encoding import encode
from stepwarden.events.entries import EventRecorded
from stepwarden.events.facts import Facts
from stepwarden.flow.people import People
from stepwarden.flow.recorder import Recorder
from stepwarden.ledger.note import Ed25519Signer
from stepwarden.ledger.proof import inclusion_proof
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import LogStore, Submission
from stepwarden.storage.sqlite.log import SqliteLogStore

SECONDS = 3.0
PEOPLE = 1_000
LEAF = os.urandom(750)
ORIGIN = "bench.example/log"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(32))
PERSONAL = {
    "ip": "192.0.2.71",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101",
    "actor": "ann",
}
FLOORS = {1: None, 16: 12_000.0, 256: 25_000.0}
CEILINGS = {1: None, 16: 5.0, 256: None}
"""Milliseconds, 99th percentile."""

PRUNED = 100_000
"""Entries of the log that is pruned."""

_block = itertools.count()


def rows() -> Iterator[Row]:
    """About 35 seconds."""
    with tempfile.TemporaryDirectory(prefix="stepwarden-bench-", dir=Path.cwd()) as folder:
        place = Path(folder)
        syncs, sync_p50 = raw_syncs(place / "raw")
        yield Row("fdatasync of 4 KiB", syncs, "/s", "its p50, ms", sync_p50 * 1e3)
        peer = pymerkle_appends(place / "peer.db")
        for submitters in (1, 16, 256):
            rate, p50, p99 = durable(place / f"{submitters}.db", submitters)
            name = f"{submitters} submitters, sealed"
            yield Row(
                name, rate, "entries/s", "pymerkle on SQLite, appends/s", peer, floor=FLOORS[submitters]
            )
            yield Row(f"{name}, p50", p50 * 1e3, "ms", "one fdatasync, p50 ms", sync_p50 * 1e3)
            yield Row(f"{name}, p99", p99 * 1e3, "ms", "fdatasync/s", syncs, ceiling=CEILINGS[submitters])
        path = place / "proofs.db"
        store = SqliteLogStore.open(path)
        grow(store, PRUNED, leaf=len(LEAF), opening=bytes(300), group=256)
        store.close()
        store = SqliteLogStore.open(path)
        found, cold = proofs(store)
        yield Row("inclusion proof from storage", found, "proofs/s", "tiles not cached", cold, floor=20_000.0)
        freed, seconds, p99 = pruned(store, path)
        yield Row("prune, freed of the file", freed * 100, "%", "entries removed, %", 90.0)
        yield Row("prune", PRUNED * 0.9 / seconds, "entries/s", "p99 of a commit meanwhile, ms", p99 * 1e3)
        store.close()


def entropy() -> Callable[[int], bytes]:
    """From the operating system, in blocks, as the service takes it."""
    block, at = os.urandom(4096), 0

    def take(count: int) -> bytes:
        nonlocal block, at
        if at + count > len(block):
            block, at = os.urandom(4096), 0
        at += count
        return block[at - count : at]

    return take


def durable(path: Path, submitters: int) -> tuple[float, float, float]:
    """Entries per second, and the median and 99th percentile of the seconds that one took."""
    store = SqliteLogStore.open(path)
    collector = gc.get_threshold()
    gc.set_threshold(GC_EVERY)  # as the service has it
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(submit_for_a_while(store, submitters))
    finally:
        gc.set_threshold(*collector)
        store.close()


def entry_maker() -> Callable[[], EventRecorded]:
    """Entries whose leaf has the usual length."""
    facts = Facts(action="login", actor="kfUh8t0_qK2mPz3x", time=1_700_000_000_000_000)
    bare = EventRecorded(
        time=1_700_000_000_000_000, id="abcdefgh", facts=facts, personal=dict.fromkeys(PERSONAL, "x" * 43)
    )
    source = "x" * (len(LEAF) - len(encode(bare)) - len(',"source":""'))
    return lambda: EventRecorded(time=1_700_000_000_000_000, id="abcdefgh", facts=facts, source=source)


async def submit_for_a_while(store: LogStore, submitters: int) -> tuple[float, float, float]:
    """Rate, median and 99th percentile: whoever waits for a receipt submits the next entry."""
    sequencer = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=10_000)
    take = entropy()
    people = People(store, master=bytes(32), origin=ORIGIN, entropy=take, remembered=100_000)
    # What only decides, and costs its own row of the table, is left out.
    state: Any = SimpleNamespace(time=0, fold=lambda index, entry: None)
    recorder = Recorder(
        sequencer, state, people, clock=lambda: 0, entropy=take, appended=lambda index, entry: None
    )
    make = entry_maker()
    taken: list[float] = []
    stop = time.perf_counter() + SECONDS

    async def submitter(number: int) -> None:
        while (start := time.perf_counter()) < stop:
            owner = f"person-{next(_block) % PEOPLE}"
            await recorder.append(make(), recorder.private(owner, PERSONAL)).durable
            taken.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(submitter(number) for number in range(submitters)))
    seconds = time.perf_counter() - start
    await sequencer.close()
    taken.sort()
    return len(taken) / seconds, taken[len(taken) // 2], taken[len(taken) * 99 // 100]


def grow(store: LogStore, size: int, *, leaf: int, opening: bytes, group: int = 4096) -> None:
    """Bring a log to a size, in groups of entries of ``leaf`` bytes."""
    leaves = [os.urandom(leaf) for _ in range(group)]

    async def run() -> None:
        sequencer = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=100_000)
        while (left := size - sequencer.next_index) > 0:
            submissions = [Submission(each, opening) for each in leaves[:left]]
            await asyncio.gather(*map(sequencer.submit, submissions))
        await sequencer.close()

    asyncio.run(run())


def proofs(store: LogStore) -> tuple[float, float]:
    """Inclusion proofs per second of the newest 100,000 entries, from stored tiles: with the usual cache, and without.

    Without it, a proof takes the 255 hashes of its tile.
    """
    sequencer = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=1)
    size = sequencer.head.size
    chosen = random.Random(1)
    warm = sequencer.proof_reader()
    found = []
    for count in (20_000, 500):
        places = [chosen.randrange(max(size - 100_000, 0), size) for _ in range(count)]
        start = time.perf_counter()
        for place in places:
            inclusion_proof(place, size, warm)
        found.append(count / (time.perf_counter() - start))
        warm._cache, warm._limit = {}, 1  # type: ignore[attr-defined]
    return found[0], found[1]


def pruned(store: SqliteLogStore, path: Path) -> tuple[float, float, float]:
    """The share of the file that pruning nine tenths gives back, its seconds, and the p99 of commits meanwhile."""
    floor = PRUNED * 9 // 10 // 256 * 256

    async def run() -> tuple[int, float, list[float]]:
        sequencer = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=100)
        start = time.perf_counter()
        pruning = asyncio.get_running_loop().run_in_executor(None, store.prune, floor)
        taken = []
        while not pruning.done():
            begun = time.perf_counter()
            await sequencer.submit(Submission(LEAF))
            taken.append(time.perf_counter() - begun)
        freed = await pruning
        seconds = time.perf_counter() - start
        await sequencer.close()
        return freed, seconds, sorted(taken)

    before = path.stat().st_size
    freed, seconds, taken = asyncio.run(run())
    return freed / before, seconds, taken[len(taken) * 99 // 100]


def raw_syncs(path: Path) -> tuple[float, float]:
    """Writes of 4 KiB into a preallocated file, each made durable: per second, and the median."""
    data = os.urandom(4096)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.write(descriptor, bytes(4096 * 1000))
        os.fsync(descriptor)
        taken: list[float] = []
        start = time.perf_counter()
        while time.perf_counter() - start < SECONDS / 2:
            begun = time.perf_counter()
            os.pwrite(descriptor, data, 4096 * (len(taken) % 1000))
            os.fdatasync(descriptor)
            taken.append(time.perf_counter() - begun)
    finally:
        os.close(descriptor)
    return len(taken) / sum(taken), sorted(taken)[len(taken) // 2]


def pymerkle_appends(path: Path) -> float:
    """Appends per second of another Merkle log on SQLite, one caller, nothing sealed or signed."""
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
