"""Step-ups: answers to challenges, enrolment of factors, and challenges that nobody answered.

Verify and consume are one step: the gate looks at the answer and makes the entry, the entry is folded, and only then
is anything awaited. Two racing answers are looked at one after the other, and the second finds the code used.
"""

import re
from collections.abc import Callable

import msgspec

from stepwarden.errors import ForbiddenError, InputError
from stepwarden.events.attempt import NO_CONTROL
from stepwarden.events.entries import ChallengePassed, FactorEnrolled, FactorRemoved
from stepwarden.flow.answers import PassedAnswer, TotpEnrolment
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.holding import Holding
from stepwarden.flow.recorder import Appended, Recorder
from stepwarden.flow.vault import Vault
from stepwarden.flow.views import receipt_view
from stepwarden.ledger.store import SideWrite
from stepwarden.stepup import gate
from stepwarden.stepup.factors import recovery, totp
from stepwarden.stepup.issue import ENTRY_ID_BYTES, expired

ENROL_ACTION = "factor.enroll"
ENROL_WITHIN = 600_000_000
"""Microseconds after which an allowed ``factor.enroll`` is no longer good for enrolling."""
CREDENTIAL_BYTES = 6


class StepUps:
    """All calls on the loop's thread."""

    def __init__(
        self,
        recorder: Recorder,
        attempts: Attempts,
        vault: Vault,
        *,
        holding: Holding,
        issuer: str,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._recorder = recorder
        self._state = recorder.state
        self._attempts = attempts
        self._vault = vault
        self._holding = holding
        self._issuer = issuer
        self._entropy = entropy

    async def answer(self, challenge_id: str, *, factor: str, answer: str, by: str) -> PassedAnswer:
        """Look at an answer; that it was given is an entry, whether it was right or not.

        Raises:
            ChallengeError: it did not pass; a subclass where the caller may know more.
            NotWitnessedError: it was right, and too few witnesses signed in time (see ``holding``).
        """
        recorder = self._recorder
        entropy = self._entropy(gate.ENTROPY_BYTES)
        asked = self._state.stepup.challenge(challenge_id)
        entry, passed = gate.answer(
            self._state.stepup, self._vault, challenge_id, factor, answer, recorder.now(), entropy, by=by
        )
        if isinstance(entry, ChallengePassed) and asked is not None and self._holding.holds(asked.issued):
            entry = msgspec.structs.replace(entry, held=True)
        appended = recorder.append(entry)
        receipt = await appended.durable
        if not isinstance(entry, ChallengePassed):
            raise gate.refusal(entry)
        if passed is None:
            raise ValueError("a passed challenge gives a grant")
        if entry.held:
            receipt = await self._holding.release(appended.index, entry)
        return PassedAnswer(
            grant=passed.grant,
            aal=passed.aal,
            amr=passed.amr,
            expires=passed.expires,
            receipt=receipt_view(appended.index, receipt),
        )

    async def enrol_totp(self, actor: str, *, attempt: str, by: str) -> TotpEnrolment:
        """Give a person a new TOTP secret.

        Args:
            attempt: the name of an allowed attempt ``factor.enroll`` by this person, at most 10 minutes old and
                not used before. Only somebody who has no factor yet may do without.

        Raises:
            ForbiddenError: there is no such attempt.
        """
        token, previous = self._may_enrol(actor, attempt)
        secret = self._entropy(totp.SECRET_BYTES)
        credential = self._entropy(CREDENTIAL_BYTES).hex()
        row = self._vault.put(token, "totp", credential, secret)
        await self._enrolled(actor, token, "totp", credential, 0, previous, (row,), by).durable
        uri = totp.uri(secret, issuer=self._issuer, account=actor)
        return TotpEnrolment(secret=totp.base32(secret), uri=uri)

    async def make_recovery_codes(self, actor: str, *, attempt: str, by: str) -> list[str]:
        """Give a person 10 new recovery codes; those before are void. ``attempt`` as for ``enrol_totp``."""
        token, previous = self._may_enrol(actor, attempt)
        codes = recovery.codes(self._entropy(recovery.CODE_BYTES * recovery.CODES_AT_ONCE))
        credential = self._entropy(CREDENTIAL_BYTES).hex()
        rows = tuple(
            self._vault.put(
                token,
                "recovery",
                f"{credential}.{number}",
                recovery.stored(code, self._entropy(recovery.SALT_BYTES)),
            )
            for number, code in enumerate(codes)
        )
        for old in self._state.stepup.people.credentials(token, "recovery"):
            self._remove(token, old, by)
        await self._enrolled(actor, token, "recovery", credential, len(codes), previous, rows, by).durable
        return codes

    def _remove(self, token: str, credential: str, by: str) -> None:
        kept = [name for name, _ in self._vault.get(token, "recovery") if name.startswith(credential + ".")]
        entry = FactorRemoved(
            time=self._recorder.now(),
            id=self._recorder.new_id(),
            by=by,
            actor=token,
            factor="recovery",
            credential=credential,
        )
        self._recorder.append(entry, side=tuple(self._vault.drop(token, "recovery", name) for name in kept))

    def _enrolled(
        self,
        actor: str,
        token: str,
        factor: str,
        credential: str,
        count: int,
        previous: int,
        rows: tuple[SideWrite, ...],
        by: str,
    ) -> Appended:
        recorder = self._recorder
        private = recorder.private(actor, {"actor": actor})
        entry = FactorEnrolled(
            time=recorder.now(),
            id=recorder.new_id(),
            previous=previous,
            by=by,
            actor=token,
            factor=factor,
            credential=credential,
            count=count,
        )
        return recorder.append(entry, private, rows)

    def _may_enrol(self, actor: str, attempt: str) -> tuple[str, int]:
        """The person's token and the index of the attempt that allows it (-1: none is needed)."""
        if not 0 < len(actor) <= 256 or re.match(NO_CONTROL, actor) is None:
            raise InputError("an actor has 1 to 256 characters and no control characters", field="actor")
        person, _ = self._recorder.people.find_or_make(actor)
        if not self._state.stepup.people.enrolled(person.token):
            return person.token, -1
        refused = ForbiddenError(
            "this person has a factor already: ask for the action factor.enroll first, let them step up, and "
            "send the id of the allowed attempt as `attempt`"
        )
        if not attempt:
            raise refused
        index, decided, _, _ = self._attempts.find(attempt)
        fits = (
            decided.facts.action == ENROL_ACTION
            and decided.facts.actor == person.token
            and decided.decision == "allow"
            and self._recorder.now() - decided.time <= ENROL_WITHIN
            and index not in self._state.spent
        )
        if not fits:
            raise refused
        return person.token, index

    def start(self) -> None:
        """What a former run held back is void: nobody waits for it any more."""
        self._holding.void("the service was started again before witnesses had signed")

    def sweep(self) -> None:
        """One entry for each challenge that reached somebody and was not answered in time."""
        recorder = self._recorder
        for challenge in self._state.stepup.due(recorder.now()):
            entry = expired(challenge, now=recorder.now(), entropy=self._entropy(ENTRY_ID_BYTES))
            recorder.append(entry)
