"""Everything that is held about a person: given out with proofs, or erased.

**Export.** Each entry of theirs with its leaf, its personal fields in clear and a proof, then factors and sessions: the
document of ``events.disclosure``, a line at a time.

**Erasure**, in steps that each may be the last before the process dies:

1. ``administration`` (``subject.erase``): who asked, and why; when it is durable, so is every entry before it.
2. ``subject.erased``. In the same transaction: the person's key and token rows and their factors' secrets are deleted,
   and a row (space ``erasure``) says that the rest is still to be done. From this entry on nothing sealed under the
   key can be opened by anybody, and whoever comes by that id is a stranger with a new token.
3. what was sealed is overwritten (``LogStore.erase_openings``), the query index forgets the token, snapshots of the
   state are removed;
4. deleted bytes go from the files of the log (``LogStore.scrub``);
5. ``administration`` (``subject.erase.done``), with the row of step 2 deleted.

Steps 3 to 5 may be done again; ``resume`` does at the next start what was not finished. Between steps 1 and 2 decisions
go on: entries about the person that are made meanwhile are noticed (``Recorder.watchers``) and counted.

What names nobody is erased by its address in the same way. Not here: what pseudonyms still say (docs/privacy.md).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import msgspec

from stepwarden.errors import (
    InputError,
    NotFoundError,
    PrunedError,
    StepwardenError,
    StorageError,
    StorageLockedError,
)
from stepwarden.events.disclosure import (
    SubjectHead,
    SubjectTail,
    closing_line,
    entry_line,
    opening_line,
    rfc3339,
)
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import Administration, Entry, FactorEnrolled, SubjectErased
from stepwarden.events.index import EntryFilter
from stepwarden.events.redaction import redact
from stepwarden.events.subject import Tally
from stepwarden.flow.answers import Erased
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.audited import Reads, check_reason, check_unnamed
from stepwarden.flow.disclosing import Disclosing
from stepwarden.flow.people import nobody, owner_tokens
from stepwarden.flow.recorder import Appended, Recorder
from stepwarden.flow.vault import NAMES, Vault
from stepwarden.flow.views import receipt_view
from stepwarden.ledger.store import LogStore, SideWrite
from stepwarden.stepup.assurance import FACTORS

PENDING = "erasure"
PAGE = 1_000
SLICE = 16
"""Entries of an export between two looks at what else there is to do."""
AGAIN = 0.2
"""Seconds after which a file that somebody reads is tried again, up to ``TRIES`` times."""
TRIES = 50


class SubjectIndex(Protocol):
    """The part of the query index that is asked here. ``size``: how many entries of the log it holds."""

    size: int

    def find(
        self, wanted: EntryFilter, *, after: int, limit: int, newest_first: bool = False
    ) -> list[int]: ...

    def forget(self, actor: str) -> int:
        """No row names this token any more, and no byte of the file does. Twice is no error."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose entries: ``owner`` is under what ``People`` knows them; one of the two tokens is empty."""

    owner: str
    actor: str
    address: str

    @property
    def token(self) -> str:
        return self.actor or self.address

    @property
    def words(self) -> str:
        """For entries about it: in tokens."""
        return f"actor={self.actor}" if self.actor else f"address={self.address}"


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """The row of an erasure that is under way: entries before ``before`` are concerned."""

    actor: str
    address: str
    before: int
    previous: int


