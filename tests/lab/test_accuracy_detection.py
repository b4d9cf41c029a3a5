"""Detection at a challenge rate: thresholds, medians and intervals, against hand-made and naive answers."""

from fractions import Fraction
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.lab.accuracy.detection import at_detection, curve, operating, threshold_at
from stepwarden.lab.accuracy.figures import by_class, measure
from stepwarden.lab.accuracy.intervals import Draws, Estimate, poisson, wilson
from stepwarden.lab.accuracy.methods import CERTAIN, METHODS, POLICY, STEPWARDEN, History, Scored, SignIns
from stepwarden.lab.accuracy.targets import targets
from tests.lab.accuracy_house import campaign, results, row


def scored(scores: list[int], owners: list[int] | None = None) -> Scored:
    return Scored(np.array(owners or range(len(scores)), np.int64), np.array(scores, np.int64))


def history(rows: list[list[int]]) -> History:
    return History(len(rows[0]), np.arange(len(rows)), np.array(rows, np.int64))


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.sampled_from([0.0, 0.5, 0.9, 0.98, 0.99, 1.0])
)
def test_the_threshold_is_the_highest_that_detects_enough(scores: list[int], wanted: float) -> None:
    """One step higher detects less than was asked for."""
    found = threshold_at(np.sort(scores), np.ones(len(scores)), wanted)
    detecting = [
        score for score in scores if sum(s >= score for s in scores) >= Fraction(str(wanted)) * len(scores)
    ]
    assert found == max(detecting)


def test_ninety_nine_of_a_hundred_are_ninety_nine() -> None:
    """A rounding error of the product must not ask for the hundredth."""
    scores = np.arange(1, 1_001)
    for wanted, threshold in ((0.98, 21), (0.99, 11), (0.995, 6), (0.999, 2)):
        assert threshold_at(scores, np.ones(1_000), wanted) == threshold


def test_challenge_rates_are_over_people_and_their_first_sign_ins() -> None:
    """Four people: challenged at 0, 1, 2 and 4 of their 4 sign-ins by a threshold of 10."""
    people = history([[0, 0, 0, 0], [10, 0, 0, 0], [10, 99, 0, 0], [10, 10, 10, 10]])
    (cell,) = at_detection(scored([10, 10, 20, 30]), people, [1.0], Draws(4))
    assert (cell.threshold, cell.detected, cell.people, cell.probes) == (10, 1.0, 4, 4)
    assert cell.challenged.median.value == pytest.approx(1.5 / 4)
    assert cell.challenged.mean.value == pytest.approx(7 / 16)
    assert cell.challenged.p90.value == 1.0


def test_ties_detect_more_than_was_asked_for_and_cost_as_much() -> None:
    """Scores that are equal cannot be told apart: the threshold takes all of them, people's too."""
    (cell,) = at_detection(scored([5, 5, 5, 9]), history([[5, 0], [0, 0], [0, 0], [0, 0]]), [0.5], Draws(4))
    assert (cell.threshold, cell.detected) == (5, 1.0)
    assert cell.challenged.mean.value == pytest.approx(1 / 8)


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_intervals_are_those_of_drawing_people_one_by_one(people: int, seed: int) -> None:
    """Whoever is drawn twice counts twice, with their probes and with their sign-ins; thresholds are found anew."""
    dice = np.random.default_rng(seed)
    scores = dice.integers(0, 6, (people, 3))
    owners = dice.integers(0, people, 5)
    probes = dice.integers(0, 6, 5)
    draws = Draws(people, seed=seed, replicates=20)
    (cell,) = at_detection(scored(probes.tolist(), owners.tolist()), history(scores.tolist()), [0.6], draws)
    naive = []
    for weights in draws.weights.astype(int):
        drawn = sorted(
            int(score) for score, owner in zip(probes, owners, strict=True) for _ in range(weights[owner])
        )
        if drawn:
            threshold = max(t for t in drawn if sum(d >= t for d in drawn) * 10 >= 6 * len(drawn))
            shares = [(scores[one] >= threshold).mean() for one in range(people) for _ in range(weights[one])]
            naive.append(median(shares))
    low, high = np.percentile(naive, (2.5, 97.5))
    assert (cell.challenged.median.low, cell.challenged.median.high) == pytest.approx((low, high), abs=1e-5)


def test_a_refusal_is_detected_at_every_threshold_and_stops_the_person_it_meets() -> None:
    """Refused with a low score: for the attacker as for the person."""
    rows = [row(0, 0, decision="deny", score=-9), row(0, 1, score=-9), row(1, 0), row(1, 1)]
    first = SignIns(results(rows, cohorts=("home", "home")).sign_ins, [STEPWARDEN]).first(2, STEPWARDEN)
    assert first is not None
    assert first.scores.tolist() == [[CERTAIN, -9], [-4000, -4000]]
    assert first.challenged(CERTAIN).tolist() == [1, 0]


def test_a_history_is_the_first_sign_ins_of_those_who_have_so_many() -> None:
    """In order of time, with the right password only, and nobody who signed in less often."""
    rows = [row(1, 3, score=3), row(1, 1, score=1), row(1, 2, score=2), row(0, 1, score=7)]
    rows += [row(0, 2, right=False, score=8), row(0, 5, action="transfer", score=9)]
    signed = SignIns(results(rows, cohorts=("home", "home")).sign_ins, [STEPWARDEN])
    two = signed.first(2, STEPWARDEN)
    assert two is not None
    assert two.people.tolist() == [1]
    assert two.scores.tolist() == [[1, 2]]
    assert signed.first(4, STEPWARDEN) is None


