"""What the fold of the log says of an attempt: each signal, what it must not count, and what stays the same.

Longer than most files: seventy-five signals are shown one by one on the same few helpers.
"""

import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import InputError
from stepwarden.events.entries import (
    AttemptDecided,
    ChallengeAnswered,
    ChallengeExpired,
    ChallengeFailed,
    ChallengeIssued,
    ChallengePassed,
    Demand,
    Entry,
    EventRecorded,
    FactorEnrolled,
    LabelApplied,
    OutcomeReported,
    ServiceStarted,
    ServiceStopped,
    Standing,
)
from stepwarden.events.facts import Facts
from stepwarden.signals.catalogue import CATALOGUE, POSITION, Value, sparse
from stepwarden.signals.limits import STANDARD, Limits
from stepwarden.signals.state import SignalState

T0 = 1_700_000_000
"""A Tuesday, 22:13:20 UTC."""
TINY = Limits(
    actors=40,
    active=40,
    addresses=40,
    networks=40,
    devices=40,
    sessions=40,
    trouble=40,
    labels=40,
    population=40,
    custom=40,
)


def at(second: float, **fields: Any) -> Facts:
    fields.setdefault("action", "login")
    fields.setdefault("actor", "ann")
    return Facts(time=int((T0 + second) * 1_000_000), **fields)


def recorded(facts: Facts) -> EventRecorded:
    return EventRecorded(time=facts.time, id="abcdefgh", facts=facts)


def decided(facts: Facts) -> AttemptDecided:
    return AttemptDecided(
        time=facts.time,
        id="abcdefgh",
        facts=facts,
        signals={},
        evidence=(),
        score=0,
        risk=0,
        demand=Demand(),
        standing=Standing(),
        decision="allow",
        policy="",
    )


def state_after(*facts: Facts) -> SignalState:
    state = SignalState(STANDARD)
    for one in facts:
        state.fold(recorded(one))
    return state


def value(state: SignalState, name: str, facts: Facts) -> Value:
    return state.read(facts)[POSITION[name]]


HOME = {
    "address": "home",
    "network": "homenet",
    "device": "laptop",
    "country": "NO",
    "asn": "AS1",
    "agent": "fox",
    "browser": "Firefox",
}


def test_nothing_known_reads_as_the_defaults_but_for_first_seen() -> None:
    """An empty state invents nothing: all values are the catalogue's defaults, and the actor is unknown."""
    assert sparse(SignalState(STANDARD).read(at(0, **HOME))) == {"first_seen": True, "cold_start": True}


def test_values_come_in_the_catalogues_order_and_types() -> None:
    """A rule that reads by position gets the signal it means."""
    state = state_after(at(0, outcome="success", **HOME), at(1, outcome="failure", **HOME))
    values = state.read(at(2, **HOME))
    assert len(values) == len(CATALOGUE)
    for spec, found in zip(CATALOGUE, values, strict=True):
        assert type(found).__name__ == spec.type, spec.name


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


def test_reading_changes_nothing_and_does_not_look_at_the_outcome() -> None:
    """The attempt being decided does not count itself, and its own end cannot be known yet."""
    state = state_after(at(0, outcome="success", **HOME), at(5, outcome="failure", **HOME))
    before = state.dump()
    values = [state.read(at(9, outcome=outcome, **HOME)) for outcome in ("unknown", "success", "failure")]
    assert values[0] == values[1] == values[2]
    assert state.dump() == before


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


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (f"new_{field}", field)
        for field in ("device", "address", "network", "country", "asn", "agent", "browser")
    ],
)
def test_new_things_are_new_only_against_a_history(name: str, field: str) -> None:
    """Unknown actor: nothing is new. Known actor: what differs is, and nothing else; a missing value too."""
    elsewhere = HOME | {field: "elsewhere"}
    assert value(SignalState(STANDARD), name, at(0, **elsewhere)) is False
    state = state_after(at(0, outcome="success", **HOME))
    changed = sparse(state.read(at(1, **elsewhere)))
    assert [one for one in changed if one.startswith("new_")] == [name]
    assert value(state, name, at(1, **HOME)) is False
    assert value(state, name, at(1, **(HOME | {field: ""}))) is True


