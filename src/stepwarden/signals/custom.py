"""Signals that a policy defines for itself, from a few primitives, each over a key of its own.

    count        events of this key within the window
    distinct     different values of one thing (``of``) within the window, for this key
    rate         the events within the window, in percent of this key's own usual window that had any
    first_seen   whether nothing of this key ever ended well
    last_value   that thing (``of``) in the newest attempt of this key that ended well
    changed      whether it was another one then than it is now

When something is taken in: ``count``, ``distinct`` and ``rate`` take in an attempt when it is decided; if their filter
asks for the outcome, when it has ended, and an attempt whose end nobody reports is not in them. ``first_seen``,
``last_value`` and ``changed`` learn from attempts that ended well and had been allowed, as habits do. So an attempt
never counts itself, and no filter sees what is not known yet.

An attempt that lacks a part of the key belongs to no key: it counts for none, and has the defaults, but that it was
never seen. A thing that is missing is not counted or remembered; missing where another was known, it has changed.

A filter that raises fails towards more: the attempt is counted, and nothing is learned from it.

A signal is what its definition says, not its name: two policies may call different things the same, and the same thing
differently. What no policy in force defines any more is forgotten, and begins anew if it comes back.

Bounded: a policy has ``limits.custom`` keys in all, shared equally among its signals; per key 256 events or 64 values
(``windows``). Of too many keys those unused for the longest time go. A policy beside another (shadow, canary) has as
many again, and takes none from it.

Not here: reading definitions and filters (``policy.custom``): a filter comes as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final, Literal

import msgspec

from stepwarden.events.facts import Facts
from stepwarden.signals.catalogue import SignalSpec, Value
from stepwarden.signals.records import Activity, Table
from stepwarden.signals.windows import (
    DAY,
    ENOUGH_BUSY,
    LATE,
    MINUTE,
    MOST_TIMES,
    Times,
    add,
    count,
    distinct_within,
    eased,
    lift,
    second_of,
)

Primitive = Literal["count", "distinct", "rate", "first_seen", "last_value", "changed"]

MOST_SIGNALS: Final = 32
"""Of one policy."""
SHORTEST: Final = MINUTE
LONGEST: Final = 30 * DAY
WINDOWED: Final = ("count", "distinct", "rate")
"""Primitives with a window; the others learn from what ended well."""
OF_SOMETHING: Final = ("distinct", "last_value", "changed")
THINGS: Final = (
    *("actor", "address", "network", "device", "session", "agent", "resource", "country", "asn", "action"),
    *("browser", "os", "device_type"),
)
"""What a key may be made of, and what may be counted; those that are personal are tokens."""
SHOWN: Final = ("country", "asn", "action", "browser", "os", "device_type")
"""What ``last_value`` may give: texts that rules can compare with."""
DEFAULTS: Final[dict[Primitive, Value]] = {
    "count": 0,
    "distinct": 0,
    "rate": 0,
    "first_seen": False,
    "last_value": "",
    "changed": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomSpec(SignalSpec):
    """One definition. ``window`` in seconds, 0 where there is none; no ``key`` stands for the whole site.

    ``filter`` is the text of a condition and ``matches`` what it says of an attempt: no filter takes in everything.
    ``ended``: it asks for the outcome.
    """

    primitive: Primitive
    key: tuple[str, ...]
    window: int = 0
    of: str = ""
    filter: str = ""
    ended: bool = False
    matches: Callable[[Facts], bool] | None = field(default=None, compare=False)
    identity: str = field(init=False)
    """What makes it this signal and no other."""

    def __post_init__(self) -> None:
        parts = [self.primitive, sorted(self.key), self.window, self.of, self.filter]
        object.__setattr__(self, "identity", msgspec.json.encode(parts).decode())


class Tally:
    """Events of one key, the newest at ``last``. Of a rate: ``usual`` is the mean of windows that had any, in
    thousandths, over ``closed`` such windows; the one of ``last`` is still open, with ``inside`` events."""

    __slots__ = ("closed", "inside", "last", "times", "usual")

    def __init__(self) -> None:
        self.last = 0
        self.times: Times | None = None
        self.usual = 0
        self.closed = 0
        self.inside = 0

    def counted(self, second: int, window: int) -> None:
        self.times = add(self.times, second, window + LATE)
        self.last = max(self.last, second)

    def rated(self, second: int, window: int) -> None:
        """The same, for a rate. A late event belongs to the window that is open."""
        if second // window > self.last // window:
            if self.inside:
                self.usual = eased(self.usual, self.closed, self.inside)
                self.closed = min(self.closed + 1, ENOUGH_BUSY)
            self.inside = 0
        # No more than a count can reach, or a busy key could never be above its usual.
        self.inside = min(self.inside + 1, MOST_TIMES)
        self.counted(second, window)

    def lift(self, now: int, window: int) -> int:
        """Percent of the usual; 0 before enough windows were seen."""
        return lift(self.usual, self.closed, count(self.times, now, window))


class Kept:
    """One signal: what it remembers, by key."""

    __slots__ = ("ended", "key", "learns", "matches", "of", "primitive", "table", "window")

    def __init__(self, spec: CustomSpec, limit: int) -> None:
        self.primitive = spec.primitive
        self.window = spec.window
        self.matches = spec.matches
        self.key = _key_of(spec.key)
        self.of: Callable[[Facts], str] | None = attrgetter(spec.of) if spec.of else None
        self.learns = spec.primitive not in WINDOWED
        self.ended = spec.ended or self.learns
        self.table: Table[Any] = Table(limit, RECORDS[spec.primitive])

    def take(self, facts: Facts, second: int) -> None:
        """Take in an attempt, if it is one of those that count."""
        key = self.key(facts)
        if key is None:
            return
        if self.matches is not None:
            try:
                if not self.matches(facts):
                    return
            except Exception:  # noqa: BLE001 - whatever it raises: rather count too much, and learn too little
                if self.learns:
                    return
        self._put(key, "" if self.of is None else self.of(facts), second)

    def _put(self, key: str, thing: str, second: int) -> None:
        if self.primitive == "count":
            self.table.use(key).counted(second, self.window)
        elif self.primitive == "rate":
            self.table.use(key).rated(second, self.window)
        elif self.primitive == "first_seen":
            self.table.put(key, "")
        elif thing and self.primitive == "distinct":
            self.table.use(key).tried(thing, second)
        elif thing:
            known = self.table.items.get(key, "0 ")
            # What is late does not replace what is newer.
            newer = int(known.partition(" ")[0]) > second
            self.table.put(key, known if newer else f"{second} {thing}")

    def value(self, facts: Facts, now: int) -> Value:
        """What it says of an attempt at ``now``, which is not in it."""
        key = self.key(facts)
        found = None if key is None else self.table.items.get(key)
        if self.primitive == "first_seen":
            return found is None
        if found is None:
            return DEFAULTS[self.primitive]
        if self.primitive == "count":
            return count(found.times, now, self.window)
        if self.primitive == "distinct":
            return distinct_within(found.peers, now, found.last, self.window)
        if self.primitive == "rate":
            return int(found.lift(now, self.window))
        last = str(found.partition(" ")[2])
        if self.primitive == "last_value":
            return last
        return self.of is not None and self.of(facts) != last

    def sweep(self, clock: int) -> None:
        """Drop what the window reaches no more. A rate's baseline and what was learned stay while there is room."""
        if self.primitive in ("count", "distinct"):
            start = clock - self.window - LATE
            self.table.drop_unused(lambda record: record.last < start)


