"""Replay: "had Stepwarden been there, this is what it would have challenged or refused, and why".

Attempts of somebody else's log go, in order of time, through the same description, signals and policy as live ones.
Each is decided before its own outcome is looked at; then the outcome is folded.

What a foreign log cannot say is assumed, the same for every log:

- whoever does something other than sign in had signed in: their session holds AAL1;
- a step-up would have been passed by whoever succeeded, so habits are learned from allowed and stepped-up successes;
- a refused attempt would not have succeeded, so nothing is learned from it and it counts as a failure of nobody.

A vendor's own risk verdict is never a signal.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from stepwarden.connect.importers.base import Imported
from stepwarden.events.attempt import Outcome
from stepwarden.events.entries import Standing, Verdict
from stepwarden.flow.facts import Described, Describer
from stepwarden.flow.judge import weigh
from stepwarden.flow.views import explain
from stepwarden.policy.policy import Policy
from stepwarden.signals.limits import Limits
from stepwarden.signals.state import SignalState

SIGN_IN = "login"
NOBODY = Standing()


class PlainTokens:
    """Keeps values as they are: a replay writes no log, so there is nothing to hide them from."""

    def session(self, value: str) -> str:
        return value

    def device(self, value: str) -> str:
        return value

    def address(self, value: str) -> str:
        return value

    def network(self, value: str) -> str:
        return value

    def agent(self, value: str) -> str:
        return value

    def resource(self, value: str) -> str:
        return value


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt and what would have been answered. ``time`` in microseconds, ``risk`` 0..1."""

    time: int
    actor: str
    ip: str
    action: str
    outcome: Outcome
    decision: Verdict
    risk: float
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    source: str
    source_line: int


@dataclass(slots=True)
class Replay:
    """Decides imported attempts one after another."""

    describer: Describer
    policy: Policy
    signals: SignalState

    @classmethod
    def begin(cls, describer: Describer, policy: Policy, limits: Limits) -> "Replay":
        """A replay that knows nobody yet."""
        return cls(describer, policy, SignalState(limits))

    def run(self, items: Iterable[Imported], each: Callable[[Replayed], None]) -> None:
        """Decide all of them, in the given order, which must be that of time."""
        for item in items:
            each(self.decide(item))

    def results(self, items: Iterable[Imported]) -> Iterator[Replayed]:
        """The same, as an iterator."""
        return map(self.decide, items)

    def decide(self, item: Imported) -> Replayed:
        """Decide one attempt, then take in how it ended."""
        attempt = item.attempt
        described = self.describer.describe(attempt, actor=attempt.actor, time=item.time)
        facts = described.facts
        standing = NOBODY if attempt.action == SIGN_IN else Standing(aal=1, since=item.time)
        found = weigh(self.signals, self.policy, facts, standing, None, item.time)
        self._fold(described, found.verdict)
        reasons, rules = explain(self.policy, found.assessment, found.verdict)
        return Replayed(
            time=item.time,
            actor=attempt.actor,
            ip=described.personal["ip"],
            action=attempt.action,
            outcome=attempt.outcome,
            decision=found.verdict,
            risk=found.assessment.risk / 1_000_000,
            reasons=reasons,
            rules=rules,
            source=item.source,
            source_line=item.source_line,
        )

    def _fold(self, described: Described, verdict: Verdict) -> None:
        facts, signals = described.facts, self.signals
        signals.attempted(facts)
        if facts.outcome == "failure":
            signals.ended(facts, learn=False)
        elif facts.outcome == "success":
            learn = verdict != "deny"
            signals.ended(facts, learn=learn)
            if learn and facts.actor and described.position is not None:
                self.describer.places.arrived(facts.actor, described.position, facts.time)
