"""Guessing, replaying and locking: attacks on one-time codes and recovery codes, by the name each is known under."""

from stepwarden.errors import ChallengeError
from stepwarden.events.entries import (
    ChallengeAnswered,
    ChallengeExpired,
    ChallengeFailed,
    Demand,
)
from stepwarden.stepup import gate
from stepwarden.stepup.factors import recovery
from stepwarden.stepup.gate import Passed
from stepwarden.stepup.people import FOR_GOOD
from tests.stepup.world import MINUTE, SECOND, World, force_open, recovery_codes, wrong_code


def test_one_time_code_guessed_across_parallel_sessions(world: World) -> None:
    """200 sessions guess at once (AuthQuake): what is compared with the secret stays under the cap."""
    challenges = [force_open(world, number) for number in range(200)]
    bad = wrong_code(world)
    world.evaluated = 0
    for _ in range(5):
        for challenge in challenges:
            world.answer(challenge, bad)
    assert world.evaluated == 10
    assert world.answer(challenges[-1], world.code("alice")) == "locked"


def test_one_time_code_guessed_with_patience(world: World) -> None:
    """Waiting out each lock-out, over months and many challenges, leaves 100 guesses in all; then none."""
    world.evaluated = 0
    for number in range(300):
        challenge = force_open(world, number)
        for _ in range(5):
            world.answer(challenge, wrong_code(world))
        world.now = max(world.now, world.state.people.locked_until("alice", "totp") % FOR_GOOD) + MINUTE
    assert world.evaluated == 100
    assert world.state.people.wrong("alice", "totp") == 100
    assert world.answer(force_open(world, 999), world.code("alice")) == "locked"


def test_five_wrong_answers_end_a_challenge(world: World) -> None:
    """The fifth closes it, and the right code afterwards is too late."""
    challenge = world.open()
    results = [world.answer(challenge, wrong_code(world)) for _ in range(5)]
    assert results == ["wrong"] * 4 + ["ChallengeFailed"]
    assert world.answer(challenge, world.code("alice")) == "closed"


def test_a_plug_in_factor_not_counted(world: World) -> None:
    """Every kind of factor, and a made-up one, counts towards the end of a challenge."""
    for factor in ("totp", "recovery", "sms", ""):
        challenge = force_open(world, hash(factor) % 1000)
        results = [world.answer(challenge, "000-nothing", factor) for _ in range(6)]
        assert results == ["wrong"] * 4 + ["ChallengeFailed", "closed"], factor
    for factor in ("totp", "recovery"):
        assert world.state.people.wrong("alice", factor) == 5


def test_counters_survive_a_restart(world: World) -> None:
    """The count is in the log, not in the process (Vikunja CVE-2026-35597)."""
    challenge = world.open()
    for _ in range(3):
        world.answer(challenge, wrong_code(world))
    again = world.refolded()
    found = again.challenge(challenge)
    assert found is not None
    assert (found.wrong, again.people.wrong("alice", "totp")) == (3, 3)


def test_lockout_as_denial_of_service(world: World) -> None:
    """Who cannot prove the first factor cannot count, prompt or lock anything (Keycloak #46164)."""
    for number in range(50):
        offer = world.attempt("alice")[2]
        assert offer is not None
        assert not offer.ready
        assert world.answer(offer.challenge, wrong_code(world)) == "not_ready"
        attempt = world.attempt("alice")
        world.report(attempt, "failure", ())
        assert attempt[2] is not None
        assert world.answer(attempt[2].challenge, f"{number:06d}") == "closed"
    assert world.state.people.wrong("alice", "totp") == 0
    assert world.state.prompts("alice", world.now) == ()
    attempt = world.attempt("alice")
    world.report(attempt)
    assert attempt[2] is not None
    assert isinstance(world.answer(attempt[2].challenge, world.code("alice")), Passed)


def test_an_unproved_method_is_no_first_factor(world: World) -> None:
    """A place or a risk engine's opinion opens nothing."""
    attempt = world.attempt("alice")
    world.report(attempt, "unknown", ("geo", "rba"))
    assert attempt[2] is not None
    assert world.answer(attempt[2].challenge, world.code("alice")) == "not_ready"


def test_code_replayed(world: World) -> None:
    """50 uses of one code, in as many challenges: exactly one passes (Dovecot CVE-2026-27855)."""
    challenges = [force_open(world, number) for number in range(50)]
    code = world.code("alice")
    results = [world.answer(challenge, code) for challenge in challenges]
    assert sum(isinstance(result, Passed) for result in results) == 1
    assert set(results[1:11]) == {"replayed"}
    assert set(results[11:]) == {"locked"}


def test_an_older_code_after_a_newer_one(world: World) -> None:
    """The code of the step before is inside the window, but time steps only go forward."""
    assert isinstance(world.answer(force_open(world, 1), world.code("alice")), Passed)
    assert world.answer(force_open(world, 2), world.code("alice", offset=-1)) == "replayed"
    world.now += 30 * SECOND
    assert isinstance(world.answer(force_open(world, 3), world.code("alice")), Passed)


