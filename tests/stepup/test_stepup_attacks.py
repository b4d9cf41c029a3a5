"""Attacks on what a step-up is for: its challenge, its grant, its prompts, the session that it raises."""

import msgspec
import pytest

from stepwarden.events.entries import (
    ChallengeAnswered,
    Demand,
    Standing,
)
from stepwarden.stepup.assurance import Used, level
from stepwarden.stepup.binding import binding, grant_hash
from stepwarden.stepup.gate import Passed
from tests.stepup.world import MINUTE, SECOND, TRANSFER, World, recovery_codes


def test_challenge_echoed_by_the_client(world: World) -> None:
    """A passed challenge is closed: the captured exchange, sent again, is worth nothing (CVE-2026-28787)."""
    challenge, code = world.open(), world.code("alice")
    assert isinstance(world.answer(challenge, code), Passed)
    assert world.answer(challenge, code) == "closed"
    assert world.answer("made-up-by-the-client", code) == "closed"


def test_what_the_client_makes_up_does_not_enter_the_log(world: World) -> None:
    """An unknown challenge id or factor is the sender's text and is left out."""
    world.answer("\r\nforged entry\x1b[31m", "123456", "evil\nfactor")
    entry = world.log[-1]
    assert isinstance(entry, ChallengeAnswered)
    assert (entry.challenge, entry.actor, entry.factor) == ("", "", "")


@pytest.mark.parametrize(
    "other",
    [
        {"parameters": {"amount": 1000, "to": "DE02"}},
        {"parameters": {"amount": 100, "to": "DE03"}},
        {"parameters": {"amount": 100, "to": "DE02", "note": ""}},
        {"parameters": {"amount": "100", "to": "DE02"}},
        {"action": "transfer2"},
        {"session": "s2"},
        {"actor": "mallory"},
        {"resource": "account/8"},
    ],
)
def test_step_up_not_bound_to_the_action(world: World, other: dict[str, object]) -> None:
    """With anything about the action changed, the grant is no grant; for the very action it is, once."""
    passed = world.answer(world.open(), world.code("alice"))
    assert isinstance(passed, Passed)
    same: dict[str, object] = {
        "actor": "alice",
        "session": "s1",
        "action": "transfer",
        "parameters": TRANSFER,
        "grant": passed.grant,
    }
    _, changed, _ = world.attempt(**{**same, **other})  # type: ignore[arg-type]
    assert changed.decision == "step_up"
    _, first, _ = world.attempt(**same)  # type: ignore[arg-type]
    _, second, _ = world.attempt(**same)  # type: ignore[arg-type]
    assert (first.decision, second.decision) == ("allow", "step_up")


def test_a_guessed_or_old_grant(world: World) -> None:
    """Only the grant itself works, and only for five minutes on the log's clock."""
    passed = world.answer(world.open(), world.code("alice"))
    assert isinstance(passed, Passed)
    bound = binding("transfer", "alice", "s1", "", TRANSFER)
    assert world.state.grant(grant_hash(passed.grant), bound, world.now) is not None
    assert world.state.grant(grant_hash(passed.grant + "A"), bound, world.now) is None
    assert world.state.grant(passed.grant, bound, world.now) is None
    assert world.state.grant(grant_hash(passed.grant), bound, passed.expires - 1) is not None
    assert world.state.grant(grant_hash(passed.grant), bound, passed.expires) is None


def test_same_factor_counted_twice(world: World) -> None:
    """A code by text message and a code by app are both held things: one factor, AAL1 (Kratos #4317)."""
    attempt = world.attempt("alice")
    world.report(attempt, "unknown", ("sms",))
    assert attempt[2] is not None
    passed = world.answer(attempt[2].challenge, world.code("alice"))
    assert isinstance(passed, Passed)
    assert passed.aal == 1
    assert [level(first, Used("totp")) for first in (("otp",), ("hwk",), ("pwd",), ("face",), ())] == [
        1,
        1,
        2,
        2,
        1,
    ]


