"""Primitives over time: a windowed count, a bounded set of who was seen, a site's rate against its own past.

Time here is in whole seconds (``second_of``). The window of ``w`` seconds before ``now`` holds what
happened from ``now - w`` on and not after ``now``; what happened earlier within the second of ``now`` is in
it.

>>> times = add(None, 1_000)
>>> times = add(times, 1_050)
>>> counts(times, 1_060)
(2, 2, 2, 2)
>>> counts(times, 1_061)
(1, 2, 2, 2)

Out of order: an event up to an hour (``LATE``) older than the newest is counted where it belongs. An older
one may not be counted any more. Nothing raises, and no count is ever negative.

Not here: for whom something is counted (``records``, ``state``).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort_right
from typing import Final, TypeAlias

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
LATE: Final = HOUR
KEPT: Final = DAY + LATE
"""Seconds for which something is kept that is counted over at most a day."""

MOST_TIMES: Final = 256
"""A count stops here: of more events than this only the latest are kept."""
MOST_PEERS: Final = 64
"""A count of different things stops here."""
ENOUGH_BUSY: Final = 5
"""Busy periods that make a usual number."""

NEWEST: Final = 2**32 - 1
NONE: Final = (0, 0, 0, 0)

Times: TypeAlias = "int | array[int]"
"""Seconds, ascending, at most ``MOST_TIMES``, four bytes each; one alone is a bare int, and none is ``None``."""
Peers: TypeAlias = str | dict[str, int] | None
"""Whom a record was seen with, and when last; a lone ``str`` was seen when the record was last used."""


def second_of(microseconds: int) -> int:
    """Whole seconds since 1970, held within what four bytes can hold (1970 to 2106)."""
    second = microseconds // 1_000_000
    return second if 0 <= second <= NEWEST else (0 if second < 0 else NEWEST)


def add(times: Times | None, second: int, kept: int = KEPT) -> Times:
    """``times`` with one event more; forgets what is ``kept`` seconds older than the newest."""
    if times is None:
        return second
    if isinstance(times, int):
        first, last = (times, second) if times <= second else (second, times)
        return last if first < last - kept else array("I", (first, last))
    if second >= times[-1]:
        times.append(second)
    else:
        insort_right(times, second)
        second = times[-1]
    if times[0] < second - kept:
        del times[: bisect_left(times, second - kept)]
    elif len(times) > MOST_TIMES:
        del times[0]
    return times


def counts(times: Times | None, now: int) -> tuple[int, int, int, int]:
    """How many within the last minute, 10 minutes, hour and 24 hours."""
    if times is None:
        return NONE
    if isinstance(times, int):
        if times < now - DAY or times > now:
            return NONE
        if times < now - HOUR:
            return (0, 0, 0, 1)
        return (1 if times >= now - MINUTE else 0, 1 if times >= now - 10 * MINUTE else 0, 1, 1)
    stop = len(times)
    first = times[0]
    last = times[-1]
    if last > now:
        stop = bisect_right(times, now)
        if not stop:
            return NONE
        last = times[stop - 1]
    if last < now - DAY:
        return NONE
    # The ends tell most of it: a bisection costs more than all else here.
    day = 0 if first >= now - DAY else bisect_left(times, now - DAY, 0, stop)
    if last < now - HOUR:
        return (0, 0, 0, stop - day)
    hour = 0 if first >= now - HOUR else bisect_left(times, now - HOUR, day, stop)
    if last < now - 10 * MINUTE:
        return (0, 0, stop - hour, stop - day)
    ten = bisect_left(times, now - 10 * MINUTE, hour, stop)
    if last < now - MINUTE:
        return (0, stop - ten, stop - hour, stop - day)
    return (stop - bisect_left(times, now - MINUTE, ten, stop), stop - ten, stop - hour, stop - day)


def count(times: Times | None, now: int, window: int) -> int:
    """How many within the last ``window`` seconds."""
    if times is None:
        return 0
    if isinstance(times, int):
        return 1 if now - window <= times <= now else 0
    return max(0, bisect_right(times, now) - bisect_left(times, now - window))


def meet(peers: Peers, peer: str, second: int, last: int) -> Peers:
    """``peers`` after ``peer`` was seen at ``second``; ``last`` is when the record was last used before.

    Most records only ever meet one, so that one is kept as the bare string. With more than ``MOST_PEERS``
    the one not seen for the longest time goes.
    """
    if peers is None:
        # An unnamed one was here later: its time is not this one's.
        return (peer if second >= last else {peer: second}) if peer else None
    if peers.__class__ is str:
        if peers == peer:
            return peers
        peers = {peers: last}
    if not peer:
        return peers
    # Taken out and put back, so that the dict's order is the order of being seen.
    peers[peer] = max(peers.pop(peer, 0), second)  # type: ignore[index, union-attr]
    if len(peers) > MOST_PEERS:
        del peers[next(iter(peers))]  # type: ignore[union-attr]
    return peers


def distinct(peers: Peers, now: int, last: int) -> tuple[int, int]:
    """How many different peers were last seen within the last hour and 24 hours, or later than ``now``."""
    if peers is None:
        return (0, 0)
    if isinstance(peers, str):
        return (1 if last >= now - HOUR else 0, 1 if last >= now - DAY else 0)
    # Nearly sorted already, so sorting is quicker than a loop of our own: a third of its time.
    seconds = sorted(peers.values())
    known = len(seconds)
    if seconds[0] >= now - HOUR:
        return (known, known)
    return (known - bisect_left(seconds, now - HOUR), known - bisect_left(seconds, now - DAY))


def distinct_within(peers: Peers, now: int, last: int, window: int) -> int:
    """How many different peers were last seen within the last ``window`` seconds, or later than ``now``."""
    if peers is None:
        return 0
    since = now - window
    if isinstance(peers, str):
        return 1 if last >= since else 0
    return sum(second >= since for second in peers.values())


def eased(usual: int, closed: int, found: int) -> int:
    """A usual number, in thousandths, after one period more: an eighth nearer to the ``found`` in it.

    A busy period counts as twice the usual and one more at most, the first (``closed`` is 0) as 10 at most.
    """
    if closed:
        return usual + (min(found * 1000, 2 * usual + 1000) - usual) // 8
    return min(found * 1000, 10_000)


def lift(usual: int, closed: int, found: int) -> int:
    """``found`` in percent of the ``usual`` number (``eased``), which is 1 at least; 0 before enough periods."""
    return 100_000 * found // max(usual, 1000) if closed >= ENOUGH_BUSY else 0


_NO_SUMS: Final = (-1, 0, 0, 0, 0, 0)


class SiteRate:
    """How many of all ended attempts failed, by the minute over a week: sums up to each minute that had any.

    A late event counts in the newest minute. Windows are of whole minutes.
    """

    __slots__ = ("_latest", "ended", "failed", "minutes", "total_ended", "total_failed")

    WEEK: Final = 7 * 24 * 60
    ENOUGH: Final = 200
    """Ended attempts that the week must hold before there is a baseline."""
    PRIOR: Final = 20
    """As many attempts at the baseline's rate are added to the hour, so that a few failures are no alarm."""

    def __init__(self) -> None:
        self.minutes = array("I")
        self.ended = array("Q")
        self.failed = array("Q")
        self.total_ended = 0
        self.total_failed = 0
        self._latest = _NO_SUMS

    def add(self, second: int, failed: bool) -> None:
        minute = second // MINUTE
        if not self.minutes or minute > self.minutes[-1]:
            self.minutes.append(minute)
            self.ended.append(self.total_ended)
            self.failed.append(self.total_failed)
            # Twice a week's minutes, then half of them: the cost of forgetting is spread.
            if len(self.minutes) > 2 * self.WEEK:
                del self.minutes[: self.WEEK], self.ended[: self.WEEK], self.failed[: self.WEEK]
            self.settle()
        self.total_ended += 1
        self.total_failed += failed

    def settle(self) -> None:
        """Work out the sums for the newest minute once, because nearly every ``values`` is about it."""
        self._latest = self._sums(self.minutes[-1])

    def values(self, now: int) -> tuple[int, int, int]:
        """Permille of 10 minutes, permille of an hour, and the hour in percent of the week before it."""
        minute = now // MINUTE
        sums = self._latest
        if sums[0] != minute:
            if not self.minutes or self.minutes[-1] < minute - 60:
                return (0, 0, 0)
            sums = self._sums(minute)
        _, ten_ended, ten_failed, hour_ended, hour_failed, base = sums
        ended = self.total_ended - hour_ended
        failed = self.total_failed - hour_failed
        recent = self.total_ended - ten_ended
        return (
            1000 * (self.total_failed - ten_failed) // recent if recent else 0,
            1000 * failed // ended,
            100 * ((1_000_000 * failed + self.PRIOR * base) // (ended + self.PRIOR)) // base if base else 0,
        )

    def _sums(self, minute: int) -> tuple[int, int, int, int, int, int]:
        """The minute; what had ended and failed before its 10 minutes and its hour; the week's rate, in
        millionths.

        The rate is at least 1, and 0 where the week holds too little.
        """
        minutes, ended, failed = self.minutes, self.ended, self.failed
        hour = bisect_left(minutes, minute - 60)
        week = bisect_left(minutes, minute - self.WEEK, 0, hour)
        ten = bisect_left(minutes, minute - 10, hour)
        usual = ended[hour] - ended[week]
        # One failure and one success more than seen (Laplace): a week without failures is not a rate of zero.
        base = 1_000_000 * (failed[hour] - failed[week] + 1) // (usual + 2) if usual >= self.ENOUGH else 0
        if ten == len(minutes):
            return (minute, self.total_ended, self.total_failed, ended[hour], failed[hour], base)
        return (minute, ended[ten], failed[ten], ended[hour], failed[hour], base)
