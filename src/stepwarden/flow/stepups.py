"""Step-ups: answers to challenges, codes that are sent, and challenges that nobody answered.

Verify and consume are one step: the gate looks at the answer and makes the entry, the entry is folded, and only then
is anything awaited. Two racing answers are looked at one after the other, and the second finds the code used.

An answer over the API counts at once. One over our page is *deferred*: it counts when the application has collected it,
with what only the browser that passed was given (``pages``).
"""

from collections.abc import Callable, Mapping

import msgspec

from stepwarden.errors import (
    BusyError,
    ChallengeClosedError,
    ChallengeError,
    ChallengeNotReadyError,
    CourierError,
)
from stepwarden.events.entries import ChallengeCollected, ChallengePassed, ChallengeSent, ExceptionRaised
from stepwarden.flow.answers import PassedAnswer
from stepwarden.flow.couriers import Courier, Message
from stepwarden.flow.holding import Holding
from stepwarden.flow.notices import Notices
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.tokens import encode_token
from stepwarden.flow.views import receipt_view
from stepwarden.ledger.sequencer import Receipt
from stepwarden.stepup import gate
from stepwarden.stepup.assurance import Used, kind_of
from stepwarden.stepup.binding import keyed_text
from stepwarden.stepup.factors import sent
from stepwarden.stepup.issue import ENTRY_ID_BYTES, admits, expired
from stepwarden.stepup.means import Given, Means
from stepwarden.stepup.state import OpenChallenge

SESSION_BYTES = 18
"""Of the id that a session should go on with after a step-up: 144 bits."""


class Passing(msgspec.Struct, frozen=True):
    """A challenge that was passed, durably; deferred ones still have to be collected."""

    index: int
    entry: ChallengePassed
    passed: gate.Passed
    receipt: Receipt


