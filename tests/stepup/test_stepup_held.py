"""Held successes: what counts before witnesses have signed (nothing), and what a release brings."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.events.entries import (
    ChallengePassed,
    ChallengeReleased,
    ChallengeWithheld,
    Standing,
)
from stepwarden.events.facts import Facts
from stepwarden.stepup import gate
from stepwarden.stepup.binding import grant_hash
from stepwarden.stepup.successes import MAX_HELD, Held
from tests.signals.signals_house import decided
from tests.stepup.world import MINUTE, SECOND, TRANSFER, World


def pass_held(world: World, challenge: str) -> tuple[int, gate.Passed]:
    """Answer rightly; the success is held."""
    entry, passed = gate.answer(
        world.state, world.means(), challenge, "totp", world.code("alice"), world.now, world.entropy(38)
    )
    assert isinstance(entry, ChallengePassed)
    assert passed is not None
    return world.append(msgspec.structs.replace(entry, held=True)), passed


def release(world: World, index: int, *, size: int = -1, challenge: str = "") -> None:
    held = world.log[index]
    assert isinstance(held, ChallengePassed)
    world.append(
        ChallengeReleased(
            time=world.now,
            id="ffffffff",
            previous=index,
            challenge=challenge or held.challenge,
            actor=held.actor,
            session=held.session,
            size=index + 1 if size < 0 else size,
            witnesses=("w1", "w2"),
        )
    )


def withhold(world: World, index: int) -> None:
    held = world.log[index]
    assert isinstance(held, ChallengePassed)
    world.append(
        ChallengeWithheld(
            time=world.now,
            id="ffffffff",
            previous=index,
            challenge=held.challenge,
            actor=held.actor,
            session=held.session,
            reason="a test",
        )
    )


def ready() -> tuple[World, str]:
    """Alice, signed in, with an authenticator and an open challenge for a transfer."""
    world = World()
    world.enrol("alice")
    world.sign_in("alice", "s1")
    return world, world.open()


def transfer(world: World, grant: str) -> str:
    """Ask for the transfer with this grant."""
    return world.attempt("alice", "s1", action="transfer", parameters=TRANSFER, grant=grant)[1].decision


def level(world: World) -> int:
    return world.state.standing("alice", "s1", world.now).aal


def test_attack_use_the_grant_while_it_is_held() -> None:
    """The grant is worth nothing before the release: the same demand again."""
    world, challenge = ready()
    _, passed = pass_held(world, challenge)
    assert transfer(world, passed.grant) == "step_up"


def test_attack_use_the_session_while_its_step_up_is_held() -> None:
    """The standing is what it was before; the code is used up all the same."""
    world, challenge = ready()
    pass_held(world, challenge)
    assert level(world) == 1
    again = world.open()
    assert world.answer(again, world.code("alice")) == "replayed"


def test_released_both_count_from_there() -> None:
    """Grant once, standing since the proof; a second release brings nothing more."""
    world, challenge = ready()
    proved = world.now
    index, passed = pass_held(world, challenge)
    world.now += 3 * SECOND
    release(world, index)
    assert world.state.standing("alice", "s1", world.now) == Standing(aal=2, since=proved, amr=("otp", "pwd"))
    assert transfer(world, passed.grant) == "allow"
    release(world, index)
    assert transfer(world, passed.grant) == "step_up"


def test_withheld_nothing_ever_counts() -> None:
    """Void is void: a release that comes later is ignored."""
    world, challenge = ready()
    index, passed = pass_held(world, challenge)
    withhold(world, index)
    release(world, index)
    assert level(world) == 1
    assert transfer(world, passed.grant) == "step_up"


def test_attack_release_that_is_not_of_this_success() -> None:
    """A release of another challenge, of a tree that does not hold the success, or of what was not held."""
    world, challenge = ready()
    index, passed = pass_held(world, challenge)
    release(world, index, size=index)
    release(world, index, challenge="another")
    assert level(world) == 1
    assert transfer(world, passed.grant) == "step_up"
    assert world.state.is_held(index, world.now)


def test_attack_session_that_ended_while_held_is_not_brought_back() -> None:
    """Signing out voids what is held for the session."""
    world, challenge = ready()
    index, _ = pass_held(world, challenge)
    facts = Facts(time=world.now, action="logout", actor="alice", session="s1")
    world.append(decided(facts))
    assert not world.state.is_held(index, world.now)
    release(world, index)
    assert level(world) == 0


def test_held_ends_with_the_grant_s_time() -> None:
    """What is not released within the life of its grant is void, whatever is written later."""
    world, challenge = ready()
    index, _ = pass_held(world, challenge)
    world.now += gate.GRANT_SECONDS * SECOND
    assert not world.state.is_held(index, world.now)
    release(world, index)
    assert level(world) == 1
    assert world.state.sizes()["held"] == 0


def test_a_restart_finds_what_is_held() -> None:
    """The fold of the same log is the same state, with the same successes held."""
    world, challenge = ready()
    index, _ = pass_held(world, challenge)
    again = world.refolded()
    assert list(again.held()) == [index]
    assert again.standing("alice", "s1", world.now).aal == 1
    assert isinstance(again.held()[index], Held)


def test_what_is_held_has_a_bound() -> None:
    """Beyond it the oldest is void: forgetting only ever demands more."""
    world, challenge = ready()
    index, _ = pass_held(world, challenge)
    entry = world.log[index]
    for number in range(MAX_HELD):
        world.state.fold(entry, 1_000_000 + number)
    assert world.state.sizes()["held"] == MAX_HELD
    assert not world.state.is_held(index, world.now)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["release", "withhold", "wait", "use", "restart"]), max_size=12))
def test_whatever_happens_a_grant_counts_only_once_and_only_released(steps: list[str]) -> None:
    """Against a model of three states: held, released, void."""
    world, challenge = ready()
    index, passed = pass_held(world, challenge)
    state, until = "held", world.now + gate.GRANT_SECONDS * SECOND
    for step in steps:
        if step == "wait":
            world.now += 2 * MINUTE
        elif step == "restart":
            world.state = world.refolded()
        elif step == "use":
            wins = state == "released" and world.now < until
            assert (transfer(world, passed.grant) == "allow") == wins
            state = "used" if wins else state
        elif step == "release":
            release(world, index)
            state = "released" if state == "held" and world.now < until else state
        else:
            withhold(world, index)
            state = "void" if state == "held" else state
        assert (grant_hash(passed.grant) in world.state.successes.grants) <= (state in ("released", "used"))
