"""Codes that are sent, deferred successes, revoked sessions, the hold after recovery, and how fresh each method is."""

import msgspec
import pytest

from stepwarden.events.entries import (
    ChallengeCollected,
    ChallengeFailed,
    ChallengePassed,
    Demand,
    SessionRevoked,
    Standing,
)
from stepwarden.policy.demand import decide
from stepwarden.stepup import gate
from stepwarden.stepup.assurance import FACTORS, TABLE, Used, at_least, level, methods_after
from stepwarden.stepup.means import Approved, ProviderAnswer
from stepwarden.stepup.people import HOLD, HOLD_ENDS
from tests.stepup.world import MINUTE, ORIGIN, SECOND, World

AAL1 = Demand(aal=1, bound=True)


def opened(world: World, demand: Demand = AAL1) -> str:
    """A ready challenge that a code by mail could answer."""
    return world.open(demand=demand, proved=("pwd",))


def test_a_code_by_mail_never_gives_aal2(world: World) -> None:
    """Not even on top of a password; and a demand for AAL2 is not answered by it at all."""
    assert level(("pwd",), Used("email")) == 1
    world.enrol_address("alice", "email")
    challenge = opened(world, Demand(aal=2, bound=True))
    world.send(challenge, "email", "123456")
    assert world.answer(challenge, "123456", "email") == "wrong"


def test_a_code_by_mail_passes_what_asks_for_aal1(world: World) -> None:
    """Once: the challenge ends with it."""
    world.enrol_address("alice", "email")
    challenge = opened(world)
    world.send(challenge, "email", "123456")
    passed = world.answer(challenge, " 123-456 ", "email")
    assert isinstance(passed, gate.Passed)
    assert (passed.aal, passed.amr) == (1, ("email", "pwd"))
    assert world.answer(challenge, "123456", "email") == "closed"


def test_attack_same_code_by_mail_twice_is_still_aal1(world: World) -> None:
    """One factor counted twice (Kratos #4317)."""
    assert level(("email",), Used("email")) == 1
    assert level(("email", "otp"), Used("sms")) == 1


def test_attack_a_code_for_one_challenge_answers_another(world: World) -> None:
    """The same digits for another transfer are no code."""
    world.enrol_address("alice", "email")
    first = opened(world)
    second = world.attempt(
        "alice", "s1", action="transfer", parameters={"amount": 9}, demand=AAL1, proved=("pwd",)
    )[2]
    assert second is not None
    world.send(first, "email", "123456")
    assert world.answer(second.challenge, "123456", "email") == "wrong"


def test_attack_an_earlier_code_is_used_after_a_new_one_was_sent(world: World) -> None:
    """Sending again ends the code before."""
    world.enrol_address("alice", "email")
    challenge = opened(world)
    world.send(challenge, "email", "111111")
    world.send(challenge, "email", "222222")
    assert world.answer(challenge, "111111", "email") == "wrong"
    assert isinstance(world.answer(challenge, "222222", "email"), gate.Passed)


def test_attack_a_code_sent_by_mail_is_given_as_one_by_text_message(world: World) -> None:
    """Another channel, another factor: the code is bound to both."""
    world.enrol_address("alice", "email")
    world.enrol_address("alice", "sms", "m2")
    challenge = opened(world)
    world.send(challenge, "email", "123456")
    assert world.answer(challenge, "123456", "sms") == "wrong"


def test_attack_a_push_is_approved_without_its_number(world: World) -> None:
    """Whoever is asked out of the blue has no number to type, and a tap on yes is not enough."""
    world.enrol_address("alice", "push")
    challenge = world.open(proved=("pwd",))
    world.send(challenge, "push", "123456")
    for number in ("", "654321"):
        assert world.answer(challenge, Approved(yes=True, number=number), "push") == "wrong"
    passed = world.answer(challenge, Approved(yes=True, number="123456"), "push")
    assert isinstance(passed, gate.Passed)
    assert (passed.aal, passed.amr) == (2, ("mca", "pwd"))


def test_attack_the_pushs_number_is_typed_into_the_page(world: World) -> None:
    """Whoever sits at the page knows it: it proves something only where the person's app reports it."""
    world.enrol_address("alice", "push")
    challenge = world.open(proved=("pwd",))
    world.send(challenge, "push", "123456")
    assert world.answer(challenge, "123456", "push") == "wrong"


