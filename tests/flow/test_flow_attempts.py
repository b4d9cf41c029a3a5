"""Attempts end to end, through the service over a real log."""

import asyncio
import json

import msgspec
import pytest

from stepwarden.app.node import Node
from stepwarden.errors import (
    BusyError,
    ChallengeError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PolicyError,
)
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode
from stepwarden.events.entries import AttemptDecided, OutcomeReported, PolicyChanged, PolicyRefused
from stepwarden.flow.answers import Answer, EntryQuery, TotpEnrolment
from tests.flow.flow_house import House

SIGN_IN = Attempt(
    action="login", actor="alice", session="before", ip="198.51.100.7", user_agent="Mozilla/5.0"
)
TRANSFER = Attempt(
    action="transfer",
    actor="alice",
    session="signed-in",
    ip="198.51.100.7",
    user_agent="Mozilla/5.0",
    resource="account/7",
    parameters={"amount": 120_000, "to": "DE89370400440532013000"},
)


async def sign_in(node: Node) -> TotpEnrolment:
    service = node.service
    answer = await service.decide(SIGN_IN, by="k")
    assert answer.decision == "allow"
    await service.report(answer.id, outcome="success", proved=["pwd"], session="signed-in", by="k")
    return await service.enrol_totp("alice", attempt="", by="k")


async def granted(house: House, node: Node, enrolment: TotpEnrolment, attempt: Attempt) -> str:
    asked = await node.service.decide(attempt, by="k")
    assert asked.decision == "step_up"
    assert asked.challenge is not None
    passed = await node.service.answer(
        asked.challenge.id, factor="totp", answer=house.code(enrolment), by="k"
    )
    return passed.grant


def test_a_transfer_is_allowed_once_for_each_proof(house: House) -> None:
    """A passed challenge allows the very action that was asked for, one time."""

    async def do(node: Node) -> list[str]:
        grant = await granted(house, node, await sign_in(node), TRANSFER)
        again = msgspec.structs.replace(TRANSFER, grant=grant)
        return [(await node.service.decide(again, by="k")).decision for _ in range(2)]

    assert house.live(do) == ["allow", "step_up"]


@pytest.mark.parametrize(
    "changed",
    [
        {"parameters": {"amount": 120_001, "to": "DE89370400440532013000"}},
        {"parameters": {"amount": "120000", "to": "DE89370400440532013000"}},
        {"resource": "account/8"},
        {"session": "another"},
        {"actor": "mallory"},
        {"action": "transfer.large"},
    ],
)
def test_step_up_not_bound_to_the_action_change_one_byte(house: House, changed: dict[str, object]) -> None:
    """A proof for one action is no proof for any other, in whatever the other differs."""

    async def do(node: Node) -> str:
        grant = await granted(house, node, await sign_in(node), TRANSFER)
        other = msgspec.structs.replace(TRANSFER, grant=grant, **changed)
        return (await node.service.decide(other, by="k")).decision

    assert house.live(do) != "allow"


def test_two_racing_consumers_of_one_grant_one_wins(house: House) -> None:
    """Of many attempts that bring the same grant at once, exactly one is allowed."""

    async def do(node: Node) -> list[str]:
        grant = await granted(house, node, await sign_in(node), TRANSFER)
        again = msgspec.structs.replace(TRANSFER, grant=grant)
        answers = await asyncio.gather(*[node.service.decide(again, by="k") for _ in range(50)])
        return [answer.decision for answer in answers]

    assert house.live(do).count("allow") == 1


def test_code_replayed_fifty_concurrent_uses_pass_once(house: House) -> None:
    """A one-time code passes one challenge, however many are answered with it at once."""

    async def do(node: Node) -> int:
        enrolment = await sign_in(node)
        asked = [
            await node.service.decide(
                msgspec.structs.replace(TRANSFER, session=f"s{number}", proved=("pwd",)), by="k"
            )
            for number in range(3)
        ]
        code = house.code(enrolment)

        async def use(answer: Answer) -> bool:
            assert answer.challenge is not None
            try:
                await node.service.answer(answer.challenge.id, factor="totp", answer=code, by="k")
            except ChallengeError:
                return False
            return True

        return sum(await asyncio.gather(*[use(asked[number % 3]) for number in range(50)]))

    assert house.live(do) == 1