def test_recovery_as_a_factor(world: World) -> None:
    """A recovery code gives AAL1, named as recovery and nothing else, and never raises a session above it."""
    codes = recovery_codes(world)
    challenge = world.open(demand=Demand(aal=2, recovery=True, bound=True))
    passed = world.answer(challenge, codes[0], "recovery")
    assert isinstance(passed, Passed)
    assert (passed.aal, passed.amr) == (1, ("recovery",))
    assert world.state.standing("alice", "s1", world.now).aal == 1
    assert [level(first, Used("recovery")) for first in (("pwd",), ("mfa",), ("hwk", "pwd"))] == [1, 1, 1]


def test_recovery_at_a_sign_in_opens_an_aal1_session(world: World) -> None:
    """Signed in by password and recovery code: the new session holds AAL1."""
    codes = recovery_codes(world)
    passed = sign_in_stepped_up(world, codes[0], "recovery", "s9")
    assert passed.aal == 1
    assert world.state.standing("alice", "s9", world.now).aal == 1


def sign_in_stepped_up(world: World, code: str, factor: str, session: str) -> Passed:
    """A whole sign-in: password, challenge, grant, allowed, session opened."""
    demand = Demand(aal=2, recovery=True, bound=True)
    attempt = world.attempt("alice", demand=demand)
    world.report(attempt)
    assert attempt[2] is not None
    passed = world.answer(attempt[2].challenge, code, factor)
    assert isinstance(passed, Passed)
    again = world.attempt("alice", demand=demand, grant=passed.grant)
    assert again[1].decision == "allow"
    world.report(again, "success", ("pwd",), session)
    return passed


def test_a_stepped_up_sign_in_opens_an_aal2_session(world: World) -> None:
    """The session inherits what the grant proved, and when."""
    passed = sign_in_stepped_up(world, world.code("alice"), "totp", "s9")
    standing = world.state.standing("alice", "s9", world.now)
    assert standing == Standing(aal=2, since=world.now, amr=("otp", "pwd"))
    assert passed.aal == 2
    assert world.state.standing("mallory", "s9", world.now) == Standing()


def test_a_sign_in_reported_well_though_it_was_not_allowed(world: World) -> None:
    """Enforced only in the UI: an outcome cannot give what the decision did not."""
    attempt = world.attempt("alice")
    assert attempt[1].decision == "step_up"
    world.report(attempt, "success", ("pwd",), "stolen")
    assert world.state.standing("alice", "stolen", world.now) == Standing()


def test_a_session_without_proof_is_no_session(world: World) -> None:
    """A success without any factor proved, or without a session, raises nothing."""
    _, decided, _ = world.attempt("alice", demand=Demand(aal=1))
    allowed = type(decided)(
        **{**{f: getattr(decided, f) for f in decided.__struct_fields__}, "decision": "allow"}
    )
    index = world.append(allowed)
    world.report((index, allowed, None), "success", ("geo",), "s7")
    world.report((index, allowed, None), "success", ("pwd",), "")
    assert world.state.standing("alice", "s7", world.now) == Standing()


def test_push_bombing(world: World) -> None:
    """20 sign-ins with the right password: three reach the person, the rest are refused."""
    decisions = []
    for _ in range(20):
        world.now += 5 * SECOND
        attempt = world.attempt("alice")
        decisions.append(attempt[1].decision)
        world.report(attempt)
    assert decisions == ["step_up"] * 3 + ["deny"] * 17
    world.now += 10 * MINUTE
    assert world.attempt("alice")[1].decision == "step_up"


def test_push_bombing_by_attempts_prepared_beforehand(world: World) -> None:
    """Challenges gathered before the first factor is reported become ready three at a time, no more."""
    attempts = [world.attempt("alice") for _ in range(20)]
    for attempt in attempts:
        world.report(attempt)
    ready = [world.state.challenge(a[2].challenge) for a in attempts if a[2] is not None]
    assert [found is not None and found.ready for found in ready] == [True] * 3 + [False] * 17


def test_the_same_transfer_asked_again_is_one_prompt(world: World) -> None:
    """A page loaded again in its session gets the open challenge; another session does not."""
    world.sign_in("alice", "s2")
    assert len({world.open() for _ in range(5)}) == 1
    assert world.open() != world.open(session="s2")
    assert len(world.state.prompts("alice", world.now)) == 2


