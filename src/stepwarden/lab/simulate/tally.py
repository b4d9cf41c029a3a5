"""What a run amounts to, counted as it goes: one line for people, one for each attacker.

Not here: rates with intervals, by class and by history (``lab.accuracy``); how it is shown (``cli``).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from stepwarden.lab.simulate.engine import Row
from stepwarden.lab.simulate.plan import Campaign

PEOPLE = "people"


@dataclass(slots=True)
class Line:
    """What one attacker did, over all of their campaigns; or what all people did.

    ``took_place``: attempts that were let in and ended well, ``challenged`` and ``refused`` by the first answer,
    ``passed`` of the challenged ones. ``noticed``: campaigns of which one attempt at least was challenged or refused.
    """

    name: str
    campaigns: int = 0
    attempts: int = 0
    took_place: int = 0
    challenged: int = 0
    passed: int = 0
    refused: int = 0
    noticed: int = 0
    found_after: float | None = None
    """Median over the noticed campaigns, of the seconds from the first attempt to the first that was noticed."""

    def add(self, row: Row) -> None:
        decision = row.decided.decision
        self.attempts += 1
        self.took_place += row.open
        self.challenged += decision == "step_up"
        self.passed += row.passed
        self.refused += decision == "deny"

    def as_dict(self) -> dict[str, str | int | float | None]:
        """As ``run.json`` has it."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """Takes in rows that are final."""

    campaigns: Sequence[Campaign]
    people: Line = field(default_factory=lambda: Line(PEOPLE))
    first: int = 0
    last: int = 0
    _lines: dict[str, Line] = field(default_factory=dict)
    _began: dict[int, int] = field(default_factory=dict)
    _noticed: dict[int, int] = field(default_factory=dict)

    @property
    def attempts(self) -> int:
        """All of them, probes included."""
        return self.people.attempts + sum(line.attempts for line in self._lines.values())

    def add(self, row: Row) -> None:
        """One attempt of which all is known."""
        self.first = self.first or row.time
        self.last = row.time
        index = row.planned.campaign
        if index < 0:
            self.people.add(row)
            return
        name = self.campaigns[index].attacker
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = Line(name)
        line.add(row)
        self._began.setdefault(index, row.time)
        if row.decided.decision != "allow":
            self._noticed.setdefault(index, row.time)

    def lines(self) -> list[Line]:
        """One for each attacker, in the order of the campaigns; also for those whose campaigns never began."""
        known = Counter(one.attacker for one in self.campaigns)
        found = [self._lines.get(name) or Line(name) for name in known]
        for line in found:
            mine = [one.index for one in self.campaigns if one.attacker == line.name]
            line.campaigns = sum(index in self._began for index in mine)
            after = [
                (self._noticed[index] - self._began[index]) / 1_000_000
                for index in mine
                if index in self._noticed
            ]
            line.noticed = len(after)
            line.found_after = median(after) if after else None
        return found
