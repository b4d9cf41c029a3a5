"""Pruning: only what an archive holds goes; what stays proves and recomputes as before.

Not here: the ways around it (``test_pruning_refused``).
"""

import asyncio
import contextlib
from pathlib import Path

import pytest

from stepwarden.app import pruning as app_pruning
from stepwarden.app.node import Node
from stepwarden.app.settings import load_settings
from stepwarden.errors import InputError, PrunedError, SettingsError, StorageError
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode
from stepwarden.events.entries import ExceptionRaised, LogPruned
from stepwarden.flow import state_dump
from stepwarden.flow.answers import EntryQuery
from stepwarden.flow.pruning import plan
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.proof import verify_inclusion
from stepwarden.ledger.verify import verify_log
from tests.flow import test_flow_replay
from tests.flow.flow_house import House
from tests.flow.pruning_house import RULE, attempts, attempts_of_bob, export_to, pruned, replayed


@pytest.fixture
def house(names: list[str], tmp_path: Path) -> House:
    """A copy of the long log."""
    return House(tmp_path / "data")


def test_what_was_pruned_is_gone_and_the_rest_proves_and_recomputes(house: House, archive: Path) -> None:
    """Entries and openings before the floor are no more; proofs, the tree and every later decision hold."""

    async def prune(node: Node) -> None:
        old = next(iter(node.store.leaves(3, 4)))
        done = await node.pruning.prune(512, archive=str(archive), rule=RULE, by="test")
        assert (done.floor, done.count, node.store.floor()) == (512, 512, 512)
        for gone in (node.store.leaves, node.store.openings):
            with pytest.raises(PrunedError):
                list(gone(511, 513))
        # Whoever kept the entry can still prove that it was in the log.
        head = node.sequencer.head
        verify_inclusion(3, head.size, leaf_hash(old), node.service.inclusion_proof(3, head.size), head.root)
        assert await attempts(node, 5, "bob")

    house.live(prune)
    assert replayed(house).decisions > 100

    async def again(node: Node) -> None:
        said = [decode(leaf) for leaf in node.store.leaves(512, node.state.size)]
        entry = next(one for one in said if isinstance(one, LogPruned))
        assert (entry.floor, entry.rule, entry.archive) == (512, RULE, str(archive))
        assert (node.state.floor, node.state.floor_state) == (512, entry.state)
        await attempts(node, 5, "cyd")

    house.live(again)
    assert replayed(house).decisions > 100


def test_a_start_without_snapshots_goes_on_from_the_floor(house: House, archive: Path) -> None:
    """Snapshots may be deleted; the state at the floor gives the same state as the snapshots gave."""
    pruned(house, archive)

    async def state(node: Node) -> bytes:
        return node.state.signals.dump()

    with_snapshot = house.live(state)
    for path in (house.data / "snapshots").glob("state-*"):
        path.unlink()
    assert house.live(state) == with_snapshot


def test_what_names_pruned_entries_is_refused_cleanly(house: House, archive: Path, names: list[str]) -> None:
    """Outcomes, labels and repeated keys of pruned attempts: a plain answer, and never a second decision."""
    pruned(house, archive)

    async def do(node: Node) -> None:
        service = node.service
        early, late = names[10], names[-1]
        with pytest.raises(PrunedError):
            await service.report(early, outcome="success", proved=["pwd"], session="s", by="k")
        with pytest.raises(PrunedError):
            await service.label(early, "attack", source="test", reliability=90, by="k")
        same = Attempt(action="login", actor="ann", ip="198.51.100.7", session="s10", proved=("pwd",))
        with pytest.raises(PrunedError):
            await service.decide(same, by="k", idempotency_key="ann10")
        await service.report(late, outcome="success", proved=["pwd"], session="s", by="k")
        page = await service.entries(EntryQuery(kind="attempt.decided", limit=1000), by="k")
        assert page.entries[0].index >= 512
        newest = await service.entries(EntryQuery(actor="ann", limit=1000, newest_first=True), by="k")
        assert min(view.index for view in newest.entries) >= 512

    house.live(do)


def test_a_prune_that_was_killed_is_finished_at_the_next_start(house: House, archive: Path) -> None:
    """After log.pruned the entries go, if not at once then at the start; before it nothing happens."""

    async def killed(node: Node) -> None:
        node.pruning._pruner._remove = lambda floor: 0  # type: ignore[method-assign]
        await node.pruning.prune(512, archive=str(archive), rule=RULE, by="test")
        assert node.store.floor() == 0

    house.live(killed)

    async def floor(node: Node) -> int:
        return node.store.floor()

    assert house.live(floor) == 512
    assert replayed(house).decisions > 100


def test_a_second_prune_goes_on_from_the_first(house: House, archive: Path) -> None:
    """The state at the new floor is folded from that at the old one, which is dropped after it."""
    pruned(house, archive, 256)
    before = replayed(house).decisions

    async def more(node: Node) -> None:
        await attempts(node, 300, "bob")
        export_to(node, archive)
        await node.pruning.prune(768, archive=str(archive), rule=RULE, by="test")

    house.live(more)
    assert [path.name for path in (house.data / "snapshots").glob("floor-*")] == ["floor-768"]
    assert replayed(house).decisions < before + 300