def test_an_open_challenge_is_not_offered_for_another_action(world: World) -> None:
    """In one session, another amount is another challenge; and an expired one is not offered again."""
    one, other = (
        world.attempt("alice", "s1", action="transfer", parameters={"amount": amount})[2] for amount in (1, 2)
    )
    assert one is not None
    assert other is not None
    assert one.challenge != other.challenge
    world.now += 5 * MINUTE
    late = world.attempt("alice", "s1", action="transfer", parameters={"amount": 1})[2]
    assert late is not None
    assert late.challenge not in (one.challenge, other.challenge)


def test_a_first_factor_of_somebody_else(world: World) -> None:
    """An outcome that names another person does not make this person's challenge ready."""
    index, decided, offer = world.attempt("alice")
    mallory = msgspec.structs.replace(decided.facts, actor="mallory")
    world.report((index, msgspec.structs.replace(decided, facts=mallory), None))
    assert offer is not None
    assert world.answer(offer.challenge, world.code("alice")) == "not_ready"


@pytest.mark.parametrize("change", [{"binding": "0" * 64}, {"actor": "mallory"}, {"decision": "deny"}])
def test_a_grant_spent_on_something_else_opens_no_session(world: World, change: dict[str, str]) -> None:
    """Even an entry that should never be: a grant counts only for its own person and action, when allowed."""
    attempt = world.attempt("alice")
    world.report(attempt)
    assert attempt[2] is not None
    passed = world.answer(attempt[2].challenge, world.code("alice"))
    assert isinstance(passed, Passed)
    wrong = msgspec.structs.replace(attempt[1], decision="allow", grant=grant_hash(passed.grant))
    if "actor" in change:
        wrong = msgspec.structs.replace(wrong, facts=msgspec.structs.replace(wrong.facts, **change))
    else:
        wrong = msgspec.structs.replace(wrong, **change)
    index = world.append(wrong)
    world.report((index, msgspec.structs.replace(wrong, decision="allow"), None), "success", ("pwd",), "s9")
    assert world.state.standing(wrong.facts.actor, "s9", world.now).aal <= 1
    assert world.state.grant(grant_hash(passed.grant), attempt[1].binding, world.now) is None


def test_prompts_that_were_passed_are_no_bombing(world: World) -> None:
    """Somebody who makes five transfers and approves each is not locked out of the sixth."""
    for number in range(6):
        world.now += 30 * SECOND
        offer = world.attempt("alice", "s1", action="transfer", parameters={"number": number})[2]
        assert offer is not None
        assert isinstance(world.answer(offer.challenge, world.code("alice")), Passed)


@pytest.mark.parametrize("back", [90 * SECOND, 60 * MINUTE, 24 * 60 * MINUTE])
def test_elevation_never_drops(world: World, back: int) -> None:
    """A clock set back extends no standing, challenge, grant or lock-out."""
    passed = world.answer(world.open(), world.code("alice"))
    assert isinstance(passed, Passed)
    raised = world.now
    challenge = world.open(session="s2", proved=("pwd",))
    bound = binding("transfer", "alice", "s1", "", TRANSFER)
    world.now += 12 * 60 * MINUTE
    assert world.state.standing("alice", "s1", world.now - 1).aal == 2
    world.sign_in("bob", "b1")  # the log's time goes on
    world.now = raised - back
    assert world.state.standing("alice", "s1", world.now).aal == 1
    assert world.state.grant(grant_hash(passed.grant), bound, world.now) is None
    assert world.answer(challenge, world.code("alice")) == "ChallengeExpired"


def test_session_fixation_at_step_up(world: World) -> None:
    """When a step-up gives the session a new id, the old one holds nothing any more."""
    passed = world.answer(world.open(), world.code("alice"))
    assert isinstance(passed, Passed)
    again = world.attempt("alice", "s1", action="transfer", parameters=TRANSFER, grant=passed.grant)
    world.report(again, "success", (), "s1-new")
    assert world.state.standing("alice", "s1", world.now) == Standing()
    assert world.state.standing("alice", "s1-new", world.now).aal == 2


def test_a_signed_out_session_holds_nothing(world: World) -> None:
    """Signing out ends the standing at once."""
    world.sign_in("alice", "s1")
    _, decided, _ = world.attempt("alice", "s1", action="logout")
    allowed = type(decided)(
        **{**{f: getattr(decided, f) for f in decided.__struct_fields__}, "decision": "allow"}
    )
    world.append(allowed)
    assert world.state.standing("alice", "s1", world.now) == Standing()
