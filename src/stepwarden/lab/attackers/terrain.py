"""The simulated world as an attacker finds it: a ``Terrain`` made of the world and its people.

Device identifiers are shaped like those that the site gives; an account whose application gives none gets none.

Not here: the world itself (``lab.simulate.world``) and what people do in it (``lab.simulate.life``).
"""

from collections.abc import Iterator
from random import Random

from stepwarden.events.attempt import Device
from stepwarden.lab.attackers.stage import DAY, Kit, Spot
from stepwarden.lab.simulate.agents import common, release
from stepwarden.lab.simulate.life import life
from stepwarden.lab.simulate.movements import favourite, kit
from stepwarden.lab.simulate.people import People
from stepwarden.lab.simulate.plan import Planned
from stepwarden.lab.simulate.world import Address


class Ground:
    """See the module. Satisfies ``stage.Terrain``."""

    def __init__(self, people: People) -> None:
        """``people`` live with the seed that they were made with."""
        self._people = people
        self._world = people.world

    def household(self, dice: Random, *, country: str = "", city: str = "", asn: str = "") -> Spot:
        return _spot(self._world.line(dice, country=country, city=city, asn=asn))

    def hosted(self, dice: Random) -> Spot:
        return _spot(self._world.hosted(dice))

    def vpn(self, dice: Random, *, country: str = "") -> Spot:
        return _spot(self._world.vpn(dice, country=country))

    def rival(self, dice: Random, person: int, time: int) -> Spot:
        own = self._people.home(person, time).place.asn
        return _spot(self._world.rival(dice, self._people[person].city, own))

    def kin(self, dice: Random, spot: Spot) -> Spot:
        return _spot(self._world.kin(dice, spot.ip))

    def beside(self, dice: Random, spot: Spot) -> Spot:
        return _spot(self._world.beside(dice, spot.ip))

    def kit(self, dice: Random, person: int, time: int) -> Kit:
        return self.anew(dice, Kit(common(dice, time // DAY).user_agent), person)

    def like(self, dice: Random, person: int, time: int) -> Kit:
        day = time // DAY
        own = kit(favourite(self._people[person]), day)
        other = own._replace(number=release(own.product, day, dice.getrandbits(64)))
        return self.anew(dice, Kit(other.user_agent), person)

    def anew(self, dice: Random, kit: Kit, person: int) -> Kit:
        given = person < 0 or self._people[person].person.has_device_id
        return Kit(kit.user_agent, Device(id=f"d-{dice.getrandbits(64):016x}") if given else None)

    def home(self, person: int, time: int) -> Spot:
        return _spot(self._people.home(person, time))

    def usual(self, person: int, time: int) -> Kit:
        return Kit(*self._people.usual(person, time))

    def life(self, person: int, begin: int, end: int) -> Iterator[Planned]:
        days = -(-(end - begin) // DAY)
        for planned in life(self._world, self._people, begin, days, self._people.seed, only=[person]):
            if planned.time >= end:
                return
            yield planned


def _spot(address: Address) -> Spot:
    place = address.place
    return Spot(address.ip, place.country, place.city, place.asn, place)