class CustomSignals:
    """All that the policies in force define, and what is remembered for it."""

    __slots__ = ("_at_attempt", "_at_end", "_groups", "_limit", "_watched", "kept")

    def __init__(self, limit: int) -> None:
        self.kept: dict[str, Kept] = {}
        self._limit = limit
        self._groups: tuple[tuple[CustomSpec, ...], ...] = ()
        self._watched: tuple[tuple[CustomSpec, ...], ...] = ()
        self._at_attempt: tuple[Kept, ...] = ()
        self._at_end: tuple[Kept, ...] = ()

    def define(self, groups: Iterable[Sequence[CustomSpec]]) -> None:
        """From now on these are the definitions in force, one group for each policy."""
        self._groups = tuple(map(tuple, groups))
        self._arrange()

    def watch(self, groups: Iterable[Sequence[CustomSpec]]) -> None:
        """Keep these too, whatever is in force: for who recomputes a log by another policy. Not in a dump."""
        self._watched = tuple(map(tuple, groups))
        self._arrange()

    def limit(self, limit: int) -> None:
        self._limit = limit
        self._arrange()

    def _arrange(self) -> None:
        specs: dict[str, CustomSpec] = {}
        rooms: dict[str, int] = {}
        for group in (*self._groups, *self._watched):
            for spec in group:
                specs[spec.identity] = spec
                room = max(1, self._limit // len(group))
                rooms[spec.identity] = max(room, rooms.get(spec.identity, 0))
        before = self.kept
        # In the order of their text, so that equal states give equal bytes.
        self.kept = {}
        for identity in sorted(specs):
            kept = before.get(identity) or Kept(specs[identity], rooms[identity])
            kept.table.bound(rooms[identity])
            self.kept[identity] = kept
        self._at_attempt = tuple(kept for kept in self.kept.values() if not kept.ended)
        self._at_end = tuple(kept for kept in self.kept.values() if kept.ended)

    def attempted(self, facts: Facts, second: int) -> None:
        """There was this attempt; its outcome, if the facts have one, is not looked at."""
        for kept in self._at_attempt:
            kept.take(facts, second)

    def ended(self, facts: Facts, second: int, *, learn: bool) -> None:
        """The attempt has ended, well or not; ``learn``: well, and it had been allowed."""
        for kept in self._at_end:
            if learn or not kept.learns:
                kept.take(facts, second)

    def values(self, facts: Facts, specs: Sequence[CustomSpec]) -> tuple[Value, ...]:
        """What these signals say of an attempt at ``facts.time``. Pure.

        Raises:
            ValueError: one of them is not defined here.
        """
        now = second_of(facts.time)
        found = []
        for spec in specs:
            kept = self.kept.get(spec.identity)
            if kept is None:
                raise ValueError(f"the signal {spec.name} was never defined to this state")
            found.append(kept.value(facts, now))
        return tuple(found)

    def sweep(self, clock: int) -> None:
        for kept in self.kept.values():
            kept.sweep(clock)

    def tables(self) -> dict[str, Table[Any]]:
        """By definition, those that a policy in force has."""
        ours = {spec.identity for group in self._groups for spec in group}
        return {identity: kept.table for identity, kept in self.kept.items() if identity in ours}


RECORDS: Final[dict[Primitive, type]] = {
    "count": Tally,
    "distinct": Activity,
    "rate": Tally,
    "first_seen": str,
    "last_value": str,
    "changed": str,
}


def _key_of(names: tuple[str, ...]) -> Callable[[Facts], str | None]:
    """How to find the key of an attempt; None where a part of it is missing."""
    if not names:
        return lambda facts: ""
    if len(names) == 1:
        one = attrgetter(names[0])
        return lambda facts: one(facts) or None
    many = attrgetter(*sorted(names))

    def key(facts: Facts) -> str | None:
        parts: tuple[str, ...] = many(facts)
        if not all(parts):
            return None
        found = "\n".join(parts)
        if found.count("\n") == len(parts) - 1:
            return found
        # A value with a newline in it could pass for two parts.
        return "\n".join(part.replace("\n", "\r") for part in parts)

    return key
