"""What is counted of whom, within which window, and what must not count."""

from typing import Any

import msgspec
import pytest

from stepwarden.events.entries import (
    ChallengeAnswered,
    ChallengeExpired,
    ChallengeFailed,
    ChallengeIssued,
    ChallengePassed,
    FactorEnrolled,
    LabelApplied,
    OutcomeReported,
)
from stepwarden.signals.catalogue import sparse
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.state import SignalState
from tests.signals.signals_house import HOME, at, decided, recorded, state_after, value


@pytest.mark.parametrize(("window", "length"), [("1m", 60), ("10m", 600), ("1h", 3600), ("24h", 86_400)])
@pytest.mark.parametrize("entity", ["actor", "address", "network", "device"])
@pytest.mark.parametrize("outcome", ["failure", "success"])
def test_outcomes_are_counted_in_their_window(entity: str, window: str, length: int, outcome: Any) -> None:
    """A failure or success counts from the moment it is folded until exactly the window's length later."""
    state = state_after(at(0, outcome=outcome, **HOME), at(0, outcome=outcome, **HOME))
    name = f"{entity}_{'failures' if outcome == 'failure' else 'successes'}_{window}"
    assert value(state, name, at(0, **HOME)) == 2
    assert value(state, name, at(length, **HOME)) == 2
    assert value(state, name, at(length + 1, **HOME)) == 0
    other = {"failure": "successes", "success": "failures"}[outcome]
    assert value(state, f"{entity}_{other}_{window}", at(0, **HOME)) == 0


def test_entities_are_kept_apart() -> None:
    """Failures from one address say nothing of another address, device or actor."""
    state = state_after(at(0, outcome="failure", **HOME))
    other = at(1, actor="bob", address="b", network="b", device="b")
    assert sparse(state.read(other)) == {
        "first_seen": True,
        "cold_start": True,
        "site_failure_permille_10m": 1000,
        "site_failure_permille_1h": 1000,
        "site_stranger_failure_permille_24h": 1000,
    }


def test_an_attempt_without_an_end_is_an_attempt_only() -> None:
    """A decision alone is neither a failure nor a success; its report makes it one."""
    state = SignalState(STANDARD)
    state.fold(decided(at(0, **HOME)))
    assert sparse(state.read(at(1, **HOME))) == {
        "first_seen": True,
        "cold_start": True,
        **{f"actor_attempts_{window}": 1 for window in ("1m", "10m", "1h", "24h")},
        **{
            f"{name}_{window}": 1
            for name in (
                "actor_action",
                "address_actors",
                "network_actors",
                "device_actors",
                "actor_addresses",
            )
            for window in ("1h", "24h")
        },
    }
    unknown = OutcomeReported(time=1, id="abcdefgh", facts=at(0, **HOME), decision="allow", session="s1")
    state.fold(unknown)
    assert value(state, "actor_successes_1h", at(1)) == 0
    state.fold(msgspec.structs.replace(unknown, facts=at(0, outcome="success", **HOME), learn=True))
    assert value(state, "actor_successes_1h", at(1)) == 1
    assert value(state, "actor_logins", at(1)) == 1
    assert value(state, "actor_attempts_1h", at(1)) == 1


def test_distinct_actors_and_addresses_are_counted_once_each() -> None:
    """Stuffing shows as many actors at one address; a person on the run as many addresses of one actor."""
    tries = [at(i, actor=f"user{i % 7}", address="bad", network=f"n{i % 2}", device="d") for i in range(21)]
    state = state_after(*tries, at(30, actor="user0", address="other"))
    seen = at(40, actor="user0", address="bad", network="n0", device="d")
    assert value(state, "address_actors_1h", seen) == 7
    assert value(state, "network_actors_24h", seen) == 7
    assert value(state, "device_actors_1h", seen) == 7
    assert value(state, "actor_addresses_1h", seen) == 2
    later = at(2 * 3600, actor="user0", address="bad")
    assert (value(state, "address_actors_1h", later), value(state, "address_actors_24h", later)) == (0, 7)


def test_an_unnamed_actor_is_nobody() -> None:
    """Attempts without an actor are counted at their address, and make no actor of the empty name."""
    state = state_after(at(0, actor="", address="a", outcome="failure"), at(1, actor="x", address="a"))
    state.fold(recorded(at(2, actor="", address="a", outcome="failure")))
    nobody = at(3, actor="", address="a")
    assert value(state, "address_failures_1h", nobody) == 2
    assert value(state, "address_actors_1h", nobody) == 1
    assert value(state, "actor_failures_1h", nobody) == 0
    assert value(state, "first_seen", nobody) is True


def test_the_same_action_is_counted_apart_from_others() -> None:
    """A bulk export shows as many of one action, whatever else the person does."""
    state = state_after(
        *[at(i, action="export") for i in range(5)], at(6), at(7), at(8, action="balance"), at(9)
    )
    assert value(state, "actor_action_1h", at(10, action="export")) == 5
    assert value(state, "actor_action_24h", at(10)) == 3
    assert value(state, "actor_action_1h", at(10, action="never")) == 0
    assert value(state, "actor_attempts_1m", at(10)) == 9


def test_with_action_names_used_up_the_rest_count_together() -> None:
    """More than 255 names of actions make a count too high, never too low, and never raise."""
    state = state_after(*[at(i, action=f"a{i}") for i in range(300)])
    assert value(state, "actor_action_24h", at(301, action="a50")) == 1
    assert value(state, "actor_action_24h", at(301, action="a299")) == 45
    assert value(state, "actor_action_24h", at(301, action="never")) == 45


