"""An honest log never raises an alarm: whatever happens, verification, replay and erasure hold at every restart."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from stepwarden.app import node as node_module
from stepwarden.app.node import Node
from stepwarden.app.paths import Paths
from stepwarden.app.settings import load_settings
from stepwarden.app.verification import verify_data
from stepwarden.errors import NotWitnessedError
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode
from stepwarden.events.entries import ChallengeWithheld
from stepwarden.flow.audit_log import Audit
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.verify import Report
from tests.flow.flow_house import House
from tests.flow.honest_life import Life
from tests.flow.test_flow_holding import Alice, Quorum, held


@pytest.fixture(autouse=True)
def many_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that starts go on from snapshots as well as from the beginning."""
    monkeypatch.setattr(node_module, "WORTH_A_SNAPSHOT", 40)


def verified(house: House) -> Report:
    return verify_data(
        house.data,
        load_settings(house.data, {}, {}),
        verifiers=read_verifiers(Paths(house.data).ledger_vkey),
        earlier=[],
        policy=None,
        progress=lambda *_: None,
    )


def test_an_erased_address_explains_its_missing_openings(house: House) -> None:
    """What named nobody and was erased by its address is no alarm."""

    async def do(node: Node) -> None:
        await node.service.decide(Attempt(action="login", ip="198.51.100.7"), by="k")
        await node.service.subjects.erase("", "198.51.100.7", reason="request 1", by="k")

    house.live(do)
    report = verified(house)
    assert report.ok, str(report)


@pytest.mark.parametrize("meanwhile", ["signed out", "too late", "erased"])
def test_a_success_that_ended_while_it_was_held_is_withheld_without_alarm(
    house: House, meanwhile: str
) -> None:
    """The entry that says so follows a success that no longer waits, and is honest all the same."""

    async def do(node: Node) -> None:
        quorum = Quorum()
        alice = Alice(house, node, quorum)
        await alice.enter()
        task = alice.answer(await alice.ask())
        await held(quorum)
        if meanwhile == "signed out":
            await alice.ask("logout")
        elif meanwhile == "too late":
            house.forward(301)
            await alice.ask("balance.read")
        else:
            await node.service.erase("alice", reason="request 1", by="k")
        quorum.go.set()
        with pytest.raises(NotWitnessedError):
            await task

    house.live(do)
    assert sum(isinstance(decode(leaf), ChallengeWithheld) for leaf in house.leaves()) == 1
    report = verified(house)
    assert report.ok, str(report)


@pytest.mark.parametrize("seed", range(3))
def test_an_honest_life_raises_no_alarm(tmp_path: Path, seed: int) -> None:
    """Some runs, in each of which everything may happen."""
    life = Life(House(tmp_path / "data"), seed)
    for _ in range(3):
        life.run(100)
        life.holds()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 106))
def test_a_long_honest_life_raises_no_alarm(tmp_path: Path, seed: int) -> None:
    """Many runs of many doings."""
    life = Life(House(tmp_path / "data"), seed)
    for _ in range(10):
        life.run(400)
        life.holds()
    for what in ("passed", "used allow", "pruned", "erase", "erase_address", "rotate", "trust"):
        assert life.done.get(what), f"{what} never happened in {life.done}"


def test_an_erasure_beside_a_verification_is_no_alarm(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that runs erases somebody while their entries are read: that is said, and nothing is called wrong."""

    async def do(node: Node) -> None:
        await node.service.decide(Attempt(action="login", actor="ann"), by="k")
        loop, plain = asyncio.get_running_loop(), Audit.take

        def take(self: Audit, first: int, leaves: Sequence[bytes]) -> None:
            erasing = node.service.erase("ann", reason="request 1", by="k")
            asyncio.run_coroutine_threadsafe(erasing, loop).result(30)
            plain(self, first, leaves)

        monkeypatch.setattr(Audit, "take", take)
        report = await asyncio.to_thread(verified, house)
        monkeypatch.undo()
        assert report.ok, str(report)
        assert "verify again" in report.steps[6].detail

    house.live(do)
    report = verified(house)
    assert report.ok, str(report)
    assert "verify again" not in report.steps[6].detail
