"""What an actor usually does: devices and places known, hours of the week, attempts in a busy hour.

A habit is learned only from attempts that ended well, and slowly: of each kind of thing at most ``KINDS``
many new ones per actor and UTC day, so that somebody who got in cannot make themselves at home in an hour.
What is over the day's measure stays new. A busy hour raises the baseline by an eighth, and counts as twice
that at most.

All things known are one string of marks, each ``<letter><value>`` ended by a newline, the ones seen last at
the end; that takes a third of the memory of sets, and one comparison tells an ordinary attempt.

>>> habit = Habit()
>>> habit.learn(marks(Facts(time=0, action="login", device="laptop", country="NO")), 0)
>>> new_things(habit.known, marks(Facts(time=0, action="login", device="phone", country="NO")))
(True, False, False, False, False, False, False)

A value that is missing (``""``) is a value like others: an actor always seen without a device id is known
so. But where nothing else is known yet, nothing is new.

Not here: who decides that an attempt ended well (the flow), and what being new weighs (the policy).
"""

from typing import Final

from stepwarden.events.facts import Facts
from stepwarden.signals.records import ENOUGH_BUSY, ENOUGH_HOURS, MOST_HOURS, MOST_LOGINS
from stepwarden.signals.windows import DAY, HOUR

KINDS: Final[dict[str, tuple[int, int]]] = {
    "D": (16, 3),
    "A": (32, 6),
    "N": (24, 4),
    "C": (16, 2),
    "S": (16, 3),
    "U": (16, 3),
    "B": (16, 3),
}
"""Letter of a kind -> how many are remembered, how many new ones are learned in a day: device, address,
network, country, autonomous system, user agent, browser, as in the catalogue."""

NOTHING_NEW: Final = (False,) * len(KINDS)
_OFF_DAY: Final = bytes(hour % 24 + (24 if hour >= 120 else 0) for hour in range(168)) + bytes(88)
"""Hour of week (Monday 0:00 UTC is 0) -> hour of day, 24 more at the weekend."""
_NEAR: Final = tuple(bytes(((hour - 1) % 168, hour, (hour + 1) % 168)) for hour in range(168))


def marks(facts: Facts) -> str:
    """The marks of one attempt, in the order of ``KINDS``."""
    return (
        f"\nD{facts.device}\nA{facts.address}\nN{facts.network}\nC{facts.country}"
        f"\nS{facts.asn}\nU{facts.agent}\nB{facts.browser}\n"
    )


def new_things(known: str, seen: str) -> tuple[bool, ...]:
    """For each kind, whether ``seen`` (``marks``) has a value that is not ``known`` while others are."""
    if known.endswith(seen):
        return NOTHING_NEW
    return tuple([_is_new(known, part) for part in seen[1:-1].split("\n")])


def _is_new(known: str, part: str) -> bool:
    if f"\n{part}\n" in known:
        return False
    letter = part[:1]
    others = known.count(f"\n{letter}")
    return others > 1 or (others == 1 and f"\n{letter}\n" not in known)


def hour_of_week(second: int) -> int:
    # 1970 began on a Thursday.
    return (second // HOUR + 72) % 168


class Habit:
    """One actor. ``logins`` attempts ended well, the last at ``last``; ``hours`` of week of the latest of
    them.

    ``budget`` is the day (since 1970) times 2**28 plus four bits for each kind: new things learned that day.
    ``busy`` is the mean of good attempts in hours that had any, in thousandths, over ``closed`` such hours;
    the hour of ``last`` is still open, with ``in_hour`` of them.
    """

    __slots__ = ("budget", "busy", "closed", "hours", "in_hour", "known", "last", "logins")

    def __init__(self) -> None:
        self.logins = 0
        self.last = 0
        self.known = ""
        self.hours = b""
        self.budget = 0
        self.busy = 0
        self.closed = 0
        self.in_hour = 0

    def learn(self, seen: str, second: int) -> None:
        """Take in an attempt that ended well."""
        if self.logins < MOST_LOGINS:
            self.logins += 1
        self._learn_rate(second // HOUR)
        if second > self.last:
            self.last = second
        if not self.known:
            self.known = seen
            self.budget = (second // DAY) << 28 | 0x1111111
        elif not self.known.endswith(seen):
            self._learn_things(seen, second // DAY)
        self.hours = self.hours[-(MOST_HOURS - 1) :] + bytes((hour_of_week(second),))

    def _learn_things(self, seen: str, day: int) -> None:
        parts = dict.fromkeys(seen[1:-1].split("\n"))
        before = self.known[1:-1].split("\n")
        # What is seen now goes to the end; in most cases all of it is known.
        after = [part for part in before if part not in parts]
        if len(after) + len(parts) == len(before):
            self.known = _joined([*after, *parts])
            return
        budget = self.budget
        # A late attempt draws on the newest day's measure: going back and forth gives no second one.
        if day > budget >> 28:
            budget = day << 28
        for place, part in enumerate(parts):
            most, daily = KINDS[part[:1]]
            if part in before:
                after.append(part)
            elif budget >> 4 * place & 15 < daily:
                budget += 1 << 4 * place
                _forget(after, part[:1], most - 1)
                after.append(part)
        self.known = _joined(after)
        self.budget = budget

    def _learn_rate(self, hour: int) -> None:
        if hour > self.last // HOUR:
            if self.in_hour:
                self._close_hour()
            self.in_hour = 0
        self.in_hour += 1

    def _close_hour(self) -> None:
        found = self.in_hour * 1000
        if self.closed:
            self.busy += (min(found, 2 * self.busy + 1000) - self.busy) // 8
        else:
            self.busy = min(found, 10_000)
        self.closed = min(self.closed + 1, ENOUGH_BUSY)

    def rate_lift(self, in_last_hour: int) -> int:
        """Attempts in the last hour in percent of a usual busy hour; 0 before enough hours were seen."""
        if self.closed < ENOUGH_BUSY:
            return 0
        return 100_000 * in_last_hour // max(self.busy, 1000)

    def near_hour(self, second: int) -> tuple[int, bool]:
        """Good attempts remembered within an hour of this hour of week; whether this time of day is
        unusual."""
        hours = self.hours
        now = hour_of_week(second)
        near = len(hours) - len(hours.translate(None, _NEAR[now]))
        if near or len(hours) < ENOUGH_HOURS:
            return near, False
        days = hours.translate(_OFF_DAY)
        base = _OFF_DAY[now] // 24 * 24
        return 0, not any(base + (now + step) % 24 in days for step in (-1, 0, 1))


def _joined(parts: list[str]) -> str:
    return "\n" + "\n".join(parts) + "\n"


def _forget(parts: list[str], letter: str, room: int) -> None:
    """Leave at most ``room`` of this kind: the ones not seen for the longest time go."""
    kind = [part for part in parts if part.startswith(letter)]
    for part in kind[: max(0, len(kind) - room)]:
        parts.remove(part)
