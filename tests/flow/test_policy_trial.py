"""Shadow, canary, emergency over a real log: what decides, what is only recorded, and what a replay names."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest

from stepwarden.app.node import Node
from stepwarden.errors import (
    ConflictError,
    DecisionDiffersError,
    InputError,
    NotFoundError,
    PolicyError,
    RollbackError,
)
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode, encode
from stepwarden.events.entries import AttemptDecided, PolicyChanged, PolicyEmergency, Verdict
from stepwarden.flow.answers import Answer
from stepwarden.flow.deciding import chosen
from stepwarden.flow.policies import StepAsked
from stepwarden.flow.policy_views import PolicyView, ResultsView
from stepwarden.policy.demand import HIGHEST
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy
from tests.flow.flow_house import House
from tests.flow.test_flow_replay import recomputed

LIVE = """\
version: 1
name: live
prior: -4
actions:
  login: {sensitivity: 1, demand: none}
  transfer: {sensitivity: 3, demand: aal2}
  "*": {sensitivity: 1, demand: none}
bands:
  - {risk: 0.5, demand: aal2}
rules:
  - {id: first-time, when: actor_logins == 0, weight: 1, reason: You are new here, technique: T1078}
"""
STRICT = LIVE.replace("name: live", "name: strict").replace(
    "1, demand: none}\n  tr", "1, demand: aal2}\n  tr"
)
STRICT = STRICT.replace("id: first-time", "id: a-stranger")
MILD = LIVE.replace("name: live", "name: mild").replace("3, demand: aal2}", "3, demand: none}")
PEOPLE = [f"person{number}" for number in range(24)]
HASH = {name: load(text).hash for name, text in (("live", LIVE), ("strict", STRICT), ("mild", MILD))}


@pytest.fixture
def place(house: House) -> House:
    house.data.mkdir()
    (house.data / "policy.yaml").write_text(LIVE)
    return house


def attempt(actor: str, action: str = "login", session: str = "s") -> Attempt:
    return Attempt(action=action, actor=actor, session=session, ip="198.51.100.7")


async def step(node: Node, name: Any, policy: str = "", **more: Any) -> None:
    await node.service.policies.step(StepAsked(step=name, policy=policy, reason="a test", **more), by="k")


async def trial(node: Node, text: str, share: int = 0, *, alone: bool = False) -> None:
    """The policy in shadow, or with a share in canary."""
    await step(node, "draft", text=text)
    await step(node, "shadow", load(text).hash)
    if share:
        await step(node, "canary", "candidate", share=share, alone=alone)


async def ask(node: Node, action: str = "login") -> dict[str, Answer]:
    return {who: await node.service.decide(attempt(who, action), by="k") for who in PEOPLE}


def decided(house: House) -> list[AttemptDecided]:
    return [entry for entry in map(decode, house.leaves()) if isinstance(entry, AttemptDecided)]


def results(node: Node, policy: str = "candidate") -> ResultsView:
    found = node.service.policies.show(policy).results
    assert found is not None
    return found


def pairs(found: ResultsView) -> dict[tuple[str, str], int]:
    return {(one.live, one.candidate): one.count for one in found.verdicts}


def test_a_shadow_is_recorded_and_changes_no_answer(place: House) -> None:
    """The live policy allows, the shadow would ask: the entry says both, the counts grow, the log recomputes."""

    async def do(node: Node) -> ResultsView:
        await trial(node, STRICT)
        answers = await ask(node)
        assert {one.decision for one in answers.values()} == {"allow"}
        assert {one.policy for one in answers.values()} == {HASH["live"]}
        return results(node)

    found = place.live(do)
    assert pairs(found) == {("allow", "step_up"): len(PEOPLE)}
    assert (found.attempts, found.decided, found.more, found.less, found.failed) == (24, 0, 24, 0, 0)
    assert [(one.rule, one.technique, one.added, one.removed) for one in found.rules] == [
        ("a-stranger", "T1078", 24, 0),
        ("first-time", "T1078", 0, 24),
    ]
    (first, *_) = decided(place)
    assert first.beside is not None
    assert (first.beside.policy, first.beside.decision) == (HASH["strict"], "step_up")
    assert (first.beside.added, first.beside.removed) == (("a-stranger",), ("first-time",))
    assert recomputed(place.leaves()).decisions == 24


def test_results_survive_a_restart_and_labels_that_come_later_count(place: House) -> None:
    """Missed and caught by each policy, as labels say; the last label of an attempt counts."""

    async def before(node: Node) -> list[str]:
        await trial(node, STRICT)
        return [one.id for one in (await ask(node)).values()]

    ids = place.live(before)

    async def after(node: Node) -> ResultsView:
        for number, label in ((0, "attack"), (1, "attack"), (2, "benign"), (1, "benign")):
            await node.service.label(ids[number], label, source="t", reliability=90, by="k")
        await node.service.label(ids[3], "attack", source="t", reliability=10, by="k")
        return results(node)

    found = place.live(after)
    assert found.attempts == 24
    assert [msgspec.structs.astuple(one) for one in found.labels] == [
        ("attack", 1, 1, 0),
        ("benign", 2, 2, 0),
    ]


def test_a_canary_decides_for_the_same_people_throughout(place: House) -> None:
    """Each action, before and after a restart, and more people with a larger share; entries name who decided."""

    async def do(node: Node) -> set[str]:
        return {who for who, one in (await ask(node)).items() if one.policy == HASH["strict"]}

    async def begin(node: Node) -> set[str]:
        await trial(node, STRICT, 3_000)
        return await do(node)

    async def more(node: Node) -> set[str]:
        await step(node, "canary", "candidate", share=6_000)
        return await do(node)

    first = place.live(begin)
    assert 0 < len(first) < len(PEOPLE)
    assert place.live(do) == first
    assert first < place.live(more)
    found = place.live(lambda node: _results(node))
    assert found.decided == sum(one.policy == HASH["strict"] for one in decided(place))
    assert recomputed(place.leaves()).decisions == 3 * 24
    for entry in decided(place):
        assert entry.beside is not None
        assert {entry.policy, entry.beside.policy} == {HASH["live"], HASH["strict"]}


async def _results(node: Node) -> ResultsView:
    return results(node)


def test_attack_an_account_in_the_canary_of_a_milder_policy_gains_nothing(place: House) -> None:
    """Whom a canary decides for is asked for the stronger demand of both, unless the operator says not."""

    async def strictest(node: Node) -> dict[str, Answer]:
        await trial(node, MILD, 10_000)
        return await ask(node, "transfer")

    async def alone(node: Node) -> dict[str, Answer]:
        await step(node, "canary", "candidate", share=10_000, alone=True)
        return await ask(node, "transfer")

    answers = place.live(strictest)
    assert {(one.policy, one.decision) for one in answers.values()} == {(HASH["mild"], "step_up")}
    assert {one.reasons[0].rule for one in answers.values()} == {"live_policy"}
    found = place.live(_results)
    assert pairs(found) == {("step_up", "allow"): 24}, "what the candidate would have answered alone is kept"
    assert {(one.policy, one.decision) for one in place.live(alone).values()} == {(HASH["mild"], "allow")}
    assert recomputed(place.leaves()).decisions == 48


def test_attempts_without_an_actor_are_the_live_policys(place: House) -> None:
    async def do(node: Node) -> Answer:
        await trial(node, STRICT, 10_000)
        return await node.service.decide(attempt(""), by="k")

    assert place.live(do).policy == HASH["live"]


def test_how_challenges_of_a_canary_ended_is_counted(place: House) -> None:
    """Passed, failed and abandoned ones: what a stricter policy does to real people."""

    async def do(node: Node) -> ResultsView:
        service = node.service
        enrolments = {who: await service.enrol_totp(who, attempt="", by="k") for who in PEOPLE[:3]}
        await trial(node, STRICT, 10_000)
        for who in PEOPLE[:3]:
            asked = await service.decide(msgspec.structs.replace(attempt(who), proved=("pwd",)), by="k")
            assert asked.challenge is not None
            if who == PEOPLE[0]:
                code = place.code(enrolments[who])
                await service.answer(asked.challenge.id, factor="totp", answer=code, by="k")
            elif who == PEOPLE[1]:
                await service.proving.challenges.deny(asked.challenge.id, by="k")
        place.forward(3_600)
        service.sweep()
        return results(node)

    ends = place.live(do).challenges
    assert (ends.asked, ends.passed, ends.failed, ends.abandoned) == (3, 1, 1, 1)


@pytest.mark.parametrize("share", [0, 10_000])
def test_attack_a_candidate_that_raises_does_not_touch_the_live_answer(place: House, share: int) -> None:
    """In shadow the answer is the live policy's; in canary that one and level 2 on top. It is counted."""
    whole = Policy.assess

    def broken(self: Policy, *arguments: Any) -> Any:
        if self.hash == HASH["mild"]:
            raise MemoryError("a rule that eats everything")
        return whole(self, *arguments)

    async def do(node: Node) -> tuple[Answer, ResultsView]:
        await trial(node, MILD, share)
        with mock.patch.object(Policy, "assess", broken):
            answer = await node.service.decide(attempt("ann"), by="k")
        return answer, results(node)

    answer, found = place.live(do)
    assert answer.policy == HASH["live"]
    assert (answer.decision, answer.demand.aal) == (("step_up", 2) if share else ("allow", 0))
    assert found.failed == 1
    with mock.patch.object(Policy, "assess", broken):
        assert recomputed(place.leaves()).decisions == 1


