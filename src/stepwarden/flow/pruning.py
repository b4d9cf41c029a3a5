"""Pruning: the oldest entries are removed under a stated rule, after they were sealed in an archive.

In this order, so that it may be killed at any moment, and nothing is removed that is not kept elsewhere:

1. The floor: a multiple of 256 that leaves the last full tile's entries; it only rises.
2. The archive, whose checkpoint must be signed by a key of ours and be one that our tree went through, is read back:
   every bundle of entries and every tile before the floor, hashed and compared with *our* tiles. One wrong byte, one
   missing file, another log's archive: nothing is removed.
3. The entries before the floor are folded, from the last floor's state on, and the state is written beside the log
   (``snapshots/floor-<N>``): whoever recomputes decisions goes on from it.
4. ``log.pruned`` is logged: the floor, the rule, the archive, its checkpoint, and the SHA-256 of that state.
5. The store raises its floor and deletes entries and openings before it, never tiles: proofs and verification of the
   whole tree go on. Then the query index forgets them, and the bytes are overwritten.

A crash after 4 is finished at the next start (``recovery``); before 4 nothing has happened.

The archive holds leaves only. What was personal of the entries (their sealed openings) is in no archive, and gone for
good: who was erased before is not in there, and who is erased later needs no erasing there.

    >>> from stepwarden.ledger.store import highest_floor
    >>> [highest_floor(size) for size in (300, 700, 1_000_000)]
    [0, 256, 999680]

Not here: which archive (``app.pruning``), and the removing itself (the store).
"""

import asyncio
import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from stepwarden.errors import (
    ArchiveError,
    ArchiveForkError,
    CorruptLogError,
    InputError,
    LedgerError,
    RefusedError,
    StorageError,
)
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import LogPruned
from stepwarden.flow import state_dump
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.snapshots import SnapshotStore, read_floor
from stepwarden.flow.state import LogState
from stepwarden.ledger.archive import CHECKPOINT, Archive
from stepwarden.ledger.archive_check import Locks, check
from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.compare import History
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.store import FLOOR_STEP, LogStore, highest_floor
from stepwarden.ledger.verify import LogReader
from stepwarden.signals.limits import STANDARD

MAX_RULE: Final = 500
"""Characters of the rule, as stated in the log."""
TURN: Final = 128
"""Entries folded between two pauses: about two milliseconds of the interpreter."""
PAUSE: Final = 0.0005
"""Seconds in which the service's own thread gets the interpreter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Of ``size`` entries those from ``before`` (the floor now) to ``floor - 1`` would go; ``since`` is the time of
    the first that stays (microseconds)."""

    before: int
    floor: int
    size: int
    since: int

    @property
    def count(self) -> int:
        """How many entries would go."""
        return self.floor - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What a prune did. ``files`` of the archive were read back; the store's files are smaller by ``freed`` bytes."""

    floor: int
    count: int
    freed: int
    files: int
    archive: str
    state: str
    entry: int


class Reader(LogReader, Protocol):
    """What a plan reads: a store, or a reader beside one."""

    def floor(self) -> int:
        """Return the index of the first entry that is kept."""
        ...


