"""Low and slow spraying: whether more people than usual fail from where they never were.

Whoever tries one password at each account once a day, from a thousand addresses, is below every count of one account
or one address. What they cannot hide is that the site as a whole fails more than it did: Javed and Paxson,
"Detecting Stealthy, Distributed SSH Brute-Forcing" (CCS 2013). As there, failures are a beta-binomial, because honest
failures come in clusters, and a change of their rate is found by a cumulative sum (Page, Biometrika 41, 1954).

What is counted, a *try*: a person's first failure of a UTC day, and their first success, at signing in from an address
and network new for them, or without any history. So it is accounts that count: one account guessed a thousand times,
and a mail client with an old password, are one try. People at their familiar places say nothing of spraying and are
left out, but for trouble of the site itself: where they fail more than they used to, by some odds up to ``CALM``,
strangers are expected to fail more by the same odds.

Two watches (``Watch``), each with its own past, evidence and alarm: over accounts that have a history here, and over
names that have none. What others try all day at any name that occurs to them is in the second, fails always, and does
not hide what happens to real accounts, nor look like it when there is more of it.

A batch is at least ``BATCH`` tries and ``SPAN`` long. With f failures of n the sum S becomes
max(0, S + ln P1(f) / P0(f)), at most twice ``ALARM``. P0 is the beta-binomial of the site's usual share m and
correlation r; P1 the same at ``SHIFT`` times the odds. Where m is over ``TELLING`` nearly everybody fails anyway, and
nothing raises S. The alarm begins at ``ALARM``, and ends when S is back at 0 or
no batch has raised it for a day. By Wald's inequality the mean number of batches to a false alarm is at least
e**(ALARM/1000), if the model holds; twelve batches a day of two watches at most make that two and a half years.

The site's own past: m is kept for each four hours of weekdays and of weekends, over some weeks that fade. Nothing is
learned while S is at half the alarm or above. From the third week on the odds of m rise by at most ``RISE`` in a week,
so that a slow ramp takes its time: the odds of a failure to double takes it more than seven weeks. They fall as they
do.

>>> spraying = Spraying(limit=1_000)
>>> for day in range(40):
...     for person in range(30):
...         at = day * DAY + person * 2_000
...         spraying.tried(f"p{person}", at, known=True, strange=True, failed=person % 7 == 0)
>>> spraying.values(40 * DAY)
(False, 0, 142)
>>> for person in range(80):
...     spraying.tried(f"p{person}", 40 * DAY + person * 600, known=True, strange=True, failed=True)
>>> spraying.values(40 * DAY + 80 * 600)
(True, 20000, 964)

Not here: which address is new for whom (``habits``), what the alarm demands (the policy).
"""

from typing import Final

from stepwarden.signals.logarithm import thousandths
from stepwarden.signals.windows import DAY, HOUR

BATCH: Final = 12
"""Tries that a batch has at least,"""
SPAN: Final = 2 * HOUR
"""and how long it takes at least."""
SHIFT: Final = 3.0
ALARM: Final = 10_000
"""Thousandths of a nat."""
ENOUGH: Final = 100
"""Tries that make a past to compare with."""
SETTLED: Final = 14 * DAY
"""From here on the usual share rises slowly."""
RISE: Final = 1.1
WEEK: Final = 7 * DAY
KEPT: Final = 0.75
"""What a week is still worth after another."""
SLOTS: Final = 12
"""Four hours each, of weekdays and of weekends (UTC)."""
START: Final = 0.3
PRIOR: Final = 30.0
"""As many tries at the site's share are added to a slot's, and at ``START`` to the site's."""
LEAST, MOST = 0.02, 0.95
"""Of the usual share: with rarer failures a handful of them would be an alarm."""
TELLING: Final = 0.9
LOOSEST, TIGHTEST, TOGETHER = 0.3, 0.02, 0.05
"""Bounds of the correlation of the tries in a batch, and what stands for it at first."""
STEADY: Final = 128
"""Batches over which the correlation is averaged."""
CALM: Final = 4.0
"""As much may trouble at the familiar places explain, in odds."""
MEMORY: Final = 5_000.0
"""Tries at familiar places over which their share of failures is averaged."""
_CHUNK: Final = 64
_STRANGE: Final = (2, 1)
_FAMILIAR: Final = (8, 4)
"""Marks of a person's day: succeeded, failed."""