def _rewritten(
    leaves: list[bytes], change: Callable[[AttemptDecided], AttemptDecided]
) -> tuple[int, list[bytes]]:
    last = max(index for index, leaf in enumerate(leaves) if isinstance(decode(leaf), AttemptDecided))
    entry = decode(leaves[last])
    assert isinstance(entry, AttemptDecided)
    return last, [*leaves[:last], encode(change(entry)), *leaves[last + 1 :]]


@pytest.mark.parametrize("what", ["policy", "beside", "no beside", "risk beside", "a live answer"])
def test_attack_a_decision_by_the_wrong_policy_is_named(place: House, what: str) -> None:
    """Whoever was to be decided for by the canary, or what the second policy says: a replay finds the entry."""

    async def do(node: Node) -> None:
        await trial(node, STRICT, 5_000)
        await ask(node)

    place.live(do)
    leaves = place.leaves()
    recomputed(leaves)

    def change(entry: AttemptDecided) -> AttemptDecided:
        beside = entry.beside
        assert beside is not None
        replace = msgspec.structs.replace
        match what:
            case "policy":
                return replace(entry, policy=beside.policy)
            case "beside":
                other: Verdict = "deny"
                return replace(entry, beside=replace(beside, decision=other))
            case "risk beside":
                return replace(entry, beside=replace(beside, risk=beside.risk + 1))
            case "no beside":
                return replace(entry, beside=None)
            case _:
                return replace(entry, policy=HASH["live"], decision="allow", beside=None)

    last, forged = _rewritten(leaves, change)
    with pytest.raises(DecisionDiffersError, match=f"entry {last}: "):
        recomputed(forged)


