"""A proposal: learned on the first part of the history, its threshold set on the next, and judged on the last.

What is judged by is never learned from, and always lies later in time: a proposal must do better on what comes, not
on what was. Attacks in the history are those that were noticed, so more of them may teach less (Wiefling et al., TOPS
2022: with attack data the published model asked targeted attackers' victims in up to .97 of sign-ins instead of
.10). Hence a proposal stands only if it

1. detects at least as much on the held-out part as the present weights do at the same budget (within the interval);
2. still does when a part of the labels is wrong the way an attacker would want it (``poisoned``);
3. passes ``lab gate``: simulated attackers of every class, those who poison habits included.

The third is for whoever calls this: here nothing is simulated. Nothing here changes a policy that is in force.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from stepwarden.lab.tuning.fit import Calibration, Fitted, calibrate, fit
from stepwarden.lab.tuning.rewrite import rewrite
from stepwarden.lab.tuning.samples import Samples
from stepwarden.lab.tuning.worth import UNSPOKEN, Detection, RuleWorth, detection, threshold_for, worth
from stepwarden.policy.policy import Policy
from stepwarden.policy.risk import risk_of

LEARNED: Final = 0.6
"""Share of the time that is learned from; ``SET`` of it sets the threshold, the rest is held out."""
SET: Final = 0.2
LEAST_ATTACKS: Final = 10
"""Believed attacks below which nothing is proposed."""
POISONED: Final = 0.2
"""Share of the attacks in the learned part whose labels are turned round in the poisoning test."""
PREVALENCE: Final = 0.001
"""Attacks among all attempts that risks are calibrated to, where nothing else is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Everything that a report shows. Weights in nats; thresholds are scores in nats, ``risk`` in ppm.

    ``present`` and ``proposed`` are what both detect on the held-out part at the budget; ``poisoned`` what the
    proposal would when learned from poisoned labels. ``refused``: why it is not to be used, in words; empty: it may
    go on to the gate.
    """

    budget: float
    prevalence: float
    fitted: Fitted
    prior: float
    threshold: float
    risk: int
    present: Detection
    proposed: Detection
    poisoned: Detection
    calibration: Calibration
    worth: list[RuleWorth]
    learned: int
    held_out: int
    attacks: int
    refused: tuple[str, ...]


def propose(
    samples: Samples, *, budget: float, prevalence: float = PREVALENCE, seed: int = 1, draws: int = 40
) -> Proposal:
    """Weights and a threshold for a budget.

    Args:
        budget: share of honest attempts that may be challenged, 0 to 1.
        prevalence: share of attacks among all attempts, for the meaning of risk.

    Raises:
        ValueError: too few attacks are known in the part that is learned from, or in that which is held out.
    """
    learn, settle, held = split(samples)
    _enough(learn, held)
    fitted = fit(learn, draws=draws, seed=seed)
    honest = settle.masses(UNSPOKEN)[1]
    threshold = threshold_for(settle.scored(fitted.weights), honest, budget)
    present = detection(held, held.scores, threshold_for(settle.scores, honest, budget), seed=seed)
    scores = held.scored(fitted.weights)
    proposed = detection(held, scores, threshold, seed=seed)
    spoilt = _spoilt(learn, seed).weights
    poisoned = detection(
        held, held.scored(spoilt), threshold_for(settle.scored(spoilt), honest, budget), seed=seed
    )
    believed = held.trust > 0
    calibration = calibrate(
        scores[believed],
        held.attack[believed].astype(np.float64),
        held.trust[believed],
        prevalence=prevalence,
    )
    prior = _bounded(calibration.shift)
    return Proposal(
        budget=budget,
        prevalence=prevalence,
        fitted=fitted,
        prior=prior,
        threshold=threshold,
        risk=min(999_999, max(1, risk_of(round(1000 * (threshold + prior))))),
        present=present,
        proposed=proposed,
        poisoned=poisoned,
        calibration=calibration,
        worth=worth(held, fitted.weights, prior, budget),
        learned=len(learn),
        held_out=len(held),
        attacks=int((samples.attack & (samples.trust > 0)).sum()),
        refused=_refused(present, proposed, poisoned),
    )


def split(samples: Samples) -> tuple[Samples, Samples, Samples]:
    """By time: learned from, threshold set on, held out."""
    if not len(samples):
        return samples, samples, samples
    span = samples.time[-1] - samples.time[0] + 1
    first = samples.time[0] + int(span * LEARNED)
    second = first + int(span * SET)
    return (
        samples.part(samples.time < first),
        samples.part((samples.time >= first) & (samples.time < second)),
        samples.part(samples.time >= second),
    )


def _enough(learn: Samples, held: Samples) -> None:
    for name, part in (("first", learn), ("last", held)):
        known = int((part.attack & (part.trust > 0)).sum())
        if known < LEAST_ATTACKS:
            raise ValueError(
                f"{known} attacks are known in the {name} part of the history, and tuning needs {LEAST_ATTACKS}: "
                "label more attempts, or tune on a simulation (--simulated)"
            )
        if not ((~part.attack) & (part.trust > 0)).any():
            raise ValueError(f"no honest attempt is known in the {name} part of the history")


def _spoilt(learn: Samples, seed: int) -> Fitted:
    """What is learned when an attacker gets a share of its attempts taken for honest ones."""
    generator = np.random.default_rng(seed)
    attacks = np.flatnonzero(learn.attack & (learn.trust > 0))
    turned = generator.choice(attacks, size=int(len(attacks) * POISONED), replace=False)
    attack, trust = learn.attack.copy(), learn.trust.copy()
    attack[turned] = False
    trust[turned] = 0.9
    return fit(replace(learn, attack=attack, trust=trust), draws=0, seed=seed)


def _refused(present: Detection, proposed: Detection, poisoned: Detection) -> tuple[str, ...]:
    found = []
    if proposed.detection < present.low:
        found.append("it detects less on the held-out part than the present weights do")
    if proposed.challenged > 1.5 * max(present.challenged, 0.001) and proposed.detection <= present.high:
        found.append("it challenges more people on the held-out part without detecting more")
    if poisoned.detection < present.low:
        found.append(f"with {POISONED:.0%} of the attacks taken for honest it would detect less than now")
    return tuple(found)


def _bounded(prior: float) -> float:
    return max(-10.0, min(10.0, prior))


def as_policy(policy: Policy, found: Proposal) -> str:
    """The proposal as a policy file: other weights, prior and first band, everything else as it was.

    The first band begins at the threshold's risk; a band above it that would begin lower begins right after it. The
    bounds of a graded rule grow and shrink with its weight, as what was learned from did.

    Raises:
        PolicyError: a number of the file cannot be replaced.
    """
    weights = {
        rule.id: round(1000 * float(weight))
        for rule, weight in zip(policy.rules, found.fitted.weights, strict=True)
    }
    bands: list[int] = []
    for place, band in enumerate(policy.bands):
        bands.append(found.risk if place == 0 else max(band.risk, bands[-1] + 1))
    changed = {rule.id: weights[rule.id] for rule in policy.rules if weights[rule.id] != rule.weight}
    graded = {
        rule.id: (
            _scaled(rule.least, changed[rule.id], rule.weight),
            _scaled(rule.most, changed[rule.id], rule.weight),
        )
        for rule in policy.rules
        if rule.of and rule.id in changed
    }
    return rewrite(policy.text, weights=changed, prior=round(1000 * found.prior), bands=bands, graded=graded)


def _scaled(bound: int, weight: int, before: int) -> int:
    return max(-10_000, min(10_000, round(bound * weight / before))) if before else bound
