"""The state of a log: everything that decides, as a fold of its entries.

The same class serves a running service (each entry is folded as it is submitted), its start (all entries are folded
once) and ``ledger replay`` (entries are folded and every decision is recomputed). Nothing decides from a state that
is not here; nothing gets in here except by ``fold``.

Bounded: signals by their limits, challenges and grants by their expiry, idempotency keys and reported outcomes by
count (the oldest go first), policies by the number of different ones that decided or assessed.
"""

from collections import OrderedDict
from typing import TypeVar

from stepwarden.errors import CorruptLogError, UnknownPolicyError
from stepwarden.events.entries import (
    AttemptDecided,
    Entry,
    FactorEnrolled,
    FactorRemoved,
    LogDoubted,
    LogPruned,
    LogTrusted,
    OutcomeReported,
    PolicyChanged,
    PolicyStepped,
)
from stepwarden.flow.lifecycle import LifeCycle
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy
from stepwarden.signals.custom import CustomSpec
from stepwarden.signals.limits import Limits
from stepwarden.signals.state import SignalState
from stepwarden.stepup.state import StepUpState

REMEMBERED_KEYS = 100_000
REMEMBERED_OUTCOMES = 100_000
REMEMBERED_CLAIMS = 1_024
"""Checkpoints of another log than this that were found (``doubts``) or that an operator has accepted (``trusted``)."""


class LogState:
    """What the log so far amounts to."""

    def __init__(self, limits: Limits) -> None:
        self.signals = SignalState(limits)
        self.stepup = StepUpState()
        self.policies: dict[str, Policy] = {}
        self.policy: Policy | None = None
        self.cycle = LifeCycle()
        self.answered: OrderedDict[str, int] = OrderedDict()
        self.outcomes: OrderedDict[int, str] = OrderedDict()
        self.spent: OrderedDict[int, bool] = OrderedDict()
        self.doubts: OrderedDict[str, bool] = OrderedDict()
        self.trusted: OrderedDict[str, bool] = OrderedDict()
        self.floor = 0
        self.floor_state = ""
        self.size = 0
        self.time = 0

    def fold(self, index: int, entry: Entry) -> None:
        """Take in the entry at ``index``, which must be the next one.

        Raises:
            CorruptLogError: a gap, or a time before that of the entry before it.
        """
        if index != self.size:
            raise CorruptLogError(f"entry {index} where entry {self.size} was expected")
        if entry.time < self.time:
            raise CorruptLogError(f"entry {index} has a time before that of the entry before it")
        self.size = index + 1
        self.time = entry.time
        self.signals.fold(entry)
        self.stepup.fold(entry, index)
        self.cycle.fold(index, entry)
        if isinstance(entry, AttemptDecided):
            if entry.key:
                _remember(self.answered, entry.key[:KEY_HASH], index, REMEMBERED_KEYS)
        elif isinstance(entry, OutcomeReported):
            _remember(self.outcomes, entry.previous, entry.facts.outcome, REMEMBERED_OUTCOMES)
        elif isinstance(entry, FactorEnrolled | FactorRemoved):
            if entry.previous >= 0:
                _remember(self.spent, entry.previous, True, REMEMBERED_OUTCOMES)
        elif isinstance(entry, PolicyChanged):
            self.policy = self.policies[entry.policy] = load(entry.text)
            self.signals.define(self.definitions())
        elif isinstance(entry, PolicyStepped):
            self._load_candidate()
            self.signals.define(self.definitions())
        elif isinstance(entry, LogDoubted):
            _remember(self.doubts, claim_of(entry.size, entry.root), True, REMEMBERED_CLAIMS)
        elif isinstance(entry, LogTrusted):
            self.doubts.clear()
            for claim in entry.known:
                _remember(self.trusted, claim, True, REMEMBERED_CLAIMS)
        elif isinstance(entry, LogPruned) and entry.floor > self.floor:
            self.floor, self.floor_state = entry.floor, entry.state

    def _load_candidate(self) -> None:
        candidate = self.cycle.candidate
        if candidate and candidate not in self.policies:
            self.policies[candidate] = load(self.cycle.records[candidate].text)

    def definitions(self) -> list[tuple[CustomSpec, ...]]:
        """The signals that policies in force define: the live one, the candidate, and the one to roll back to.

        That one goes on counting, so that after a rollback its signals do not begin from nothing.
        """
        names = (self.cycle.live, self.cycle.candidate, *self.cycle.former[-1:])
        return [self.policies[name].signals for name in names if name in self.policies]

    @property
    def candidate(self) -> Policy | None:
        """The policy that is in shadow or canary, if there is one."""
        return self.policies[self.cycle.candidate] if self.cycle.candidate else None

    @property
    def doubted(self) -> bool:
        """Whether something outside was found to know a longer or another log, and nobody has ended the doubt."""
        return bool(self.doubts)

    def policy_of(self, policy_hash: str) -> Policy:
        """Raises: UnknownPolicyError: no entry so far brought a policy of this hash."""
        try:
            return self.policies[policy_hash]
        except KeyError:
            raise UnknownPolicyError(
                f"the log holds no policy {policy_hash[:12]}... before this entry"
            ) from None


KEY_HASH = 32
"""Of ``entry.key``, so many characters stand for the caller and their key; the rest for the request's body."""


def claim_of(size: int, root: str) -> str:
    """What a checkpoint claims, in one word: ``<size>:<root in hex>``."""
    return f"{size}:{root}"


K = TypeVar("K")
V = TypeVar("V")


def _remember(known: OrderedDict[K, V], key: K, value: V, limit: int) -> None:
    # Not a plain dict: finding its first key costs more with every key deleted before it.
    known[key] = value
    known.move_to_end(key)
    if len(known) > limit:
        known.popitem(last=False)
