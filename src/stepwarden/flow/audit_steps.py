"""What the steps of an audit have in common: they count, they name the first few places, they never stop."""

from dataclasses import dataclass, field
from typing import Final

from stepwarden.errors import CorruptLogError, StepwardenError
from stepwarden.ledger.verify import Step

NAMED: Final = 3
"""Places named in a detail; more are counted."""

TITLES: Final = {
    7: "personal openings",
    8: "challenge links",
    9: "step-up proofs",
    10: "decisions",
    11: "keys",
    12: "time stamps",
}


@dataclass(slots=True)
class Findings:
    """What one step has found so far. ``count`` is how many things it looked at."""

    number: int
    count: int = 0
    failures: int = 0
    named: list[str] = field(default_factory=list)
    error: StepwardenError | None = None
    unchecked: str = ""
    """Why nothing, or not everything, could be looked at."""

    def fail(self, place: str, error: StepwardenError | None = None) -> None:
        """One thing does not hold; ``place`` says which and why."""
        self.failures += 1
        if len(self.named) < NAMED:
            self.named.append(place)
        self.error = self.error or error or CorruptLogError(place)

    def step(self, detail: str) -> Step:
        """The step as reported; ``detail`` where all holds."""
        ok = self.failures == 0
        if not ok:
            more = f"; and {self.failures - len(self.named)} more" if self.failures > len(self.named) else ""
            detail = "; ".join(self.named) + more
        elif self.unchecked:
            detail = f"{detail}; {self.unchecked}" if self.count else self.unchecked
        return Step(
            number=self.number,
            title=TITLES[self.number],
            ok=ok,
            detail=detail,
            count=self.count,
            error=self.error,
            checked=not ok or self.count > 0 or not self.unchecked,
        )
