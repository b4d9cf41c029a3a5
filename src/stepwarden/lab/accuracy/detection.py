"""Detection at a given challenge rate, by class of attacker: the measure of Wiefling et al. (ACM TOPS 2022).

For a class of attackers and a history of N sign-ins there is a highest threshold at which the wanted share of the
class's probes at login N is detected: the score reaches it, or the attempt was refused. At that threshold every person
with at least N sign-ins is challenged in some share of their first N. The **median over people** of that share is the
figure that the literature reports; the mean and the 90th percentile stand beside it.

Of 10 probes with the scores 1 to 10, nine are detected at a threshold of 2:

>>> import numpy as np
>>> threshold_at(np.arange(1, 11), np.ones(10), 0.9)
2

Precision is never reported: it says more about how rare attacks are than about the method.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from stepwarden.lab.accuracy.intervals import Draws, Estimate, interval
from stepwarden.lab.accuracy.methods import History, Scored, Scores

LEVELS: Final = (0.98, 0.99, 0.995, 0.999)
"""Detection that is asked for."""
VERY_TARGETED: Final = (0.782, 0.828, 0.897, 0.9, 0.943)
"""For attackers who know everything: what the literature reports, and what we ask for."""
CURVE: Final = (
    0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.993,
    0.995, 0.997, 0.998, 0.999, 1.0,
)  # fmt: skip
"""Detection at the points of a curve, and so where it is smooth."""


Weights = NDArray[np.float32] | NDArray[np.float64]


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of people's first N sign-ins that are challenged, over people."""

    median: Estimate
    mean: Estimate
    p90: Estimate


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What a wanted detection costs. ``detected`` is what is reached: at least what is ``wanted``, more with ties."""

    wanted: float
    threshold: int
    detected: float
    challenged: Rates
    probes: int
    people: int


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One threshold: what is detected, and whom it challenges."""

    threshold: int
    detected: Estimate
    median: float
    mean: float


class Operating(msgspec.Struct, frozen=True, kw_only=True):
    """A method that has no threshold to choose, or has chosen it."""

    detected: Estimate
    challenged: Rates
    probes: int
    people: int


def threshold_at(scores: Scores, weights: Weights, wanted: float) -> int:
    """The highest score that at least the ``wanted`` share of the weight reaches.

    ``scores`` in rising order, one or more, with some weight among them.
    """
    reached = np.cumsum(weights[::-1], dtype=np.float64)
    # 0.99 of 100 must be 99 and not, for a rounding error, 100.
    need = max(1.0, np.ceil(wanted * reached[-1] - 1e-9))
    return int(scores[::-1][np.searchsorted(reached, need)])


def at_detection(probes: Scored, history: History, wanted: Sequence[float], draws: Draws) -> list[Cell]:
    """The challenge rates at the thresholds that detect so much; in each draw the thresholds are found anew."""
    order = np.argsort(probes.scores, kind="stable")
    scores, owners = probes.scores[order], probes.people[order]
    # A draw of a handful of people may have missed all of whom the probes, or the sign-ins, were.
    drawn = draws.weights[draws.weights[:, owners].any(axis=1) & draws.weights[:, history.people].any(axis=1)]
    reached = np.cumsum(drawn[:, owners[::-1]], axis=1)
    weights = drawn[:, history.people]
    known: dict[int, NDArray[np.int64]] = {}
    cells = []
    for level in wanted:
        threshold = threshold_at(scores, np.ones(len(scores)), level)
        counts = np.zeros((len(drawn), history.logins + 1))
        for row, found in enumerate(_thresholds(scores, reached, level)):
            if found not in known:
                known[found] = history.challenged(found)
            counts[row] = np.bincount(known[found], weights=weights[row], minlength=history.logins + 1)
        cells.append(
            Cell(
                wanted=level,
                threshold=threshold,
                detected=round(float((scores >= threshold).mean()), 6),
                challenged=_rates(history.challenged(threshold), history, _shares(counts)),
                probes=len(scores),
                people=len(history.people),
            )
        )
    return cells


def _thresholds(scores: Scores, reached: Weights, wanted: float) -> list[int]:
    """``threshold_at`` for each draw. ``reached``: the weight of all scores from the highest down to each."""
    need = np.maximum(1.0, np.ceil(wanted * reached[:, -1:].astype(np.float64) - 1e-9))
    found: list[int] = scores[::-1][(reached >= need).argmax(axis=1)].tolist()
    return found


def curve(probes: Scored, history: History, draws: Draws) -> list[Point]:
    """Detection and challenge rates from the highest useful threshold down; intervals are those of the detection."""
    order = np.argsort(probes.scores, kind="stable")
    scores, owners = probes.scores[order], probes.people[order]
    ones = np.ones(len(scores))
    thresholds = sorted({threshold_at(scores, ones, wanted) for wanted in CURVE}, reverse=True)
    detected = draws.shares([scores >= threshold for threshold in thresholds], owners)
    shares = [history.challenged(threshold) / history.logins for threshold in thresholds]
    return [
        Point(
            threshold=threshold,
            detected=found,
            median=round(float(np.median(share)), 6),
            mean=round(float(share.mean()), 6),
        )
        for threshold, found, share in zip(thresholds, detected, shares, strict=True)
    ]


def operating(probes: Scored, history: History, threshold: int, draws: Draws) -> Operating:
    """What a method does at the threshold that it has."""
    challenged = history.challenged(threshold)
    return Operating(
        detected=draws.shares([probes.scores >= threshold], probes.people)[0],
        challenged=_rates(challenged, history, _shares(_by_share(challenged, history, draws))),
        probes=len(probes.scores),
        people=len(history.people),
    )


def _rates(challenged: NDArray[np.int64], history: History, drawn: NDArray[np.float64]) -> Rates:
    people = np.bincount(challenged, minlength=history.logins + 1)
    values = _shares(people[None, :].astype(np.float64))[0]
    median, mean, p90 = (interval(value, drawn[:, number]) for number, value in enumerate(values))
    return Rates(median=median, mean=mean, p90=p90)


def _by_share(challenged: NDArray[np.int64], history: History, draws: Draws) -> NDArray[np.float64]:
    """In each draw, how many people were challenged 0, 1 ... N times."""
    which = np.zeros((draws.people, history.logins + 1), np.float32)
    which[history.people, challenged] = 1
    return (draws.weights @ which).astype(np.float64)


def _shares(people: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median, mean and 90th percentile of the shares, from how many people have each; a row for each draw.

    The median of an even number is the middle of two. Draws without anybody are left out.
    """
    up_to = np.cumsum(people[people.any(axis=1)], axis=1)
    total, logins = up_to[:, -1:], people.shape[1] - 1
    low, high = (up_to < total / 2).sum(axis=1), (up_to <= total / 2).sum(axis=1)
    # Each person counts once for each time that they were challenged: the sum of all tails.
    mean = (total - up_to[:, :-1]).sum(axis=1) / total[:, 0]
    p90 = (up_to < 0.9 * total - 1e-6).sum(axis=1)
    shares: NDArray[np.float64] = np.stack([(low + high) / 2, mean, p90], axis=1) / logins
    return shares