def test_a_refused_push_ends_the_challenge(world: World) -> None:
    """No is no, at once, and is told apart in the log from a mistake."""
    world.enrol_address("alice", "push")
    challenge = world.open(proved=("pwd",))
    world.send(challenge, "push", "123456")
    world.answer(challenge, Approved(yes=False, number=""), "push")
    entry = world.log[-1]
    assert isinstance(entry, ChallengeFailed)
    assert entry.reason == "denied"
    assert world.state.challenge(challenge) is None


@pytest.mark.parametrize("change", [{"actor": "mallory"}, {"auth_time": -10 * MINUTE}, {"aal": 1}])
def test_attack_a_providers_answer_that_does_not_fit(world: World, change: dict[str, object]) -> None:
    """About somebody else, from before it was asked, or of a lower level: nothing."""
    challenge = world.open(proved=("pwd",))
    good = ProviderAnswer(actor="alice", aal=2, methods=("otp",), auth_time=world.now)
    if "auth_time" in change:
        change = {"auth_time": world.now - 10 * MINUTE}
    assert world.answer(challenge, msgspec.structs.replace(good, **change), "provider") == "wrong"
    passed = world.answer(challenge, good, "provider")
    assert isinstance(passed, gate.Passed)
    assert passed.aal == 2


def test_attack_a_provider_says_that_a_passkey_of_ours_was_used(world: World) -> None:
    """Its hwk is not our passkey: it does not count where ours is asked for."""
    assert "hwk" not in methods_after((), Used("provider", aal=2, methods=("hwk", "mfa")))


def test_attack_a_text_is_given_for_a_providers_answer(world: World) -> None:
    """Only what was checked comes as a provider's answer."""
    challenge = world.open(proved=("pwd",))
    assert world.answer(challenge, '{"actor":"alice","aal":3}', "provider") == "wrong"


# -- deferred


def deferred(world: World, challenge: str) -> int:
    """Pass on the page."""
    entry, passed = gate.answer(
        world.state,
        world.means(),
        challenge,
        "totp",
        world.code("alice"),
        world.now,
        world.entropy(38),
        deferred=True,
    )
    assert isinstance(entry, ChallengePassed)
    assert passed is not None
    return world.append(entry)


def collect(world: World, index: int) -> None:
    passed = world.log[index]
    assert isinstance(passed, ChallengePassed)
    world.append(
        ChallengeCollected(
            time=world.now,
            id="acacacac",
            previous=index,
            challenge=passed.challenge,
            actor=passed.actor,
            session=passed.session,
        )
    )


def test_attack_the_owner_approves_somebody_elses_attempt_on_the_page(world: World) -> None:
    """Until the application collects it, nothing is raised and no grant is one."""
    world.enrol("alice")
    world.sign_in("alice", "s1")
    index = deferred(world, world.open())
    passed = world.log[index]
    assert isinstance(passed, ChallengePassed)
    assert world.state.standing("alice", "s1", world.now).aal == 1
    assert world.state.unused(passed.grant, world.now) is None
    collect(world, index)
    assert world.state.standing("alice", "s1", world.now).aal == 2
    assert world.state.unused(passed.grant, world.now) is not None
    assert world.refolded().standing("alice", "s1", world.now).aal == 2


def test_what_is_deferred_is_collected_once_and_in_time(world: World) -> None:
    """Twice gives nothing more; after the grant's time there is nothing."""
    world.enrol("alice")
    world.sign_in("alice", "s1")
    index = deferred(world, world.open())
    assert world.state.is_deferred(index, world.now)
    collect(world, index)
    assert not world.state.is_deferred(index, world.now)
    world.now += 2 * MINUTE
    late = deferred(world, world.open())
    world.now += 6 * MINUTE
    collect(world, late)
    assert world.state.sizes()["grants"] == 0


def test_what_waits_for_witnesses_cannot_be_collected(world: World) -> None:
    """A success that is held and deferred needs the witnesses first."""
    world.enrol("alice")
    world.sign_in("alice", "s1")
    challenge = world.open()
    entry, _ = gate.answer(
        world.state,
        world.means(),
        challenge,
        "totp",
        world.code("alice"),
        world.now,
        world.entropy(38),
        deferred=True,
    )
    assert isinstance(entry, ChallengePassed)
    index = world.append(msgspec.structs.replace(entry, held=True))
    collect(world, index)
    assert world.state.standing("alice", "s1", world.now).aal == 1


