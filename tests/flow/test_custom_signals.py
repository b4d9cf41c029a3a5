"""Signals that policies define, in a running service: recorded, recomputed, kept over restarts and a policy's steps."""

from functools import partial
from typing import Any

import msgspec
import pytest

from stepwarden.app.node import Node
from stepwarden.errors import DecisionDiffersError
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode, encode
from stepwarden.events.entries import AttemptDecided
from stepwarden.flow import state_dump
from stepwarden.flow.answers import Answer
from stepwarden.flow.state import LogState
from stepwarden.policy.loader import load
from stepwarden.signals.limits import STANDARD
from tests.flow.flow_house import House
from tests.flow.policy_house import decided, step, with_policy
from tests.flow.test_flow_replay import recomputed

PLAIN = """\
version: 1
name: plain
prior: -4
actions:
  "*": {sensitivity: 1, demand: none}
bands:
  - {risk: 0.5, demand: deny}
rules:
  - {id: first-time, when: actor_logins > 900, weight: 1, reason: You come often, technique: T1078}
"""
OURS = PLAIN.replace("name: plain", "name: ours").replace(
    "rules:\n",
    """\
signals:
  things_1h: {primitive: distinct, of: resource, key: [actor], window: 1h, filter: action == "export"}
  failed_1h: {primitive: count, key: [actor], window: 1h, filter: outcome == "failure"}
  unseen: {primitive: first_seen, key: [actor, resource]}
rules:
  - {id: bulk, when: things_1h >= 3, weight: 9, reason: Many things were exported, technique: T1530}
""",
)
THEIRS = OURS.replace("name: ours", "name: theirs").replace(
    "window: 1h, filter: action", "window: 2h, filter: action"
)


@pytest.fixture
def place(house: House) -> House:
    return with_policy(house, OURS)


async def export(node: Node, number: int, outcome: Any = "success") -> Answer:
    asked = Attempt(action="export", actor="ann", session="s", ip="198.51.100.7", resource=f"r{number}")
    answer = await node.service.decide(asked, by="k")
    await node.service.report(answer.id, outcome=outcome, proved=(), session="", by="k")
    return answer


def own(entry: AttemptDecided) -> dict[str, int | str | bool]:
    return {
        name: entry.signals[name] for name in ("things_1h", "failed_1h", "unseen") if name in entry.signals
    }


def test_they_decide_and_are_recorded_over_restarts(place: House) -> None:
    """The fourth thing within an hour is refused, with a restart before each; values stand in the entries by name."""
    answers = [place.live(partial(export, number=number, outcome="failure")) for number in range(4)]
    assert [one.decision for one in answers] == ["allow", "allow", "allow", "deny"]
    assert [own(entry) for entry in decided(place)] == [
        {"unseen": True},
        {"things_1h": 1, "failed_1h": 1, "unseen": True},
        {"things_1h": 2, "failed_1h": 2, "unseen": True},
        {"things_1h": 3, "failed_1h": 3, "unseen": True},
    ]
    assert recomputed(place.leaves()).decisions == 4


def test_attack_a_recorded_value_is_made_smaller(place: House) -> None:
    """A replay finds a custom signal that is not what the log before it leads to."""

    async def do(node: Node) -> None:
        for number in range(4):
            await export(node, number)

    place.live(do)
    leaves = place.leaves()
    for index, entry in enumerate(map(decode, leaves)):
        if isinstance(entry, AttemptDecided) and "things_1h" in entry.signals:
            forged = msgspec.structs.replace(entry, signals=entry.signals | {"things_1h": 9})
            with pytest.raises(DecisionDiffersError, match="signals"):
                recomputed([*leaves[:index], encode(forged), *leaves[index + 1 :]])


def test_a_dump_carries_them(place: House) -> None:
    """Folding on from a dump at any place gives the whole log's state."""

    async def do(node: Node) -> None:
        for number in range(3):
            await export(node, number)
        await step(node, "draft", text=THEIRS)
        await step(node, "shadow", load(THEIRS).hash)
        for number in range(3, 6):
            await export(node, number)
        await step(node, "promote", load(THEIRS).hash, force="a test")
        await export(node, 7)

    place.live(do)
    entries = [decode(leaf) for leaf in place.leaves()]
    whole = LogState(STANDARD)
    for index, entry in enumerate(entries):
        whole.fold(index, entry)
    for cut in range(2, len(entries), 3):
        state = LogState(STANDARD)
        for index, entry in enumerate(entries[:cut]):
            state.fold(index, entry)
        state = state_dump.load(state_dump.dump(state))
        for index, entry in enumerate(entries[cut:], start=cut):
            state.fold(index, entry)
        assert state_dump.dump(state) == state_dump.dump(whole)
    assert recomputed(place.leaves()).decisions == 7


def test_a_shadow_counts_its_own_under_the_same_name(place: House) -> None:
    """The candidate's ``things_1h`` spans two hours: it begins with the shadow, and the live one never sees it."""

    async def do(node: Node) -> list[str]:
        await step(node, "draft", text=THEIRS)
        await step(node, "shadow", load(THEIRS).hash)
        for number in range(3):
            await export(node, number)
        place.forward(5_400)
        said = [(await export(node, 3)).decision]
        await step(node, "promote", load(THEIRS).hash, force="a test")
        return [*said, (await export(node, 4)).decision]

    assert place.live(do) == ["allow", "deny"], "its window was full when it came into force"
    *_, shadowed, last = decided(place)
    assert "things_1h" not in shadowed.signals
    assert shadowed.beside is not None
    assert (shadowed.beside.decision, shadowed.beside.added) == ("deny", ("bulk",))
    assert own(last)["things_1h"] == 4
    assert recomputed(place.leaves()).decisions == 5


def test_a_rollback_finds_its_counts_again(place: House) -> None:
    """What the policy to roll back to defines goes on counting while another one is live."""

    async def do(node: Node) -> None:
        await step(node, "draft", text=PLAIN)
        await step(node, "shadow", load(PLAIN).hash)
        await export(node, 0)
        await export(node, 1)
        await step(node, "promote", load(PLAIN).hash, force="a test")
        await export(node, 2)
        await step(node, "rollback")
        await export(node, 3)

    place.live(do)
    assert [own(entry).get("things_1h") for entry in decided(place)] == [None, 1, None, 3]
    assert recomputed(place.leaves()).decisions == 4
