"""Tiles (c2sp.org/tlog-tiles): the tree cut into pieces that are written once.

A full tile of level L is 256 hashes, 8,192 bytes: its n-th holds the subtrees of 256**L entries each, from
subtree ``256 * n`` on. Level 0 holds the leaf hashes; each hash of level L + 1 is the root of a full tile of
level L. What lies to the right of the full tiles is kept in memory, in a ``Tail``: partial tiles are only
ever made from it for export, never stored. The hashes between two levels are computed, not stored.

Other tools fetch tiles by path; the number is in groups of three digits, all but the last marked with an x:

    >>> TilePath(level=0, index=1234067, width=256).format()
    'tile/0/x001/x234/067'
    >>> TilePath(level=1, index=0, width=17).format()
    'tile/1/000.p/17'
    >>> TilePath(level=None, index=273, width=112).format()
    'tile/entries/273.p/112'

A ``Tail`` grows leaf by leaf and hands out each tile when it becomes full:

    >>> tail = Tail()
    >>> for number in range(300):
    ...     tail.append(leaf_hash(b"%d" % number))
    >>> [(level, index, len(hashes)) for level, index, hashes in tail.take_full()]
    [(0, 0, 8192)]
    >>> [(path.format(), len(hashes)) for path, hashes in tail.partial()]
    [('tile/0/001.p/44', 1408), ('tile/1/000.p/1', 32)]

This module is *not* a cache of whole logs: ``StoredNodes`` keeps a bounded number of tiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Final, Protocol, Self

from stepwarden.errors import CorruptLogError, MalformedNoteError
from stepwarden.ledger.merkle import HASH_SIZE, Edge, leaf_hash

HEIGHT: Final = 8
"""Tree levels in a tile."""

WIDTH: Final = 1 << HEIGHT
"""Hashes of a full tile."""

TILE_SIZE: Final = WIDTH * HASH_SIZE
"""Bytes of a full tile."""

MAX_LEVEL: Final = 63

_PATH: Final = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePath:
    """Where a tile, or a bundle of entries (level None), is found. Width 256 is a full one."""

    level: int | None
    index: int
    width: int

    def format(self) -> str:
        """Return the path, relative to the log's prefix."""
        digits = str(self.index)
        digits = digits.zfill((len(digits) + 2) // 3 * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        number = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        level = "entries" if self.level is None else str(self.level)
        return f"tile/{level}/{number}" + ("" if self.width == WIDTH else f".p/{self.width}")

    @classmethod
    def parse(cls, path: str) -> Self:
        """Read back what ``format`` wrote, and nothing else.

        Raises:
            MalformedNoteError: for every other text, whatever is wrong with it.
        """
        match = _PATH.fullmatch(path)
        if match is None:
            raise MalformedNoteError("not the path of a tile")
        found = cls(
            level=None if match["level"] == "entries" else int(match["level"]),
            index=int(match["index"].replace("/", "").replace("x", "")),
            width=WIDTH if match["width"] is None else int(match["width"]),
        )
        in_range = (found.level or 0) <= MAX_LEVEL and (match["width"] is None or 0 < found.width < WIDTH)
        if not in_range or found.format() != path:
            raise MalformedNoteError("not the canonical path of a tile")
        return found


class Tail:
    """The growing end of a tree: all that its full tiles do not hold, the right edge included.

    ``rows[level]`` are the complete subtrees of ``2**level`` leaves inside the last, unfinished tile of their
    tile level; so any node of the tail is a look-up, and appending is one hash on average. At most 510 hashes
    per tile level. Not for two threads: a writer works on a ``copy`` and publishes it when it is durable.
    """

    __slots__ = ("_full", "_rows", "_size")

    def __init__(self) -> None:
        """Start with an empty tree."""
        self._size = 0
        self._rows: list[list[bytes]] = [[]]
        self._full: list[tuple[int, int, bytes]] = []

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._size

    def append(self, leaf_hash: bytes) -> None:
        """Add the hash of the next leaf."""
        self._put(0, leaf_hash)
        self._size += 1

    def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        """Add the hashes of the next leaves: the same as appending each, and faster where they fill tiles."""
        at, stop = 0, len(leaf_hashes)
        while at < stop:
            if self._size % WIDTH == 0 and stop - at >= WIDTH:
                tile = b"".join(leaf_hashes[at : at + WIDTH])
                self._full.append((0, self._size >> HEIGHT, tile))
                self._put(HEIGHT, expand(tile)[HEIGHT])
                self._size += WIDTH
                at += WIDTH
            else:
                step = min(stop - at, WIDTH - self._size % WIDTH)
                self._fill(leaf_hashes[at : at + step])
                at += step

    def _fill(self, leaf_hashes: Sequence[bytes]) -> None:
        """Add leaves that fit into the tile that is begun: row by row, which is faster than leaf by leaf."""
        rows = self._rows
        row = rows[0]
        row.extend(leaf_hashes)
        for level in range(1, HEIGHT):
            if level == len(rows):
                rows.append([])
            above = rows[level]
            first, stop = 2 * len(above), len(row) & ~1
            above.extend([sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(first, stop, 2)])
            row = above
        if len(row) == 2:
            root = sha256(b"\x01" + row[0] + row[1]).digest()
            self._finish(HEIGHT, self._size >> HEIGHT)
            self._put(HEIGHT, root)
        self._size += len(leaf_hashes)

    def _put(self, level: int, node: bytes) -> None:
        """Put the next complete subtree of a level into its row, and above it what it completes."""
        rows, carry = self._rows, self._size >> level
        while len(rows) <= level:
            rows.append([])
        row = rows[level]
        row.append(node)
        while carry & 1:
            node = sha256(b"\x01" + row[-2] + node).digest()
            carry >>= 1
            level += 1
            if level == len(rows):
                rows.append([])
            if level % HEIGHT == 0:
                self._finish(level, carry)
            row = rows[level]
            row.append(node)

    def _finish(self, level: int, index: int) -> None:
        """Hand out the tile whose root stands at (level, index), and forget its inside."""
        tile = b"".join(self._rows[level - HEIGHT])
        self._full.append((level // HEIGHT - 1, index, tile))
        for below in range(level - HEIGHT, level):
            self._rows[below] = []

    def take_full(self) -> list[tuple[int, int, bytes]]:
        """Return the tiles that became full since the last call: level, index, 8,192 bytes."""
        full, self._full = self._full, []
        return full

    def partial(self) -> Iterator[tuple[TilePath, bytes]]:
        """Yield the partial tiles of the tree as it is now, lowest level first; empty ones are left out."""
        for level in range(0, len(self._rows), HEIGHT):
            row = self._rows[level]
            if row:
                index = self._size >> (level + HEIGHT)
                yield TilePath(level=level // HEIGHT, index=index, width=len(row)), b"".join(row)

    def node(self, level: int, index: int) -> bytes | None:
        """Return a complete subtree's hash, None where a full tile holds it (or the tree has no such
        node)."""
        if level >= len(self._rows):
            return None
        above = (level // HEIGHT + 1) * HEIGHT
        at = index - (self._size >> above << (above - level))
        row = self._rows[level]
        return row[at] if 0 <= at < len(row) else None

    def edge(self) -> Edge:
        """Return the right edge."""
        levels = reversed(range(self._size.bit_length()))
        return Edge(self._size, [self._rows[level][-1] for level in levels if self._size >> level & 1])

    def root(self) -> bytes:
        """Return the root of the tree as it is now."""
        return self.edge().root()

    def copy(self) -> Self:
        """Return an independent tail at the same place. Tiles that were not taken stay with this one."""
        other = type(self)()
        other._size = self._size
        other._rows = [row.copy() for row in self._rows]
        return other

    @classmethod
    def load(cls, reader: TileReader, size: int) -> Self:
        """Rebuild the tail of the first ``size`` entries from stored full tiles and the last entries.

        Reads fewer than 256 tiles per level, and fewer than 256 entries, which it hashes. The caller compares
        the root with a signed one.

        Raises:
            CorruptLogError: a tile or an entry is missing, or has a wrong length.
        """
        tail = cls()
        tail._rows = [[] for _ in range(max(1, size.bit_length()))]
        tail._size = size
        for level in range(HEIGHT, len(tail._rows), HEIGHT):
            stop = size >> level
            for index in range(stop - stop % WIDTH, stop):
                tail._add(level, expand(read_tile(reader, level // HEIGHT - 1, index))[HEIGHT])
        stop = size % WIDTH
        last = list(islice(reader.leaves(size - stop, size), stop))
        if len(last) != stop:
            raise CorruptLogError(f"the log has {size} entries, and the last of them are missing")
        for entry in last:
            tail._add(0, leaf_hash(entry))
        return tail

    def _add(self, level: int, node: bytes) -> None:
        """Put a node at the end of its row, and up to the next tile level what it completes."""
        top = level + HEIGHT - 1
        self._rows[level].append(node)
        while len(self._rows[level]) % 2 == 0 and level < top:
            node = sha256(b"\x01" + self._rows[level][-2] + node).digest()
            level += 1
            self._rows[level].append(node)


class TileReader(Protocol):
    """The part of a log store that this module reads; the contract is the store's."""

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        """Yield the entries ``first`` to ``stop - 1``."""
        ...

    def tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile, or None."""
        ...


def read_tile(reader: TileReader, level: int, index: int) -> bytes:
    """Return a full tile that must be there.

    Raises:
        CorruptLogError: it is not, or has a wrong length.
    """
    tile = reader.tile(level, index)
    if tile is None or len(tile) != TILE_SIZE:
        raise CorruptLogError(f"tile {index} of level {level} is missing or cut short")
    return tile


def expand(tile: bytes) -> tuple[bytes, ...]:
    """Return the nine rows of a full tile's tree, each as one string of hashes: 256, 128, ... the root."""
    rows = [tile]
    while len(tile) > HASH_SIZE:
        tile = b"".join([sha256(b"\x01" + tile[at : at + 64]).digest() for at in range(0, len(tile), 64)])
        rows.append(tile)
    return tuple(rows)


class StoredNodes:
    """Any complete subtree of a committed log: from the tail, else from the store's full tiles.

    Expanded tiles (16 KiB each) are cached, the least recently used go first. Cold, a proof costs 250 hashes
    per tile level; warm, some look-ups.
    """

    def __init__(self, reader: TileReader, tail: Tail, *, cached_tiles: int = 1024) -> None:
        """Read from a store and the tail of the same log. ``tail`` is not copied: hand in one that stays."""
        self._reader = reader
        self._tail = tail
        self._limit = cached_tiles
        self._cache: dict[tuple[int, int], tuple[bytes, ...]] = {}

    def advance(self, tail: Tail) -> None:
        """Go on with the tail of the longer log, keeping the cache: full tiles never change."""
        self._tail = tail

    def node(self, level: int, index: int) -> bytes:
        """Return the hash over the entries ``index << level`` to ``((index + 1) << level) - 1``.

        Raises:
            CorruptLogError: the store lacks the tile that should hold it.
            ValueError: the log has no such subtree.
        """
        found = self._tail.node(level, index)
        if found is not None:
            return found
        if level < 0 or index < 0 or (index + 1) << level > self._tail.size:
            raise ValueError(f"a log of {self._tail.size} entries has no node ({level}, {index})")
        height = level % HEIGHT
        rows = self._rows(level // HEIGHT, index >> (HEIGHT - height))
        at = (index & ((WIDTH >> height) - 1)) * HASH_SIZE
        return rows[height][at : at + HASH_SIZE]

    def _rows(self, level: int, index: int) -> tuple[bytes, ...]:
        place = (level, index)
        rows = self._cache.pop(place, None)
        if rows is None:
            rows = expand(read_tile(self._reader, level, index))
            if len(self._cache) >= self._limit:
                del self._cache[next(iter(self._cache))]
        # A dict keeps the order of insertion: the first key is the one unused for longest.
        self._cache[place] = rows
        return rows
