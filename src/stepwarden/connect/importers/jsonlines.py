"""Our own JSON lines: the fields of an attempt (``events.attempt``), with ``time`` and, optionally, ``source``, ``id``.

>>> log = ['{"time":"2026-01-01T00:00:00Z","action":"login","actor":"ann","ip":"192.0.2.7","outcome":"success"}']
>>> [item] = JsonLines().read(log, "attempts.jsonl")
>>> item.time, item.attempt.outcome
(1767225600000000, 'success')

This is what ``POST /v1/events`` takes, and as strict: a record with an unknown field or a value out of its limits is
``Unknown``, with the reason. ``source`` in the record, if there, replaces the file's name.
"""

from collections.abc import Iterable, Iterator

import msgspec

from stepwarden.connect.importers.base import Imported, Item, Unknown, shorten
from stepwarden.connect.importers.clean import text
from stepwarden.connect.importers.jsonrecords import read_records
from stepwarden.connect.importers.times import parse_time
from stepwarden.events.attempt import Attempt


class JsonLines:
    """The importer ``stepwarden``."""

    name = "stepwarden"

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Every record."""
        for number, record in read_records(blocks):
            if isinstance(record, str):
                yield Unknown(number, shorten(record), "no JSON object")
            else:
                yield _convert(record, number, source)


def _convert(record: dict[str, object], number: int, source: str) -> Item:
    fields = dict(record)
    time = parse_time(fields.pop("time", None))
    named = text(fields.pop("source", None))
    event_id = text(fields.pop("id", None))
    try:
        attempt = msgspec.convert(fields, Attempt)
        shown = ""
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        shown = str(exc)
    if shown or time is None:
        return Unknown(number, shorten(repr(record)), shorten(shown) or "no time that can be read")
    return Imported(attempt, time, named or source, number, event_id)
