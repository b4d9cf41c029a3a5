"""Proofs: made for every place of small trees, and refused after any change."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import BadProofError
from stepwarden.ledger.merkle import EMPTY_ROOT, leaf_hash, root_of
from stepwarden.ledger.proof import (
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "ledger_tree.json").read_text())
ELSEWHERE = Path(__file__).parents[3] / "shared" / "data" / "merkle_vectors"

LEAVES = [leaf_hash(b"%d" % number) for number in range(80)]
KNOWN = [leaf_hash(bytes.fromhex(entry)) for entry in VECTORS["entries"]]


class Naive:
    """A NodeReader straight from the definition."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves

    def node(self, level: int, index: int) -> bytes:
        part = self.leaves[index << level : (index + 1) << level]
        assert len(part) == 1 << level, "asked for an incomplete subtree"
        return root_of(part)


def test_every_entry_of_every_small_tree_is_proved() -> None:
    """Proofs of all indexes in all sizes to 40 verify, and are no longer than the tree is high."""
    for size in range(1, 41):
        root = root_of(LEAVES[:size])
        for index in range(size):
            proof = inclusion_proof(index, size, Naive(LEAVES[:size]))
            verify_inclusion(index, size, LEAVES[index], proof, root)
            assert len(proof) <= (size - 1).bit_length()


def test_every_pair_of_small_trees_is_proved() -> None:
    """Consistency proofs of all pairs of sizes to 40 verify."""
    roots = [root_of(LEAVES[:size]) for size in range(41)]
    for new in range(1, 41):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, Naive(LEAVES[:new]))
            verify_consistency(old, new, proof, roots[old], roots[new])


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: f"{case['index']} of {case['size']}")
def test_inclusion_proofs_are_those_that_others_publish(case: dict[str, Any]) -> None:
    """The proof that we make is byte for byte the published one."""
    proof = inclusion_proof(case["index"], case["size"], Naive(KNOWN))
    assert [each.hex() for each in proof] == case["proof"]
    root = bytes.fromhex(VECTORS["roots"][case["size"]])
    verify_inclusion(case["index"], case["size"], KNOWN[case["index"]], proof, root)


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: f"{case['old']} to {case['new']}")
def test_consistency_proofs_are_those_that_others_publish(case: dict[str, Any]) -> None:
    """The proof that we make is byte for byte the published one."""
    proof = consistency_proof(case["old"], case["new"], Naive(KNOWN))
    assert [each.hex() for each in proof] == case["proof"]
    roots = [bytes.fromhex(root) for root in VECTORS["roots"]]
    verify_consistency(case["old"], case["new"], proof, roots[case["old"]], roots[case["new"]])


@given(st.data())
@settings(max_examples=60)
def test_an_inclusion_proof_with_one_bit_changed_is_refused(data: st.DataObject) -> None:
    """Every single bit of the leaf, the root and each hash counts."""
    size = data.draw(st.integers(1, 80))
    index = data.draw(st.integers(0, size - 1))
    root = root_of(LEAVES[:size])
    parts = [LEAVES[index], root, *inclusion_proof(index, size, Naive(LEAVES[:size]))]
    which = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 255))
    changed = bytearray(parts[which])
    changed[bit // 8] ^= 1 << bit % 8
    parts[which] = bytes(changed)
    with pytest.raises(BadProofError):
        verify_inclusion(index, size, parts[0], parts[2:], parts[1])


@given(st.data())
@settings(max_examples=60)
def test_a_consistency_proof_with_one_bit_changed_is_refused(data: st.DataObject) -> None:
    """Every single bit of both roots and each hash counts."""
    new = data.draw(st.integers(1, 80))
    old = data.draw(st.integers(1, new))
    roots = [root_of(LEAVES[:old]), root_of(LEAVES[:new])]
    parts = [*roots, *consistency_proof(old, new, Naive(LEAVES[:new]))]
    which = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 255))
    changed = bytearray(parts[which])
    changed[bit // 8] ^= 1 << bit % 8
    parts[which] = bytes(changed)
    with pytest.raises(BadProofError):
        verify_consistency(old, new, parts[2:], parts[0], parts[1])


@given(st.data())
@settings(max_examples=60)
def test_a_proof_is_for_one_place_only(data: st.DataObject) -> None:
    """The same hashes at another index, or in a longer, shorter or reordered list, prove nothing."""
    size = data.draw(st.integers(2, 80))
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size).filter(lambda number: number != index))
    root = root_of(LEAVES[:size])
    proof = inclusion_proof(index, size, Naive(LEAVES[:size]))
    for at, hashes in [
        (other, proof),
        (index, proof[:-1]),
        (index, proof[1:]),
        (index, [*proof, root]),
        (index, [root, *proof]),
        (index, [*proof, b""]),
        (index, [each[:-1] for each in proof]),
    ]:
        with pytest.raises(BadProofError):
            verify_inclusion(at, size, LEAVES[index], hashes, root)
    if len(proof) > 1:
        with pytest.raises(BadProofError):
            verify_inclusion(index, size, LEAVES[index], proof[::-1], root)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 40])
