"""What a replay amounts to, gathered while it runs, in memory that does not grow with the log.

Counts are exact, except for distinct actors and addresses beyond a million (then ``more``), and for the most refused
addresses beyond 20,000 (then at least so many). The timeline holds at most 400 buckets; when more are needed, all
become wider.
"""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from stepwarden.lab.replay import Replayed

RISKIEST: Final = 10
REASONS: Final = 10
ADDRESSES: Final = 10
MOST_DISTINCT: Final = 1_000_000
MOST_FREQUENT: Final = 20_000
MOST_TOGETHER: Final = 4_096
MOST_BUCKETS: Final = 400
MINUTE: Final = 60_000_000
WIDTHS: Final = tuple(MINUTE * minutes for minutes in (1, 5, 15, 60, 180, 360, 1440, 10_080, 40_320, 322_560))
"""Widths of a bucket, each a multiple of the one before: a minute to 32 weeks (so 400 of them are 245 years)."""
RISK_BINS: Final = 20
SHOWN_UNKNOWN: Final = 10
DECISIONS: Final = ("allow", "step_up", "deny")
OUTCOMES: Final = ("success", "failure", "unknown")


class Timeline:
    """Decisions over time: ``width`` is that of a bucket, in microseconds."""

    def __init__(self) -> None:
        self._step = 0
        self.width = WIDTHS[0]
        self.buckets: dict[int, dict[str, int]] = {}

    def add(self, time: int, decision: str) -> None:
        """Count one decision."""
        counts = self.buckets.get(time // self.width)
        if counts is None:
            self.buckets[time // self.width] = counts = dict.fromkeys(DECISIONS, 0)
            counts[decision] += 1
            self._widen()
        else:
            counts[decision] += 1

    def _widen(self) -> None:
        # The span counts, not the number of buckets in use: a bar must stay wide enough to be seen.
        while max(self.buckets) - min(self.buckets) >= MOST_BUCKETS and self._step + 1 < len(WIDTHS):
            self._step += 1
            ratio = WIDTHS[self._step] // self.width
            self.width = WIDTHS[self._step]
            narrow, self.buckets = self.buckets, {}
            for number, counts in narrow.items():
                wide = self.buckets.setdefault(number // ratio, dict.fromkeys(DECISIONS, 0))
                for decision, count in counts.items():
                    wide[decision] += count


class Distinct:
    """How many different values there were, exactly up to a million."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self.more = False

    def add(self, value: str) -> None:
        """Take note of a value; the empty one is none."""
        if value and not self.more:
            self._seen.add(hash(value))
            self.more = len(self._seen) >= MOST_DISTINCT

    def __len__(self) -> int:
        return len(self._seen)


class Frequent:
    """The most frequent values; those of a long tail are forgotten, so that a count may be too small."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, value: str) -> None:
        self._counts[value] += 1
        if len(self._counts) > MOST_FREQUENT:
            self._counts = Counter(dict(self._counts.most_common(MOST_FREQUENT // 2)))

    def most_common(self, number: int) -> list[tuple[str, int]]:
        return self._counts.most_common(number)


class Reasons:
    """How often each rule was a reason. Rules come in few combinations, which are counted first: one look-up each."""

    def __init__(self) -> None:
        self._together: dict[tuple[str, ...], int] = {}
        self._counts: Counter[str] = Counter()
        self._texts: dict[str, str] = {}

    def add(self, rules: tuple[str, ...], texts: tuple[str, ...]) -> None:
        """Take in the reasons of one attempt."""
        together = self._together
        if rules in together:
            together[rules] += 1
            return
        if len(together) >= MOST_TOGETHER:
            self._settle()
        together[rules] = 1
        for rule, text in zip(rules, texts, strict=True):
            self._texts.setdefault(rule, text)

    def _settle(self) -> None:
        for rules, count in self._together.items():
            for rule in rules:
                self._counts[rule] += count
        self._together.clear()

    def most_common(self, number: int) -> list[tuple[str, str, int]]:
        """Rule, text, count; the most frequent first."""
        self._settle()
        return [(rule, self._texts[rule], count) for rule, count in self._counts.most_common(number)]


class Riskiest:
    """The ten riskiest attempts; of equals, the earliest."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Replayed]] = []
        self._number = 0

    def add(self, one: Replayed) -> None:
        self._number -= 1
        if len(self._heap) < RISKIEST:
            heapq.heappush(self._heap, (one.score, self._number, one))
        elif one.score > self._heap[0][0]:
            heapq.heapreplace(self._heap, (one.score, self._number, one))

    def sorted(self) -> list[Replayed]:
        """The riskiest first."""
        return [one for _, _, one in sorted(self._heap, reverse=True)]


@dataclass(slots=True)
class FileSummary:
    """What became of one file's lines or records."""

    source: str
    format: str
    attempts: int = 0
    skipped: int = 0
    unknown: int = 0


@dataclass(slots=True)
class Summary:
    """Everything that the table, the report and the final JSON object show."""

    policy: str
    attempts: int = 0
    first: int = 0
    last: int = 0
    actors: Distinct = field(default_factory=Distinct)
    addresses: Distinct = field(default_factory=Distinct)
    crossed: Counter[tuple[str, str]] = field(default_factory=Counter)
    risks: Counter[tuple[int, str]] = field(default_factory=Counter)
    reasons: Reasons = field(default_factory=Reasons)
    timeline: Timeline = field(default_factory=Timeline)
    refused: Frequent = field(default_factory=Frequent)
    riskiest: Riskiest = field(default_factory=Riskiest)
    stopped: Riskiest = field(default_factory=Riskiest)
    skipped: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    unknown_shown: list[dict[str, object]] = field(default_factory=list)
    files: list[FileSummary] = field(default_factory=list)

    def add(self, one: Replayed) -> None:
        """Take in one decided attempt; they come in order of time."""
        if not self.attempts:
            self.first = one.time
        self.attempts += 1
        self.last = one.time
        self.actors.add(one.actor)
        self.addresses.add(one.ip)
        self.crossed[(one.outcome, one.decision)] += 1
        self.risks[(min(int(one.risk * RISK_BINS), RISK_BINS - 1), one.outcome)] += 1
        self.timeline.add(one.time, one.decision)
        self.riskiest.add(one)
        if one.decision == "allow":
            return
        self.reasons.add(one.rules, one.reasons)
        if one.outcome == "success":
            self.stopped.add(one)
        if one.decision == "deny" and one.ip:
            self.refused.add(one.ip)

    def not_understood(self, source: str, line: int, text: str, reason: str) -> None:
        """Count a line that no importer knows; the first ones are kept to be shown."""
        self.unknown += 1
        if len(self.unknown_shown) < SHOWN_UNKNOWN:
            self.unknown_shown.append({"source": source, "source_line": line, "text": text, "reason": reason})

    @property
    def outcomes(self) -> dict[str, int]:
        """How many attempts really ended how."""
        return {name: sum(self.crossed[(name, decision)] for decision in DECISIONS) for name in OUTCOMES}

    @property
    def decisions(self) -> dict[str, int]:
        """How many attempts would have been answered how."""
        return {name: sum(self.crossed[(outcome, name)] for outcome in OUTCOMES) for name in DECISIONS}

    def top_reasons(self) -> list[tuple[str, str, int]]:
        """Rule, text and how many attempts were not allowed for it (among other things)."""
        return self.reasons.most_common(REASONS)

    def most_refused(self) -> list[tuple[str, int]]:
        """The addresses that would have been refused most often."""
        return self.refused.most_common(ADDRESSES)

    def as_dict(self) -> dict[str, object]:
        """The final object of the machine-readable results."""
        return {
            "policy": self.policy,
            "attempts": self.attempts,
            "first": iso(self.first) if self.attempts else None,
            "last": iso(self.last) if self.attempts else None,
            "actors": len(self.actors),
            "addresses": len(self.addresses),
            "failures": self.outcomes["failure"],
            "outcomes": self.outcomes,
            "decisions": self.decisions,
            "by_outcome": {
                outcome: {name: self.crossed[(outcome, name)] for name in DECISIONS} for outcome in OUTCOMES
            },
            "top_reasons": [
                {"rule": rule, "text": text, "count": count} for rule, text, count in self.top_reasons()
            ],
            "riskiest": [as_json(one) for one in self.riskiest.sorted()],
            "stopped_successes": [as_json(one) for one in self.stopped.sorted()],
            "most_refused": [{"ip": ip, "count": count} for ip, count in self.most_refused()],
            "skipped": dict(self.skipped.most_common()),
            "unknown": {"count": self.unknown, "first": self.unknown_shown},
            "files": [
                {
                    "source": file.source,
                    "format": file.format,
                    "attempts": file.attempts,
                    "skipped": file.skipped,
                    "unknown": file.unknown,
                }
                for file in self.files
            ],
        }


@lru_cache(maxsize=4_096)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]


def iso(time: int) -> str:
    """Microseconds as ISO 8601 in UTC, without a fraction where it is whole.

    >>> iso(1_767_225_600_000_000), iso(1_767_225_600_500_000)
    ('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.500000Z')
    """
    second, fraction = divmod(time, 1_000_000)
    return f"{_second(second)}.{fraction:06d}Z" if fraction else f"{_second(second)}Z"


def as_json(one: Replayed) -> dict[str, object]:
    """One attempt as an object of the machine-readable results."""
    return {
        "time": iso(one.time),
        "actor": one.actor,
        "ip": one.ip,
        "action": one.action,
        "outcome": one.outcome,
        "decision": one.decision,
        "risk": one.risk,
        "reasons": one.reasons,
        "rules": one.rules,
        "source": one.source,
        "source_line": one.source_line,
    }


def alike(attempts: Sequence[Replayed]) -> list[list[Replayed]]:
    """Attempts that differ in nothing but time and reasons together, in the order of the first of each."""
    groups: dict[tuple[str, ...], list[Replayed]] = {}
    for one in attempts:
        groups.setdefault((one.actor, one.ip, one.action, one.outcome, one.decision), []).append(one)
    return list(groups.values())
