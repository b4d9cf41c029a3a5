"""The recorder: one entry into the log, folded into the state in the same breath.

Everything that becomes an entry comes through ``append``, on the loop's thread, without an ``await`` inside: so the
order of entries is the order of folding, a verification and its consumption are one step, and a refused submission
(queue full, log stopped) has changed nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from stepwarden.events.encoding import encode
from stepwarden.events.entries import Entry
from stepwarden.events.personal import SALT_BYTES, commit
from stepwarden.flow.people import People, Person
from stepwarden.flow.state import LogState
from stepwarden.flow.tokens import encode_token
from stepwarden.ledger.sequencer import Receipt, Sequencer
from stepwarden.ledger.store import SideWrite, Submission

ID_BYTES = 6


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry on its way: its index, its public name, its leaf, and the receipt once it is durable."""

    index: int
    name: str
    leaf: bytes
    durable: "asyncio.Future[Receipt]"


@dataclass(frozen=True, slots=True)
class Private:
    """What is personal about an entry: whose it is, the digests for the leaf and the opening to be sealed."""

    person: Person
    digests: dict[str, str]
    opening: bytes
    side: tuple[SideWrite, ...]
    owner: str


class Recorder:
    """Puts entries into the log and the state, in one order."""

    def __init__(
        self,
        sequencer: Sequencer,
        state: LogState,
        people: People,
        *,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        appended: Callable[[int, Entry], None],
    ) -> None:
        self.sequencer = sequencer
        self.state = state
        self.people = people
        self._clock = clock
        self._entropy = entropy
        self._appended = appended

    def now(self) -> int:
        """The log's time, microseconds since 1970 UTC: the clock's, but never before the last entry's."""
        return max(self._clock(), self.state.time)

    def new_id(self) -> str:
        """8 random characters."""
        return encode_token(self._entropy(ID_BYTES))

    def private(self, owner: str, fields: dict[str, str]) -> Private:
        """Commit to the personal fields, under the key of ``owner`` (an actor, or an address; see ``people``)."""
        person, side = self.people.find_or_make(owner)
        present = {name: value for name, value in fields.items() if value}
        digests, opening = commit(present, self._entropy(SALT_BYTES * len(present)))
        return Private(person, digests, opening, side, owner)

    def append(
        self, entry: Entry, private: Private | None = None, side: tuple[SideWrite, ...] = ()
    ) -> Appended:
        """Submit the entry and fold it.

        Raises:
            BusyError: the queue is full; nothing was recorded and nothing was folded.
            StepwardenError: the log has stopped, for the reason that the error gives.
        """
        sequencer = self.sequencer
        index = sequencer.next_index
        leaf = encode(entry)
        sealed = b""
        if private is not None:
            sealed = self.people.seal(private.person, index, private.opening)
            side = side + private.side
        durable = sequencer.submit(Submission(leaf, sealed, side))
        if private is not None and private.side:
            self.people.submitted(private.owner)
        self.state.fold(index, entry)
        self._appended(index, entry)
        return Appended(index, f"{index}-{entry.id}", leaf, durable)
