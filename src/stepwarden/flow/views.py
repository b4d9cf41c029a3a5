"""From what the rooms below return to what callers are shown (``answers``)."""

from functools import lru_cache

from stepwarden.events.entries import AttemptDecided, Demand, Evidence, Verdict
from stepwarden.flow.answers import ChallengeOffer, ReasonText, ReceiptView
from stepwarden.flow.deciding import CANDIDATE_FAILED, LIVE_ASKS_MORE
from stepwarden.flow.judge import EMERGENCY, LOG_DOUBTED, SESSION_REVOKED
from stepwarden.ledger.sequencer import Receipt
from stepwarden.policy.policy import Assessment, Policy
from stepwarden.stepup.issue import Offer

TOO_MANY_PROMPTS = ReasonText(
    rule="prompt-limit",
    text="This person has been asked for a proof too often in the last minutes.",
    weight=0.0,
    technique="T1621",
)

IN_DOUBT = ReasonText(
    rule=LOG_DOUBTED,
    text="The log may have lost entries: until an operator has looked into it, the highest proof is needed.",
    weight=0.0,
    technique="T1070",
)

REVOKED = ReasonText(
    rule=SESSION_REVOKED,
    text="This session was ended from elsewhere: please sign in again.",
    weight=0.0,
    technique="T1550.004",
)

RAISED = ReasonText(
    rule=EMERGENCY,
    text="An emergency was declared: until it is over, the highest proof is needed.",
    weight=0.0,
)

STRICTER = ReasonText(
    rule=LIVE_ASKS_MORE,
    text="A new policy is being tried out for you, and the present one asks for more.",
    weight=0.0,
)

UNTRIED = ReasonText(
    rule=CANDIDATE_FAILED,
    text="A new policy that is being tried out for you could not be evaluated, so more is asked.",
    weight=0.0,
)

OURS = {one.rule: one for one in (IN_DOUBT, REVOKED, RAISED, STRICTER, UNTRIED)}
"""Reasons that no rule of a policy gives."""


def receipt_view(index: int, receipt: Receipt) -> ReceiptView:
    """The receipt of the entry at ``index``."""
    return ReceiptView(index=index, size=receipt.size, checkpoint=receipt.checkpoint)


def reason_texts(policy: Policy, entry: AttemptDecided) -> tuple[ReasonText, ...]:
    """The reasons in words, strongest first; weights in nats. Whatever is not allowed has at least one."""
    reasons = _in_words(policy, tuple(one for one in entry.evidence if one.rule not in OURS))
    ours = tuple(OURS[one.rule] for one in entry.evidence if one.rule in OURS)
    reasons = (*ours, *reasons)
    if entry.decision == "deny" and not entry.demand.deny:
        # The policy asked for a step-up; that it became a refusal is the cap on prompts (``judge``).
        return (TOO_MANY_PROMPTS, *reasons)
    if entry.decision != "allow" and not ours and not any(one.weight > 0 for one in reasons):
        return (by_itself(entry.demand), *reasons)
    return reasons


@lru_cache(maxsize=4_096)
def _in_words(policy: Policy, evidence: tuple[Evidence, ...]) -> tuple[ReasonText, ...]:
    # The same few combinations of rules come again and again.
    return tuple(
        ReasonText(
            rule=reason.rule, text=reason.text, weight=reason.weight / 1000, technique=reason.technique
        )
        for reason in policy.reasons(evidence)
    )


def by_itself(demand: Demand) -> ReasonText:
    """The reason where no rule gives one: the action needs it, whatever the risk."""
    fresh = f", proved within the last {demand.max_age} seconds" if demand.max_age >= 0 else ""
    own = " for this very action" if demand.bound else ""
    text = f"This action always needs assurance level AAL{demand.aal}{own}{fresh}."
    return ReasonText(rule="action", text=text, weight=0.0)


def explain(
    policy: Policy, assessment: Assessment, verdict: Verdict
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Texts and rule ids of the reasons of an assessment that is in no log (see ``lab``).

    Why something was not simply allowed is what spoke against it: what calmed is left out there.
    """
    found = [one for one in policy.reasons(assessment.evidence) if verdict == "allow" or one.weight >= 0]
    texts, rules = tuple(one.text for one in found), tuple(one.rule for one in found)
    if verdict != "allow" and not any(one.weight > 0 for one in found):
        own = by_itself(assessment.demand)
        return (own.text, *texts), (own.rule, *rules)
    return texts, rules


def challenge_offer(offer: Offer | None) -> ChallengeOffer | None:
    """What the application is told of an open challenge."""
    if offer is None:
        return None
    return ChallengeOffer(id=offer.challenge, factors=offer.factors, expires=offer.expires, ready=offer.ready)