def test_a_proof_for_a_shorter_tree_is_none_for_a_longer_one(size: int) -> None:
    """A root cannot be passed off as that of a tree twice as large: the proof has too few hashes for it."""
    root = root_of(LEAVES[:size])
    proof = inclusion_proof(0, size, Naive(LEAVES[:size]))
    verify_inclusion(0, size, LEAVES[0], proof, root)
    with pytest.raises(BadProofError, match="too few"):
        verify_inclusion(0, 2 * size, LEAVES[0], proof, root)
    proof = consistency_proof(1, size, Naive(LEAVES[:size]))
    with pytest.raises(BadProofError, match="too few"):
        verify_consistency(1, 2 * size, proof, LEAVES[0], root)


def test_a_byte_cannot_move_between_neighbours() -> None:
    """Hashes of 31 and 33 bytes that concatenate to the same 64 are refused by their lengths."""
    root = root_of(LEAVES[:2])
    verify_inclusion(0, 2, LEAVES[0], [LEAVES[1]], root)
    with pytest.raises(BadProofError, match="32 bytes"):
        verify_inclusion(0, 2, LEAVES[0] + LEAVES[1][:1], [LEAVES[1][1:]], root)
    with pytest.raises(BadProofError, match="32 bytes"):
        verify_consistency(1, 2, [LEAVES[1][1:]], LEAVES[0] + LEAVES[1][:1], root)


def test_equal_trees_need_no_proof_and_get_none() -> None:
    """The same size means the same root and an empty proof."""
    root = root_of(LEAVES[:5])
    verify_consistency(5, 5, [], root, root)
    for proof, other in (([root], root), ([], LEAVES[0])):
        with pytest.raises(BadProofError):
            verify_consistency(5, 5, proof, root, other)


def test_a_rewritten_past_has_no_proof() -> None:
    """When one old entry was changed, the honest old root cannot be led to the new one."""
    forged = [leaf_hash(b"forged"), *LEAVES[1:40]]
    for old in range(1, 40):
        proof = consistency_proof(old, 40, Naive(forged))
        with pytest.raises(BadProofError):
            verify_consistency(old, 40, proof, root_of(LEAVES[:old]), root_of(forged))


def test_nothing_is_consistent_from_size_zero() -> None:
    """A proof from the empty tree would show nothing, so it is refused; making one gives the empty list."""
    assert consistency_proof(0, 5, Naive(LEAVES[:5])) == []
    with pytest.raises(BadProofError):
        verify_consistency(0, 5, [], EMPTY_ROOT, root_of(LEAVES[:5]))
    with pytest.raises(BadProofError):
        verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_no_proof_is_made_for_what_is_not_there(index: int, size: int) -> None:
    """Asking for a place outside the tree is the caller's mistake."""
    with pytest.raises(ValueError, match="no index"):
        inclusion_proof(index, size, Naive(LEAVES))


@pytest.mark.parametrize(("old", "new"), [(6, 5), (-1, 5)])
def test_no_proof_is_made_backwards(old: int, new: int) -> None:
    """A larger tree does not begin a smaller one."""
    with pytest.raises(ValueError, match="does not begin"):
        consistency_proof(old, new, Naive(LEAVES))
    with pytest.raises(BadProofError):
        verify_consistency(old, new, [], bytes(32), bytes(32))


def published(kind: str) -> list[Any]:
    """Return the published cases, or one that is skipped and says why."""
    files = sorted((ELSEWHERE / kind).rglob("*.json"))
    if not files:
        absent = pytest.mark.skip(reason=f"published Merkle vectors are absent: no {ELSEWHERE / kind}")
        return [pytest.param({}, marks=absent, id="absent")]
    return [pytest.param(json.loads(file.read_text()), id=str(file.relative_to(ELSEWHERE))) for file in files]


def hashes(texts: list[str] | None) -> list[bytes]:
    return [base64.b64decode(text) for text in texts or []]


@pytest.mark.parametrize("case", published("inclusion"))
def test_published_inclusion_case(case: dict[str, Any]) -> None:
    """transparency-dev's case is accepted or refused as it says."""
    leaf, root = hashes([case["leafHash"], case["root"]])
    arguments = (case["leafIdx"], case["treeSize"], leaf, hashes(case["proof"]), root)
    if case["wantErr"]:
        with pytest.raises(BadProofError):
            verify_inclusion(*arguments)
    else:
        verify_inclusion(*arguments)


@pytest.mark.parametrize("case", published("consistency"))
def test_published_consistency_case(case: dict[str, Any]) -> None:
    """transparency-dev's case is accepted or refused as it says."""
    roots = hashes([case["root1"], case["root2"]])
    arguments = (case["size1"], case["size2"], hashes(case["proof"]), *roots)
    if case["wantErr"]:
        with pytest.raises(BadProofError):
            verify_consistency(*arguments)
    else:
        verify_consistency(*arguments)
