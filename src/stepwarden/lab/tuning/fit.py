"""Weights from labelled attempts: logistic regression that keeps to what a policy may say.

- The penalty pulls each weight towards the one that it has now (ridge around the present policy), so little evidence
  changes little; ``strength`` is how many attempts' worth of it that is.
- A weight keeps its sign (monotone constraint): a rule that speaks for an attack never comes to speak against one,
  whatever an attacker made the history look like; and none grows beyond ``MOST`` or moves by more than ``STEP``.
- Attempts count by how reliable their label is, and attacks and honest attempts together count alike, because there
  are a few hundred of the former in millions.

Solved by L-BFGS-B of scipy (Byrd, Lu, Nocedal and Zhu 1995) over the distinct rows of terms, of which there are few.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import Bounds, isotonic_regression, minimize

from stepwarden.lab.accuracy.intervals import redrawn
from stepwarden.lab.tuning.samples import Floats, Ints, Samples

MOST: Final = 6.0
"""Nats: no single rule decides by itself."""
STEP: Final = 1.5
"""Nats: a proposal moves a weight by at most this much; what is right in the long run can be proposed again."""
STRENGTH: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """``weights`` in nats with their 95 % intervals (``low``, ``high``), and the ``prior`` at even odds."""

    weights: Floats
    low: Floats
    high: Floats
    prior: float


class _Distinct:
    """Attempts with the same terms are one row."""

    def __init__(self, samples: Samples) -> None:
        shapes = np.round(samples.shapes, 3)
        self.rows, which = np.unique(shapes, axis=0, return_inverse=True)
        self.which: Ints = which.reshape(-1).astype(np.int64)
        self._attack, self._honest = samples.masses(0.0)

    def masses(self, multiplicity: Floats | None = None) -> tuple[Floats, Floats]:
        """How much attack and how much honesty each row holds; each sums to half of all that is believed."""
        times = 1.0 if multiplicity is None else multiplicity
        attack = np.bincount(self.which, self._attack * times, len(self.rows))
        honest = np.bincount(self.which, self._honest * times, len(self.rows))
        # The smaller class says how much is known; both count as much as it does.
        known = min(attack.sum(), honest.sum())
        return attack * known / max(attack.sum(), 1e-12), honest * known / max(honest.sum(), 1e-12)


def fit(samples: Samples, *, draws: int = 40, seed: int = 1, strength: float = STRENGTH) -> Fitted:
    """Fit the weights to what is believed.

    Args:
        draws: resamplings of people for the intervals; 0: none.
        strength: of the pull towards the present weights, in attempts.

    Raises:
        ValueError: no attack, or nothing but attacks, among what is believed.
    """
    believed = samples.trust > 0
    attacks = samples.attack & believed
    if not attacks.any() or not (believed & ~attacks).any():
        raise ValueError("there must be attempts believed to be attacks, and others believed to be honest")
    samples = samples.part(believed)
    rows = _Distinct(samples)
    best = _solve(rows, samples.weights, strength, None)
    found = []
    for counts in redrawn(int(samples.person.max()) + 1, seed=seed, replicates=draws):
        times = counts.astype(np.float64)[samples.person]
        drawn = _solve(rows, samples.weights, strength, times, start=best)
        found.append(drawn[:-1])
    if found:
        low, high = np.percentile(np.array(found), [2.5, 97.5], axis=0)
    else:
        low = high = best[:-1]
    return Fitted(weights=best[:-1], low=low, high=high, prior=float(best[-1]))


def _solve(
    rows: _Distinct,
    present: Floats,
    strength: float,
    multiplicity: Floats | None,
    start: Floats | None = None,
) -> Floats:
    attack, honest = rows.masses(multiplicity)
    shapes = rows.rows
    count = len(present)
    low = np.where(present > 0, np.maximum(0.0, present - STEP), np.maximum(-MOST, present - STEP))
    high = np.where(present > 0, np.minimum(MOST, present + STEP), np.minimum(0.0, present + STEP))

    def loss(at: Floats) -> tuple[float, Floats]:
        weights, prior = at[:-1], at[-1]
        score = shapes @ weights + prior
        value = attack @ np.logaddexp(0.0, -score) + honest @ np.logaddexp(0.0, score)
        pull = weights - present
        value += strength / 2 * float(pull @ pull)
        slope = honest - (attack + honest) / (1.0 + np.exp(np.clip(score, -500, 500)))
        gradient = np.empty(count + 1)
        gradient[:-1] = shapes.T @ slope + strength * pull
        gradient[-1] = slope.sum()
        return float(value), gradient

    begin = start if start is not None else np.append(present, -1.0)
    begin = np.append(np.clip(begin[:-1], low, high), begin[-1])
    bounds = Bounds(np.append(low, -50.0), np.append(high, 50.0))
    solved = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500})
    return np.asarray(solved.x, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How scores translate into risk on attempts that were not learned from.

    ``shift`` is what the prior has to move by, and ``slope`` what the scores would have to be multiplied by (1: they
    are as bold as they may be); ``expected`` and ``found``: mean risk and share of attacks in bins of equal size, the
    latter made monotone (isotonic regression). ``error``: mean difference between the two.
    """

    shift: float
    slope: float
    expected: tuple[float, ...]
    found: tuple[float, ...]
    error: float


def calibrate(
    scores: Floats, attack: Floats, mass: Floats, *, prevalence: float, bins: int = 10
) -> Calibration:
    """Compare scores (nats) with what happened, as if ``prevalence`` of all attempts were attacks (Platt 1999).

    Args:
        attack: 1 where it was an attack, else 0.
        mass: how much each attempt counts.
    """
    share = float((mass * attack).sum() / max(mass.sum(), 1e-12))
    even = np.where(attack > 0, prevalence / max(share, 1e-12), (1 - prevalence) / max(1 - share, 1e-12))
    weight = mass * even

    def loss(at: Floats) -> tuple[float, Floats]:
        score = at[0] + at[1] * scores
        value = weight @ (np.logaddexp(0.0, score) - attack * score)
        error = weight * (1.0 / (1.0 + np.exp(-np.clip(score, -500, 500))) - attack)
        return float(value), np.array([error.sum(), error @ scores])

    bounds = Bounds(np.array([-50.0, 0.01]), np.array([50.0, 10.0]))
    solved = minimize(loss, np.array([0.0, 1.0]), jac=True, method="L-BFGS-B", bounds=bounds)
    shift, slope = float(solved.x[0]), float(solved.x[1])
    risk = 1.0 / (1.0 + np.exp(-np.clip(shift + slope * scores, -500, 500)))
    order = np.argsort(risk, kind="stable")
    edges = np.searchsorted(np.cumsum(weight[order]), np.linspace(0, weight.sum(), bins + 1)[1:-1])
    expected, found = [], []
    for part in np.split(order, edges):
        if len(part) and weight[part].sum() > 0:
            expected.append(float(np.average(risk[part], weights=weight[part])))
            found.append(float(np.average(attack[part], weights=weight[part])))
    smooth = isotonic_regression(np.array(found)).x if found else np.array([])
    error = float(np.mean(np.abs(np.array(expected) - np.array(found)))) if found else 0.0
    return Calibration(
        shift=shift,
        slope=slope,
        expected=tuple(expected),
        found=tuple(float(one) for one in smooth),
        error=error,
    )
