"""Checking, offline and without trusting anybody, the files that ``subject export`` and ``ledger disclose`` write.

1. the file is spelled as we spell it, complete, its entries in the order of the log;
2. each entry's proof leads to a checkpoint of this log, signed by a key that the reader brought;
3. each personal value is the one that the leaf commits to, and none is shown that was not chosen;
4. of a person: every entry is theirs, and factors and sessions are what the entries amount to.

What cannot be checked: that the file holds all entries that there are.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from stepwarden.errors import MalformedEntryError
from stepwarden.events.disclosure import (
    DisclosureHead,
    DisclosureTail,
    Document,
    Shown,
    SubjectHead,
    SubjectTail,
    check,
)
from stepwarden.events.entries import Entry
from stepwarden.events.subject import Tally
from stepwarden.flow.people import owner_tokens
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.tlog_proof import TlogProof


@dataclass(slots=True)
class Checked:
    """What a file holds. ``sizes`` are those of the checkpoints that its proofs lead to; ``values`` counts fields."""

    log: str
    entries: int = 0
    values: int = 0
    erased: int = 0
    sizes: set[int] = field(default_factory=set)
    fields: tuple[str, ...] = ()
    reason: str = ""
    kinds: dict[str, int] = field(default_factory=dict)
    factors: int = 0
    sessions: int = 0


def check_disclosure(lines: Iterable[str], origin: str, verifiers: Collection[Verifier]) -> Checked:
    """Check a file of ``ledger disclose``.

    Raises:
        MalformedEntryError, LedgerError: it does not hold; the message says where.
    """
    document = Document(lines, DisclosureHead, DisclosureTail)
    head = document.head
    found = Checked(log=_same_log(head.log, origin), fields=head.fields, reason=head.reason)
    if sorted(set(head.fields)) != list(head.fields):
        raise MalformedEntryError("the fields are not named once and in their order")
    for item in document.entries():
        _check(item, found, origin, verifiers, head.fields)
    return found


def check_subject(lines: Iterable[str], origin: str, verifiers: Collection[Verifier]) -> Checked:
    """Check a file of ``subject export``.

    Raises:
        MalformedEntryError, LedgerError: it does not hold; the message says where.
    """
    document = Document(lines, SubjectHead, SubjectTail)
    head, tally = document.head, Tally()
    found = Checked(log=_same_log(head.log, origin))
    whose = ("", head.token) if head.address else (head.token, "")
    for item in document.entries():
        entry, values = _check(item, found, origin, verifiers, None)
        if owner_tokens(entry) != whose:
            raise MalformedEntryError(f"entry {item.index} is about somebody else")
        if values.get("actor", head.actor) != head.actor and not head.address:
            raise MalformedEntryError(f"entry {item.index} names another person")
        tally.add(entry)
    tail = document.tail
    if tail is None or (tail.factors, tail.sessions) != (tally.factors(), tally.sessions()):
        raise MalformedEntryError("factors and sessions are not what the entries amount to")
    found.kinds, found.factors, found.sessions = tally.kinds, len(tail.factors), len(tail.sessions)
    return found


def _same_log(log: str, origin: str) -> str:
    if log != origin:
        raise MalformedEntryError(f"the file is from the log {log!r}, the key is of {origin!r}")
    return log


def _check(
    item: Shown,
    found: Checked,
    origin: str,
    verifiers: Collection[Verifier],
    fields: Collection[str] | None,
) -> tuple[Entry, dict[str, str]]:
    proof = TlogProof.parse(item.proof)
    if proof.index != item.index:
        raise MalformedEntryError(f"the proof of entry {item.index} is that of entry {proof.index}")
    found.sizes.add(proof.verify(item.leaf.encode(), origin, verifiers).size)
    entry, values = check(item, fields)
    found.entries += 1
    found.values += len(values)
    found.erased += item.erased
    return entry, values
