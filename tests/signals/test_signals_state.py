"""The state as a whole: what it says of nothing, that reading leaves it alone, its bounds, and its snapshots."""

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import InputError
from stepwarden.events.entries import Entry, LabelApplied, ServiceStarted, ServiceStopped
from stepwarden.events.facts import Facts
from stepwarden.signals.catalogue import CATALOGUE, POSITION, sparse
from stepwarden.signals.limits import STANDARD, Limits
from stepwarden.signals.state import SignalState
from tests.signals.signals_house import HOME, at, recorded, state_after, value

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


def test_reading_changes_nothing_and_does_not_look_at_the_outcome() -> None:
    """The attempt being decided does not count itself, and its own end cannot be known yet."""
    state = state_after(at(0, outcome="success", **HOME), at(5, outcome="failure", **HOME))
    before = state.dump()
    values = [state.read(at(9, outcome=outcome, **HOME)) for outcome in ("unknown", "success", "failure")]
    assert values[0] == values[1] == values[2]
    assert state.dump() == before


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
