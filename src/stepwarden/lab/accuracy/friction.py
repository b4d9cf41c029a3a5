"""What a policy costs people: challenges, refusals, whom they meet, and which rules are behind them.

A **challenge** here is a step-up or a refusal: both stop somebody. Rates of sign-ins count those with the right
password and are means over people of each person's share, so that who signs in often does not count for more. What an
action demands by itself (a transfer's own proof) is no false alarm; it is in the challenges per person, which count
everything, and nowhere else.
"""

from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from stepwarden.lab.accuracy.intervals import Draws, Estimate, wilson
from stepwarden.lab.accuracy.results import Results, by_owner

COLD: Final = 3
"""So many first sign-ins of a person are a cold start: there are hardly any habits to compare with."""
HOME: Final = "home"
COHORTS: Final = (HOME, "mobile", "office", "vpn", "traveller", "night")
BANDS: Final = ("daily", "weekly", "monthly", "rare")
MONTH: Final = 30.0
"""Days."""


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """How many attempts of people were refused."""

    attempts: int
    refused: int
    share: Estimate


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Challenge rates of one kind of people. ``to_home``: warm, over that of the home cohort."""

    name: str
    people: int
    sign_ins: int
    challenged: Estimate | None
    cold: Estimate | None
    warm: Estimate | None
    to_home: Estimate | None


class Burden(msgspec.Struct, frozen=True, kw_only=True):
    """Challenges of everything that people do, per person and 30 days, and per 100 of their sessions."""

    median: float
    p95: float
    p99: float
    mean: float
    per_100_sessions: Estimate | None
    sessions: int


class RuleCost(msgspec.Struct, frozen=True, kw_only=True):
    """A rule among the evidence of sign-ins of people that were not allowed.

    ``share``: its part of the positive evidence, added over the sign-ins; over all rules it adds up to their number.
    """

    rule: str
    held: int
    share: float


def refusals(results: Results, *, right_only: bool) -> Refusals:
    """Attempts of people that were refused; ``right_only``: of sign-ins with the right password."""
    frame = results.sign_ins if right_only else results.benign
    refused = int((frame["decision"] == "deny").sum())
    return Refusals(attempts=len(frame), refused=refused, share=wilson(refused, len(frame)))


def groups(results: Results, draws: Draws, by: str) -> list[Group]:
    """Challenge rates by cohort or by band of frequency, in the order of the lists above; those that have people."""
    kinds = results.people[by].to_numpy()
    order = COHORTS if by == "cohort" else BANDS
    periods = {name: rates(results, when) for name, when in _PERIODS.items()}
    home = results.people["cohort"].to_numpy() == HOME
    return [
        _group(name, kinds == name, home if by == "cohort" else None, periods, draws)
        for name in order
        if (kinds == name).any()
    ]


def everybody(results: Results, draws: Draws) -> Group:
    """Challenge rates of all people together."""
    periods = {name: rates(results, when) for name, when in _PERIODS.items()}
    return _group("everybody", np.ones(len(results.people), np.bool_), None, periods, draws)


_PERIODS: Final = {
    "challenged": pl.lit(True),
    "cold": pl.col("login") < COLD,
    "warm": pl.col("login") >= COLD,
}
Rates = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def rates(results: Results, when: pl.Expr) -> Rates:
    """Of each person: the share of challenged sign-ins, whether there are any, how many."""
    people = len(results.people)
    stopped, every = by_owner(results.sign_ins.filter(when), "person", people, pl.col("decision") != "allow")
    share = np.divide(stopped, every, out=np.zeros(people), where=every > 0)
    return share, (every > 0).astype(np.float64), every


def _group(
    name: str,
    chosen: NDArray[np.bool_],
    home: NDArray[np.bool_] | None,
    periods: dict[str, Rates],
    draws: Draws,
) -> Group:
    def mean(period: str) -> Estimate | None:
        share, there, _ = periods[period]
        return draws.ratio(share * chosen, there * chosen) if (there * chosen).any() else None

    share, there, _ = periods["warm"]
    return Group(
        name=name,
        people=int(chosen.sum()),
        sign_ins=int(periods["challenged"][2][chosen].sum()),
        challenged=mean("challenged"),
        cold=mean("cold"),
        warm=mean("warm"),
        to_home=None if home is None else draws.quotient(share, there, chosen, home),
    )


def burden(results: Results, draws: Draws) -> Burden:
    """How often people are stopped, whatever they do."""
    people = len(results.people)
    counted = results.benign.group_by("person").agg(
        (pl.col("decision") != "allow").sum().alias("stopped"),
        (pl.col("open") & pl.col("action").is_in(results.names)).sum().alias("sessions"),
    )
    owners = counted["person"].cast(pl.Int64).to_numpy()
    stopped, sessions = np.zeros(people), np.zeros(people)
    stopped[owners], sessions[owners] = counted["stopped"].to_numpy(), counted["sessions"].to_numpy()
    monthly = stopped * MONTH / max(results.days, 1.0)
    median, p95, p99 = np.percentile(monthly, (50, 95, 99)) if people else (0.0, 0.0, 0.0)
    return Burden(
        median=round(float(median), 4),
        p95=round(float(p95), 4),
        p99=round(float(p99), 4),
        mean=round(float(monthly.mean()) if people else 0.0, 4),
        per_100_sessions=draws.ratio(100 * stopped, sessions) if sessions.any() else None,
        sessions=int(sessions.sum()),
    )


def rule_costs(results: Results) -> list[RuleCost]:
    """The rules behind challenged sign-ins of people, the most expensive first."""
    stopped = results.sign_ins.filter(pl.col("decision") != "allow").select("rules").with_row_index("row")
    evidence = (
        stopped.with_columns(pl.col("rules").str.split(" "))
        .explode("rules", empty_as_null=True)
        .with_columns(
            # The weight is last; an exclamation mark is behind that of a rule that could not be evaluated.
            pl.col("rules").str.extract(r"^(.*):(-?\d+)!?$", 1).alias("rule"),
            pl.col("rules").str.extract(r"^(.*):(-?\d+)!?$", 2).cast(pl.Int64).alias("weight"),
        )
        .filter(pl.col("weight") > 0)
        .with_columns((pl.col("weight") / pl.col("weight").sum().over("row")).alias("part"))
    )
    ranked = (
        evidence.group_by("rule")
        .agg(pl.len().alias("held"), pl.col("part").sum())
        .sort(["part", "rule"], descending=[True, False])
    )
    return [
        RuleCost(rule=rule, held=held, share=round(part, 3))
        for rule, held, part in ranked.select("rule", "held", "part").iter_rows()
    ]