def test_the_same_idempotency_key_gets_the_same_answer_and_one_entry(house: House) -> None:
    """Sent twice, at once or later or after a restart: one decision, one entry, the same words."""

    async def first(node: Node) -> list[Answer]:
        twice = [node.service.decide(SIGN_IN, by="k", idempotency_key="one") for _ in range(2)]
        return [
            *await asyncio.gather(*twice),
            await node.service.decide(SIGN_IN, by="k", idempotency_key="one"),
        ]

    async def later(node: Node) -> Answer:
        with pytest.raises(ConflictError):
            await node.service.decide(TRANSFER, by="k", idempotency_key="one")
        other = await node.service.decide(SIGN_IN, by="another key", idempotency_key="one")
        assert other.id != answers[0].id
        return await node.service.decide(SIGN_IN, by="k", idempotency_key="one")

    answers = house.live(first)
    answers.append(house.live(later))
    assert len({(answer.id, answer.decision, answer.reasons) for answer in answers}) == 1
    decided = [decode(leaf) for leaf in house.leaves()]
    assert sum(isinstance(entry, AttemptDecided) and entry.by == "k" for entry in decided) == 1


def test_an_open_challenge_survives_a_restart_under_its_idempotency_key(house: House) -> None:
    """Asked again after a restart, the caller gets the challenge that is still open, and can pass it."""

    async def before(node: Node) -> tuple[TotpEnrolment, Answer]:
        return await sign_in(node), await node.service.decide(TRANSFER, by="k", idempotency_key="t")

    enrolment, asked = house.live(before)

    async def after(node: Node) -> int:
        again = await node.service.decide(TRANSFER, by="k", idempotency_key="t")
        assert again.challenge is not None
        assert asked.challenge is not None
        assert again.challenge.id == asked.challenge.id
        code = house.code(enrolment)
        return (await node.service.answer(again.challenge.id, factor="totp", answer=code, by="k")).aal

    assert house.live(after) == 2


def test_a_full_queue_refuses_and_leaves_no_trace(house: House) -> None:
    """Beyond the limit attempts are refused; what was refused is neither in the log nor in the state."""
    house.given["server.queue_limit"] = 16

    async def do(node: Node) -> tuple[int, int]:
        one = msgspec.structs.replace(SIGN_IN, actor="flood")
        answers = await asyncio.gather(
            *[node.service.decide(one, by="k") for _ in range(200)], return_exceptions=True
        )
        refused = sum(isinstance(answer, BusyError) for answer in answers)
        assert refused + sum(isinstance(answer, Answer) for answer in answers) == 200
        last = await node.service.decide(one, by="k")
        entry = decode(next(iter(node.store.leaves(last.receipt.index, last.receipt.index + 1))))
        assert isinstance(entry, AttemptDecided)
        return refused, int(entry.signals["actor_attempts_1m"])

    refused, seen = house.live(do)
    assert refused > 0
    assert seen == 200 - refused


def test_an_outcome_is_reported_once_and_only_under_the_whole_name(house: House) -> None:
    """Knowing the index of an attempt is not knowing its name."""

    async def do(node: Node) -> None:
        answer = await node.service.decide(SIGN_IN, by="k")
        index, _, random = answer.id.partition("-")
        for wrong in (
            index,
            f"{index}-aaaaaaaa",
            f"0{index}-{random}",
            f"+{index}-{random}",
            "x",
            "-1-a",
            "9" * 30,
        ):
            with pytest.raises(NotFoundError):
                await node.service.report(wrong, outcome="success", proved=[], session="", by="k")
        await node.service.report(answer.id, outcome="unknown", proved=["pwd"], session="", by="k")
        await node.service.report(answer.id, outcome="failure", proved=[], session="", by="k")
        with pytest.raises(ConflictError):
            await node.service.report(answer.id, outcome="success", proved=["pwd"], session="s", by="k")

    house.live(do)


def test_habits_are_learned_only_from_what_had_been_allowed(house: House) -> None:
    """An application that reports success of a refused or unanswered attempt teaches the log nothing."""

    async def do(node: Node) -> None:
        await sign_in(node)
        asked = await node.service.decide(TRANSFER, by="k")
        assert asked.decision == "step_up"
        await node.service.report(asked.id, outcome="success", proved=["pwd"], session="x", by="k")

    house.live(do)
    reported = [entry for leaf in house.leaves() if isinstance(entry := decode(leaf), OutcomeReported)]
    assert [entry.learn for entry in reported] == [True, False]


def test_a_bad_policy_is_refused_the_old_one_stays_and_both_are_logged(house: House) -> None:
    """Hot reload: what cannot be used changes nothing, and the log says that it was tried."""

    async def do(node: Node) -> None:
        before = node.state.policy
        with pytest.raises(PolicyError) as caught:
            await node.service.policies.use("version: 1\nrules: [", by="k")
        assert caught.value.line > 0
        assert node.state.policy is before
        assert before is not None
        assert await node.service.policies.use(before.text.replace("name: default", "name: mine"), by="k")
        assert not await node.service.policies.use(
            node.state.policy.text if node.state.policy else "", by="k"
        )
        assert (await node.service.decide(SIGN_IN, by="k")).policy == (node.state.policy or before).hash

    house.live(do)
    kinds = [
        type(entry)
        for leaf in house.leaves()
        if isinstance(entry := decode(leaf), PolicyChanged | PolicyRefused)
    ]
    assert kinds == [PolicyChanged, PolicyRefused, PolicyChanged]


