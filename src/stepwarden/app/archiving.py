"""Archiving, wired: which archive, whose keys, and the export that goes on while the service runs.

Continuous export is off unless ``archive.to`` is set. It runs in a thread of its own, so no decision waits for it; what
is exported is the *published* checkpoint. That it began is an entry; the rounds are none, or each would make the next.
A round that fails is logged, counted, recorded as an exception when the reason changes, and tried again: it never
blocks and never gives up. An archive that contradicts this log (ArchiveForkError) is left alone, round after round,
until somebody has looked into it.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from stepwarden.app.settings import Archived
from stepwarden.errors import ArchiveError, ArchiveForkError, StepwardenError
from stepwarden.flow.publishing import Publisher
from stepwarden.flow.service import Service
from stepwarden.ledger.archive import Exported, export
from stepwarden.ledger.archive_check import Locks
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.store import LogStore
from stepwarden.storage.archive.directory import DirectoryArchive
from stepwarden.storage.archive.s3 import Location, S3Archive

DAY = 86_400
BY = "archive"
AnyArchive = DirectoryArchive | S3Archive
_log = logging.getLogger("stepwarden")


def open_archive(where: str, *, endpoint: str, retain: int, make: bool = True) -> AnyArchive:
    """Open an archive, for writing where ``make``: a directory, or ``s3://bucket/prefix``.

    Args:
        endpoint: of the object store, "" for AWS.
        retain: seconds that each immutable file is locked for; 0 for no lock.

    Raises:
        ArchiveError: it cannot be opened, or cannot do what is asked.
    """
    if where.startswith("s3:"):
        keep = timedelta(seconds=retain) if retain else None
        return S3Archive.open(Location.parse(where, endpoint), retain=keep, clock=time.time)
    if retain or endpoint:
        raise ArchiveError(
            f"{where} is a directory: it has no endpoint and locks nothing for a time. Retention takes an object "
            "store with Object Lock, s3://bucket/prefix"
        )
    return DirectoryArchive.open(Path(where), make=make)


@contextmanager
def opened(where: str, *, endpoint: str, retain: int, make: bool = True) -> Iterator[AnyArchive]:
    """The same, closed at the end."""
    archive = open_archive(where, endpoint=endpoint, retain=retain, make=make)
    try:
        yield archive
    finally:
        archive.close()


def locks_of(archive: AnyArchive) -> Locks | None:
    """How to ask for locks; None where there are none."""
    return archive.held if isinstance(archive, S3Archive) else None


class Archiving:
    """The continuous export of one open log."""

    def __init__(
        self,
        settings: Archived,
        store: LogStore,
        publisher: Publisher,
        service: Service,
        *,
        verifiers: Callable[[], Sequence[Verifier]],
        origin: str,
    ) -> None:
        self._settings = settings
        self._store = store
        self._publisher = publisher
        self._service = service
        self._verifiers = verifiers
        self._origin = origin
        self._archive: AnyArchive | None = None
        self._last = ""
        self._said = ""
        self._looked = False
        self._stopping = threading.Event()

    async def run(self) -> None:
        """Export every so many seconds, until cancelled; at once over where no archive is set."""
        if not self._settings.to:
            return
        thread = ThreadPoolExecutor(1, thread_name_prefix="archiving")
        try:
            await self._tell(self._service.read_recorded("log.export", by=BY, target=self._settings.to))
            while True:
                await self._round(thread)
                await asyncio.sleep(self._settings.seconds)
        finally:
            # A round under way ends with the file that it is at; the next run goes on from there.
            self._stopping.set()
            thread.submit(self._close)
            await asyncio.to_thread(thread.shutdown)

    async def _round(self, thread: ThreadPoolExecutor) -> None:
        note = self._publisher.note
        figures = self._service.archive
        if note == self._last:
            return
        try:
            done = await asyncio.get_running_loop().run_in_executor(thread, self._export, note)
        except StepwardenError as exc:
            figures.failures += 1
            await self._failed(exc)
        else:
            self._last, self._said = note, ""
            figures.size = done.size
            if done.files:
                _log.debug("archived %d entries, %d files", done.size - done.before, done.files)

    def _export(self, note: str) -> Exported:
        """One round, in the thread."""
        if self._archive is None:
            settings = self._settings
            self._archive = open_archive(
                settings.to, endpoint=settings.endpoint, retain=settings.retain_days * DAY
            )
        try:
            done = export(
                self._store,
                self._archive,
                note,
                verifiers=self._verifiers(),
                origin=self._origin,
                history=not self._looked,
                progress=self._go_on,
            )
        except StepwardenError:
            self._close()
            raise
        self._looked = True
        return done

    def _go_on(self, done: int, end: int) -> None:
        if self._stopping.is_set():
            raise ArchiveError(f"the service stops, at file {done} of about {end}")

    def _close(self) -> None:
        if self._archive is not None:
            self._archive.close()
        self._archive, self._looked = None, False

    async def _failed(self, error: StepwardenError) -> None:
        again = "" if isinstance(error, ArchiveForkError) else "; the next round tries again"
        if str(error) == self._said:
            return
        self._said = str(error)
        _log.error("the log was not archived: %s%s", error, again)
        await self._tell(self._service.exception(error.code, "archive", str(error), "", BY))

    async def _tell(self, record: Awaitable[None]) -> None:
        try:
            await record
        except StepwardenError as exc:
            _log.error("that could not be recorded: %s", exc)
