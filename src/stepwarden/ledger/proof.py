"""Inclusion and consistency proofs (RFC 6962 section 2.1, verified as in RFC 9162 sections 2.1.3 and 2.1.4).

An *inclusion proof* shows that an entry stands at an index of the tree with a given root: the hashes that are
missing on the way from the leaf to the root, leaf's sibling first. A *consistency proof* shows that the first
``old`` entries of a tree are the older tree: nothing was changed, only appended.

    >>> from stepwarden.ledger.merkle import leaf_hash, node_hash
    >>> a, b, c = leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")
    >>> old_root = node_hash(a, b)
    >>> root = node_hash(old_root, c)
    >>> verify_inclusion(1, 3, b, [a, c], root)
    >>> verify_consistency(2, 3, [c], old_root, root)
    >>> verify_inclusion(2, 3, b, [a, c], root)
    Traceback (most recent call last):
    ...
    stepwarden.errors.BadProofError: the proof has too many hashes

Both verifiers return nothing or raise; there is no answer to forget to look at. Every length and index is
checked, so a proof has one form.

A proof from size 0 is refused by ``verify_consistency``: it would show nothing. Where a protocol wants an
empty proof there (tlog-witness), its caller says so. This module is *not* about who signed the roots.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

from stepwarden.errors import BadProofError
from stepwarden.ledger.merkle import HASH_SIZE, node_hash


class NodeReader(Protocol):
    """The complete subtrees of a log, by place."""

    def node(self, level: int, index: int) -> bytes:
        """Return the hash over the entries ``index << level`` to ``((index + 1) << level) - 1``.

        All of these must be in the log; level 0 is the leaves.

        Raises:
            CorruptLogError: the log should hold this subtree, and does not.
        """
        ...


def inclusion_proof(index: int, size: int, hashes: NodeReader) -> list[bytes]:
    """Return the proof that the entry at ``index`` is in the tree of the first ``size`` entries.

    Raises:
        ValueError: when there is no such entry in that tree.
        CorruptLogError: from the reader.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} entries has no index {index}")
    return _path(0, index, size, hashes)


def consistency_proof(old: int, new: int, hashes: NodeReader) -> list[bytes]:
    """Return the proof that the tree of ``old`` entries begins the tree of ``new``; empty for 0 and for
    equals.

    Raises:
        ValueError: when ``old`` is larger than ``new``, or negative.
        CorruptLogError: from the reader.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} entries does not begin one of {new}")
    if old in (0, new):
        return []
    # Start from the largest complete subtree that ends where the old tree ends; if that is the whole old
    # tree, the verifier knows its hash already.
    level, index = 0, old - 1
    while index & 1:
        level, index = level + 1, index >> 1
    start = [hashes.node(level, index)] if index else []
    return start + _path(level, index, new, hashes)


def _path(level: int, index: int, size: int, hashes: NodeReader) -> list[bytes]:
    """Return the siblings on the way up from a complete subtree of the tree of ``size`` entries."""
    path = []
    last = (size - 1) >> level
    while last:
        if index & 1:
            path.append(hashes.node(level, index - 1))
        elif index + 1 < last:
            path.append(hashes.node(level, index + 1))
        elif index + 1 == last:
            path.append(_rest(last << level, size, hashes))
        # else: the last subtree of an odd number of them; it goes up a level as it is
        level, index, last = level + 1, index >> 1, last >> 1
    return path


def _rest(start: int, size: int, hashes: NodeReader) -> bytes:
    """Return the hash over the entries ``start`` to ``size - 1``, which may be no complete subtree."""
    level = _lowest_bit(size - start)
    stop = size - (1 << level)
    result = hashes.node(level, stop >> level)
    while stop > start:
        level = _lowest_bit(stop - start)
        stop -= 1 << level
        result = node_hash(hashes.node(level, stop >> level), result)
    return result


def _lowest_bit(number: int) -> int:
    return (number & -number).bit_length() - 1


def verify_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf stands at ``index`` of the tree with ``size`` leaves and that root.

    Raises:
        BadProofError: it does not, or the proof is not the one proof of that.
    """
    if not 0 <= index < size:
        raise BadProofError(f"a tree of {size} entries has no index {index}")
    _check_hashes(leaf_hash, root, *proof)
    at, last = index, size - 1
    node = leaf_hash
    for sibling in proof:
        if last == 0:
            raise BadProofError("the proof has too many hashes")
        if at & 1 or at == last:
            node = sha256(b"\x01" + sibling + node).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + sibling).digest()
        at, last = at >> 1, last >> 1
    if last:
        raise BadProofError("the proof has too few hashes")
    if node != root:
        raise BadProofError("the proof does not lead to the root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of ``old`` leaves is how the tree of ``new`` leaves began.

    Raises:
        BadProofError: it is not, or the proof is not the one proof of that, or ``old`` is 0.
    """
    if not 0 < old <= new:
        raise BadProofError(f"no proof shows that a tree of {old} entries begins one of {new}")
    if old == new:
        if proof or old_root != new_root:
            raise BadProofError("two roots for the same size, or a proof where none is needed")
        return
    _check_hashes(old_root, new_root, *proof)
    # A complete old tree is its own first hash (RFC 9162 section 2.1.4.2, step 2).
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        raise BadProofError("the proof has too few hashes")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_node = new_node = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise BadProofError("the proof has too many hashes")
        if at & 1 or at == last:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise BadProofError("the proof has too few hashes")
    if old_node != old_root or new_node != new_root:
        raise BadProofError("the proof does not lead to both roots")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(each) != HASH_SIZE for each in hashes):
        raise BadProofError("a hash has 32 bytes")
