"""The service: what a running Stepwarden can do, in one place for the gateway and the console.

Attempts are decided in ``attempts``, step-ups in ``stepups``, the log is read in ``reading``, policies live in
``policies``. Here stand the rest: who may call, exceptions, keys, start and stop; each of these is an entry too.
"""

import time
from collections.abc import Callable, Sequence

from stepwarden.errors import InputError, NotFoundError, StepwardenError
from stepwarden.events.attempt import Attempt, Method, Outcome
from stepwarden.events.entries import (
    Administration,
    ExceptionRaised,
    ServiceStarted,
    ServiceStopped,
)
from stepwarden.events.redaction import redact
from stepwarden.flow.answers import (
    Answer,
    ApiKey,
    ArchiveFigures,
    EntryPage,
    EntryQuery,
    Erased,
    PassedAnswer,
    PastEvent,
    Recorded,
    ServiceMetrics,
    TotpEnrolment,
)
from stepwarden.flow.api_keys import SPACE as KEY_SPACE
from stepwarden.flow.api_keys import ApiKeys, MadeKey, make, parse_scopes
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.audited import Reads, check_unnamed
from stepwarden.flow.disclosing import Disclosing
from stepwarden.flow.labels import Labels
from stepwarden.flow.policies import Policies
from stepwarden.flow.proving import Proving
from stepwarden.flow.publishing import WitnessFigures
from stepwarden.flow.reading import Reading
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.serving import PublishedFiles
from stepwarden.flow.subjects import Subjects
from stepwarden.ledger.store import SideWrite
from stepwarden.signals.limits import Limits

DETAIL = 512
"""Characters of detail that an exception entry keeps."""
MAX_EXPORT = 2_000
"""Entries of an export that is one answer; the command ``subject export`` gives any number."""


