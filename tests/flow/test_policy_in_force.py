"""Which policy is in force: promotion, rollback, the configured file, restarts, an emergency, what is refused."""

import shutil
from pathlib import Path

import pytest

from stepwarden.app.node import Node
from stepwarden.errors import (
    ConflictError,
    InputError,
    NotFoundError,
    PolicyError,
    RollbackError,
)
from stepwarden.events.encoding import decode
from stepwarden.events.entries import PolicyChanged, PolicyEmergency, Verdict
from stepwarden.flow.answers import Answer
from stepwarden.flow.policies import StepAsked
from stepwarden.flow.policy_views import PolicyView
from stepwarden.policy.demand import HIGHEST
from tests.flow.flow_house import House
from tests.flow.policy_house import (
    HASH,
    LIVE,
    MILD,
    STRICT,
    ask,
    attempt,
    step,
    trial,
    with_policy,
)
from tests.flow.test_flow_replay import recomputed


@pytest.fixture
def place(house: House) -> House:
    return with_policy(house, LIVE)


def test_promotion_and_rollback_decide_at_once_and_are_explained(place: House) -> None:
    """The entry says what it replaces, why, by whom; a rollback takes nothing but a reason."""

    async def do(node: Node) -> list[Verdict]:
        await trial(node, STRICT)
        await step(node, "tested", "candidate", digest="ab" * 32, summary="5 of 5 cases pass")
        with pytest.raises(InputError, match="say why"):
            await node.service.policies.step(StepAsked(step="promote", policy="candidate"), by="k")
        await step(node, "promote", "candidate")
        seen = [(await node.service.decide(attempt("ann"), by="k")).decision]
        await step(node, "rollback")
        seen.append((await node.service.decide(attempt("ann"), by="k")).decision)
        with pytest.raises(ConflictError):
            await step(node, "rollback")
        return seen

    assert place.live(do) == ["step_up", "allow"]
    changes = [one for one in map(decode, place.leaves()) if isinstance(one, PolicyChanged)]
    assert [(one.way, one.policy, one.replaces, one.by, one.reason) for one in changes] == [
        ("file", HASH["live"], "", "service", ""),
        ("promoted", HASH["strict"], HASH["live"], "k", "a test"),
        ("rolled-back", HASH["live"], HASH["strict"], "k", "a test"),
    ]
    recomputed(place.leaves())


def test_a_restart_does_not_undo_a_promotion_and_a_changed_file_does(
    place: House, caplog: pytest.LogCaptureFixture
) -> None:
    """An untouched file says nothing new; one that was changed is the operator's word."""

    async def promote(node: Node) -> None:
        await step(node, "draft", text=STRICT)
        await step(node, "promote", HASH["strict"], force="there is no time")

    async def live(node: Node) -> str:
        assert node.state.policy is not None
        return node.state.policy.hash

    place.live(promote)
    assert place.live(live) == HASH["strict"]
    assert "stays so" in caplog.text
    (place.data / "policy.yaml").write_text(MILD)
    assert place.live(live) == HASH["mild"]
    (place.data / "policy.yaml").write_text(LIVE)
    assert place.live(live) == HASH["live"]
    recomputed(place.leaves())


def test_an_emergency_raises_every_demand_and_outlives_a_restart(place: House) -> None:
    """Everybody needs the highest that can be met, with a reason that says so, until it is switched off."""

    async def on(node: Node) -> list[Answer]:
        await trial(node, MILD, 5_000, alone=True)
        await node.service.policies.emergency(True, reason="stolen passwords", by="k")
        with pytest.raises(ConflictError):
            await node.service.policies.emergency(True, reason="twice", by="k")
        return list((await ask(node)).values())

    async def still(node: Node) -> list[Answer]:
        told = node.service.policies.listing().emergency
        assert told is not None
        assert (told.by, told.reason) == ("k", "stolen passwords")
        assert node.service.metrics_snapshot().emergency
        return list((await ask(node)).values())

    async def off(node: Node) -> list[Answer]:
        await step(node, "rollback") if node.state.cycle.former else None
        with pytest.raises(InputError):
            await node.service.policies.emergency(False, reason=" ", by="k")
        await node.service.policies.emergency(False, reason="over", by="k")
        return list((await ask(node)).values())

    for raised in (place.live(on), place.live(still)):
        assert {(one.decision, one.demand) for one in raised} == {("step_up", HIGHEST)}
        assert {one.reasons[0].rule for one in raised} == {"emergency"}
    assert {one.decision for one in place.live(off)} == {"allow"}
    switched = [one for one in map(decode, place.leaves()) if isinstance(one, PolicyEmergency)]
    assert [(one.on, one.by, one.reason) for one in switched] == [
        (True, "k", "stolen passwords"),
        (False, "k", "over"),
    ]
    assert recomputed(place.leaves()).decisions == 3 * 24


def test_attack_putting_the_log_back_does_not_drop_an_emergency(place: House, tmp_path: Path) -> None:
    """A copy from before it knows of no emergency; but what was published since does, so it is not served."""

    async def before(node: Node) -> None:
        await ask(node)

    async def on(node: Node) -> None:
        await node.service.policies.emergency(True, reason="x", by="k")
        await node.publishing.publisher.step()

    place.live(before)
    shutil.copy(place.data / "log.db", tmp_path / "yesterday.db")
    place.live(on)
    for file in place.data.glob("log.db*"):
        file.unlink()
    shutil.copy(tmp_path / "yesterday.db", place.data / "log.db")
    with pytest.raises(RollbackError):
        place.live(before)
    place.given["doubt.then"] = "raise"
    answers = place.live(ask)
    assert {one.demand for one in answers.values()} == {HIGHEST}


def test_what_cannot_be_used_never_becomes_a_draft(place: House) -> None:
    """A broken policy is refused with its line; unknown and ambiguous names are said to be so."""

    async def do(node: Node) -> PolicyView:
        policies = node.service.policies
        with pytest.raises(PolicyError) as caught:
            await step(node, "draft", text=LIVE.replace("actor_logins", "actor_longins"))
        assert caught.value.line > 0
        with pytest.raises(PolicyError, match="bytes"):
            await step(node, "draft", text=LIVE + "#" * 60_000)
        for word in ("candidate", "shadow", "canary", "ab12", "ab" * 32, "", "live "):
            with pytest.raises(NotFoundError):
                policies.find(word)
        with pytest.raises(ConflictError):
            await step(node, "draft", text=LIVE)
        return policies.show("live")

    assert place.live(do).text == LIVE
