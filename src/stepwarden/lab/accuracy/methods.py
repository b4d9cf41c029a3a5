"""Ways to tell attackers from people, each as a score per attempt: Stepwarden's own, and those to compare it with.

The baselines are scored on the same attempts and probes. They did not decide them: what was learned before each is
what Stepwarden's answers let people learn, the same for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stepwarden.errors import InputError

CERTAIN: Final = 1_000_000_000
"""The score of what is refused: it counts as detected at every threshold, as it does for the person refused."""
FAILURES: Final = 3

Scores = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Method:
    """``threshold``: from this score on an attempt is challenged; None where a budget chooses the threshold."""

    name: str
    about: str
    score: pl.Expr
    threshold: int | None


def _flag(expression: pl.Expr) -> pl.Expr:
    return expression.cast(pl.Int64)


STEPWARDEN: Final = Method(
    "stepwarden",
    "the policy's risk, with a threshold of its own for each wanted detection",
    pl.when(pl.col("decision") == "deny").then(CERTAIN).otherwise(pl.col("score")).cast(pl.Int64),
    None,
)
POLICY: Final = Method(
    "policy",
    "the policy as it is: what it challenged or refused",
    _flag(pl.col("decision") != "allow"),
    1,
)
FREEMAN: Final = Method(
    "freeman", "the likelihood ratio of Freeman et al. (NDSS 2016) alone", pl.col("login_surprise"), None
)
BASELINES: Final = (
    Method("always", "everybody is challenged, always", _flag(pl.col("score").is_not_null()), 1),
    Method("never", "nobody is ever challenged", _flag(pl.col("score").is_null()), 1),
    Method("new-device", "whoever comes with a device that is new for them", _flag(pl.col("new_device")), 1),
    Method(
        "three-failures",
        "an account with three failures within the hour",
        _flag(pl.col("actor_failures_1h") >= FAILURES),
        1,
    ),
)
METHODS: Final[Mapping[str, Method]] = {one.name: one for one in (STEPWARDEN, POLICY, FREEMAN, *BASELINES)}


@dataclass(frozen=True, slots=True)
class Scored:
    """Probes of one class at one moment: whose account, and the score of each."""

    people: NDArray[np.int64]
    scores: Scores

    @classmethod
    def of(cls, probes: pl.DataFrame, method: Method) -> "Scored":
        return cls(probes["person"].cast(pl.Int64).to_numpy(), scores_of(probes, method))


@dataclass(frozen=True, slots=True)
class History:
    """The first ``logins`` sign-ins with the right password of everybody who has that many, one row each."""

    logins: int
    people: NDArray[np.int64]
    scores: Scores

    @classmethod
    def of(cls, sign_ins: pl.DataFrame, method: Method, logins: int) -> "History":
        """From sign-ins of people in order of time.

        Raises:
            InputError: nobody has signed in that often.
        """
        first = (
            sign_ins.with_columns(_score=method.score)
            .sort("person", maintain_order=True)
            .with_columns(_nth=pl.int_range(pl.len()).over("person"), _all=pl.len().over("person"))
            .filter((pl.col("_all") >= logins) & (pl.col("_nth") < logins))
        )
        if first.is_empty():
            raise InputError(f"nobody signed in {logins} times: simulate more days", field="results")
        scores = first["_score"].to_numpy().reshape(-1, logins)
        return cls(logins, first["person"].cast(pl.Int64).to_numpy()[::logins], np.ascontiguousarray(scores))

    def challenged(self, threshold: int) -> NDArray[np.int64]:
        """How many of each person's sign-ins reach the threshold."""
        counts: NDArray[np.int64] = (self.scores >= threshold).sum(axis=1)
        return counts


def scores_of(frame: pl.DataFrame, method: Method) -> Scores:
    """The score of each row."""
    scores: Scores = frame.select(method.score.alias("_score"))["_score"].cast(pl.Int64).to_numpy()
    return scores
