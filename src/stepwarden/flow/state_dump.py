"""What a log amounts to, as bytes and back: the fold of its first entries, to go on folding from.

Equal states give equal bytes, on every machine: so the SHA-256 of a dump can stand in the log (``log.pruned``), and
whoever folds the same entries can compare. For every log and every place in it:

    dump(fold(all)) == dump(load(dump(fold(first part))) + fold(rest))

It holds tokens, counts, and the text of every policy that the log had; no personal value. ``VERSION`` changes with the
fields; a dump of another version is refused. Not here: files and who may have written them (``snapshots``).
"""

from collections import OrderedDict
from hashlib import sha256
from typing import Final

import msgspec

from stepwarden.errors import InputError, PolicyError
from stepwarden.flow.lifecycle import LifeCycle
from stepwarden.flow.state import LogState
from stepwarden.policy.loader import load as load_policy
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.state import SignalState
from stepwarden.stepup import snapshot as stepup_snapshot

VERSION: Final = 2


class Dump(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Every attribute of ``LogState`` (a test compares them). ``policy`` is the hash of the live one, "" for none."""

    version: int
    size: int
    time: int
    policy: str
    policies: list[str]
    cycle: LifeCycle
    answered: list[tuple[str, int]]
    outcomes: list[tuple[int, str]]
    spent: list[int]
    doubts: list[str]
    trusted: list[str]
    floor: int
    floor_state: str
    stepup: bytes
    signals: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Dump).decode


def dump(state: LogState) -> bytes:
    """All of ``state``."""
    return _encode(
        Dump(
            version=VERSION,
            size=state.size,
            time=state.time,
            policy=state.policy.hash if state.policy is not None else "",
            policies=[policy.text for policy in state.policies.values()],
            cycle=state.cycle,
            answered=list(state.answered.items()),
            outcomes=list(state.outcomes.items()),
            spent=list(state.spent),
            doubts=list(state.doubts),
            trusted=list(state.trusted),
            floor=state.floor,
            floor_state=state.floor_state,
            stepup=stepup_snapshot.dump(state.stepup),
            signals=state.signals.dump(),
        )
    )


def load(data: bytes) -> LogState:
    """The state that ``dump`` was called on, under the limits that it had: they are part of the fold.

    Raises:
        InputError: not a dump, or one of another version.
    """
    try:
        found = _decode(data)
        if found.version != VERSION:
            raise InputError(f"a state of version {found.version}; this version reads {VERSION}")
        state = LogState(STANDARD)
        policies = [load_policy(text) for text in found.policies]
        state.policies = {policy.hash: policy for policy in policies}
        state.policy = state.policies[found.policy] if found.policy else None
        if found.cycle.candidate:
            state.policy_of(found.cycle.candidate)  # a state without it could not decide
        state.cycle = found.cycle
        state.signals = SignalState.load(found.signals, state.definitions())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, PolicyError, KeyError) as exc:
        raise InputError(f"not the state of a log: {exc!r}") from exc
    state.stepup = stepup_snapshot.load(found.stepup)
    state.answered = OrderedDict(found.answered)
    state.outcomes = OrderedDict(found.outcomes)
    state.spent = OrderedDict.fromkeys(found.spent, True)
    state.doubts = OrderedDict.fromkeys(found.doubts, True)
    state.trusted = OrderedDict.fromkeys(found.trusted, True)
    state.floor, state.floor_state = found.floor, found.floor_state
    state.size, state.time = found.size, found.time
    return state


def digest(dumped: bytes) -> str:
    """How a dump stands in the log: SHA-256, hex."""
    return sha256(dumped).hexdigest()
