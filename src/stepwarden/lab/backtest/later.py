"""What became of attempts after they were decided: outcomes, ends of challenges, labels."""

from array import array
from typing import Any, ClassVar, Final

import numpy as np
import polars as pl

from stepwarden.events.entries import (
    ChallengeIssued,
    Entry,
    LabelApplied,
    OutcomeReported,
)
from stepwarden.lab.entries import ending

OUTCOMES: Final = ("unknown", "success", "failure")
ENDS: Final = ("", "passed", "failed", "abandoned", "denied")
LABELS: Final = ("", "attack", "benign")
_OUTCOME: Final = {name: number for number, name in enumerate(OUTCOMES)}
_END: Final = {name: number for number, name in enumerate(ENDS)}


class Later:
    """By row: ``attempt`` begins one, ``fold`` takes in everything else. ``rows`` is how many there are."""

    TYPES: ClassVar[dict[str, Any]] = {
        "outcome": pl.Enum(OUTCOMES),
        "ended": pl.Enum(ENDS),
        "label": pl.Enum(LABELS),
        "label_source": pl.Categorical,
        "label_reliability": pl.Int8,
        "campaign": pl.Categorical,
    }

    def __init__(self) -> None:
        self.rows = 0
        self._row: dict[int, int] = {}
        self._challenges: dict[str, int] = {}
        self._outcomes = array("b")
        self._ends = array("b")
        self._labels: dict[int, tuple[int, bool, str]] = {}

    def attempt(self, index: int, outcome: str) -> None:
        """The next row is the attempt at this index."""
        self._row[index] = self.rows
        self.rows += 1
        self._outcomes.append(_OUTCOME[outcome])
        self._ends.append(0)

    def fold(self, entry: Entry) -> None:
        """Take in an entry that decides nothing."""
        match entry:
            case OutcomeReported(previous=previous, facts=facts):
                row = self._row.get(previous)
                if row is not None and facts.outcome != "unknown":
                    self._outcomes[row] = _OUTCOME[facts.outcome]
            case ChallengeIssued(challenge=challenge, previous=previous):
                row = self._row.get(previous)
                if row is not None:
                    self._challenges[challenge] = row
            case LabelApplied():
                self._label(entry)
            case _:
                self._end(entry)

    def _end(self, entry: Entry) -> None:
        ended = ending(entry)
        row = self._challenges.pop(ended[0], None) if ended is not None else None
        if ended is not None and row is not None:
            self._ends[row] = _END[ended[1]]

    def _label(self, entry: LabelApplied) -> None:
        row = self._row.get(entry.previous)
        if row is None:
            return
        # The most reliable one counts, and of two alike the attack: a mistake then costs a challenge, not an account.
        said = (entry.reliability, entry.label == "attack", entry.source)
        if row not in self._labels or said[:2] > self._labels[row][:2]:
            self._labels[row] = said

    def columns(self) -> list[pl.Series]:
        """What is known by now, a column each."""
        label, reliability = np.zeros(self.rows, np.int8), np.zeros(self.rows, np.int8)
        sources = [""] * self.rows
        for row, (sure, attack, source) in self._labels.items():
            label[row], reliability[row], sources[row] = (1 if attack else 2), sure, source
        values: dict[str, Any] = {
            "outcome": [OUTCOMES[number] for number in self._outcomes],
            "ended": [ENDS[number] for number in self._ends],
            "label": [LABELS[number] for number in label],
            "label_source": sources,
            "label_reliability": reliability,
            "campaign": [""] * self.rows,
        }
        return [pl.Series(name, values[name], kind) for name, kind in self.TYPES.items()]
