"""What the gateway needs of the flow: the one Protocol between HTTP and everything that decides.

``flow.Service`` satisfies it by its shape. Each operation that records something returns only once that is durable.
All of them raise ``StepwardenError`` and nothing else that a caller could provoke; ``BusyError`` means that nothing
was recorded. ``by`` is the id of the API key.
"""

from collections.abc import Sequence
from typing import Protocol

from stepwarden.events.attempt import Attempt, Method, Outcome
from stepwarden.flow.answers import (
    Answer,
    ApiKey,
    EntryPage,
    EntryQuery,
    PassedAnswer,
    PastEvent,
    Recorded,
    ServiceMetrics,
    TotpEnrolment,
)


class Service(Protocol):
    """One attempt end to end, and what stands around it. Called from the event loop's thread only."""

    async def decide(self, attempt: Attempt, *, by: str, idempotency_key: str = "") -> Answer:
        """Decide and record. The same key and attempt again: the same answer, no second entry.

        Raises:
            ConflictError: the key was used for another attempt.
        """
        ...

    async def report(
        self, attempt_id: str, *, outcome: Outcome, proved: Sequence[Method], session: str, by: str
    ) -> Recorded:
        """Record how an attempt ended.

        Raises:
            NotFoundError: there is no such attempt.
            ConflictError: its end is known already.
        """
        ...

    async def record(self, events: Sequence[PastEvent], *, by: str) -> Recorded:
        """Record all of them, or none."""
        ...

    async def answer(self, challenge_id: str, *, factor: str, answer: str, by: str) -> PassedAnswer:
        """Try to pass a challenge.

        Raises:
            ChallengeError: it was not passed; the wrong answer is in the log before this is raised.
        """
        ...

    async def enrol_totp(self, actor: str, *, attempt: str, by: str) -> TotpEnrolment:
        """Give the actor a new authenticator secret.

        Args:
            attempt: the name of an allowed attempt ``factor.enroll`` by this person; empty where no factor is
                enrolled yet.

        Raises:
            ForbiddenError: there is no such attempt, and one is needed.
        """
        ...

    async def make_recovery_codes(self, actor: str, *, attempt: str, by: str) -> list[str]:
        """Make new recovery codes; the old ones end. ``attempt`` as for ``enrol_totp``."""
        ...

    async def entries(self, query: EntryQuery, *, by: str) -> EntryPage:
        """Read the log; the reading is itself an entry."""
        ...

    def checkpoint(self) -> str:
        """The newest durable checkpoint, a signed note."""
        ...

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Hashes from the entry up to the root; 0 <= index < size <= the size of the checkpoint."""
        ...

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Hashes between two roots; 1 <= old <= new <= the size of the checkpoint."""
        ...

    async def exception(self, code: str, where: str, detail: str, field: str, by: str) -> None:
        """Record that something was wrong."""
        ...

    def authenticate(self, bearer: str) -> ApiKey:
        """Whose key this is; answers from memory.

        Raises:
            UnauthenticatedError: nobody's, whatever is wrong with it.
        """
        ...

    def ready(self) -> tuple[bool, str]:
        """Whether decisions can be made now; if not, why."""
        ...

    def metrics_snapshot(self) -> ServiceMetrics: ...
