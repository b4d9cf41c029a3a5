"""Both clients against a real socket: what they send, what they read, and what an outage becomes."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, get_args

import pytest

from stepwarden.sdk import (
    Allowed,
    AsyncClient,
    Attempt,
    Client,
    ClosedError,
    Decision,
    Denied,
    Event,
    LockedError,
    NotReadyError,
    OnOutage,
    RequestRefusedError,
    StepUp,
    UnavailableError,
    WrongAnswerError,
)
from stepwarden.sdk.wire import BATCH_BYTES
from tests.sdk.fake_stepwarden import KEY, RIGHT_CODE, Breakage, FakeStepwarden

LOGIN = Attempt(action="login", actor="alice", session="s1", peer="127.0.0.1", forwarded_for="198.51.100.7")
BREAKAGES = [b for b in get_args(Breakage) if b]
Ask = Callable[[str, Attempt, OnOutage, float], Decision]


def ask_blocking(url: str, attempt: Attempt, on_outage: OnOutage, timeout: float) -> Decision:
    with Client(url, key=KEY, timeout=timeout) as client:
        return client.attempt(attempt, on_outage=on_outage)


def ask_async(url: str, attempt: Attempt, on_outage: OnOutage, timeout: float) -> Decision:
    async def run() -> Decision:
        async with AsyncClient(url, key=KEY, timeout=timeout) as client:
            return await client.attempt(attempt, on_outage=on_outage)

    return asyncio.run(run())


both = pytest.mark.parametrize("ask", [ask_blocking, ask_async])


@both
@pytest.mark.parametrize(("said", "kind"), [("allow", Allowed), ("step_up", StepUp), ("deny", Denied)])
def test_each_decision_has_its_own_type(fake: FakeStepwarden, ask: Ask, said: str, kind: type) -> None:
    """The three words of the API become the three types, with reasons, demand and receipt."""
    fake.decide = lambda attempt: said
    decision = ask(fake.url, LOGIN, "deny", 2)
    assert type(decision) is kind
    assert not decision.outage
    assert [r.text for r in decision.reasons] == ["A device not seen before."]
    assert (decision.demand.aal, decision.demand.max_age, decision.demand.bound) == (2, 300, True)
    assert decision.receipt
    assert decision.receipt.index == 12
    if isinstance(decision, StepUp):
        assert decision.challenge
        assert decision.challenge.factors == ("totp", "recovery")


@both
def test_what_is_sent_is_the_documented_shape(fake: FakeStepwarden, ask: Ask) -> None:
    """Empty fields stay out of the body, the key travels in its header only."""
    ask(fake.url, LOGIN, "deny", 2)
    path, headers, body = fake.requests[0]
    assert path == "/v1/attempts"
    assert body == {
        "action": "login",
        "actor": "alice",
        "session": "s1",
        "peer": "127.0.0.1",
        "forwarded_for": "198.51.100.7",
    }
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["idempotency-key"]


@both
@pytest.mark.parametrize("broken", BREAKAGES)
@pytest.mark.parametrize(("on_outage", "kind"), [("deny", Denied), ("step_up", StepUp)])
def test_an_outage_is_what_the_call_site_chose(
    fake: FakeStepwarden, ask: Ask, broken: Breakage, on_outage: OnOutage, kind: type
) -> None:
    """However Stepwarden fails, the answer is the chosen one, marked as an outage, and never an allow."""
    fake.broken = broken
    decision = ask(fake.url, LOGIN, on_outage, 0.3)
    assert type(decision) is kind
    assert decision.outage
    assert decision.id == ""
    if isinstance(decision, StepUp):
        assert decision.challenge is None
    # An answer that drips in for ever is given up on, not waited for.
    assert fake.dripped < 100


@both
@pytest.mark.parametrize(("on_outage", "kind"), [("deny", Denied), ("step_up", StepUp)])
def test_nobody_listening_is_an_outage(ask: Ask, on_outage: OnOutage, kind: type) -> None:
    """A refused connection is no exception and no allow."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert type(ask(url, LOGIN, on_outage, 0.3)) is kind


@both
def test_an_outage_choice_that_is_not_known_denies(fake: FakeStepwarden, ask: Ask) -> None:
    """An untyped caller who passes "allow" gets a refusal."""
    fake.broken = "500"
    chosen: Any = "allow"
    assert type(ask(fake.url, LOGIN, chosen, 1)) is Denied


