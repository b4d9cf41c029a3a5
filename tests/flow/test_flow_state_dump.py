"""The state of a log, written and read back: nothing is lost, and going on from it is going on from the log."""

import dataclasses
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import InputError
from stepwarden.events import entries as e
from stepwarden.events.encoding import decode, encode
from stepwarden.events.facts import Facts
from stepwarden.flow import state_dump
from stepwarden.flow.audit import compare
from stepwarden.flow.state import LogState
from stepwarden.signals.limits import STANDARD
from stepwarden.stepup import people, snapshot, standings
from stepwarden.stepup.state import StepUpState
from tests.flow import test_flow_replay
from tests.flow.flow_house import House
from tests.flow.log_streams import logs


def fold(entries: list[Any], state: LogState | None = None) -> LogState:
    state = state or LogState(STANDARD)
    for entry in entries:
        state.fold(state.size, entry)
    return state


@settings(max_examples=150, deadline=None)
@given(logs(), st.data())
def test_going_on_from_a_dump_is_going_on_from_the_log(log: list[Any], data: st.DataObject) -> None:
    """Wherever a log is cut in two, its second part folded on the dump of the first gives the whole's bytes."""
    cut = data.draw(st.integers(0, len(log)))
    whole = state_dump.dump(fold(log))
    first = state_dump.dump(fold(log[:cut]))
    assert state_dump.dump(state_dump.load(first)) == first
    assert state_dump.dump(fold(log[cut:], state_dump.load(first))) == whole


@pytest.mark.parametrize("seed", [11, 12])
def test_every_decision_after_a_dump_is_the_one_that_the_whole_log_leads_to(house: House, seed: int) -> None:
    """A real log, cut at several places: what follows recomputes from the dump as from the first entry."""
    house.live(lambda node: test_flow_replay.busy_day(house, node, seed, 80))
    entries = [decode(leaf) for leaf in house.leaves()]
    whole = state_dump.dump(fold(entries))
    for cut in range(1, len(entries), len(entries) // 7):
        state = state_dump.load(state_dump.dump(fold(entries[:cut])))
        for index, entry in enumerate(entries[cut:], start=cut):
            if isinstance(entry, e.AttemptDecided):
                compare(index, entry, state)
            state.fold(index, entry)
        assert state_dump.dump(state) == whole


def test_every_attribute_of_the_state_is_in_its_dump() -> None:
    """What is added to the state and forgotten in its dump would be lost at the next start."""
    of_log = set(state_dump.Dump.__struct_fields__) - {"version"}
    assert set(vars(LogState(STANDARD))) == of_log
    of_stepup = {name.removeprefix("_") for name in vars(StepUpState())}
    assert of_stepup == set(snapshot.Dump.__struct_fields__) - {"version"}
    assert set(vars(people.People())) == {"_people"}
    assert set(vars(standings.Standings())) == {"_held", "_revoked"}
    for kind in (people._Person, people._Credential, people._Counter):
        assert set(kind.__slots__) == {field.name for field in dataclasses.fields(kind)}


def test_a_dump_of_another_version_is_refused() -> None:
    """Both versions are looked at: a later one may mean something else by the same fields."""
    good = msgspec.msgpack.decode(state_dump.dump(LogState(STANDARD)))
    other = [state_dump.VERSION + 1, *good[1:]]
    with pytest.raises(InputError, match="version"):
        state_dump.load(msgspec.msgpack.encode(other))
    stepup = msgspec.msgpack.decode(snapshot.dump(StepUpState()))
    with pytest.raises(InputError, match="version"):
        snapshot.load(msgspec.msgpack.encode([snapshot.VERSION + 1, *stepup[1:]]))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80) | st.integers(0, 2_000))
def test_no_bytes_make_load_raise_anything_else(data: bytes | int) -> None:
    """Whatever is in the file, it is a state or it is refused."""
    if isinstance(data, int):
        good = bytearray(state_dump.dump(LogState(STANDARD)))
        good[data % len(good)] ^= 0x41
        data = bytes(good)
    try:
        state_dump.load(data)
    except InputError:
        return


def test_the_streams_reach_every_kind_of_entry() -> None:
    """The random logs really fill what the property is about: each kind encodes and folds."""
    seen: set[type] = set()

    @settings(max_examples=60, deadline=None, database=None)
    @given(logs())
    def run(log: list[Any]) -> None:
        for entry in log:
            seen.add(type(entry))
            assert decode(encode(entry)) == entry

    run()
    assert len(seen) >= 20


def test_a_full_state_of_step_up_comes_back_whole() -> None:
    """Open, waiting, held, used and granted at once: no part of it may be lost."""

    def issued(name: str, *, ready: bool) -> e.ChallengeIssued:
        return e.ChallengeIssued(
            time=1,
            id="abcdefgh",
            previous=state.size,
            challenge=name,
            actor="ann",
            session="s",
            action="transfer",
            nonce="n",
            binding="b",
            aal=2,
            expires=10**9,
            ready=ready,
            proved=("pwd",),
        )

    def passed(name: str, grant: str, *, held: bool = False) -> e.ChallengePassed:
        return e.ChallengePassed(
            time=1,
            id="abcdefgh",
            challenge=name,
            actor="ann",
            session="s",
            factor="totp",
            credential="k1",
            amr=("otp", "pwd"),
            aal=2,
            grant=grant,
            expires=10**9,
            held=held,
        )

    state = LogState(STANDARD)
    enrolled = e.FactorEnrolled(time=1, id="abcdefgh", actor="ann", factor="totp", credential="k1")
    fold([enrolled, issued("c1", ready=True), passed("c1", "g1")], state)
    asked = e.AttemptDecided(
        time=1,
        id="abcdefgh",
        facts=Facts(time=1, action="transfer", actor="ann", session="s"),
        signals={},
        evidence=(),
        score=0,
        risk=0,
        demand=e.Demand(),
        standing=e.Standing(),
        decision="allow",
        policy="",
        binding="b",
        grant="g1",
    )
    fold([asked, issued("c2", ready=True), passed("c2", "g2")], state)
    fold([issued("c3", ready=True), passed("c3", "g3", held=True)], state)
    fold([issued("c4", ready=True), issued("c5", ready=False)], state)
    wrong = e.ChallengeAnswered(
        time=1, id="abcdefgh", challenge="c4", actor="ann", factor="totp", result="wrong"
    )
    sent = e.ChallengeSent(
        time=1, id="abcdefgh", challenge="c4", actor="ann", factor="email", credential="k2", code="00"
    )
    fold([wrong, sent], state)
    sizes = state.stepup.sizes()
    assert all(sizes.values()), sizes
    again = snapshot.load(snapshot.dump(state.stepup))
    assert again.sizes() == sizes
    assert snapshot.dump(again) == snapshot.dump(state.stepup)
    assert again.people.wrong("ann", "totp") == 1
