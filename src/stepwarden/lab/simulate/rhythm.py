"""When people sign in: how often on which day, and at what hour.

Each person has ``SLOTS`` chances a day. A chance is that of an average day, times the weekday's and the season's
factor; how many come true is drawn by a hash of person and day. All people of a day are worked out at once.

The hours are those of people at home, of office hours, and of who works at night. They are local time where somebody
is; each person lives earlier or later than others by up to a few hours.

Not here: what they do then (``doings``).
"""

from collections.abc import Sequence
from math import comb
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stepwarden.lab.simulate.cities import day_of_year, weekday
from stepwarden.lab.simulate.draws import Keys, mixed, spread
from stepwarden.lab.simulate.people import DAY
from stepwarden.lab.simulate.plan import Cohort
from stepwarden.lab.simulate.residents import FORTNIGHT, SLOTS, Resident

REMEMBERED: Final = 60
"""Days that are looked back for the sign-in before: longer ago counts as this long."""

# Of a thousand, what a day counts against the average one: Monday to Sunday.
_WEEK: Final[dict[Cohort, tuple[int, ...]]] = {
    "home": (1040, 1030, 1020, 1010, 990, 930, 980),
    "mobile": (1020, 1010, 1010, 1010, 1000, 960, 990),
    "office": (1330, 1330, 1300, 1270, 1150, 280, 340),
    "vpn": (1040, 1030, 1020, 1010, 990, 930, 980),
    "traveller": (1250, 1250, 1230, 1200, 1050, 460, 560),
    "night": (1050, 1050, 1050, 1050, 1000, 900, 900),
}
_SEASON: Final = (1040, 1020, 1010, 990, 980, 970, 910, 900, 1000, 1020, 1070, 1090)
"""The same for the months, about thirty days each: less in summer, most before the year's end."""

_AT_HOME: Final = (8, 4, 2, 2, 3, 8, 20, 38, 48, 52, 54, 54, 56, 52, 50, 50, 54, 62, 70, 78, 80, 70, 46, 22)
_WEEKEND: Final = (14, 8, 4, 3, 3, 4, 8, 16, 34, 54, 68, 70, 66, 62, 60, 60, 62, 64, 66, 70, 72, 62, 44, 26)
_AT_WORK: Final = (2, 1, 1, 1, 2, 5, 18, 60, 120, 110, 90, 80, 62, 80, 84, 78, 66, 46, 28, 24, 22, 18, 10, 4)
_AT_NIGHT: Final = (70, 68, 66, 66, 62, 58, 40, 26, 12, 6, 4, 3, 4, 8, 20, 32, 38, 40, 42, 46, 56, 66, 74, 74)
_PROFILES: Final[dict[Cohort, int]] = {
    "home": 0,
    "mobile": 0,
    "vpn": 0,
    "office": 2,
    "traveller": 2,
    "night": 4,
}
_STEPS: Final = 4_096


class Chance(NamedTuple):
    """A sign-in to be: by the person at this position, in this slot, so many microseconds into the local day.

    ``gap`` is days since the last one; ``away`` whether a trip lies in these two weeks; ``lease`` the key of the line's
    lease. ``key`` is that of its chance; ``device``, ``whence``, ``reply`` and those of the first acts are 64 bits of
    it each.
    """

    position: int
    slot: int
    moment: int
    gap: int
    key: int
    device: int
    whence: int
    reply: int
    away: bool
    lease: int
    first: int
    second: int
    third: int


ACTS: Final = 3
DRAWS: Final = Chance._fields.index("first")
"""How many acts have a draw of their own in a ``Chance``, and where these begin."""


