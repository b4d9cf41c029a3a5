"""The state of step-up as bytes and back: MessagePack, every map in the order that it has.

The order matters: what is swept goes from the old end. Where it does not (the heap of expiries, challenges by
decision) the bytes are sorted, so that equal states give equal bytes.

>>> state = StepUpState()
>>> dump(load(dump(state))) == dump(state)
True

It holds tokens, credentials' ids and counts; no secret and no personal value. ``VERSION`` changes with the fields: a
snapshot of another version is refused. Not here: files, keys and when to take one (``flow.snapshots``).
"""

from collections import OrderedDict
from typing import Final

import msgspec

from stepwarden.errors import InputError
from stepwarden.stepup.people import _Person
from stepwarden.stepup.standings import _Held
from stepwarden.stepup.state import OpenChallenge, StepUpState
from stepwarden.stepup.successes import Grant, Held, Used

VERSION: Final = 2


class Dump(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Every attribute of ``StepUpState``, and of what it holds (a test compares them)."""

    version: int
    clock: int
    waiting: list[tuple[str, OpenChallenge]]
    ready: list[tuple[str, OpenChallenge]]
    by_decision: list[tuple[int, str]]
    expiries: list[tuple[int, str]]
    prompts: list[tuple[str, list[tuple[int, str]]]]
    successes: tuple[list[tuple[str, Grant]], list[tuple[int, Used]], list[tuple[int, Held]]]
    sends: list[tuple[str, tuple[int, ...]]]
    people: list[tuple[str, _Person]]
    standings: tuple[list[tuple[str, _Held]], list[tuple[str, int]]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Dump).decode


def dump(state: StepUpState) -> bytes:
    """All of ``state``: the same state gives the same bytes, and ``load`` gives it back."""
    return _encode(
        Dump(
            version=VERSION,
            clock=state.clock,
            waiting=list(state._waiting.items()),
            ready=list(state._ready.items()),
            by_decision=sorted(state._by_decision.items()),
            expiries=sorted(state._expiries),
            prompts=list(state._prompts.items()),
            successes=(
                list(state.successes.grants.items()),
                list(state.successes.used.items()),
                list(state.successes.waiting.items()),
            ),
            sends=list(state._sends.items()),
            people=list(state.people._people.items()),
            standings=(list(state.standings._held.items()), list(state.standings._revoked.items())),
        )
    )


def load(data: bytes) -> StepUpState:
    """The state that ``dump`` was called on.

    Raises:
        InputError: not a snapshot of step-up, or one of another version: fold the log instead.
    """
    try:
        found = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InputError(f"not a snapshot of step-up: {exc}") from exc
    if found.version != VERSION:
        raise InputError(f"a snapshot of step-up of version {found.version}; this version reads {VERSION}")
    state = StepUpState()
    state.clock = found.clock
    state._waiting = dict(found.waiting)
    state._ready = dict(found.ready)
    state._by_decision = dict(found.by_decision)
    state._expiries = found.expiries  # sorted, and so a heap
    state._prompts = dict(found.prompts)
    grants, used, waiting = found.successes
    state.successes.grants, state.successes.used = dict(grants), dict(used)
    state.successes.waiting = dict(waiting)
    state._sends = dict(found.sends)
    state.people._people = dict(found.people)
    held, revoked = found.standings
    state.standings._held, state.standings._revoked = OrderedDict(held), dict(revoked)
    return state