def test_code_replayed_after_a_restart(world: World) -> None:
    """What is used up is in the log."""
    code = world.code("alice")
    assert isinstance(world.answer(world.open(), code), Passed)
    world.state = world.refolded()
    assert world.answer(world.open(), code) == "replayed"


def test_a_recovery_code_used_twice(world: World) -> None:
    """Each code works once, however it is spelled the second time; the others still do."""
    codes = ["".join(code.split("-")) for code in recovery_codes(world)]
    demand = Demand(aal=2, recovery=True, bound=True)
    assert isinstance(world.answer(world.open(demand=demand), codes[0], "recovery"), Passed)
    assert world.answer(world.open(demand=demand), codes[0].lower(), "recovery") == "replayed"
    assert isinstance(world.answer(world.open(demand=demand), codes[1], "recovery"), Passed)
    assert world.state.people.codes_left("alice") == 1


def test_a_recovery_code_of_a_removed_batch(world: World) -> None:
    """Secrets that are still lying around do not outlive the entry that removed them."""
    codes = recovery_codes(world)
    world.remove("alice", "recovery", "r2")
    challenge = world.open(demand=Demand(aal=2, recovery=True, bound=True))
    assert world.answer(challenge, codes[0], "recovery") == "wrong"


def test_recovery_where_it_was_not_demanded(world: World) -> None:
    """A challenge that does not admit recovery refuses it, and the code is not used up."""
    codes = recovery_codes(world)
    assert world.answer(world.open(), codes[0], "recovery") == "wrong"
    assert world.state.people.codes_left("alice") == 3


def test_a_code_from_the_past_when_the_clock_is_set_back(world: World) -> None:
    """A code seen over a shoulder an hour ago and never used is not right again."""
    old = world.code("alice")
    world.now += 60 * MINUTE
    challenge = force_open(world, 1)
    world.now -= 60 * MINUTE
    assert world.answer(challenge, old) == "wrong"


def test_a_lockout_does_not_end_early_or_late(world: World) -> None:
    """After the 10th wrong answer a minute passes; asking meanwhile neither counts nor extends it."""
    for number in range(2):
        challenge = force_open(world, number)
        for _ in range(5):
            world.answer(challenge, wrong_code(world))
    locked = world.state.people.locked_until("alice", "totp")
    assert locked == world.now + MINUTE
    for _ in range(20):
        assert world.answer(force_open(world, 7), wrong_code(world)) == "locked"
    assert world.state.people.locked_until("alice", "totp") == locked
    world.now = locked - 1
    assert world.answer(force_open(world, 8), world.code("alice")) == "locked"
    world.now = locked
    assert isinstance(world.answer(force_open(world, 9), world.code("alice")), Passed)
    assert world.state.people.wrong("alice", "totp") == 0


def test_another_factor_is_not_locked_with_the_first(world: World) -> None:
    """TOTP locked for good leaves recovery, and passing by recovery does not unlock TOTP."""
    codes = recovery_codes(world)
    for _ in range(100):
        world.state.people.missed("alice", "totp", world.now)
    challenge = world.open(demand=Demand(aal=2, recovery=True, bound=True))
    assert world.answer(challenge, world.code("alice")) == "locked"
    assert isinstance(world.answer(challenge, codes[0], "recovery"), Passed)
    assert world.state.people.locked_until("alice", "totp") == FOR_GOOD


def test_a_second_authenticator_does_not_reset_the_count(world: World) -> None:
    """Enrolling is no way around the counter; removing the last and enrolling anew is the way back."""
    challenge = world.open()
    world.answer(challenge, wrong_code(world))
    world.enrol("alice", "c2")
    assert world.state.people.wrong("alice", "totp") == 1
    assert isinstance(world.answer(challenge, world.code("alice", credential=1)), Passed)
    assert isinstance(world.answer(world.open(), world.code("alice")), Passed)


def test_errors_tell_nothing(world: World) -> None:
    """Wrong, replayed, unknown factor, not enrolled, last of five: one error, one text."""
    texts = set()
    for result in ("wrong", "replayed"):
        entry = ChallengeAnswered(
            time=1,
            id="x",
            challenge="c",
            actor="a",
            factor="totp",
            result=result,
        )
        error = gate.refusal(entry)
        texts.add((type(error), error.code, str(error)))
    failed = gate.refusal(ChallengeFailed(time=1, id="x", challenge="c", actor="a", factor="totp"))
    texts.add((type(failed), failed.code, str(failed)))
    assert texts == {(ChallengeError, "challenge.refused", "the answer was not accepted")}
    expired = gate.refusal(ChallengeExpired(time=1, id="x", challenge="c", actor="a"))
    assert expired.code == "challenge.closed"


def test_a_secret_of_one_kind_answers_no_other(world: World) -> None:
    """A TOTP secret that the store hands out under recovery, or the reverse, is disregarded."""
    world.secrets["alice", "recovery"] = [("c1", recovery.stored("0" * 16, b"s" * 16))]
    challenge = world.open(demand=Demand(aal=2, recovery=True, bound=True))
    assert world.answer(challenge, "0" * 16, "recovery") == "wrong"
