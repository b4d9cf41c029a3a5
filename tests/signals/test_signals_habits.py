"""What differs from what an actor, or a session, usually is, and who may teach what is usual."""

import pytest

from stepwarden.events.entries import ChallengePassed, OutcomeReported
from stepwarden.signals.catalogue import sparse
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.state import SignalState
from tests.signals.signals_house import HOME, at, recorded, reported, state_after, value


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


CHANGED = (
    "session_address_changed",
    "session_network_changed",
    "session_agent_changed",
    "session_country_changed",
)


def test_session_theft_shows_as_changes_that_the_thief_cannot_wash_off() -> None:
    """A stolen session stays different however many small things the thief gets allowed with it."""
    state = SignalState(STANDARD)
    state.fold(reported(at(0, outcome="success", **HOME), "s1"))
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
    state.fold(reported(at(0, outcome="success", **HOME), "s1"))
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
    state.fold(reported(at(0, outcome="success", **visitor), "s1"))
    assert value(state, "session_known", at(1, session="s1", **HOME)) is False
    later = visitor | {"session": "s1", "country": "XX"}
    assert value(state, "session_known", at(1, **later)) is True
    assert [value(state, name, at(1, **later)) for name in CHANGED] == [False, False, False, True]
    assert value(state, "session_known", at(1, session="s1", address="a", actor="eve")) is False
