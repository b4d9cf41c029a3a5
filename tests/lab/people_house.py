"""What the tests of simulated people share: a world, people, and a few weeks of their life."""

from functools import lru_cache

from stepwarden.lab.simulate.life import life
from stepwarden.lab.simulate.people import DAY, People
from stepwarden.lab.simulate.plan import Planned
from stepwarden.lab.simulate.world import World
from stepwarden.signals.actions import is_sign_in

START = 20_454 * DAY
"""The first of January 2026."""
WORLD = World(1)
PEOPLE = People(WORLD, 2_500, seed=1)
DAYS = 35


@lru_cache(maxsize=1)
def lived() -> list[Planned]:
    """Five weeks of everybody."""
    return list(life(WORLD, PEOPLE, START, DAYS, seed=1))


@lru_cache(maxsize=1)
def sign_ins() -> list[Planned]:
    """The sign-ins among them, of accounts that exist."""
    return [planned for planned in lived() if is_sign_in(planned.attempt.action) and planned.person >= 0]
