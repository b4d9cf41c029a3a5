"""The sequencer: order, groups, receipts, stopping at the first error, and the checks of the start."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import (
    BusyError,
    FencedError,
    LedgerError,
    StorageFullError,
)
from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.merkle import EMPTY_ROOT, leaf_hash, root_of
from stepwarden.ledger.note import Ed25519Signer
from stepwarden.ledger.proof import (
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)
from stepwarden.ledger.sequencer import MAX_GROUP, Receipt, Sequencer
from stepwarden.ledger.store import Group, Submission
from tests.fakes_ledger import Disk, MemoryStore

ORIGIN = "log.example/test"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(32))


def opened(store: MemoryStore, limit: int = 100_000) -> Sequencer:
    return Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=limit)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


def leaf(number: int) -> Submission:
    return Submission(b"leaf %d" % number)


def rooted(disk: Disk, size: int) -> bytes:
    return root_of([leaf_hash(entry) for entry in disk.entries[:size]])


class Gate(MemoryStore):
    """A store whose commits wait until the test lets them through."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Semaphore(0)
        self.pass_through = threading.Semaphore(0)
        self.gated = False

    def commit(self, group: Group) -> None:
        if self.gated:
            self.entered.release()
            assert self.pass_through.acquire(timeout=20)
        super().commit(group)


def test_a_new_log_has_a_signed_empty_head() -> None:
    """Before the first entry there is already a checkpoint to show."""
    store = MemoryStore()
    sequencer = opened(store)
    assert (sequencer.next_index, sequencer.head.size, sequencer.head.root) == (0, 0, EMPTY_ROOT)
    assert open_checkpoint(sequencer.head.checkpoint, ORIGIN, [SIGNER.verifier]).size == 0
    assert store.load() == sequencer.head


def test_one_turn_of_the_loop_is_one_group_in_order() -> None:
    """What is submitted without an await between is committed together, in that order, under one checkpoint."""
    store = MemoryStore()

    async def story() -> None:
        sequencer = opened(store)
        futures = []
        for number in range(300):
            assert sequencer.next_index == number
            futures.append(sequencer.submit(leaf(number)))
        receipts = await asyncio.gather(*futures)
        assert len(set(receipts)) == 1
        assert receipts[0] == Receipt(size=300, checkpoint=sequencer.head.checkpoint)
        signed = open_checkpoint(receipts[0].checkpoint, ORIGIN, [SIGNER.verifier])
        assert (signed.size, signed.root) == (300, rooted(store.disk, 300))
        await sequencer.close()

    run(story)
    assert store.commits == [0, 300]
    assert store.disk.entries == [leaf(number).leaf for number in range(300)]
    assert store.disk.tiles.keys() == {(0, 0)}


def test_a_group_has_at_most_4096_entries() -> None:
    """Nobody waits behind an endless commit."""
    store = MemoryStore()

    async def story() -> None:
        sequencer = opened(store)
        futures = [sequencer.submit(leaf(number)) for number in range(10_000)]
        await asyncio.gather(*futures)
        await sequencer.close()

    run(story)
    assert store.commits == [0, MAX_GROUP, MAX_GROUP, 10_000 - 2 * MAX_GROUP]


def test_what_arrives_during_a_commit_goes_into_the_next() -> None:
    """One group is in flight; the next takes all that waits, without lingering."""
    store = Gate()

    async def story() -> None:
        sequencer = opened(store)
        store.gated = True
        first = sequencer.submit(leaf(0))
        await asyncio.to_thread(store.entered.acquire)
        later = []
        for number in range(1, 5):
            later.append(sequencer.submit(leaf(number)))
            await asyncio.sleep(0)
        assert not first.done()
        assert sequencer.head.size == 0
        store.gated = False
        store.pass_through.release()
        assert (await first).size == 1
        assert [receipt.size for receipt in await asyncio.gather(*later)] == [5] * 4
        await sequencer.close()

    run(story)
    assert store.commits == [0, 1, 4]


def test_a_full_queue_refuses_and_takes_nothing() -> None:
    """At the limit, those in flight included, submit raises; a place is free again after the commit."""
    store = Gate()

    async def story() -> None:
        sequencer = opened(store, limit=3)
        store.gated = True
        waiting = [sequencer.submit(leaf(0))]
        await asyncio.to_thread(store.entered.acquire)
        waiting += [sequencer.submit(leaf(1)), sequencer.submit(leaf(2))]
        with pytest.raises(BusyError):
            sequencer.submit(leaf(3))
        assert sequencer.next_index == 3
        store.gated = False
        store.pass_through.release()
        await asyncio.gather(*waiting)
        await sequencer.submit(leaf(3))
        await sequencer.close()

    run(story)
    assert store.disk.entries == [leaf(number).leaf for number in range(4)]


def test_a_cancelled_waiter_disturbs_nobody() -> None:
    """Who gave up waiting is recorded all the same, and the others get their receipts."""
    store = MemoryStore()

    async def story() -> None:
        sequencer = opened(store)
        given_up, kept = sequencer.submit(leaf(0)), sequencer.submit(leaf(1))
        given_up.cancel()
        assert (await kept).size == 2
        await sequencer.close()

    run(story)
    assert len(store.disk.entries) == 2