# -- sessions


def test_attack_a_revoked_session_is_raised_again(world: World) -> None:
    """Neither by a pass nor by a reported sign-in: it is over."""
    world.enrol("alice")
    world.sign_in("alice", "s1")
    challenge = world.open()
    world.append(SessionRevoked(time=world.now, id="adadadad", actor="alice", session="s1"))
    assert world.state.standing("alice", "s1", world.now) == Standing()
    assert isinstance(world.answer(challenge, world.code("alice")), gate.Passed)
    world.sign_in("alice", "s1")
    assert world.state.standing("alice", "s1", world.now) == Standing()
    assert world.state.standings.is_revoked("alice", "s1")


def test_all_sessions_but_one_are_ended(world: World) -> None:
    """And a session that is begun afterwards is a new one."""
    for session in ("s1", "s2", "s3"):
        world.sign_in("alice", session)
    world.sign_in("bob", "s2")
    world.append(SessionRevoked(time=world.now, id="adadadad", actor="alice", session="", kept="s3"))
    assert [world.state.standing("alice", name, world.now).aal for name in ("s1", "s2", "s3")] == [0, 0, 1]
    assert world.state.standing("bob", "s2", world.now).aal == 1
    world.sign_in("alice", "s4")
    assert world.state.standing("alice", "s4", world.now).aal == 1
    assert world.refolded().standings.is_revoked("alice", "s1")


# -- recovery


def test_a_recovery_code_begins_a_hold(world: World) -> None:
    """For a day factors cannot be changed by recovery; then, for a week, they can."""
    codes = world.enrol_recovery("alice")
    offer = world.attempt("alice", "s1", demand=Demand(aal=2, recovery=True), proved=("pwd",))[2]
    assert offer is not None
    assert isinstance(world.answer(offer.challenge, codes[0], "recovery"), gate.Passed)
    people, began = world.state.people, world.now
    assert not people.recovery_open("alice", began + HOLD - SECOND)
    assert people.recovery_open("alice", began + HOLD)
    assert not people.recovery_open("alice", began + HOLD_ENDS)


def test_attack_a_thief_of_codes_waits_out_the_hold_while_the_owner_is_there(world: World) -> None:
    """A pass by a real factor shows that nothing was lost: the hold begins anew with the next code."""
    codes = world.enrol_recovery("alice")
    world.enrol("alice")
    offer = world.attempt("alice", "s1", demand=Demand(aal=2, recovery=True), proved=("pwd",))[2]
    assert offer is not None
    world.answer(offer.challenge, codes[0], "recovery")
    world.now += 60 * MINUTE
    assert isinstance(world.answer(world.open(proved=("pwd",)), world.code("alice")), gate.Passed)
    assert world.state.people.hold("alice") == 0


# -- how fresh


def test_attack_an_old_method_passes_for_a_fresh_one(world: World) -> None:
    """A passkey of an hour ago and a code of now: the level is fresh, the passkey is not (amr sticks)."""
    world.enrol("alice")
    key = world.enrol_passkey("alice")
    world.sign_in("alice", "s1")
    first = world.open()
    assert isinstance(world.answer(first, key.answer(world.options(first), ORIGIN), "webauthn"), gate.Passed)
    by_key = Demand(aal=2, max_age=300, methods=at_least("webauthn"))
    assert decide(by_key, world.state.standing("alice", "s1", world.now), world.now, None) == "allow"
    world.now += 60 * MINUTE
    assert isinstance(world.answer(world.open(), world.code("alice")), gate.Passed)
    standing = world.state.standing("alice", "s1", world.now)
    assert {"otp", "swk"} <= set(standing.amr)
    assert decide(Demand(aal=2, max_age=300), standing, world.now, None) == "allow"
    assert decide(by_key, standing, world.now, None) == "step_up"


def test_the_table_is_what_the_levels_are() -> None:
    """Every kind is in it, strongest first, and nothing that is sent by mail or written down gives AAL2."""
    assert set(FACTORS) == set(TABLE)
    strengths = [worth.strength for worth in TABLE.values()]
    assert strengths == sorted(strengths, reverse=True)
    assert {kind for kind, worth in TABLE.items() if worth.second < 2} == {"email", "recovery"}
    assert {kind for kind, worth in TABLE.items() if worth.alone >= 2} == {"webauthn"}
