"""The log recomputes, survives restarts with the same state, and survives the erasure of people."""

import contextlib
import random

import msgspec
import pytest

from stepwarden.app.node import Node
from stepwarden.errors import (
    ChallengeError,
    CorruptLogError,
    DecisionDiffersError,
    ForbiddenError,
    StepwardenError,
)
from stepwarden.events.attempt import Attempt, Device, Outcome
from stepwarden.events.encoding import decode, encode
from stepwarden.events.entries import AttemptDecided
from stepwarden.flow.answers import EntryQuery
from stepwarden.flow.audit import Recomputed, recompute
from stepwarden.ledger.store import SideWrite
from tests.flow.flow_house import House

OUTCOMES: tuple[Outcome, ...] = ("success", "success", "failure", "unknown")


def recomputed(leaves: list[bytes]) -> Recomputed:
    return recompute(lambda first, stop: iter(leaves[first:stop]), len(leaves), lambda _: None)


async def busy_day(house: House, node: Node, seed: int, steps: int) -> None:
    """People, failures, step-ups, wrong codes, records; some of everything."""
    chance = random.Random(seed)
    service = node.service
    for number in range(steps):
        house.forward(chance.choice([0, 0.2, 3, 40, 4_000]))
        person = f"person{chance.randrange(6)}"
        attempt = Attempt(
            action=chance.choice(["login", "login", "transfer", "export", "balance.read"]),
            actor=person if chance.random() < 0.95 else "",
            session=f"{person}/{chance.randrange(3)}",
            ip=f"198.51.{chance.randrange(3)}.{chance.randrange(8)}"
            if chance.random() < 0.95
            else "nonsense",
            user_agent=chance.choice(["Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0", "curl/8.0", ""]),
            device=Device(id=f"device{chance.randrange(9)}") if chance.random() < 0.7 else None,
            proved=("pwd",) if chance.random() < 0.5 else (),
            parameters={"amount": chance.randrange(3)},
        )
        if chance.random() < 0.1:
            with contextlib.suppress(ForbiddenError):  # they have a factor from an earlier run
                await service.enrol_totp(f"person{number % 9}", attempt="", by="k")
        answer = await service.decide(
            attempt, by="k", idempotency_key=chance.choice(["", f"key{seed}.{number}"])
        )
        if answer.challenge is not None and chance.random() < 0.8:
            with contextlib.suppress(ChallengeError):
                await service.answer(answer.challenge.id, factor="totp", answer="000000", by="k")
        elif chance.random() < 0.7:
            outcome = chance.choice(OUTCOMES)
            await service.report(answer.id, outcome=outcome, proved=["pwd"], session=attempt.session, by="k")
        if chance.random() < 0.1:
            await service.label(answer.id, "attack", source="test", reliability=90, by="k")
        service.sweep()


@pytest.mark.parametrize("seed", range(4))
def test_every_decision_of_a_busy_log_recomputes_across_restarts(house: House, seed: int) -> None:
    """What was decided live, over several runs and other bounds, is what the log alone leads to."""
    for run, actors in enumerate((1000, 3, 1000)):
        house.given["memory.actors"] = actors

        async def day(node: Node, number: int = seed * 10 + run) -> None:
            await busy_day(house, node, number, 60)

        house.live(day)
    found = recomputed(house.leaves())
    assert found.decisions == 180


@pytest.mark.soak
def test_a_long_life_with_many_restarts_recomputes(house: House) -> None:
    """Thirty runs of a thousand doings each: the log still recomputes, decision by decision."""
    for run in range(30):

        async def day(node: Node, number: int = 1_000 + run) -> None:
            await busy_day(house, node, number, 1_000)

        house.live(day)
    assert recomputed(house.leaves()).decisions == 30_000


