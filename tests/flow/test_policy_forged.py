"""A decision by the wrong policy, or a step that could not be taken: what a replay of the log names."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from stepwarden.app.node import Node
from stepwarden.cli.policy_life import record_report
from stepwarden.errors import ConflictError, DecisionDiffersError
from stepwarden.events.encoding import decode, encode
from stepwarden.events.entries import AttemptDecided, PolicyChanged, Verdict
from stepwarden.policy.loader import load
from tests.flow.flow_house import House
from tests.flow.policy_house import HASH, LIVE, MILD, STRICT, ask, step, trial, with_policy
from tests.flow.test_flow_replay import recomputed


@pytest.fixture
def place(house: House) -> House:
    return with_policy(house, LIVE)


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


def test_attack_a_file_that_is_changed_while_it_is_tested_is_not_recorded_as_tested(
    place: House, tmp_path: Path
) -> None:
    """A back-test takes minutes: its report is of the policy that it began with, and that is what the log says."""
    file = tmp_path / "new.yaml"
    file.write_text(STRICT)
    begun = load(file.read_text())

    async def found(node: Node) -> dict[str, bool]:
        return {one.policy: one.back_tested for one in node.service.policies.listing().policies}

    place.live(found)
    file.write_text(MILD)
    record_report(place.data, str(file), begun, "back-tested", b"a report", "nothing changed", "")
    assert place.live(found) == {HASH["live"]: False, HASH["strict"]: True}
