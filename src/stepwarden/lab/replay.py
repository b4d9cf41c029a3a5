"""Replay: "had Stepwarden been there, this is what it would have challenged or refused, and why".

Attempts of somebody else's log go, in order of time, through the same description, signals and policy as live ones.
Each is decided before its own outcome is looked at; then the outcome is folded.

What a foreign log cannot say is assumed, the same for every log:

- whoever does something other than sign in had signed in: their session holds AAL1;
- a step-up would have been passed by whoever succeeded, so habits are learned from allowed and stepped-up successes;
- a refused attempt would have ended there, as with an application that stops at a refusal: how it really ended is
  counted for nobody, and nothing is learned from it.

A vendor's own risk verdict is never a signal.

Not here: putting attempts in order (``ordering``), and what they amount to (``summary``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from stepwarden.connect.importers.base import Imported
from stepwarden.events.attempt import Outcome
from stepwarden.events.entries import Demand, Evidence, Standing, Verdict
from stepwarden.events.facts import Facts
from stepwarden.flow.facts import Describer
from stepwarden.flow.judge import weigh
from stepwarden.flow.views import explain
from stepwarden.policy.policy import Assessment, Policy
from stepwarden.signals.limits import Limits
from stepwarden.signals.state import SignalState
from stepwarden.signals.travel import Position

SIGN_IN = "login"
NOBODY = Standing()
EXPLAINED = 65_536
"""Explanations that are remembered: attackers repeat themselves."""

Explanation = tuple[tuple[str, ...], tuple[str, ...]]
"""The texts of the reasons, strongest first, and the rules that they come from."""


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


class Replayed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt and what would have been answered.

    ``time`` in microseconds; ``score`` in thousandths of a nat, and ``risk`` (0..1) what it comes to. ``reasons`` are
    never empty for what is not allowed; ``rules`` has the rule of each.
    """

    time: int
    actor: str
    ip: str
    action: str
    outcome: Outcome
    decision: Verdict
    score: int
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
    _explained: dict[tuple[tuple[Evidence, ...], Demand, Verdict], Explanation] = field(default_factory=dict)

    @classmethod
    def begin(cls, describer: Describer, policy: Policy, limits: Limits) -> "Replay":
        """A replay that knows nobody yet."""
        signals = SignalState(limits)
        signals.define([policy.signals])
        return cls(describer, policy, signals)

    def results(self, items: Iterable[Imported]) -> Iterator[Replayed]:
        """Decide all of them, in the given order, which must be that of time."""
        return map(self.decide, items)

    def decide(self, item: Imported) -> Replayed:
        """Decide one attempt, then take in how it ended."""
        attempt = item.attempt
        facts, position = self.describer.facts(attempt, actor=attempt.actor, time=item.time)
        standing = NOBODY if attempt.action == SIGN_IN else Standing(aal=1, since=item.time)
        found = weigh(self.signals, self.policy, facts, standing, None, item.time, doubted=False)
        assessment, verdict = found.assessment, found.verdict
        self._fold(facts, position, verdict)
        texts, rules = self._explain(assessment, verdict)
        return Replayed(
            time=item.time,
            actor=attempt.actor,
            ip=self.describer.address(attempt),
            action=attempt.action,
            outcome=attempt.outcome,
            decision=verdict,
            score=assessment.score,
            risk=assessment.risk / 1_000_000,
            reasons=texts,
            rules=rules,
            source=item.source,
            source_line=item.source_line,
        )

    def _explain(self, assessment: Assessment, verdict: Verdict) -> Explanation:
        key = (assessment.evidence, assessment.demand, verdict)
        known = self._explained.get(key)
        if known is None:
            if len(self._explained) >= EXPLAINED:
                self._explained.clear()
            known = self._explained[key] = explain(self.policy, assessment, verdict)
        return known

    def _fold(self, facts: Facts, position: Position | None, verdict: Verdict) -> None:
        signals = self.signals
        signals.attempted(facts)
        if verdict == "deny":
            return
        succeeded = facts.outcome == "success"
        signals.ended(facts, learn=succeeded)
        if succeeded and facts.actor and position is not None:
            self.describer.places.arrived(facts.actor, position, facts.time)