class StepUps:
    """All calls on the loop's thread."""

    def __init__(
        self,
        recorder: Recorder,
        means: Means,
        *,
        holding: Holding,
        couriers: Mapping[str, Courier],
        notices: Notices,
        callback: str,
        entropy: Callable[[int], bytes],
    ) -> None:
        """``couriers`` by kind of factor; ``callback`` is where a provider reports what somebody answered to a push."""
        self._recorder = recorder
        self._state = recorder.state
        self._means = means
        self._holding = holding
        self._couriers = couriers
        self._notices = notices
        self._callback = callback
        self._entropy = entropy

    async def answer(self, challenge_id: str, *, factor: str, answer: Given, by: str) -> PassedAnswer:
        """Look at an answer over the API; that it was given is an entry, whether it was right or not.

        Raises:
            ChallengeError: it did not pass; a subclass where the caller may know more.
            NotWitnessedError: it was right, and too few witnesses signed in time (see ``holding``).
        """
        return self.passed_answer(await self.look(challenge_id, factor, answer, by=by, deferred=False))

    async def look(self, challenge_id: str, factor: str, given: Given, *, by: str, deferred: bool) -> Passing:
        """Look at an answer. Raises as ``answer`` does."""
        recorder = self._recorder
        entropy = self._entropy(gate.ENTROPY_BYTES)
        asked = self._state.stepup.challenge(challenge_id)
        entry, passed = gate.answer(
            self._state.stepup,
            self._means,
            challenge_id,
            factor,
            given,
            recorder.now(),
            entropy,
            by=by,
            deferred=deferred,
        )
        if isinstance(entry, ChallengePassed) and asked is not None and self._holding.holds(asked.issued):
            entry = msgspec.structs.replace(entry, held=True)
        appended = recorder.append(entry)
        receipt = await appended.durable
        if not isinstance(entry, ChallengePassed):
            raise gate.refusal(entry)
        if passed is None:
            raise ValueError("a passed challenge gives a grant")
        if entry.factor == "recovery":
            self._notices.tell(entry.actor, "recovery.used")
        if entry.held:
            receipt = await self._holding.release(appended.index, entry)
        return Passing(appended.index, entry, passed, receipt)

    def passed_answer(self, passing: Passing, *, device: str = "") -> PassedAnswer:
        """What the application is given of a success that counts."""
        return PassedAnswer(
            grant=passing.passed.grant,
            aal=passing.passed.aal,
            amr=passing.passed.amr,
            expires=passing.passed.expires,
            session=encode_token(self._entropy(SESSION_BYTES)),
            device=device,
            receipt=receipt_view(passing.index, passing.receipt),
        )

    async def collect(self, passing: Passing, *, by: str) -> Passing:
        """The application fetches a deferred success: from here on it counts.

        Raises:
            ChallengeClosedError: it is over, its session ended meanwhile, or it was collected before.
        """
        recorder = self._recorder
        if not self._state.stepup.is_deferred(passing.index, recorder.now()):
            raise ChallengeClosedError("the challenge is closed")
        entry = ChallengeCollected(
            time=recorder.now(),
            id=recorder.new_id(),
            previous=passing.index,
            by=by,
            challenge=passing.entry.challenge,
            actor=passing.entry.actor,
            session=passing.entry.session,
        )
        receipt = await recorder.append(entry).durable
        return Passing(passing.index, passing.entry, passing.passed, receipt)

    async def deny(self, challenge_id: str, *, by: str) -> None:
        """The person says that it was not them.

        Raises:
            ChallengeClosedError: there is nothing to refuse.
        """
        recorder = self._recorder
        entry = gate.denied(
            self._state.stepup, challenge_id, recorder.now(), self._entropy(ENTRY_ID_BYTES), by=by
        )
        if entry is None:
            raise ChallengeClosedError("the challenge is closed")
        await recorder.append(entry).durable

    async def send(
        self, challenge_id: str, *, factor: str, credential: str, words: str, language: str, by: str
    ) -> str:
        """Send a code, or a request to approve, for a challenge; the number that the page has to show ("" for a code).

        Args:
            credential: where to; empty: the only one, or the first.

        Raises:
            ChallengeError: it has ended, is not ready, or cannot be answered this way.
            BusyError: too many were sent.
            CourierError: it could not be handed over; that is an entry.
        """
        kind, challenge = kind_of(factor), self._open(challenge_id)
        courier = self._couriers.get(factor)
        known = dict(self._means.secrets.get(challenge.issued.actor, factor))
        enrolled = self._state.stepup.people.credentials(challenge.issued.actor, factor)
        able = [name for name in enrolled if name in known and credential in ("", name)]
        if kind is None or courier is None or not able or not admits(challenge.issued, Used(kind)):
            raise ChallengeError("the challenge cannot be answered this way")
        self._check_sends(challenge)
        name, entropy = able[0], self._entropy(sent.ENTROPY)
        secret = sent.code(entropy)
        recorder = self._recorder
        entry = ChallengeSent(
            time=recorder.now(),
            id=recorder.new_id(),
            previous=challenge.index,
            by=by,
            challenge=challenge_id,
            actor=challenge.issued.actor,
            factor=factor,
            credential=name,
            code=self._means.keyed(keyed_text(challenge_id, factor, secret)),
        )
        await recorder.append(entry).durable
        push = factor == "push"
        message = Message(
            kind="push" if push else "code",
            challenge=challenge_id,
            to=known[name].decode(),
            code="" if push else secret,
            number=secret if push else "",
            words=words,
            language=language,
            expires=challenge.issued.expires,
            callback=self._callback if push else "",
        )
        await self._deliver(courier, message, by)
        return secret if push else ""

    def _open(self, challenge_id: str) -> OpenChallenge:
        found = self._state.stepup.challenge(challenge_id)
        if found is None or found.issued.expires <= self._recorder.now():
            raise ChallengeClosedError("the challenge is closed")
        if not found.ready:
            raise ChallengeNotReadyError("the first factor has not been reported as proved")
        return found

    def _check_sends(self, challenge: OpenChallenge) -> None:
        stepup, now = self._state.stepup, self._recorder.now()
        if challenge.deliveries >= sent.MAX_SENT or not stepup.may_send(challenge.issued.actor, now):
            raise BusyError(
                "too many codes were sent: wait some minutes, or prove it another way", retry_after=60
            )

    async def _deliver(self, courier: Courier, message: Message, by: str) -> None:
        try:
            await courier.send(message)
        except CourierError as exc:
            recorder = self._recorder
            entry = ExceptionRaised(
                time=recorder.now(),
                id=recorder.new_id(),
                by=by,
                code=exc.code,
                where=f"courier.{message.kind}",
                detail="a message could not be handed over",
            )
            await recorder.append(entry).durable
            raise

    def start(self) -> None:
        """What a former run held back is void: nobody waits for it any more."""
        self._holding.void("the service was started again before witnesses had signed")

    def sweep(self) -> None:
        """One entry for each challenge that reached somebody and was not answered in time."""
        recorder = self._recorder
        for challenge in self._state.stepup.due(recorder.now()):
            entry = expired(challenge, now=recorder.now(), entropy=self._entropy(ENTRY_ID_BYTES))
            recorder.append(entry)