def plan(reader: Reader, *, index: int | None = None, time: int | None = None) -> Plan:
    """What could be pruned: entries before ``index``, or those older than ``time`` (microseconds since 1970 UTC).

    Rounded down to whole tiles, and cut off at what a log has to keep. ``count`` 0: nothing.

    Raises:
        InputError: neither or both are given, or the index lies before what was pruned already.
    """
    if (index is None) == (time is None):
        raise InputError("say either an index or a time", field="floor")
    head = reader.load()
    size = head.size if head is not None else 0
    before = reader.floor()
    if index is not None:
        if index < before:
            raise InputError(
                f"the log begins at {before} already, and a floor never moves back", field="index"
            )
        wanted = index
    else:
        wanted = _first_since(reader, before, size, time or 0)
    floor = max(before, min(wanted // FLOOR_STEP * FLOOR_STEP, highest_floor(size)))
    return Plan(before=before, floor=floor, size=size, since=_time_of(reader, floor) if floor < size else 0)


def _first_since(reader: Reader, first: int, stop: int, time: int) -> int:
    """The first entry at ``time`` or later: times never run backwards, so it is found by halving."""
    while first < stop:
        middle = (first + stop) // 2
        if _time_of(reader, middle) < time:
            first = middle + 1
        else:
            stop = middle
    return first


def _time_of(reader: Reader, index: int) -> int:
    for leaf in reader.leaves(index, index + 1):
        return decode_trusted(leaf).time
    raise CorruptLogError(f"entry {index} is missing: run `ledger verify`")


Fold = Callable[[int, int, str], bytes]
"""``fold_floor`` over this log's own entries and folder; given the floor, the next one, and the first one's hash."""


def fold_floor(reader: Reader, folder: Path, before: int, floor: int, stated: str) -> bytes:
    """The dump of the state at ``floor``, folded on from that at ``before``, the floor now.

    Args:
        folder: where the state at ``before`` is kept.
        stated: its SHA-256, as the log has it.

    Raises:
        StorageError: that state is missing, or is another.
        CorruptLogError, MalformedEntryError: the entries cannot be folded.
    """
    state = LogState(STANDARD)
    if before:
        state, digest = read_floor(folder, before)
        if digest != stated:
            raise StorageError(
                f"the state at the floor {before} is not the one that the log states: nothing was removed; restore "
                f"{folder}/floor-{before} from its copy"
            )
    for index, leaf in enumerate(reader.leaves(before, floor), start=before):
        state.fold(index, decode_trusted(leaf))
        if index % TURN == 0:
            clock.sleep(PAUSE)
    if state.size != floor:
        raise CorruptLogError(f"entries {state.size} to {floor - 1} are missing: run `ledger verify`")
    return state_dump.dump(state)


class Pruner:
    """Prunes one log. ``prune`` on the loop's thread; what takes long happens in others."""

    def __init__(
        self,
        recorder: Recorder,
        store: LogStore,
        snapshots: SnapshotStore,
        *,
        verifiers: Callable[[], Sequence[Verifier]],
        origin: str,
        fold: Fold,
        forget: Callable[[int], None],
    ) -> None:
        """``forget``: has the query index drop the entries before a floor. It and ``fold`` are called in a thread."""
        self._recorder = recorder
        self._store = store
        self._snapshots = snapshots
        self._verifiers = verifiers
        self._origin = origin
        self._fold = fold
        self._forget = forget
        self._running = asyncio.Lock()

    async def prune(self, floor: int, archive: Archive, locks: Locks | None, *, rule: str, by: str) -> Pruned:
        """Remove the entries before ``floor``. See the module.

        Args:
            locks: what the archive keeps under locked names, where it can lock: that is what is read back then.

        Raises:
            InputError: not a floor that this log can have now, or no printable rule.
            ArchiveError: the archive does not hold all that would go; ArchiveForkError: it is another log's.
            RefusedError: a prune is under way.
            StorageError: the state cannot be written, or the removing failed; the next start finishes it.
        """
        self._check(floor, rule)
        if self._running.locked():
            raise RefusedError("this log is being pruned already")
        async with self._running:
            before = self._store.floor()
            loop = asyncio.get_running_loop()
            note, files = await loop.run_in_executor(None, self._sealed, archive, locks, floor)
            dumped = await loop.run_in_executor(
                None, self._fold, before, floor, self._recorder.state.floor_state
            )
            await loop.run_in_executor(None, self._snapshots.save_floor, dumped, floor)
            state = state_dump.digest(dumped)
            entry = LogPruned(
                time=self._recorder.now(),
                id=self._recorder.new_id(),
                by=by,
                floor=floor,
                rule=rule,
                archive=archive.describe(),
                checkpoint=note,
                state=state,
            )
            appended = self._recorder.append(entry)
            await appended.durable
            freed = await loop.run_in_executor(None, self._remove, floor)
        return Pruned(
            floor=floor,
            count=floor - before,
            freed=freed,
            files=files,
            archive=entry.archive,
            state=state,
            entry=appended.index,
        )

    def _check(self, floor: int, rule: str) -> None:
        if not rule.strip() or not rule.isprintable() or len(rule) > MAX_RULE:
            raise InputError(
                f"state the retention rule, in up to {MAX_RULE} printable characters", field="rule"
            )
        before, size = self._store.floor(), self._recorder.sequencer.head.size
        if floor % FLOOR_STEP or not before < floor <= highest_floor(size):
            raise InputError(
                f"the floor is {before} and can be raised to a multiple of {FLOOR_STEP} up to {highest_floor(size)}, "
                f"not to {floor}",
                field="floor",
            )

    def _sealed(self, archive: Archive, locks: Locks | None, floor: int) -> tuple[str, int]:
        """The archive's checkpoint, after everything before the floor was read back and compared; how many files."""
        found = check(
            self._store,
            archive,
            verifiers=self._verifiers(),
            origin=self._origin,
            retain=None,
            upto=floor,
            locks=locks,
            progress=lambda *_: clock.sleep(PAUSE),
        )
        if not found.ok or found.files != found.expected:
            troubles = "; ".join(
                f"{places.count} {what}: {places}" for what, places in found.troubles() if places.count
            )
            raise ArchiveError(
                f"nothing was removed: {archive.describe()} has files {troubles or 'that were not read'}. Keep it as "
                "it is, and export to a new archive"
            )
        return self._note_of(archive, floor), found.files

    def _note_of(self, archive: Archive, floor: int) -> str:
        """The archive's checkpoint as it is now: it may have been replaced since it was looked at."""
        head = self._store.load()
        try:
            note = (archive.fetch(CHECKPOINT) or b"").decode()
            claim = open_checkpoint(note, self._origin, self._verifiers())
        except (LedgerError, UnicodeDecodeError) as exc:
            raise ArchiveForkError(
                f"nothing was removed: {archive.describe()} lost its checkpoint: {exc}"
            ) from exc
        if head is None or claim.size < floor or History(self._store, head).find(claim).contradicts:
            raise ArchiveForkError(f"nothing was removed: {archive.describe()} has another checkpoint now")
        return note

    def _remove(self, floor: int) -> int:
        freed = self._store.prune(floor)
        self._forget(floor)
        self._snapshots.drop_floors_below(floor)
        self._store.scrub()
        return freed
