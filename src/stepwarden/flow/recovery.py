"""The start: from the log on disk to the state in memory.

The same fold as in running, over every entry. What the log does not hold in clear (where people were) is read from
the sealed openings, for those who have not been erased.
"""

from collections.abc import Callable

from stepwarden.errors import MalformedEntryError
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import Entry, EventRecorded, OutcomeReported
from stepwarden.events.facts import Facts
from stepwarden.events.personal import verify
from stepwarden.flow.facts import parse_position
from stepwarden.flow.people import People
from stepwarden.flow.state import LogState
from stepwarden.ledger.store import LogStore
from stepwarden.signals.travel import Places

PROGRESS_EVERY = 5_000


def rebuild(
    store: LogStore,
    size: int,
    state: LogState,
    people: People,
    places: Places,
    progress: Callable[[int], None],
) -> None:
    """Fold the first ``size`` entries of the log into ``state`` and ``places``.

    Raises:
        MalformedEntryError, CorruptLogError: the log holds what this version cannot have written.
    """
    for index, leaf in enumerate(store.leaves(0, size)):
        entry = decode_trusted(leaf)
        state.fold(index, entry)
        if "place" in entry.personal:
            _remember_place(store, index, entry, people, places)
        if index % PROGRESS_EVERY == 0:
            progress(index)


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
