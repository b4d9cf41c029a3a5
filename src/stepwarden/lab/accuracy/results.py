"""The results of a simulation, as ``stepwarden lab simulate`` left them in a directory, read back and checked.

    run.json           what was simulated: seed, people, days, policy
    people.parquet     one row per person (``plan.Person``), in order of ``index`` from 0
    campaigns.json     the attacks (``plan.Campaign``), in order of ``index`` from 0
    attempts.parquet   one row per attempt and per probe: what was answered, and what it rested on

Four views of the attempts are used everywhere. **Benign**: made by people, whatever they did. **Sign-ins**: those of
them that sign in with the right password, which is where a challenge disturbs somebody. **Attacks**: made by a
campaign, and answered for good. **Probes**: takeover attempts that were weighed at one moment of one account and left
no trace.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from stepwarden.errors import InputError
from stepwarden.lab.simulate.plan import Campaign
from stepwarden.signals.actions import is_sign_in

CLASSES: Final = ("naive", "vpn", "targeted", "very-targeted")
"""Classes of takeover attackers, from the one who knows least of a person to the one who knows most."""
NUMBERS: Final = (
    "time", "person", "login", "campaign", "score", "risk", "login_surprise", "actor_failures_1h",
)  # fmt: skip
TRUTHS: Final = ("probe", "right", "open", "new_device", "first_seen", "site_spraying")
SPRAYING: Final = "site_spraying"
TEXTS: Final = ("action", "decision", "rules")
PEOPLE: Final = ("index", "cohort", "band")
NAMED: Final = "has_device_id"
"""A column of people that may be missing."""
RUN, PERSONS, CAMPAIGNS, ATTEMPTS = "run.json", "people.parquet", "campaigns.json", "attempts.parquet"


@dataclass(frozen=True)
class Results:
    """One simulation. ``attempts`` are in order of time.

    ``alarmed``: whether it is known when the alarm about spraying stood. A server that was attacked over HTTP does not
    tell it; then ``site_spraying`` is false everywhere and says nothing.
    """

    run: dict[str, Any]
    people: pl.DataFrame
    campaigns: Sequence[Campaign]
    attempts: pl.DataFrame
    alarmed: bool = True

    @cached_property
    def benign(self) -> pl.DataFrame:
        """What people did."""
        return self.attempts.filter((pl.col("campaign") < 0) & ~pl.col("probe"))

    @cached_property
    def sign_ins(self) -> pl.DataFrame:
        """Sign-ins of people with the right password."""
        return self.benign.filter(pl.col("right") & pl.col("action").is_in(self.names))

    @cached_property
    def names(self) -> list[str]:
        """The actions that are sign-ins."""
        return sorted(name for name in self.attempts["action"].unique().to_list() if is_sign_in(name))

    @cached_property
    def attacks(self) -> pl.DataFrame:
        """What campaigns did and was answered for good."""
        return self.attempts.filter((pl.col("campaign") >= 0) & ~pl.col("probe"))

    @cached_property
    def probes(self) -> pl.DataFrame:
        """Takeover attempts, with their ``takeover`` class. Those on accounts that nobody has count for nothing."""
        classes = pl.DataFrame(
            {
                "campaign": [one.index for one in self.campaigns],
                "takeover": [one.takeover for one in self.campaigns],
            },
            schema={"campaign": pl.Int32, "takeover": pl.String},
        )
        probes = self.attempts.filter(pl.col("probe") & (pl.col("person") >= 0))
        return probes.join(classes, on="campaign").filter(pl.col("takeover") != "")

    @cached_property
    def days(self) -> float:
        """How long it lasted, from the first to the last attempt."""
        if self.attempts.is_empty():
            return 0.0
        times = self.attempts["time"]
        return (int(times[-1]) - int(times[0])) / 86_400_000_000


def by_owner(
    frame: pl.DataFrame, owner: str, number: int, part: pl.Expr
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By the index of whoever owns the rows (0 to ``number`` - 1): for how many of them ``part`` is so, and how many
    there are. Rows of a negative owner are nobody's."""
    counted = (
        frame.filter(pl.col(owner) >= 0).group_by(owner).agg(part.sum().alias("part"), pl.len().alias("all"))
    )
    owners = counted[owner].cast(pl.Int64).to_numpy()
    parts, wholes = np.zeros(number), np.zeros(number)
    parts[owners], wholes[owners] = counted["part"].to_numpy(), counted["all"].to_numpy()
    return parts, wholes


def read(directory: Path) -> Results:
    """Read the results of a simulation.

    Raises:
        InputError: a file is missing, cannot be read, or is not what a simulation writes; the message names it.
    """
    people, attempts = _frame(directory / PERSONS), _frame(directory / ATTEMPTS)
    try:
        run = msgspec.json.decode((directory / RUN).read_bytes(), type=dict[str, Any])
        campaigns = msgspec.json.decode((directory / CAMPAIGNS).read_bytes(), type=list[Campaign])
    except OSError as exc:
        raise InputError(f"{exc.filename} cannot be read: {exc.strerror}", field="results") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InputError(
            f"{directory}: {RUN} or {CAMPAIGNS} is none of a simulation: {exc}", field="results"
        ) from exc
    return checked(run, people, campaigns, attempts)


def checked(
    run: dict[str, Any], people: pl.DataFrame, campaigns: Sequence[Campaign], attempts: pl.DataFrame
) -> Results:
    """Results whose columns have the types that everything else counts on.

    Raises:
        InputError: a column is missing or of another type, or people or campaigns are not numbered from 0.
    """
    alarmed = SPRAYING in attempts.columns and not run.get("live")
    if SPRAYING not in attempts.columns:
        attempts = attempts.with_columns(pl.lit(value=False).alias(SPRAYING))
    try:
        named = [pl.col(NAMED).cast(pl.Boolean)] if NAMED in people.columns else []
        people = people.select(
            pl.col("index").cast(pl.Int32), pl.col("cohort", "band").cast(pl.String), *named
        )
        attempts = attempts.with_columns(
            pl.col(*NUMBERS).cast(pl.Int64), pl.col(*TRUTHS).cast(pl.Boolean), pl.col(*TEXTS).cast(pl.String)
        ).with_columns(pl.col("person", "login", "campaign").cast(pl.Int32))
    except pl.exceptions.PolarsError as exc:
        raise InputError(f"these are no results of a simulation: {exc}", field="results") from exc
    if people["index"].to_list() != list(range(len(people))):
        raise InputError(f"{PERSONS}: people are not numbered from 0", field="results")
    if [one.index for one in campaigns] != list(range(len(campaigns))):
        raise InputError(f"{CAMPAIGNS}: campaigns are not numbered from 0", field="results")
    beyond = (pl.col("person") >= len(people)) | (pl.col("campaign") >= len(campaigns))
    if not attempts.filter(beyond).is_empty():
        raise InputError(f"{ATTEMPTS}: an attempt of a person or campaign that there is not", field="results")
    # A stable sort: of attempts within one microsecond the engine's order is that in which they were decided.
    return Results(run, people, campaigns, attempts.sort("time", maintain_order=True), alarmed)


def _frame(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; simulate first", field="results")
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as exc:
        raise InputError(f"{path} cannot be read: {exc}", field="results") from exc