def slot_of(second: int) -> int:
    """Which four hours of a weekday (0..5) or weekend (6..11)."""
    day = second // DAY
    # 1970 began on a Thursday.
    return second % DAY // (4 * HOUR) + (6 if (day + 3) % 7 >= 5 else 0)


class Spraying:
    """The site's tries. ``seen`` are the people who had one on ``day``, at most ``limit``; ``hours`` is, by hour, how
    many tries and how many failed, for the last 25. ``watches``: over accounts with a history, over names without."""

    __slots__ = ("day", "hours", "limit", "memo", "seen", "watches")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.day = 0
        self.seen: dict[str, int] = {}
        self.hours: dict[int, tuple[int, int]] = {}
        self.watches = (Watch(), Watch())
        self.memo = (-1, 0)

    def tried(self, actor: str, second: int, *, known: bool, strange: bool, failed: bool) -> None:
        """Somebody's sign-in ended, from where they never were if ``strange``. ``second`` is not before any earlier
        one. ``known``: they have a history here."""
        if second // DAY != self.day:
            self.day = second // DAY
            self.seen.clear()
        mark = (_STRANGE if strange else _FAMILIAR)[failed]
        before = self.seen.get(actor, 0)
        if before & mark:
            return
        if len(self.seen) >= self.limit and not before:
            del self.seen[next(iter(self.seen))]
        self.seen[actor] = before | mark
        if strange:
            self._count(second, failed)
            self.watches[not known].tried(second, failed)
        else:
            for watch in self.watches:
                watch.at_home(failed)

    def values(self, now: int) -> tuple[bool, int, int]:
        """Whether an alarm stands, the evidence in thousandths of a nat, permille of the day's tries that failed."""
        hour, permille = self.memo
        if hour != now // HOUR:
            hour = now // HOUR
            day = [found for at, found in self.hours.items() if hour - 24 < at <= hour]
            permille = 1000 * sum(wrong for _, wrong in day) // max(1, sum(tries for tries, _ in day))
            # Worked out once an hour; it is no part of the state.
            self.memo = (hour, permille)
        one, two = self.watches
        first, second = one.stands(now), two.stands(now)
        return (first[0] or second[0], max(first[1], second[1]), permille)

    def _count(self, second: int, failed: bool) -> None:
        hour = second // HOUR
        tries, wrong = self.hours.get(hour, (0, 0))
        if not tries:
            for old in [old for old in self.hours if old < hour - 24]:
                del self.hours[old]
        self.hours[hour] = (tries + 1, wrong + failed)
        self.memo = (-1, 0)


