"""What a candidate would have answered, held against what was answered: counted attempt by attempt, as a fold.

While a policy is in shadow or canary every attempt is assessed by two policies, the live one and the candidate, and
its entry says what both answer. Counted here: the live policy's verdict by the candidate's; per action, where the
candidate asks for more and where for less; the rules that hold for one and not for the other; what labelled attempts
were, and whether either had caught them (anything but ``allow``); how the challenges ended that a canary asked for.

It begins anew with each candidate and each live policy, for it compares two. When the candidate's time is over the
counts stay, and labels that come later are still counted, until there is another candidate.

Bounded: ``ACTIONS`` actions and ``RULES`` rules (further ones count under ``OTHER``), labels for the last
``REMEMBERED`` attempts, ``OPEN`` challenges at once.
"""

from itertools import islice
from typing import Final, TypeVar, get_args

import msgspec

from stepwarden.events.base import Verdict
from stepwarden.events.entries import (
    AttemptDecided,
    ChallengeExpired,
    ChallengeFailed,
    ChallengeIssued,
    ChallengePassed,
    Entry,
    LabelApplied,
)
from stepwarden.signals.state import RELIABLE

ACTIONS: Final = 64
RULES: Final = 512
REMEMBERED: Final = 50_000
OPEN: Final = 4_096
OTHER: Final = "(other)"

VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
_NUMBER: Final = {verdict: number for number, verdict in enumerate(VERDICTS)}
_PAIRS: Final = len(VERDICTS) ** 2
_LABELS: Final = {"attack": 1, "benign": 2}
DECIDED: Final = 4
"""In ``Compared.recent``: two bits for the label, this one for decided by the canary, the pair above them."""

K = TypeVar("K")
V = TypeVar("V")


class Difference(msgspec.Struct):
    """Of the attempts at one action: how many, and for how many the candidate asks for more, or for less."""

    attempts: int = 0
    more: int = 0
    less: int = 0


class Turn(msgspec.Struct):
    """How often a rule holds for the candidate and not for the live policy, and the reverse."""

    added: int = 0
    removed: int = 0


T = TypeVar("T", Difference, Turn)


class Ends(msgspec.Struct):
    """How challenges ended that the canary asked for."""

    asked: int = 0
    passed: int = 0
    failed: int = 0
    abandoned: int = 0


class Compared(msgspec.Struct, kw_only=True):
    """The counts. ``since`` in microseconds; ``pairs`` is 3 x 3, the live policy's verdict by the candidate's.

    ``labels`` is two such squares: of attempts labelled attack, then benign. ``recent`` has the
    pair and the label of each attempt by its index; ``open`` are the canary's challenges that have not ended.
    """

    policy: str
    live: str
    since: int
    attempts: int = 0
    decided: int = 0
    failed: int = 0
    pairs: list[int] = msgspec.field(default_factory=lambda: [0] * _PAIRS)
    labels: list[int] = msgspec.field(default_factory=lambda: [0] * (2 * _PAIRS))
    actions: dict[str, Difference] = {}
    rules: dict[str, Turn] = {}
    challenges: Ends = msgspec.field(default_factory=Ends)
    recent: dict[int, int] = {}
    open: dict[str, bool] = {}

    def fold(self, index: int, entry: Entry) -> None:
        """Take in an entry, if it says anything about this candidate."""
        if isinstance(entry, AttemptDecided):
            if entry.beside is not None and self._is_ours(entry.policy, entry.beside.policy):
                self._attempt(index, entry)
        elif isinstance(entry, LabelApplied):
            if entry.reliability >= RELIABLE and entry.previous in self.recent:
                self._label(entry.previous, _LABELS[entry.label])
        elif isinstance(entry, ChallengeIssued):
            if entry.previous in self.recent and self.recent[entry.previous] & DECIDED:
                self.challenges.asked += 1
                _put(self.open, entry.challenge, True, OPEN)
        elif isinstance(entry, ChallengePassed | ChallengeFailed | ChallengeExpired) and self.open.pop(
            entry.challenge, False
        ):
            self._ended(entry)

    def _is_ours(self, one: str, other: str) -> bool:
        return {one, other} == {self.policy, self.live}

    def _attempt(self, index: int, entry: AttemptDecided) -> None:
        beside = entry.beside
        assert beside is not None  # noqa: S101 - the caller has looked
        self.attempts += 1
        self.failed += beside.failed
        ours = entry.policy == self.policy
        if ours:
            self.decided += 1
            live, candidate = beside.decision, beside.alone or entry.decision
        else:
            # What the cap on prompts made a refusal was a step-up by the policy.
            capped = entry.decision == "deny" and not entry.demand.deny
            live, candidate = "step_up" if capped else entry.decision, beside.decision
        first, second = _NUMBER[live], _NUMBER[candidate]
        pair = first * len(VERDICTS) + second
        self.pairs[pair] += 1
        difference = _of(self.actions, entry.facts.action, Difference, ACTIONS)
        difference.attempts += 1
        difference.more += second > first
        difference.less += second < first
        for rule in beside.added:
            _of(self.rules, rule, Turn, RULES).added += 1
        for rule in beside.removed:
            _of(self.rules, rule, Turn, RULES).removed += 1
        _put(self.recent, index, pair << 3 | (DECIDED if ours else 0), REMEMBERED)

    def _label(self, index: int, label: int) -> None:
        """The last label of an attempt counts."""
        known = self.recent[index]
        pair, before = known >> 3, known & 3
        if before:
            self.labels[(before - 1) * _PAIRS + pair] -= 1
        self.labels[(label - 1) * _PAIRS + pair] += 1
        self.recent[index] = known & ~3 | label

    def _ended(self, entry: ChallengePassed | ChallengeFailed | ChallengeExpired) -> None:
        if isinstance(entry, ChallengePassed):
            self.challenges.passed += 1
        elif isinstance(entry, ChallengeFailed):
            self.challenges.failed += 1
        else:
            self.challenges.abandoned += 1

    def labelled(self, label: str, *, live: bool) -> tuple[int, int]:
        """Of the attempts with this label: how many, and how many the policy had let through."""
        first = (_LABELS[label] - 1) * _PAIRS
        square = self.labels[first : first + _PAIRS]
        through = square[: len(VERDICTS)] if live else square[:: len(VERDICTS)]
        return sum(square), sum(through)


def _put(known: dict[K, V], key: K, value: V, limit: int) -> None:
    known[key] = value
    if len(known) > limit:
        # An eighth at once: a dict's first key is found by walking over what was taken out before it.
        for old in list(islice(known, limit // 8)):
            del known[old]


def _of(known: dict[str, T], name: str, make: type[T], limit: int) -> T:
    found = known.get(name)
    if found is None:
        found = known.setdefault(name if len(known) < limit else OTHER, make())
    return found
