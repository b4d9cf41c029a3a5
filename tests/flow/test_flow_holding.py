"""Held successes in a node: who waits, what is released, and what a restart finds."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stepwarden.app.node import Node
from stepwarden.errors import NotWitnessedError, SettingsError
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode
from stepwarden.events.entries import ChallengeReleased, ChallengeWithheld
from stepwarden.flow.answers import Answer, PassedAnswer
from stepwarden.flow.holding import Holding, HoldRule
from tests.flow.flow_house import House

ALL = HoldRule(actions=frozenset(), aal=0, within=1.0)


class Quorum:
    """Says what the test says, when it says so."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.go = asyncio.Event()
        self.enough = True

    async def witnessed(self, size: int, *, within: float) -> tuple[int, tuple[str, ...]]:
        self.asked.append(size)
        await self.go.wait()
        if not self.enough:
            raise NotWitnessedError("too few")
        return size, ("w1", "w2")


class Alice:
    """Signed in, with an authenticator; her successes are held by ``rule``."""

    def __init__(self, house: House, node: Node, quorum: Quorum, rule: HoldRule = ALL) -> None:
        self.house, self.service, self.node = house, node.service, node
        node.service._stepups._holding = Holding(node.recorder, quorum, rule)

    async def enter(self) -> None:
        asked = await self.service.decide(self.attempt("login", session=""), by="app")
        await self.service.report(asked.id, outcome="success", proved=("pwd",), session="s1", by="app")
        self.device = await self.service.enrol_totp("alice", attempt="", by="app")

    def attempt(self, action: str, session: str = "s1", grant: str = "") -> Attempt:
        return Attempt(action=action, actor="alice", session=session, grant=grant, ip="192.0.2.1")

    async def ask(self, action: str = "transfer", grant: str = "") -> Answer:
        return await self.service.decide(self.attempt(action, grant=grant), by="app")

    def answer(self, asked: Answer) -> "asyncio.Task[PassedAnswer]":
        assert asked.challenge is not None
        code = self.house.code(self.device)
        coroutine = self.service.answer(asked.challenge.id, factor="totp", answer=code, by="app")
        return asyncio.create_task(coroutine)


async def held(quorum: Quorum) -> None:
    """Until somebody waits for the quorum."""
    async with asyncio.timeout(10):
        while not quorum.asked:  # noqa: ASYNC110 - a test may look
            await asyncio.sleep(0.01)


def live(house: House, do: Callable[[Node, Quorum], Awaitable[None]]) -> None:
    house.live(lambda node: do(node, Quorum()))


def test_the_answer_waits_for_the_quorum_over_the_success_itself(house: House) -> None:
    """Nothing is answered before; the size asked for covers the entry; the grant works afterwards."""

    async def do(node: Node, quorum: Quorum) -> None:
        alice = Alice(house, node, quorum)
        await alice.enter()
        task = alice.answer(await alice.ask())
        await held(quorum)
        assert not task.done()
        assert (await alice.ask()).decision == "step_up"
        quorum.go.set()
        passed = await task
        assert quorum.asked == [passed.receipt.index + 1]
        assert passed.receipt.size > passed.receipt.index + 1
        assert (await alice.ask(grant=passed.grant)).decision == "allow"

    live(house, do)
    released = [entry for leaf in house.leaves() if isinstance(entry := decode(leaf), ChallengeReleased)]
    assert [entry.witnesses for entry in released] == [("w1", "w2")]


def test_too_few_witnesses_withhold_it(house: House) -> None:
    """An error of its own, an entry, and the same demand again."""

    async def do(node: Node, quorum: Quorum) -> None:
        alice = Alice(house, node, quorum)
        await alice.enter()
        quorum.enough = False
        quorum.go.set()
        with pytest.raises(NotWitnessedError):
            await alice.answer(await alice.ask())
        assert (await alice.ask()).decision == "step_up"
        assert not node.state.stepup.held()

    live(house, do)
    assert sum(isinstance(decode(leaf), ChallengeWithheld) for leaf in house.leaves()) == 1


def test_a_session_that_ends_meanwhile_takes_it_with_it(house: House) -> None:
    """The witnesses sign, and it is void all the same."""

    async def do(node: Node, quorum: Quorum) -> None:
        alice = Alice(house, node, quorum)
        await alice.enter()
        task = alice.answer(await alice.ask())
        await held(quorum)
        assert (await alice.ask("logout")).decision == "allow"
        quorum.go.set()
        with pytest.raises(NotWitnessedError):
            await task

    live(house, do)


def test_a_rule_holds_only_its_actions_and_levels(house: House) -> None:
    """What it does not name is answered at once."""

    async def do(node: Node, quorum: Quorum) -> None:
        alice = Alice(house, node, quorum, HoldRule(actions=frozenset({"transfer"}), aal=2, within=1.0))
        await alice.enter()
        await alice.answer(await alice.ask("factor.enroll"))
        assert not quorum.asked
        house.forward(60)
        task = alice.answer(await alice.ask("transfer"))
        await held(quorum)
        quorum.go.set()
        await task

    live(house, do)


def test_what_a_former_run_held_is_void_at_the_next_start(house: House) -> None:
    """Nobody waits for it any more, so an entry says that it never counts."""

    async def first(node: Node, quorum: Quorum) -> None:
        alice = Alice(house, node, quorum)
        await alice.enter()
        task = alice.answer(await alice.ask())
        await held(quorum)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(node.state.stepup.held()) == 1

    async def second(node: Node, quorum: Quorum) -> None:
        assert not node.state.stepup.held()

    live(house, first)
    live(house, second)
    withheld = [entry for leaf in house.leaves() if isinstance(entry := decode(leaf), ChallengeWithheld)]
    assert ["started again" in entry.reason for entry in withheld] == [True]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"witnesses.required": ["challenge.passed"]}, "nobody could ever sign"),
        ({"witnesses.required": ["attempt.decided"]}, "cannot wait"),
        ({"witnesses.actions": ["transfer"]}, "mean nothing"),
        ({"witnesses.policy": "missing"}, "cannot be read"),
    ],
)
def test_settings_that_would_hold_for_ever_or_not_at_all_are_refused(
    house: House, settings: dict[str, object], words: str
) -> None:
    """Each is named at the start."""
    house.given.update(settings)

    async def nothing(node: Node) -> None:
        raise AssertionError("it must not start")

    with pytest.raises(SettingsError, match=words):
        house.live(nothing)
