"""Entries handed to somebody outside, with some of their personal fields in clear: files that verify offline.

A file is one JSON document, written and read line by line, so that it may be of any length:

    {"format":"stepwarden/disclosure@v1","log":"log.example/doors",...,"entries":[
    {"index":5,"name":"5-kq3hT2pA",...,"leaf":"{...}","shown":[["<salt>","ip","192.0.2.7"]],"withheld":["actor"],...},
    ...
    ],"count":2}

Each entry brings its leaf byte for byte (as a JSON string), a ``tlog-proof`` text that shows it to be in the log, and
for each field that is shown its disclosure: salt, name and value, whose SHA-256 is the commitment in the leaf
(``personal``). ``withheld`` names what the leaf commits to and the file does not show; ``erased`` says that nobody
can show it any more. Nothing can be added: a disclosure that the leaf does not commit to is refused, as is one of a
field that the head does not name, and every second spelling of a line.

Not here: the proofs and signatures (``flow.proved``). And no file shows that it holds *all* entries that there are.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Generic, Literal, TypeVar

import msgspec

from stepwarden.errors import MalformedEntryError
from stepwarden.events.encoding import decode
from stepwarden.events.entries import Entry
from stepwarden.events.personal import Disclosure, digest, verify

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENTRIES = ',"entries":['
_encode = msgspec.json.Encoder().encode


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the document; its fields stand in the order of the class."""


class Shown(_Line, frozen=True, kw_only=True):
    """One entry. ``name``, ``time`` (RFC 3339) and ``kind`` are said again for readers; ``proof`` is a tlog-proof."""

    index: int
    name: str
    time: str
    kind: str
    shown: tuple[Disclosure, ...]
    withheld: tuple[str, ...]
    erased: bool
    leaf: str
    proof: str


class DisclosureHead(_Line, frozen=True, kw_only=True):
    """``fields`` are those that were asked for; ``reason`` is what stands in the log about this disclosure."""

    format: Literal["stepwarden/disclosure@v1"]
    log: str
    made: str
    reason: str
    fields: tuple[str, ...]


class DisclosureTail(_Line, frozen=True, kw_only=True):
    count: int


class FactorHeld(_Line, frozen=True, kw_only=True):
    """A factor that is enrolled: its kind, the id of its credential, since when; never anything of its secret."""

    factor: str
    credential: str
    since: str
    codes: int


class SessionSeen(_Line, frozen=True, kw_only=True):
    """A session by its token (its id is kept nowhere), from when to when, and in how many of the entries."""

    session: str
    first: str
    last: str
    entries: int


class SubjectHead(_Line, frozen=True, kw_only=True):
    """Whom it is about: ``actor`` as the application calls them, and the token that stands for them in the leaves.

    For what names nobody and comes from one address: ``address`` and its token, and ``actor`` is empty.
    """

    format: Literal["stepwarden/subject@v1"]
    log: str
    made: str
    actor: str
    address: str
    token: str


class SubjectTail(_Line, frozen=True, kw_only=True):
    """What the entries amount to; whoever checks the file works it out again."""

    factors: tuple[FactorHeld, ...]
    sessions: tuple[SessionSeen, ...]
    count: int


H = TypeVar("H", DisclosureHead, SubjectHead)
T = TypeVar("T", DisclosureTail, SubjectTail)


def rfc3339(microseconds: int) -> str:
    """UTC, with as many decimals as needed.

    >>> rfc3339(1_767_225_600_000_000)
    '2026-01-01T00:00:00Z'
    """
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def show(
    index: int, leaf: bytes, entry: Entry, opening: bytes | None, fields: Collection[str] | None, proof: str
) -> Shown:
    """One entry with the chosen fields of its opening (None: all of them).

    Args:
        opening: what the personal fields' commitments open to, in clear; None where it was erased.
    """
    chosen: tuple[Disclosure, ...] = ()
    if opening:
        verify(entry.personal, opening)
        known = msgspec.json.decode(opening, type=tuple[Disclosure, ...])
        chosen = tuple(one for one in known if fields is None or one[1] in fields)
    names = {name for _, name, _ in chosen}
    return Shown(
        index=index,
        name=f"{index}-{entry.id}",
        time=rfc3339(entry.time),
        kind=str(entry.__struct_config__.tag),
        shown=chosen,
        withheld=tuple(sorted(set(entry.personal) - names)),
        erased=bool(entry.personal) and opening is None,
        leaf=leaf.decode(),
        proof=proof,
    )


