"""The verifier of whole logs: a good one passes, and each attack is found in the step that is for it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from stepwarden.errors import CorruptLogError, LedgerError, RollbackError, StorageCorruptError
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import Ed25519Signer, sign_note
from stepwarden.ledger.store import Group, Head, Submission
from stepwarden.ledger.tiles import Tail
from stepwarden.ledger.verify import Report, verify_log
from tests.fakes_ledger import Disk, MemoryStore

ORIGIN = "log.example/ours"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(range(32)))
KEYS = [SIGNER.verifier]
SIZES = [1, 7, 256, 300, 700]


def checkpoint(tail: Tail, *, origin: str = ORIGIN, signer: Ed25519Signer = SIGNER) -> str:
    return sign_note(Checkpoint(origin=origin, size=tail.size, root=tail.root()).format(), [signer])


def grow(store: MemoryStore, tail: Tail, entries: list[bytes]) -> str:
    """Commit the entries as one group, as a good log does; return the signed checkpoint."""
    first = tail.size
    tail.extend([leaf_hash(entry) for entry in entries])
    head = Head(size=tail.size, root=tail.root(), checkpoint=checkpoint(tail), epoch=store.disk.epoch)
    group = Group(
        first=first, submissions=[Submission(entry) for entry in entries], tiles=tail.take_full(), head=head
    )
    store.commit(group)
    return head.checkpoint


def good_log(sizes: list[int] = SIZES, mark: bytes = b"entry") -> tuple[MemoryStore, list[str]]:
    """Return a log that was committed in groups, and its checkpoint after each."""
    store, tail = MemoryStore(), Tail()
    store.take_over()
    notes = [
        grow(store, tail, [b"%s %d" % (mark, number) for number in range(tail.size, size)]) for size in sizes
    ]
    return store, notes


def check(store: MemoryStore, earlier: list[str] | None = None) -> Report:
    return verify_log(store, origin=ORIGIN, verifiers=KEYS, earlier=earlier or [])


def failed(report: Report) -> list[int]:
    return [step.number for step in report.steps if not step.ok]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 4096, 4097, 66_000])
def test_a_good_log_passes_with_all_its_past(size: int) -> None:
    """Whatever its size, with every earlier checkpoint given, each step holds and counts what it saw."""
    store, notes = good_log(sorted({1, size // 2 or 1, size}))
    report = check(store, notes)
    assert report.ok, str(report)
    assert [step.number for step in report.steps] == [1, 2, 3, 4, 5]
    assert [step.count for step in report.steps] == [1, size, size, len(store.disk.tiles), len(notes)]
    assert (report.size, report.root) == (size, store.disk.head.root if store.disk.head else b"")
    report.raise_failure()


def test_an_empty_signed_log_passes() -> None:
    """A log that has signed its empty tree is a log."""
    store, tail = MemoryStore(), Tail()
    note = grow(store, tail, [])
    assert check(store, [note]).ok


def test_no_log_at_all_is_no_good_log() -> None:
    """Deleting everything is not a way to pass."""
    report = check(MemoryStore())
    assert 1 in failed(report)
    with pytest.raises(CorruptLogError, match="no head"):
        report.raise_failure()


def edit_entry(disk: Disk) -> None:
    disk.entries[300] += b"!"


def edit_entry_and_tile(disk: Disk) -> None:
    edit_entry(disk)
    tail = Tail()
    tail.extend([leaf_hash(entry) for entry in disk.entries])
    disk.tiles = {(level, index): hashes for level, index, hashes in tail.take_full()}


def swap_entries(disk: Disk) -> None:
    disk.entries[699], disk.entries[698] = disk.entries[698], disk.entries[699]


def insert_entry(disk: Disk) -> None:
    disk.entries.insert(100, b"inserted")


def remove_entry(disk: Disk) -> None:
    del disk.entries[100]


def remove_all(disk: Disk) -> None:
    disk.entries.clear()


def append_unsigned(disk: Disk) -> None:
    disk.entries.append(b"not in the head")


def lengthen_entry(disk: Disk) -> None:
    disk.entries[5] = b"x" * 65_536


def drop_tile(disk: Disk) -> None:
    del disk.tiles[0, 1]


def edit_tile(disk: Disk) -> None:
    disk.tiles[0, 0] = bytes(32) + disk.tiles[0, 0][32:]


def add_tile_beyond(disk: Disk) -> None:
    disk.tiles[0, 2] = bytes(8192)


def add_tile_above(disk: Disk) -> None:
    disk.tiles[1, 0] = bytes(8192)


def edit_head_size(disk: Disk) -> None:
    assert disk.head
    disk.head = replace(disk.head, size=699)


def edit_head_root(disk: Disk) -> None:
    assert disk.head
    disk.head = replace(disk.head, root=bytes(32))


def break_signature(disk: Disk) -> None:
    assert disk.head
    at = disk.head.checkpoint.rindex(" ") + 10
    note = disk.head.checkpoint
    disk.head = replace(disk.head, checkpoint=note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :])


def mangle_checkpoint(disk: Disk) -> None:
    assert disk.head
    disk.head = replace(disk.head, checkpoint="rubbish")


def sign_with_another_key(disk: Disk) -> None:
    assert disk.head
    thief = Ed25519Signer.from_seed(ORIGIN, bytes(32))
    claim = Checkpoint(origin=ORIGIN, size=disk.head.size, root=disk.head.root)
    disk.head = replace(disk.head, checkpoint=sign_note(claim.format(), [thief]))


def sign_for_another_origin(disk: Disk) -> None:
    assert disk.head
    claim = Checkpoint(origin="log.example/other", size=disk.head.size, root=disk.head.root)
    disk.head = replace(disk.head, checkpoint=sign_note(claim.format(), [SIGNER]))


@pytest.mark.parametrize(
    ("attack", "steps"),
    [
        (edit_entry, [3, 4, 5]),
        (edit_entry_and_tile, [3, 5]),
        (swap_entries, [3, 5]),
        (insert_entry, [2, 3, 4, 5]),
        (remove_entry, [2, 3, 4, 5]),
        (remove_all, [2, 3, 4, 5]),
        (append_unsigned, [2]),
        (lengthen_entry, [2, 3, 4, 5]),
        (drop_tile, [4]),
        (edit_tile, [4]),
        (add_tile_beyond, [4]),
        (add_tile_above, [4]),
        (edit_head_size, [1, 2, 3, 5]),
        (edit_head_root, [1, 3]),
        (break_signature, [1]),
        (mangle_checkpoint, [1]),
        (sign_with_another_key, [1]),
        (sign_for_another_origin, [1]),
    ],
)
def test_each_attack_is_found(attack: Callable[[Disk], None], steps: list[int]) -> None:
    """Exactly the steps that are for it fail, nothing is raised until asked."""
    store, notes = good_log()
    assert check(store, notes).ok
    attack(store.disk)
    report = check(store, notes)
    assert failed(report) == steps, str(report)
    with pytest.raises(LedgerError):
        report.raise_failure()


def test_a_log_rolled_back_to_an_old_head_is_found_by_an_old_checkpoint_alone() -> None:
    """Entries, tiles and signed head of an earlier state are a good log, until somebody kept a later checkpoint."""
    _, notes = good_log()
    old, _ = good_log([1, 7, 256, 300])
    assert check(old).ok
    report = check(old, notes)
    assert failed(report) == [5]
    with pytest.raises(RollbackError, match="700 entries, which this log does not reach"):
        report.raise_failure()


def test_a_rewritten_log_signed_by_the_operator_is_found_by_an_old_checkpoint() -> None:
    """Who holds the key can sign another history, but not one that leads to a checkpoint kept elsewhere."""
    _, notes = good_log()
    forged, _ = good_log(mark=b"forged")
    assert check(forged).ok
    report = check(forged, notes[1:2])
    assert failed(report) == [5]
    with pytest.raises(RollbackError, match="number 1 has another root over 7 entries"):
        report.raise_failure()


def test_an_earlier_checkpoint_that_proves_nothing_is_named() -> None:
    """Rubbish or a stranger's note among the earlier ones fails the step: silence would look like proof."""
    store, notes = good_log()
    for bad in ("rubbish", sign_note("a\n1\nAAAA\n", [SIGNER])):
        report = check(store, [notes[0], bad, notes[1]])
        assert failed(report) == [5]
        assert "number 2 is unusable" in report.steps[4].detail