@both
def test_a_dropped_connection_is_tried_again_under_the_same_key(fake: FakeStepwarden, ask: Ask) -> None:
    """Two requests, one idempotency key: one entry in the log."""
    fake.drop_next = 1
    assert type(ask(fake.url, LOGIN, "deny", 2)) is Allowed
    keys = [headers["idempotency-key"] for _, headers, _ in fake.requests]
    assert len(keys) == 2
    assert len(set(keys)) == 1


@both
def test_our_own_mistakes_are_not_outages(fake: FakeStepwarden, ask: Ask) -> None:
    """A malformed attempt raises and names the field: it must not look like a decision."""
    with pytest.raises(RequestRefusedError) as caught:
        ask(fake.url, Attempt(action="login", user_agent="a\x1b[2Jb"), "deny", 2)
    assert (caught.value.status, caught.value.code, caught.value.field) == (
        400,
        "input.invalid",
        "user_agent",
    )


def test_a_wrong_key_raises_and_does_not_show_it(fake: FakeStepwarden) -> None:
    """An unknown API key is a set-up mistake; it appears in no message."""
    with Client(fake.url, key="sw_bad_hush") as client, pytest.raises(RequestRefusedError) as caught:
        client.attempt(LOGIN)
    assert caught.value.code == "auth.missing"
    assert "hush" not in str(caught.value) + repr(caught.value) + repr(client)


def test_connections_are_reused(fake: FakeStepwarden) -> None:
    """Ten questions travel on one connection."""
    with Client(fake.url, key=KEY) as client:
        for _ in range(10):
            client.attempt(LOGIN)
    assert fake.connections == 1


def test_a_challenge_is_answered_and_the_grant_used_once(fake: FakeStepwarden) -> None:
    """Step-up, report the password, answer, ask again with the grant: allowed; a second time not."""
    fake.decide = lambda attempt: "step_up"
    with Client(fake.url, key=KEY) as client:
        decision = client.attempt(LOGIN)
        assert isinstance(decision, StepUp)
        assert decision.challenge
        client.report(decision.id, "unknown", proved=("pwd",))
        passed = client.answer(decision.challenge.id, factor="totp", answer=RIGHT_CODE)
        again = Attempt(action="login", actor="alice", session="s1", grant=passed.grant)
        assert type(client.attempt(again)) is Allowed
        assert type(client.attempt(again)) is StepUp
        client.report(decision.id, "success", proved=("pwd",), session="s2")
    assert fake.sent("/outcome") == [
        {"outcome": "unknown", "proved": ["pwd"], "session": ""},
        {"outcome": "success", "proved": ["pwd"], "session": "s2"},
    ]


def test_codes_go_to_the_answer_call_only(fake: FakeStepwarden) -> None:
    """Of all requests of a step-up only the answer carries the code."""
    fake.decide = lambda attempt: "step_up"
    with Client(fake.url, key=KEY) as client:
        decision = client.attempt(LOGIN)
        assert isinstance(decision, StepUp)
        assert decision.challenge
        client.answer(decision.challenge.id, factor="totp", answer=RIGHT_CODE)
    carrying = [path for path, headers, body in fake.requests if RIGHT_CODE in str(body) + str(headers)]
    assert carrying == [f"/v1/challenges/{decision.challenge.id}/answer"]


@pytest.mark.parametrize(
    ("challenge", "error"),
    [("early", NotReadyError), ("gone", ClosedError), ("locked", LockedError), ("", RequestRefusedError)],
)
def test_each_refusal_of_an_answer_has_its_error(
    fake: FakeStepwarden, challenge: str, error: type[RequestRefusedError]
) -> None:
    """The codes of the API become types; none of them carries the code that was typed."""
    with Client(fake.url, key=KEY) as client, pytest.raises(error) as caught:
        client.answer(challenge or "../attempts", factor="totp", answer="999999")
    assert "999999" not in str(caught.value)


