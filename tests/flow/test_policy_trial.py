"""Shadow and canary over a real log: what decides, what is only recorded, and what is counted."""

from typing import Any
from unittest import mock

import msgspec
import pytest

from stepwarden.app.node import Node
from stepwarden.flow.answers import Answer
from stepwarden.flow.deciding import chosen
from stepwarden.flow.policy_views import ResultsView
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy
from tests.flow.flow_house import House
from tests.flow.policy_house import (
    HASH,
    LIVE,
    MILD,
    PEOPLE,
    STRICT,
    ask,
    attempt,
    decided,
    step,
    trial,
    with_policy,
)
from tests.flow.test_flow_replay import recomputed


@pytest.fixture
def place(house: House) -> House:
    return with_policy(house, LIVE)


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
