"""Snapshots: used only when there is no doubt about them, and without people who were erased."""

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from stepwarden.app import node as node_module
from stepwarden.app.node import Node
from stepwarden.errors import StorageError
from stepwarden.events.attempt import Attempt, Place
from stepwarden.events.encoding import decode
from stepwarden.events.entries import AttemptDecided
from stepwarden.flow import state_dump
from stepwarden.flow.audit import recompute
from stepwarden.flow.people import People
from stepwarden.flow.snapshots import SnapshotStore, restore_places, seal_places
from stepwarden.flow.state import LogState
from stepwarden.ledger.store import SideWrite
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.travel import Places, Position
from tests.fakes_ledger import MemoryStore
from tests.flow.flow_house import House
from tests.flow.test_flow_state_dump import fold

KEY = bytes(range(32))
ROOT = b"r" * 32
EMPTY = state_dump.dump(LogState(STANDARD))


def store_in(
    folder: Path, *, key: bytes = KEY, origin: str = "log.example/ours", version: str = "1"
) -> SnapshotStore:
    return SnapshotStore(folder / "snapshots", key=key, origin=origin, version=version)


def used(store: SnapshotStore, *, size: int = 0, root: bytes = ROOT) -> bool:
    return store.newest(size, least=0, root_at=lambda _: root) is not None


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return store_in(tmp_path).save(EMPTY, [("ann", b"sealed")], size=0, root=ROOT)


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path, saved: Path) -> None:
    """State and places, in a file that only its owner may read."""
    found = store_in(tmp_path).newest(0, least=0, root_at=lambda _: ROOT)
    assert found is not None
    assert state_dump.dump(found.state) == EMPTY
    assert found.places == [("ann", b"sealed")]
    assert saved.stat().st_mode & 0o777 == 0o600