class Subjects:
    """Exports and erases. All calls on the loop's thread."""

    def __init__(
        self,
        recorder: Recorder,
        attempts: Attempts,
        vault: Vault,
        store: LogStore,
        index: SubjectIndex,
        reads: Reads,
        disclosing: Disclosing,
        *,
        origin: str,
        address_token: Callable[[str], str],
        flush: Callable[[], None],
        clear: Callable[[], None],
    ) -> None:
        """``flush`` waits (not on the loop) until the index has everything durable; ``clear`` removes snapshots."""
        self._recorder = recorder
        self._attempts = attempts
        self._vault = vault
        self._store = store
        self._index = index
        self._reads = reads
        self._disclosing = disclosing
        self._origin = origin
        self._address_token = address_token
        self._flush = flush
        self._clear = clear

    # -- whose ------------------------------------------------------------------------------------

    def whose(self, actor: str, address: str) -> Subject:
        """The subject of this id, or of this address (canonical text) where no actor is given.

        Raises:
            NotFoundError: nobody is known by it: never seen, or erased already; the two cannot be told apart.
        """
        if bool(actor) == bool(address):
            raise InputError("either an actor or an address", field="actor")
        token = self._address_token(address) if address else ""
        owner = actor or nobody(token)
        person = self._recorder.people.find(owner)
        if person is None:
            what = "person of this id" if actor else "entry from this address that names nobody"
            raise NotFoundError(f"the log holds no {what}: never seen, or erased already")
        return Subject(owner, person.token if actor else "", token)

    async def indices(self, subject: Subject) -> list[int]:
        """Every entry about the subject that is durable and not pruned, in the order of the log."""
        return await asyncio.get_running_loop().run_in_executor(None, self._indices, subject)

    def _indices(self, subject: Subject) -> list[int]:
        size = self._recorder.sequencer.head.size
        self._flush()
        if self._index.size < size:
            raise StorageError("the query index is not complete: start the service again, which completes it")
        wanted = EntryFilter(actor=subject.actor, address=subject.address)
        found: list[int] = []
        after = self._store.floor() - 1
        while page := self._index.find(wanted, after=after, limit=PAGE):
            found += page
            after = page[-1]
        return [index for index in found if subject.actor or self._is_about(index, subject)]

    def _is_about(self, index: int, subject: Subject) -> bool:
        entry = self._kept(index)
        return entry is not None and owner_tokens(entry) == (subject.actor, subject.address)

    def _entry(self, index: int) -> Entry:
        return decode_trusted(next(iter(self._store.leaves(index, index + 1))))

    def _sealed(self, subject: Subject, before: int) -> list[int]:
        """The entries before ``before`` whose personal fields are sealed under the subject's key. Not on the loop."""
        found = [(index, self._kept(index)) for index in self._indices(subject) if index < before]
        return [index for index, entry in found if entry is not None and entry.personal]

    def _kept(self, index: int) -> Entry | None:
        """None where it was pruned since the index was asked: then its opening is gone as well."""
        try:
            return self._entry(index)
        except PrunedError:
            return None

    # -- export -----------------------------------------------------------------------------------

    async def export(
        self, actor: str, address: str, *, by: str, reason: str = "", most: int = 0
    ) -> AsyncIterator[str]:
        """The lines of the document; that it was made is an entry before the first of them is given.

        Args:
            most: refuse if there are more entries than this; 0: any number.

        Raises:
            NotFoundError: see ``whose``.
            InputError: more entries than ``most``; the reason names the person.
        """
        check_unnamed(reason, actor, address)
        subject = self.whose(actor, address)
        found = await self.indices(subject)
        if most and len(found) > most:
            raise InputError(
                f"{len(found)} entries are too many for one answer: use stepwarden subject export",
                field="actor",
            )
        await self._reads.record(
            "subject.export", by=by, target=subject.words, rows=len(found), reason=reason
        )
        head = SubjectHead(
            format="stepwarden/subject@v1",
            log=self._origin,
            made=rfc3339(self._recorder.now()),
            actor=redact(actor, random=False),
            address=address,
            token=subject.token,
        )
        return self._lines(head, found)

    async def _lines(self, head: SubjectHead, found: list[int]) -> AsyncIterator[str]:
        yield opening_line(head)
        tally = Tally()
        prove = self._disclosing.prover()
        for number, index in enumerate(found, start=1):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            entry, item = self._disclosing.show(index, None, prove)
            tally.add(entry)
            yield entry_line(item, last=number == len(found))
        yield closing_line(SubjectTail(factors=tally.factors(), sessions=tally.sessions(), count=len(found)))

    # -- erasure ----------------------------------------------------------------------------------

    async def erase(self, actor: str, address: str, *, reason: str, by: str) -> Erased:
        """Destroy the subject's key, and with it everything personal that the log has about them.

        Raises:
            NotFoundError: see ``whose``.
            InputError: no reason, or one that names the person: it stays in the log for good.
        """
        reason = check_reason(reason, actor or address)
        subject = self.whose(actor, address)
        recorder = self._recorder
        seen: list[tuple[int, Entry]] = []
        recorder.watchers.append(seen)
        try:
            asked = recorder.append(self._about("subject.erase", by, subject.words, reason=reason))
            await asked.durable
            loop = asyncio.get_running_loop()
            sealed = await loop.run_in_executor(None, self._sealed, subject, asked.index)
            erased, entry = self._end(self.whose(actor, address), subject, sealed, seen, asked, reason, by)
        finally:
            # By what it is, not by what is in it: two lists of two erasures may be equal.
            recorder.watchers[:] = [each for each in recorder.watchers if each is not seen]
        receipt = await erased.durable
        recorder.people.erased(subject.owner)
        await self._finish(subject.actor, subject.address, erased.index, by)
        return Erased(
            id=erased.name,
            openings=entry.openings,
            factors=entry.factors,
            receipt=receipt_view(erased.index, receipt),
        )

    def _end(
        self,
        now: Subject,
        subject: Subject,
        sealed: list[int],
        seen: list[tuple[int, Entry]],
        asked: Appended,
        reason: str,
        by: str,
    ) -> tuple[Appended, SubjectErased]:
        """Step 2, in one breath: no entry about the person can come between what is counted and the end."""
        recorder, people = self._recorder, self._recorder.people
        person = people.find(subject.owner)
        if now != subject or person is None:
            raise NotFoundError("somebody else has just erased them")
        recorder.flush()  # commits what is new to its personal fields, so that ``personal`` is there to be looked at
        whose = (subject.actor, subject.address)
        theirs = [(index, entry) for index, entry in seen if owner_tokens(entry) == whose]
        openings = {*sealed, *(index for index, entry in theirs if entry.personal)}
        secrets = self._secrets(subject.actor, [entry for _, entry in theirs]) if subject.actor else ()
        entry = SubjectErased(
            time=recorder.now(),
            id=recorder.new_id(),
            previous=asked.index,
            by=by,
            actor=subject.actor,
            address=subject.address,
            openings=len(openings),
            key=sha256(person.key).hexdigest(),
            reason=reason,
            factors=len(secrets),
        )
        unfinished = Unfinished(
            actor=subject.actor,
            address=subject.address,
            before=recorder.sequencer.next_index,
            previous=recorder.sequencer.next_index,
        )
        row = SideWrite(PENDING, _row_key(subject.actor, subject.address), msgspec.json.encode(unfinished))
        rows = people.erase(subject.owner)
        try:
            appended = recorder.append(entry, side=(*rows, *secrets, row))
        except StepwardenError:
            people.erased(subject.owner)  # nothing was recorded: the rows are still theirs
            raise
        self._attempts.forget(subject.actor, subject.address)
        return appended, entry

    def _secrets(self, actor: str, seen: list[Entry]) -> tuple[SideWrite, ...]:
        """The rows that forget every secret of a person's factors, those on their way to disk included."""
        kept: set[tuple[str, str]] = {
            (factor, name) for factor in (*FACTORS, NAMES) for name in self._vault.names(actor, factor)
        }
        for entry in seen:
            if isinstance(entry, FactorEnrolled):
                numbered = [f"{entry.credential}.{number}" for number in range(entry.count)]
                kept |= {(entry.factor, name) for name in numbered or [entry.credential]}
                kept.add((NAMES, entry.credential))
        return tuple(self._vault.drop(actor, factor, name) for factor, name in sorted(kept))

    async def _finish(self, actor: str, address: str, before: int, by: str) -> None:
        """Steps 3 to 5."""
        loop = asyncio.get_running_loop()
        subject = Subject("", actor, address)
        sealed = await loop.run_in_executor(None, self._sealed, subject, before)
        removed = await loop.run_in_executor(None, self._store.erase_openings, sealed)
        if actor:
            await loop.run_in_executor(None, self._index.forget, actor)
        await loop.run_in_executor(None, self._clear)
        await self._scrub()
        done = self._about("subject.erase.done", by, subject.words, rows=removed, previous=before)
        row = SideWrite(PENDING, _row_key(actor, address), None)
        await self._recorder.append(done, side=(row,)).durable

    async def _scrub(self) -> None:
        loop = asyncio.get_running_loop()
        for left in reversed(range(TRIES)):
            try:
                await loop.run_in_executor(None, self._store.scrub)
                return
            except StorageLockedError:
                if not left:
                    raise
            await asyncio.sleep(AGAIN)

    async def resume(self) -> int:
        """Finish the erasures that an earlier run began; how many. Before anything is served."""
        rows = [row for _, row in self._store.side_items(PENDING)]
        for row in rows:
            found = msgspec.json.decode(row, type=Unfinished)
            await self._finish(found.actor, found.address, found.before, "service")
        return len(rows)

    def forget_again(self, first: int) -> None:
        """After the index was made again from entry ``first`` on: let it forget who was erased there. Blocking."""
        after = first - 1
        while page := self._index.find(EntryFilter(kind="subject.erased"), after=after, limit=PAGE):
            for index in page:
                actor, _ = owner_tokens(self._entry(index))
                if actor:
                    self._index.forget(actor)
            after = page[-1]

    def _about(
        self, action: str, by: str, target: str, *, rows: int = 0, reason: str = "", previous: int = -1
    ) -> Administration:
        return Administration(
            time=self._recorder.now(),
            id=self._recorder.new_id(),
            by=by,
            previous=previous,
            action=action,
            target=target,
            rows=rows,
            reason=reason,
        )


def _row_key(actor: str, address: str) -> bytes:
    return f"{actor}\n{address}".encode()