def check(item: Shown, fields: Collection[str] | None) -> tuple[Entry, dict[str, str]]:
    """The entry, and the values that are shown of it, each checked against its commitment.

    Raises:
        MalformedEntryError: a value was changed or added, a field was not to be shown, or what is said about the
            entry is not what its leaf says.
    """
    entry = decode(item.leaf.encode())
    values: dict[str, str] = {}
    for disclosure in item.shown:
        name = disclosure[1]
        if fields is not None and name not in fields:
            raise MalformedEntryError(f"entry {item.index} shows the field {name!r}, which was not chosen")
        if name in values or entry.personal.get(name) != digest(disclosure):
            raise MalformedEntryError(
                f"entry {item.index}: the value shown for {name!r} is not the one that its leaf commits to"
            )
        values[name] = disclosure[2]
    said = show(item.index, item.leaf.encode(), entry, None, fields, item.proof)
    rest = tuple(sorted(set(entry.personal) - values.keys()))
    if (item.name, item.time, item.kind, item.withheld) != (said.name, said.time, said.kind, rest) or (
        item.erased and values
    ):
        raise MalformedEntryError(f"what is said about entry {item.index} is not what its leaf says")
    return entry, values


def opening_line(head: DisclosureHead | SubjectHead) -> str:
    """The first line of a document."""
    return _encode(head).decode()[:-1] + _ENTRIES + "\n"


def entry_line(item: Shown, *, last: bool) -> str:
    """The line of one entry."""
    return _encode(item).decode() + ("\n" if last else ",\n")


def closing_line(tail: DisclosureTail | SubjectTail) -> str:
    """The last line."""
    return "]," + _encode(tail).decode()[1:] + "\n"


def parse_entry(line: str, where: str = "the line") -> Shown:
    """Read back what ``entry_line`` wrote.

    Raises:
        MalformedEntryError: for every other text.
    """
    return _read(line.removesuffix("\n").removesuffix(","), Shown, where)


class Document(Generic[H, T]):
    """Reads a document line by line: ``head`` at once, then ``entries``, after which ``tail`` is there."""

    def __init__(self, lines: Iterable[str], head: type[H], tail: type[T]) -> None:
        """Raises: MalformedEntryError: the first line is not that of such a document."""
        self._lines = iter(lines)
        self._tail_type: type[T] = tail
        self.tail: T | None = None
        first = next(self._lines, "")
        if not first.endswith(_ENTRIES + "\n"):
            raise MalformedEntryError("the first line is not that of a file of entries made by Stepwarden")
        self.head: H = _read(first.removesuffix(_ENTRIES + "\n") + "}", head, "the first line")

    def entries(self) -> Iterator[Shown]:
        """The entries in their order.

        Raises:
            MalformedEntryError: a line is not what ``entry_line`` or ``closing_line`` writes, or there is more.
        """
        more, before, count = True, -1, 0
        for line in self._lines:
            if line.startswith("],"):
                break
            item = parse_entry(line, f"entry line {count + 1}")
            if not more or item.index <= before:
                raise MalformedEntryError("entries are not each on one line in the order of the log")
            more, before, count = line.endswith(",\n"), item.index, count + 1
            yield item
        else:
            raise MalformedEntryError("the file is cut: its last line is missing")
        tail = _read("{" + line.removeprefix("],").removesuffix("\n"), self._tail_type, "the last line")
        if tail.count != count or (more and count) or next(self._lines, None) is not None:
            raise MalformedEntryError(f"the file says that it holds {tail.count} entries, and holds {count}")
        self.tail = tail


L = TypeVar("L", bound=_Line)


def _read(text: str, kind: type[L], where: str) -> L:
    """One line, in its one spelling."""
    try:
        found = msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise MalformedEntryError(f"{where}: {exc}") from exc
    if _encode(found).decode() != text:
        raise MalformedEntryError(f"{where}: not its one spelling: something was changed or added")
    return found