def test_an_actor_always_without_a_value_has_no_new_one() -> None:
    """Somebody who never sent a device id and does so now is not stepped up for it alone."""
    state = state_after(at(0, outcome="success", address="a"), at(1, outcome="success", address="a"))
    assert value(state, "new_device", at(2, device="d", address="a")) is False


def test_poisoning_by_failures_and_refused_attempts_teaches_nothing() -> None:
    """Only what ended well, and was allowed, becomes a habit."""
    state = state_after(at(0, outcome="success", **HOME))
    thief = HOME | {"device": "theirs", "address": "there", "country": "XX"}
    for i in range(50):
        state.fold(recorded(at(i, outcome="failure", **thief)))
    forced = at(60, outcome="success", **thief)
    state.fold(OutcomeReported(time=1, id="abcdefgh", facts=forced, decision="deny", learn=False))
    found = sparse(state.read(at(61, **thief)))
    assert found["new_device"]
    assert found["new_address"]
    assert found["new_country"]
    assert found["actor_logins"] == 1


def test_poisoning_by_one_good_day_is_capped() -> None:
    """Even with successes, at most three new devices become known in a day, back and forth in time too."""
    state = state_after(at(0, outcome="success", **HOME))
    for i in range(20):
        late = -86_400 if i % 2 else 0
        state.fold(recorded(at(i + late, outcome="success", **(HOME | {"device": f"d{i}"}))))
    known = [i for i in range(20) if not value(state, "new_device", at(30, **(HOME | {"device": f"d{i}"})))]
    # The laptop was the first of the day's three.
    assert known == [0, 1]
    state.fold(recorded(at(86_400, outcome="success", **(HOME | {"device": "d9"}))))
    assert value(state, "new_device", at(86_401, **(HOME | {"device": "d9"}))) is False


def test_the_device_in_use_outlives_a_flood_of_new_ones() -> None:
    """What is remembered is bounded, and the thing not seen for longest is what goes."""
    state = SignalState(STANDARD)
    for day in range(40):
        state.fold(recorded(at(day * 86_400, outcome="success", **HOME)))
        state.fold(recorded(at(day * 86_400 + 1, outcome="success", **(HOME | {"device": f"d{day}"}))))
    end = 40 * 86_400
    assert value(state, "new_device", at(end, **HOME)) is False
    assert value(state, "new_device", at(end, **(HOME | {"device": "d39"}))) is False
    assert value(state, "new_device", at(end, **(HOME | {"device": "d3"}))) is True


def test_travel_speed_comes_from_the_facts() -> None:
    """1,000 km in half an hour is 2,000 km/h; no distance or no time gives no nonsense."""
    state = SignalState(STANDARD)
    assert value(state, "travel_kmh", at(0, travel_km=1000, travel_s=1800)) == 2000
    assert value(state, "travel_kmh", at(0, travel_km=0, travel_s=0)) == 0
    assert value(state, "travel_kmh", at(0)) == 0
    assert value(state, "travel_km", at(0)) == -1
    assert value(state, "travel_kmh", at(0, travel_km=20_000, travel_s=0)) == 1_000_000


def test_an_hour_of_the_week_becomes_a_habit() -> None:
    """After three weeks of mornings, the night is unusual, and the morning is not."""
    week = 7 * 86_400
    mornings = [at(w * week + d * 86_400, outcome="success", **HOME) for w in range(3) for d in range(7)]
    state = state_after(*mornings)
    now = 3 * week
    assert value(state, "hour_of_week_seen", at(now)) == 3
    assert value(state, "hour_of_week_seen", at(now + 3600)) == 3
    assert value(state, "hour_of_week_seen", at(now + 6 * 3600)) == 0
    assert value(state, "unusual_hour", at(now)) is False
    assert value(state, "unusual_hour", at(now + 6 * 3600)) is True


def test_no_hour_is_unusual_without_history() -> None:
    state = state_after(*[at(i, outcome="success") for i in range(5)])
    assert value(state, "unusual_hour", at(43_200)) is False


def test_dormancy_counts_whole_days_since_the_last_good_attempt() -> None:
    """A failure does not wake an account up."""
    state = state_after(at(0, outcome="success"), at(50 * 86_400, outcome="failure"))
    assert value(state, "dormancy_days", at(100 * 86_400 - 1)) == 99
    assert value(state, "dormancy_days", at(-5)) == 0


