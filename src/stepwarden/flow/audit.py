"""``ledger replay``: recompute every decision of a log, from the log alone, and name the first that differs.

1. every leaf is an entry in its one canonical spelling, times never run backwards, no index is missing;
2. links point backwards (``previous`` < index);
3. for each ``attempt.decided``: the policy it names is the one that the log had made live before it, or the canary
   whose turn this actor was;
4. its signals are those that a fold of the entries before it gives;
5. standing, evidence, score, risk, demand and decision are those that the policy gives for them;
6. what it says of a second policy, in shadow or live beside a canary, is what that one gives;
7. its time is the time of its facts;
8. each step of a policy's life is one that could follow the steps before it.

A pruned log is recomputed from its floor on: from the state that was kept there (``snapshots.read_floor``), which must
be the one whose SHA-256 the log states in ``log.pruned``.

Not here: whether the bytes are those that were signed (``ledger.verify`` says that; the command asks both).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stepwarden.errors import (
    CorruptLogError,
    DecisionDiffersError,
    MalformedEntryError,
    StepwardenError,
    UnknownPolicyError,
)
from stepwarden.events.encoding import decode
from stepwarden.events.entries import (
    AttemptDecided,
    Entry,
    LogPruned,
    PolicyChanged,
    PolicyEmergency,
    PolicyStepped,
    ServiceStarted,
)
from stepwarden.flow.deciding import deciding
from stepwarden.flow.state import LogState
from stepwarden.signals.catalogue import sparse
from stepwarden.signals.limits import STANDARD

Leaves = Callable[[int, int], Iterator[bytes]]
"""Reads the leaves first..stop of the log."""
PROGRESS_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What a replay saw: entries read, decisions recomputed and found equal."""

    entries: int
    decisions: int
    policies: int


def recompute(
    leaves: Leaves, size: int, progress: Callable[[int], None], floor: tuple[LogState, str] | None = None
) -> Recomputed:
    """Recompute every decision among the first ``size`` entries, or those of them that were not pruned.

    Args:
        floor: of a pruned log the state before its first entry, and its SHA-256 (hex).

    Raises:
        DecisionDiffersError: with the index, the field, what is recorded and what was recomputed.
        CorruptLogError, MalformedEntryError, UnknownPolicyError: the log cannot be folded.
    """
    state, digest = floor or (None, "")
    first = state.size if state is not None else 0
    decisions, vouched = 0, floor is None
    for index, leaf in enumerate(leaves(first, size), start=first):
        try:
            entry = decode(leaf)
        except MalformedEntryError as exc:
            raise MalformedEntryError(f"entry {index}: {exc}") from exc
        if entry.previous >= index:
            raise CorruptLogError(f"entry {index} follows up entry {entry.previous}, which comes after it")
        if isinstance(entry, ServiceStarted):
            state = state or LogState(STANDARD)  # folding the entry takes over the limits that it names
        elif state is None:
            raise CorruptLogError("the log does not begin with service.started")
        if isinstance(entry, AttemptDecided):
            compare(index, entry, state)
            decisions += 1
        permitted(index, entry, state)
        if isinstance(entry, LogPruned) and entry.floor == first:
            vouched = entry.state == digest
        state.fold(index, entry)
        if index % PROGRESS_EVERY == 0:
            progress(index)
    read = state.size if state else 0
    if read < size:
        raise CorruptLogError(f"entries {read} to {size - 1} are missing")
    if not vouched:
        raise CorruptLogError(
            f"no entry says that the state at the floor {first} is the one that is kept there"
        )
    progress(size)
    return Recomputed(size - first, decisions, len(state.policies) if state else 0)


def compare(index: int, entry: AttemptDecided, state: LogState) -> None:
    """Raises: DecisionDiffersError: the entry is not what the log before it leads to."""
    _same(index, "time", entry.facts.time, entry.time)
    if state.policy is None:
        raise UnknownPolicyError(f"entry {index}: no policy was live before it")
    decision = deciding(state, entry.facts, now=entry.time, bind=lambda: entry.binding, grant=entry.grant)
    found = decision.judgement
    _same(index, "policy", entry.policy, decision.policy.hash)
    _same(index, "signals", entry.signals, sparse(found.values, decision.policy.signals))
    _same(index, "standing", entry.standing, found.standing)
    _same(index, "evidence", entry.evidence, found.assessment.evidence)
    _same(index, "score", entry.score, found.assessment.score)
    _same(index, "risk", entry.risk, found.assessment.risk)
    _same(index, "demand", entry.demand, found.assessment.demand)
    _same(index, "decision", entry.decision, found.verdict)
    _same(index, "beside", entry.beside, decision.beside)


def permitted(index: int, entry: Entry, state: LogState) -> None:
    """Raises: DecisionDiffersError: the entry is a step of a policy's life that could not come then."""
    if isinstance(entry, PolicyStepped | PolicyChanged | PolicyEmergency):
        try:
            state.cycle.permit(entry)
        except StepwardenError as exc:
            raise DecisionDiffersError(f"entry {index}: this step could not be taken then: {exc}") from exc


def _same(index: int, field: str, recorded: object, recomputed: object) -> None:
    if recorded != recomputed:
        raise DecisionDiffersError(
            f"entry {index}: {field} is recorded as {recorded!r}, the log before it leads to {recomputed!r}"
        )
