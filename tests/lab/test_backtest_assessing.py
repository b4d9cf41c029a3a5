"""A policy over columns finds what it finds for one attempt: evidence, score, risk, demand."""

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stepwarden.errors import InputError, PolicyError
from stepwarden.events.entries import Evidence
from stepwarden.lab.backtest.assessing import ColumnPolicy
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy
from tests.lab.backtest_house import Tried, attempts, frame_of
from tests.lab.lab_house import shipped


def agree(policy: Policy, rows: list[Tried]) -> None:
    """Everything that an assessment has, row by row."""
    frame = frame_of(rows)
    columns = ColumnPolicy(policy)
    found = columns.assess(frame)
    evidence = columns.evidence(frame)
    for place, row in enumerate(rows):
        wanted = policy.assess(row.facts, row.values, row.standing)
        assert (found.score[place], found.risk[place]) == (wanted.score, wanted.risk)
        assert found.demands[found.demand[place]] == wanted.demand
        shown = evidence.row(place, named=True)
        held = [
            Evidence(rule.id, shown[rule.id], bool(shown.get(f"{rule.id}!")))
            for rule in policy.rules
            if shown[rule.id] is not None
        ]
        assert held == list(wanted.evidence)


def test_the_shipped_policy_over_thousands_of_random_attempts() -> None:
    agree(shipped(), attempts(seed=1, count=4_000))


RULES = """\
version: 1
name: errors
prior: -3
actions:
  login: {sensitivity: 1, demand: none, recovery: true}
  "*.read": {sensitivity: 0, demand: none}
  "transfer*": {sensitivity: 3, demand: aal2, max_age: 5m, bound: true}
  "*": {sensitivity: 2, demand: aal1}
bands:
  - {risk: 0.2, demand: aal2, max_age: 1h, recovery: true}
  - {risk: 0.6, demand: aal2, bound: true}
  - {risk: 0.95, demand: deny}
rules:
RULES
"""
RULE = """\
  - id: r{n}
    when: >-
      {when}
    weight: {weight}
    reason: because
    technique: T1078
"""
NAMES = ("actor_failures_1h", "actor_attempts_1h", "address_failures_1h", "travel_km", "request_rate_lift")
numbers = st.one_of(st.sampled_from(NAMES), st.integers(-3, 3).map(str))
amounts = st.one_of(
    numbers,
    st.tuples(numbers, st.sampled_from(["+", "-", "*", "/", "%"]), numbers).map(" ".join),
    st.tuples(numbers, st.sampled_from(["* 9223372036854775807", "* -4611686018427387904"])).map(" ".join),
)
conditions = st.recursive(
    st.one_of(
        st.tuples(amounts, st.sampled_from(["<", ">=", "==", "!="]), amounts).map(" ".join),
        st.sampled_from(["new_device", "first_seen", "sensitivity >= 2", "standing_aal == 1"]),
        st.sampled_from(["country in ['DE', 'FR']", "browser.matches('^c.rl$')", "action.startsWith('t')"]),
    ),
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda t: f"({' '.join(t)})"),
    max_leaves=4,
)


@st.composite
def policies(draw: st.DrawFn) -> str:
    """Policies of a few rules, plain and graded, that may fail, some of which demand something outright."""
    rules = ""
    for number in range(draw(st.integers(1, 6))):
        weight = draw(st.sampled_from(["-1.5", "0", "0.7", "3", "10"]))
        rules += RULE.format(n=number, when=draw(conditions), weight=weight)
        if draw(st.booleans()):
            least, most = draw(st.sampled_from([("-1", "2"), ("0", "0.5"), ("-3", "0")]))
            rules += f"    of: {draw(amounts)}\n    least: {least}\n    most: {most}\n"
        rules += draw(st.sampled_from(["", "", "    demand: deny\n", "    demand: aal3\n    max_age: 1m\n"]))
    return RULES.replace("RULES\n", rules)


@settings(max_examples=120, deadline=None)
@given(policies(), st.integers(0, 10_000))
def test_random_policies_whose_rules_may_fail_over_random_attempts(text: str, seed: int) -> None:
    try:
        policy = load(text)
    except PolicyError as exc:
        assume("least" not in str(exc) and "most" not in str(exc))  # bounds that do not go with the weight
        raise
    agree(policy, attempts(seed, 25))


def test_attack_an_error_that_only_some_rows_have_never_lowers_their_demand() -> None:
    """Whoever makes a rule fail is asked for level 2, in columns too, and nobody else is."""
    rule = RULE.format(n=0, when="actor_failures_1h / actor_attempts_1h > 5", weight="1")
    policy = load(RULES.replace("RULES\n", rule))
    rows = attempts(seed=3, count=200)
    found = ColumnPolicy(policy).assess(frame_of(rows))
    asked = [found.demands[number].aal >= 2 for number in found.demand]
    values = [row.values for row in rows]
    nothing = [row[frame_of(rows).columns.index("actor_attempts_1h")] == 0 for row in values]
    assert any(nothing)
    assert not all(nothing)
    assert all(level for level, zero in zip(asked, nothing, strict=True) if zero)
    agree(policy, rows)


def test_a_history_that_lacks_a_column_is_refused_by_its_name() -> None:
    frame = frame_of(attempts(seed=2, count=3))
    with pytest.raises(InputError, match="no column 'new_device'"):
        ColumnPolicy(shipped()).assess(frame.drop("new_device"))
    gaps = frame.with_columns(pl.lit(None, dtype=pl.Boolean).alias("new_device"))
    with pytest.raises(InputError, match="gaps"):
        ColumnPolicy(shipped()).assess(gaps)


def test_an_empty_history_is_assessed_to_nothing() -> None:
    assert len(ColumnPolicy(shipped()).assess(frame_of([]))) == 0
