"""Power cuts and failing disks: what was acknowledged is there, and the rest is all of a group or none of it."""

import random
from pathlib import Path

import apsw
import pytest

from stepwarden.errors import StorageError
from stepwarden.ledger.store import SideWrite, Submission
from stepwarden.storage.sqlite.log import SqliteLogStore
from tests.crash.disk import Disk, Image, installed
from tests.storage.conformance import group

GROUPS = 24


def submissions(number: int) -> list[Submission]:
    """Group ``number``: one to four entries, some long, with openings and a side row that names the group."""
    side = (SideWrite("newest", b"group", b"%d" % number),)
    return [
        Submission(b"%d/%d " % (number, place) + bytes(700 * (number % 5)), b"sealed %d" % number, side)
        for place in range(1 + number % 4)
    ]


def write(path: Path, acknowledged: list[int]) -> None:
    """Commit groups, moving the write-ahead log now and then; stops at the first error."""
    store = SqliteLogStore.open(path, checkpoint_seconds=600)
    try:
        epoch, first = store.take_over(), 0
        for number in range(GROUPS):
            added = submissions(number)
            tiles = [(0, number // 5, bytes([number]) * 8192)] if number % 5 == 0 else []
            store.commit(group(first, added, epoch, tiles))
            acknowledged.append(number)
            first += len(added)
            if number % 7 == 6:
                store._checkpointer.attempt()
    finally:
        store.close()


def check(path: Path, acknowledged: int) -> int:
    """Open what is left, compare it with a prefix of whole groups, and go on; the number of groups found."""
    store = SqliteLogStore.open(path)
    leaves = list(store.leaves(0, 10_000))
    groups, wanted = 0, list[bytes]()
    while len(wanted) < len(leaves):
        wanted += [each.leaf for each in submissions(groups)]
        groups += 1
    assert leaves == wanted
    assert groups >= acknowledged, "an acknowledged group is lost"
    head = store.load()
    assert (head.size if head else 0) == len(leaves)
    assert store.side("newest", b"group") == (b"%d" % (groups - 1) if groups else None)
    assert len(list(store.openings(0, 10_000))) == len(leaves)
    assert [store.tile(0, n) is not None for n in range(6)] == [n * 5 < groups for n in range(6)]
    store.commit(group(len(leaves), [Submission(b"goes on")], store.take_over()))
    store.close()
    return groups


def place(image: Image, folder: Path) -> Path:
    folder.mkdir()
    for name, data in image.items():
        (folder / name).write_bytes(data)
    return folder / "log.db"


@pytest.mark.parametrize("seed", range(3))
def test_power_loss_at_any_write_keeps_what_was_acknowledged(tmp_path: Path, seed: int) -> None:
    """The power goes before a write, a sync, in the middle of a checkpoint: unsynced sectors are lost at random."""
    chance = random.Random(seed)
    images: list[tuple[int, Image]] = []
    acknowledged: list[int] = []
    (tmp_path / "live").mkdir()
    with installed() as disk:

        def photograph(operation: str, name: str) -> None:
            if acknowledged and chance.random() < 0.12:
                images.append((len(acknowledged), disk.cut(chance)))

        disk.before = photograph
        write(tmp_path / "live" / "log.db", acknowledged)
    assert len(acknowledged) == GROUPS
    assert len(images) > 20
    found = [
        check(place(image, tmp_path / str(number)), count)
        for number, (count, image) in enumerate(chance.sample(images, 20))
    ]
    assert len(set(found)) > 3


@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "failed but persisted"])
@pytest.mark.parametrize("operation", ["write", "sync"])
def test_a_disk_that_fails_stops_the_store(tmp_path: Path, operation: str, persisted: bool) -> None:
    """Each n-th write and sync fails once: an error of ours, nothing acknowledged after it, a sound log."""
    failures = 0
    for fail_at in (*range(1, 30, 3), 40, 60, 80):
        folder = tmp_path / str(fail_at)
        folder.mkdir()
        acknowledged: list[int] = []
        with installed() as disk:
            fail(disk, operation, fail_at, persisted)
            try:
                write(folder / "log.db", acknowledged)
            except StorageError:
                failures += 1
        check(folder / "log.db", len(acknowledged))
    assert failures > 5


