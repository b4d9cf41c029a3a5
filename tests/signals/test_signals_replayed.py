"""The fold against a naive model that recomputes each value from the full list of what happened, on random streams."""

import random
from dataclasses import dataclass, field

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.events.facts import Facts
from stepwarden.signals.catalogue import POSITION, WINDOWS, Value
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.state import SignalState
from tests.signals.signals_house import T0, recorded, reported

ENTITIES = ("actor", "address", "network", "device")

names = st.sampled_from(["", "a", "b"])


@st.composite
def streams(draw: st.DrawFn, late: int) -> list[Facts]:
    """Facts in time order, but for steps back of at most ``late`` seconds behind the newest."""
    newest = T0 * 1_000_000
    found = []
    for _ in range(draw(st.integers(1, 40))):
        newest += draw(st.sampled_from([0, 1, 500_000, 7_000_000, 59_000_000, 1_200_000_000, 20_000_000_000]))
        time = newest - draw(st.integers(0, late)) * 1_000_000
        found.append(
            Facts(
                time=time,
                action=draw(st.sampled_from(["login", "pay"])),
                actor=draw(names),
                address=draw(names),
                network=draw(names),
                device=draw(names),
                session=draw(names),
                country=draw(st.sampled_from(["", "NO", "SE"])),
                asn=draw(st.sampled_from(["", "AS1"])),
                agent=draw(names),
                browser=draw(st.sampled_from(["Firefox", "Safari"])),
                device_type=draw(st.sampled_from(["desktop", "mobile"])),
                outcome=draw(st.sampled_from(["success", "failure", "unknown"])),
            )
        )
    return found


