"""The Merkle tree of RFC 6962: one hash that commits to every entry, and to their order.

    leaf  = SHA-256(0x00 || entry)
    node  = SHA-256(0x01 || left || right)
    empty = SHA-256("")

A tree of n > 1 leaves splits at the largest power of two below n: the left part is a complete tree that never
changes again, the right part is a smaller tree of the same kind. ``root_of`` says exactly that and is slow;
it is the oracle of the tests. ``Edge`` keeps only the roots of the complete subtrees along the right edge,
at most 64 hashes, and is what a growing log uses.

    >>> edge = Edge()
    >>> for entry in (b"", b"\\x00", b"\\x10"):
    ...     edge.append(leaf_hash(entry))
    >>> edge.root().hex()[:16]
    'aeb6bcfe274b70a1'
    >>> edge.root() == root_of([leaf_hash(b""), leaf_hash(b"\\x00"), leaf_hash(b"\\x10")])
    True

This module is *not* storage: it forgets the leaves. Proofs are in ``proof``, stored nodes in ``tiles``.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, Self

HASH_SIZE: Final = 32

EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of an entry: 32 bytes. The prefix keeps an entry from posing as a node."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """Return the size of the left subtree of a tree of ``size`` > 1 leaves: the largest power of two
    below it.
    """
    return 1 << ((size - 1).bit_length() - 1)


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root by the definition, RFC 6962 section 2.1: recursive, slow, and obviously right."""
    size = len(leaf_hashes)
    if size == 0:
        return EMPTY_ROOT
    if size == 1:
        return leaf_hashes[0]
    left = split(size)
    return node_hash(root_of(leaf_hashes[:left]), root_of(leaf_hashes[left:]))


class Edge:
    """The right edge of a growing tree: the roots of its complete subtrees, largest (leftmost) first.

    The sizes of these subtrees are the powers of two in the binary form of ``size``: a tree of 13 = 8 + 4 + 1
    leaves has three. Appending is one hash on average, the root at most 63.
    """

    __slots__ = ("_nodes", "_size")

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        """Start empty, or where an earlier edge stopped.

        Raises:
            ValueError: when the number or the length of the hashes does not fit the size.
        """
        if size < 0 or len(nodes) != size.bit_count() or any(len(node) != HASH_SIZE for node in nodes):
            raise ValueError("these nodes are no edge of a tree of that size")
        self._size = size
        self._nodes = list(nodes)

    @property
    def size(self) -> int:
        """How many leaves were appended."""
        return self._size

    @property
    def nodes(self) -> tuple[bytes, ...]:
        """The roots of the complete subtrees, largest first."""
        return tuple(self._nodes)

    def append(self, leaf_hash: bytes) -> None:
        """Add the hash of the next leaf."""
        nodes, size = self._nodes, self._size
        node = leaf_hash
        # Each trailing one bit of the size is a complete subtree that the new leaf completes to one twice
        # as large.
        while size & 1:
            node = sha256(b"\x01" + nodes.pop() + node).digest()
            size >>= 1
        nodes.append(node)
        self._size += 1

    def root(self) -> bytes:
        """Return the root of the tree as it is now."""
        if not self._nodes:
            return EMPTY_ROOT
        node = self._nodes[-1]
        for left in reversed(self._nodes[:-1]):
            node = node_hash(left, node)
        return node

    def copy(self) -> Self:
        """Return an independent edge at the same place."""
        return type(self)(self._size, self._nodes)
