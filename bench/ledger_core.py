"""The ledger's arithmetic, without a disk: what a tree, a proof and a whole verification cost on one core.

Beside each figure stands, from the same run, either plain SHA-256 over bytes of the same length (``hashlib``: the
limit, since a leaf takes one hash over its entry and about one over two nodes) or pymerkle's tree in memory.
``rows`` is what ``make bench`` prints.
"""

import random
import time
from collections.abc import Callable, Iterator
from hashlib import sha256

from pymerkle import InmemoryTree
from pymerkle.proof import verify_inclusion as peer_verify_inclusion

from bench.table import Row
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import Ed25519Signer, sign_note
from stepwarden.ledger.proof import inclusion_proof, verify_inclusion
from stepwarden.ledger.store import Head
from stepwarden.ledger.tiles import StoredNodes, Tail
from stepwarden.ledger.verify import verify_log

ENTRIES = 300_000
PEER_ENTRIES = 50_000
PROOFS = 20_000
LEAF = 250
"""Bytes of an entry."""

ORIGIN = "bench.example/log"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(32))


class Memory:
    """Entries and tiles in memory: what the proofs and the verifier read, without a disk's time."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries = entries
        self.tail = Tail()
        self.tiles: dict[tuple[int, int], bytes] = {}

    def load(self) -> Head:
        """Return a head signed now."""
        size, root = self.tail.size, self.tail.root()
        note = sign_note(Checkpoint(origin=ORIGIN, size=size, root=root).format(), [SIGNER])
        return Head(size=size, root=root, checkpoint=note, epoch=1)

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        """Yield entries."""
        return iter(self.entries[first:stop])

    def tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile."""
        return self.tiles.get((level, index))

    def floor(self) -> int:
        """Return 0: all entries are there."""
        return 0

    def append(self, group: int) -> None:
        """Append all entries in groups, as the sequencer does: hash, extend a copy, keep the full tiles."""
        for first in range(0, len(self.entries), group):
            tail = self.tail.copy()
            tail.extend([leaf_hash(entry) for entry in self.entries[first : first + group]])
            self.tiles.update({(level, index): hashes for level, index, hashes in tail.take_full()})
            self.tail = tail


def entries(count: int) -> list[bytes]:
    """Return that many different entries of the usual length."""
    return [b"%016d" % number + bytes(LEAF - 16) for number in range(count)]


def rate(count: int, work: Callable[[], object]) -> float:
    """Return how many per second; the best of two runs, since a neighbour may take the core for a while."""
    best = 0.0
    for _ in range(2):
        start = time.perf_counter()
        work()
        best = max(best, count / (time.perf_counter() - start))
    return best


def sha256_rate(length: int) -> float:
    """Return plain hashes per second over bytes of that length: the limit on this machine, now."""
    data = bytes(length)

    def work() -> None:
        for _ in range(PROOFS * 10):
            sha256(data).digest()

    return rate(PROOFS * 10, work)


def peer_tree(items: list[bytes]) -> tuple[InmemoryTree, float]:
    """Return pymerkle's tree in memory over these entries, and its appends per second."""
    tree = InmemoryTree(algorithm="sha256")
    start = time.perf_counter()
    for item in items:
        tree.append_entry(item)
    return tree, len(items) / (time.perf_counter() - start)


def measure_append(group: int) -> tuple[Memory, float]:
    """Return a log that grew in groups of that size, and its entries per second."""
    items = entries(ENTRIES)
    logs: list[Memory] = []

    def work() -> None:
        logs.append(Memory(items))
        logs[-1].append(group)

    found = rate(ENTRIES, work)
    return logs[-1], found


def measure_proofs(log: Memory, places: list[int], *, cached_tiles: int) -> float:
    """Return inclusion proofs per second against the whole log, with room for so many expanded tiles."""
    nodes = StoredNodes(log, log.tail, cached_tiles=cached_tiles)

    def work() -> None:
        for place in places:
            inclusion_proof(place, ENTRIES, nodes)

    return rate(len(places), work)


def measure_checks(log: Memory, places: list[int]) -> float:
    """Return inclusion proofs verified per second."""
    nodes = StoredNodes(log, log.tail)
    root = log.tail.root()
    cases = [
        (place, leaf_hash(log.entries[place]), inclusion_proof(place, ENTRIES, nodes)) for place in places
    ]

    def work() -> None:
        for place, leaf, proof in cases:
            verify_inclusion(place, ENTRIES, leaf, proof, root)

    return rate(len(cases), work)


def measure_verify(log: Memory) -> float:
    """Return entries per second of a whole verification, from the bytes of each entry."""

    def work() -> None:
        verify_log(log, origin=ORIGIN, verifiers=[SIGNER.verifier]).raise_failure()

    return rate(ENTRIES, work)


def measure_peer_proofs(tree: InmemoryTree, places: list[int]) -> tuple[float, float]:
    """Return pymerkle's proofs made, and verified, per second."""
    root = tree.get_root()
    cases = [(tree.get_leaf(place), tree.prove_inclusion(place)) for place in places]

    def prove() -> None:
        for place in places:
            tree.prove_inclusion(place)

    def check() -> None:
        for leaf, proof in cases:
            peer_verify_inclusion(leaf, root, proof)

    return rate(len(places), prove), rate(len(cases), check)


def rows() -> Iterator[Row]:
    """About 20 seconds."""
    hash_node, hash_entry = sha256_rate(65), sha256_rate(LEAF + 1)
    # One hash over the entry and one over two nodes, per entry: no implementation can be faster.
    limit = 1 / (1 / hash_node + 1 / hash_entry)
    tree, peer_append = peer_tree(entries(PEER_ENTRIES))
    yield Row(
        "hashlib sha256, 65 bytes", hash_node, "hashes/s", f"hashlib sha256, {LEAF + 1} bytes", hash_entry
    )

    log, found = measure_append(1)
    yield Row("tree, append in groups of 1", found, "entries/s", "pymerkle in memory", peer_append)
    log, found = measure_append(256)
    yield Row("tree, append in groups of 256", found, "entries/s", "two hashes an entry", limit)

    chosen = random.Random(1)
    places = [chosen.randrange(ENTRIES) for _ in range(PROOFS)]
    recent = [chosen.randrange(ENTRIES - 2000, ENTRIES) for _ in range(PROOFS)]
    few = [chosen.randrange(1, PEER_ENTRIES + 1) for _ in range(500)]
    peer_prove, peer_check = measure_peer_proofs(tree, few)
    for name, where, cached in (
        ("any entry, tiles cached", places, 2048),
        ("any entry, 16 tiles cached", places[:2000], 16),
        ("the last 2,000 entries", recent, 1024),
    ):
        found = measure_proofs(log, where, cached_tiles=cached)
        yield Row(
            f"inclusion proof, {name}", found, "proofs/s", "pymerkle in memory, 50,000 entries", peer_prove
        )
    checks = measure_checks(log, places)
    yield Row("inclusion proof, verify", checks, "proofs/s", "pymerkle", peer_check, floor=40_000.0)
    verified = measure_verify(log)
    yield Row("verify_log, in memory", verified, "entries/s", "two hashes an entry", limit, floor=300_000.0)
