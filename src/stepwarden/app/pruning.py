"""Pruning from outside the flow: which archive, whose keys, what a length of time is, and the daily prune.

The daily prune is off unless ``retention.keep`` is set. It then wants a rule and an archive as well: a start without
them is refused, so that nobody finds out a year later that nothing was ever pruned. A prune that fails (the archive is
out of reach, or not far enough) removes nothing, is an ``exception`` entry, and is tried again the next day.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from stepwarden.app.archiving import locks_of, opened
from stepwarden.app.paths import Paths
from stepwarden.app.settings import Log, Settings
from stepwarden.app.stores import open_reader
from stepwarden.errors import InputError, SettingsError, StepwardenError, StorageError
from stepwarden.flow.pruning import Fold, Plan, Pruned, Pruner, Reader, fold_floor, plan
from stepwarden.flow.service import Service
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.store import LogStore

DAY = 86_400
FIRST_AFTER = 600.0
"""Seconds from the start to the first daily prune: not while everybody comes back."""
APART_FROM = 20_000
"""Entries from which on the fold of what goes is left to a process of its own."""
BY = "retention"
_UNITS = {"d": DAY, "w": 7 * DAY, "y": 366 * DAY}
_log = logging.getLogger("stepwarden")


def parse_keep(text: str) -> int:
    """Seconds in ``400d``, ``60w`` or ``7y`` (a year counts 366 days: rather a day more).

    Raises:
        InputError: anything else.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})([dwy])", text)
    if match is None:
        raise InputError(
            f"{text!r} is no length of time to keep entries for: write 400d, 60w or 7y", field="keep"
        )
    return int(match[1]) * _UNITS[match[2]]


def own_verifiers(signing: Sequence[Verifier], vkey: Path) -> Callable[[], Sequence[Verifier]]:
    """The public keys by which an archive's checkpoint may be signed: those in use, and those before them."""
    return lambda: [*signing, *(read_verifiers(vkey) if vkey.exists() else ())]


def folding(paths: Paths, log: Log, reader: Reader) -> Fold:
    """How the state at a floor is made: here where that is little work, else in a process of its own.

    In the service's own process a long fold, and the memory it fills, would hold up decisions: there is one
    interpreter for all threads, and one collector of garbage.
    """

    def fold(before: int, floor: int, stated: str) -> bytes:
        if floor - before < APART_FROM:
            return fold_floor(reader, paths.snapshots, before, floor, stated)
        try:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
                return apart.submit(_fold_apart, paths, log, before, floor, stated).result()
        except (BrokenProcessPool, OSError) as exc:
            raise StorageError(
                f"nothing was removed: the process that folds the entries ended: {exc}"
            ) from exc

    return fold


def _fold_apart(paths: Paths, log: Log, before: int, floor: int, stated: str) -> bytes:
    reader = open_reader(paths.log, log)
    try:
        return fold_floor(reader, paths.snapshots, before, floor, stated)
    finally:
        reader.close()


class Pruning:
    """The prunes of one open log: by command, and daily where the settings say so."""

    def __init__(
        self, pruner: Pruner, store: LogStore, service: Service, settings: Settings, clock: Callable[[], int]
    ) -> None:
        """Raises: SettingsError: ``retention.keep`` is set, and cannot be used as it is."""
        self._pruner = pruner
        self._store = store
        self._service = service
        self._retention = settings.retention
        self._archive = settings.archive
        self._clock = clock
        self._keep = 0
        if self._retention.keep:
            try:
                self._keep = parse_keep(self._retention.keep)
            except InputError as exc:
                raise SettingsError(f"retention.keep: {exc}") from exc
            if not self._retention.rule or not self._where():
                raise SettingsError(
                    "retention.keep needs retention.rule beside it, and archive.to or retention.archive"
                )

    def _where(self) -> str:
        return self._retention.archive or self._archive.to

    async def prune(self, floor: int, *, archive: str, rule: str, by: str) -> Pruned:
        """Prune below ``floor``, after the archive was read back. See ``flow.pruning``.

        Raises:
            StepwardenError: as there; nothing was removed.
        """
        loop = asyncio.get_running_loop()
        where = archive or self._where()
        if not where:
            raise InputError(
                "entries are removed only from a log that has an archive: name it", field="archive"
            )
        said = rule or self._retention.rule
        # Only read, so nothing is asked of it that an archive being written has to promise.
        endpoint = self._archive.endpoint if where.startswith("s3:") else ""
        opening = opened(where, endpoint=endpoint, retain=0, make=False)
        found = await loop.run_in_executor(None, opening.__enter__)
        try:
            return await self._pruner.prune(floor, found, locks_of(found), rule=said, by=by)
        finally:
            await loop.run_in_executor(None, opening.__exit__, None, None, None)

    async def prune_due(self) -> Pruned | None:
        """What the settings say is due; None where nothing is.

        Raises:
            StepwardenError: nothing was removed.
        """
        oldest = self._clock() - self._keep * 1_000_000
        due: Plan = await asyncio.get_running_loop().run_in_executor(
            None, lambda: plan(self._store, time=oldest)
        )
        if not due.count:
            return None
        return await self.prune(due.floor, archive="", rule="", by=BY)

    async def run(self, *, first: float = FIRST_AFTER, every: float = DAY) -> None:
        """Prune daily, for as long as the service runs; at once over where the settings do not ask for it."""
        if not self._keep:
            return
        await asyncio.sleep(first)
        while True:
            try:
                done = await self.prune_due()
                if done is not None:
                    _log.info(
                        "pruned %d entries, %d bytes: the log begins at %d",
                        done.count,
                        done.freed,
                        done.floor,
                    )
            except StepwardenError as exc:
                _log.error("the daily prune removed nothing: %s", exc)
                await self._tell(exc)
            await asyncio.sleep(every)

    async def _tell(self, error: StepwardenError) -> None:
        try:
            await self._service.exception(error.code, "retention", str(error), "", BY)
        except StepwardenError as exc:
            _log.error("that could not be recorded either: %s", exc)
