"""A checkpoint from elsewhere beside a log: the four answers, and the one that is none."""

from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import CorruptLogError
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.compare import Finding, History, compare
from stepwarden.ledger.merkle import leaf_hash, root_of
from stepwarden.ledger.note import Ed25519Signer, sign_note
from stepwarden.ledger.store import Group, Head, Submission
from stepwarden.ledger.tiles import Tail
from tests.fakes_ledger import MemoryStore

ORIGIN = "log.example/compared"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(32))
OTHER = Ed25519Signer.from_seed(ORIGIN, bytes([1]) * 32)


def note_of(size: int, root: bytes, signer: Ed25519Signer = SIGNER, origin: str = ORIGIN) -> str:
    return sign_note(Checkpoint(origin=origin, size=size, root=root).format(), [signer])


@lru_cache(maxsize=64)
def log_of(size: int, fork_at: int = -1) -> MemoryStore:
    """A log of so many entries; from ``fork_at`` on others than in the first."""
    store, tail = MemoryStore(), Tail()
    leaves = [b"%d" % n if fork_at < 0 or n < fork_at else b"other %d" % n for n in range(size)]
    tail.extend([leaf_hash(leaf) for leaf in leaves])
    head = Head(size=size, root=tail.root(), checkpoint=note_of(size, tail.root()), epoch=store.take_over())
    store.commit(Group(first=0, submissions=list(map(Submission, leaves)), tiles=tail.take_full(), head=head))
    return store


def head_of(store: MemoryStore) -> Head:
    head = store.load()
    assert head is not None
    return head


def compared(store: MemoryStore, note: str) -> Finding:
    return compare(store, head_of(store), note, [SIGNER.verifier], ORIGIN)


sizes = st.one_of(st.integers(0, 1_300), st.sampled_from([255, 256, 257, 511, 512, 513, 1_024, 1_025]))


@settings(deadline=None, max_examples=60)
@given(ours=sizes, theirs=sizes, fork=st.one_of(st.just(-1), st.integers(0, 1_300)))
def test_every_pair_of_logs_is_told_apart(ours: int, theirs: int, fork: int) -> None:
    """Whatever the sizes and wherever they part, the answer is what the entries themselves say."""
    here, there = log_of(ours), log_of(theirs, fork)
    found = compared(here, head_of(there).checkpoint)
    if theirs > ours:
        assert found.kind == "ahead"
    elif root_of([leaf_hash(one) for one in here.disk.entries[:theirs]]) != head_of(there).root:
        assert found.kind == "fork"
    else:
        assert found.kind == ("same" if ours == theirs else "behind")
    assert found.contradicts == (found.kind in ("ahead", "fork"))
    assert found.claim is not None
    assert (found.claim.size, found.claim.root) == (theirs, head_of(there).root)


@settings(deadline=None)
@given(size=sizes)
def test_the_root_at_every_size_is_the_one_that_the_definition_gives(size: int) -> None:
    """Recomputed from tiles it is what all the entries lead to."""
    store = log_of(1_300)
    history = History(store, head_of(store))
    assert history.root_at(size) == root_of([leaf_hash(one) for one in store.disk.entries[:size]])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "no note at all",
        note_of(5, bytes(32), OTHER),
        note_of(5, bytes(32), Ed25519Signer.from_seed("log.example/other", bytes(32)), "log.example/other"),
        note_of(5, bytes(32), SIGNER, "log.example/other"),
        note_of(5, bytes(32)).replace("\n5\n", "\n6\n"),
    ],
    ids=["empty", "no-note", "unknown-key", "other-log", "other-origin-our-key", "bad-signature"],
)
def test_attack_a_note_that_proves_nothing_passes_for_agreement(note: str) -> None:
    """Unsigned, another log's or changed: unusable, which is neither agreement nor a contradiction."""
    found = compared(log_of(10), note)
    assert (found.kind, found.claim, found.contradicts) == ("unusable", None, False)
    assert found.detail


@pytest.mark.parametrize(("size", "tile", "at"), [(1_300, 1, 300), (65_536 + 300, 3, 3 * 256 + 44)])
def test_attack_a_tile_and_the_old_root_are_changed_together(size: int, tile: int, at: int) -> None:
    """Tiles that lead to a forged old root do not lead to the signed head: our log is damaged, and says so.

    In a log of more than one tile of tiles that tile is not read until somebody asks for that size.
    """
    whole = log_of(size)
    store = MemoryStore()
    store.disk.entries, store.disk.head = whole.disk.entries, whole.disk.head
    store.disk.tiles = dict(whole.disk.tiles)
    changed = bytearray(store.disk.tiles[0, tile])
    changed[0] ^= 1
    store.disk.tiles[0, tile] = bytes(changed)
    with pytest.raises(CorruptLogError):
        History(store, head_of(store)).root_at(at)
    assert History(whole, head_of(whole)).root_at(at)


@pytest.mark.parametrize("size", [0, 300, 400])
def test_a_head_that_its_tiles_do_not_lead_to_is_no_log_to_compare_with(size: int) -> None:
    """Otherwise whoever writes the head decides what is found."""
    store = log_of(300)
    head = head_of(store)
    forged = Head(size=head.size, root=bytes(32), checkpoint=head.checkpoint, epoch=1)
    with pytest.raises(CorruptLogError):
        compare(store, forged, head_of(log_of(size)).checkpoint, [SIGNER.verifier], ORIGIN)


def test_a_size_that_the_log_does_not_have_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="had no root"):
        History(log_of(3), head_of(log_of(3))).root_at(4)
