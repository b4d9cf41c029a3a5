"""How sure a figure is: intervals by drawing people again, and closed formulas where nothing was seen.

What one person does is not independent, so it is people who are drawn, with all that they did and all the probes of
their account (a bootstrap over clusters). Each draw gives every person a weight: how often they were drawn. The seed
makes the draws, and so every interval, the same each time.

>>> wilson(0, 100)
Estimate(value=0.0, low=0.0, high=0.036993)
>>> poisson(0, 2.0).high
1.834006
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

SEED: Final = 2_022
REPLICATES: Final = 200
CONFIDENCE: Final = 0.95
NORMAL: Final = 1.959964
"""The standard normal's quantile for 95 %, both sides."""

Sums = NDArray[np.float64]
Chosen = NDArray[np.bool_]


class Estimate(msgspec.Struct, frozen=True):
    """A figure and the bounds of its interval, of 95 % unless something else is said; rounded to six digits."""

    value: float
    low: float
    high: float


def redrawn(people: int, *, seed: int, replicates: int) -> Iterator[NDArray[np.int64]]:
    """People drawn with replacement, as often as there are people: how often each was, one draw after the other.

    The same seed gives the same draws; of nobody there are none.
    """
    generator = np.random.default_rng(seed)
    for _ in range(replicates if people else 0):
        yield np.bincount(generator.integers(people, size=people), minlength=people)


class Draws:
    """People drawn with replacement, as often as there are people; ``replicates`` times.

    ``weights``: one row for each draw, one column for each person; how often they were drawn. Whole numbers.
    """

    def __init__(self, people: int, *, seed: int = SEED, replicates: int = REPLICATES) -> None:
        self.people = people
        self.weights = np.zeros((replicates if people else 0, people), np.float32)
        for row, counts in enumerate(redrawn(people, seed=seed, replicates=replicates)):
            self.weights[row] = counts

    def ratio(self, parts: Sums, wholes: Sums) -> Estimate:
        """The sum of ``parts`` over that of ``wholes``, which is not 0; both by person."""
        value, drawn = self._ratios(parts, wholes)
        return interval(value, drawn[~np.isnan(drawn)])

    def shares(self, found: Sequence[Chosen], owners: NDArray[np.int64]) -> list[Estimate]:
        """The share of each of these selections among things that belong to ``owners``, of which there are some."""
        # Of people who own none nothing depends: their columns would only be multiplied by 0.
        people, which = np.unique(owners, return_inverse=True)
        parts = [np.bincount(which, weights=one.astype(np.float64), minlength=len(people)) for one in found]
        wholes = np.bincount(which, minlength=len(people)).astype(np.float64)
        both = self.weights[:, people] @ np.stack([*parts, wholes], axis=1).astype(np.float32)
        there = both[both[:, -1] > 0].astype(np.float64)
        drawn = there[:, :-1] / there[:, -1:]
        return [
            interval(float(part.sum() / wholes.sum()), drawn[:, number]) for number, part in enumerate(parts)
        ]

    def quotient(self, parts: Sums, wholes: Sums, group: Chosen, base: Chosen) -> Estimate | None:
        """The ratio within one group of people over the ratio within another; None where there is none."""
        value, drawn = self._ratios(parts * group, wholes * group)
        based, drawn_base = self._ratios(parts * base, wholes * base)
        if np.isnan(value) or not based > 0:
            return None
        sound = ~np.isnan(drawn) & (drawn_base > 0)
        return interval(value / based, drawn[sound] / drawn_base[sound])

    def difference(
        self, parts: Sums, wholes: Sums, less_parts: Sums, less_wholes: Sums, confidence: float
    ) -> Estimate:
        """The first ratio minus the second, both of the same draws. Neither of the wholes is 0 in sum."""
        value, drawn = self._ratios(parts, wholes)
        less, drawn_less = self._ratios(less_parts, less_wholes)
        drawn = drawn - drawn_less
        return interval(value - less, drawn[~np.isnan(drawn)], confidence)

    def _ratios(self, parts: Sums, wholes: Sums) -> tuple[float, Sums]:
        """The ratio of all, and of each draw; not a number where nobody of the ``wholes`` was drawn."""
        both = self.weights @ np.stack([parts, wholes], axis=1).astype(np.float32)
        over = both[:, 1].astype(np.float64)
        rates = np.full(len(over), np.nan)
        np.divide(both[:, 0], over, out=rates, where=over > 0)
        whole = float(wholes.sum())
        return (float(parts.sum()) / whole if whole else math.nan), rates


def interval(value: float, drawn: Sums, confidence: float = CONFIDENCE) -> Estimate:
    """A figure with the percentile interval of the same figure in each draw."""
    if not len(drawn):
        return Estimate(_rounded(value), _rounded(value), _rounded(value))
    edge = 50 * (1 - confidence)
    low, high = np.percentile(drawn, (edge, 100 - edge))
    return Estimate(_rounded(value), _rounded(float(low)), _rounded(float(high)))


def wilson(part: int, whole: int) -> Estimate:
    """A share with Wilson's score interval (JASA 1927), which says something when nothing was seen, too."""
    if not whole:
        return Estimate(0.0, 0.0, 1.0)
    share, square = part / whole, NORMAL * NORMAL
    middle = (share + square / (2 * whole)) / (1 + square / whole)
    half = (
        NORMAL * math.sqrt(share * (1 - share) / whole + square / (4 * whole * whole)) / (1 + square / whole)
    )
    # At the ends the formula gives 0 and 1 but for rounding.
    low, high = (0.0 if part == 0 else middle - half), (1.0 if part == whole else middle + half)
    return Estimate(_rounded(share), _rounded(low), _rounded(high))


def poisson(events: int, exposure: float) -> Estimate:
    """Events per unit of exposure, with Byar's approximation of the exact interval (Breslow and Day 1987, 2.3)."""

    def bound(count: int, sign: int) -> float:
        return count * float(1 - 1 / (9 * count) + sign * NORMAL / (3 * math.sqrt(count))) ** 3

    low = bound(events, -1) if events else 0.0
    return Estimate(
        _rounded(events / exposure),
        _rounded(max(0.0, low) / exposure),
        _rounded(bound(events + 1, 1) / exposure),
    )


def _rounded(value: float) -> float:
    return round(float(value), 6)
