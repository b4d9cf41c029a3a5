"""What became of attacks: by script, how they were answered, who got in, and how long it took to notice.

An attack is **noticed** at its first attempt that is challenged or refused; for spraying there is also the first
moment when the site-wide alarm stands. Times count from the campaign's own first attempt, attempts from 1. What was
never noticed is later than everything that was, so that a median over campaigns is none where half went unnoticed.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import polars as pl

from stepwarden.lab.accuracy.intervals import Estimate, wilson
from stepwarden.lab.accuracy.results import CLASSES, Results

HOUR: Final = 3_600_000_000
"""Microseconds."""
DAY: Final = 24 * HOUR
POISONED: Final = 30
"""Days of slow poisoning after which a real attempt must still be challenged."""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """How attempts were answered; ``got_in``: those after which the attacker was where they wanted to be."""

    attempts: int
    allowed: int
    challenged: int
    refused: int
    got_in: int


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """All campaigns of one attacker script.

    ``reached``: campaigns that got in at least once, and ``people`` whose accounts they got into. ``noticed``: the
    share of campaigns; attempts and hours until then, over campaigns (None: later than any that was noticed).
    """

    attacker: str
    technique: str
    about: str
    campaigns: int
    answers: Answers
    right: Answers
    reached: int
    people: int
    noticed: Estimate
    attempts_median: float | None
    attempts_p90: float | None
    hours_median: float | None
    hours_p90: float | None


class Takeover(msgspec.Struct, frozen=True, kw_only=True):
    """How probes of one class, after so many sign-ins, were answered by the policy as it is."""

    takeover: str
    login: int
    answers: Answers


class Poisoning(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign that poisons habits: its sign-ins with the right password from the 30th day on."""

    attacker: str
    days: float
    late: int
    stopped: int
    got_in: int


def scripts(results: Results) -> list[Script]:
    """Each script that made attempts, by name."""
    frame = results.attacks.join(_named(results), on="campaign")
    found = []
    for (attacker,), rows in frame.group_by(["attacker"], maintain_order=True):
        first = next(one for one in results.campaigns if one.attacker == attacker)
        late = [_noticed(own) for _, own in rows.group_by(["campaign"], maintain_order=True)]
        inside = rows.filter(pl.col("open"))
        noticed = sum(1 for attempts, _ in late if math.isfinite(attempts))
        found.append(
            Script(
                attacker=str(attacker),
                technique=first.technique,
                about=first.about,
                campaigns=len(late),
                answers=_answers(rows),
                right=_answers(rows.filter(pl.col("right"))),
                reached=inside["campaign"].n_unique(),
                people=inside.filter(pl.col("person") >= 0)["person"].n_unique(),
                noticed=wilson(noticed, len(late)),
                attempts_median=percentile([attempts for attempts, _ in late], 50),
                attempts_p90=percentile([attempts for attempts, _ in late], 90),
                hours_median=percentile([hours for _, hours in late], 50),
                hours_p90=percentile([hours for _, hours in late], 90),
            )
        )
    return sorted(found, key=lambda one: one.attacker)


def takeovers(results: Results) -> list[Takeover]:
    """Each class of takeover attacker, by the length of the person's history."""
    return [
        Takeover(takeover=name, login=login, answers=_answers(rows))
        for name in CLASSES
        for login in sorted(results.probes["login"].unique().to_list())
        if len(rows := results.probes.filter((pl.col("takeover") == name) & (pl.col("login") == login)))
    ]


def poisonings(results: Results) -> list[Poisoning]:
    """Campaigns of scripts called after poisoning, with what came of them in the end."""
    found = []
    for one in results.campaigns:
        if "poison" not in one.attacker:
            continue
        own = results.attacks.filter(
            (pl.col("campaign") == one.index) & pl.col("right") & pl.col("action").is_in(results.names)
        )
        if own.is_empty():
            continue
        began = min(one.began, int(own["time"][0]))
        late = own.filter(pl.col("time") - began >= POISONED * DAY)
        found.append(
            Poisoning(
                attacker=one.attacker,
                days=round((int(own["time"][-1]) - began) / DAY, 2),
                late=len(late),
                stopped=int((late["decision"] != "allow").sum()),
                got_in=int(late["open"].sum()),
            )
        )
    return found


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that ``share`` per cent do not exceed; None where that is infinite, or there are none.

    >>> percentile([1, 2, math.inf], 50), percentile([1, math.inf, math.inf], 50), percentile([], 50)
    (2.0, None, None)
    """
    if not values:
        return None
    found = float(np.percentile(np.array(values, np.float64), share, method="inverted_cdf"))
    return round(found, 4) if math.isfinite(found) else None


def _named(results: Results) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "campaign": [one.index for one in results.campaigns],
            "attacker": [one.attacker for one in results.campaigns],
        },
        schema={"campaign": pl.Int32, "attacker": pl.String},
    )


def _noticed(rows: pl.DataFrame) -> tuple[float, float]:
    """Attempts and hours until the first challenge or refusal; infinite where there is none."""
    stopped = rows["decision"] != "allow"
    if not stopped.any():
        return math.inf, math.inf
    number = int(stopped.arg_max() or 0)
    return number + 1, (int(rows["time"][number]) - int(rows["time"][0])) / HOUR


def _answers(rows: pl.DataFrame) -> Answers:
    decision = rows["decision"]
    return Answers(
        attempts=len(rows),
        allowed=int((decision == "allow").sum()),
        challenged=int((decision == "step_up").sum()),
        refused=int((decision == "deny").sum()),
        got_in=int(rows["open"].sum()),
    )
