"""Takeover, VPN (T1078): the right password through an exit of a commercial VPN, with a browser that is common.

``same-country``: the exit stands in the victim's country, which shops of stolen accounts advise. ``elsewhere``:
whatever exit was free. The password was phished in bulk, and in 4 % of cases the code with it (WWW 2019). Three tries,
ten minutes to two hours apart, each through another exit.

Knows: name, password, country.
"""

from random import Random

from stepwarden.lab.attackers.moves import PHISHED_BULK
from stepwarden.lab.attackers.stage import HOUR, MINUTE, Stage, Terrain
from stepwarden.lab.attackers.takeover import Means, Patience, take_over
from stepwarden.lab.simulate.plan import Person, Script

PATIENCE = Patience(tries=3, least=10 * MINUTE, most=2 * HOUR)
ELSEWHERE = "elsewhere"


def choose(terrain: Terrain, victim: Person, time: int, option: str, dice: Random) -> Means:
    """An exit in the victim's country or anywhere, any common browser."""
    country = "" if option == ELSEWHERE else terrain.home(victim.index, time).country
    return Means(terrain.vpn(dice, country=country), terrain.kit(dice, victim.index, time))


def takeover_vpn(stage: Stage) -> Script:
    """The right password, through a VPN."""
    yield from take_over(stage, choose, PATIENCE, phished=PHISHED_BULK)
