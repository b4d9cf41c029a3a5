"""The gate: the one place where an answer to a challenge is looked at, for every kind of factor.

In this order, and each step ends it:

1. The challenge is open, or the answer counts for nothing (``closed``; ``challenge.expired`` if time just
   ended it).
2. It is ready: a first factor was proved (``not_ready``). A passkey, or a provider, is a first factor itself.
3. The account's factor is not locked (``locked``): the answer is not even looked at.
4. The answer is right by a credential that the log knows, and its first use: ``challenge.passed``.
5. Otherwise it is ``wrong``, or ``replayed`` if right but used, or ``cloned`` if there are two of a passkey. The
   5th such answer is ``challenge.failed``; a person's own no is it at once.

``answer`` changes nothing. It returns the entry, and the caller folds it before anything else may be asked:
what verifies and what consumes is then one step, so of any number of simultaneous uses of one code one
passes. Whoever answers is told none of the reasons in step 5; ``refusal`` gives the error.

Not here: what each kind takes for right (``looks``), keeping secrets (``FactorSecrets``), logging the entry, HTTP.
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
from stepwarden.stepup.assurance import FactorKind, kind_of, level, methods_after
from stepwarden.stepup.binding import grant_hash
from stepwarden.stepup.issue import ENTRY_ID_BYTES, admits, expired, text_id
from stepwarden.stepup.looks import Use, look
from stepwarden.stepup.means import Approved, Given, Means, Minting
from stepwarden.stepup.state import WRONG_PER_CHALLENGE, OpenChallenge, StepUpState

GRANT_SECONDS = 300
GRANT_BYTES = 32
ENTROPY_BYTES = GRANT_BYTES + ENTRY_ID_BYTES
FIRST_FACTORS = frozenset({"webauthn", "provider"})
"""Kinds that nobody can use to prompt, count or lock: the person acts first, and what they give cannot be guessed."""
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
    means: Means,
    challenge_id: str,
    factor: str,
    given: Given,
    now: int,
    entropy: bytes,
    *,
    by: str = "service",
    deferred: bool = False,
) -> tuple[Result, Passed | None]:
    """Look at one answer.

    Args:
        now: the log's time, microseconds.
        entropy: 38 fresh random bytes.
        deferred: it came over our page: a success counts once the application has fetched it.

    Returns:
        The entry to log and fold at once, and what was passed, if it was.
    """
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError("an answer takes 38 random bytes")
    now = state.now(now)
    kind = kind_of(factor)
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
    entry, passed = _look_at(state, means, found, kind, given, head, entropy[:GRANT_BYTES])
    if isinstance(entry, ChallengePassed) and deferred:
        entry = msgspec.structs.replace(entry, deferred=True)
    return entry, passed


def denied(state: StepUpState, challenge_id: str, now: int, entropy: bytes, *, by: str) -> Result | None:
    """The entry for somebody who says that it was not them; None where the challenge has ended, or waits.

    Args:
        entropy: 6 fresh random bytes.
    """
    found = state.challenge(challenge_id)
    now = state.now(now)
    if found is None or not found.ready or found.issued.expires <= now:
        return None
    return _failed(
        ChallengeAnswered(
            time=now,
            id=text_id(entropy[:ENTRY_ID_BYTES]),
            previous=found.index,
            by=by,
            challenge=challenge_id,
            actor=found.issued.actor,
            factor="",
            result="wrong",
        ),
        denied=True,
    )


def _look_at(
    state: StepUpState,
    means: Means,
    found: OpenChallenge,
    kind: FactorKind | None,
    given: Given,
    head: ChallengeAnswered,
    entropy: bytes,
) -> tuple[Result, Passed | None]:
    """Steps 2 to 5, for a challenge that is open."""
    if not found.ready and kind not in FIRST_FACTORS:
        return msgspec.structs.replace(head, result="not_ready"), None
    if state.people.locked_until(head.actor, head.factor) > head.time:
        return msgspec.structs.replace(head, result="locked"), None
    use = look(state, means, found, kind, given, head.time) if kind is not None else None
    if use is not None and not admits(found.issued, use.used):
        use = None
    if use is not None and use.fresh:
        return _passed(means, found, use, head, entropy)
    if isinstance(given, Approved) and not given.yes:
        return _failed(head, denied=True), None
    if found.wrong + 1 >= WRONG_PER_CHALLENGE:
        return _failed(head, denied=False), None
    if use is None:
        return msgspec.structs.replace(head, result="wrong"), None
    result = "cloned" if use.cloned else "replayed"
    return msgspec.structs.replace(head, result=result, credential=use.credential), None


def _failed(head: ChallengeAnswered, *, denied: bool) -> ChallengeFailed:
    return ChallengeFailed(
        time=head.time,
        id=head.id,
        previous=head.previous,
        by=head.by,
        challenge=head.challenge,
        actor=head.actor,
        factor=head.factor,
        reason="denied" if denied else "wrong",
    )


def refusal(result: ChallengeAnswered | ChallengeFailed | ChallengeExpired) -> ChallengeError:
    """The error for an answer that did not pass. Wrong, replayed, cloned, unknown factor: all the same."""
    match result:
        case ChallengeFailed():
            return ChallengeError("the answer was not accepted")
        case ChallengeExpired():
            return ChallengeClosedError("the challenge is closed")
        case ChallengeAnswered():
            match result.result:
                case "wrong" | "replayed" | "cloned":
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


def _passed(
    means: Means, challenge: OpenChallenge, use: Use, head: ChallengeAnswered, entropy: bytes
) -> tuple[ChallengePassed, Passed]:
    aal = level(challenge.proved, use.used)
    amr = methods_after(challenge.proved, use.used)
    expires = head.time + GRANT_SECONDS * 1_000_000
    grant = means.mint(
        Minting(
            id=text_id(entropy),
            challenge=head.challenge,
            aal=aal,
            amr=amr,
            proved=head.time,
            expires=expires,
        )
    )
    entry = ChallengePassed(
        time=head.time,
        id=head.id,
        previous=head.previous,
        by=head.by,
        challenge=head.challenge,
        actor=head.actor,
        session=challenge.issued.session,
        factor=use.used.factor,
        amr=amr,
        aal=aal,
        grant=grant_hash(grant),
        expires=expires,
        credential=use.credential,
        step=use.step,
        proof=use.proof,
        sign_count=use.sign_count,
        synced=use.used.synced if use.proof else False,
        backed_up=use.backed_up,
        backup_changed=use.backup_changed,
    )
    return entry, Passed(grant=grant, aal=aal, amr=amr, expires=expires)