def fail(disk: Disk, operation: str, fail_at: int, persisted: bool) -> None:
    """Let one operation of a kind fail, before or after it was done."""
    seen = 0

    def count(done: str, name: str) -> None:
        nonlocal seen
        if done == operation:
            seen += 1
            if seen == fail_at:
                raise apsw.IOError("the disk of this test fails")

    if persisted:
        disk.after = count
    else:
        disk.before = count


def test_after_a_failed_sync_nothing_is_committed_any_more(tmp_path: Path) -> None:
    """The kernel may have dropped the pages: a second sync that succeeds would prove nothing."""
    with installed() as disk:
        store = SqliteLogStore.open(tmp_path / "log.db", checkpoint_seconds=600)
        epoch = store.take_over()
        store.commit(group(0, submissions(0), epoch, [(0, 0, bytes(8192))]))
        fail(disk, "sync", 1, persisted=False)
        with pytest.raises(StorageError, match="the disk failed under"):
            store.commit(group(1, submissions(1), epoch))
        with pytest.raises(StorageError, match="the disk failed under"):
            store.commit(group(1, submissions(1), epoch))
        store.close()
    check(tmp_path / "log.db", 1)


@pytest.mark.parametrize("work", ["erase", "prune", "scrub"])
def test_after_failed_upkeep_nothing_is_committed_any_more(tmp_path: Path, work: str) -> None:
    """A sync that failed under an erasure leaves the file as unknown as one that failed under a commit."""
    with installed() as disk:
        store = SqliteLogStore.open(tmp_path / "log.db", checkpoint_seconds=600)
        epoch = store.take_over()
        store.commit(group(0, [Submission(b"%d" % n, b"sealed") for n in range(1_024)], epoch))
        fail(disk, "sync", 1, persisted=False)
        # Where the write-ahead log is moved first, that may fail without harm; the first transaction may not.
        store._checkpointer.attempt = lambda: None  # type: ignore[method-assign]
        with pytest.raises(StorageError, match="the disk failed under"):
            {
                "erase": lambda: store.erase_openings([3]),
                "prune": lambda: store.prune(512),
                "scrub": store.scrub,
            }[work]()
        with pytest.raises(StorageError, match="the disk failed under"):
            store.commit(group(1_024, submissions(1), epoch))
        with pytest.raises(StorageError, match="the disk failed under"):
            store.erase_openings([4])
        store.close()
    store = SqliteLogStore.open(tmp_path / "log.db")
    floor = store.floor()
    assert list(store.leaves(floor, 2_000)) == [b"%d" % n for n in range(floor, 1_024)]
    store.close()


def test_a_failing_checkpoint_is_remembered_and_commits_go_on(tmp_path: Path) -> None:
    """The entries are safe in the write-ahead log: it is tried again, and the failure can be asked for."""
    with installed() as disk:
        store = SqliteLogStore.open(tmp_path / "log.db", checkpoint_seconds=0.005)
        epoch = store.take_over()

        def fail_database(operation: str, name: str) -> None:
            if operation in ("write", "sync") and name == "log.db":
                raise apsw.IOError("the disk of this test fails")

        disk.before = fail_database
        first = number = 0
        while store.checkpoint_failure is None:
            store.commit(group(first, submissions(number), epoch))
            first, number = first + len(submissions(number)), number + 1
        assert "the disk failed under" in str(store.checkpoint_failure)
        disk.before = lambda operation, name: None
        while store.checkpoint_failure is not None:
            store.commit(group(first, submissions(number), epoch))
            first, number = first + len(submissions(number)), number + 1
        assert len(list(store.leaves(0, first + 1))) == first
        store.close()
