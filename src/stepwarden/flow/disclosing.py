"""Showing entries to somebody outside: the leaf, a proof, and chosen personal fields (``ledger disclose``).

That it was done is an entry first: who, which entries, which fields, why. The file it gives is that of
``events.disclosure`` and verifies offline (``proved``).

>>> parse_indices("5,7-9")
[5, 7, 8, 9]
>>> parse_fields("ip,actor")
('actor', 'ip')
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from typing import Final

from stepwarden.errors import InputError, MalformedEntryError, NotFoundError, StepwardenError
from stepwarden.events.disclosure import (
    DisclosureHead,
    DisclosureTail,
    Shown,
    closing_line,
    entry_line,
    opening_line,
    rfc3339,
    show,
)
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import Entry
from stepwarden.events.personal import verify
from stepwarden.events.redaction import redact
from stepwarden.flow.audited import REASON, Reads
from stepwarden.flow.recorder import Recorder
from stepwarden.ledger.proof import inclusion_proof
from stepwarden.ledger.store import LogStore
from stepwarden.ledger.tlog_proof import TlogProof

FIELDS: Final = ("actor", "approval", "ip", "name", "parameters", "place", "resource", "user_agent")
"""The personal fields that entries have."""
MOST: Final = 10_000
"""Entries of one disclosure."""
SLICE: Final = 16
Prover = Callable[[int], str]


def parse_indices(text: str) -> list[int]:
    """Numbers and ranges, in rising order, each entry once.

    Raises:
        InputError: anything else, or more than 10,000 entries.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not _is_index(first) or (dash and not _is_index(last)):
            raise InputError("entries are numbers and ranges, like 5,7-9", field="entries")
        stop = int(last) if dash else int(first)
        if stop < int(first) or (found and int(first) <= found[-1]):
            raise InputError("entries are named once, in rising order, like 5,7-9", field="entries")
        if stop - int(first) + len(found) >= MOST:
            raise InputError(f"one disclosure shows at most {MOST} entries", field="entries")
        found += range(int(first), stop + 1)
    return found


def parse_fields(text: str) -> tuple[str, ...]:
    """Names of personal fields, in their order; empty for none: then only leaves and proofs are shown.

    Raises:
        InputError: no such field.
    """
    names = {name.strip() for name in text.split(",") if name.strip()}
    if unknown := sorted(names.difference(FIELDS)):
        raise InputError(
            f"there is no field {', '.join(unknown)}; there are {', '.join(FIELDS)}", field="fields"
        )
    return tuple(sorted(names))


class Disclosing:
    """Makes files of entries. All calls on the loop's thread."""

    def __init__(self, recorder: Recorder, store: LogStore, reads: Reads, *, origin: str) -> None:
        self._recorder = recorder
        self._store = store
        self._reads = reads
        self._origin = origin

    async def disclose(self, entries: str, fields: str, *, reason: str, by: str) -> AsyncIterator[str]:
        """The lines of the file; the entry about it is durable before the first is given.

        Args:
            entries: such as ``5,7-9``; fields: such as ``ip,actor``.

        Raises:
            InputError: they are no such thing, or there is no reason.
            NotFoundError: the log does not reach so far, or the entry has been pruned.
        """
        indices, names = parse_indices(entries), parse_fields(fields)
        reason = redact(reason.strip())
        if not 0 < len(reason) <= REASON or not reason.isprintable():
            raise InputError(f"say why, in 1 to {REASON} printable characters", field="reason")
        size, floor = self._recorder.sequencer.head.size, self._store.floor()
        if indices[-1] >= size or indices[0] < floor:
            raise NotFoundError(f"this log holds the entries {floor} to {size - 1}")
        await self._reads.record(
            "log.disclosure",
            by=by,
            target=entries,
            detail="fields " + (",".join(names) or "none"),
            rows=len(indices),
            reason=reason,
        )
        head = DisclosureHead(
            format="stepwarden/disclosure@v1",
            log=self._origin,
            made=rfc3339(self._recorder.now()),
            reason=reason,
            fields=names,
        )
        return self._lines(head, indices)

    async def _lines(self, head: DisclosureHead, indices: list[int]) -> AsyncIterator[str]:
        yield opening_line(head)
        prove = self.prover()
        for number, index in enumerate(indices, start=1):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            _, item = self.show(index, head.fields, prove)
            yield entry_line(item, last=number == len(indices))
        yield closing_line(DisclosureTail(count=len(indices)))

    def prover(self) -> Prover:
        """Makes tlog-proof texts, all to the checkpoint that is the newest now."""
        head = self._recorder.sequencer.head
        reader = self._recorder.sequencer.proof_reader()

        def prove(index: int) -> str:
            hashes = tuple(inclusion_proof(index, head.size, reader))
            return TlogProof(index=index, hashes=hashes, checkpoint=head.checkpoint).format()

        return prove

    def show(self, index: int, fields: Collection[str] | None, prove: Prover) -> tuple[Entry, Shown]:
        """One entry with these fields of it in clear (None: all)."""
        leaf = next(iter(self._store.leaves(index, index + 1)))
        entry = decode_trusted(leaf)
        opening = self._opening(index, entry) if entry.personal else None
        return entry, show(index, leaf, entry, opening, fields, prove(index))

    def _opening(self, index: int, entry: Entry) -> bytes | None:
        """The opening in clear; None where key or opening is gone, or is not what the leaf commits to."""
        people = self._recorder.people
        person = people.owner(entry)
        sealed = next(iter(self._store.openings(index, index + 1)), b"")
        if person is None or not sealed:
            return None
        try:
            opening = people.unseal(person, index, sealed)
            verify(entry.personal, opening)
        except (MalformedEntryError, StepwardenError):
            return None
        return opening


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15 and str(int(text)) == text
