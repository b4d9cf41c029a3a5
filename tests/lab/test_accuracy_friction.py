"""What people pay: rates by kind of people, cold start apart, refusals, rules; against hand-made answers."""

import numpy as np
import pytest

from stepwarden.lab.accuracy.calibration import FEWEST, calibrations
from stepwarden.lab.accuracy.friction import burden, everybody, groups, refusals, rule_costs
from stepwarden.lab.accuracy.intervals import Draws
from tests.lab.accuracy_house import campaign, results, row


def test_cold_start_and_later_are_counted_apart_and_everybody_counts_the_same() -> None:
    """One person: half of two first sign-ins, none of many later ones. Another: all first, half of the later."""
    rows = [
        row(0, 0, login=0, decision="step_up"),
        row(0, 1, login=1),
        *(row(0, 2 + n, login=3) for n in range(8)),
    ]
    rows += [row(1, 0, login=2, decision="deny"), row(1, 1, login=3, decision="step_up"), row(1, 2, login=4)]
    found = everybody(results(rows, cohorts=("home", "vpn")), Draws(2))
    assert found.cold is not None
    assert found.warm is not None
    assert found.challenged is not None
    assert found.cold.value == pytest.approx((0.5 + 1) / 2)
    assert found.warm.value == pytest.approx((0 + 0.5) / 2)
    assert found.challenged.value == pytest.approx((0.1 + 2 / 3) / 2, abs=1e-6)
    assert (found.people, found.sign_ins) == (2, 13)


def test_wrong_passwords_and_other_actions_are_no_challenged_sign_ins() -> None:
    """A challenge after a wrong password disturbs nobody; a transfer is challenged for what it is."""
    rows = [
        row(0, 0),
        row(0, 1, right=False, decision="deny"),
        row(0, 2, action="transfer", decision="step_up"),
    ]
    found = results(rows)
    warm = everybody(found, Draws(1)).warm
    assert warm is not None
    assert warm.value == 0.0
    assert (refusals(found, right_only=True).refused, refusals(found, right_only=False).refused) == (0, 1)


def test_cohorts_are_compared_with_people_at_home() -> None:
    """Home: one in four; behind a VPN: one in two. The ratio is 2, and has an interval."""
    rows = [row(who, n, decision="step_up" if n == 0 else "allow") for who in range(10) for n in range(4)]
    rows += [row(who, n, decision="step_up" if n % 2 else "allow") for who in range(10, 20) for n in range(4)]
    found = groups(results(rows, cohorts=["home"] * 10 + ["vpn"] * 10), Draws(20), "cohort")
    assert [one.name for one in found] == ["home", "vpn"]
    ratio = found[1].to_home
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 2.0, 2.0)
    bands = groups(
        results(rows, cohorts=["home"] * 20, bands=["rare"] * 10 + ["daily"] * 10), Draws(20), "band"
    )
    assert [(one.name, one.to_home) for one in bands] == [("daily", None), ("rare", None)]


def test_no_challenges_at_home_give_no_ratio() -> None:
    """Nothing can be compared with 0."""
    rows = [row(0, 0), row(1, 0, decision="step_up")]
    found = groups(results(rows, cohorts=("home", "traveller")), Draws(2), "cohort")
    assert found[1].to_home is None


def test_challenges_per_person_and_month_count_everything() -> None:
    """60 days; one person is stopped four times, of which twice for a transfer, another never."""
    rows = [row(0, 24 * n, decision="step_up" if n < 2 else "allow") for n in range(61)]
    rows += [row(0, 5 + n, action="transfer", decision="step_up", open=True) for n in (0, 1)] + [row(1, 7)]
    found = burden(results(rows, cohorts=("home", "home")), Draws(2))
    assert (found.median, found.mean) == (1.0, 1.0)
    assert found.p95 == pytest.approx(1.9)
    assert found.sessions == 59 + 1
    assert found.per_100_sessions is not None
    assert found.per_100_sessions.value == pytest.approx(100 * 4 / 60, abs=1e-4)


def test_rules_share_the_challenges_that_they_stand_for() -> None:
    """Two challenges: one is all of one rule, of the other it is a quarter. What speaks for a person costs nothing."""
    rows = [
        row(0, 0, decision="step_up", rules="new-device:2700 habitual:-500"),
        row(0, 1, decision="step_up", rules="new-device:1000 spraying:3000!"),
        row(0, 2, rules="dormant:1000"),
    ]
    found = rule_costs(results(rows))
    assert [(one.rule, one.held, one.share) for one in found] == [
        ("new-device", 2, 1.25),
        ("spraying", 1, 0.75),
    ]


def test_risks_that_are_right_are_calibrated() -> None:
    """Attacks at a risk of 1 and people at 0: nothing is off, at any prevalence. All at one risk: no skill."""
    campaigns = [campaign(0, "probe-naive", takeover="naive")]
    people = [row(0, n, risk=0) for n in range(FEWEST)]
    probes = [row(0, n, campaign=0, probe=True, risk=1_000_000) for n in range(FEWEST)]
    for one in calibrations(results(people + probes, campaigns=campaigns)):
        assert (one.brier, one.skill, one.ece) == (0.0, 1.0, 0.0)
    level = [{**one, "risk": 18_000} for one in people + probes]
    first = calibrations(results(level, campaigns=campaigns))[0]
    assert first.skill == pytest.approx(0.0, abs=1e-6)
    assert first.ece == pytest.approx(0.0, abs=1e-6)
    assert sum(bin_.weight for bin_ in first.bins) == pytest.approx(1.0)


def test_calibration_does_not_depend_on_how_many_attacks_were_simulated() -> None:
    """Ten times the probes, the same figures: they are weighed as the stated prevalence says."""
    campaigns = [campaign(0, "probe-naive", takeover="naive")]
    dice = np.random.default_rng(1)
    people = [row(0, n, risk=int(dice.integers(0, 200_000))) for n in range(300)]
    probes = [
        row(0, n, campaign=0, probe=True, risk=int(dice.integers(500_000, 999_999))) for n in range(150)
    ]
    few = calibrations(results(people + probes, campaigns=campaigns))
    many = calibrations(results(people + 10 * probes, campaigns=campaigns))
    assert [one.brier for one in few] == pytest.approx([one.brier for one in many])


def test_without_probes_nothing_is_calibrated() -> None:
    """A simulation without attackers has nothing to compare a risk with."""
    assert calibrations(results([row(0, 0)])) == []
