"""What the tests of signals share: attempts of one person around one evening, their entries, a state to fold them."""

from typing import Any

import msgspec

from stepwarden.events.entries import AttemptDecided, Demand, EventRecorded, OutcomeReported, Standing
from stepwarden.events.facts import Facts
from stepwarden.signals.catalogue import POSITION, Value
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.state import SignalState

T0 = 1_700_000_000
"""A Tuesday, 22:13:20 UTC."""
HOME = {
    "address": "home",
    "network": "homenet",
    "device": "laptop",
    "country": "NO",
    "asn": "AS1",
    "agent": "fox",
    "browser": "Firefox",
}


def at(second: float, **fields: Any) -> Facts:
    fields.setdefault("action", "login")
    fields.setdefault("actor", "ann")
    return Facts(time=int((T0 + second) * 1_000_000), **fields)


def recorded(facts: Facts) -> EventRecorded:
    return EventRecorded(time=facts.time, id="abcdefgh", facts=facts)


def decided(facts: Facts) -> AttemptDecided:
    """The decision on it, when nobody knows how it ends."""
    return AttemptDecided(
        time=facts.time,
        id="abcdefgh",
        facts=msgspec.structs.replace(facts, outcome="unknown"),
        signals={},
        evidence=(),
        score=0,
        risk=0,
        demand=Demand(),
        standing=Standing(),
        decision="allow",
        policy="",
    )


def reported(facts: Facts, session: str = "") -> OutcomeReported:
    """The report of how it ended, after it had been allowed: a success is learned from."""
    return OutcomeReported(
        time=facts.time,
        id="abcdefgh",
        facts=facts,
        decision="allow",
        session=session,
        learn=facts.outcome == "success",
    )


def state_after(*facts: Facts) -> SignalState:
    state = SignalState(STANDARD)
    for one in facts:
        state.fold(recorded(one))
    return state


def value(state: SignalState, name: str, facts: Facts) -> Value:
    return state.read(facts)[POSITION[name]]