def test_an_archive_holds_nothing_of_a_person_that_the_leaves_do_not(house: House, archive: Path) -> None:
    """Leaves only: neither ids nor addresses, in clear or sealed; an erasure has nothing to do there."""

    async def openings(node: Node) -> list[bytes]:
        return [sealed for sealed in node.store.openings(0, node.state.size) if sealed]

    sealed = house.live(openings)
    assert len(sealed) > 600
    data = b"".join(path.read_bytes() for path in archive.rglob("*") if path.is_file())
    assert b"198.51.100.7" not in data
    assert b'"ann"' not in data
    assert not any(one[:24] in data for one in sealed)


def test_the_openings_of_pruned_entries_are_gone_from_the_files(house: House, archive: Path) -> None:
    """Searched for in every byte of the data directory, after the service has ended."""

    async def openings(node: Node) -> list[bytes]:
        found = [sealed for sealed in node.store.openings(0, 512) if sealed]
        await node.pruning.prune(512, archive=str(archive), rule=RULE, by="test")
        return found

    gone = house.live(openings)
    data = b"".join(
        path.read_bytes() for path in house.data.rglob("*") if path.is_file() and path.suffix != ".key"
    )
    left = [one for one in gone if one in data]
    # Openings share blocks with entries that stay: those of the block at the floor go with the next prune.
    assert len(left) < 100


def test_the_daily_prune_follows_its_settings(house: House, archive: Path) -> None:
    """What is older than the settings say goes; younger entries stay; a failure is an entry and removes nothing."""
    house.given |= {"retention.keep": "30d", "retention.rule": RULE, "retention.archive": str(archive)}

    async def young(node: Node) -> None:
        assert await node.pruning.prune_due() is None

    house.live(young)
    house.forward(31 * 86_400)

    aside = archive.rename(archive.with_name("aside"))

    async def failing(node: Node) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(node.pruning.run(first=0), 0.5)
        said = [decode(leaf) for leaf in node.store.leaves(600, node.state.size)]
        assert any(isinstance(one, ExceptionRaised) and one.where == "retention" for one in said)
        assert node.store.floor() == 0

    house.live(failing)

    aside.rename(archive)

    async def old(node: Node) -> None:
        done = await node.pruning.prune_due()
        assert done is not None
        assert node.store.floor() == done.floor == 512

    house.live(old)


def test_a_daily_prune_without_rule_or_archive_does_not_start(tmp_path: Path) -> None:
    """Found out at the start, and not a year later."""
    house = House(tmp_path / "new")
    house.given["retention.keep"] = "30d"
    with pytest.raises(SettingsError, match="retention"):
        house.live(attempts_of_bob)
    house.given |= {"retention.rule": RULE, "retention.archive": "/x", "retention.keep": "1 month"}
    with pytest.raises(SettingsError, match="400d"):
        house.live(attempts_of_bob)
    assert load_settings(house.data, {}, {}).retention.keep == ""


def test_a_plan_finds_the_first_entry_of_a_time(house: House) -> None:
    """By halving; rounded down to whole tiles, and never into the last one."""

    async def do(node: Node) -> None:
        for day in range(8):
            await attempts(node, 10, f"person {day}")
            house.forward(86_400)

    house.live(do)
    times = [decode(leaf).time for leaf in house.leaves()]
    reader = house.reader()
    try:
        for time in sorted({times[0] - 1, *times, times[-1] + 1}):
            first = next((at for at, one in enumerate(times) if one >= time), len(times))
            found = plan(reader, time=time)
            assert found.floor == min(first // 256 * 256, (len(times) // 256 - 1) * 256)
            assert found.since == times[found.floor]
        with pytest.raises(InputError):
            plan(reader)
    finally:
        reader.close()


def test_verify_holds_after_a_prune(house: House, archive: Path) -> None:
    """The verifier takes the hashes below the floor from the tiles, and finds the signed root."""
    pruned(house, archive)

    async def verify(node: Node) -> None:
        keys = node.pruning._pruner._verifiers()
        report = verify_log(node.store, origin=node.sequencer._writer._origin, verifiers=keys)
        assert report.ok, str(report)

    house.live(verify)


def test_a_busy_log_recomputes_after_a_prune(tmp_path: Path) -> None:
    """Step-ups, wrong codes, locks and grants on both sides of the floor."""
    house = House(tmp_path / "busy")
    archive = tmp_path / "archive"
    house.live(lambda node: test_flow_replay.busy_day(house, node, 21, 400))

    async def prune(node: Node) -> None:
        export_to(node, archive)
        await node.pruning.prune(512, archive=str(archive), rule=RULE, by="test")
        await test_flow_replay.busy_day(house, node, 22, 40)

    house.live(prune)
    found = replayed(house)
    assert found.decisions > 100


def test_a_long_fold_in_a_process_of_its_own_leads_to_the_same_state(
    house: House, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes is folded beside the service, so that decisions are not held up; errors come back as they are."""
    monkeypatch.setattr(app_pruning, "APART_FROM", 1)
    pruned(house, archive, 256)
    assert replayed(house).decisions > 100
    path = house.data / "snapshots/floor-256"
    good = path.read_bytes()
    path.write_bytes(state_dump.dump(state_dump.load(good))[:-1])
    with pytest.raises(StorageError, match="floor-256"):
        pruned(house, archive, 512)
    path.write_bytes(good)
    pruned(house, archive, 512)
    assert replayed(house).decisions > 100