def test_a_leaf_that_is_too_long_is_refused_before_it_is_taken() -> None:
    """One bad entry must not stop the log for the others of its group."""

    async def story() -> None:
        sequencer = opened(MemoryStore())
        with pytest.raises(ValueError, match="65536 bytes"):
            sequencer.submit(Submission(bytes(65_536)))
        assert sequencer.next_index == 0
        await sequencer.submit(Submission(bytes(65_535)))
        await sequencer.close()

    run(story)


def test_close_commits_what_waits() -> None:
    """Closing drains; afterwards nothing is taken any more; closing twice is no error."""
    store = MemoryStore()

    async def story() -> None:
        sequencer = opened(store)
        futures = [sequencer.submit(leaf(number)) for number in range(50)]
        await asyncio.gather(sequencer.close(), sequencer.close())
        assert all(future.result().size == 50 for future in futures)
        with pytest.raises(LedgerError, match="closed"):
            sequencer.submit(leaf(50))
        await sequencer.close()

    run(story)
    assert threading.active_count() <= 1 + sum("ledger" not in each.name for each in threading.enumerate())


@pytest.mark.parametrize("after", [False, True], ids=["not written", "written, then failed"])
def test_nothing_is_acknowledged_after_an_error(after: bool) -> None:
    """All who wait get the error, the queue too; nothing is tried again; opening anew finds a sound log."""
    store = Gate()

    async def story() -> None:
        sequencer = opened(store)
        await asyncio.gather(*(sequencer.submit(leaf(number)) for number in range(300)))
        store.gated = True
        store.fail_next, store.fail_after_write = StorageFullError("no space"), after
        waiting = [sequencer.submit(leaf(300)), sequencer.submit(leaf(301))]
        await asyncio.to_thread(store.entered.acquire)
        for number in range(302, 305):
            waiting.append(sequencer.submit(leaf(number)))
            await asyncio.sleep(0)
        store.gated = False
        store.pass_through.release()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StorageFullError] * 5
        assert isinstance(sequencer.failed, StorageFullError)
        with pytest.raises(StorageFullError):
            sequencer.submit(leaf(305))
        assert sequencer.head.size == 300
        await sequencer.close()

    run(story)
    assert store.commits == ([0, 300, 2] if after else [0, 300])
    again = opened(MemoryStore(store.disk))
    assert again.next_index == (302 if after else 300)
    assert again.head.root == rooted(store.disk, again.next_index)


def test_an_error_nobody_waits_for_makes_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    """Dropped futures are usual for batches: their errors are in ``failed``."""
    store = MemoryStore()

    async def story() -> None:
        sequencer = opened(store)
        store.fail_next = StorageFullError("no space")
        sequencer.submit(leaf(0))
        await sequencer.close()
        assert isinstance(sequencer.failed, StorageFullError)

    run(story)
    assert caplog.records == []


def test_a_mistake_of_ours_in_the_writer_stops_the_log_too() -> None:
    """Any exception, not only the store's: nobody is left waiting."""

    class Broken(MemoryStore):
        def commit(self, group: Group) -> None:
            if group.submissions:
                raise ZeroDivisionError
            super().commit(group)

    async def story() -> None:
        sequencer = opened(Broken())
        with pytest.raises(LedgerError, match="ZeroDivisionError"):
            await sequencer.submit(leaf(0))
        assert isinstance(sequencer.failed, LedgerError)
        await sequencer.close()

    run(story)


def test_a_former_writer_stops_when_another_takes_over() -> None:
    """Two services on one log: the older one acknowledges nothing more."""
    disk = Disk()

    async def story() -> None:
        older = opened(MemoryStore(disk))
        await older.submit(leaf(0))
        newer = opened(MemoryStore(disk))
        with pytest.raises(FencedError):
            await older.submit(leaf(99))
        assert (await newer.submit(leaf(1))).size == 2
        await older.close()
        await newer.close()

    run(story)
    assert disk.entries == [leaf(0).leaf, leaf(1).leaf]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(1, 300), max_size=3), min_size=1, max_size=4), st.data())
def test_the_log_grows_the_same_across_restarts(lives: list[list[int]], data: st.DataObject) -> None:
    """However it is cut into groups and lives: same root, same tiles, proofs of any size that hold."""
    disk = Disk()

    async def live(groups: list[int]) -> None:
        sequencer = opened(MemoryStore(disk))
        assert sequencer.next_index == len(disk.entries)
        for count in groups:
            futures = [sequencer.submit(leaf(sequencer.next_index)) for _ in range(count)]
            await asyncio.gather(*futures)
        size = sequencer.head.size
        assert size == len(disk.entries)
        root = rooted(disk, size)
        assert sequencer.head.root == root
        if size:
            nodes = sequencer.proof_reader()
            index = data.draw(st.integers(0, size - 1))
            old = data.draw(st.integers(index + 1, size))
            hashed = leaf_hash(disk.entries[index])
            proof = inclusion_proof(index, old, nodes)
            verify_inclusion(index, old, hashed, proof, rooted(disk, old))
            verify_consistency(old, size, consistency_proof(old, size, nodes), rooted(disk, old), root)
        await sequencer.close()

    for groups in lives:
        asyncio.run(live(groups))
    full = len(disk.entries) // 256
    assert disk.tiles == {
        (0, index): b"".join(leaf_hash(entry) for entry in disk.entries[index * 256 : index * 256 + 256])
        for index in range(full)
    }