def test_request_rate_is_measured_against_the_actors_own() -> None:
    """A person of two attempts an hour who makes forty is at 2,000 percent."""
    state = SignalState(STANDARD)
    assert value(state, "request_rate_lift", at(0)) == 0
    for hour in range(10):
        for i in range(2):
            state.fold(recorded(at(hour * 3600 + i, outcome="success")))
    for i in range(40):
        state.fold(recorded(at(20 * 3600 + i)))
    assert value(state, "request_rate_lift", at(20 * 3600 + 50)) == 2000


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


def opened(facts: Facts, session: str) -> OutcomeReported:
    return OutcomeReported(
        time=facts.time, id="abcdefgh", facts=facts, decision="allow", session=session, learn=True
    )


CHANGED = (
    "session_address_changed",
    "session_network_changed",
    "session_agent_changed",
    "session_country_changed",
)


def test_session_theft_shows_as_changes_that_the_thief_cannot_wash_off() -> None:
    """A stolen session stays different however many small things the thief gets allowed with it."""
    state = SignalState(STANDARD)
    state.fold(opened(at(0, outcome="success", **HOME), "s1"))
    mine = at(1, session="s1", **HOME)
    assert value(state, "session_known", mine) is True
    assert [value(state, name, mine) for name in CHANGED] == [False] * 4
    thief = {"session": "s1", "address": "x", "network": "y", "agent": "z", "country": "XX"}
    for i in range(5):
        state.fold(recorded(at(2 + i, outcome="success", **thief)))
    assert [value(state, name, at(9, **thief)) for name in CHANGED] == [True] * 4
    without_agent = at(9, **(HOME | {"session": "s1", "agent": ""}))
    assert value(state, "session_agent_changed", without_agent) is True


def test_a_session_begins_anew_only_after_a_passed_challenge() -> None:
    """A person who changed networks proves themselves once, and is not asked for ever."""
    state = SignalState(STANDARD)
    state.fold(opened(at(0, outcome="success", **HOME), "s1"))
    moved = HOME | {"session": "s1", "address": "train", "network": "trainnet"}
    state.fold(
        ChallengePassed(
            time=1, id="abcdefgh", challenge="c", actor="ann", session="s1", factor="totp", amr=("otp",),
            aal=2, grant="", expires=2,
        )
    )  # fmt: skip
    assert value(state, "session_address_changed", at(2, **moved)) is True
    state.fold(recorded(at(3, outcome="success", **moved)))
    assert value(state, "session_address_changed", at(4, **moved)) is False
    assert value(state, "session_network_changed", at(4, **(HOME | {"session": "s1"}))) is True


def test_a_session_of_somebody_else_is_not_known() -> None:
    state = state_after(at(0, outcome="success", session="s1", **HOME))
    assert value(state, "session_known", at(1, session="s1", **HOME)) is True
    assert value(state, "session_known", at(1, actor="eve", session="s1", **HOME)) is False
    assert value(state, "session_known", at(1, session="s2", **HOME)) is False


def test_a_session_that_nobody_began_is_read_like_any_other() -> None:
    """A visitor without a name, then a sign-in in the same session: nothing is asked of a record that it cannot say."""
    state = SignalState(STANDARD)
    visitor = HOME | {"actor": ""}
    state.fold(opened(at(0, outcome="success", **visitor), "s1"))
    assert value(state, "session_known", at(1, session="s1", **HOME)) is False
    later = visitor | {"session": "s1", "country": "XX"}
    assert value(state, "session_known", at(1, **later)) is True
    assert [value(state, name, at(1, **later)) for name in CHANGED] == [False, False, False, True]
    assert value(state, "session_known", at(1, session="s1", address="a", actor="eve")) is False


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


