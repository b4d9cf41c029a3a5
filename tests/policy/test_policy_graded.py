"""Graded rules: as much evidence as there is to weigh, within bounds, and all of it where that cannot be told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.events.entries import Evidence, Standing
from stepwarden.events.facts import Facts
from stepwarden.policy.cases import NOW
from stepwarden.policy.loader import MINIMAL, load
from stepwarden.policy.policy import Assessment, Policy
from stepwarden.signals.catalogue import POSITION, Values, dense
from tests.policy.policy_house import pointed_at, refused

LOGIN = Facts(time=NOW, action="login", address_kind="residential")
GRADED = "    weight: 2\n    of: {of}\n    least: {least}\n    most: {most}\n"


def graded(
    of: str = "dormancy_days", *, weight: str = "2", least: str = "0", most: str = "3", more: str = ""
) -> str:
    written = GRADED.replace("weight: 2", f"weight: {weight}").format(of=of, least=least, most=most)
    return MINIMAL.replace("    weight: 2\n", written + more)


def assess(text: str, **signals: int | bool) -> Assessment:
    return load(text).assess(LOGIN, dense({"new_device": True, **signals}), Standing())


@pytest.mark.parametrize(
    ("weight", "least", "most", "amount", "term"),
    [
        ("2", "0", "3", 700, 1400),
        ("2", "0", "3", 1500, 3000),
        ("2", "0", "3", 90_000, 3000),
        ("2", "0", "3", -5, 0),
        ("2", "-1", "3", -300, -600),
        ("2", "-1", "3", -3000, -1000),
        ("-2", "-1.5", "0", 300, -600),
        ("0.001", "-1", "3", 999, 0),
        ("0.001", "-1", "3", -1, -1),
        ("2", "0.5", "3", 0, 500),
        ("2", "-3", "-1", 5, -1000),
    ],
)
def test_the_term_is_weight_times_amount_within_bounds(
    weight: str, least: str, most: str, amount: int, term: int
) -> None:
    """A weight is for 1000 of the amount, rounded down; what is left out of the bounds is not added."""
    of = f"dormancy_days + {amount}" if amount >= 0 else f"dormancy_days - {-amount}"
    found = assess(graded(of, weight=weight, least=least, most=most))
    assert found.score == -3000 + term
    assert found.evidence == ((Evidence("new-device", term),) if term else ())


def test_a_condition_still_says_whether_it_applies() -> None:
    """Where ``when`` is false nothing is weighed, and what is not weighed cannot fail."""
    assert assess(graded("1 / dormancy_days"), new_device=False).evidence == ()


def test_a_term_of_nothing_is_evidence_where_it_demands_something() -> None:
    """What demands must be seen to; both ways of computing say the same."""
    found = assess(graded(more="    demand: aal3\n"))
    assert found.evidence == (Evidence("new-device", 0),)
    assert found.demand.aal == 3
    exact = _one_by_one(load(graded(more="    demand: aal3\n")), dense({"new_device": True}))
    assert exact == found


@pytest.mark.parametrize("of", ["1 / dormancy_days", "9223372036854775807 + actor_logins"])
@pytest.mark.parametrize(("least", "most", "term"), [("0", "3", 3000), ("-3", "-1", 0), ("-3", "0", 0)])
def test_attack_an_amount_that_cannot_be_told_adds_less(of: str, least: str, most: str, term: int) -> None:
    """An amount that raises counts as the most that the rule can add, and demands level 2 on top."""
    found = assess(graded(of, least=least, most=most), actor_logins=1)
    assert found.evidence == (Evidence("new-device", term, True),)
    assert found.score == -3000 + term
    assert found.demand.aal >= 2


def test_attack_a_condition_that_raises_adds_less_than_the_most() -> None:
    """A condition that raises leaves no amount to weigh: all of it counts."""
    text = graded("1", more="").replace("when: new_device", "when: 1 / dormancy_days == 1")
    assert assess(text).evidence == (Evidence("new-device", 3000, True),)


@pytest.mark.parametrize("broken", ["many", None, True])
def test_attack_a_signal_of_another_type_is_weighed(broken: object) -> None:
    """Asked one by one, only a number is an amount; nothing but a number gets through the fast way either."""
    values = list(dense({"new_device": True}))
    values[POSITION["dormancy_days"]] = broken  # type: ignore[call-overload]
    exact = _one_by_one(load(graded()), values)
    assert exact.evidence == (Evidence("new-device", 3000, True),)
    if not isinstance(broken, bool):
        assert load(graded()).assess(LOGIN, values, Standing()) == exact


def _one_by_one(policy: Policy, values: Values) -> Assessment:
    """The assessment with the fast function out of order."""

    def broken(*_: object) -> object:
        raise RuntimeError

    policy._all_rules = broken  # type: ignore[assignment]
    return policy.assess(LOGIN, values, Standing())


DECIMALS = st.integers(-10_000, 10_000)
AMOUNTS = st.sampled_from(
    [
        "dormancy_days",
        "actor_logins * dormancy_days - 7",
        "'new_device ? actor_logins : -dormancy_days'",
        "actor_logins / dormancy_days",
        "-actor_logins",
        "12",
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    of=AMOUNTS,
    weight=DECIMALS,
    bounds=st.tuples(DECIMALS, DECIMALS),
    logins=st.integers(-1, 4_000) | st.integers(2**61, 2**63 - 1),
    days=st.integers(-1, 4_000),
    new=st.booleans(),
    demanding=st.booleans(),
)
def test_the_fast_way_and_the_exact_way_agree(
    of: str, weight: int, bounds: tuple[int, int], logins: int, days: int, new: bool, demanding: bool
) -> None:
    """Whatever the rule and the signals, one function for all rules and one for each say the same."""
    least, most = (f"{bound / 1000:.3f}" for bound in sorted(bounds))
    more = "    demand: aal1\n" if demanding else ""
    text = graded(of, weight=f"{weight / 1000:.3f}", least=least, most=most, more=more)
    values = dense({"new_device": new, "actor_logins": logins, "dormancy_days": days})
    found = load(text).assess(LOGIN, values, Standing())
    assert found == _one_by_one(load(text), values)
    for one in found.evidence:
        assert sorted(bounds)[0] <= one.weight <= max(0, *bounds)


@pytest.mark.parametrize(
    ("old", "new", "message", "at"),
    [
        ("of: dormancy_days", "of: new_device", "expected int, and this is bool", "new_device"),
        ("of: dormancy_days", "of: country", "'of' is a number: expected int, and this is string", "country"),
        ("of: dormancy_days", "of: 2 * dormncy_days", "did you mean dormancy_days", "dormncy_days"),
        ("of: dormancy_days", "of: [1]", "of: expected a single value, found a list", "[1]"),
        ("of: dormancy_days", "of: ''", "expected a value", "'"),
        ("    of: dormancy_days\n", "", "'least' goes only with 'of'", "0"),
        ("    of: dormancy_days\n    least: 0\n", "", "'most' goes only with 'of'", "3"),
        ("    most: 3\n", "", "a rule needs 'most'", "id: new-device"),
        ("least: 0", "least: 3.001", "'least' (0 if it is not given) to be no more than 'most'", "3.001"),
        ("    least: 0\n    most: 3", "    most: -1", "to be no more than 'most'", "-1"),
        ("most: 3", "most: 10.5", "expected a number from -10 to 10", "10.5"),
        ("least: 0", "least: -1e3", "expected a number from -10 to 10", "-1e3"),
    ],
)
def test_a_mistake_is_refused_where_it_stands(old: str, new: str, message: str, at: str) -> None:
    """Message, line and column."""
    assert old in graded()
    text = graded().replace(old, new, 1)
    error = refused(text)
    assert message in str(error)
    assert pointed_at(text, error).startswith(at)
