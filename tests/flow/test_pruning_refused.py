"""What pruning refuses: no archive or a wrong one, impossible floors, no rule, forged states; nothing goes then."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwarden.app.node import Node
from stepwarden.errors import ArchiveError, ArchiveForkError, CorruptLogError, InputError, StorageError
from stepwarden.flow import state_dump
from stepwarden.flow.pruning import plan
from tests.flow.flow_house import House
from tests.flow.pruning_house import RULE, attempts, attempts_of_bob, filled, pruned, replayed


@pytest.fixture
def house(names: list[str], tmp_path: Path) -> House:
    """A copy of the long log."""
    return House(tmp_path / "data")


def test_pruning_without_an_archive_removes_nothing(house: House, archive: Path) -> None:
    """No archive, an empty one, one that is not far enough: the entries stay."""
    nowhere = archive.with_name("nowhere")
    with pytest.raises(ArchiveError):
        pruned(house, nowhere)
    with pytest.raises(InputError, match="archive"):
        house.live(lambda node: node.pruning.prune(512, archive="", rule=RULE, by="test"))
    archive.with_name("short").mkdir()
    with pytest.raises(ArchiveError, match="export"):
        pruned(house, archive.with_name("short"))
    house.live(lambda node: attempts(node, 600, "bob"))
    with pytest.raises(ArchiveError, match="export"):
        pruned(house, archive, floor=1024)
    assert replayed(house).decisions == 1400


def test_pruning_by_another_logs_archive_removes_nothing(house: House, archive: Path, tmp_path: Path) -> None:
    """An archive of another log of the same length is no archive of this one, whoever signed it."""
    other = House(tmp_path / "other")
    filled(other, tmp_path / "theirs")
    with pytest.raises(ArchiveForkError):
        pruned(house, tmp_path / "theirs")
    # The same key and origin, another past.
    twin = House(tmp_path / "twin")
    shutil.copytree(house.data / "keys", tmp_path / "twin/keys")
    filled(twin, tmp_path / "twins")
    with pytest.raises(ArchiveForkError):
        pruned(house, tmp_path / "twins")
    assert replayed(house).decisions == 800


def broken_bundle(archive: Path) -> None:
    path = archive / "tile/entries/001"
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def broken_tile(archive: Path) -> None:
    path = archive / "tile/0/000"
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def lost_bundle(archive: Path) -> None:
    (archive / "tile/entries/000").unlink()


def lost_checkpoint(archive: Path) -> None:
    (archive / "checkpoint").unlink()
    shutil.rmtree(archive / "checkpoints")


def swapped_bundles(archive: Path) -> None:
    first, second = archive / "tile/entries/000", archive / "tile/entries/001"
    shutil.copy(second, archive / "aside")
    second.unlink()
    shutil.copy(first, second)


@pytest.mark.parametrize("harm", [broken_bundle, broken_tile, lost_bundle, lost_checkpoint, swapped_bundles])
def test_pruning_by_a_damaged_archive_removes_nothing(
    house: House, archive: Path, harm: Callable[[Path], None]
) -> None:
    """One byte changed, one file lost or two mixed up: the archive is read back before anything goes."""
    harm(archive)
    with pytest.raises(ArchiveError):
        pruned(house, archive)
    assert len(house.leaves()) > 800


def test_a_floor_that_a_log_cannot_have_is_refused(house: House, archive: Path) -> None:
    """Not a whole tile, not forward, or into the last full tile: nothing happens."""

    async def do(node: Node) -> None:
        for floor in (-256, 0, 100, 511, 768, 1024, 2**40):
            with pytest.raises(InputError, match="floor"):
                await node.pruning.prune(floor, archive=str(archive), rule=RULE, by="test")

    house.live(do)


def test_a_floor_never_moves_back(house: House, archive: Path) -> None:
    """What was pruned is not claimed to be there again, by command or by plan."""
    pruned(house, archive)
    for floor in (0, 256, 512):
        with pytest.raises(InputError):
            pruned(house, archive, floor)
    reader = house.reader()
    try:
        with pytest.raises(InputError, match="never moves back"):
            plan(reader, index=256)
    finally:
        reader.close()


def test_nothing_is_removed_without_a_stated_rule(house: House, archive: Path) -> None:
    """The rule stands in the log: one line, and not empty."""

    async def do(node: Node) -> None:
        for rule in ("", "  ", "a\nb", "x" * 501):
            with pytest.raises(InputError, match="rule"):
                await node.pruning.prune(512, archive=str(archive), rule=rule, by="test")

    house.live(do)


def test_a_forged_state_at_the_floor_is_found_at_the_start_and_by_the_replay(
    house: House, archive: Path
) -> None:
    """Whoever writes another past beside a pruned log, for instance one without failures, is told apart by its hash."""
    pruned(house, archive)
    path = house.data / "snapshots/floor-512"
    state = state_dump.load(path.read_bytes())
    state.outcomes.clear()
    state.answered.clear()
    path.write_bytes(state_dump.dump(state))
    with pytest.raises(CorruptLogError, match="floor"):
        replayed(house)
    for snapshot in (house.data / "snapshots").glob("state-*"):
        snapshot.unlink()
    with pytest.raises(CorruptLogError, match="floor"):
        house.live(attempts_of_bob)
    path.unlink()
    with pytest.raises(StorageError, match="floor-512"):
        house.live(attempts_of_bob)


def test_entries_that_are_gone_without_a_word_stop_the_start(house: House, archive: Path) -> None:
    """Raising the floor in the database, past the log, hides no entries: no log.pruned says so."""

    async def cut(node: Node) -> None:
        node.snapshotter.take(root=node.sequencer.head.root, after=1)
        node.store.prune(512)

    house.live(cut)
    with pytest.raises(CorruptLogError, match="no entry says"):
        house.live(attempts_of_bob)
    for path in (house.data / "snapshots").glob("state-*"):
        path.unlink()
    with pytest.raises(StorageError, match="floor-512"):
        house.live(attempts_of_bob)


def test_a_second_prune_refuses_a_forged_first_state(house: House, archive: Path) -> None:
    """A lie at the old floor must not be sealed into the new one."""
    pruned(house, archive, 256)

    async def do(node: Node) -> None:
        path = house.data / "snapshots/floor-256"
        state = state_dump.load(path.read_bytes())
        state.outcomes[1] = "success"
        path.write_bytes(state_dump.dump(state))
        with pytest.raises(StorageError, match="not the one that the log states"):
            await node.pruning.prune(512, archive=str(archive), rule=RULE, by="test")
        assert node.store.floor() == 256

    house.live(do)
