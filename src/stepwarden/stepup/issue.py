"""Issuing challenges: from a decision that asks for a step-up to the challenge that the person is offered.

Two questions, in this order:

``prospect`` is asked before the decision is recorded, because it can turn a step-up into a refusal:
    ``new``     a challenge is to be issued;
    ``again``   an open, ready challenge for this very binding in this very session is offered once more;
    ``bombed``  this actor had 3 prompts within 10 minutes and passed none: the attempt is denied.

A challenge is offered again only inside a session: two strangers at one sign-in form must not share one. A
sign-in before its first factor is proved cannot add a prompt, but is refused while the actor is being
bombed.

``issue`` is asked after the decision has been folded, and makes the entry and the offer.

>>> from stepwarden.stepup.state import StepUpState
>>> prospect(StepUpState(), actor="a", session="", binding="00", now=0)
'new'

Not here: what becomes of the challenge (``state``) and of answers (``gate``).
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stepwarden.events.entries import AttemptDecided, ChallengeExpired, ChallengeIssued, Standing
from stepwarden.stepup.assurance import FactorKind, Used, admitted, classes, level, own_methods, reach
from stepwarden.stepup.binding import commitment
from stepwarden.stepup.state import MAX_PROMPTS, OpenChallenge, StepUpState

CHALLENGE_SECONDS = 300
"""How long a challenge may be answered; NIST SP 800-63B allows 10 minutes at most."""

CHALLENGE_BYTES = 16
ENTRY_ID_BYTES = 6
ENTROPY_BYTES = CHALLENGE_BYTES + ENTRY_ID_BYTES
Prospect = Literal["new", "again", "bombed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the application is told. ``factors``: those of this person that would do; maybe none."""

    challenge: str
    factors: tuple[FactorKind, ...]
    expires: int
    ready: bool


def text_id(entropy: bytes) -> str:
    """Random bytes as base64url without padding."""
    return urlsafe_b64encode(entropy).rstrip(b"=").decode()


def prospect(state: StepUpState, *, actor: str, session: str, binding: str, now: int) -> Prospect:
    """What a step-up for this attempt would come to. Pure: replay asks the same and gets the same."""
    if _open_again(state, actor, session, binding, now) is not None:
        return "again"
    return "bombed" if len(state.prompts(actor, now)) >= MAX_PROMPTS else "new"


def issue(
    state: StepUpState,
    decided: AttemptDecided,
    index: int,
    *,
    now: int,
    entropy: bytes,
    by: str = "service",
    personal: Mapping[str, str] | None = None,
) -> tuple[ChallengeIssued | None, Offer]:
    """The challenge that a ``step_up`` decision, folded already, leads to.

    Args:
        index: where the decision is in the log.
        now: the log's time, microseconds.
        entropy: 22 fresh random bytes.
        personal: the digests of the entry's personal fields; ``approval`` is what the nonce commits to.

    Returns:
        The entry to log and fold, None where an open challenge is offered again; and the offer.

    Raises:
        ValueError: the decision was no step-up, or must not have been one (``prospect`` says ``bombed``).
    """
    if decided.decision != "step_up" or len(entropy) < ENTROPY_BYTES:
        raise ValueError("a challenge takes a step-up decision and 22 random bytes")
    actor, session = decided.facts.actor, decided.facts.session
    again = _open_again(state, actor, session, decided.binding, now)
    if again is not None:
        return None, offer(state, again.issued, ready=True)
    if len(state.prompts(actor, now)) >= MAX_PROMPTS:
        raise ValueError("this actor is being bombed with prompts: the decision must be deny")
    now = state.now(now)
    challenge = text_id(entropy[:CHALLENGE_BYTES])
    digests = dict(personal or {})
    proved = already_proved(decided.standing, decided.facts.proved)
    entry = ChallengeIssued(
        time=now,
        id=text_id(entropy[CHALLENGE_BYTES:ENTROPY_BYTES]),
        previous=index,
        by=by,
        challenge=challenge,
        actor=actor,
        session=session,
        action=decided.facts.action,
        nonce=commitment(challenge, decided.binding, decided.policy, digests.get("approval", "")),
        binding=decided.binding,
        aal=decided.demand.aal,
        expires=now + CHALLENGE_SECONDS * 1_000_000,
        ready=bool(classes(proved)),
        recovery=decided.demand.recovery,
        proved=proved,
        methods=decided.demand.methods,
        personal=digests,
    )
    return entry, offer(state, entry, ready=entry.ready)


def already_proved(standing: Standing, proved: tuple[str, ...]) -> tuple[str, ...]:
    """The methods that count as proved at the attempt: the session's, and those reported with the attempt."""
    held = standing.amr if standing.aal >= 1 else ()
    return tuple(sorted({*held, *proved}))


def offer(state: StepUpState, issued: ChallengeIssued, *, ready: bool) -> Offer:
    """What the application is told of a challenge."""
    able = state.people.enrolled(issued.actor)
    kinds = admitted(issued.aal, issued.recovery, issued.methods)
    factors = tuple(kind for kind in kinds if kind in able and _reaches(state, issued, kind))
    return Offer(challenge=issued.challenge, factors=factors, expires=issued.expires, ready=ready)


def _reaches(state: StepUpState, issued: ChallengeIssued, kind: FactorKind) -> bool:
    """Whether a pass by this kind could be enough: nobody is asked for what will not do."""
    if kind == "webauthn":
        return issued.aal <= 2 or state.people.hardware(issued.actor)
    return kind == "recovery" or issued.aal <= reach(kind)


def admits(issued: ChallengeIssued, used: Used) -> bool:
    """Whether what was used could answer this challenge at all."""
    if used.factor not in admitted(issued.aal, issued.recovery, issued.methods):
        return False
    if used.factor == "recovery":
        return True
    if issued.methods and not set(issued.methods) & set(own_methods(used)):
        return False
    return used.factor != "provider" or level(issued.proved, used) >= issued.aal


def expired(challenge: OpenChallenge, *, now: int, entropy: bytes) -> ChallengeExpired:
    """The entry for a challenge that ``StepUpState.due`` returned; 6 random bytes."""
    return ChallengeExpired(
        time=now,
        id=text_id(entropy[:ENTRY_ID_BYTES]),
        previous=challenge.index,
        challenge=challenge.issued.challenge,
        actor=challenge.issued.actor,
    )


def _open_again(state: StepUpState, actor: str, session: str, binding: str, now: int) -> OpenChallenge | None:
    if not session:
        return None
    for known in state.prompts(actor, now):
        if known is None or known.issued.binding != binding:
            continue
        if known.issued.expires > state.now(now):
            return known
    return None
