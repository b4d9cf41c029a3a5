"""Takeover, very targeted (T1078): from the victim's own network (/24), with their device's very agent, at their hours.

A neighbour, a flatmate, a hacked router in the same street. The agent is copied to the letter; the identifier that the
site gave the device is not, as it is in the device. Each try falls on an hour at which the victim has signed in during
the last two weeks. In 24 % of cases the code was talked out of the victim (targeted attacks, WWW 2019). Two tries, a
day to three apart.

Knows: name, password, network, agent, habits.
"""

from random import Random

from stepwarden.lab.attackers.moves import PHISHED_TARGETED
from stepwarden.lab.attackers.stage import DAY, Stage, Terrain
from stepwarden.lab.attackers.takeover import Means, Patience, take_over
from stepwarden.lab.attackers.watching import usual_hour
from stepwarden.lab.simulate.plan import Person, Script

PATIENCE = Patience(tries=2, least=DAY, most=3 * DAY)


def choose(terrain: Terrain, victim: Person, time: int, option: str, dice: Random) -> Means:
    """Next door, with the same agent on another device."""
    kit = terrain.anew(dice, terrain.usual(victim.index, time), victim.index)
    return Means(terrain.beside(dice, terrain.home(victim.index, time)), kit)


def takeover_very_targeted(stage: Stage) -> Script:
    """The right password, from next door."""
    yield from take_over(stage, choose, PATIENCE, phished=PHISHED_TARGETED, when=usual_hour)
