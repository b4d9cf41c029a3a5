"""Whether a stated risk means what it says, at a stated prevalence of attacks.

A simulation holds far more attacks than the world (the public data of 31.3 million sign-ins holds 141 takeovers), so
the share of attacks that it shows at some risk says nothing. Sign-ins and probes are therefore weighed anew, as if the
stated share of all were takeovers, in equal parts of the classes that there are. A policy's risk begins from its prior,
so it can only be right where attacks are as frequent as that prior says: that prevalence comes first.

Only people beyond their cold start are compared, because that is where the probes are. **Brier score**: the mean of
(risk - truth) squared. **Skill**: how much better than always saying the prevalence, 1 at best, below 0 worse.
**ECE**: the mean distance of risk and observed share over the bins, each with its weight.
"""

from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from stepwarden.lab.accuracy.friction import COLD
from stepwarden.lab.accuracy.results import CLASSES, Results

PREVALENCES: Final = (0.018, 0.001, 141 / 31_300_000)
"""That of the shipped policy's prior (-4), a bad month of a large site, and that of the public data."""
EDGES: Final = (
    0.0,
    0.001,
    0.003,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.35,
    0.5,
    0.65,
    0.8,
    0.9,
    0.95,
    0.98,
    0.99,
    1.0,
)


FEWEST: Final = 100
"""Attempts of a bin: a handful says nothing."""
Values = NDArray[np.float64]


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts of similar risk: the mean risk, the observed share of attacks, and their part of all."""

    risk: float
    observed: float
    weight: float
    attempts: int


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """How well risk and truth agree at one prevalence."""

    prevalence: float
    brier: float
    skill: float
    ece: float
    bins: tuple[Bin, ...]


def calibrations(results: Results) -> list[Calibration]:
    """At each stated prevalence; none where there are no probes, or no people beyond their cold start."""
    people = results.sign_ins.filter(pl.col("login") >= COLD)["risk"].to_numpy() / 1_000_000
    probes = [
        results.probes.filter(pl.col("takeover") == name)["risk"].to_numpy() / 1_000_000 for name in CLASSES
    ]
    probes = [one for one in probes if len(one)]
    if not len(people) or not probes:
        return []
    risks = np.concatenate([people, *probes])
    truth = np.concatenate([np.zeros(len(people)), *(np.ones(len(one)) for one in probes)])
    found = []
    for prevalence in PREVALENCES:
        parts = [np.full(len(one), prevalence / len(probes) / len(one)) for one in probes]
        weights = np.concatenate([np.full(len(people), (1 - prevalence) / len(people)), *parts])
        found.append(_calibration(risks, truth, weights, prevalence))
    return found


def _calibration(
    risks: Values,
    truth: Values,
    weights: Values,
    prevalence: float,
) -> Calibration:
    """``weights`` add up to 1."""
    which = _binned(risks)
    bins, ece = [], 0.0
    for number in np.unique(which):
        inside = which == number
        weight = float(weights[inside].sum())
        risk = float(risks[inside] @ weights[inside]) / weight
        observed = float(truth[inside] @ weights[inside]) / weight
        ece += weight * abs(risk - observed)
        bins.append(
            Bin(
                risk=round(risk, 6),
                observed=round(observed, 9),
                weight=round(weight, 9),
                attempts=int(inside.sum()),
            )
        )
    brier = float(weights @ (risks - truth) ** 2)
    return Calibration(
        prevalence=prevalence,
        brier=round(brier, 9),
        skill=round(1 - brier / (prevalence * (1 - prevalence)), 6),
        ece=round(ece, 9),
        bins=tuple(bins),
    )


def _binned(risks: Values) -> NDArray[np.int64]:
    """The bin of each; one with fewer than ``FEWEST`` attempts is one with the next."""
    which = np.clip(np.searchsorted(EDGES, risks, side="right") - 1, 0, len(EDGES) - 2)
    counts = np.bincount(which, minlength=len(EDGES) - 1)
    joined, number, held = np.zeros(len(counts), np.int64), 0, 0
    for bin_, count in enumerate(counts):
        joined[bin_] = number
        held += int(count)
        if held >= FEWEST:
            number, held = number + 1, 0
    if held < FEWEST and number:
        joined[joined == number] = number - 1
    return joined[which]
