"""The recorder: one entry into the log, folded into the state in the same breath.

Everything that becomes an entry comes through ``append``, on the loop's thread, without an ``await`` inside: so the
order of entries is the order of folding, a verification and its consumption are one step, and a refused submission
(queue full, log stopped) has changed nothing.

What nothing waits for (commitments, encoding, sealing) is done for all entries of one turn of the loop together, stage
by stage: the processor's caches then hold one stage's code and not all of it in turn. The receipt, and so the
answer, comes after that as before. (Structs, not dataclasses: making a frozen dataclass costs five times as much.)
"""

import asyncio
from collections.abc import Callable

import msgspec
from msgspec.structs import force_setattr

from stepwarden.errors import BusyError, StepwardenError
from stepwarden.events.encoding import encode
from stepwarden.events.entries import AttemptDecided, Entry, EventRecorded, OutcomeReported
from stepwarden.events.personal import SALT_BYTES, commit
from stepwarden.flow.people import People, Person
from stepwarden.flow.state import LogState
from stepwarden.flow.tokens import encode_token
from stepwarden.ledger.sequencer import Receipt, Sequencer
from stepwarden.ledger.store import SideWrite, Submission

ID_BYTES = 6
_BOUNDED = (AttemptDecided, OutcomeReported, EventRecorded)
"""Kinds whose leaf always fits, because the limits of an attempt bound it: about 12 kB of 65."""


class Appended(msgspec.Struct, frozen=True):
    """An entry on its way: its index, its public name, and the receipt once it is durable."""

    index: int
    name: str
    durable: "asyncio.Future[Receipt]"


class Private(msgspec.Struct, frozen=True):
    """What is personal about an entry: whose it is, and the fields in clear, to be committed to and sealed."""

    person: Person
    fields: dict[str, str]
    side: tuple[SideWrite, ...]
    owner: str
    made: tuple[dict[str, str], bytes] | None = None
    """Digests and opening, where the entry had to commit to them beforehand."""


class _Draft(msgspec.Struct):
    """An entry that is folded, and still to be encoded and sealed."""

    index: int
    entry: Entry
    private: Private | None
    side: tuple[SideWrite, ...]
    durable: "asyncio.Future[Receipt]"
    opening: bytes = b""
    leaf: bytes = b""


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
        self.refused: StepwardenError | None = None
        """Why nothing is taken any more although the log could be written: it is in doubt. None as a rule."""
        self._clock = clock
        self._entropy = entropy
        self._appended = appended
        self._drafts: list[_Draft] = []
        self.watchers: list[list[tuple[int, Entry]]] = []
        """Lists to which each entry is added as it is appended; there is one for each erasure under way."""

    def now(self) -> int:
        """The log's time, microseconds since 1970 UTC: the clock's, but never before the last entry's."""
        return max(self._clock(), self.state.time)

    def new_id(self) -> str:
        """8 random characters."""
        return encode_token(self._entropy(ID_BYTES))

    def private(self, owner: str, fields: dict[str, str]) -> Private:
        """Personal fields, under the key of ``owner`` (an actor, or nobody at an address; see ``people``)."""
        person, side = self.people.find_or_make(owner)
        return Private(person, fields, side, owner)

    def committed(self, owner: str, fields: dict[str, str]) -> tuple[Private, dict[str, str]]:
        """Personal fields, and the digests that their entry commits to: for what has to name them beforehand."""
        digests, opening = self._commit(fields)
        return msgspec.structs.replace(self.private(owner, fields), made=(digests, opening)), digests

    def _commit(self, fields: dict[str, str]) -> tuple[dict[str, str], bytes]:
        return commit(fields, self._entropy(SALT_BYTES * len(fields)))

    def append(
        self, entry: Entry, private: Private | None = None, side: tuple[SideWrite, ...] = ()
    ) -> Appended:
        """Fold the entry and have it recorded at the end of this turn of the loop.

        Its ``personal`` is filled in by then.

        Raises:
            BusyError: the queue is full; nothing was recorded and nothing was folded.
            InputError: it does not fit into a leaf; nothing was recorded and nothing was folded.
            StepwardenError: the log has stopped, for the reason that the error gives.
        """
        sequencer, drafts = self.sequencer, self._drafts
        sequencer.check_open()
        if self.refused is not None:
            raise self.refused
        if len(drafts) >= sequencer.room:
            raise BusyError("too many entries wait to be written")
        if not isinstance(entry, _BOUNDED):
            encode(entry)  # whether it fits has to be known before it is folded
        index = sequencer.next_index + len(drafts)
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[Receipt] = loop.create_future()
        if private is not None and private.side:
            side = side + private.side
            self.people.submitted(private.owner)
        if not drafts:
            loop.call_soon(self.flush)
        drafts.append(_Draft(index, entry, private, side, durable))
        self.state.fold(index, entry)
        self._appended(index, entry)
        for watcher in self.watchers:
            watcher.append((index, entry))
        return Appended(index, f"{index}-{entry.id}", durable)

    def flush(self) -> None:
        """Hand everything appended to the sequencer, in order."""
        drafts, self._drafts = self._drafts, []
        if not drafts:
            return
        for draft in drafts:
            if draft.private is not None:
                digests, draft.opening = draft.private.made or self._commit(draft.private.fields)
                force_setattr(draft.entry, "personal", digests)
        for draft in drafts:
            draft.leaf = encode(draft.entry)
        for draft in drafts:
            if draft.private is not None:
                draft.opening = self.people.seal(draft.private.person, draft.index, draft.opening)
        try:
            self.sequencer.submit_all(
                [(Submission(draft.leaf, draft.opening, draft.side), draft.durable) for draft in drafts]
            )
        except StepwardenError as exc:  # the log failed meanwhile: everybody who waits is told
            for draft in drafts:
                if not draft.durable.done():
                    draft.durable.set_exception(exc)
                    draft.durable.exception()  # whoever dropped the future reads ``sequencer.failed``
