"""The watch over the log itself: before anything is served, and then on a timer, everybody outside is asked.

The rules are in ``flow.doubt``, the sources in ``outside``. Here is when:

1. ``at_start``: before the first entry of a run. ``refuse`` (the default) leaves the log as it is and says what is
   known; ``raise`` starts, and has the ``log.doubted`` entries written before the first attempt is decided.
2. ``run``: every ``doubt.seconds``, and at once when ``suspect`` is called (a witness that would not sign).
3. ``keep``: about once a second our own newest checkpoint is written outside the database. Not while there is doubt:
   then the file is evidence.

Asking blocks (files, networks), so it happens in a thread and never in the loop. Many sources that cannot be reached
cost a look its time, and nothing else: they are unknown.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from stepwarden.app.archiving import opened
from stepwarden.app.keys import Keys
from stepwarden.app.outside import ArchiveCopy, KeptFiles, NotePublisher, PublishedFile, witness_copies
from stepwarden.app.settings import Settings
from stepwarden.errors import RollbackError, StepwardenError
from stepwarden.flow.doubt import Doubts, Outside, Sighting, Survey, survey
from stepwarden.flow.recorder import Recorder
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.verify import LogReader
from stepwarden.ledger.witness_policy import WitnessPolicy

KEEP_EVERY = 1.0
"""Seconds between two looks at whether our own note has moved."""
_log = logging.getLogger("stepwarden")


class Watch:
    """Doubt, and when it is looked for. ``verifiers`` gives the log's public keys as they are now."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        reader: LogReader,
        doubts: Doubts,
        outside: Sequence[Outside],
        published: PublishedFile,
        verifiers: Callable[[], Sequence[Verifier]],
        origin: str,
        refuse: bool,
        require: int,
        seconds: float,
    ) -> None:
        self._recorder = recorder
        self._reader = reader
        self._doubts = doubts
        self._outside = (published, *outside)
        self._verifiers = verifiers
        self._origin = origin
        self._refuse = refuse
        self._require = require
        self._seconds = seconds
        self._suspected = asyncio.Event()
        self._looked = False
        self._publisher = NotePublisher(published, lambda: recorder.sequencer.head.checkpoint, self._doubtful)

    def _doubtful(self) -> bool:
        return not self._looked or self._recorder.refused is not None or self._recorder.state.doubted

    async def look(self) -> Survey:
        """Ask everybody, off the loop.

        Raises:
            CorruptLogError, StorageError: our own log cannot be compared.
        """
        found = await asyncio.to_thread(survey, self._outside, self._reader, self._verifiers(), self._origin)
        for name, why in found.telling():
            _log.info("nothing is known of the log from %s: %s", name, why)
        return found

    async def at_start(self) -> tuple[Sighting, ...]:
        """Look before the first entry; what contradicts, for ``record`` once the run has begun.

        Raises:
            RollbackError: something outside contradicts and ``doubt.then`` is ``refuse``, or too few agree.
        """
        try:
            found, state = await self.look(), self._recorder.state
            if self._refuse:
                found.check(state)
            found.require(self._require, state)
        except StepwardenError as exc:
            self._recorder.refused = exc  # not even the last entry of this run
            raise
        self._looked = True
        return found.against(state)

    def record(self, against: Sequence[Sighting]) -> None:
        """The ``log.doubted`` entries of what ``at_start`` found."""
        self._say(self._doubts.record(against))

    async def trust(self, reason: str, *, by: str) -> dict[str, object]:
        """End the doubt; see ``Doubts.trust``. Asks everybody once more, so that all they know is accepted."""
        found = await self.look()
        known = await self._doubts.trust(reason, by=by, against=found.against(self._recorder.state))
        self._looked = True
        await self.keep()
        return {"known": list(known)}

    def suspect(self) -> None:
        """Somebody has reason to look now. Loop thread only."""
        self._suspected.set()

    async def run(self) -> None:
        """Look, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._suspected.wait(), self._seconds)
            self._suspected.clear()
            try:
                self._say(self._doubts.hear(await self.look()))
            except StepwardenError as exc:
                _log.error("whether the log was rolled back could not be looked at: %s", exc)

    async def run_keeper(self) -> None:
        """Keep our own note up to date, until cancelled."""
        while True:
            await asyncio.sleep(KEEP_EVERY)
            await self.keep()

    async def keep(self) -> None:
        """Write our own newest note, if it has moved."""
        note = self._publisher.due()
        if not note:
            return
        try:
            await asyncio.to_thread(self._publisher.write, note)
        except StepwardenError as exc:
            _log.error("%s; a rollback to now may go unnoticed", exc)

    def close(self) -> None:
        """The last note of a run. Call it when the sequencer has been closed."""
        self._publisher.last()

    def _say(self, fresh: Sequence[Sighting]) -> None:
        for sighting in fresh:
            what = "nothing is decided any more" if self._refuse else "every demand is the highest"
            _log.error("the log is in doubt, %s. %s", what, sighting)
        if fresh and isinstance(self._recorder.refused, RollbackError):
            _log.error("%s", self._recorder.refused)


PUBLISHED = "published.checkpoint"
ANCHORS = "anchors"


def anchors_folder(data: Path, settings: Settings) -> Path:
    """Where stamps are kept."""
    return data / (settings.anchors.folder or ANCHORS)


def make_watch(
    data: Path,
    settings: Settings,
    keys: Keys,
    recorder: Recorder,
    reader: LogReader,
    policy: WitnessPolicy | None,
) -> Watch:
    """The watch over the log of a data directory, with every source that the settings name.

    Raises:
        StepwardenError: a source cannot be used as it is set.
    """
    doubt = settings.doubt
    asked = settings.witnesses
    kept: list[Outside] = [KeptFiles(data / path) for path in doubt.checkpoints]
    kept += witness_copies(policy, keys.origin, seconds=asked.timeout, plain=asked.plain_http)
    archived = settings.archive
    if archived.to:
        reading = partial(opened, archived.to, endpoint=archived.endpoint, retain=0, make=False)
        kept.append(ArchiveCopy(archived.to, reading))
    anchors = anchors_folder(data, settings)
    if anchors.is_dir():
        kept.append(KeptFiles(anchors, suffix=".checkpoint", ours=True))
    vkey = data / "keys" / "ledger.vkey"

    def verifiers() -> Sequence[Verifier]:
        # What is listed comes first, for there it says until when a retired key counts; what signs counts in any case,
        # so that a public key file that somebody emptied does not blind us.
        listed = read_verifiers(vkey) if vkey.exists() else []
        named = {(one.name, one.key_id) for one in listed}
        signing = [signer.verifier for signer in keys.signers]
        return [*listed, *(one for one in signing if (one.name, one.key_id) not in named)]

    return Watch(
        recorder=recorder,
        reader=reader,
        doubts=Doubts(recorder, doubt.then),
        outside=kept,
        published=PublishedFile(data / (doubt.published or PUBLISHED)),
        verifiers=verifiers,
        origin=keys.origin,
        refuse=doubt.then == "refuse",
        require=doubt.require,
        seconds=doubt.seconds,
    )
