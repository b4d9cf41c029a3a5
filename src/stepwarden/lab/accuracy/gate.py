"""Whether a candidate policy is worse than the live one: both on the same simulated people and attacks, compared.

Everything is measured with the policies as they are, thresholds and all: what each stops of the takeovers weighed, by
class; which scripts get in; and whom each challenges or refuses, by kind of people. Differences are candidate minus
live, and their intervals are paired: each draw takes the same people (or campaigns) of both runs, so what both runs
share cancels out. Two equal policies differ by exactly 0.

A figure is **worse** where the whole interval lies on the wrong side of 0, and of the margin that is tolerated; it is
**better** where the whole interval lies on the other side of 0. Intervals are of 99 %, because some thirty figures are
compared and one of them being worse is enough to fail.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from stepwarden.errors import InputError
from stepwarden.lab.accuracy.friction import BANDS, COHORTS, COLD, rates
from stepwarden.lab.accuracy.intervals import SEED, Draws, Estimate
from stepwarden.lab.accuracy.results import CLASSES, Results, by_owner

CONFIDENCE: Final = 0.99
REPLICATES: Final = 1_000
SAME: Final = ("seed", "people", "days", "start", "attacks")
"""What two runs must have in common."""
Verdict = Literal["worse", "better", "as good"]
Kind = Literal["takeovers stopped", "campaigns that got in", "sign-ins challenged", "attempts refused"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of both policies; shares. ``change`` is candidate minus live."""

    kind: Kind
    of: str
    live: float
    candidate: float
    change: Estimate
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Margins:
    """How much worse is tolerated, as shares: 0.01 is a hundredth of all takeovers, or of all sign-ins."""

    detection: float = 0.0
    challenges: float = 0.0


@dataclass(frozen=True, slots=True)
class _Sums:
    """A ratio of sums over people (or campaigns)."""

    parts: NDArray[np.float64]
    wholes: NDArray[np.float64]


def compare(live: Results, candidate: Results, margins: Margins, *, seed: int = SEED) -> list[Difference]:
    """All figures that both runs have.

    Raises:
        InputError: the two are not of the same people and attacks.
    """
    _same(live, candidate)
    people = Draws(len(live.people), seed=seed, replicates=REPLICATES)
    campaigns = Draws(len(live.campaigns), seed=seed, replicates=REPLICATES)
    found = [
        *_differences(
            "takeovers stopped", _stopped(live), _stopped(candidate), people, margins.detection, more=True
        ),
        *_differences(
            "campaigns that got in", _inside(live), _inside(candidate), campaigns, margins.detection
        ),
        *_differences(
            "sign-ins challenged", _challenged(live), _challenged(candidate), people, margins.challenges
        ),
        *_differences("attempts refused", _refused(live), _refused(candidate), people, margins.challenges),
    ]
    if not found:
        raise InputError("there is nothing to compare: nobody signed in", field="results")
    return found


def worse(found: Sequence[Difference]) -> list[Difference]:
    """Those that fail the gate."""
    return [one for one in found if one.verdict == "worse"]


def _same(live: Results, candidate: Results) -> None:
    for name in SAME:
        if live.run.get(name) != candidate.run.get(name):
            raise InputError(
                f"the two runs differ in {name} ({live.run.get(name)} and {candidate.run.get(name)}): "
                "simulate both alike",
                field=name,
            )
    if not live.people.equals(candidate.people) or live.campaigns != candidate.campaigns:
        raise InputError(
            "the two runs are not of the same people and attacks: simulate both alike", field="results"
        )


def _differences(
    kind: Kind,
    live: dict[str, _Sums],
    candidate: dict[str, _Sums],
    draws: Draws,
    margin: float,
    *,
    more: bool = False,
) -> Iterator[Difference]:
    """``more``: it is the higher figure that is better."""
    for of, before in live.items():
        after = candidate.get(of)
        if after is None or not before.wholes.any() or not after.wholes.any():
            continue
        change = draws.difference(after.parts, after.wholes, before.parts, before.wholes, CONFIDENCE)
        bad, good = (-change.high, change.low) if more else (change.low, -change.high)
        yield Difference(
            kind=kind,
            of=of,
            live=round(float(before.parts.sum() / before.wholes.sum()), 6),
            candidate=round(float(after.parts.sum() / after.wholes.sum()), 6),
            change=change,
            verdict="worse" if bad > margin else "better" if good > 0 else "as good",
        )


def _stopped(results: Results) -> dict[str, _Sums]:
    """Probes of each class that were challenged or refused, in the cold start and after it."""
    return {
        f"{name}, {period}": _Sums(
            *by_owner(
                results.probes.filter((pl.col("takeover") == name) & when),
                "person",
                len(results.people),
                pl.col("decision") != "allow",
            )
        )
        for name in CLASSES
        for period, when in (
            (f"before {COLD} sign-ins", pl.col("login") < COLD),
            ("later", pl.col("login") >= COLD),
        )
    }


def _inside(results: Results) -> dict[str, _Sums]:
    """Campaigns of each script that got in."""
    number = len(results.campaigns)
    inside, attempts = by_owner(results.attacks, "campaign", number, pl.col("open"))
    found = {}
    for name in sorted({one.attacker for one in results.campaigns}):
        own = np.array([one.attacker == name for one in results.campaigns], np.bool_)
        attempted = (own & (attempts > 0)).astype(np.float64)
        found[name] = _Sums((inside > 0) * attempted, attempted)
    return found


def _challenged(results: Results) -> dict[str, _Sums]:
    """The mean over people of the share of their sign-ins that is challenged or refused."""
    found = {}
    for period, when in (
        (f"first {COLD} sign-ins", pl.col("login") < COLD),
        ("later", pl.col("login") >= COLD),
    ):
        share, there, _ = rates(results, when)
        found[f"everybody, {period}"] = _Sums(share, there)
        if period == "later":
            for column, names in (("cohort", COHORTS), ("band", BANDS)):
                kinds = results.people[column].to_numpy()
                found |= {
                    f"{name}, {period}": _Sums(share * (kinds == name), there * (kinds == name))
                    for name in names
                }
    return found


def _refused(results: Results) -> dict[str, _Sums]:
    """Attempts of people that were refused, whatever they were."""
    refused = by_owner(results.benign, "person", len(results.people), pl.col("decision") == "deny")
    return {"everybody": _Sums(*refused)}
