"""From what the rooms below return to what callers are shown (``answers``)."""

from stepwarden.events.entries import AttemptDecided
from stepwarden.flow.answers import ChallengeOffer, ReasonText, ReceiptView
from stepwarden.ledger.sequencer import Receipt
from stepwarden.policy.policy import Policy
from stepwarden.stepup.issue import Offer

TOO_MANY_PROMPTS = ReasonText(
    rule="prompt-limit",
    text="This person has been asked for a proof too often in the last minutes.",
    weight=0.0,
    technique="T1621",
)


def receipt_view(index: int, receipt: Receipt) -> ReceiptView:
    """The receipt of the entry at ``index``."""
    return ReceiptView(index=index, size=receipt.size, checkpoint=receipt.checkpoint)


def reason_texts(policy: Policy, entry: AttemptDecided) -> tuple[ReasonText, ...]:
    """The reasons in words, strongest first; weights in nats."""
    reasons = tuple(
        ReasonText(
            rule=reason.rule, text=reason.text, weight=reason.weight / 1000, technique=reason.technique
        )
        for reason in policy.reasons(entry.evidence)
    )
    if entry.decision == "deny" and not entry.demand.deny:
        # The policy asked for a step-up; that it became a refusal is the cap on prompts (``judge``).
        return (TOO_MANY_PROMPTS, *reasons)
    return reasons


def challenge_offer(offer: Offer | None) -> ChallengeOffer | None:
    """What the application is told of an open challenge."""
    if offer is None:
        return None
    return ChallengeOffer(id=offer.challenge, factors=offer.factors, expires=offer.expires, ready=offer.ready)
