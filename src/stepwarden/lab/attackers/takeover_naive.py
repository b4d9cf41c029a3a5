"""Takeover, naive (T1078): the right password from anywhere in the world, with a browser that is common.

Country, provider and agent come by their shares of all traffic. Passwords come from a shop or a dump, without a second
factor: bots passed none of the challenges by SMS that were studied (WWW 2019), so a challenge is answered wrongly. Two
tries, an hour to eight apart, from two addresses.

Knows: name and password.
"""

from random import Random

from stepwarden.lab.attackers.stage import HOUR, Stage, Terrain
from stepwarden.lab.attackers.takeover import Means, Patience, take_over
from stepwarden.lab.simulate.plan import Person, Script

PATIENCE = Patience(tries=2, least=HOUR, most=8 * HOUR)


def choose(terrain: Terrain, victim: Person, time: int, option: str, dice: Random) -> Means:
    """Any household of the world, any common browser."""
    return Means(terrain.household(dice), terrain.kit(dice, victim.index, time))


def takeover_naive(stage: Stage) -> Script:
    """The right password, from anywhere."""
    yield from take_over(stage, choose, PATIENCE, phished=0.0)
