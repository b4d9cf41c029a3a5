"""The files of a log: against the definition, and copies that grow in any steps end as the same files."""

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import CorruptLogError
from stepwarden.ledger.merkle import leaf_hash, root_of
from stepwarden.ledger.publish import MAX_BUNDLE, files_between, format_bundle
from stepwarden.ledger.store import MAX_LEAF, Group, Head, Submission
from stepwarden.ledger.tiles import Tail, TilePath
from tests.fakes_ledger import MemoryStore


class Log(NamedTuple):
    """A log of so many entries."""

    store: MemoryStore
    entries: list[bytes]


def log_of(size: int) -> Log:
    store, tail = MemoryStore(), Tail()
    entries = [b"entry %d" % number for number in range(size)]
    tail.extend([leaf_hash(entry) for entry in entries])
    head = Head(size=size, root=tail.root(), checkpoint="", epoch=0)
    store.commit(
        Group(first=0, submissions=[Submission(e) for e in entries], tiles=tail.take_full(), head=head)
    )
    return Log(store, entries)


LONG = log_of(66_100)


def oracle(entries: list[bytes], size: int) -> dict[str, bytes]:
    """Every file of a log, from the specification's words and the recursive definition of the tree."""
    files = {}
    for start in range(0, size, 256):
        width = min(256, size - start)
        bundle = b"".join(len(e).to_bytes(2, "big") + e for e in entries[start : start + width])
        files[TilePath(level=None, index=start // 256, width=width).format()] = bundle
    hashes, level = [leaf_hash(entry) for entry in entries[:size]], 0
    while hashes:
        for start in range(0, len(hashes), 256):
            part = hashes[start : start + 256]
            files[TilePath(level=level, index=start // 256, width=len(part)).format()] = b"".join(part)
        whole = len(hashes) // 256
        hashes, level = [root_of(hashes[n * 256 : n * 256 + 256]) for n in range(whole)], level + 1
    return files


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 1000])
def test_a_new_copy_gets_every_file_of_the_definition(size: int) -> None:
    """From nothing to each size: these files, these bytes, none twice."""
    found = list(files_between(LONG.store, 0, size))
    assert dict(found) == oracle(LONG.entries, size)
    assert len(found) == len(dict(found))


def test_three_levels_of_tiles_are_made() -> None:
    """A log of 66,100 entries has partial tiles on levels 0, 1 and 2, as the specification counts them."""
    files = dict(files_between(LONG.store, 0, 66_100))
    assert files == oracle(LONG.entries, 66_100)
    ends = {path: len(data) // 32 for path, data in files.items() if ".p/" in path and "entries" not in path}
    assert ends == {"tile/0/258.p/52": 52, "tile/1/001.p/2": 2, "tile/2/000.p/1": 1}


def test_files_come_in_the_order_in_which_they_must_be_written() -> None:
    """Entries, then tiles from the lowest level up: whoever is stopped has no tile without what is below."""
    paths = [TilePath.parse(path) for path, _ in files_between(LONG.store, 65_000, 66_100)]
    ranks = [(-1 if p.level is None else 0 if p.width == 256 else 1) for p in paths]
    assert ranks == sorted(ranks)
    full = [p.level or 0 for p in paths if p.level is not None and p.width == 256]
    assert full == sorted(full)
    assert full[0] == 0
    assert full[-1] == 1


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 1_500) | st.sampled_from([255, 256, 257, 512, 65_536, 66_000]), max_size=5)
)
def test_growing_in_steps_gives_what_growing_at_once_gives(sizes: list[int]) -> None:
    """Any steps: the copy has all files of its size, and what it had before it still has, unchanged."""
    files: dict[str, bytes] = {}
    at = 0
    for size in sorted(sizes):
        for path, data in files_between(LONG.store, at, size):
            assert files.setdefault(path, data) == data
        at = size
    wanted = dict(files_between(LONG.store, 0, at))
    assert wanted.items() <= files.items()
    assert all(".p/" in path for path in files.keys() - wanted.keys())


def test_what_has_not_changed_is_not_made_again() -> None:
    """44 entries more touch one bundle and one tile, not the partial tile above them."""
    paths = [path for path, _ in files_between(LONG.store, 256, 300)]
    assert paths == ["tile/entries/001.p/44", "tile/0/001.p/44"]


def test_nothing_new_is_nothing_to_write() -> None:
    """A copy that is up to date costs no look at the log at all."""
    assert list(files_between(MemoryStore(), 12, 12)) == []


def test_a_copy_cannot_shrink() -> None:
    """Sizes that make no sense are our own mistake."""
    for old, new in ((2, 1), (-1, 1)):
        with pytest.raises(ValueError, match="grow"):
            list(files_between(LONG.store, old, new))


def test_a_log_that_lost_entries_or_tiles_is_not_published() -> None:
    """The copy stops at the damage: nothing wrong is written after it."""
    log = log_of(700)
    with pytest.raises(CorruptLogError, match="entry 700 of 701"):
        list(files_between(log.store, 0, 701))
    del log.store.disk.tiles[0, 1]
    with pytest.raises(CorruptLogError, match="tile 1 of level 0"):
        list(files_between(log.store, 0, 700))


def test_a_bundle_holds_the_longest_entries() -> None:
    """256 entries of 65,535 bytes are the largest bundle there is; one byte more in an entry is our mistake."""
    assert len(format_bundle([bytes(MAX_LEAF)] * 256)) == MAX_BUNDLE
    with pytest.raises(OverflowError):
        format_bundle([bytes(MAX_LEAF + 1)])
