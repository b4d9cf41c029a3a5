"""The tree: roots known from elsewhere, and the right edge against the definition."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from stepwarden.ledger.merkle import EMPTY_ROOT, Edge, leaf_hash, node_hash, root_of, split

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "ledger_tree.json").read_text())


def edge_of(leaves: list[bytes]) -> Edge:
    edge = Edge()
    for leaf in leaves:
        edge.append(leaf)
    return edge


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_that_others_publish(size: int) -> None:
    """Both the definition and the edge give the roots known from Certificate Transparency."""
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in VECTORS["entries"][:size]]
    assert root_of(leaves).hex() == VECTORS["roots"][size]
    assert edge_of(leaves).root().hex() == VECTORS["roots"][size]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@given(st.lists(st.binary(max_size=80), min_size=1, max_size=70))
def test_an_independent_implementation_agrees(entries: list[bytes]) -> None:
    """pymerkle finds the same root over the same entries."""
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    assert tree.get_root() == edge_of([leaf_hash(entry) for entry in entries]).root()


def test_the_edge_follows_the_definition_at_every_size() -> None:
    """After each append the root is the naive one, and the size is right."""
    edge, leaves = Edge(), list[bytes]()
    for number in range(300):
        assert (edge.size, edge.root()) == (number, root_of(leaves))
        assert len(edge.nodes) == number.bit_count()
        leaves.append(leaf_hash(b"%d" % number))
        edge.append(leaves[-1])


@given(st.integers(0, 200), st.integers(0, 60))
def test_an_edge_resumes_from_its_nodes(size: int, more: int) -> None:
    """Size and nodes are all that an edge is: another one goes on from them to the same roots."""
    leaves = [leaf_hash(b"%d" % number) for number in range(size + more)]
    edge = edge_of(leaves[:size])
    resumed = Edge(edge.size, edge.nodes)
    for leaf in leaves[size:]:
        resumed.append(leaf)
    assert resumed.root() == root_of(leaves)


def test_a_copy_goes_its_own_way() -> None:
    """Appending to a copy leaves the original where it was."""
    edge = edge_of([leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")])
    before = edge.root()
    edge.copy().append(leaf_hash(b"d"))
    assert (edge.size, edge.root()) == (3, before)


@pytest.mark.parametrize(
    ("size", "nodes"),
    [
        (-1, []),
        (-1, [bytes(32)]),
        (0, [bytes(32)]),
        (1, []),
        (3, [bytes(32)]),
        (1, [bytes(31)]),
        (4, [bytes(32)] * 3),
    ],
)
def test_nodes_that_do_not_fit_a_size_are_refused(size: int, nodes: list[bytes]) -> None:
    """An edge cannot be made from the wrong number or length of hashes."""
    with pytest.raises(ValueError, match="no edge"):
        Edge(size, nodes)


def test_a_leaf_cannot_pose_as_a_node() -> None:
    """Hashing an entry made of two hashes gives another hash than their node (second preimage, RFC 6962)."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"") != EMPTY_ROOT


@given(st.integers(2, 2**63))
def test_split_is_the_largest_power_of_two_below(size: int) -> None:
    """k < n <= 2k, and k is a power of two."""
    left = split(size)
    assert left < size <= 2 * left
    assert left.bit_count() == 1