def test_two_claims_of_one_size_are_both_compared() -> None:
    """The same checkpoint twice is fine; a fork at that size is not."""
    store, notes = good_log()
    _, forged = good_log(mark=b"forged")
    assert check(store, [notes[2], notes[2]]).ok
    assert failed(check(store, [notes[2], forged[2]])) == [5]


def test_a_store_that_cannot_be_read_fails_steps_and_raises_nothing() -> None:
    """The storage's own error becomes the step's, and the rest of the report still says how far it got."""
    store, _ = good_log([5000])

    class Damaged(MemoryStore):
        def leaves(self, first: int, stop: int) -> Iterator[bytes]:
            yield from self.disk.entries[first:4500]
            raise StorageCorruptError("a page is damaged")

    class Headless(MemoryStore):
        def load(self) -> Head | None:
            raise StorageCorruptError("a page is damaged")

    report = check(Damaged(store.disk))
    assert failed(report) == [2, 3, 4]
    assert report.size == 4096
    assert "a page is damaged" in str(report)
    assert 1 in failed(check(Headless(store.disk)))


def test_progress_is_told_up_to_the_end() -> None:
    """It rises, and ends at the size of the log."""
    store, notes = good_log([10_000])
    seen: list[tuple[int, int]] = []
    verify_log(
        store, origin=ORIGIN, verifiers=KEYS, earlier=notes, progress=lambda at, of: seen.append((at, of))
    )
    assert seen == [(4096, 10_000), (8192, 10_000), (10_000, 10_000)]


