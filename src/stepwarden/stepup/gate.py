"""The gate: the one place where an answer to a challenge is looked at, for every kind of factor.

In this order, and each step ends it:

1. The challenge is open, or the answer counts for nothing (``closed``; ``challenge.expired`` if time just
   ended it).
2. It is ready: a first factor was proved (``not_ready``).
3. The account's factor is not locked (``locked``): the answer is not even looked at.
4. The answer is right by a credential that the log knows, and its first use: ``challenge.passed``.
5. Otherwise it is ``wrong``, or ``replayed`` if right but used. The 5th such answer is ``challenge.failed``.

``answer`` changes nothing. It returns the entry, and the caller folds it before anything else may be asked:
what verifies and what consumes is then one step, so of any number of simultaneous uses of one code one
passes. Whoever answers is told none of the reasons in step 5; ``refusal`` gives the error.

Not here: keeping secrets (``FactorSecrets``), logging the entry, HTTP.
"""

from dataclasses import dataclass
from typing import assert_never

import msgspec

from stepwarden.errors import (
    ChallengeClosedError,
    ChallengeError,
    ChallengeNotReadyError,
    FactorLockedError,
)
from stepwarden.events.entries import (
    AAL,
    ChallengeAnswered,
    ChallengeExpired,
    ChallengeFailed,
    ChallengePassed,
)
from stepwarden.stepup.assurance import FACTORS, FactorKind, admitted, level, methods_after
from stepwarden.stepup.binding import grant_hash
from stepwarden.stepup.factors import recovery, totp
from stepwarden.stepup.issue import ENTRY_ID_BYTES, expired, text_id
from stepwarden.stepup.people import FactorSecrets
from stepwarden.stepup.state import WRONG_PER_CHALLENGE, OpenChallenge, StepUpState

GRANT_SECONDS = 300
GRANT_BYTES = 32
ENTROPY_BYTES = GRANT_BYTES + ENTRY_ID_BYTES
Result = ChallengeAnswered | ChallengePassed | ChallengeFailed | ChallengeExpired


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What the one who passed is given; the grant is nowhere else in clear. ``expires`` in microseconds."""

    grant: str
    aal: AAL
    amr: tuple[str, ...]
    expires: int


def answer(
    state: StepUpState,
    secrets: FactorSecrets,
    challenge_id: str,
    factor: str,
    answer: str,
    now: int,
    entropy: bytes,
    *,
    by: str = "service",
) -> tuple[Result, Passed | None]:
    """Look at one answer.

    Args:
        now: the log's time, microseconds.
        entropy: 38 fresh random bytes.

    Returns:
        The entry to log and fold at once, and what was passed, if it was.
    """
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError("an answer takes 38 random bytes")
    now = state.now(now)
    kind = next((known for known in FACTORS if known == factor), None)
    head = ChallengeAnswered(
        time=now,
        id=text_id(entropy[GRANT_BYTES:ENTROPY_BYTES]),
        by=by,
        challenge="",
        actor="",
        factor=kind or "",
        result="closed",
    )
    found = state.challenge(challenge_id)
    if found is None or (found.issued.expires <= now and not found.ready):
        # An unknown id is the sender's text: it does not enter the log.
        return head, None
    if found.issued.expires <= now:
        return expired(found, now=now, entropy=entropy[GRANT_BYTES:]), None
    head = msgspec.structs.replace(
        head, previous=found.index, challenge=challenge_id, actor=found.issued.actor
    )
    return _look_at(state, secrets, found, kind, answer, head, entropy[:GRANT_BYTES])


def _look_at(
    state: StepUpState,
    secrets: FactorSecrets,
    found: OpenChallenge,
    kind: FactorKind | None,
    text: str,
    head: ChallengeAnswered,
    entropy: bytes,
) -> tuple[Result, Passed | None]:
    """Steps 2 to 5, for a challenge that is open."""
    if not found.ready:
        return msgspec.structs.replace(head, result="not_ready"), None
    if state.people.locked_until(head.actor, head.factor) > head.time:
        return msgspec.structs.replace(head, result="locked"), None
    use = _use(state, secrets, found, kind, text, head.time) if kind is not None else None
    if kind is not None and use is not None and use.fresh:
        return _passed(found, kind, use, head, entropy)
    if found.wrong + 1 >= WRONG_PER_CHALLENGE:
        failed = ChallengeFailed(
            time=head.time,
            id=head.id,
            previous=head.previous,
            by=head.by,
            challenge=head.challenge,
            actor=head.actor,
            factor=head.factor,
        )
        return failed, None
    return msgspec.structs.replace(head, result="wrong" if use is None else "replayed"), None


def refusal(result: ChallengeAnswered | ChallengeFailed | ChallengeExpired) -> ChallengeError:
    """The error for an answer that did not pass. Wrong, replayed, unknown factor: all the same."""
    match result:
        case ChallengeFailed():
            return ChallengeError("the answer was not accepted")
        case ChallengeExpired():
            return ChallengeClosedError("the challenge is closed")
        case ChallengeAnswered():
            match result.result:
                case "wrong" | "replayed":
                    return ChallengeError("the answer was not accepted")
                case "closed":
                    return ChallengeClosedError("the challenge is closed")
                case "not_ready":
                    return ChallengeNotReadyError("the first factor has not been reported as proved")
                case "locked":
                    return FactorLockedError("too many wrong answers; try again later")
                case _:
                    assert_never(result.result)
        case _:
            assert_never(result)


@dataclass(frozen=True, slots=True)
class _Use:
    credential: str
    step: int
    fresh: bool


def _use(
    state: StepUpState,
    secrets: FactorSecrets,
    challenge: OpenChallenge,
    kind: FactorKind,
    text: str,
    now: int,
) -> _Use | None:
    """The credential that this answer is right for; a fresh use before a used one. Looks at all of them."""
    actor = challenge.issued.actor
    best: _Use | None = None
    for credential, secret in secrets.get(actor, kind):
        step: int | None
        match kind:
            case "totp":
                step = totp.matching_step(secret, text, now)
            case "recovery":
                step = -1 if recovery.matches(secret, text) else None
            case _:
                assert_never(kind)
        fresh = state.people.fresh(actor, kind, credential, step) if step is not None else None
        if step is not None and fresh is not None and (best is None or not best.fresh):
            best = _Use(credential, step, fresh)
    admissible = kind in admitted(challenge.issued.aal, challenge.issued.recovery)
    return best if admissible else None


def _passed(
    challenge: OpenChallenge, kind: FactorKind, use: _Use, head: ChallengeAnswered, entropy: bytes
) -> tuple[ChallengePassed, Passed]:
    grant = text_id(entropy)
    aal = level(challenge.proved, kind)
    amr = methods_after(challenge.proved, kind)
    expires = head.time + GRANT_SECONDS * 1_000_000
    entry = ChallengePassed(
        time=head.time,
        id=head.id,
        previous=head.previous,
        by=head.by,
        challenge=head.challenge,
        actor=head.actor,
        session=challenge.issued.session,
        factor=kind,
        amr=amr,
        aal=aal,
        grant=grant_hash(grant),
        expires=expires,
        credential=use.credential,
        step=use.step,
    )
    return entry, Passed(grant=grant, aal=aal, amr=amr, expires=expires)