def test_attack_a_step_that_could_not_be_taken_is_named(place: House) -> None:
    """A promotion without its tests, written past the service, is no better than a wrong decision."""

    async def do(node: Node) -> None:
        await step(node, "draft", text=MILD)
        with pytest.raises(ConflictError, match="promotion takes a test"):
            await step(node, "promote", HASH["mild"])
        recorder = node.recorder
        forged = PolicyChanged(
            time=recorder.now(),
            id=recorder.new_id(),
            policy=HASH["mild"],
            text=MILD,
            name="mild",
            way="promoted",
            replaces=HASH["live"],
        )
        await recorder.append(forged).durable

    place.live(do)
    with pytest.raises(DecisionDiffersError, match="could not be taken"):
        recomputed(place.leaves())


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


def test_a_share_is_drawn_evenly_and_differs_between_policies() -> None:
    """One in ten of many; whoever is in one policy's canary is not therefore in another's."""
    actors = [f"token{number}" for number in range(10_000)]
    first = {one for one in actors if chosen(HASH["live"], one, 1_000)}
    second = {one for one in actors if chosen(HASH["mild"], one, 1_000)}
    assert 850 < len(first) < 1_150
    assert 50 < len(first & second) < 160
    assert {one for one in actors if chosen(HASH["live"], one, 2_000)} > first
    assert not any(chosen(HASH["live"], one, 0) for one in actors)


