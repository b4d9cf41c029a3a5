"""The decision over columns is the decision: every demand, standing, grant and circumstance, row by row."""

from typing import Any

import msgspec
import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.events.entries import Demand, Standing
from stepwarden.flow.judge import Around
from stepwarden.lab.backtest.assessing import Assessed
from stepwarden.lab.backtest.deciding import VERDICTS, decided, spelled
from stepwarden.policy.demand import decide, raised
from stepwarden.policy.policy import Assessment

NOW = 1_800_000_000_000_000
SECOND = 1_000_000
levels: Any = st.integers(0, 3)
methods = st.lists(st.sampled_from(["otp", "pwd", "hwk", "recovery"]), max_size=2, unique=True).map(
    lambda found: tuple(sorted(found))
)
demands = st.builds(
    Demand,
    aal=levels,
    max_age=st.sampled_from([-1, -1, 0, 60, 600]),
    bound=st.booleans(),
    recovery=st.booleans(),
    deny=st.sampled_from([False, False, False, True]),
    methods=st.one_of(st.just(()), methods),
)


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    amr = draw(methods)
    ages = st.sampled_from([-1, 0, 59, 60, 61, 599, 601, 5_000])
    since = NOW - draw(ages) * SECOND
    at = tuple(NOW - draw(ages) * SECOND for _ in amr) if draw(st.booleans()) else ()
    return Standing(aal=draw(levels), since=since, amr=amr, at=at)


arounds = st.builds(
    Around,
    asked=demands,
    own=demands,
    recovery=st.booleans(),
    revoked=st.sampled_from([False, False, True]),
)
cases = st.fixed_dictionaries(
    {
        "demand": demands,
        "standing": standings(),
        "granted": st.none() | standings(),
        "around": st.none() | arounds,
        "doubted": st.booleans(),
        "emergency": st.booleans(),
        "bombed": st.booleans(),
    }
)


def wanted(case: dict[str, Any]) -> str:
    """What ``flow.judge`` does, for one attempt."""
    demand = case["demand"]
    if case["around"] is not None:
        demand = case["around"].on(Assessment(evidence=(), score=0, risk=0, demand=demand)).demand
    if case["emergency"] or case["doubted"]:
        demand = raised(demand)
    verdict = decide(demand, case["standing"], NOW, case["granted"])
    return "deny" if verdict == "step_up" and case["bombed"] else verdict


@settings(max_examples=300, deadline=None)
@given(st.lists(cases, min_size=1, max_size=12))
def test_each_row_is_decided_as_one_attempt_is(rows: list[dict[str, Any]]) -> None:
    columns: dict[str, Any] = {"time": [NOW] * len(rows)}
    for name, prefix in (("standing", "standing"), ("granted", "granted")):
        held = [spelled(row[name] or Standing()) for row in rows]
        for place, field in enumerate(("aal", "since", "amr", "at")):
            columns[f"{prefix}_{field}"] = [one[place] for one in held]
    columns["granted"] = [row["granted"] is not None for row in rows]
    columns["around"] = [msgspec.json.encode(row["around"]).decode() if row["around"] else "" for row in rows]
    for name in ("doubted", "emergency", "bombed"):
        columns[name] = [row[name] for row in rows]
    frame = pl.DataFrame(columns, schema_overrides={"standing_aal": pl.Int8, "granted_aal": pl.Int8})
    different = list(dict.fromkeys(row["demand"] for row in rows))
    assessed = Assessed(
        score=np.zeros(len(rows), np.int32),
        risk=np.zeros(len(rows), np.int32),
        demand=np.array([different.index(row["demand"]) for row in rows], np.int32),
        demands=tuple(different),
    )
    found = decided(frame, assessed)
    assert [VERDICTS[number] for number in found.verdict] == [wanted(row) for row in rows]
