"""What all JSON formats share: records in, and for each of them attempts, a reason to skip, or ``Unknown``.

A format is one function, its converter: it gets a record whose keys are in lower case, and returns what it found, a
``Skipped``, or ``None`` for "not of my format". It may raise ``InputError`` for a record that cannot be placed
(mostly: without a time), which then becomes an ``Unknown`` with that message.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from stepwarden.connect.importers.base import Imported, Item, Skipped, Unknown, shorten
from stepwarden.connect.importers.clean import Folded, fold
from stepwarden.connect.importers.jsonrecords import read_records
from stepwarden.errors import InputError
from stepwarden.events.attempt import Attempt, Outcome

NOT_OURS = "no importer knows this record"


class Found(NamedTuple):
    """An attempt in a record, its time (microseconds since 1970 UTC) and the vendor's id of it."""

    attempt: Attempt
    time: int
    event_id: str = ""


Converted = Sequence[Found] | Skipped | None
Converter = Callable[[Folded], Converted]


def read_json(blocks: Iterable[str], source: str, convert: Converter) -> Iterator[Item]:
    """Every record of the text, converted."""
    for number, record in read_records(blocks):
        if isinstance(record, str):
            yield Unknown(number, shorten(record), "no JSON object")
        else:
            yield from items(record, number, source, convert)


def items(record: dict[str, object], number: int, source: str, convert: Converter) -> Iterator[Item]:
    """One record, converted."""
    try:
        found = convert(fold(record))
    except InputError as exc:
        yield _unknown(record, number, str(exc))
        return
    if found is None:
        yield _unknown(record, number, NOT_OURS)
    elif isinstance(found, Skipped):
        yield found
    else:
        for attempt, time, event_id in found:
            yield Imported(attempt, time, source, number, event_id)


def _unknown(record: dict[str, object], number: int, reason: str) -> Unknown:
    try:
        text = msgspec.json.encode(record).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        text = ", ".join(map(str, record))
    return Unknown(number, shorten(text), reason)


def outcome_of(good: bool | None) -> Outcome:
    """``True`` is a success, ``False`` a failure, ``None`` neither."""
    if good is None:
        return "unknown"
    return "success" if good else "failure"
