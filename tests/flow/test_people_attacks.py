"""Ways to keep a person's name in the log, to be held and not erased, or to get an answer out of a log in doubt."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from stepwarden.app.node import Node
from stepwarden.errors import InputError, PrunedError, RollbackError
from stepwarden.events.attempt import Attempt
from stepwarden.flow.answers import EntryQuery
from stepwarden.gateway import factors
from stepwarden.gateway.exchange import Call
from tests.flow.flow_house import House

NAME = "zo\u00eb-q7Zx"


@pytest.mark.parametrize(
    "reason",
    ["asked by ZO\u00cb-q7zx", "zoe\u0308-q7Zx asked", "\uff5a\uff4f\u00eb-q7Zx asked", "(zo\u00eb-q7Zx)"],
)
def test_attack_a_reason_keeps_the_name_in_another_spelling(house: House, reason: str) -> None:
    """Composed otherwise, in capitals, in full width: of erasures, exports and queries alike."""

    async def do(node: Node) -> None:
        service = node.service
        await service.decide(Attempt(action="login", actor=NAME), by="k")
        with pytest.raises(InputError, match="names"):
            await service.export(NAME, reason=reason, by="k")
        with pytest.raises(InputError, match="names"):
            await service.entries(EntryQuery(actor=NAME), by="k", reason=reason)
        with pytest.raises(InputError, match="names"):
            await service.erase(NAME, reason=reason, by="k")
        await service.erase(NAME, reason="request 1", by="k")

    house.live(do)
    leaves = b"".join(house.leaves())
    assert b"q7Zx" not in leaves
    assert b"q7zx" not in leaves


@pytest.mark.parametrize("reason", ["a\nb", "\x1b[2Jcleared", "a\u202eb", "\u200b"])
def test_attack_a_reason_writes_into_the_terminal_of_who_reads_it(house: House, reason: str) -> None:
    """By any way, the command's socket included: printable text or nothing."""

    async def do(node: Node) -> None:
        await node.service.decide(Attempt(action="login", actor="ann"), by="k")
        with pytest.raises(InputError):
            await node.service.export("ann", reason=reason, by="k")
        with pytest.raises(InputError):
            await node.service.entries(EntryQuery(), by="k", reason=reason)

    house.live(do)
    assert reason.encode() not in b"".join(house.leaves())


@pytest.mark.parametrize("actor", ["ann\u00a0lee", "\U0001f469\u200d\U0001f4bb", "an\u00adn"])
def test_whoever_can_be_named_can_enrol_and_be_erased(house: House, actor: str) -> None:
    """A hard space, a joined emoji, a soft hyphen: an attempt may name them, so a request about them may as well."""

    async def do(node: Node) -> None:
        await node.service.decide(Attempt(action="login", actor=actor), by="k")
        assert factors.actor_of(_call(actor)) == actor
        await node.service.enrol_totp(actor, attempt="", by="k")
        done = await node.service.erase(actor, reason="request 1", by="k")
        assert (done.openings, done.factors) == (2, 1)

    house.live(do)
    with pytest.raises(InputError):
        factors.actor_of(_call("ann\n"))


def _call(actor: str) -> Call:
    return cast(Call, SimpleNamespace(segments=(actor,)))


def test_entries_that_are_pruned_during_an_erasure_do_not_stop_it(house: House) -> None:
    """What was pruned since the index was asked has no opening any more."""

    async def do(node: Node) -> None:
        for _ in range(3):
            await node.service.decide(Attempt(action="login", actor="ann"), by="k")
        plain, gone = node.store.leaves, 3

        def leaves(first: int, stop: int) -> object:
            if first == gone:
                raise PrunedError("just now")
            return plain(first, stop)

        node.store.leaves = leaves  # type: ignore[method-assign, assignment]
        done = await node.service.erase("ann", reason="request 1", by="k")
        del node.store.leaves
        assert done.openings == 2
        assert list(node.store.side_items("erasure")) == []

    house.live(do)


def test_attack_an_old_answer_out_of_a_log_in_doubt(house: House) -> None:
    """While nothing is decided, a repeated idempotency key brings no earlier permission back either."""
    ask = Attempt(action="balance.read", actor="ann", session="s", ip="198.51.100.7")

    async def do(node: Node) -> None:
        assert (await node.service.decide(ask, by="k", idempotency_key="k1")).decision == "allow"
        node.recorder.refused = RollbackError("in doubt")
        with pytest.raises(RollbackError):
            await node.service.decide(ask, by="k", idempotency_key="k1")
        node.recorder.refused = None
        assert (await node.service.decide(ask, by="k", idempotency_key="k1")).decision == "allow"

    house.live(do)


def test_a_person_erased_twice_in_one_breath_is_erased_once(house: House) -> None:
    """And whoever comes back between the two is a stranger, whom the second does or does not erase, wholly."""

    async def do(node: Node) -> None:
        service = node.service
        await service.decide(Attempt(action="login", actor="ann"), by="k")
        results = await asyncio.gather(
            service.erase("ann", reason="request 1", by="k"),
            service.erase("ann", reason="request 2", by="k"),
            *(service.decide(Attempt(action="login", actor="ann"), by="k") for _ in range(5)),
            return_exceptions=True,
        )
        assert sum(not isinstance(one, BaseException) for one in results[:2]) >= 1
        page = await service.entries(EntryQuery(actor="ann"), by="k")
        assert all(view.personal and view.personal["actor"] == "ann" for view in page.entries)
        assert list(node.store.side_items("erasure")) == []

    house.live(do)
