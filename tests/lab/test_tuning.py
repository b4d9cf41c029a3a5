"""Tuning: what is learned from labelled attempts, and what must not be learnable."""

from dataclasses import replace

import numpy as np
import pytest

from stepwarden.errors import PolicyError
from stepwarden.lab.tuning.fit import MOST, STEP, calibrate, fit
from stepwarden.lab.tuning.patterns import Event, Patterns
from stepwarden.lab.tuning.propose import LEAST_ATTACKS, as_policy, propose, split
from stepwarden.lab.tuning.rewrite import rewrite
from stepwarden.lab.tuning.samples import SHOWN, Belief, Row, Samples, believed, gather
from stepwarden.lab.tuning.worth import detection, threshold_for, worth
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load

RULES = ("useful", "useless", "calming", "rare")
WEIGHTS = (1000, 1000, -500, 2000)


def history(
    attempts: int = 6_000, *, attacks: float = 0.03, seed: int = 3, strength: float = 0.7, people: int = 300
) -> Samples:
    """Attacks mostly have ``useful`` and never ``calming``; ``useless`` says nothing; ``rare`` is an attack."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(attempts):
        attack = bool(generator.random() < attacks)
        terms = []
        for rule, weight, in_attack, in_honest in (
            ("useful", 1000, strength, 0.05),
            ("useless", 1000, 0.2, 0.2),
            ("calming", -500, 0.05, 0.8),
            ("rare", 2000, 0.1, 0.0005),
        ):
            if generator.random() < (in_attack if attack else in_honest):
                terms.append((rule, weight))
        belief = SHOWN["denied"] if attack else SHOWN["worked"]
        rows.append(
            Row(
                time=number * 60_000_000,
                actor=f"u{generator.integers(people)}",
                terms=terms,
                beliefs=[belief] if generator.random() < 0.8 else [],
                challenged=False,
            )
        )
    return gather(rows, rules=RULES, weights=WEIGHTS, prior=-4000)


def test_the_most_reliable_belief_counts_and_attack_wins_a_tie() -> None:
    assert believed([SHOWN["worked"], SHOWN["denied"], SHOWN["abandoned"]]) == SHOWN["denied"]
    assert believed([Belief("a", False, 70), Belief("b", True, 70)]) == Belief("b", True, 70)


def test_what_tells_attacks_apart_grows_and_what_does_not_shrinks() -> None:
    fitted = fit(history(), draws=10)
    useful, useless, calming, _ = fitted.weights
    assert useful > 1.5
    assert useless < 0.6
    assert calming < -0.8
    assert (fitted.low <= fitted.weights + 0.3).all()
    assert (fitted.high >= fitted.weights - 0.3).all()


def test_little_evidence_changes_little() -> None:
    few = history(120, attacks=0.1)
    assert np.abs(fit(few, draws=0).weights - few.weights).max() < 0.5


def test_attack_labels_turned_round_cannot_turn_a_rules_sign_nor_move_it_far() -> None:
    """Whoever gets their attacks taken for honest ones, all of them, makes no rule speak for the attacker."""
    samples = history()
    turned = replace(samples, attack=~samples.attack)
    weights = fit(turned, draws=0).weights
    assert (weights * np.sign(samples.weights) >= 0).all()
    assert (np.abs(weights - samples.weights) <= STEP + 1e-9).all()
    assert (np.abs(weights) <= MOST).all()


def test_a_threshold_keeps_to_its_budget_and_takes_no_half_ties() -> None:
    scores = np.array([3.0, 2.0, 2.0, 1.0, 0.0])
    mass = np.ones(5)
    assert threshold_for(scores, mass, 0.2) == 3.0
    assert threshold_for(scores, mass, 0.5) == 3.0
    assert threshold_for(scores, mass, 0.6) == 2.0
    assert (scores >= threshold_for(scores, mass, 0.1)).sum() == 0


def test_a_proposal_is_judged_on_what_lies_later_and_does_better_there() -> None:
    samples = history(12_000)
    learn, settle, held = split(samples)
    assert learn.time.max() < settle.time.min() <= settle.time.max() < held.time.min()
    found = propose(samples, budget=0.06, draws=5)
    assert found.refused == ()
    assert found.proposed.detection >= found.present.detection
    assert found.proposed.challenged < 0.09
    assert found.calibration.error < 0.05
    assert found.proposed.low <= found.proposed.detection <= found.proposed.high
    assert 0 < found.risk < 1_000_000


def test_attack_poisoned_labels_are_part_of_the_judgement() -> None:
    """What would be learned with a fifth of the attacks taken for honest is shown, and refuses where it does harm."""
    found = propose(history(12_000), budget=0.06, draws=0)
    assert found.poisoned.detection <= found.proposed.detection + 0.05
    assert found.poisoned.detection >= found.present.low


def test_too_few_attacks_are_named_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=f"tuning needs {LEAST_ATTACKS}: label more attempts"):
        propose(history(300, attacks=0.02), budget=0.02)


def test_worth_of_rules_in_figures_worked_out_by_hand() -> None:
    """Two attacks, both with the rule, and two honest attempts, one with it: a quarter of a bit and more."""
    rows = [
        Row(
            time=n,
            actor=f"u{n}",
            terms=[("useful", 1000)] if n < 3 else [],
            beliefs=[Belief("x", n < 2, 100)],
            challenged=False,
        )
        for n in range(4)
    ]
    samples = gather(rows, rules=RULES, weights=WEIGHTS, prior=0)
    best = worth(samples, samples.weights, 0.0, budget=0.5)[0]
    assert (best.rule, best.attacks, best.honest, best.lift) == ("useful", 1.0, 0.5, 2.0)
    # H(3/4) - (H(1) + H(1/2)) / 2 = 0.8113 - 0.5
    assert best.information == pytest.approx(0.3113, abs=1e-4)
    assert best.false == 1.0
    assert best.removal == pytest.approx(1.0)


def test_detection_has_an_interval_that_holds_it() -> None:
    samples = history()
    found = detection(samples, samples.scores, threshold_for(samples.scores, np.ones(len(samples)), 0.05))
    assert 0 <= found.low <= found.detection <= found.high <= 1


def test_calibration_finds_scores_that_are_too_bold() -> None:
    generator = np.random.default_rng(1)
    truth = generator.normal(-2, 2, 20_000)
    attack = (generator.random(20_000) < 1 / (1 + np.exp(-truth))).astype(np.float64)
    share = float(attack.mean())
    found = calibrate(2 * truth + 1, attack, np.ones(20_000), prevalence=share)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.error < 0.02


def test_patterns_before_attacks_stand_out_from_what_precedes_honest_work() -> None:
    finder = Patterns()
    time = 0
    for day in range(40):
        time = day * 86_400_000_000 * 2
        attack = day % 4 == 0
        if attack:
            finder.add(Event(time, f"u{day}", "proxy", "sign-in failed", None))
            finder.add(Event(time + 1, f"u{day}", "proxy", "factor enrolled", None))
        finder.add(Event(time + 2, f"u{day}", f"a{day}", "read", None))
        finder.add(Event(time + 3, f"u{day}", f"a{day}", "export", attack))
    first = finder.found(most=1)[0]
    assert set(first.steps) <= {"sign-in failed", "factor enrolled", "read"}
    assert (first.attacks, first.honest) == (10, 0)
    assert first.lift > 20


def test_only_the_numbers_of_a_policy_change_and_comments_stay() -> None:
    text = default_text()
    before = load(text)
    changed = rewrite(
        text, weights={"new-device": 1234, "habitual": -777}, prior=-4500, bands=[150_000, 600_000, 950_000]
    )
    after = load(changed)
    assert (after.prior, after.bands[0].risk) == (-4500, 150_000)
    differing = {one.id for one, two in zip(before.rules, after.rules, strict=True) if one != two}
    assert differing == {"new-device", "habitual"}
    assert changed.count("#") == text.count("#")
    assert len(changed.splitlines()) == len(text.splitlines())
    with pytest.raises(PolicyError, match="no rule 'nope'"):
        rewrite(text, weights={"nope": 1})


def test_a_proposal_as_a_policy_scales_graded_bounds_and_keeps_bands_rising() -> None:
    policy = load(default_text())
    generator = np.random.default_rng(5)
    rows = []
    for number in range(6_000):
        attack = bool(generator.random() < 0.03)
        terms = [("new-device", 2700)] if generator.random() < (0.9 if attack else 0.04) else []
        terms.append(("place-surprise", 600 if attack else -300))
        rows.append(
            Row(
                time=number * 60_000_000,
                actor=f"u{number % 200}",
                terms=terms,
                beliefs=[Belief("x", attack, 90)],
                challenged=False,
            )
        )
    samples = gather(
        rows,
        rules=[rule.id for rule in policy.rules],
        weights=[rule.weight for rule in policy.rules],
        prior=policy.prior,
    )
    found = propose(samples, budget=0.02, draws=0)
    made = load(as_policy(policy, found))
    before, after = (
        next(rule for rule in one.rules if rule.id == "place-surprise") for one in (policy, made)
    )
    assert after.weight > before.weight
    assert after.most / before.most == pytest.approx(after.weight / before.weight, rel=0.01)
    assert [band.risk for band in made.bands] == sorted({band.risk for band in made.bands})
