"""Reading the log: entries by filter, proofs. Through the projection, which is a copy that can be thrown away.

A filter by person or address is turned into tokens first; who has been erased (or was never here) is found by
nobody. The leaf is returned as it is stored; its personal fields are opened beside it, while their key exists and if
the reader may see them. Not here: who may, and the entry about each read (``service``, ``audited``).
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from stepwarden.errors import InputError, MalformedEntryError, StepwardenError
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import Entry
from stepwarden.events.index import EntryFilter
from stepwarden.events.personal import verify
from stepwarden.events.redaction import redact
from stepwarden.flow.answers import EntryPage, EntryQuery, EntryView
from stepwarden.flow.people import People
from stepwarden.ledger.proof import consistency_proof, inclusion_proof
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import LogStore

MAX_PAGE = 1_000


class EntryIndex(Protocol):
    """Finds entries. May lag behind the log, may be dropped and rebuilt from it; decides nothing.

    ``find`` gives the indexes of the matching entries after ``after`` (before it, with ``newest_first``; -1 for the
    beginning), at most ``limit``. Called from any thread.
    """

    def find(
        self, wanted: EntryFilter, *, after: int, limit: int, newest_first: bool = False
    ) -> list[int]: ...


class Reading:
    """Queries and proofs for the gateway and the console. All calls on the loop's thread."""

    def __init__(
        self,
        index: EntryIndex,
        sequencer: Sequencer,
        store: LogStore,
        people: People,
        address_token: Callable[[str], str],
        flush: Callable[[], None],
    ) -> None:
        """``flush`` waits (not on the loop) until the index has everything durable."""
        self._index = index
        self._flush = flush
        self._sequencer = sequencer
        self._store = store
        self._people = people
        self._address_token = address_token

    async def entries(self, query: EntryQuery, *, opened: bool = True) -> EntryPage:
        """The entries that match, oldest first unless the query says otherwise.

        Args:
            opened: whether personal fields are shown.

        Raises:
            InputError: the cursor is none of ours, or the limit is out of range.
        """
        if not 1 <= query.limit <= MAX_PAGE:
            raise InputError(f"limit is 1 to {MAX_PAGE}", field="limit")
        after = _parse_cursor(query.cursor)
        wanted = self._wanted(query)
        if wanted is None:
            return EntryPage(entries=(), opened=opened)
        limit = query.limit

        def look() -> list[int]:
            self._flush()
            return self._index.find(wanted, after=after, limit=limit + 1, newest_first=query.newest_first)

        found = await asyncio.get_running_loop().run_in_executor(None, look)
        floor = self._store.floor()  # what was pruned may be in the index for a moment longer
        views = tuple(self._view(index, opened) for index in found[:limit] if index >= floor)
        cursor = str(found[limit - 1]) if len(found) > limit else ""
        return EntryPage(entries=views, next_cursor=cursor, opened=opened)

    def in_tokens(self, query: EntryQuery) -> str:
        """What a query asks for, as it may stand in the log: persons and addresses by their tokens."""
        wanted = self._wanted(query)
        said = {
            "actor": "unknown" if wanted is None else wanted.actor,
            "ip": self._address_token(query.ip) if query.ip else "",
            "action": redact(query.action),
            "outcome": query.outcome or "",
            "decision": query.decision or "",
            "kind": redact(query.kind),
            "since": "" if query.since is None else str(query.since),
            "until": "" if query.until is None else str(query.until),
        }
        return ",".join(f"{name}={value}" for name, value in said.items() if value)

    def _wanted(self, query: EntryQuery) -> EntryFilter | None:
        """The filter in tokens; None where nothing can match."""
        actor = ""
        if query.actor:
            person = self._people.find(query.actor)
            if person is None:
                return None
            actor = person.token
        return EntryFilter(
            kind=query.kind,
            actor=actor,
            address=self._address_token(query.ip) if query.ip else "",
            action=query.action,
            outcome=query.outcome or "",
            decision=query.decision or "",
            since=query.since,
            until=query.until,
        )

    def _view(self, index: int, opened: bool) -> EntryView:
        leaf = next(iter(self._store.leaves(index, index + 1)))
        entry = decode_trusted(leaf)
        return EntryView(
            index=index,
            id=f"{index}-{entry.id}",
            entry=leaf,
            personal=self._personal(index, entry, opened) if entry.personal else {},
        )

    def _personal(self, index: int, entry: Entry, opened: bool) -> dict[str, str] | None:
        """The personal fields in clear; None where their key or opening is gone, or where they are not to be seen."""
        person = self._people.owner(entry) if opened else None
        if person is None:
            return None
        sealed = next(iter(self._store.openings(index, index + 1)), b"")
        if not sealed:
            return None
        try:
            return verify(entry.personal, self._people.unseal(person, index, sealed))
        except (MalformedEntryError, StepwardenError):
            return None

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Raises: InputError: not an index below a size that the log has reached."""
        if not 0 <= index < size <= self._sequencer.head.size:
            raise InputError("index must be below size, and size at most that of the log", field="index")
        return inclusion_proof(index, size, self._sequencer.proof_reader())

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Raises: InputError: not two sizes that the log has reached, the smaller one first."""
        if not 0 < old <= new <= self._sequencer.head.size:
            raise InputError("old is 1 to new, and new at most the size of the log", field="old")
        return consistency_proof(old, new, self._sequencer.proof_reader())


def _parse_cursor(cursor: str) -> int:
    if not cursor:
        return -1
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 15 and str(int(cursor)) == cursor):
        raise InputError("not a cursor that a page of this log gave", field="cursor")
    return int(cursor)
