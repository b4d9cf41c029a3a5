"""What a replay amounts to, gathered while it runs, in memory that does not grow with the log.

Counts are exact, except for distinct actors and addresses beyond a million (then ``more``). The timeline holds at
most 400 buckets; when more are needed, the width of all doubles.
"""

import heapq
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from stepwarden.lab.replay import Replayed

RISKIEST = 10
REASONS = 10
MOST_DISTINCT = 1_000_000
MOST_BUCKETS = 400
FIRST_WIDTH = 60_000_000
RISK_BINS = 20
SHOWN_UNKNOWN = 10


class Timeline:
    """Decisions over time: ``width`` is that of a bucket, in microseconds."""

    def __init__(self) -> None:
        self.width = FIRST_WIDTH
        self.buckets: dict[int, Counter[str]] = {}

    def add(self, time: int, decision: str) -> None:
        """Count one decision."""
        self.buckets.setdefault(time // self.width, Counter())[decision] += 1
        if len(self.buckets) > MOST_BUCKETS:
            self._widen()

    def _widen(self) -> None:
        self.width *= 2
        merged: dict[int, Counter[str]] = {}
        for number, counts in self.buckets.items():
            merged.setdefault(number // 2, Counter()).update(counts)
        self.buckets = merged


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


@dataclass(slots=True)
class Summary:
    """Everything that the table, the report and the final JSON object show."""

    policy: str
    attempts: int = 0
    first: int = 0
    last: int = 0
    actors: Distinct = field(default_factory=Distinct)
    addresses: Distinct = field(default_factory=Distinct)
    outcomes: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    crossed: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    texts: dict[str, str] = field(default_factory=dict)
    risks: Counter[tuple[int, str]] = field(default_factory=Counter)
    timeline: Timeline = field(default_factory=Timeline)
    skipped: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    unknown_shown: list[dict[str, object]] = field(default_factory=list)
    files: list[dict[str, object]] = field(default_factory=list)
    _heap: list[tuple[float, int, Replayed]] = field(default_factory=list)

    def add(self, one: Replayed) -> None:
        """Take in one decided attempt."""
        if not self.attempts:
            self.first = one.time
        self.attempts += 1
        self.last = one.time
        self.actors.add(one.actor)
        self.addresses.add(one.ip)
        self.outcomes[one.outcome] += 1
        self.decisions[one.decision] += 1
        self.crossed[(one.outcome, one.decision)] += 1
        self.risks[(min(int(one.risk * RISK_BINS), RISK_BINS - 1), one.outcome)] += 1
        self.timeline.add(one.time, one.decision)
        if one.decision != "allow":
            for rule, text in zip(one.rules, one.reasons, strict=True):
                self.reasons[rule] += 1
                self.texts.setdefault(rule, text)
        # The attempt's number breaks ties, so that the earliest of equals stays.
        item = (one.risk, -self.attempts, one)
        if len(self._heap) < RISKIEST:
            heapq.heappush(self._heap, item)
        elif item > self._heap[0]:
            heapq.heapreplace(self._heap, item)

    def not_understood(self, source: str, line: int, text: str, reason: str) -> None:
        """Count a line that no importer knows; the first ones are kept to be shown."""
        self.unknown += 1
        if len(self.unknown_shown) < SHOWN_UNKNOWN:
            self.unknown_shown.append({"source": source, "source_line": line, "text": text, "reason": reason})

    def riskiest(self) -> list[Replayed]:
        """The ten riskiest attempts, the riskiest first."""
        return [one for _, _, one in sorted(self._heap, key=lambda item: (-item[0], -item[1]))]

    def top_reasons(self) -> list[tuple[str, str, int]]:
        """Rule, text and how many attempts were not allowed for it (among other things)."""
        return [(rule, self.texts[rule], count) for rule, count in self.reasons.most_common(REASONS)]

    def as_dict(self) -> dict[str, object]:
        """The final object of the machine-readable results."""
        return {
            "policy": self.policy,
            "attempts": self.attempts,
            "first": iso(self.first) if self.attempts else None,
            "last": iso(self.last) if self.attempts else None,
            "actors": len(self.actors),
            "addresses": len(self.addresses),
            "outcomes": {name: self.outcomes[name] for name in ("success", "failure", "unknown")},
            "decisions": {name: self.decisions[name] for name in ("allow", "step_up", "deny")},
            "by_outcome": {
                outcome: {name: self.crossed[(outcome, name)] for name in ("allow", "step_up", "deny")}
                for outcome in ("success", "failure", "unknown")
            },
            "top_reasons": [
                {"rule": rule, "text": text, "count": count} for rule, text, count in self.top_reasons()
            ],
            "riskiest": [as_json(one) for one in self.riskiest()],
            "skipped": dict(self.skipped.most_common()),
            "unknown": {"count": self.unknown, "first": self.unknown_shown},
            "files": self.files,
        }


def iso(time: int) -> str:
    """Microseconds as ISO 8601 in UTC: ``2026-01-31T12:00:00.000000Z``, without a fraction where it is whole."""
    moment = datetime.fromtimestamp(time // 1_000_000, UTC)
    fraction = time % 1_000_000
    return f"{moment:%Y-%m-%dT%H:%M:%S}{f'.{fraction:06d}' if fraction else ''}Z"


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
        "reasons": list(one.reasons),
        "rules": list(one.rules),
        "source": one.source,
        "source_line": one.source_line,
    }
