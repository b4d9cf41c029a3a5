"""Tiles: paths, the growing tail, and nodes read back from what was stored."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import CorruptLogError, MalformedNoteError
from stepwarden.ledger.merkle import Edge, leaf_hash, root_of
from stepwarden.ledger.proof import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from stepwarden.ledger.tiles import TILE_SIZE, StoredNodes, Tail, TilePath
from tests.fakes_ledger import Disk, MemoryStore

PATHS = [
    ("tile/0/x001/x234/067", TilePath(level=0, index=1234067, width=256)),
    ("tile/63/000", TilePath(level=63, index=0, width=256)),
    ("tile/1/017.p/1", TilePath(level=1, index=17, width=1)),
    ("tile/0/x001/000.p/255", TilePath(level=0, index=1000, width=255)),
    ("tile/entries/273.p/112", TilePath(level=None, index=273, width=112)),
]


def entry(number: int) -> bytes:
    return b"entry %d" % number


LEAVES = [leaf_hash(entry(number)) for number in range(70_000)]


def stored(size: int) -> tuple[MemoryStore, Tail]:
    """Return a store and a tail that hold the first ``size`` entries."""
    tail = Tail()
    tail.extend(LEAVES[:size])
    tiles = {(level, index): hashes for level, index, hashes in tail.take_full()}
    return MemoryStore(Disk(entries=[entry(number) for number in range(size)], tiles=tiles)), tail


@pytest.mark.parametrize(("path", "tile"), PATHS)
def test_paths_are_spelled_as_in_the_specification(path: str, tile: TilePath) -> None:
    """A tile's path is the published one, and reads back."""
    assert tile.format() == path
    assert TilePath.parse(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/1",
        "tile/0/0001",
        "tile/00/001",
        "tile/64/001",
        "tile/99/001",
        "tile/-1/001",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/",
        "/tile/0/001",
        "tile/0/001/",
        "tile/0/001\n",
        "tile/0/٠٠١",
        "tile/0/../001",
        "tile/entries/x000/000",
    ],
)
def test_second_spellings_of_a_path_are_refused(path: str) -> None:
    """One tile has one path; a server that maps paths to files reads no other."""
    with pytest.raises(MalformedNoteError):
        TilePath.parse(path)


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 2**55), st.integers(1, 256))
def test_any_path_reads_back(level: int | None, index: int, width: int) -> None:
    """format, then parse, gives the same tile."""
    tile = TilePath(level=level, index=index, width=width)
    assert TilePath.parse(tile.format()) == tile


@given(st.text(alphabet="tile/entrsx.p0123456789-+_ \n", max_size=30))
def test_no_text_breaks_the_path_parser(text: str) -> None:
    """A text is either refused with our error or is what format writes."""
    try:
        found = TilePath.parse(text)
    except MalformedNoteError:
        return
    assert found.format() == text


def test_the_tail_follows_the_definition_at_every_size() -> None:
    """After each append, across tile boundaries, root and edge are those of a plain right edge."""
    tail, edge = Tail(), Edge()
    for number in range(66_000):
        if number < 600 or number % 256 in (0, 1, 255):
            assert tail.edge().nodes == edge.nodes
            assert (tail.size, tail.root()) == (number, edge.root())
        tail.append(LEAVES[number])
        edge.append(LEAVES[number])
        tail.take_full()


@given(st.lists(st.integers(0, 700), max_size=6))
@settings(max_examples=40)
def test_extending_is_appending(counts: list[int]) -> None:
    """However the leaves are cut into groups, the same tiles come out and the same tail stays."""
    one, many = Tail(), Tail()
    at = 0
    for count in counts:
        many.extend(LEAVES[at : at + count])
        for leaf in LEAVES[at : at + count]:
            one.append(leaf)
        at += count
        assert one.take_full() == many.take_full()
        assert (one.size, one.root()) == (many.size, many.root())
        assert list(one.partial()) == list(many.partial())


def test_the_specification_s_example_of_70000_entries() -> None:
    """273 full tiles and one of 112 at level 0, one full and one of 17 at level 1, one of 1 at level 2."""
    store, tail = stored(70_000)
    assert sum(level == 0 for level, _ in store.disk.tiles) == 273
    assert sum(level == 1 for level, _ in store.disk.tiles) == 1
    assert {len(tile) for tile in store.disk.tiles.values()} == {TILE_SIZE}
    assert [(path.level, path.index, path.width) for path, _ in tail.partial()] == [
        (0, 273, 112),
        (1, 1, 17),
        (2, 0, 1),
    ]
    # Each hash of a level is the root of the full tile below it.
    assert store.disk.tiles[1, 0][32:64] == root_of(LEAVES[256:512])


