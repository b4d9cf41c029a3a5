"""The start: from the log on disk to the state in memory.

The same fold as in running, from the best place that there is:

1. the newest snapshot that gives no reason for doubt (``snapshots``), and the entries after it;
2. else, in a log that was pruned, the state at its floor, which must have the SHA-256 that ``log.pruned`` says;
3. else the first entry.

Where people were is in no leaf: it is read from the snapshot's seals and the entries' sealed openings, for those who
have not been erased.

A log whose entries are gone below a floor that no ``log.pruned`` states, or whose floor's state is not the one stated,
is not opened: decisions would be made from a past that nobody can check. A prune that was cut short after its
``log.pruned`` is finished here.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from stepwarden.errors import CorruptLogError, MalformedEntryError, StorageError
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import Entry, EventRecorded, OutcomeReported
from stepwarden.events.facts import Facts
from stepwarden.events.personal import verify
from stepwarden.flow.facts import parse_position
from stepwarden.flow.people import People
from stepwarden.flow.snapshots import SnapshotStore, restore_places
from stepwarden.flow.state import LogState
from stepwarden.ledger.store import LogStore
from stepwarden.ledger.tiles import Tail
from stepwarden.signals.limits import Limits
from stepwarden.signals.travel import Places

PROGRESS_EVERY = 5_000
_log = logging.getLogger("stepwarden")
Progress = Callable[[int], None]
"""Told the index of the entry that is being folded."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """The state at the log's end, and how many entries were folded to get there."""

    state: LogState
    folded: int


def recover(
    store: LogStore,
    size: int,
    *,
    limits: Limits,
    people: People,
    places: Places,
    snapshots: SnapshotStore,
    progress: Progress,
) -> Recovered:
    """Fold the first ``size`` entries of the log, or what a snapshot leaves of them, into a state and ``places``.

    Args:
        limits: those that a log begins with; each ``service.started`` in it brings its own.

    Raises:
        MalformedEntryError, CorruptLogError: the log holds what this version cannot have written, or lacks entries
            below a floor that it does not state.
        StorageError: the state at the floor of a pruned log cannot be read.
    """
    floor = store.floor()
    found = snapshots.newest(size, least=floor, root_at=lambda at: _root_at(store, at))
    stated = ""
    if found is not None:
        state = found.state
        restore_places(places, found.places, people)
    elif floor:
        state, stated = snapshots.load_floor(floor)
    else:
        state = LogState(limits)
    first = state.size
    rebuild(store, size, state, people, places, progress)
    if floor > state.floor:
        raise CorruptLogError(
            f"the entries before {floor} are gone, and no entry says that they were pruned: restore the last copy"
        )
    finished = _finish_pruning(store, state, floor, snapshots)
    if stated and finished:
        # The newest floor is the one whose state the log vouches for: begin there.
        return recover(
            store, size, limits=limits, people=people, places=places, snapshots=snapshots, progress=progress
        )
    if stated and (state.floor, state.floor_state) != (floor, stated):
        raise CorruptLogError(
            f"the state at the floor {floor} is not the one that the log states: restore snapshots/floor-{floor} "
            "from a copy of this folder, or from the archive (docs/retention.md)"
        )
    return Recovered(state, size - first)


def _root_at(store: LogStore, size: int) -> bytes:
    head = store.load()
    return head.root if head is not None and head.size == size else Tail.load(store, size).root()


def _finish_pruning(store: LogStore, state: LogState, floor: int, snapshots: SnapshotStore) -> bool:
    """After a crash between the entry and the removal. Never without the state at the new floor."""
    if state.floor <= floor:
        return False
    try:
        _, found = snapshots.load_floor(state.floor)
    except StorageError as exc:
        found = str(exc)
    if found != state.floor_state:
        _log.warning("entries before %d were to be pruned and are still here: %s", state.floor, found)
        return False
    store.prune(state.floor)
    snapshots.drop_floors_below(state.floor)
    return True


def rebuild(
    store: LogStore, size: int, state: LogState, people: People, places: Places, progress: Progress
) -> None:
    """Fold the entries from ``state.size`` to ``size - 1`` of the log into ``state`` and ``places``.

    Raises:
        MalformedEntryError, CorruptLogError: the log holds what this version cannot have written.
    """
    first = state.size
    for index, leaf in enumerate(store.leaves(first, size), start=first):
        entry = decode_trusted(leaf)
        state.fold(index, entry)
        if "place" in entry.personal:
            _remember_place(store, index, entry, people, places)
        if index % PROGRESS_EVERY == 0:
            progress(index)
    if state.size < size:
        raise CorruptLogError(f"entries {state.size} to {size - 1} are missing: restore the last copy")


def _remember_place(store: LogStore, index: int, entry: Entry, people: People, places: Places) -> None:
    facts = _arrived(entry)
    person = people.by_token(facts.actor) if facts is not None else None
    if facts is None or person is None:
        return
    for sealed in store.openings(index, index + 1):
        if not sealed:
            return
        try:
            opened = verify(entry.personal, people.unseal(person, index, sealed))
        except MalformedEntryError as exc:
            raise MalformedEntryError(f"entry {index}: {exc}") from exc
        position = parse_position(opened.get("place", ""))
        if position is not None:
            places.arrived(facts.actor, position, facts.time)


def _arrived(entry: Entry) -> Facts | None:
    """The facts of an entry that says that somebody was somewhere and that it ended well."""
    if isinstance(entry, OutcomeReported):
        return entry.facts if entry.learn and entry.facts.actor else None
    if isinstance(entry, EventRecorded):
        return entry.facts if entry.facts.outcome == "success" and entry.facts.actor else None
    return None