class Rhythm:
    """The sign-ins of some people, day after day."""

    def __init__(self, residents: Sequence[Resident], seed: Keys) -> None:
        """``seed`` holds one key for each of the people."""
        self._keys = seed
        self._slot = np.array([one.slot for one in residents], dtype=np.uint64)
        self._shift = np.array([one.shift for one in residents], dtype=np.int64)
        cohorts = [one.person.cohort for one in residents]
        self._profile = np.array([_PROFILES[cohort] for cohort in cohorts], dtype=np.int64)
        self._week = np.array([_WEEK[cohort] for cohort in cohorts], dtype=np.uint64).reshape(-1, 7)
        self._phase = np.array([one.phase for one in residents], dtype=np.int64)
        self._lease = np.array([one.lease for one in residents], dtype=np.int64)
        self._line_key = np.array([one.line_key for one in residents], dtype=np.uint64)
        self._trip_key = np.array([one.trip_key for one in residents], dtype=np.uint64)
        self._trips = np.array([one.trips for one in residents], dtype=np.uint64)
        self._last = np.zeros(len(residents), dtype=np.int64)

    def look_back(self, day: int) -> None:
        """Find out when everybody signed in last before this day, by which passwords are forgotten."""
        self._last[:] = day - REMEMBERED
        for before in range(day - REMEMBERED, day):
            self._last[self._drawn(before)[0]] = before

    def day(self, day: int) -> list[Chance]:
        """Everybody's sign-ins of a local day, by person and slot. Days are asked for in order."""
        people, keys, counts = self._drawn(day)
        who = np.repeat(people, counts)
        slots = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)
        own = mixed(np.repeat(keys, counts), slots.astype(np.uint64))
        moments = mixed(own, 1)
        profile = self._profile[who] + (weekday(day) >= 5)
        quarter = _HOURS[profile, (moments >> np.uint64(52)).astype(np.int64)]
        # Of 2^20 parts of a second.
        within = (moments & np.uint64((1 << 40) - 1)) * np.uint64(900) >> np.uint64(20)
        micro = within * np.uint64(15_625) >> np.uint64(14)
        moment = quarter * 900_000_000 + micro.astype(np.int64) + self._shift[who] * 1_000_000
        gaps = np.minimum(day - self._last[who], REMEMBERED)
        self._last[people] = day
        turn, lease = (day + self._phase[who]) // FORTNIGHT, (day + self._phase[who]) // self._lease[who]
        trip = mixed(self._trip_key[who], turn.astype(np.uint64)) >> np.uint64(32)
        columns: list[NDArray[Any]] = [who, slots, moment % DAY, gaps, own]
        columns += [mixed(own, 2), mixed(own, 3), mixed(own, 4)]
        columns.append(trip * np.uint64(1_000) >> np.uint64(32) < self._trips[who])
        columns.append(mixed(self._line_key[who], lease.astype(np.uint64)))
        columns += [mixed(own, DRAWS + number) for number in range(ACTS)]
        return list(map(Chance._make, zip(*(column.tolist() for column in columns), strict=True)))

    def _drawn(self, day: int) -> tuple[NDArray[np.int64], Keys, NDArray[np.int64]]:
        """Who signs in on this day, with which key, and how often."""
        likely = self._slot * self._week[:, weekday(day)] // np.uint64(1_000)
        likely = likely * np.uint64(_SEASON[min(day_of_year(day) // 30, 11)]) // np.uint64(1_000)
        keys = mixed(self._keys, day)
        # Who signs in at all does so with less than the sum of the slots' chances: most need no closer look.
        people = np.nonzero(keys >> np.uint64(32) < likely * np.uint64(SLOTS) + np.uint64(1))[0]
        chances = _at_least(likely[people].astype(np.float64) / 4_294_967_296)
        drawn = (keys[people] >> np.uint64(11)).astype(np.float64) / 9_007_199_254_740_992
        counts = (drawn[None, :] < chances).sum(axis=0)
        comes = counts > 0
        return people[comes], keys[people[comes]], counts[comes]


def _at_least(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities of 1, 2 ... ``SLOTS`` of so many slots, each by itself as likely as ``chance``."""
    none = 1 - chance
    left, rows = np.ones_like(chance), []
    for hits in range(SLOTS):
        exactly = np.full_like(chance, comb(SLOTS, hits))
        for factor in [chance] * hits + [none] * (SLOTS - hits):
            exactly = exactly * factor
        left = left - exactly
        rows.append(left)
    return np.array(rows)


def _quarters(hours: tuple[int, ...]) -> tuple[int, ...]:
    """For each of ``_STEPS`` equal parts of chance, the quarter of an hour that it stands for."""
    return spread(((quarter, hours[quarter // 4]) for quarter in range(96)), _STEPS)


_HOURS: Final = np.array(
    [_quarters(hours) for hours in (_AT_HOME, _WEEKEND, _AT_WORK, _WEEKEND, _AT_NIGHT, _AT_NIGHT)],
    dtype=np.int64,
)