class Watch:
    """Over one kind of strangers. ``batch`` and ``past`` are, by slot, tries and failures: of the batch that began at
    ``began``, and of the site's own past, which began at ``first``, without attacks. ``ceilings`` are the most that
    each slot's usual share may be in the week that began at ``week``. ``familiar`` are tries and failures from where
    people are known, during the batch and in the past.
    """

    __slots__ = (
        "alarmed",
        "batch",
        "batches",
        "began",
        "ceilings",
        "correlation",
        "evidence",
        "familiar",
        "first",
        "past",
        "raised",
        "week",
    )

    def __init__(self) -> None:
        self.batch = [(0, 0)] * SLOTS
        self.began = 0
        self.past = [(0.0, 0.0)] * SLOTS
        self.first = 0
        self.batches = 0
        self.correlation = TOGETHER
        self.week = 0
        self.ceilings = [MOST] * SLOTS
        self.familiar = (0, 0, 0.0, 0.0)
        self.evidence = 0
        self.raised = 0
        self.alarmed = False

    def tried(self, second: int, failed: bool) -> None:
        """A try of this kind."""
        slot = slot_of(second)
        tries, wrong = self.batch[slot]
        self.batch[slot] = (tries + 1, wrong + failed)
        if second >= self.began + SPAN and sum(tries for tries, _ in self.batch) >= BATCH:
            self._close(second)

    def at_home(self, failed: bool) -> None:
        """A sign-in from where the person is known, the first of a day that ended so."""
        tries, wrong, past, bad = self.familiar
        self.familiar = (tries + 1, wrong + failed, past, bad)

    def stands(self, now: int) -> tuple[bool, int]:
        """Whether the alarm stands, and the evidence."""
        if now - self.raised >= DAY:
            return (False, 0)
        return (self.alarmed, self.evidence)

    def usual(self) -> list[float]:
        """The share of failures that is usual in each slot."""
        tried = sum(tries for tries, _ in self.past)
        failed = sum(wrong for _, wrong in self.past)
        site = (failed + PRIOR * START) / (tried + PRIOR)
        return [
            max(LEAST, min(most, (wrong + PRIOR * site) / (tries + PRIOR)))
            for (tries, wrong), most in zip(self.past, self.ceilings, strict=True)
        ]

    def _close(self, second: int) -> None:
        """A batch is full: weigh it, then learn from it."""
        batch, self.batch, self.began = self.batch, [(0, 0)] * SLOTS, second
        if not self.first:
            self.first = self.week = second
        if second >= self.week + WEEK:
            self._turn_week(second)
        if second - self.raised >= DAY:
            self.evidence, self.alarmed = 0, False
        lift = self._calm()
        usual = [raised(share, lift) for share in self.usual()]
        tries = sum(some for some, _ in batch)
        failed = sum(wrong for _, wrong in batch)
        expected = sum(some * share for (some, _), share in zip(batch, usual, strict=True))
        if sum(some for some, _ in self.past) >= ENOUGH:
            self._weigh(failed, tries, expected / tries, second)
        if self.evidence < ALARM // 2:
            # Pearson's statistic: 1 for independent tries, 1 + (n - 1) r where they go together by r.
            variance = sum(
                some * share * (1.0 - share) for (some, _), share in zip(batch, usual, strict=True)
            )
            found = ((failed - expected) * (failed - expected) / variance - 1.0) / (tries - 1)
            self.batches = min(STEADY, self.batches + 1)
            self.correlation += (min(1.0, found) - self.correlation) / (self.batches + 8)
            self.past = [
                (tries + some, wrong + bad)
                for (tries, wrong), (some, bad) in zip(self.past, batch, strict=True)
            ]

    def _weigh(self, failed: int, tries: int, mean: float, second: int) -> None:
        found = evidence(failed, tries, mean, min(LOOSEST, max(TIGHTEST, self.correlation)))
        if mean > TELLING:
            found = min(found, 0)
        self.evidence = min(2 * ALARM, max(0, self.evidence + found))
        if found > 0:
            self.raised = second
        if self.evidence >= ALARM:
            self.alarmed = True
        elif not self.evidence:
            self.alarmed = False

    def _calm(self) -> float:
        """The odds of failing where people are known, against what they used to be: 1 to ``CALM``.

        A directory that is down fails people everywhere; who sprays cannot sit at their familiar places.
        """
        tries, wrong, past, bad = self.familiar
        usual = (bad + PRIOR * 0.1) / (past + PRIOR)
        now = (wrong + PRIOR * usual) / (tries + PRIOR)
        past, bad = past + tries, bad + wrong
        if past > MEMORY:
            past, bad = MEMORY, bad * (MEMORY / past)
        self.familiar = (0, 0, past, bad)
        return min(CALM, max(1.0, now * (1.0 - usual) / (usual * (1.0 - now))))

    def _turn_week(self, second: int) -> None:
        usual = self.usual()
        self.week = second
        self.past = [(KEPT * tries, KEPT * wrong) for tries, wrong in self.past]
        if second >= self.first + SETTLED:
            self.ceilings = [min(MOST, raised(share, RISE)) for share in usual]


def raised(mean: float, by: float) -> float:
    """The mean at ``by`` times the odds."""
    return by * mean / (1.0 + (by - 1.0) * mean)


def evidence(failed: int, tries: int, mean: float, correlation: float) -> int:
    """ln of how much more likely ``failed`` of ``tries`` are at ``SHIFT`` times the odds, in thousandths.

    Of the beta-binomial with alpha = mean * (1 - r) / r and beta = (1 - mean) * (1 - r) / r; alpha + beta, and the
    number of ways, are the same on both sides.
    """
    size = (1.0 - correlation) / correlation
    usual, shifted = mean * size, raised(mean, SHIFT) * size
    return _rising(shifted, usual, failed) + _rising(size - shifted, size - usual, tries - failed)


def _rising(above: float, below: float, length: int) -> int:
    """ln of the product of (above + i) / (below + i) over 0 <= i < length, in thousandths."""
    found, ratio = 0, 1.0
    for i in range(length):
        ratio *= (above + i) / (below + i)
        # Before it runs out of a double's range.
        if i % _CHUNK == _CHUNK - 1:
            found += thousandths(ratio)
            ratio = 1.0
    return found + thousandths(ratio)