def test_counts_saturate() -> None:
    """A flood costs no more memory than 256 events, and still reads as a flood."""
    state = state_after(*[at(i / 10, outcome="failure", **HOME) for i in range(1000)])
    assert value(state, "actor_failures_24h", at(100)) == 256
    assert value(state, "actor_attempts_24h", at(100)) == 256


def test_site_wide_failures_rise_against_the_sites_own_week() -> None:
    """Low and slow spraying is invisible per address, and shows in the share of all attempts that fail."""
    state = SignalState(STANDARD)
    for i in range(2000):
        outcome: Any = "failure" if i % 20 == 0 else "success"
        state.fold(recorded(at(i * 60, actor=f"u{i}", outcome=outcome)))
    calm = value(state, "site_failure_lift", at(2000 * 60))
    for i in range(60):
        state.fold(recorded(at(2000 * 60 + i * 60, actor=f"u{i}", outcome="failure")))
    end = at(2060 * 60)
    assert isinstance(calm, int)
    assert 80 <= calm <= 130
    assert value(state, "site_failure_permille_10m", end) == 1000
    assert value(state, "site_failure_lift", end) > 1000  # type: ignore[operator]
    assert value(state, "site_failure_lift", at(2060 * 60 + 5 * 3600)) == 0


def test_push_bombing_shows_in_the_challenge_history() -> None:
    """Prompts, wrong answers and abandoned challenges are counted for the actor, each in its window."""
    state = SignalState(STANDARD)
    common: dict[str, Any] = {"id": "abcdefgh", "challenge": "c", "actor": "ann"}
    for i in range(6):
        state.fold(
            ChallengeIssued(
                time=at(i).time, session="", action="login", nonce="", binding="", aal=2, expires=0,
                ready=True, **common,
            )
        )  # fmt: skip
    state.fold(ChallengeAnswered(time=at(7).time, factor="totp", result="wrong", **common))
    state.fold(ChallengeFailed(time=at(8).time, factor="totp", **common))
    state.fold(ChallengeExpired(time=at(9).time, **common))
    found = sparse(state.read(at(10)))
    assert (found["challenge_prompts_10m"], found["challenge_failures_1h"]) == (6, 2)
    assert found["challenge_abandoned_24h"] == 1
    assert sparse(state.read(at(5000))) == {
        "first_seen": True,
        "cold_start": True,
        "challenge_abandoned_24h": 1,
    }
    assert sparse(state.read(at(10, actor="bob"))) == {"first_seen": True, "cold_start": True}


def test_prompts_that_were_passed_or_reached_nobody_are_not_counted() -> None:
    """Whoever cannot prove a first factor prompts nobody; a prompt that was passed was no bombing."""
    state = SignalState(STANDARD)
    common: dict[str, Any] = {"id": "abcdefgh", "challenge": "c", "actor": "ann", "session": "", "aal": 2}
    issued = ChallengeIssued(
        time=at(0).time, action="login", nonce="", binding="", expires=0, ready=False, **common
    )
    state.fold(issued)
    assert value(state, "challenge_prompts_10m", at(1)) == 0
    proved = msgspec.structs.replace(at(2), outcome="unknown", proved=("pwd",))
    state.fold(OutcomeReported(time=at(2).time, id="abcdefgh", facts=proved, decision="step_up"))
    assert value(state, "challenge_prompts_10m", at(3)) == 1
    state.fold(ChallengePassed(time=at(4).time, factor="totp", amr=("otp",), grant="", expires=0, **common))
    assert value(state, "challenge_prompts_10m", at(5)) == 0


@pytest.mark.parametrize("action", ["password.change", "mail.change", "factor.remove", "credential.change"])
def test_a_changed_credential_is_remembered(action: str) -> None:
    """Hours since the change, from the action's name or from a factor's entry; a failed change is none."""
    state = state_after(at(0, action=action, outcome="failure"))
    assert value(state, "credential_changed_hours", at(1)) == -1
    state.fold(recorded(at(0, action=action, outcome="success")))
    assert value(state, "credential_changed_hours", at(7199)) == 1
    state.fold(FactorEnrolled(time=at(7200).time, id="abcdefgh", actor="ann", factor="totp", credential="c"))
    assert value(state, "credential_changed_hours", at(7201)) == 0
    assert value(state, "credential_changed_hours", at(9e8)) == 8760


def test_labels_count_for_address_and_actor_and_can_be_taken_back() -> None:
    """An analyst's word counts; an unreliable one does not; a correction undoes it."""
    state = SignalState(STANDARD)
    label = LabelApplied(
        time=at(0).time, id="abcdefgh", label="attack", source="soc", reliability=90, actor="ann", address="a"
    )
    state.fold(label)
    state.fold(msgspec.structs.replace(label, reliability=10))
    now = at(1, address="a")
    assert (value(state, "address_attacks", now), value(state, "actor_attacks", now)) == (1, 1)
    assert value(state, "address_attacks", at(91 * 86_400, address="a")) == 0
    for _ in range(2):
        state.fold(msgspec.structs.replace(label, label="benign"))
    assert (value(state, "address_attacks", now), value(state, "actor_attacks", now)) == (0, 0)
