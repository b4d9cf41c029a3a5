"""Ways to tell attackers from people, each as a score per attempt: Stepwarden's own, and those to compare it with.

The baselines are scored on the same attempts and probes. They did not decide them: what was learned before each is
what Stepwarden's answers let people learn, the same for all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

CERTAIN: Final = 1_000_000_000
"""The score of what is refused: it counts as detected at every threshold, as it does for the person refused."""
FAILURES: Final = 3

Scores = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Method:
    """What has no threshold to choose scores 1 where it challenges, and 0 elsewhere."""

    name: str
    score: pl.Expr


def _flag(expression: pl.Expr) -> pl.Expr:
    return expression.cast(pl.Int64)


STEPWARDEN: Final = Method(
    "stepwarden",
    pl.when(pl.col("decision") == "deny").then(CERTAIN).otherwise(pl.col("score")).cast(pl.Int64),
)
"""The policy's risk, with a threshold of its own for each wanted detection."""
POLICY: Final = Method("policy", _flag(pl.col("decision") != "allow"))
"""The policy as it is: what it challenged or refused."""
FREEMAN: Final = Method("freeman", pl.col("login_surprise"))
"""The likelihood ratio of Freeman et al. (NDSS 2016) alone."""
BASELINES: Final = (
    Method("always", _flag(pl.col("score").is_not_null())),
    Method("never", _flag(pl.col("score").is_null())),
    Method("new-device", _flag(pl.col("new_device"))),
    Method("three-failures", _flag(pl.col("actor_failures_1h") >= FAILURES)),
)
"""Everybody is challenged, nobody is, whoever has a device new for them, an account with failures within the hour."""
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

    def challenged(self, threshold: int) -> NDArray[np.int64]:
        """How many of each person's sign-ins reach the threshold."""
        counts: NDArray[np.int64] = (self.scores >= threshold).sum(axis=1)
        return counts


class SignIns:
    """Sign-ins of people, each person's together and in order of time, with the scores of every method.

    >>> frame = pl.DataFrame({"person": [1, 0, 1], "score": [5, 6, 7], "decision": ["allow", "allow", "deny"]})
    >>> SignIns(frame, [STEPWARDEN]).first(2, STEPWARDEN).scores.tolist()
    [[5, 1000000000]]
    """

    def __init__(self, sign_ins: pl.DataFrame, methods: Iterable[Method]) -> None:
        ordered = sign_ins.sort("person", maintain_order=True)
        self._people = ordered["person"].cast(pl.Int64).to_numpy()
        self._scores = {one.name: scores_of(ordered, one) for one in methods}
        begins = np.flatnonzero(np.diff(self._people, prepend=-1))
        lengths = np.diff(begins, append=len(self._people))
        self._nth = np.arange(len(self._people)) - np.repeat(begins, lengths)
        self._all = np.repeat(lengths, lengths)

    def first(self, logins: int, method: Method) -> History | None:
        """The first so many (1 or more) of everybody who has them; None where nobody has."""
        chosen = (self._nth < logins) & (self._all >= logins)
        if not chosen.any():
            return None
        scores = self._scores[method.name][chosen].reshape(-1, logins)
        return History(logins, self._people[chosen][::logins], scores)


def scores_of(frame: pl.DataFrame, method: Method) -> Scores:
    """The score of each row."""
    scores: Scores = frame.select(method.score.alias("_score"))["_score"].cast(pl.Int64).to_numpy()
    return scores
