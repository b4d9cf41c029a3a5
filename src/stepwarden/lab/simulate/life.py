"""What everybody does, day by day, in order of time.

>>> from stepwarden.lab.simulate.people import DAY, People
>>> world = World(1)
>>> people = People(world, 50, seed=1)
>>> whole = [planned for planned in life(world, people, 20_454 * DAY, 14, seed=1)]
>>> alone = [planned for planned in life(world, people, 20_454 * DAY, 14, seed=1, only=[7])]
>>> alone == [planned for planned in whole if planned.attempt.actor == people.persons[7].actor]
True

One day is made at a time; what reaches into the next is kept until then. The same arguments give the same attempts,
byte for byte, on every machine. Each person's are their own: with other people around, or with ``only`` some of them
asked for, they are the same. A session that began before ``start`` is left out.

Not here: who they are (``residents``), when they sign in (``rhythm``), what comes of it (``doings``), from where and
with what (``movements``), what the site answers (``engine``).
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final

import numpy as np

from stepwarden.lab.simulate.doings import Doings, Site
from stepwarden.lab.simulate.draws import mix
from stepwarden.lab.simulate.people import DAY, People
from stepwarden.lab.simulate.plan import Planned
from stepwarden.lab.simulate.rhythm import Rhythm
from stepwarden.lab.simulate.world import World

__all__ = ["Site", "life"]

_time = attrgetter("time")
AHEAD: Final = 14 * 3_600_000_000
"""Microseconds: no place is further ahead of UTC."""


def life(
    world: World,
    people: People,
    start: int,
    days: int,
    seed: int,
    *,
    site: Site | None = None,
    only: Sequence[int] | None = None,
) -> Iterator[Planned]:
    """Everything that people do from ``start`` (microseconds since 1970) on, for so many days, in order of time.

    Args:
        site: what there is to do at this site, None for a bank's ordinary customers.
        only: the indices of the people that are asked for, None for everybody.
    """
    residents = [people[index] for index in (range(len(people)) if only is None else only)]
    keys = [mix(mix(one.key, 0x6C696665), seed) for one in residents]
    rhythm = Rhythm(residents, np.array(keys, dtype=np.uint64))
    doings = Doings(world, site or Site())
    end = start + days * DAY
    first, last = start // DAY - 1, (end - 1) // DAY + 1
    rhythm.look_back(first)
    waiting: list[Planned] = []
    for day in range(first, last + 1):
        for chance in rhythm.day(day):
            made = doings.of(residents[chance.position], chance, day)
            if made[0].time >= start:
                waiting += made
        # Stable: what happens in the same microsecond stays in the order of days, people and slots.
        waiting.sort(key=_time)
        ready = min(end, (day + 1) * DAY - AHEAD)
        count = bisect_left(waiting, ready, key=_time)
        yield from waiting[:count]
        del waiting[:count]