def test_limits_of_the_log_are_taken_over() -> None:
    """A replay forgets what the service forgot, whatever limits it was begun with; odd ones do no harm."""
    first = SignalState(STANDARD)
    second = SignalState(TINY)
    started = ServiceStarted(
        time=0, id="abcdefgh", version="1", size=0, settings="",
        signal_limits=STANDARD.as_dict() | {"actors": 30, "sessions": -5, "from_the_future": 3},
    )  # fmt: skip
    for state in (first, second):
        state.fold(started)
        for i in range(100):
            state.fold(recorded(at(i, actor=f"u{i}", outcome="success", session=f"s{i}", **HOME)))
        state.fold(ServiceStopped(time=0, id="abcdefgh", reason=""))
    assert first.dump() == second.dump()
    assert first.limits.actors == 30
    assert value(first, "first_seen", at(200, actor="u0")) is True
    assert value(first, "first_seen", at(200, actor="u99")) is False


def test_limits_written_down_come_back_equal() -> None:
    assert TINY.changed_by(STANDARD.as_dict()) == STANDARD


def test_state_is_bounded_under_a_flood_of_new_names() -> None:
    """Ten thousand of each kind leave no more records than the limits say."""
    state = SignalState(TINY)
    for i in range(10_000):
        name = str(i)
        facts = at(
            i, actor=name, address=name, network=name, device=name, session=name,
            outcome="success" if i % 2 else "failure", action="password.change",
        )  # fmt: skip
        state.fold(recorded(facts))
        state.fold(LabelApplied(time=0, id="a", label="attack", source="", reliability=99, address=name))
    for name, table in state._tables().items():
        assert 0 < len(table.items) <= TINY.as_dict()[name], name


def test_days_that_no_window_reaches_are_dropped() -> None:
    """Addresses of last week cost no memory, and no value changes by it."""
    state = state_after(*[at(i, actor=f"u{i}", address=f"a{i}") for i in range(5000)])
    for i in range(9000):
        state.fold(recorded(at(3 * 86_400 + i / 100, address="b", network="n", device="d")))
    assert len(state._addresses.items) == 1
    assert len(state._active.items) == 1


def summed(body: bytes) -> bytes:
    return hashlib.sha256(body).digest() + body


ANOTHER_VERSION = summed(msgspec.msgpack.encode([99, {}, 0, 0, [], [[], [], [], 0, 0], {}]))
NOTHING_IN_IT = summed(msgspec.msgpack.encode([1, {}, 0, 0, [], [[], [], [], 0, 0], {}]))


@pytest.mark.parametrize("data", [b"", b"x", summed(b""), summed(b"\xa3abc"), ANOTHER_VERSION, NOTHING_IN_IT])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        SignalState.load(data)


@settings(max_examples=60)
@given(st.data())
def test_a_mangled_snapshot_is_refused(data: st.DataObject) -> None:
    """One changed byte anywhere is found: what decides is never read from a damaged file."""
    good = state_after(at(0, outcome="success", session="s", **HOME), at(1, outcome="failure")).dump()
    place = data.draw(st.integers(0, len(good) - 1))
    mangled = good[:place] + bytes((good[place] ^ data.draw(st.integers(1, 255)),)) + good[place + 1 :]
    with pytest.raises(InputError):
        SignalState.load(mangled)


@pytest.mark.parametrize("time", [-(10**18), -1, 0, 10**18, 10**30])
def test_no_time_makes_the_fold_raise(time: int) -> None:
    """Times before 1970 and after 2106 count at the ends of what is held."""
    state = SignalState(TINY)
    entry: Entry = recorded(Facts(time=time, action="login", actor="a", address="b", outcome="failure"))
    state.fold(entry)
    assert state.read(Facts(time=time, action="login", actor="a"))[POSITION["actor_failures_1m"]] == 1
    assert all(not isinstance(found, int) or found >= -1 for found in state.read(at(0)))


@pytest.mark.parametrize(
    ("km", "seconds", "kmh"),
    [
        (900, 3_600, 900),
        (900, 3_599, 901),
        (5_000, 20_000, 900),
        (5_000, 19_999, 901),
        (501, 1, 1_000_000),
        (0, 0, 0),
    ],
)
def test_a_speed_is_over_a_whole_number_as_soon_as_it_is(km: int, seconds: int, kmh: int) -> None:
    """Just over 900 km/h is over 900; exactly 900 is not. Without a distance there is no speed."""
    assert value(SignalState(STANDARD), "travel_kmh", at(0, travel_km=km, travel_s=seconds)) == kmh
