"""What is demanded of each attempt against what it held: the decision over columns, as ``flow.judge`` gives it.

1. What the policy demands is joined with what was demanded beside it (``judge.Around``) and with the highest while the
   log was in doubt or in an emergency: once for each combination that occurs, by the very functions that decide.
2. Level, freshness and binding are compared over columns. Where a grant came along, or one of some methods is asked
   for, ``policy.demand.decide`` is asked, row by row: such attempts are few.
3. A step-up of somebody who was being bombed with prompts is a refusal.

Not here: what the policy demands (``assessing``), what was held (``history``).
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from stepwarden.events.entries import Demand, Standing, Verdict
from stepwarden.flow.judge import Around
from stepwarden.lab.backtest.assessing import Assessed, coded, occurring
from stepwarden.policy.demand import MICROSECONDS, NOTHING, decide, raised
from stepwarden.policy.policy import Assessment

ALLOW, STEP_UP, DENY = 0, 1, 2
VERDICTS: Final[tuple[Verdict, ...]] = ("allow", "step_up", "deny")
Codes = NDArray[np.int8]
NUMBER: Final = {verdict: number for number, verdict in enumerate(VERDICTS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One row each. ``verdict`` into ``VERDICTS``; ``score`` and ``risk`` as assessed; ``demand`` into ``demands``."""

    verdict: Codes
    score: NDArray[np.int32]
    risk: NDArray[np.int32]
    demand: NDArray[np.int32]
    demands: tuple[Demand, ...]

    def __len__(self) -> int:
        return len(self.verdict)


def decided(frame: pl.DataFrame, assessed: Assessed) -> Decided:
    """The decision of every row."""
    number, demands = _joined(frame, assessed)
    return Decided(
        verdict=_verdicts(frame, number, demands),
        score=assessed.score,
        risk=assessed.risk,
        demand=number,
        demands=demands,
    )


def _joined(frame: pl.DataFrame, assessed: Assessed) -> tuple[NDArray[np.int32], tuple[Demand, ...]]:
    """What is demanded in all, and of each row which of that."""
    beside, codes = coded(frame["around"])
    states = frame["emergency"].cast(pl.Int64).to_numpy() * 2 + frame["doubted"].cast(pl.Int64).to_numpy()
    different, rows = occurring((assessed.demand.astype(np.int64) * len(beside) + codes) * 4 + states)
    numbers: dict[Demand, int] = {}
    chosen = np.empty(len(different), np.int32)
    for place, combination in enumerate(different.tolist()):
        rest, state = divmod(combination, 4)
        demand, around = divmod(rest, len(beside))
        found = _demand(
            assessed.demands[demand], beside[around], emergency=state >= 2, doubted=state % 2 == 1
        )
        chosen[place] = numbers.setdefault(found, len(numbers))
    return chosen[rows], tuple(numbers)


def _demand(demand: Demand, beside: str, *, emergency: bool, doubted: bool) -> Demand:
    if beside:
        around = msgspec.json.decode(beside, type=Around)
        demand = around.on(Assessment(evidence=(), score=0, risk=0, demand=demand)).demand
    return raised(demand) if emergency or doubted else demand


def _verdicts(frame: pl.DataFrame, number: NDArray[np.int32], demands: tuple[Demand, ...]) -> Codes:
    if not demands:
        return np.empty(0, np.int8)

    def of(values: list[Any], kind: Any) -> NDArray[Any]:
        return np.array(values, kind)[number]

    now, since = frame["time"].to_numpy(), frame["standing_since"].to_numpy()
    ages = [
        demand.max_age * MICROSECONDS if demand.max_age >= 0 else np.iinfo(np.int64).max for demand in demands
    ]
    fresh = (since <= now) & (now - since <= of(ages, np.int64))
    held = frame["standing_aal"].to_numpy() >= of([demand.aal for demand in demands], np.int8)
    enough = fresh & held & ~of([demand.bound for demand in demands], np.bool_)
    verdict = np.where(enough, ALLOW, STEP_UP).astype(np.int8)
    verdict[of([_is_nothing(demand) for demand in demands], np.bool_)] = ALLOW
    verdict[of([demand.deny for demand in demands], np.bool_)] = DENY
    apart = frame["granted"].to_numpy() | of([bool(demand.methods) for demand in demands], np.bool_)
    places = np.flatnonzero(apart)
    if len(places):
        rows = frame[places].select("time", *STANDING, "granted", *GRANT).iter_rows()
        for place, (time, *standing, granted, aal, at_once, amr, at) in zip(
            places.tolist(), rows, strict=True
        ):
            grant = _standing(aal, at_once, amr, at) if granted else None
            verdict[place] = NUMBER[decide(demands[number[place]], _standing(*standing), time, grant)]
    bombed = frame["bombed"].to_numpy()
    verdict[bombed & (verdict == STEP_UP)] = DENY
    return verdict


STANDING: Final = ("standing_aal", "standing_since", "standing_amr", "standing_at")
GRANT: Final = ("granted_aal", "granted_since", "granted_amr", "granted_at")


def _standing(aal: Any, since: int, amr: str, at: str) -> Standing:
    """A standing from its columns."""
    return Standing(
        aal=aal, since=since, amr=tuple(amr.split()), at=tuple(int(moment) for moment in at.split())
    )


def spelled(standing: Standing) -> tuple[int, int, str, str]:
    """A standing as its columns: level, since when, methods, and when each was proved; the last two with blanks."""
    return standing.aal, standing.since, " ".join(standing.amr), " ".join(map(str, standing.at))


def _is_nothing(demand: Demand) -> bool:
    return demand.aal == NOTHING.aal and not demand.bound and demand.max_age < 0 and not demand.methods
