"""Labels: somebody says what an attempt really was. Each is an entry; the history is tuned by them."""

from typing import Final

from stepwarden.errors import InputError
from stepwarden.events.entries import LabelApplied
from stepwarden.events.redaction import redact
from stepwarden.flow.answers import Recorded
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.views import receipt_view

PERSON: Final = "person"
PERSON_RELIABILITY: Final = 80
"""Percent: people mistake their own attempts for somebody else's now and then."""


class Labels:
    """All calls on the loop's thread."""

    def __init__(self, recorder: Recorder, attempts: Attempts) -> None:
        self._recorder = recorder
        self._attempts = attempts

    async def apply(self, attempt_id: str, label: str, *, source: str, reliability: int, by: str) -> Recorded:
        """Say what an attempt really was. ``reliability`` is a percentage, 1..100.

        Raises:
            InputError: no such label or reliability.
            NotFoundError: there is no such attempt.
        """
        if label not in ("attack", "benign"):
            raise InputError("a label is attack or benign", field="label")
        if not 1 <= reliability <= 100:
            raise InputError("reliability is a percentage, 1 to 100", field="reliability")
        index, decided, _, _ = self._attempts.find(attempt_id)
        entry = LabelApplied(
            time=self._recorder.now(),
            id=self._recorder.new_id(),
            previous=index,
            by=by,
            label="attack" if label == "attack" else "benign",
            source=redact(source),
            reliability=reliability,
            actor=decided.facts.actor,
            address=decided.facts.address,
        )
        appended = self._recorder.append(entry)
        receipt = await appended.durable
        return Recorded(id=appended.name, receipt=receipt_view(appended.index, receipt))

    async def not_me(self, attempt_id: str) -> Recorded:
        """The person says that this attempt, made in their name, was not them."""
        return await self.apply(
            attempt_id, "attack", source=PERSON, reliability=PERSON_RELIABILITY, by="page"
        )