OWN = STRICT.replace("name: strict", "name: own").replace("demand: aal2}\n  tr", "demand: none}\n  tr")
OWN = (
    OWN.replace(
        "rules:\n",
        "signals:\n  here_1h: {primitive: count, key: [address], window: 1h}\n"
        "  mine_1h: {primitive: count, key: [actor], window: 1h}\nrules:\n",
    )
    + "  - {id: crowd, when: here_1h >= 40, weight: 9, reason: A crowd, technique: T1110}\n"
)


def test_a_candidate_brings_signals_of_its_own(place: House) -> None:
    """Counted from the shadow on, across restarts and a promotion; the live policy's answers hold none of them."""
    own = load(OWN).hash

    async def shadow(node: Node) -> None:
        await trial(node, OWN)
        await ask(node)

    async def canary(node: Node) -> None:
        await step(node, "canary", "candidate", share=5_000)
        await ask(node)

    async def promote(node: Node) -> dict[str, Answer]:
        await step(node, "promote", own, force="a test")
        return await ask(node)

    async def back(node: Node) -> dict[str, Answer]:
        await step(node, "rollback")
        return await ask(node)

    place.live(shadow)
    assert all("here_1h" not in one.signals for one in decided(place))
    place.live(canary)
    second = decided(place)[24:]
    assert [one.signals.get("here_1h") for one in second if one.policy == own] == [
        24 + number for number, one in enumerate(second) if one.policy == own
    ]
    assert all("here_1h" not in one.signals for one in second if one.policy != own)
    assert {one.decision for one in place.live(promote).values()} == {"step_up"}
    assert {one.decision for one in place.live(back).values()} == {"allow"}
    assert recomputed(place.leaves()).decisions == 4 * 24


def test_attack_two_policies_of_many_rules_do_not_make_an_entry_that_fits_no_leaf(place: House) -> None:
    """200 rules with long names hold on either side: the decision is made, and what is recorded of them is bounded."""

    def crowded(mark: str) -> str:
        rules = "".join(
            f"  - {{id: {mark}-{number:03}{'x' * 40}, when: 'true', weight: 0, reason: r, technique: T1}}\n"
            for number in range(200)
        )
        return LIVE.replace("name: live", f"name: {mark}").partition("rules:\n")[0] + "rules:\n" + rules

    (place.data / "policy.yaml").write_text(crowded("ours").replace("T1}", "T1078}"))

    async def do(node: Node) -> Answer:
        await trial(node, crowded("theirs").replace("T1}", "T1078}"))
        return await node.service.decide(attempt("ann"), by="k")

    place.live(do)
    (entry,) = decided(place)
    assert entry.beside is not None
    assert (len(entry.evidence), len(entry.beside.added), len(entry.beside.removed)) == (200, 32, 32)
    assert recomputed(place.leaves()).decisions == 1