def test_an_edited_snapshot_is_not_used(
    tmp_path: Path, saved: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever byte is changed, cut or added: the file is passed over, and the reason is logged."""
    good = saved.read_bytes()
    step = max(1, len(good) // 300)
    for at in range(0, len(good), step):
        saved.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert not used(store_in(tmp_path)), at
    for data in (b"", good[:-1], good[: len(good) // 2], good + b"\0", b"\n" * 9):
        saved.write_bytes(data)
        assert not used(store_in(tmp_path))
    assert "is not used" in caplog.text
    saved.write_bytes(good)
    assert used(store_in(tmp_path))


def test_a_snapshot_made_with_another_master_key_is_not_used(tmp_path: Path, saved: Path) -> None:
    """Who can write into the folder and has no key cannot put a state there."""
    assert not used(store_in(tmp_path, key=b"x" * 32))


def test_a_snapshot_of_another_log_is_not_used(tmp_path: Path, saved: Path) -> None:
    """Another origin, or another tree at that size: even under the same key."""
    assert not used(store_in(tmp_path, origin="log.example/theirs"))
    assert not used(store_in(tmp_path), root=b"s" * 32)


def test_a_snapshot_of_another_version_is_not_used(tmp_path: Path, saved: Path) -> None:
    """The fold may have changed with the program."""
    assert not used(store_in(tmp_path, version="2"))


def test_a_snapshot_of_a_longer_log_is_not_used(tmp_path: Path) -> None:
    """After a rollback of the database the state must not know what the log has lost."""
    state = LogState(STANDARD)
    state.size = 9
    store_in(tmp_path).save(state_dump.dump(state), [], size=9, root=ROOT)
    assert used(store_in(tmp_path), size=9)
    assert not used(store_in(tmp_path), size=8)


def test_a_renamed_snapshot_does_not_count_for_another_size(tmp_path: Path, saved: Path) -> None:
    """The size is inside, under the MAC."""
    saved.rename(saved.with_name("state-3"))
    assert not used(store_in(tmp_path), size=9)


def test_the_next_older_snapshot_is_used_where_the_newest_is_bad(tmp_path: Path) -> None:
    """One damaged file costs only what lies between the two."""
    store = store_in(tmp_path)
    for size in (0, 1, 2):
        state = fold([], LogState(STANDARD))
        state.size = size
        store.save(state_dump.dump(state), [], size=size, root=ROOT)
    names = sorted(path.name for path in (tmp_path / "snapshots").iterdir())
    assert names == ["state-1", "state-2"]
    (tmp_path / "snapshots/state-2").write_bytes(b"junk")
    found = store.newest(5, least=0, root_at=lambda _: ROOT)
    assert found is not None
    assert found.state.size == 1
    assert store.newest(5, least=2, root_at=lambda _: ROOT) is None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """The room's own error, with the path."""
    (tmp_path / "snapshots").write_text("a file in the way")
    with pytest.raises(StorageError, match="snapshots"):
        store_in(tmp_path).save(EMPTY, [], size=0, root=ROOT)


def test_clearing_removes_half_written_ones_too(tmp_path: Path, saved: Path) -> None:
    """A crash while writing must not leave what an erasure cannot find."""
    saved.with_name(".state-7").write_bytes(b"half")
    assert store_in(tmp_path).clear() == 2
    assert list(saved.parent.iterdir()) == []


def test_places_of_an_erased_person_open_no_more() -> None:
    """The seal is by the person's own key; with it the place is gone, for everybody else it is still there."""
    store = MemoryStore()
    people = People(store, master=KEY, origin="o", entropy=os.urandom, remembered=9)
    places = Places(9)
    tokens = {}
    for name in ("ann", "bob"):
        person, side = people.find_or_make(name)
        store.disk.rows.update({(row.space, row.key): row.value or b"" for row in side})
        places.arrived(person.token, Position(59.9, 10.7, 20), 1_000)
        tokens[name] = person.token
    sealed = seal_places(places, people)
    assert places.dump()[0][1] not in sealed[0][1]
    forget = SideWrite("subject.token", tokens["ann"].encode(), None)
    del store.disk.rows[forget.space, forget.key]
    again = Places(9)
    restore_places(again, sealed, people)
    oslo = Position(59.9, 10.7, 20)
    assert again.measure(tokens["ann"], oslo, 2_000_000) == (-1, -1)
    assert again.measure(tokens["bob"], oslo, 2_001_000) == (0, 2)
    # Swapped between two people it opens for neither.
    restore_places(again, [(tokens["bob"], sealed[0][1])], people)
    assert again.measure(tokens["bob"], oslo, 2_001_000) == (-1, -1)


def test_places_still_sealed_pass_on_to_the_next_snapshot() -> None:
    """Who is not seen between two stops keeps their place, unopened."""
    people = People(MemoryStore(), master=KEY, origin="o", entropy=os.urandom, remembered=9)
    places = Places(9)
    restore_places(places, [("t", b"s" * 46)], people)
    assert seal_places(places, people) == [("t", b"s" * 46)]


async def some(node: Node, count: int = 6, place: Place | None = None) -> list[int]:
    """Attempts of ann that ended well somewhere; how far she had travelled for each."""
    for number in range(count):
        asked = Attempt(
            action="login", actor="ann", ip="198.51.100.7", session="s", proved=("pwd",), place=place
        )
        answer = await node.service.decide(asked, by="k", idempotency_key="")
        if answer.decision == "allow":
            await node.service.report(
                answer.id, outcome="success", proved=["pwd"], session=f"s{number}", by="k"
            )
    leaves = [decode(leaf) for leaf in node.store.leaves(0, node.sequencer.head.size)]
    return [entry.facts.travel_km for entry in leaves if isinstance(entry, AttemptDecided)]


OSLO, ROME = Place(latitude=59.9, longitude=10.75), Place(latitude=41.9, longitude=12.5)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stop takes a snapshot, however little there is to save."""
    monkeypatch.setattr(node_module, "WORTH_A_SNAPSHOT", 1)


@pytest.mark.usefixtures("eager")
def test_a_start_from_a_snapshot_knows_what_the_stop_knew(tmp_path: Path) -> None:
    """State and places: the next attempt is decided, and its travel measured, as without the restart."""
    house = House(tmp_path / "data")

    async def stop(node: Node) -> bytes:
        await some(node, place=OSLO)
        return node.state.signals.dump()

    async def start(node: Node) -> tuple[bytes, list[int]]:
        assert node.snapshotter._taken > 0
        signals = node.state.signals.dump()
        return signals, await some(node, 1, ROME)

    before = house.live(stop)
    (snapshot,) = (tmp_path / "data/snapshots").glob("state-*")
    assert int(snapshot.name.removeprefix("state-")) == len(house.leaves())
    house.forward(3_600)
    after, travelled = house.live(start)
    assert after == before
    assert travelled[-1] > 1_500
    assert recompute(
        lambda first, stop: iter(house.leaves()[first:stop]), len(house.leaves()), lambda _: None
    )


@pytest.mark.usefixtures("eager")
def test_a_snapshot_from_before_a_rollback_is_not_used(tmp_path: Path) -> None:
    """Yesterday's database beside today's snapshot: the state is that of the entries that are there."""
    house = House(tmp_path / "data")
    house.given["doubt.then"] = "raise"
    house.live(lambda node: some(node, 3))
    shutil.copy(tmp_path / "data/log.db", tmp_path / "yesterday.db")
    size = len(house.leaves())
    house.live(lambda node: some(node, 9))
    shutil.copy(tmp_path / "yesterday.db", tmp_path / "data/log.db")
    seen: list[int] = []

    async def look(node: Node) -> None:
        seen.extend(node.state.outcomes)

    house.live(look)
    assert seen
    assert max(seen) < size


@pytest.mark.usefixtures("eager")
def test_an_erasure_removes_the_snapshots_and_the_next_knows_nobody(tmp_path: Path) -> None:
    """No file of the folder holds the person's token or place after the erasure, nor after the next stop."""
    house = House(tmp_path / "data")
    house.live(lambda node: some(node, place=OSLO))
    token = ""

    async def erase(node: Node) -> None:
        nonlocal token
        person = node.recorder.people.find("ann")
        assert person is not None
        token = person.token
        assert any(path.name.startswith("state-") for path in (house.data / "snapshots").iterdir())
        await node.service.erase("ann", reason="asked to", by="k")
        assert not list((house.data / "snapshots").iterdir())

    house.live(erase)
    snapshot = next((house.data / "snapshots").glob("state-*"))
    body = snapshot.read_bytes()
    places = msgspec.msgpack.decode(body.split(b"\n", 6)[6])[1]
    assert token not in [one for one, _ in places]