def test_a_restart_leads_to_the_same_state(house: House) -> None:
    """Folding the log anew gives the state that the running service had."""

    async def before(node: Node) -> tuple[bytes, dict[str, int], dict[str, int]]:
        await busy_day(house, node, 7, 120)
        return node.state.signals.dump(), node.state.stepup.sizes(), dict(node.state.answered)

    async def after(node: Node) -> tuple[bytes, dict[str, int], dict[str, int]]:
        return node.state.signals.dump(), node.state.stepup.sizes(), dict(node.state.answered)

    assert house.live(before) == house.live(after)


def changed(leaf: bytes, **fields: object) -> bytes:
    entry = decode(leaf)
    return encode(msgspec.structs.replace(entry, **fields))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("decision", "allow"),
        ("risk", 1),
        ("score", -1),
        ("signals", {}),
        ("evidence", ()),
        ("policy", "0" * 64),
        ("grant", "f" * 64),
    ],
)
def test_a_changed_decision_is_named(house: House, field: str, value: object) -> None:
    """Whatever part of a decision is rewritten, the recomputing finds that entry."""

    async def do(node: Node) -> None:
        for number in range(12):
            wrong = Attempt(action="login", actor="alice", ip="198.51.100.7", session="s")
            answer = await node.service.decide(wrong, by="k")
            await node.service.report(answer.id, outcome="failure", proved=[], session="", by="k")
            house.forward(number)
        transfer = Attempt(action="transfer", actor="alice", ip="198.51.100.7", session="s")
        await node.service.decide(transfer, by="k")

    house.live(do)
    leaves = house.leaves()
    recomputed(leaves)
    last = max(index for index, leaf in enumerate(leaves) if isinstance(decode(leaf), AttemptDecided))
    leaves[last] = changed(leaves[last], **{field: value})
    if field == "grant":
        recomputed(leaves)  # an unknown grant proves nothing, and nothing was allowed by it
        return
    with pytest.raises(DecisionDiffersError, match=f"entry {last}: {field}"):
        recomputed(leaves)


def test_an_entry_that_is_left_out_changes_what_follows(house: House) -> None:
    """A failure that is cut out of the middle shows in the next decision."""

    async def do(node: Node) -> None:
        for _ in range(3):
            answer = await node.service.decide(Attempt(action="login", actor="a", ip="198.51.100.7"), by="k")
            await node.service.report(answer.id, outcome="failure", proved=[], session="", by="k")

    house.live(do)
    leaves = house.leaves()
    del leaves[4]
    with pytest.raises(StepwardenError):
        recomputed(leaves)


def test_decisions_still_replay_after_a_person_was_erased(house: House) -> None:
    """Without the person's key nothing personal opens, and every decision still recomputes."""

    house.live(lambda node: busy_day(house, node, 3, 60))

    async def erase(node: Node) -> None:
        side = tuple(SideWrite("subject", key, None) for key, _ in node.store.side_items("subject"))
        recorder = node.service._recorder  # the command that does this properly is still to come
        entry = decode(house.leaves()[0])
        stopped = msgspec.structs.replace(entry, time=recorder.now(), size=recorder.state.size)
        await recorder.append(stopped, side=side).durable

    house.live(erase)

    async def look(node: Node) -> list[object]:
        page = await node.service.entries(EntryQuery(kind="attempt.decided", limit=1000), by="k")
        return [view.personal for view in page.entries]

    assert set(map(str, house.live(look))) == {"None"}
    assert recomputed(house.leaves()).decisions == 60


def test_a_log_that_ends_before_its_head_is_not_taken_for_a_shorter_one(house: House) -> None:
    """Entries that the head counts and the store does not give are missing, not out of scope."""

    async def do(node: Node) -> None:
        await busy_day(house, node, seed=3, steps=10)

    house.live(do)
    leaves = house.leaves()
    with pytest.raises(CorruptLogError, match=f"entries {len(leaves) - 4} to {len(leaves) - 1} are missing"):
        recompute(lambda first, stop: iter(leaves[first : stop - 4]), len(leaves), lambda _: None)
