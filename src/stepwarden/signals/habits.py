"""What an actor usually does: devices and places known, hours of the week, attempts in a busy hour.

A habit is learned only from attempts that ended well, and slowly: of each kind of thing at most ``KINDS``
many new ones per actor and UTC day, so that somebody who got in cannot make themselves at home in an hour.
What is over the day's measure stays new. A busy hour raises the baseline by an eighth, and counts as twice
that at most.

All things known are one string of marks, each ``<letter><value>`` ended by a newline, the ones seen last at
the end; that takes a third of the memory of sets, and one comparison tells an ordinary attempt. Beside each mark
stands its count: the UTC days on which an attempt with it ended well. A day counts once, however busy it was, so
that one day moves a share by one day's worth, and thirty days of somebody patient by thirty: never by more than the
person's own thirty days.

>>> habit = Habit()
>>> fresh = habit.learn(marks(Facts(time=0, action="login", device="laptop", country="NO")), 0)
>>> news, counts = habit.look(marks(Facts(time=0, action="login", device="phone", country="NO")))
>>> news
(True, False, False, False, False, False, False)
>>> habit.learn(marks(Facts(time=0, action="login", device="phone", country="NO")), 60)
('Dphone',)
>>> habit.look(marks(Facts(time=0, action="login", device="phone", country="SE")))[1][:4]
[1, 1, 1, 0]

A value that is missing (``""``) is a value like others: an actor always seen without a device id is known
so. But where nothing else is known yet, nothing is new.

Not here: who decides that an attempt ended well (the flow), and what being new weighs (the policy).
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from stepwarden.events.facts import Facts
from stepwarden.signals.records import ENOUGH_HOURS, MOST_HOURS, MOST_LOGINS
from stepwarden.signals.windows import DAY, ENOUGH_BUSY, HOUR, eased

KINDS: Final[dict[str, tuple[int, int]]] = {
    "D": (16, 3),
    "A": (32, 6),
    "N": (24, 4),
    "C": (16, 2),
    "S": (16, 3),
    "U": (16, 3),
    "B": (16, 3),
    "O": (16, 3),
    "T": (8, 2),
}
"""Letter of a kind -> how many are remembered, how many new ones are learned in a day: device, address,
network, country, autonomous system, user agent, browser, as in the catalogue; operating system, type of device."""

NEWS: Final = 7
"""The first kinds have a signal that says whether they are new."""
NOTHING_NEW: Final = (False,) * NEWS
MOST_DAYS: Final = 255
"""A count stops here, and all counts of its kind are halved: what was long ago fades."""
_MANY: Final = len(KINDS)
_PLACE: Final = {letter: place for place, letter in enumerate(KINDS)}
_SUMS: Final = Struct(f">{_MANY}H")
_DAY_BITS: Final = 4 * _MANY
_OFF_DAY: Final = bytes(hour % 24 + (24 if hour >= 120 else 0) for hour in range(168)) + bytes(88)
"""Hour of week (Monday 0:00 UTC is 0) -> hour of day, 24 more at the weekend."""
_NEAR: Final = tuple(bytes(((hour - 1) % 168, hour, (hour + 1) % 168)) for hour in range(168))


def marks(facts: Facts) -> str:
    """The marks of one attempt, in the order of ``KINDS``."""
    found = (
        f"\nD{facts.device}\nA{facts.address}\nN{facts.network}\nC{facts.country}\nS{facts.asn}"
        f"\nU{facts.agent}\nB{facts.browser}\nO{facts.os}\nT{facts.device_type}\n"
    )
    return found if found.count("\n") == _MANY + 1 else _one_line_each(facts)


def _one_line_each(facts: Facts) -> str:
    """A value with a newline in it could pass for two marks."""
    values = (
        *(facts.device, facts.address, facts.network, facts.country, facts.asn),
        *(facts.agent, facts.browser, facts.os, facts.device_type),
    )
    return _joined([letter + value.replace("\n", "\r") for letter, value in zip(KINDS, values, strict=True)])


def hour_of_week(second: int) -> int:
    # 1970 began on a Thursday.
    return (second // HOUR + 72) % 168


class Habit:
    """One actor. ``logins`` attempts ended well, on ``days`` days, the last at ``last``; ``hours`` of week of the
    latest of them.

    ``budget`` is the day (since 1970) times 2**36 plus four bits for each kind: new things learned that day.
    ``busy`` is the mean of good attempts in hours that had any, in thousandths, over ``closed`` such hours;
    the hour of ``last`` is still open, with ``in_hour`` of them. ``counts`` are the sums of each kind, two bytes each,
    then a byte for each mark; the marks in the last ``today`` characters have counted for the day of ``last``.
    """

    __slots__ = (
        "budget",
        "busy",
        "closed",
        "counts",
        "days",
        "hours",
        "in_hour",
        "known",
        "last",
        "logins",
        "today",
    )

    def __init__(self) -> None:
        self.logins = 0
        self.days = 0
        self.last = 0
        self.known = ""
        self.counts = b""
        self.today = 0
        self.hours = b""
        self.budget = 0
        self.busy = 0
        self.closed = 0
        self.in_hour = 0

    def learn(self, seen: str, second: int) -> tuple[str, ...]:
        """Take in an attempt that ended well; gives the marks that had not counted for this day yet."""
        if self.logins < MOST_LOGINS:
            self.logins += 1
        self._learn_rate(second // HOUR)
        # A late attempt belongs to the newest day: going back and forth gives no second one.
        day = max(second, self.last) // DAY
        if not self.days or day > self.last // DAY:
            self.today = 0
            self.days += 1
        if second > self.last:
            self.last = second
        self.hours = self.hours[-(MOST_HOURS - 1) :] + bytes((hour_of_week(second),))
        if self.today and self.known.endswith(seen):
            return ()
        parts = seen[1:-1].split("\n")
        if self.today and self._all_done(parts):
            return ()
        return self._learn_things(parts, day)

    def _all_done(self, parts: list[str]) -> bool:
        """Whether all of it has counted for this day already."""
        known = self.known
        start = len(known) - self.today
        return all(known.find(f"\n{part}\n", start) >= 0 for part in parts)

    def knows_place(self, address: str, network: str) -> bool:
        """Whether an attempt ended well from this address, or from this network."""
        known = self.known
        return f"\nA{address}\n" in known or f"\nN{network}\n" in known

    def look(self, seen: str) -> tuple[tuple[bool, ...], Sequence[int]]:
        """For each kind of ``seen`` (``marks``): whether it is new while others are known, for the first ``NEWS``; on
        how many days it counted."""
        if self.known.endswith(seen):
            return NOTHING_NEW, self.counts[-_MANY:]
        count_of = self._counted().get
        parts = seen[1:-1].split("\n")
        found = [count_of(part, 0) for part in parts]
        if 0 not in found:
            return NOTHING_NEW, found
        return tuple([not found[at] and self._has_others(parts[at][0]) for at in range(NEWS)]), found

    def sums(self) -> tuple[int, ...]:
        """For each kind, the days that all values of it counted: what their counts add up to."""
        return _SUMS.unpack_from(self.counts)

    def _counted(self) -> dict[str, int]:
        """Each mark and its count, the ones seen last at the end."""
        return dict(zip(self.known.split("\n")[1:-1], self.counts[_SUMS.size :], strict=True))

    def _has_others(self, letter: str) -> bool:
        others = self.known.count(f"\n{letter}")
        return others > 1 or (others == 1 and f"\n{letter}\n" not in self.known)

    def _learn_things(self, parts: list[str], day: int) -> tuple[str, ...]:
        known = self._counted()
        first = not known
        done = set(self.known[len(self.known) - self.today :].split("\n"))
        fresh = []
        budget = self.budget
        if day > budget >> _DAY_BITS:
            budget = day << _DAY_BITS
        for place, part in enumerate(parts):
            # Taken out and put back: what is seen now goes to the end.
            count = known.pop(part, 0)
            if not count:
                most, daily = KINDS[part[:1]]
                if not first and budget >> 4 * place & 15 >= daily:
                    continue
                budget += 1 << 4 * place
                _forget(known, part[:1], most - 1)
            if part not in done:
                fresh.append(part)
                count += 1
            known[part] = count
        done.update(fresh)
        self.today = 1 + sum(len(part) + 1 for part in known if part in done)
        self.budget = budget
        self.known = _joined(list(known))
        self.counts = _packed(known)
        return tuple(fresh)

    def _learn_rate(self, hour: int) -> None:
        if hour > self.last // HOUR:
            if self.in_hour:
                self._close_hour()
            self.in_hour = 0
        self.in_hour += 1

    def _close_hour(self) -> None:
        self.busy = eased(self.busy, self.closed, self.in_hour)
        self.closed = min(self.closed + 1, ENOUGH_BUSY)

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


def _forget(known: dict[str, int], letter: str, room: int) -> None:
    """Leave at most ``room`` of this kind: the ones not seen for the longest time go."""
    kind = [part for part in known if part.startswith(letter)]
    for part in kind[: max(0, len(kind) - room)]:
        del known[part]


def _packed(known: dict[str, int]) -> bytes:
    """The sum of each kind, then each count; a kind with a count over ``MOST_DAYS`` is halved, upwards."""
    full = {part[:1] for part, count in known.items() if count > MOST_DAYS}
    sums = [0] * _MANY
    counts = bytearray()
    for part, count in known.items():
        kept = (count + 1) // 2 if part[:1] in full else count
        counts.append(kept)
        sums[_PLACE[part[:1]]] += kept
    return _SUMS.pack(*sums) + counts