class Service:
    """All calls on the loop's thread. Satisfies what ``gateway`` and ``console`` ask for."""

    def __init__(
        self,
        recorder: Recorder,
        attempts: Attempts,
        proving: Proving,
        labels: Labels,
        reading: Reading,
        keys: ApiKeys,
        reads: Reads,
        disclosing: Disclosing,
        subjects: Subjects,
        policies: Policies,
        *,
        files: PublishedFiles,
        witnessing: Callable[[], WitnessFigures],
        entropy: Callable[[int], bytes],
        queue_limit: int,
    ) -> None:
        self._recorder = recorder
        self._state = recorder.state
        self._attempts = attempts
        self.proving = proving
        """Challenges, factors, grants and pages."""
        self._stepups = proving.stepups
        self._labels = labels
        self._reading = reading
        self._keys = keys
        self.reads = reads
        self.disclosing = disclosing
        self.subjects = subjects
        self.policies = policies
        self.files = files
        """The published log as files."""
        self.archive = ArchiveFigures()
        """How archiving goes; kept up by whoever archives."""
        self._witnessing = witnessing
        self._entropy = entropy
        self._queue_limit = queue_limit
        self._started = time.monotonic()
        self._stopping = False

    def authenticate(self, bearer: str) -> ApiKey:
        """Raises: UnauthenticatedError: the token is no key of this log."""
        return self._keys.authenticate(bearer)

    async def decide(self, attempt: Attempt, *, by: str, idempotency_key: str = "") -> Answer:
        """See ``Attempts.decide``."""
        return await self._attempts.decide(attempt, by=by, idempotency_key=idempotency_key)

    async def report(
        self, attempt_id: str, *, outcome: Outcome, proved: Sequence[Method], session: str, by: str
    ) -> Recorded:
        """See ``Attempts.report``."""
        return await self._attempts.report(attempt_id, outcome=outcome, proved=proved, session=session, by=by)

    async def record(self, events: Sequence[PastEvent], *, by: str) -> Recorded:
        """See ``Attempts.record``."""
        return await self._attempts.record(events, by=by)

    async def answer(self, challenge_id: str, *, factor: str, answer: str, by: str) -> PassedAnswer:
        """See ``StepUps.answer``."""
        return await self._stepups.answer(challenge_id, factor=factor, answer=answer, by=by)

    async def enrol_totp(self, actor: str, *, attempt: str, by: str) -> TotpEnrolment:
        """See ``Enrolments.enrol_totp``."""
        return await self.proving.enrolments.enrol_totp(actor, attempt=attempt, by=by)

    async def make_recovery_codes(self, actor: str, *, attempt: str, by: str) -> list[str]:
        """See ``Enrolments.make_recovery_codes``."""
        return await self.proving.enrolments.make_recovery_codes(actor, attempt=attempt, by=by)

    async def entries(
        self, query: EntryQuery, *, by: str, opened: bool = True, reason: str = ""
    ) -> EntryPage:
        """Read the log; that it was read is an entry of its own. ``opened``: show personal fields.

        Raises:
            InputError: the reason is not printable, or names whom the query is about.
        """
        check_unnamed(reason, query.actor, query.ip)
        page = await self._reading.entries(query, opened=opened)
        shown = "opened" if opened else "sealed"
        target, rows = self._reading.in_tokens(query), len(page.entries)
        await self.reads.record("log.query", by=by, target=target, detail=shown, rows=rows, reason=reason)
        return page

    async def read_recorded(self, action: str, *, by: str, target: str = "", rows: int = 0) -> None:
        """Say in the log that something of it is being read. Raises: BusyError: then it must not be."""
        await self.reads.record(action, by=by, target=target, rows=rows)

    async def erase(self, actor: str, *, reason: str, by: str) -> Erased:
        """See ``Subjects.erase``."""
        return await self.subjects.erase(actor, "", reason=reason, by=by)

    async def export(self, actor: str, *, reason: str, by: str) -> bytes:
        """The whole document of ``Subjects.export``, of at most ``MAX_EXPORT`` entries."""
        lines = await self.subjects.export(actor, "", by=by, reason=reason, most=MAX_EXPORT)
        return "".join([line async for line in lines]).encode()

    def checkpoint(self) -> str:
        """The newest signed checkpoint."""
        return self._recorder.sequencer.head.checkpoint

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """See ``Reading.inclusion_proof``."""
        return self._reading.inclusion_proof(index, size)

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """See ``Reading.consistency_proof``."""
        return self._reading.consistency_proof(old, new)

    async def exception(self, code: str, where: str, detail: str, field: str, by: str) -> None:
        """Record that something was wrong with a request."""
        entry = ExceptionRaised(
            time=self._recorder.now(),
            id=self._recorder.new_id(),
            by=by,
            code=code,
            where=where[:DETAIL],
            detail=redact(detail)[:DETAIL],
            field=field[:DETAIL],
        )
        await self._recorder.append(entry).durable

    async def label(self, attempt_id: str, label: str, *, source: str, reliability: int, by: str) -> Recorded:
        """See ``Labels.apply``."""
        return await self._labels.apply(attempt_id, label, source=source, reliability=reliability, by=by)

    async def make_key(self, name: str, scopes: Sequence[str], *, by: str) -> MadeKey:
        """A new API key; its making is an entry, its secret is not.

        Raises:
            InputError: no such scope, or an empty name.
        """
        if not name or not name.isprintable():
            raise InputError("a key needs a printable name", field="name")
        recorder = self._recorder
        now = recorder.now()
        name = redact(name)
        made = make(name, parse_scopes(scopes), entropy=self._entropy, now=now)
        entry = Administration(
            time=now,
            id=recorder.new_id(),
            by=by,
            action="key.created",
            target=made.id,
            detail=f"{name}: {','.join(scopes)}"[:DETAIL],
        )
        durable = recorder.append(entry, side=(made.side,)).durable
        await durable
        self._keys.add(made.id, made.side.value or b"")
        return made

    async def revoke_key(self, key_id: str, *, by: str) -> None:
        """End an API key, at once.

        Raises:
            NotFoundError: there is no such key.
        """
        if key_id not in self._keys:
            raise NotFoundError(f"there is no key {key_id}")
        recorder = self._recorder
        entry = Administration(
            time=recorder.now(), id=recorder.new_id(), by=by, action="key.revoked", target=key_id
        )
        durable = recorder.append(entry, side=(SideWrite(KEY_SPACE, key_id.encode(), None),)).durable
        self._keys.remove(key_id)  # before the entry is durable: a revoked key must not decide even once more
        await durable

    def list_keys(self) -> list[dict[str, object]]:
        """Ids, names, scopes and dates of the keys; never anything of their secrets."""
        return self._keys.listing()

    async def start(self, *, version: str, settings: str, limits: Limits) -> None:
        """The first entry of every run, with the bounds that signals are folded with."""
        recorder = self._recorder
        entry = ServiceStarted(
            time=recorder.now(),
            id=recorder.new_id(),
            version=version,
            size=self._state.size,
            settings=settings,
            signal_limits=limits.as_dict(),
        )
        durable = recorder.append(entry).durable
        self._stepups.start()
        await durable
        if recorder.refused is None:
            await self.subjects.resume()

    async def stop(self, reason: str) -> None:
        """The last entry of a run that ends in order. A log that has failed already gets none."""
        self._stopping = True
        recorder = self._recorder
        if recorder.sequencer.failed is None and recorder.refused is None:
            self.reads.sweep(all_of_them=True)
            entry = ServiceStopped(time=recorder.now(), id=recorder.new_id(), reason=reason)
            await recorder.append(entry).durable

    def sweep(self) -> None:
        """Expire what nobody answered in time; called about every second."""
        if self.failed is None:
            self._stepups.sweep()
            self.reads.sweep()

    @property
    def failed(self) -> StepwardenError | None:
        """Why the log stopped, once it has."""
        return self._recorder.sequencer.failed

    def ready(self) -> tuple[bool, str]:
        """Whether attempts can be decided, and why not."""
        if self.failed is not None:
            return False, self.failed.code
        if self._recorder.refused is not None:
            return False, self._recorder.refused.code
        if self._stopping:
            return False, "stopping"
        if self._state.policy is None:
            return False, "no policy"
        return True, ""

    def metrics_snapshot(self) -> ServiceMetrics:
        """The state of the service in figures."""
        sequencer = self._recorder.sequencer
        return ServiceMetrics(
            log_size=sequencer.head.size,
            queue_depth=sequencer.next_index - sequencer.head.size,
            queue_limit=self._queue_limit,
            uptime_s=time.monotonic() - self._started,
            open_challenges=self._state.stepup.sizes()["ready"],
            archived=self.archive.size,
            archive_failures=self.archive.failures,
            witnessing=self._witnessing(),
            emergency=self._state.cycle.emergency is not None,
            candidate=self._state.cycle.candidate != "",
        )
