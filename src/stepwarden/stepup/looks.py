"""What each kind of factor takes for a right answer: the gate's eyes. Nothing is counted or decided here.

``look`` gives the credential that an answer is right for, a fresh use before a used one, and None where it is right for
none. It looks at all of a person's credentials, so that the time taken tells nothing of which one was meant.
"""

import hmac
from dataclasses import dataclass
from typing import Final, assert_never

from stepwarden.stepup.assurance import FactorKind, Used
from stepwarden.stepup.binding import keyed_text
from stepwarden.stepup.factors import recovery, sent, totp, webauthn
from stepwarden.stepup.means import Approved, Given, Means, ProviderAnswer
from stepwarden.stepup.state import OpenChallenge, StepUpState

LEEWAY: Final = 60_000_000
"""Microseconds that a provider's clock may be behind ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A right answer: by which credential, worth what. ``fresh``: its first use; ``cloned``: there are two of it."""

    used: Used
    credential: str
    fresh: bool
    step: int = -1
    proof: str = ""
    sign_count: int = 0
    backed_up: bool = False
    backup_changed: bool = False
    cloned: bool = False


def look(
    state: StepUpState, means: Means, challenge: OpenChallenge, kind: FactorKind, given: Given, now: int
) -> Use | None:
    """What this answer is right for."""
    if isinstance(given, ProviderAnswer):
        return _provider(challenge, given) if kind == "provider" else None
    if isinstance(given, Approved):
        return _sent(state, means, challenge, kind, given.number) if kind == "push" and given.yes else None
    match kind:
        case "webauthn":
            return _passkey(state, means, challenge, given)
        case "totp" | "recovery":
            return _code(state, means, challenge, kind, given, now)
        case "sms" | "email":
            code = sent.normalise(given)
            return _sent(state, means, challenge, kind, code or "")
        case "push" | "provider":
            return None  # typed into our page these prove nothing
        case _:
            assert_never(kind)


def _passkey(state: StepUpState, means: Means, challenge: OpenChallenge, text: str) -> Use | None:
    actor = challenge.issued.actor
    known = [
        (name, raw_id, passkey)
        for name, raw_id in means.secrets.get(actor, "webauthn")
        if (passkey := state.people.passkey(actor, name)) is not None
    ]
    found = webauthn.check(
        text, nonce=challenge.issued.nonce, credentials=known, origins=means.origins, rp_id=means.rp_id
    )
    if found is None:
        return None
    passkey = next(passkey for name, _, passkey in known if name == found.credential)
    # A key that was bound to its authenticator and can suddenly be copied is not the one that was enrolled.
    hardware = passkey.hardware and not found.synced
    return Use(
        used=Used("webauthn", hardware=hardware, synced=found.synced),
        credential=found.credential,
        fresh=not found.cloned,
        proof=found.proof,
        sign_count=found.sign_count,
        backed_up=found.backed_up,
        backup_changed=(found.synced, found.backed_up) != (passkey.synced, passkey.backed_up),
        cloned=found.cloned,
    )


def _code(
    state: StepUpState, means: Means, challenge: OpenChallenge, kind: FactorKind, text: str, now: int
) -> Use | None:
    actor = challenge.issued.actor
    best: Use | None = None
    for credential, secret in means.secrets.get(actor, kind):
        step: int | None
        if kind == "totp":
            step = totp.matching_step(secret, text, now)
        else:
            step = -1 if recovery.matches(secret, text) else None
        fresh = state.people.fresh(actor, kind, credential, step) if step is not None else None
        if step is not None and fresh is not None and (best is None or not best.fresh):
            best = Use(used=Used(kind), credential=credential, fresh=fresh, step=step)
    return best


def _sent(
    state: StepUpState, means: Means, challenge: OpenChallenge, kind: FactorKind, code: str
) -> Use | None:
    right = means.keyed(keyed_text(challenge.issued.challenge, kind, code))
    found: Use | None = None
    for delivery in challenge.sent:
        if delivery.factor != kind or not hmac.compare_digest(delivery.code, right):
            continue
        if state.people.fresh(challenge.issued.actor, kind, delivery.credential, -1):
            found = Use(used=Used(kind), credential=delivery.credential, fresh=True)
    return found


def _provider(challenge: OpenChallenge, given: ProviderAnswer) -> Use | None:
    issued = challenge.issued
    if not hmac.compare_digest(given.actor.encode(), issued.actor.encode()):
        return None
    # Its clock says nothing of how fresh a proof is; one from before the question was asked is no answer to it.
    if given.auth_time < issued.time - LEEWAY:
        return None
    return Use(used=Used("provider", aal=given.aal, methods=given.methods), credential="provider", fresh=True)