@pytest.mark.parametrize(
    "size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 1024, 65_535, 65_536, 65_537, 70_000]
)
def test_a_tail_is_rebuilt_from_the_store(size: int) -> None:
    """Loading gives the same tail as having appended everything, and it goes on the same way."""
    store, tail = stored(size)
    loaded = Tail.load(store, size)
    assert loaded.root() == tail.root()
    assert list(loaded.partial()) == list(tail.partial())
    for number in range(260):
        loaded.append(LEAVES[number])
        tail.append(LEAVES[number])
    assert loaded.root() == tail.root()
    assert loaded.take_full() == tail.take_full()


def test_a_missing_tile_stops_the_rebuilding() -> None:
    """A log whose tile is gone or cut short is named corrupt, not rebuilt around the hole."""
    store, _ = stored(600)
    tile = store.disk.tiles[0, 1]
    for broken in ({}, {(0, 1): tile[:-32]}):
        store.disk.tiles = {(0, 0): store.disk.tiles[0, 0], **broken}
        with pytest.raises(CorruptLogError, match="tile 1 of level 0"):
            Tail.load(store, 600)


def test_missing_last_entries_stop_the_rebuilding() -> None:
    """A log that is shorter than its head says is named corrupt."""
    store, _ = stored(600)
    store.disk.entries.pop()
    with pytest.raises(CorruptLogError, match="600 entries"):
        Tail.load(store, 600)


def test_a_copy_of_the_tail_goes_its_own_way() -> None:
    """A writer that fails leaves the published tail as it was."""
    _, tail = stored(300)
    before = tail.root(), list(tail.partial())
    tail.copy().extend(LEAVES[:600])
    assert (tail.root(), list(tail.partial())) == before


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_proofs_of_any_committed_size_come_from_tiles(data: st.DataObject) -> None:
    """Inclusion and consistency proofs for older sizes verify, read from full tiles and the tail."""
    total = data.draw(st.sampled_from([1, 255, 256, 700, 1300]))
    size = data.draw(st.integers(1, total))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    store, tail = stored(total)
    nodes = StoredNodes(store, tail, cached_tiles=2)
    root = root_of(LEAVES[:size])
    verify_inclusion(index, size, LEAVES[index], inclusion_proof(index, size, nodes), root)
    proof = consistency_proof(old, size, nodes)
    verify_consistency(old, size, proof, root_of(LEAVES[:old]), root)


def test_nodes_over_three_tile_levels() -> None:
    """Every complete subtree is found, whichever level of tiles holds it."""
    store, tail = stored(66_000)
    nodes = StoredNodes(store, tail)
    for level in range(17):
        for index in {0, 1, (66_000 >> level) // 2, (66_000 >> level) - 1}:
            if (index + 1) << level <= 66_000 and index >= 0:
                part = LEAVES[index << level : (index + 1) << level]
                assert nodes.node(level, index) == root_of(part), (level, index)


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    """The least recently used tile goes first; full tiles are read once while they stay."""
    store, tail = stored(1300)
    reads: list[tuple[int, int]] = []

    class Counting(MemoryStore):
        def tile(self, level: int, index: int) -> bytes | None:
            reads.append((level, index))
            return super().tile(level, index)

    nodes = StoredNodes(Counting(store.disk), tail, cached_tiles=2)
    for index in (0, 256, 0, 512, 0, 256):
        nodes.node(0, index)
    assert reads == [(0, 0), (0, 1), (0, 2), (0, 1)]


@pytest.mark.parametrize(("level", "index"), [(0, 300), (8, 1), (9, 0), (0, -1), (-1, 0), (64, 0)])
def test_nodes_that_are_not_in_the_tree_are_a_mistake(level: int, index: int) -> None:
    """Asking for an incomplete subtree never gives a hash."""
    store, tail = stored(300)
    with pytest.raises(ValueError, match="no node"):
        StoredNodes(store, tail).node(level, index)


def test_advancing_reads_the_new_tiles() -> None:
    """After a commit the same reader proves the longer log."""
    store, tail = stored(200)
    nodes = StoredNodes(store, tail)
    longer = tail.copy()
    longer.extend(LEAVES[200:600])
    store.disk.tiles = {(level, index): hashes for level, index, hashes in longer.take_full()}
    nodes.advance(longer)
    root = root_of(LEAVES[:600])
    for index in (0, 199, 200, 599):
        verify_inclusion(index, 600, LEAVES[index], inclusion_proof(index, 600, nodes), root)
