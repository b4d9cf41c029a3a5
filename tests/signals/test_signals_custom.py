"""Signals that policies define: against a naive model that keeps everything, and under hostile definitions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import InputError
from stepwarden.events.entries import OutcomeReported
from stepwarden.events.facts import Facts
from stepwarden.signals.catalogue import CATALOGUE, Value, dense, sparse
from stepwarden.signals.custom import DEFAULTS, MOST_SIGNALS, THINGS, WINDOWED, CustomSpec, Primitive
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.state import SignalState
from tests.signals.signals_house import T0, decided, recorded, reported

TYPES: Any = {int: "int", bool: "bool", str: "str"}


def raising(facts: Facts) -> bool:
    """Holds for one country, and cannot be told for another."""
    if facts.country == "SE":
        raise ArithmeticError
    return facts.country == "NO"


FILTERS: dict[str, Callable[[Facts], bool] | None] = {
    "": None,
    "pay": lambda facts: facts.action == "pay",
    "failed": lambda facts: facts.outcome == "failure",
    "raising": raising,
}


def spec(primitive: Primitive, key: Sequence[str] = ("actor",), **given: Any) -> CustomSpec:
    name, default = given.pop("name", "mine"), DEFAULTS[primitive]
    chosen = given.pop("filter", "")
    if primitive in WINDOWED:
        given.setdefault("window", 3600)
    return CustomSpec(
        name=name,
        type=TYPES[type(default)],
        default=default,
        unit="",
        doc="",
        primitive=primitive,
        key=tuple(key),
        filter=chosen,
        matches=FILTERS[chosen],
        ended=chosen == "failed",
        **given,
    )


@st.composite
def specs(draw: st.DrawFn) -> CustomSpec:
    primitive: Primitive = draw(st.sampled_from(list(DEFAULTS)))
    filters = list(FILTERS) if primitive in WINDOWED else ["", "pay", "raising"]
    given: dict[str, Any] = {"filter": draw(st.sampled_from(filters))}
    if primitive in WINDOWED:
        given["window"] = draw(st.sampled_from([60, 600, 7_200, 86_400, 30 * 86_400]))
    if primitive in ("distinct", "last_value", "changed"):
        given["of"] = draw(st.sampled_from(["address", "country", "action"]))
    key = draw(st.lists(st.sampled_from(["actor", "resource", "session"]), unique=True, max_size=3))
    return spec(primitive, key, **given)


@st.composite
def streams(draw: st.DrawFn) -> list[Facts]:
    """In order of time, but for steps back of at most an hour behind the newest."""
    newest, found = T0, []
    for _ in range(draw(st.integers(1, 30))):
        newest += draw(st.sampled_from([0, 0, 1, 7, 59, 60, 1_200, 90_000]))
        found.append(
            Facts(
                time=(newest - draw(st.sampled_from([0, 0, 0, 1, 300, 3_600]))) * 1_000_000,
                action=draw(st.sampled_from(["login", "pay"])),
                actor=draw(st.sampled_from(["", "a", "b"])),
                resource=draw(st.sampled_from(["", "r", "s"])),
                session=draw(st.sampled_from(["", "x", "y"])),
                address=draw(st.sampled_from(["", "1", "2", "3"])),
                country=draw(st.sampled_from(["", "NO", "SE", "DK"])),
                outcome=draw(st.sampled_from(["success", "failure", "unknown"])),
            )
        )
    return found


@dataclass
class Model:
    """All that ever happened, and whether habits may be learned from it; each value is worked out from all of it."""

    past: list[tuple[Facts, bool]] = field(default_factory=list)

    def expected(self, one: CustomSpec, now: Facts) -> Value:
        key = [getattr(now, part) for part in one.key]
        events = [] if "" in key else self._events(one, key)
        second = now.time // 1_000_000
        since = second - one.window
        times = [facts.time // 1_000_000 for facts in events]
        if one.primitive == "count":
            return sum(since <= time <= second for time in times)
        if one.primitive == "rate":
            inside = sum(since <= time <= second for time in times)
            return (
                100_000 * inside // max(1_000, _usual(times, one.window)) if _usual(times, one.window) else 0
            )
        if one.primitive == "first_seen":
            return not events
        things = [(time, getattr(facts, one.of)) for time, facts in zip(times, events, strict=True)]
        things = [(time, thing) for time, thing in things if thing]
        if one.primitive == "distinct":
            return len({thing for time, thing in things if time >= since})
        last = max(enumerate(things), key=lambda at: (at[1][0], at[0]))[1][1] if things else ""
        return last if one.primitive == "last_value" else bool(last) and getattr(now, one.of) != last

    def _events(self, one: CustomSpec, key: list[str]) -> list[Facts]:
        learns = one.primitive not in WINDOWED
        found = []
        for facts, learn in self.past:
            if [getattr(facts, part) for part in one.key] != key or (learns and not learn):
                continue
            if one.ended and facts.outcome == "unknown":
                continue
            try:
                holds = one.matches is None or one.matches(facts)
            except ArithmeticError:
                holds = not learns
            if holds:
                found.append(facts)
        return found


def _usual(times: list[int], window: int) -> int:
    """Thousandths of events in a usual window, 0 before five are over."""
    windows: dict[int, int] = {}
    newest = 0
    for time in times:
        newest = max(newest, time // window)
        windows[newest] = windows.get(newest, 0) + 1
    closed = list(windows.values())[:-1]
    usual = 0
    for number, found in enumerate(closed):
        usual = (
            usual + (min(1000 * found, 2 * usual + 1000) - usual) // 8
            if number
            else min(1000 * found, 10_000)
        )
    return usual if len(closed) >= 5 else 0


def record(state: SignalState, facts: Facts, live: bool) -> bool:
    """Fold it as a service would, or as an event from elsewhere; whether it is learned from."""
    if live:
        state.fold(decided(facts))
        state.fold(reported(facts))
    else:
        state.fold(recorded(facts))
    return facts.outcome == "success"


@settings(max_examples=150, deadline=None)
@given(streams(), st.lists(specs(), min_size=1, max_size=4), st.integers(0, 30), st.data())
def test_values_equal_a_recomputation_from_everything(
    stream: list[Facts], own: list[CustomSpec], cut: int, data: st.DataObject
) -> None:
    """Any definitions, any stream, live or recorded, with a restart from a snapshot anywhere in it."""
    state, whole, model = SignalState(STANDARD), SignalState(STANDARD), Model()
    state.define([own])
    whole.define([own])
    for position, facts in enumerate(stream):
        if position == cut:
            state = SignalState.load(state.dump(), [own])
        values = state.read(facts, own)
        assert values[: len(CATALOGUE)] == state.read(facts)
        assert values[len(CATALOGUE) :] == tuple(model.expected(one, facts) for one in own)
        assert values == whole.read(facts, own)
        for one, found in zip(own, values[len(CATALOGUE) :], strict=True):
            assert type(found) is type(one.default)
        live = data.draw(st.booleans())
        model.past.append((facts, record(state, facts, live)))
        record(whole, facts, live)
    assert state.dump() == whole.dump()


@settings(max_examples=60, deadline=None)
@given(streams(), st.lists(specs(), min_size=1, max_size=3), st.lists(specs(), min_size=1, max_size=8))
def test_attack_a_policy_beside_another_takes_its_room(
    stream: list[Facts], own: list[CustomSpec], others: list[CustomSpec]
) -> None:
    """Whatever a candidate defines, and whatever is watched, the live policy reads the same, with hardly any room."""
    limits = STANDARD.changed_by({"custom": 2})
    alone, beside = SignalState(limits), SignalState(limits)
    alone.define([own])
    beside.define([own, others])
    beside.watch([others])
    same = {one.identity for one in own} & {one.identity for one in others}
    for facts in stream:
        for one in own:
            if one.identity not in same:
                assert alone.read_custom(facts, [one]) == beside.read_custom(facts, [one])
        assert alone.read(facts) == beside.read(facts)
        record(alone, facts, live=True)
        record(beside, facts, live=True)


def facts_at(second: int, **given: Any) -> Facts:
    given.setdefault("action", "login")
    return Facts(time=(T0 + second) * 1_000_000, **given)


LONG: dict[str, Any] = {"window": 30 * 86_400}
SHAPES: list[tuple[Primitive, dict[str, Any]]] = [
    ("count", LONG),
    ("rate", LONG),
    ("distinct", LONG | {"of": "address"}),
    ("first_seen", {}),
    ("last_value", {"of": "country"}),
    ("changed", {"of": "address"}),
]
HOSTILE = [
    spec(primitive, [thing], name=f"{primitive}_{thing}", **given)
    for thing in ("actor", "address", "resource", "session", "agent")
    for primitive, given in SHAPES
]


def test_attack_hostile_definitions_take_all_memory() -> None:
    """As many signals as a policy may have, over keys that never come twice: no more keys than the limit in all."""
    state = SignalState(STANDARD.changed_by({"custom": 320}))
    own = [*HOSTILE, spec("distinct", THINGS, of="address"), spec("first_seen", THINGS)]
    assert len(own) == MOST_SIGNALS
    state.define([own])
    for i in range(3_000):
        facts = facts_at(i, **dict.fromkeys(set(THINGS) - {"action"}, f"v{i}"), outcome="success")
        record(state, facts, live=False)
    tables = state._custom.tables()
    assert sum(len(table.items) for table in tables.values()) <= 320
    assert all(table.items for table in tables.values())


def test_attack_one_key_takes_all_memory() -> None:
    """However much happens under one key, it holds 256 events and 64 values."""
    own = [
        spec("count", [], name="events", window=30 * 86_400),
        spec("distinct", [], name="values", window=30 * 86_400, of="address"),
        spec("rate", [], name="lift", window=60),
    ]
    state, without = SignalState(STANDARD), SignalState(STANDARD)
    state.define([own])
    for i in range(2_000):
        record(state, facts_at(i, address=f"v{i}"), live=False)
        record(without, facts_at(i, address=f"v{i}"), live=False)
    assert state.read_custom(facts_at(2_000), own)[:2] == (256, 64)
    assert len(state.dump()) - len(without.dump()) < 5_000


def test_attack_a_filter_that_raises_hides_what_is_done() -> None:
    """What cannot be told is counted, and nothing is learned from it."""
    own = [
        spec("count", name="events", filter="raising"),
        spec("distinct", name="values", filter="raising", of="address"),
        spec("first_seen", name="unseen", filter="raising"),
        spec("changed", name="moved", filter="raising", of="address"),
    ]
    state = SignalState(STANDARD)
    state.define([own])
    for i, country in enumerate(["SE", "SE", "NO", "DK"]):
        record(state, facts_at(i, actor="a", address=f"v{i}", country=country, outcome="success"), live=True)
    assert state.read_custom(facts_at(9, actor="a", address="v2"), own) == (3, 3, False, False)
    fresh = SignalState(STANDARD)
    fresh.define([own])
    record(fresh, facts_at(0, actor="a", address="v0", country="SE", outcome="success"), live=True)
    assert fresh.read_custom(facts_at(9, actor="a", address="v2"), own) == (1, 1, True, False)


def test_attack_a_refused_success_is_learned_from() -> None:
    """What ended well though it had not been allowed makes nothing known."""
    own = [spec("first_seen", name="unseen"), spec("last_value", name="last", of="country")]
    state = SignalState(STANDARD)
    state.define([own])
    facts = facts_at(0, actor="a", country="NO", outcome="success")
    state.fold(decided(facts))
    state.fold(OutcomeReported(time=facts.time, id="abcdefgh", facts=facts, decision="deny", learn=False))
    assert state.read_custom(facts_at(1, actor="a"), own) == (True, "")


def test_attack_an_old_event_puts_back_what_was_last() -> None:
    """An event that is recorded late does not replace what is newer; leaving a thing out is a change."""
    own = [spec("last_value", name="last", of="country"), spec("changed", name="moved", of="country")]
    state = SignalState(STANDARD)
    state.define([own])
    for second, country in [(100, "NO"), (50, "RU"), (120, "")]:
        record(state, facts_at(second, actor="a", country=country, outcome="success"), live=False)
    assert state.read_custom(facts_at(130, actor="a", country="NO"), own) == ("NO", False)
    assert state.read_custom(facts_at(130, actor="a"), own) == ("NO", True)


def test_attack_a_value_passes_for_two_parts_of_a_key() -> None:
    """Two keys are never one, whatever their parts hold."""
    own = [spec("count", ["actor", "resource"])]
    state = SignalState(STANDARD)
    state.define([own])
    record(state, facts_at(0, actor="a\nb", resource="c"), live=True)
    assert state.read_custom(facts_at(1, actor="a", resource="b\nc"), own) == (0,)
    assert state.read_custom(facts_at(1, actor="a\nb", resource="c"), own) == (1,)


def test_a_rate_is_percent_of_the_usual() -> None:
    """Ten an hour for a week, then forty: four times the usual; 0 before five hours are over."""
    own = [spec("rate", ["actor"])]
    state = SignalState(STANDARD)
    state.define([own])
    start = -T0 % 3600
    for hour in range(100):
        if hour < 5:
            assert state.read_custom(facts_at(start + hour * 3600, actor="a"), own) == (0,)
        for i in range(10):
            record(state, facts_at(start + hour * 3600 + i, actor="a"), live=True)
    for i in range(40):
        record(state, facts_at(start + 110 * 3600 + i, actor="a"), live=True)
    assert state.read_custom(facts_at(start + 110 * 3600 + 60, actor="a"), own) == (400,)


def test_a_signal_is_its_definition_not_its_name() -> None:
    """Another name keeps the counts; the same name for something else begins anew; what nobody defines is forgotten."""
    first, renamed = spec("count", name="a"), spec("count", name="b")
    other = spec("count", name="a", window=7_200)
    state = SignalState(STANDARD)
    state.define([[first]])
    record(state, facts_at(0, actor="a"), live=True)
    state.define([[renamed, other]])
    assert state.read_custom(facts_at(1, actor="a"), [renamed, other]) == (1, 0)
    state.define([[other]])
    with pytest.raises(ValueError, match="never defined"):
        state.read(facts_at(1, actor="a"), [first])
    state.define([[first]])
    assert state.read_custom(facts_at(1, actor="a"), [first]) == (0,)


def test_the_order_of_a_key_means_nothing() -> None:
    assert spec("count", ["actor", "resource"]).identity == spec("count", ["resource", "actor"]).identity


def test_what_no_window_reaches_is_dropped() -> None:
    """Last week's keys cost no memory, and no value changes by it; what was learned stays."""
    own = [spec("count", ["address"], name="events"), spec("first_seen", ["address"], name="unseen")]
    state = SignalState(STANDARD)
    state.define([own])
    for i in range(3_000):
        record(state, facts_at(i, address=f"v{i}", outcome="success"), live=False)
    for i in range(5_000):
        record(state, facts_at(500_000 + i, address="w"), live=False)
    counted, seen = (state._custom.kept[one.identity].table.items for one in own)
    assert len(counted) == 1
    assert len(seen) == 3_000


@pytest.mark.parametrize("groups", [[], [[spec("count")]], [[spec("rate"), spec("count", window=60)]]])
def test_a_snapshot_with_other_definitions_is_refused(groups: list[list[CustomSpec]]) -> None:
    """A state is only gone on with by those who know what it counted."""
    state = SignalState(STANDARD)
    state.define([[spec("rate")]])
    with pytest.raises(InputError, match="custom signals"):
        SignalState.load(state.dump(), groups)


def test_custom_values_are_written_and_read_by_name() -> None:
    """Sparse and back; a name or a type that is not theirs is refused."""
    own = [
        spec("count", name="events"),
        spec("first_seen", name="unseen"),
        spec("last_value", name="last", of="asn"),
    ]
    values = dense({"unseen": True, "new_device": True, "last": "AS1"}, own)
    assert sparse(values, own) == {"unseen": True, "new_device": True, "last": "AS1"}
    with pytest.raises(InputError, match="no signal"):
        dense({"unseen": True})
    with pytest.raises(InputError, match="of type int"):
        dense({"events": True}, own)
    with pytest.raises(ValueError, match="signals"):
        sparse(values)
