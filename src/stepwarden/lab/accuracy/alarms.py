"""The alarm about spraying: how soon it stands after an attack begins, and how often without one.

An **alarm** is a moment from which ``site_spraying`` stands, among attempts in order of time; an alarm that falls and
rises again counts again. It is **false** in quiet time: all of the simulation but the time from the first to the last
attempt of every campaign that tries wrong passwords, and a day after it, in which the alarm may rightly stand. The rate
is per 30 days of quiet time; its interval is that of a Poisson rate.
"""

from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from stepwarden.lab.accuracy.attacks import DAY, HOUR, percentile
from stepwarden.lab.accuracy.intervals import Estimate, poisson, wilson
from stepwarden.lab.accuracy.results import Results

SPRAYING: Final = "T1110.003"
AFTER: Final = DAY
"""How long after the last attempt of an attack an alarm is still its own."""
MONTH: Final = 30 * DAY


class FalseAlarms(msgspec.Struct, frozen=True, kw_only=True):
    """Alarms in quiet time; ``monthly`` is None where there is no quiet time, or no signals were told."""

    quiet_days: float
    alarms: int
    monthly: Estimate | None


class Sprayed(msgspec.Struct, frozen=True, kw_only=True):
    """Campaigns of one spraying script. ``already``: the alarm stood for something else, so they say nothing of it.

    ``found``: the share of the others with an alarm before they ended. Hours and attempts until it, over campaigns.
    """

    attacker: str
    campaigns: int
    already: int
    found: Estimate
    hours: tuple[float | None, ...]
    hours_median: float | None
    hours_p90: float | None
    hours_most: float | None
    attempts_median: float | None


def false_alarms(results: Results) -> FalseAlarms:
    """Alarms that nothing was the reason of."""
    attempts = results.attempts
    if attempts.is_empty() or not results.alarmed:
        return FalseAlarms(quiet_days=0.0, alarms=0, monthly=None)
    times = attempts["time"].to_numpy()
    loud = _merged(_loud(results), int(times[0]), int(times[-1]))
    quiet = int(times[-1]) - int(times[0]) - sum(end - begin for begin, end in loud)
    raised = _raised(attempts)
    alarms = sum(1 for time in raised if not any(begin <= time <= end for begin, end in loud))
    return FalseAlarms(
        quiet_days=round(quiet / DAY, 2),
        alarms=alarms,
        monthly=poisson(alarms, quiet / MONTH) if quiet > 0 else None,
    )


def sprayed(results: Results) -> list[Sprayed]:
    """Each spraying script, by name."""
    if not results.alarmed:
        return []
    by_name: dict[str, list[tuple[float, float] | None]] = {}
    for one in results.campaigns:
        if one.technique == SPRAYING:
            own = results.attacks.filter(pl.col("campaign") == one.index)
            if not own.is_empty():
                by_name.setdefault(one.attacker, []).append(
                    _until_alarm(results.attempts, own["time"].to_numpy())
                )
    return [_sprayed(name, until) for name, until in sorted(by_name.items())]


def _sprayed(name: str, until: list[tuple[float, float] | None]) -> Sprayed:
    told = [one for one in until if one is not None]
    hours = [one for one, _ in told]
    return Sprayed(
        attacker=name,
        campaigns=len(until),
        already=len(until) - len(told),
        found=wilson(int(np.isfinite(hours).sum()), len(told)),
        hours=tuple(round(one, 4) if np.isfinite(one) else None for one in hours),
        hours_median=percentile(hours, 50),
        hours_p90=percentile(hours, 90),
        hours_most=percentile(hours, 100),
        attempts_median=percentile([one for _, one in told], 50),
    )


def _until_alarm(attempts: pl.DataFrame, own: NDArray[np.int64]) -> tuple[float, float] | None:
    """Hours and own attempts from the first of these times to the alarm; None where it stood before."""
    times = attempts["time"].to_numpy()
    begin, end = np.searchsorted(times, [own[0], own[-1] + HOUR])
    stands = attempts["site_spraying"].to_numpy()[begin:end]
    if begin and attempts["site_spraying"][int(begin) - 1]:
        return None
    if not stands.any():
        return np.inf, np.inf
    moment = times[begin + int(stands.argmax())]
    return float(moment - own[0]) / HOUR, float(np.searchsorted(own, moment, side="right"))


def _raised(attempts: pl.DataFrame) -> NDArray[np.int64]:
    """The moments from which the alarm stands."""
    stands = attempts["site_spraying"].to_numpy()
    before = np.concatenate([[False], stands[:-1]])
    moments: NDArray[np.int64] = attempts["time"].to_numpy()[stands & ~before]
    return moments


def _loud(results: Results) -> list[tuple[int, int]]:
    """When campaigns that try wrong passwords may be the reason of an alarm."""
    loud = results.attacks.group_by("campaign").agg(
        pl.col("time").min().alias("begin"),
        pl.col("time").max().alias("end"),
        (~pl.col("right")).any().alias("wrong"),
    )
    loud = loud.filter(pl.col("wrong"))
    return [(begin, end + AFTER) for begin, end in loud.select("begin", "end").iter_rows()]


def _merged(spans: list[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """The same time without overlaps, within the simulation."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted((max(begin, first), min(end, last)) for begin, end in spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged
