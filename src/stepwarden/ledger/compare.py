"""Comparing a log with a checkpoint of it that was kept elsewhere: is it still the log that this was said of?

    same      as long as we are, under the same root
    behind    shorter, and our first entries are those entries: what was said is still true
    ahead     longer: somebody knows entries of this log that it lacks. It was rolled back, or forked
    fork      not longer, under another root: two logs have grown from one key
    unusable  says nothing: not a note, another log's, by no key of ours, or a signature that does not verify

``unusable`` is never agreement. ``ahead`` may be a fork as well; nothing here could tell, and it changes nothing.

Nothing is believed that can be computed. For a shorter checkpoint the root that our tree had then is computed from
our tiles, and a consistency proof from it must lead to the root of our signed head: so tiles that were changed
together with an old root are found as well.

    >>> from stepwarden.ledger.merkle import leaf_hash
    >>> Claim(size=1, root=leaf_hash(b"a")).name[:12]
    '1:022a6979e6'

This module is *not* about where checkpoints are kept, and decides nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from stepwarden.errors import BadProofError, CorruptLogError, LedgerError
from stepwarden.ledger.checkpoint import Checkpoint, open_checkpoint
from stepwarden.ledger.merkle import Edge
from stepwarden.ledger.note import Verifier, encode_base64
from stepwarden.ledger.proof import consistency_proof, verify_consistency
from stepwarden.ledger.store import Head
from stepwarden.ledger.tiles import StoredNodes, Tail, TileReader

Kind = Literal["same", "behind", "ahead", "fork", "unusable"]

CONTRADICTS: Final = frozenset({"ahead", "fork"})
"""The kinds that this log cannot be what it says it is beside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a checkpoint says of a log: so many entries, under this root."""

    size: int
    root: bytes

    @property
    def name(self) -> str:
        """``<size>:<root in hex>``: how claims are listed."""
        return f"{self.size}:{self.root.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one note says beside our log. ``claim`` is None for an unusable one; ``detail`` is for people."""

    kind: Kind
    claim: Claim | None
    detail: str

    @property
    def contradicts(self) -> bool:
        """Whether a log cannot be what its head says and this note be genuine as well."""
        return self.kind in CONTRADICTS


class History:
    """The roots that a log has had, computed from its stored tiles.

    Keeps at most 1,024 tiles in memory (16 KiB each). Not for two threads; the log may grow meanwhile.
    """

    def __init__(self, reader: TileReader, head: Head) -> None:
        """Look at the log that ends at ``head``, whose signature the caller has verified.

        Raises:
            CorruptLogError: tiles and last entries do not lead to the head's root.
        """
        tail = Tail.load(reader, head.size)
        if tail.root() != head.root:
            raise CorruptLogError(f"the tiles do not lead to the root of the head, {head.size} entries long")
        self.head = head
        self._nodes = StoredNodes(reader, tail)

    def root_at(self, size: int) -> bytes:
        """The root over the first ``size`` entries, shown to be how the log of ``head`` began.

        Raises:
            CorruptLogError: the tiles do not hold together.
            ValueError: the log is shorter.
        """
        head = self.head
        if not 0 <= size <= head.size:
            raise ValueError(f"a log of {head.size} entries had no root over {size}")
        nodes, start = [], 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                nodes.append(self._nodes.node(level, start >> level))
                start += 1 << level
        root = Edge(size, nodes).root()
        if size:
            try:
                verify_consistency(
                    size, head.size, consistency_proof(size, head.size, self._nodes), root, head.root
                )
            except BadProofError as exc:
                raise CorruptLogError(
                    f"the tiles over the first {size} entries are not those of the head over {head.size}: {exc}"
                ) from exc
        return root

    def find(self, claim: Checkpoint) -> Finding:
        """Compare with a checkpoint that is genuine.

        Raises:
            CorruptLogError: our own tiles do not hold together, so there is nothing to compare with.
        """
        head, said = self.head, Claim(size=claim.size, root=claim.root)
        if claim.size > head.size:
            detail = f"it holds {claim.size} entries, this log {head.size}: the last are missing here"
            return Finding(kind="ahead", claim=said, detail=detail)
        ours = self.root_at(claim.size)
        if ours != claim.root:
            shown = f"{encode_base64(claim.root)} there, {encode_base64(ours)} here"
            detail = f"another root over the first {claim.size} entries: {shown}"
            return Finding(kind="fork", claim=said, detail=detail)
        if claim.size == head.size:
            return Finding(kind="same", claim=said, detail=f"the same {claim.size} entries")
        detail = f"the first {claim.size} of {head.size} entries, and they are the same"
        return Finding(kind="behind", claim=said, detail=detail)

    def compare(self, note: str, verifiers: Collection[Verifier], origin: str) -> Finding:
        """Compare with a signed note from elsewhere. A note that says nothing is a finding, too.

        Raises:
            CorruptLogError: our own tiles do not hold together.
        """
        try:
            claim = open_checkpoint(note, origin, verifiers)
        except LedgerError as exc:
            return Finding(kind="unusable", claim=None, detail=str(exc))
        return self.find(claim)


def compare(
    reader: TileReader, head: Head, note: str, verifiers: Collection[Verifier], origin: str
) -> Finding:
    """Compare one note with the log that ends at ``head``: see ``History``, which is for several.

    Raises:
        CorruptLogError: our own tiles do not hold together.
    """
    return History(reader, head).compare(note, verifiers, origin)
