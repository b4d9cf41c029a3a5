"""The start of a service on a long log, from a snapshot and without one; and pruning half of that log.

A log of real decisions is made first (2,000 people, 20,000 attempts), then lengthened by the same entries with later
times, signed and committed as ever. The query index is there already: only the log is read. Beside the start from a
snapshot stands the one that folds every entry, on the same log.
"""

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import uvloop

from bench.table import Row
from stepwarden.app.node import Node, open_node
from stepwarden.app.paths import Paths
from stepwarden.app.settings import Settings, load_settings
from stepwarden.events.attempt import Attempt, Device
from stepwarden.events.encoding import decode, encode
from stepwarden.events.entries import AttemptDecided, Entry, EventRecorded, OutcomeReported
from stepwarden.ledger.archive import export
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import Submission
from stepwarden.storage.archive.directory import DirectoryArchive
from stepwarden.storage.sqlite.log import SqliteLogStore

SIZES = (100_000, 1_000_000)
ATTEMPTS = 20_000
PEOPLE = 2_000
TOGETHER = 256
CEILING = 2.0
"""Seconds that a start from a snapshot may take."""


def rows(sizes: tuple[int, ...] = SIZES) -> Iterator[Row]:
    """Some minutes: most of it makes the log."""
    with tempfile.TemporaryDirectory(prefix="stepwarden-bench-", dir=Path.cwd()) as folder:
        data = Path(folder) / "data"
        settings = load_settings(data, {}, {"addresses.builtin": False})
        uvloop.run(_lived(data, settings))
        for size in sizes:
            uvloop.run(_lengthen(data, settings, size))
            uvloop.run(_stopped(data, settings))  # indexed, and with a snapshot
            quick = _start(data, settings)
            for path in Paths(data).snapshots.glob("state-*"):
                path.rename(path.with_name("aside"))
            slow = _start(data, settings)
            for path in Paths(data).snapshots.glob("state-*"):
                path.unlink()
            (Paths(data).snapshots / "aside").rename(Paths(data).snapshots / f"state-{_size(data)}")
            yield Row(f"start at {size:,} entries", quick, "s", "folding all of it, s", slow, ceiling=CEILING)
        yield from _pruned(data, settings, Path(folder) / "archive")


def _start(data: Path, settings: Settings) -> float:
    """Seconds until the log is open, checked and folded. Nothing is added to it."""
    began = time.perf_counter()
    node = open_node(data, settings, lambda *_: None)
    seconds = time.perf_counter() - began
    for part in (node.watch, node.projector, node.index, node.store):
        part.close()
    return seconds


def _size(data: Path) -> int:
    store = SqliteLogStore.open(Paths(data).log)
    head = store.load()
    store.close()
    return head.size if head is not None else 0


async def _lived(data: Path, settings: Settings) -> None:
    """Some days of attempts."""
    node = open_node(data, settings, lambda *_: None)
    await node.start()
    chance = random.Random(1)
    for _ in range(0, ATTEMPTS, TOGETHER):
        await asyncio.gather(*[_attempt(node, chance) for _ in range(TOGETHER)])
    await node.close("made")


async def _attempt(node: Node, chance: random.Random) -> None:
    number = chance.randrange(PEOPLE)
    asked = Attempt(
        action=chance.choice(["login", "login", "balance.read", "transfer"]),
        actor=f"person-{number}",
        session=f"session-{number}-{chance.randrange(4)}",
        ip=f"81.{number % 200}.{number // 200}.{chance.choice([10, 10, 20])}",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
        device=Device(id=f"device-{number}"),
        proved=("pwd",),
    )
    answer = await node.service.decide(asked, by="bench")
    if answer.decision == "allow":
        await node.service.report(answer.id, outcome="success", proved=["pwd"], session="", by="bench")


async def _lengthen(data: Path, settings: Settings, size: int) -> None:
    """The decisions and outcomes that are there, again and again, each time an hour later."""
    node = open_node(data, settings, lambda *_: None)
    kinds = (AttemptDecided, OutcomeReported, EventRecorded)
    entries = [decode(leaf) for leaf in node.store.leaves(0, min(node.state.size, 2 * ATTEMPTS))]
    usual = [entry for entry in entries if isinstance(entry, kinds)]
    start = node.state.time
    step, left, rounds = usual[-1].time - usual[0].time + 1, size - node.state.size, 0
    sequencer: Sequencer = node.sequencer
    while left > 0:
        shift = start - usual[0].time + rounds * step
        for at in range(0, len(usual), 1_000):
            batch = [encode(_later(entry, shift)) for entry in usual[at : at + min(1_000, left)]]
            if batch:
                await asyncio.gather(*[sequencer.submit(Submission(leaf, leaf[:300])) for leaf in batch])
            left -= len(batch)
            if left <= 0:
                break
        rounds += 1
    await sequencer.close()
    for part in (node.watch, node.projector, node.index, node.store):
        part.close()


def _later(entry: Entry, shift: int) -> Entry:
    facts = entry.facts  # type: ignore[union-attr]
    moved = msgspec.structs.replace(facts, time=facts.time + shift)
    return msgspec.structs.replace(entry, time=entry.time + shift, facts=moved, key="", personal={})


async def _stopped(data: Path, settings: Settings) -> None:
    node = open_node(data, settings, lambda *_: None)
    node.snapshotter.take(root=node.sequencer.head.root, after=1)
    await node.sequencer.close()
    for part in (node.watch, node.projector, node.index, node.store):
        part.close()


def _pruned(data: Path, settings: Settings, folder: Path) -> Iterator[Row]:
    """Half of the log, after it was exported: seconds, bytes, and how long the loop was held up meanwhile."""
    archive = DirectoryArchive.open(folder)
    store = SqliteLogStore.open(Paths(data).log)
    head = store.load()
    assert head is not None
    keys = read_verifiers(Paths(data).ledger_vkey)
    export(store, archive, head.checkpoint, verifiers=keys, origin=keys[0].name)
    archive.close()
    store.close()
    before = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    floor = head.size // 2 // 256 * 256
    seconds, longest, freed = uvloop.run(_prune(data, settings, folder, floor))
    after = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    yield Row(f"prune of {floor:,} entries", seconds, "s", "longest wait of the loop, ms", longest * 1e3)
    yield Row("freed in the log's files", freed / 1e6, "MB", "whole data directory before, MB", before / 1e6)
    yield Row("whole data directory after", after / 1e6, "MB", "archive, MB", _bytes_of(folder) / 1e6)
    shutil.rmtree(folder)


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def _prune(data: Path, settings: Settings, folder: Path, floor: int) -> tuple[float, float, int]:
    node = open_node(data, settings, lambda *_: None)
    await node.start()
    longest = 0.0
    done = False

    async def watch() -> None:
        nonlocal longest
        while not done:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - began - 0.001)

    watching = asyncio.create_task(watch())
    began = time.perf_counter()
    found = await node.pruning.prune(floor, archive=str(folder), rule="the older half goes", by="bench")
    seconds = time.perf_counter() - began
    done = True
    await watching
    await node.close("measured")
    return seconds, longest, found.freed
