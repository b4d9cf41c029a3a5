"""What is remembered of one actor, address, network, device or session, as small as it can be, and the
bounded tables that hold it.

``Activity`` and ``Acting`` hold what is counted over at most a day; a record unused for ``KEPT`` seconds
can no longer change any count and is dropped. ``Habit`` holds what an actor usually does, for as long as
the table has room. ``Trouble`` is kept only for actors that had any.

A ``Table`` never holds more than its limit: when it is full, those that were not used for the longest time
go, a few at once. That is deterministic: it depends on the entries folded, never on time of day, hash or
memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, Generic, TypeVar

from stepwarden.signals.windows import DAY, HOUR, MINUTE, NONE, Peers, Times, add, count, counts, meet

R = TypeVar("R")

MOST_LOGINS: Final = 1_000
MOST_HOURS: Final = 96
ENOUGH_HOURS: Final = 20
LABELS_KEPT: Final = 90 * DAY
MOST_REMEMBERED: Final = 20
"""Remembered devices of one actor."""
LONGEST_HOURS: Final = 8_760
NO_ACTION: Final = 256
"""Stands for an action that was never attempted."""
NO_ENDS: Final = NONE + NONE
_BYTES: Final = tuple(bytes((number,)) for number in range(256))


class Table(Generic[R]):
    """Records by key, at most ``limit``, in the order of their last use."""

    __slots__ = ("items", "limit", "make")

    def __init__(self, limit: int, make: type[R]) -> None:
        self.items: dict[str, R] = {}
        self.limit = limit
        self.make = make

    def use(self, key: str) -> R:
        """The record of ``key``, made if there is none, now the one used last."""
        items = self.items
        record = items.pop(key, None)
        if record is None:
            record = self.make()
            if len(items) >= self.limit:
                self.shrink(self.limit - 1)
        items[key] = record
        return record

    def put(self, key: str, record: R) -> None:
        self.items.pop(key, None)
        if len(self.items) >= self.limit:
            self.shrink(self.limit - 1)
        self.items[key] = record

    def bound(self, limit: int) -> None:
        """From now on at most ``limit`` records."""
        self.limit = limit
        self.shrink(limit)

    def shrink(self, room: int) -> None:
        """Drop the least recently used until ``room`` are left, and a batch more.

        A dict's first key is found by walking over what was taken out before it; a batch shares that walk.
        """
        surplus = len(self.items) - room
        if surplus > 0:
            self._drop(list(islice(self.items, surplus + min(room // 64, 1_023))))

    def drop_unused(self, unused: Callable[[R], bool]) -> None:
        """Drop from the least recently used on, up to the first that is not ``unused``."""
        self._drop(list(self._unused(unused)))

    def _unused(self, unused: Callable[[R], bool]) -> Iterator[str]:
        for key, record in self.items.items():
            if not unused(record):
                return
            yield key

    def _drop(self, keys: list[str]) -> None:
        for key in keys:
            del self.items[key]


class Activity:
    """A day of one address, network or device: failures, successes, and which actors were tried from it."""

    __slots__ = ("failures", "last", "peers", "successes")

    def __init__(self) -> None:
        self.last = 0
        self.failures: Times | None = None
        self.successes: Times | None = None
        self.peers: Peers = None

    def ends(self, now: int) -> tuple[int, ...]:
        """Failures, then successes, in four windows each."""
        if self.last < now - DAY:
            return NO_ENDS
        if self.failures is None:
            return NONE + counts(self.successes, now)
        return counts(self.failures, now) + counts(self.successes, now)

    def tried(self, peer: str, second: int) -> None:
        # A lone peer's time is `last`: `meet` has to know it from before this attempt.
        if peer != self.peers or not peer:
            self.peers = meet(self.peers, peer, second, self.last)
        if second > self.last:
            self.last = second


class Acting(Activity):
    """A day of one actor; the peers are addresses. ``actions[i]`` is what was attempted at
    ``attempts[i]``."""

    __slots__ = ("actions", "attempts")

    def __init__(self) -> None:
        super().__init__()
        self.attempts: Times | None = None
        self.actions = b""

    def acted(self, action: int, second: int) -> None:
        before = self.attempts
        actions = self.actions
        if before is None or second >= (before if isinstance(before, int) else before[-1]):
            actions += _BYTES[action]
        else:
            # A late one goes where its time goes.
            place = 0 if isinstance(before, int) else bisect_right(before, second)
            actions = actions[:place] + _BYTES[action] + actions[place:]
        after = self.attempts = add(before, second)
        # What `add` forgets at the front goes from here too.
        kept = 1 if isinstance(after, int) else len(after)
        self.actions = actions if len(actions) == kept else actions[-kept:]

    def tries(self, action: int, now: int) -> tuple[int, ...]:
        """Attempts in four windows; then how many of this action within the last hour and 24 hours."""
        times = self.attempts
        if times is None:
            return (0, 0, 0, 0, 0, 0)
        found = counts(times, now)
        _, _, hour, day = found
        if not day or action == NO_ACTION:
            return (*found, 0, 0)
        actions = self.actions
        # A lone time that is counted at all is not after now.
        stop = len(actions) if isinstance(times, int) or times[-1] <= now else bisect_right(times, now)
        return (
            *found,
            actions.count(action, stop - hour, stop) if hour else 0,
            actions.count(action, stop - day, stop),
        )


AnyActivity = TypeVar("AnyActivity", bound=Activity)


def end(table: Table[AnyActivity], key: str, peer: str, second: int, failed: bool) -> None:
    record = table.items.get(key)
    if record is None:
        # Forgotten between the attempt and its end.
        record = table.use(key)
        record.tried(peer, second)
    if failed:
        record.failures = add(record.failures, second)
    else:
        record.successes = add(record.successes, second)


class Trouble:
    """What went wrong around one actor, and what speaks for them. ``changed`` is the second of the last change of a
    credential, 0 none; ``remembered`` their remembered devices, a line ``<device> <second until>`` each."""

    __slots__ = (
        "abandoned",
        "attacks",
        "backups",
        "changed",
        "clones",
        "denied",
        "failures",
        "prompts",
        "remembered",
    )

    def __init__(self) -> None:
        self.prompts: Times | None = None
        self.failures: Times | None = None
        self.abandoned: Times | None = None
        self.attacks: Times | None = None
        self.changed = 0
        self.denied: Times | None = None
        self.clones: Times | None = None
        self.backups: Times | None = None
        self.remembered = ""

    def remember(self, device: str, until: int) -> None:
        """A device may say who it is until this second; of too many the oldest goes."""
        kept = [one for one in self.devices() if one[0] != device]
        self._keep([*kept, (device, until)][-MOST_REMEMBERED:])

    def forget_device(self, device: str) -> None:
        """It may no more; empty: none may."""
        self._keep([one for one in self.devices() if device and one[0] != device])

    def _keep(self, devices: list[tuple[str, int]]) -> None:
        self.remembered = "\n".join(f"{name} {until}" for name, until in devices)

    def knows(self, device: str, now: int) -> bool:
        """Whether this device is remembered at ``now``."""
        return any(name == device and now < until for name, until in self.devices())

    def devices(self) -> list[tuple[str, int]]:
        """The remembered devices, and until which second."""
        lines = (line.partition(" ") for line in self.remembered.splitlines())
        return [(name, int(until)) for name, _, until in lines]

    def values(self, now: int) -> tuple[tuple[int, ...], int]:
        """Prompts, wrong answers, abandoned and denied challenges, hours since a change, what befell passkeys; then
        attacks."""
        return (
            count(self.prompts, now, 10 * MINUTE),
            count(self.failures, now, HOUR),
            count(self.abandoned, now, DAY),
            count(self.denied, now, DAY),
            count(self.clones, now, LABELS_KEPT),
            count(self.backups, now, LABELS_KEPT),
            -1 if not self.changed else min(LONGEST_HOURS, max(0, now - self.changed) // HOUR),
        ), count(self.attacks, now, LABELS_KEPT)


class Labels:
    """Attempts from one address that somebody called attacks."""

    __slots__ = ("attacks",)

    def __init__(self) -> None:
        self.attacks: Times | None = None


def withdraw(times: Times | None) -> Times | None:
    """``times`` without its newest event: a label that was taken back, a prompt that was passed."""
    if times is None or isinstance(times, int) or len(times) == 1:
        return None
    return times[:-1]