def test_many_damages_are_counted_and_a_few_are_named() -> None:
    """A report of a ruined log stays short."""
    store, _ = good_log([5000])
    store.disk.tiles = {place: bytes(8192) for place in store.disk.tiles}
    step = check(store).steps[3]
    assert step.detail.endswith("tile 4 of level 0 and 14 more")
    assert step.count == 19


def test_what_a_running_service_appends_meanwhile_is_no_failure() -> None:
    """The log is checked as it was at the start; entries and tiles that a newer head counts are not beyond it."""

    class Growing(MemoryStore):
        def leaves(self, first: int, stop: int) -> Iterator[bytes]:
            while first < min(stop, len(self.disk.entries)):
                yield self.disk.entries[first]
                first += 1

    store, tail = Growing(), Tail()
    grow(store, tail, [b"entry"] * 300)

    def meanwhile(_: int, __: int) -> None:
        grow(store, tail, [b"later"] * 600)

    report = verify_log(store, origin=ORIGIN, verifiers=KEYS, progress=meanwhile)
    assert report.ok, str(report)
    assert report.size == 300
    assert store.disk.tiles.keys() >= {(0, 1), (0, 2)}


def test_a_pruned_log_verifies_from_its_tiles_and_says_so() -> None:
    """Entries before the floor count by their hashes; what is left is read, and old checkpoints still fit."""
    store, notes = good_log([1, 300, 700, 1000])
    store.prune(512)
    taken: list[int] = []
    report = verify_log(
        store,
        origin=ORIGIN,
        verifiers=KEYS,
        earlier=notes,
        entries=lambda first, leaves: taken.extend(range(first, first + len(leaves))),
    )
    assert report.ok, str(report)
    assert "those before 512 were pruned" in report.steps[1].detail
    assert taken == list(range(512, 1000))


@pytest.mark.parametrize("tile", [(0, 0), (0, 1), (0, 2)])
def test_a_changed_tile_is_found_in_a_pruned_log_too(tile: tuple[int, int]) -> None:
    """A hash of a pruned entry cannot be exchanged: the root is signed."""
    store, _ = good_log([1000])
    store.prune(512)
    store.disk.tiles[tile] = bytes(32) + store.disk.tiles[tile][32:]
    assert set(failed(check(store))) & {3, 4}


def test_a_log_that_is_pruned_while_it_is_read_still_verifies() -> None:
    """The reader goes on from the tiles."""
    store, _ = good_log([10_000])

    def prune(done: int, _: int) -> None:
        if done == 4_096:
            store.prune(8_192)

    report = verify_log(store, origin=ORIGIN, verifiers=KEYS, progress=prune)
    assert report.ok, str(report)