@dataclass
class Model:
    """All that ever happened; each value is worked out by looking at all of it."""

    past: list[Facts] = field(default_factory=list)

    def expected(self, now: Facts) -> dict[str, Value]:
        second = now.time // 1_000_000
        found: dict[str, Value] = {}
        for window, length in WINDOWS.items():
            inside = [f for f in self.past if second - length <= f.time // 1_000_000 <= second]
            for entity in ENTITIES:
                name = getattr(now, entity)
                same = [f for f in inside if name and getattr(f, entity) == name]
                tried = [f for f in same if f.action == "login"]
                found[f"{entity}_failures_{window}"] = sum(f.outcome == "failure" for f in tried)
                found[f"{entity}_successes_{window}"] = sum(f.outcome == "success" for f in tried)
                if entity == "actor":
                    found[f"actor_attempts_{window}"] = len(same)
                if entity == "actor" and window in ("1h", "24h"):
                    found[f"actor_action_{window}"] = sum(f.action == now.action for f in same)
        for window in ("1h", "24h"):
            since = [f for f in self.past if f.time // 1_000_000 >= second - WINDOWS[window]]
            for entity in ("address", "network", "device"):
                name = getattr(now, entity)
                found[f"{entity}_actors_{window}"] = len(
                    {f.actor for f in since if name and f.actor and getattr(f, entity) == name}
                )
            found[f"actor_addresses_{window}"] = len(
                {f.address for f in since if now.actor and f.address and f.actor == now.actor}
            )
        good = [f for f in self.past if f.outcome == "success" and now.actor and f.actor == now.actor]
        found["first_seen"] = not good
        found["actor_logins"] = len(good)
        found["cold_start"] = len(good) <= 3
        found["dormancy_days"] = (
            max(0, second - max(f.time // 1_000_000 for f in good)) // 86_400 if good else 0
        )
        # Three names and two countries are no more than a day's measure of new things.
        for kind in ("device", "address", "country"):
            known = {getattr(f, kind) for f in good}
            found[f"new_{kind}"] = bool(known - {""}) and getattr(now, kind) not in known
        return found


def check(state: SignalState, model: Model, now: Facts) -> None:
    values = state.read(now)
    counted = [found for name, found in zip(POSITION, values, strict=True) if not name.endswith("surprise")]
    assert all(not isinstance(found, int) or found >= -1 for found in counted)
    expected = model.expected(now)
    assert {name: values[POSITION[name]] for name in expected} == expected


def record(state: SignalState, facts: Facts) -> None:
    state.fold(recorded(facts))


def without_country_caps(stream: list[Facts]) -> list[Facts]:
    """At most two countries: a third in one day would meet the cap, which the model does not know."""
    return [msgspec.structs.replace(f, country="" if f.country == "" else "NO") for f in stream]


@settings(max_examples=80, deadline=None)
@given(streams(0))
def test_values_equal_a_recomputation_from_everything(stream: list[Facts]) -> None:
    """In time order, each windowed count, distinct count and habit is what the full history says."""
    state, model = SignalState(STANDARD), Model()
    for facts in without_country_caps(stream):
        check(state, model, facts)
        record(state, facts)
        model.past.append(facts)


@settings(max_examples=80, deadline=None)
@given(streams(3600))
def test_late_events_count_where_they_belong(stream: list[Facts]) -> None:
    """Up to an hour out of order changes no count, neither for late reads nor for timely ones."""
    state, model = SignalState(STANDARD), Model()
    for facts in without_country_caps(stream):
        check(state, model, facts)
        record(state, facts)
        model.past.append(facts)


@settings(max_examples=60, deadline=None)
@given(streams(200_000))
def test_any_disorder_is_survived(stream: list[Facts]) -> None:
    """However late an event is, nothing raises, and no count exceeds the truth or falls below zero."""
    state, model = SignalState(STANDARD), Model()
    for facts in stream:
        values = state.read(facts)
        for name, most in model.expected(facts).items():
            found = values[POSITION[name]]
            assert isinstance(found, int)
            if name.rpartition("_")[2] in WINDOWS:
                assert 0 <= found <= most  # type: ignore[operator]
        record(state, facts)
        model.past.append(facts)


@settings(max_examples=60, deadline=None)
@given(streams(5000), st.integers(0, 40), st.integers(1, 6))
def test_a_dump_in_between_changes_nothing(stream: list[Facts], cut: int, limit: int) -> None:
    """A state that was dumped and loaded in the middle goes on to the same bytes, at tight limits too."""
    limits = STANDARD.changed_by(dict.fromkeys(STANDARD.as_dict(), limit))
    whole, halved = SignalState(limits), SignalState(limits)
    for position, facts in enumerate(stream):
        if position == cut:
            halved = SignalState.load(halved.dump())
        assert whole.read(facts) == halved.read(facts)
        record(whole, facts)
        record(halved, facts)
    assert whole.dump() == halved.dump()
    assert SignalState.load(whole.dump()).dump() == whole.dump()


@settings(max_examples=40, deadline=None)
@given(streams(0))
def test_a_decision_and_its_outcome_fold_to_the_same_as_one_event(stream: list[Facts]) -> None:
    """What was decided live and reported at once teaches what the same event from a file teaches."""
    live, imported = SignalState(STANDARD), SignalState(STANDARD)
    for facts in stream:
        live.attempted(facts)
        live.fold(reported(facts))
        record(imported, facts)
    assert live.dump() == imported.dump()


@settings(max_examples=60, deadline=None)
@given(streams(5000), st.integers(1, 6), st.booleans())
def test_a_restart_at_every_point_and_reads_in_between_change_nothing(
    stream: list[Facts], limit: int, tight: bool
) -> None:
    """Restarted after each entry, read before each or never: every signal has the same value, the state the same bytes.

    What is kept only to be quick (terms worked out, the share of the hour) must not outlive what it was worked out of.
    """
    limits = STANDARD.changed_by(dict.fromkeys(STANDARD.as_dict(), limit)) if tight else STANDARD
    whole, restarted, unread = SignalState(limits), SignalState(limits), SignalState(limits)
    for facts in stream:
        restarted = SignalState.load(restarted.dump())
        assert whole.read(facts) == restarted.read(facts) == whole.read(facts)
        for state in (whole, restarted, unread):
            record(state, facts)
    assert whole.dump() == restarted.dump() == unread.dump()
    for facts in stream:
        assert whole.read(facts) == unread.read(facts)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_a_snapshot_and_its_tail_are_the_whole_log(seed: int, cut: int) -> None:
    """Three weeks of a site with an alarm in them, restarted somewhere: all values go on as they would have."""
    dice = random.Random(seed)
    whole = SignalState(STANDARD)
    restarted = whole
    for number in range(400):
        strange = number > 250 or dice.random() < 0.4
        facts = Facts(
            time=(T0 + number * 4_500) * 1_000_000,
            action="login",
            actor=f"p{dice.randrange(60)}",
            address=f"x{number}" if strange else "home",
            network=f"x{number}" if strange else "home",
            asn=f"AS{dice.randrange(4)}",
            country="NO",
            agent=f"u{dice.randrange(9)}",
            outcome="failure" if dice.random() < (0.95 if number > 250 else 0.1) else "success",
        )
        if number == cut:
            restarted = SignalState.load(whole.dump())
        assert whole.read(facts) == restarted.read(facts)
        record(whole, facts)
        if restarted is not whole:
            record(restarted, facts)
    assert whole.dump() == restarted.dump()
