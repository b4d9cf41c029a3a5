"""Takeover, targeted (T1078): the right password from the victim's own town, with the victim's kind of browser.

Phishing kits record it beside the password, and residential proxies are sold by town. ``rival`` comes through another
provider of the same town, ``same-provider`` through the victim's own. The browser is the same one on the same system,
in another installation with whatever release such have, so that the agent is often the same to the letter. In 24 % of
cases the code was talked out of the victim (targeted attacks against codes by SMS, WWW 2019). Three tries, half a day
to two days apart.

Knows: name, password, town, provider, kind of browser.
"""

from random import Random

from stepwarden.lab.attackers.moves import PHISHED_TARGETED
from stepwarden.lab.attackers.stage import DAY, HOUR, Stage, Terrain
from stepwarden.lab.attackers.takeover import Means, Patience, take_over
from stepwarden.lab.simulate.plan import Person, Script

PATIENCE = Patience(tries=3, least=12 * HOUR, most=2 * DAY)
SAME_PROVIDER = "same-provider"


def choose(terrain: Terrain, victim: Person, time: int, option: str, dice: Random) -> Means:
    """A household of the same town, the same kind of browser."""
    if option == SAME_PROVIDER:
        spot = terrain.kin(dice, terrain.home(victim.index, time))
    else:
        spot = terrain.rival(dice, victim.index, time)
    return Means(spot, terrain.like(dice, victim.index, time))


def takeover_targeted(stage: Stage) -> Script:
    """The right password, from the victim's town."""
    yield from take_over(stage, choose, PATIENCE, phished=PHISHED_TARGETED)
