"""What each rule is worth, which ones challenge honest people, and what detection a budget buys.

All of it on attempts that were not learned from. A threshold is a score; attempts at or above it are challenged.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from stepwarden.lab.accuracy.intervals import redrawn
from stepwarden.lab.tuning.samples import Bools, Floats, Samples

PERIODS: Final = 4
UNSPOKEN: Final = 0.3
"""How much an attempt of which nobody speaks counts as an honest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWorth:
    """One rule.

    ``attacks`` and ``honest``: in which share of either it holds (0..1). ``lift`` is the first over the second;
    ``information`` in bits: how much of the uncertainty whether it is an attack the rule removes, both being equally
    likely beforehand (1 would settle it). ``stability``: population stability index of how often it holds over four
    periods, against their mean (below 0.1 steady, above 0.25 drifting). ``removal``: what detection at the same budget
    loses without it, in points of 1. ``false``: which share of all false challenges would not have been without it.
    """

    rule: str
    weight: float
    attacks: float
    honest: float
    lift: float
    information: float
    stability: float
    removal: float
    false: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """At a ``threshold`` (nats): share of attacks at or above it, with its interval, and of honest attempts."""

    threshold: float
    detection: float
    low: float
    high: float
    challenged: float


def threshold_for(scores: Floats, mass: Floats, budget: float) -> float:
    """The lowest threshold at which at most ``budget`` (0..1) of the attempts, weighted by ``mass``, reach it."""
    order = np.argsort(-scores, kind="stable")
    total = mass.sum()
    if total <= 0:
        return float("inf")
    sorted_scores = scores[order]
    taken = np.cumsum(mass[order]) / total
    # All attempts of one score are challenged, or none: only the last of each may be a threshold.
    ends = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
    fits = np.flatnonzero(ends & (taken <= budget + 1e-12))
    if not len(fits):
        return float(np.nextafter(sorted_scores[0], np.inf))
    return float(sorted_scores[fits[-1]])


def detection(
    samples: Samples, scores: Floats, threshold: float, *, draws: int = 200, seed: int = 1
) -> Detection:
    """What a threshold detects, with a 95 % interval over resampled people."""
    attack, honest = samples.masses(UNSPOKEN)
    caught = scores >= threshold
    hits = np.where(caught, attack, 0.0)
    people = int(samples.person.max()) + 1 if len(samples) else 1
    by_person = np.bincount(samples.person, attack, people), np.bincount(samples.person, hits, people)
    shares = []
    for counts in redrawn(people, seed=seed, replicates=draws):
        mass = counts @ by_person[0]
        if mass > 0:
            shares.append(counts @ by_person[1] / mass)
    low, high = np.percentile(shares, [2.5, 97.5]) if shares else (0.0, 1.0)
    return Detection(
        threshold=threshold,
        detection=float(hits.sum() / max(attack.sum(), 1e-12)),
        low=float(low),
        high=float(high),
        challenged=float(np.where(caught, honest, 0.0).sum() / max(honest.sum(), 1e-12)),
    )


def worth(samples: Samples, weights: Floats, prior: float, budget: float) -> list[RuleWorth]:
    """Each rule's worth under these weights, the most informative first."""
    attack, honest = samples.masses(UNSPOKEN)
    shapes = samples.shapes
    scores = prior + shapes @ weights
    threshold = threshold_for(scores, honest, budget)
    whole = _caught(scores, threshold, attack)
    wrong = np.where(scores >= threshold, honest, 0.0)
    found = []
    for number, rule in enumerate(samples.rules):
        holds = samples.terms[:, number] != 0
        in_attacks, in_honest = _share(holds, attack), _share(holds, honest)
        without = scores - shapes[:, number] * weights[number]
        left = _caught(without, threshold_for(without, honest, budget), attack)
        spared = wrong[without < threshold].sum() / wrong.sum() if wrong.sum() > 0 else 0.0
        found.append(
            RuleWorth(
                rule=rule,
                weight=float(weights[number]),
                attacks=in_attacks,
                honest=in_honest,
                lift=in_attacks / max(in_honest, 1e-6),
                information=_information(in_attacks, in_honest),
                stability=_stability(holds, samples),
                removal=whole - left,
                false=float(spared),
            )
        )
    return sorted(found, key=lambda one: (-one.information, one.rule))


def _caught(scores: Floats, threshold: float, attack: Floats) -> float:
    return float(attack[scores >= threshold].sum() / max(attack.sum(), 1e-12))


def _share(holds: Bools, mass: Floats) -> float:
    return float(mass[holds].sum() / max(mass.sum(), 1e-12))


def _information(attacks: float, honest: float) -> float:
    """Mutual information, in bits, of the rule and a fair coin that says attack or honest (Shannon 1948)."""

    def entropy(share: float) -> float:
        return (
            0.0 if share in (0.0, 1.0) else float(-share * np.log2(share) - (1 - share) * np.log2(1 - share))
        )

    return max(0.0, entropy((attacks + honest) / 2) - (entropy(attacks) + entropy(honest)) / 2)


def _stability(holds: Bools, samples: Samples) -> float:
    parts = [part for part in np.array_split(holds, PERIODS) if len(part)]
    mean = min(max(float(holds.mean()) if len(holds) else 0.0, 1e-4), 1 - 1e-4)
    worst = 0.0
    for part in parts:
        share = min(max(float(part.mean()), 1e-4), 1 - 1e-4)
        index = (share - mean) * np.log(share / mean) + (mean - share) * np.log((1 - share) / (1 - mean))
        worst = max(worst, float(index))
    return worst