def test_a_wrong_code_is_told_apart_from_an_ended_challenge(fake: FakeStepwarden) -> None:
    """Wrong: try again; ended: ask for the action again."""
    fake.decide = lambda attempt: "step_up"
    with Client(fake.url, key=KEY) as client:
        decision = client.attempt(LOGIN)
        assert isinstance(decision, StepUp)
        assert decision.challenge
        with pytest.raises(WrongAnswerError):
            client.answer(decision.challenge.id, factor="totp", answer="000000")
        client.answer(decision.challenge.id, factor="totp", answer=RIGHT_CODE)
        with pytest.raises(ClosedError):
            client.answer(decision.challenge.id, factor="totp", answer=RIGHT_CODE)


def test_ids_cannot_leave_their_place_in_the_path(fake: FakeStepwarden) -> None:
    """An id with slashes and dots stays one path segment."""
    with Client(fake.url, key=KEY) as client:
        client.enrol_totp("../../v1/attempts?x=1")
        client.report("../x", "success")
        with pytest.raises(ClosedError):
            client.answer("../../attempts?", factor="totp", answer="1")
    assert [path for path, _, _ in fake.requests] == [
        "/v1/actors/..%2F..%2Fv1%2Fattempts%3Fx%3D1/factors/totp",
        "/v1/attempts/..%2Fx/outcome",
        "/v1/challenges/..%2F..%2Fattempts%3F/answer",
    ]


def test_events_are_sent_in_bounded_batches(fake: FakeStepwarden) -> None:
    """A long history becomes several requests, in order, none much over the limit."""
    events = [
        Event(time="2026-01-01T00:00:00Z", source="test", action="login", user_agent="x" * 1000, actor=str(i))
        for i in range(1200)
    ]
    with Client(fake.url, key=KEY, timeout=10) as client:
        assert client.record(events) == 1200
        assert client.record([]) == 0
    batches = fake.sent("/v1/events")
    assert len(batches) == 3
    assert [e["actor"] for batch in batches for e in batch] == [str(i) for i in range(1200)]
    assert all(int(h["content-length"]) <= BATCH_BYTES + 2000 for _, h, _ in fake.requests)


def test_every_other_call_raises_in_an_outage(fake: FakeStepwarden) -> None:
    """Where no decision is returned, an outage is an exception, and nothing is sent twice."""
    fake.broken = "drop"
    with Client(fake.url, key=KEY, timeout=0.5) as client:
        for call in (
            lambda: client.report("1-a", "success"),
            lambda: client.answer("c", factor="totp", answer="1"),
            lambda: client.enrol_totp("alice"),
            lambda: client.make_recovery_codes("alice"),
            lambda: client.record([Event(time="2026-01-01T00:00:00Z", source="t", action="login")]),
        ):
            with pytest.raises(UnavailableError):
                call()
    assert len(fake.requests) == 5


def test_the_async_client_sends_nothing_twice_either(fake: FakeStepwarden) -> None:
    """An answer to a challenge whose connection breaks is not repeated: it might count as a second try."""
    fake.broken = "drop"

    async def run() -> None:
        async with AsyncClient(fake.url, key=KEY, timeout=0.5) as client:
            with pytest.raises(UnavailableError):
                await client.answer("c", factor="totp", answer="1")
            with pytest.raises(UnavailableError):
                await client.report("1-a", "success")

    asyncio.run(run())
    assert len(fake.requests) == 2


def test_the_async_client_has_every_call(fake: FakeStepwarden) -> None:
    """The same flow through asyncio."""

    async def run() -> None:
        fake.decide = lambda attempt: "step_up"
        async with AsyncClient(fake.url, key=KEY) as client:
            decision = await client.attempt(LOGIN)
            assert isinstance(decision, StepUp)
            assert decision.challenge
            await client.report(decision.id, "unknown", proved=("pwd",))
            passed = await client.answer(decision.challenge.id, factor="totp", answer=RIGHT_CODE)
            assert passed.amr == ("otp",)
            assert (await client.enrol_totp("alice")).secret == "JBSWY3DP"
            assert len((await client.make_recovery_codes("alice")).codes) == 2
            event = Event(time="2026-01-01T00:00:00Z", source="t", action="login")
            assert await client.record([event, event]) == 2

    asyncio.run(run())


def test_a_client_without_a_timeout_cannot_be_made() -> None:
    """No call may hang for ever."""
    with pytest.raises(ValueError, match="positive"):
        Client("http://127.0.0.1:1", key=KEY, timeout=0)
