"""Deciding a log anew, entry by entry: each attempt by each policy, from a fold of everything before it.

What came after an attempt stays as it happened: who was challenged then had a standing afterwards, or not, whatever the
candidate would have asked for. So a back-test says what a policy would have answered to *this* history; what people
and attackers would then have done is for the simulation, shadow and canary.

Not here: the same over columns (``assessing``, ``deciding``).
"""

from collections.abc import Sequence

import numpy as np

from stepwarden.events.entries import AttemptDecided, Demand, Evidence
from stepwarden.flow.judge import capped, weigh_here
from stepwarden.flow.state import LogState
from stepwarden.lab.backtest.deciding import NUMBER, Decided
from stepwarden.policy.policy import Policy


class Folded:
    """What one policy answers, attempt by attempt."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.evidence: list[tuple[Evidence, ...]] = []
        self._verdicts = bytearray()
        self._scores: list[int] = []
        self._risks: list[int] = []
        self._demanded: list[int] = []
        self._demands: dict[Demand, int] = {}
        self._known: dict[tuple[Evidence, ...], tuple[Evidence, ...]] = {}

    def attempt(self, entry: AttemptDecided, state: LogState) -> None:
        """Decide the next attempt, from the state before it."""

        def bind() -> str:
            return entry.binding

        found = weigh_here(
            state.signals,
            state.stepup,
            self.policy,
            entry.facts,
            now=entry.time,
            bind=bind,
            grant=entry.grant,
            doubted=state.doubted,
            emergency=state.cycle.emergency is not None,
        )
        found = capped(state.stepup, entry.facts, found, now=entry.time, bind=bind)
        assessment = found.assessment
        own = assessment.evidence
        self.evidence.append(self._known.setdefault(own, own))
        self._verdicts.append(NUMBER[found.verdict])
        self._scores.append(assessment.score)
        self._risks.append(assessment.risk)
        self._demanded.append(self._demands.setdefault(assessment.demand, len(self._demands)))

    def decided(self) -> Decided:
        """All of it, as columns."""
        return Decided(
            verdict=np.frombuffer(bytes(self._verdicts), np.int8),
            score=np.array(self._scores, np.int32),
            risk=np.array(self._risks, np.int32),
            demand=np.array(self._demanded, np.int32),
            demands=tuple(self._demands),
        )


class Folding:
    """Several policies at once; what ``history.read`` may be given to watch. Their own signals begin with the log."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.folded = [Folded(policy) for policy in policies]

    def begin(self, state: LogState) -> None:
        """Let the state count what these policies define, whatever was in force then."""
        state.signals.watch([one.policy.signals for one in self.folded])

    def attempt(self, entry: AttemptDecided, state: LogState) -> None:
        """Decide the next attempt by each."""
        for one in self.folded:
            one.attempt(entry, state)


def differs(one: Decided, two: Decided) -> str:
    """The first row in which two ways to the same differ, in words; "" where they agree in everything."""
    for name in ("score", "risk", "verdict"):
        ours, theirs = getattr(one, name), getattr(two, name)
        places = np.flatnonzero(ours != theirs)
        if len(places):
            row = int(places[0])
            return f"row {row}: {name} {ours[row]} and {theirs[row]}"
    for row, (ours, theirs) in enumerate(zip(one.demand, two.demand, strict=True)):
        if one.demands[ours] != two.demands[theirs]:
            return f"row {row}: demand {one.demands[ours]} and {two.demands[theirs]}"
    return ""