def test_baselines_do_what_they_are_called_after() -> None:
    """Always, never, a new device, three failures; and the policy's own answers."""
    rows = [
        row(0, 0, new_device=True),
        row(0, 1, actor_failures_1h=3),
        row(0, 2, decision="step_up"),
        row(0, 3),
    ]
    frame = results(rows).attempts
    found = {name: frame.select(one.score)[:, 0].to_list() for name, one in METHODS.items()}
    assert found["always"] == [1, 1, 1, 1]
    assert found["never"] == [0, 0, 0, 0]
    assert found["new-device"] == [1, 0, 0, 0]
    assert found["three-failures"] == [0, 1, 0, 0]
    assert found["policy"] == [0, 0, 1, 0]


def test_a_method_without_a_threshold_is_one_point() -> None:
    """Half of the takeovers are stopped, and one of four sign-ins."""
    signed = SignIns(
        results([row(0, 0, decision="step_up"), *(row(0, n) for n in (1, 2, 3))]).sign_ins, [POLICY]
    )
    first = signed.first(4, POLICY)
    assert first is not None
    found = operating(scored([0, 1], [0, 0]), first, 1, Draws(1))
    assert found.detected.value == 0.5
    assert found.challenged.median.value == 0.25


def test_a_curve_rises() -> None:
    """From the highest threshold down: detection and challenges never fall."""
    dice = np.random.default_rng(3)
    points = curve(
        scored(dice.integers(0, 900, 300).tolist(), dice.integers(0, 50, 300).tolist()),
        history(dice.integers(0, 1_000, (50, 12)).tolist()),
        Draws(50),
    )
    assert points[-1].detected.value == 1.0
    for figures in ([one.detected.value for one in points], [one.mean for one in points]):
        assert figures == sorted(figures)
    assert all(one.detected.low <= one.detected.value <= one.detected.high for one in points)


def test_classes_are_measured_apart_and_at_each_length_of_history() -> None:
    """Naive attackers score 9, very targeted ones 0; people -4000, but one sign-in in two of the second."""
    campaigns = [
        campaign(0, "probe-naive", takeover="naive"),
        campaign(1, "probe-x", takeover="very-targeted"),
    ]
    rows = [row(who, hour, score=-4000 if who == 0 or hour else 5) for who in (0, 1) for hour in (0, 1)]
    for index, score in ((0, 9), (1, 0)):
        rows += [row(who, 2, campaign=index, probe=True, login=2, score=score) for who in (0, 1)]
    measured = by_class(results(rows, cohorts=("home", "home"), campaigns=campaigns), Draws(2))
    naive, targeted = measured
    assert [(one.takeover, one.logins, one.probes, one.people) for one in measured] == [
        ("naive", 2, 2, 2),
        ("very-targeted", 2, 2, 2),
    ]
    assert [cell.challenged.mean.value for cell in naive.cells] == [0.0] * 4
    assert {cell.challenged.mean.value for cell in targeted.cells} == {0.25}
    assert naive.fixed["always"].detected.value == 1.0
    assert naive.fixed["never"].detected.value == 0.0


def test_people_attackers_and_probes_are_kept_apart() -> None:
    """Whoever signs in to somebody's account is not that person; probes of accounts that nobody has do not count."""
    rows = [row(0, 0), row(0, 1, campaign=0, probe=True), row(-1, 1, campaign=0, probe=True)]
    rows += [row(0, 2, campaign=1), row(0, 3, campaign=1, right=False)]
    campaigns = [
        campaign(0, "probe-naive", takeover="naive"),
        campaign(1, "takeover-naive", takeover="naive"),
    ]
    found = results(rows, campaigns=campaigns)
    assert (len(found.benign), len(found.sign_ins), len(found.attacks), len(found.probes)) == (1, 1, 2, 1)


def test_a_target_is_met_missed_or_not_measured() -> None:
    """Promises without figures are neither kept nor broken."""
    campaigns = [campaign(0, "probe-naive", takeover="naive")]
    rows = [row(0, hour) for hour in range(12)] + [row(0, 13, campaign=0, probe=True, login=12, score=4000)]
    figures = measure(results(rows, campaigns=campaigns))
    met = {one.name: one.met for one in figures.targets}
    assert met["Naive, 99 % detected, after 12 sign-ins"] is True
    assert met["Naive, 99 % detected, after 39 sign-ins"] is None
    assert met["Attempts of people refused"] is True
    assert met["Poisoned for 30 days, still challenged"] is None
    refused = next(one for one in figures.targets if one.name == "Attempts of people refused")
    assert refused.sure is False  # twelve attempts cannot show a share of one in ten thousand
    assert not any(
        one.met for one in targets({}, [], figures.false_alarms, figures.refused, [], []) if one.literature
    )


def test_nothing_seen_is_not_nothing_there() -> None:
    """The closed formulas, against published values: Wilson for 0 of 10, and Poisson's 0 and 10 (exact: 18.39)."""
    assert wilson(0, 10).high == pytest.approx(0.2775, abs=1e-4)
    assert wilson(10, 10).low == pytest.approx(0.7225, abs=1e-4)
    assert wilson(0, 0) == Estimate(0.0, 0.0, 1.0)
    assert poisson(0, 1).high == pytest.approx(3.67, abs=0.03)
    assert poisson(10, 1).high == pytest.approx(18.39, abs=0.02)
    assert poisson(10, 1).low == pytest.approx(4.795, abs=0.02)


def test_the_same_seed_draws_the_same_people() -> None:
    """And another one others."""
    assert np.array_equal(Draws(50, seed=3).weights, Draws(50, seed=3).weights)
    assert not np.array_equal(Draws(50, seed=3).weights, Draws(50, seed=4).weights)
    assert set(Draws(50, seed=3).weights.sum(axis=1)) == {50.0}
