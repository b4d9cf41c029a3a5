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
    Erased,
    PassedAnswer,
    PastEvent,
    Recorded,
    ServiceMetrics,
    TotpEnrolment,
)
from stepwarden.flow.policies import StepAsked
from stepwarden.flow.policy_views import PoliciesView, PolicyView
from stepwarden.gateway.proving import Proving
from stepwarden.ledger.tiles import TilePath


class LogFiles(Protocol):
    """The published log as files (c2sp.org/tlog-tiles). ``by`` is "" for a reader without a key."""

    def checkpoint(self, *, by: str) -> str:
        """The newest published checkpoint, a signed note."""
        ...

    async def fetch(self, path: TilePath, *, by: str) -> bytes | None:
        """The bytes of a tile, or of a bundle of entries; None where what is published has none."""
        ...

    async def receipt(self, index: int, *, by: str) -> str:
        """The receipt of an entry over the published checkpoint (c2sp.org/tlog-proof@v1).

        Raises:
            NotFoundError: it does not reach so far.
        """
        ...


class Policies(Protocol):
    """The life of policies; each step returns once it is durable."""

    def listing(self) -> PoliciesView:
        """All policies that are known."""
        ...

    def find(self, word: str) -> str:
        """The hash that is meant.

        Raises:
            NotFoundError: there is no such policy.
            InputError: several begin so.
        """
        ...

    def show(self, word: str) -> PolicyView:
        """One policy with text, steps and results. Raises: as ``find``."""
        ...

    async def step(self, asked: StepAsked, *, by: str) -> Recorded:
        """Take a step.

        Raises:
            ConflictError: it cannot come now.
            NotFoundError: there is no such policy.
            PolicyError: it cannot be used.
        """
        ...

    async def emergency(self, on: bool, *, reason: str, by: str) -> Recorded:
        """Raise every demand, or drop back. Raises: ConflictError: it is so already."""
        ...


class Service(Protocol):
    """One attempt end to end, and what stands around it. Called from the event loop's thread only."""

    @property
    def proving(self) -> Proving:
        """Everything about proving who one is, beyond answers and secrets."""
        ...

    @property
    def policies(self) -> Policies:
        """The life of policies."""
        ...

    @property
    def files(self) -> LogFiles:
        """The published log as files."""
        ...

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

    async def entries(
        self, query: EntryQuery, *, by: str, opened: bool = True, reason: str = ""
    ) -> EntryPage:
        """Read the log; the reading is itself an entry. ``opened``: show personal fields."""
        ...

    async def read_recorded(self, action: str, *, by: str, target: str = "", rows: int = 0) -> None:
        """Say in the log that something of it is being read."""
        ...

    async def export(self, actor: str, *, reason: str, by: str) -> bytes:
        """Everything that is held about a person, as a JSON document.

        Raises:
            NotFoundError: nobody is known by this id, or any more.
        """
        ...

    async def erase(self, actor: str, *, reason: str, by: str) -> Erased:
        """Erase a person.

        Raises:
            NotFoundError: nobody is known by this id, or any more.
        """
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