def test_bad_x_forwarded_for_skips_policy(house: House) -> None:
    """Behind a trusted proxy a malformed chain is the highest risk, never a pass."""
    house.given["server.trusted_proxies"] = ["127.0.0.0/8"]

    async def do(node: Node) -> list[str]:
        answers: list[str] = []
        for chain in (
            "a",
            "",
            "1.2.3.4, , 127.0.0.2",
            "9" * 10_000,
            "fe80::1%eth0",
            "198.51.100.7, 999.1.1.1",
        ):
            attempt = msgspec.structs.replace(SIGN_IN, ip="", peer="127.0.0.1", forwarded_for=chain)
            answers.append((await node.service.decide(attempt, by="k")).decision)
        return answers

    assert "allow" not in house.live(do)


def test_a_spoofed_left_part_of_the_chain_is_not_believed(house: House) -> None:
    """Only what trusted proxies have added counts: the client cannot choose its address."""
    house.given["server.trusted_proxies"] = ["127.0.0.0/8"]

    async def do(node: Node) -> list[str]:
        for chain in ("203.0.113.9", "198.51.100.7, 203.0.113.9", "junk, 203.0.113.9, 127.0.0.2"):
            attempt = msgspec.structs.replace(SIGN_IN, ip="", peer="127.0.0.1", forwarded_for=chain)
            await node.service.decide(attempt, by="k")
        page = await node.service.entries(EntryQuery(ip="203.0.113.9"), by="k")
        return [(view.personal or {})["ip"] for view in page.entries]

    assert house.live(do) == ["203.0.113.9"] * 3


def test_the_log_can_be_searched_by_person_and_the_search_is_logged(house: House) -> None:
    """Entries are found by the person's name, their personal fields open, and who looked is an entry."""

    async def do(node: Node) -> list[dict[str, str] | None]:
        await sign_in(node)
        await node.service.decide(msgspec.structs.replace(SIGN_IN, actor="bob"), by="k")
        page = await node.service.entries(EntryQuery(actor="alice", kind="attempt.decided"), by="auditor")
        assert not (await node.service.entries(EntryQuery(actor="nobody"), by="auditor")).entries
        return [view.personal for view in page.entries]

    found = house.live(do)
    assert [values and values["actor"] for values in found] == ["alice"]
    reads = [json.loads(leaf) for leaf in house.leaves() if b'"log.query"' in leaf]
    assert [(read["by"], read.get("rows", 0)) for read in reads] == [("auditor", 1), ("auditor", 0)]


def test_no_personal_value_and_no_secret_stands_in_the_log(house: House) -> None:
    """Neither ids nor addresses nor codes nor grants appear in any leaf."""

    async def do(node: Node) -> list[str]:
        enrolment = await sign_in(node)
        grant = await granted(house, node, enrolment, TRANSFER)
        await node.service.decide(msgspec.structs.replace(TRANSFER, grant=grant), by="k")
        codes = await node.service.make_recovery_codes("bob", attempt="", by="k")
        return [enrolment.secret, house.code(enrolment), grant, *codes]

    secrets = house.live(do)
    everything = b"\n".join(house.leaves()).decode()
    for value in ("alice", "198.51.100", "Mozilla", "signed-in", "account/7", "DE8937", "bob", *secrets):
        assert value not in everything


def test_a_second_factor_takes_a_fresh_proof_by_the_first(house: House) -> None:
    """Whoever has a factor gets another only by an allowed `factor.enroll`, and for each proof one."""
    enrol = msgspec.structs.replace(TRANSFER, action="factor.enroll", resource="", parameters=None)

    async def do(node: Node) -> None:
        service = node.service
        enrolment = await sign_in(node)
        with pytest.raises(ForbiddenError):
            await service.enrol_totp("alice", attempt="", by="k")
        asked = await service.decide(enrol, by="k")
        assert asked.decision == "step_up"
        with pytest.raises(ForbiddenError):
            await service.enrol_totp("alice", attempt=asked.id, by="k")
        grant = await granted(house, node, enrolment, enrol)
        allowed = await service.decide(msgspec.structs.replace(enrol, grant=grant), by="k")
        assert allowed.decision == "allow"
        await service.enrol_totp("alice", attempt=allowed.id, by="k")
        with pytest.raises(ForbiddenError):
            await service.make_recovery_codes("alice", attempt=allowed.id, by="k")

    house.live(do)
