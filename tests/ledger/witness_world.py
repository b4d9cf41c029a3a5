"""A small world around a witness: a log that grows (or lies), a memory, a clock."""

from collections.abc import Collection, Sequence

from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.cosignature import Ed25519Cosigner, MlDsaCosigner
from stepwarden.ledger.merkle import Edge, leaf_hash
from stepwarden.ledger.note import Ed25519Signer, Verifier, sign_note
from stepwarden.ledger.proof import consistency_proof
from stepwarden.ledger.witness import AddCheckpoint, Seen, Verdict, Witness, origin_hash

ORIGIN = "log.example/doors"
NOW = 1_800_000_000
PLAIN = Ed25519Cosigner.from_seed("witness.example/w1", bytes([1]) * 32)
QUANTUM = MlDsaCosigner.from_seed("witness.example/w1", bytes([2]) * 32)


class Memory:
    """A ``WitnessStore`` without a disk."""

    def __init__(self) -> None:
        self.known: dict[str, Seen] = {}

    def latest(self, origin: str) -> Seen | None:
        return self.known.get(origin)

    def latest_by_hash(self, digest: str) -> Seen | None:
        return next((seen for origin, seen in self.known.items() if origin_hash(origin) == digest), None)

    def advance(self, origin: str, before: Seen | None, seen: Seen) -> bool:
        now = self.known.get(origin)
        if (now and (now.size, now.root)) != (before and (before.size, before.root)):
            return False
        self.known[origin] = seen
        return True


class Tree:
    """A log in memory. ``leaves`` may be cut and changed, as by somebody who holds its key."""

    def __init__(self, leaves: Sequence[bytes] = (), origin: str = ORIGIN, seed: int = 9) -> None:
        self.leaves = list(leaves)
        self.signer = Ed25519Signer.from_seed(origin, bytes([seed]) * 32)

    @classmethod
    def of(cls, size: int) -> "Tree":
        return cls([b"entry %d" % number for number in range(size)])

    def grow(self, to: int) -> "Tree":
        self.leaves += [b"entry %d" % number for number in range(len(self.leaves), to)]
        return self

    def node(self, level: int, index: int) -> bytes:
        edge = Edge(0, [])
        for leaf in self.leaves[index << level : (index + 1) << level]:
            edge.append(leaf_hash(leaf))
        return edge.root()

    def claim(self, size: int | None = None) -> Checkpoint:
        edge = Edge(0, [])
        for leaf in self.leaves[:size]:
            edge.append(leaf_hash(leaf))
        return Checkpoint(origin=self.signer.name, size=edge.size, root=edge.root())

    def note(self, size: int | None = None) -> str:
        return sign_note(self.claim(size).format(), [self.signer])

    def ask(self, old: int, size: int | None = None) -> AddCheckpoint:
        new = len(self.leaves) if size is None else size
        proof = consistency_proof(old, new, self) if old <= new else []
        return AddCheckpoint(old=old, proof=tuple(proof), note=self.note(size))

    def body(self, old: int, size: int | None = None) -> bytes:
        return self.ask(old, size).format().encode()


def make_witness(memory: Memory, logs: Collection[Verifier]) -> Witness:
    """One that follows these logs, with both kinds of key, at ``NOW``."""

    def keys_of(origin: str) -> Collection[Verifier]:
        return [log for log in logs if log.name == origin]

    return Witness(memory, (PLAIN, QUANTUM), keys_of, lambda: NOW)


def told(verdict: Verdict) -> tuple[int, str, str]:
    return verdict.status, verdict.body, verdict.media
