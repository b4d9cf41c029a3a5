"""Records to plain values and back, for a snapshot of the state: MessagePack, in the order of last use.

A snapshot only saves time at the start; the log remains what counts. Who keeps one says with it which entry
it ends at. It holds tokens, no personal value. It is not meant to outlive a version: one of another version
is refused, and the state is folded from the log again.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from stepwarden.errors import InputError
from stepwarden.signals.custom import CustomSignals, CustomSpec, Tally
from stepwarden.signals.habits import Habit
from stepwarden.signals.records import Acting, Activity, Labels, Trouble
from stepwarden.signals.spraying import Spraying, Watch
from stepwarden.signals.surprise import Population
from stepwarden.signals.windows import SiteRate

VERSION: Final = 5
_SUM: Final = 32

FIELDS: Final[dict[type, tuple[str, ...]]] = {
    Activity: ("last", "failures", "successes", "peers"),
    Acting: ("last", "failures", "successes", "peers", "attempts", "actions"),
    Habit: (
        "logins",
        "days",
        "last",
        "known",
        "counts",
        "today",
        "hours",
        "budget",
        "busy",
        "closed",
        "in_hour",
    ),
    Trouble: (
        "prompts",
        "failures",
        "abandoned",
        "attacks",
        "changed",
        "denied",
        "clones",
        "backups",
        "remembered",
    ),
    Labels: ("attacks",),
    Tally: ("last", "times", "usual", "closed", "inside"),
}
"""Every slot of every record (a test compares them)."""
_SPRAYING: Final = ("day", "seen", "hours")
_WATCH: Final = Watch.__slots__


Counted = tuple[int, int, list[int], list[dict[str, int]]]


class Dump(msgspec.Struct, frozen=True, array_like=True):
    """The whole state. ``tables`` by the name of their limit: keys, then one list of fields for each key."""

    version: int
    limits: dict[str, int]
    clock: int
    folds: int
    actions: list[str]
    site: tuple[list[int], list[int], list[int], int, int]
    tables: dict[str, tuple[list[str], list[Any]]]
    population: Counted
    spraying: list[Any]
    custom: dict[str, tuple[list[str], list[Any]]]


def pack(items: dict[str, Any]) -> tuple[list[str], list[Any]]:
    """A table's keys and records, as plain values."""
    return list(items), [_plain(record) for record in items.values()]


def _plain(record: Any) -> Any:
    if isinstance(record, str):
        return record
    return [
        list(value) if isinstance(value, array) else value
        for value in [getattr(record, name) for name in FIELDS[type(record)]]
    ]


def unpack(kind: type, keys: list[str], values: list[Any]) -> dict[str, Any]:
    """What ``pack`` was given, with records of ``kind``."""
    if kind is str:
        return dict(zip(keys, values, strict=True))
    names = FIELDS[kind]
    items: dict[str, Any] = {}
    for key, fields in zip(keys, values, strict=True):
        record = kind()
        for name, value in zip(names, fields, strict=True):
            setattr(record, name, array("I", value) if isinstance(value, list) else value)
        items[key] = record
    return items


def pack_site(site: SiteRate) -> tuple[list[int], list[int], list[int], int, int]:
    return list(site.minutes), list(site.ended), list(site.failed), site.total_ended, site.total_failed


def unpack_site(packed: tuple[list[int], list[int], list[int], int, int]) -> SiteRate:
    site = SiteRate()
    minutes, ended, failed, site.total_ended, site.total_failed = packed
    site.minutes, site.ended, site.failed = array("I", minutes), array("Q", ended), array("Q", failed)
    if minutes:
        site.settle()
    return site


def pack_population(population: Population) -> Counted:
    return population.days, population.people, population.totals, list(population.kinds)


def unpack_population(packed: Counted, limit: int) -> Population:
    population = Population(limit)
    population.days, population.people, population.totals, kinds = packed
    population.kinds = tuple(kinds)
    return population


def pack_spraying(spraying: Spraying) -> list[Any]:
    watches = [[getattr(watch, name) for name in _WATCH] for watch in spraying.watches]
    return [*(getattr(spraying, name) for name in _SPRAYING), watches]


def unpack_spraying(packed: list[Any], limit: int) -> Spraying:
    spraying = Spraying(limit)
    *shared, watches = packed
    for name, value in zip(_SPRAYING, shared, strict=True):
        setattr(spraying, name, value)
    for watch, fields in zip(spraying.watches, watches, strict=True):
        for name, value in zip(_WATCH, fields, strict=True):
            setattr(watch, name, value)
    return spraying


def pack_custom(custom: CustomSignals) -> dict[str, tuple[list[str], list[Any]]]:
    return {identity: pack(table.items) for identity, table in custom.tables().items()}


def unpack_custom(
    packed: dict[str, tuple[list[str], list[Any]]], limit: int, groups: Iterable[Sequence[CustomSpec]]
) -> CustomSignals:
    """Raises: ValueError: these are not the definitions that were in force."""
    custom = CustomSignals(limit)
    custom.define(groups)
    tables = custom.tables()
    if tables.keys() != packed.keys():
        raise ValueError("it has other custom signals than its policies define")
    for identity, table in tables.items():
        table.items = unpack(table.make, *packed[identity])
    return custom


def write_dump(dump: Dump) -> bytes:
    """``dump`` as bytes, behind their SHA-256."""
    body = msgspec.msgpack.encode(dump)
    return hashlib.sha256(body).digest() + body


def read_dump(data: bytes) -> Dump:
    """The plain values of a snapshot.

    Raises:
        InputError: not a snapshot, a damaged one, or one of another version: fold the log instead.
    """
    body = data[_SUM:]
    if hashlib.sha256(body).digest() != data[:_SUM]:
        raise InputError("not a snapshot of signals, or one that was damaged")
    try:
        dump = msgspec.msgpack.decode(body, type=Dump)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InputError(f"not a snapshot of signals: {exc}") from exc
    if dump.version != VERSION:
        raise InputError(f"a snapshot of version {dump.version}; this version reads {VERSION}")
    return dump
