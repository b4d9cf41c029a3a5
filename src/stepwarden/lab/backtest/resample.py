"""How sure a figure of a back-test is: people are drawn again, with all that they did, and it is worked out anew.

What one person does is not independent, so it is people who are drawn (a bootstrap over clusters, 95 %, percentiles).
All figures come from the same draws, so the difference between two policies is that of the same people. The seed makes
the draws. Memory does not grow with their number. Of fewer than ``FEW`` people nothing is known about others: such a
figure has no interval (its bounds are not a number, in JSON null).

>>> draws = Draws(people=3, seed=1)
>>> draws.ratio("rate", [1, 0, 0], [2, 2, 2])
>>> draws.estimates()["rate"].value
0.166667
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stepwarden.lab.accuracy.intervals import Estimate, interval, redrawn

REPLICATES: Final = 400
PERCENTILES: Final = (50, 95, 99)
FEW: Final = 5
Sums = NDArray[np.float64]
Numbers = Sequence[float] | NDArray[Any]


class Draws:
    """Figures are named first, each from sums by person, and then worked out together by ``estimates``."""

    def __init__(self, people: int, *, seed: int, replicates: int = REPLICATES) -> None:
        self.people = people
        self._seed, self._replicates = seed, replicates
        self._columns: list[Sums] = []
        self._ratios: dict[str, tuple[int, int]] = {}
        self._differences: dict[str, tuple[str, str]] = {}
        self._ranked: dict[str, Sums] = {}
        self._few: set[str] = set()

    def ratio(self, name: str, parts: Numbers, wholes: Numbers) -> None:
        """The sum of ``parts`` over that of ``wholes``, both by person."""
        self._ratios[name] = (len(self._columns), len(self._columns) + 1)
        self._columns += [np.asarray(parts, np.float64), np.asarray(wholes, np.float64)]
        if np.count_nonzero(self._columns[-1]) < FEW:
            self._few.add(name)

    def difference(self, name: str, one: str, other: str) -> None:
        """The figure ``one`` less the figure ``other``."""
        self._differences[name] = (one, other)
        if one in self._few or other in self._few:
            self._few.add(name)

    def percentiles(self, name: str, counts: Numbers) -> None:
        """Of the counts by person those that ``PERCENTILES`` of the people do not exceed: figures ``<name> p50``."""
        self._ranked[name] = np.asarray(counts, np.float64)

    def estimates(self, progress: Callable[[int], None] = lambda done: None) -> Mapping[str, Estimate]:
        """Every figure that there is, with its interval; one whose whole is 0 there is not."""
        ones = np.ones(self.people)
        ranks = {name: np.argsort(counts, kind="stable") for name, counts in self._ranked.items()}
        matrix = np.stack(self._columns, axis=1) if self._columns else np.zeros((self.people, 0))
        values = self._worked_out(ones, matrix, ranks)
        drawn: dict[str, list[float]] = {name: [] for name in values}
        draws = redrawn(self.people, seed=self._seed, replicates=self._replicates)
        for number, counts in enumerate(draws, start=1):
            weights = counts.astype(np.float64)
            for name, value in self._worked_out(weights, matrix, ranks).items():
                if name in drawn:
                    drawn[name].append(value)
            progress(number)
        return {
            name: Estimate(round(value, 6), math.nan, math.nan)
            if name in self._few
            else interval(value, np.array(drawn[name]))
            for name, value in values.items()
        }

    def _worked_out(
        self, weights: Sums, matrix: NDArray[np.float64], ranks: Mapping[str, NDArray[np.int64]]
    ) -> dict[str, float]:
        sums = weights @ matrix
        found = {
            name: float(sums[part] / sums[whole])
            for name, (part, whole) in self._ratios.items()
            if sums[whole] > 0
        }
        for name, order in ranks.items():
            if self.people:
                found |= _percentiles(name, self._ranked[name][order], weights[order])
        for name, (one, other) in self._differences.items():
            if one in found and other in found:
                found[name] = found[one] - found[other]
        return found


def _percentiles(name: str, counts: Sums, weights: Sums) -> dict[str, float]:
    """``counts`` rise; each stands for ``weights`` people."""
    below = np.cumsum(weights)
    wanted = np.array(PERCENTILES) / 100 * below[-1]
    # The first count up to which so many people are: a whole number of challenges, as people have them.
    places = np.minimum(np.searchsorted(below, wanted - 1e-9), len(counts) - 1)
    return {
        f"{name} p{level}": float(counts[place]) for level, place in zip(PERCENTILES, places, strict=True)
    }
