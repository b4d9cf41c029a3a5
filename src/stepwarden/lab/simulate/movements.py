"""Where somebody is and what they hold: worked out for any day from what stays the same of them.

Nothing is kept from one day to the next. A line's address is that of its lease, counted from when leases began; a trip
lies within two weeks, of which it is known whether there is one; a device is one of a row, each lasting its time. So
anybody's Tuesday can be asked for without their Monday, and a year takes no more memory than a day.

Not here: when they sign in (``life``).
"""

from functools import lru_cache
from typing import Final, Literal, NamedTuple

from stepwarden.events.attempt import Device
from stepwarden.lab.simulate.agents import PRODUCTS, Kit, held, picked
from stepwarden.lab.simulate.cities import CITIES, living, weekday
from stepwarden.lab.simulate.draws import MASK, below, chosen, mix
from stepwarden.lab.simulate.residents import FORTNIGHT, Gadget, Resident
from stepwarden.lab.simulate.world import Address, World

Where = Literal["home", "moving", "away"]
HOURS: Final = 3_600
LOYAL: Final = 850
"""Of a thousand new phones and computers, those with the system and browser of the one before."""
ROAMING: Final = 50
ROAMING_FAR: Final = 15
"""Percent of sign-ins on a trip by phone that go through the carrier, in Europe and further away.

Roaming mostly comes out at home (the carrier routes it there), so between a phone and a hotel somebody seems to fly.
"""
THROUGH_OFFICE: Final = 50
"""Percent of sign-ins of who works at home that go through the company's own tunnel, so from the office's address."""
VISITS: Final = 25
"""Of a thousand sign-ins at home, those from somebody else's line in the same city."""


class Trip(NamedTuple):
    """Away from the first to the last of these days: in this city, with the hotel's address.

    On the first and the last day they live by the clock at home, and are on their way from eight to eight.
    """

    first: int
    last: int
    city: int
    hotel: Address

    def clock(self, day: int, home: int) -> int:
        """The city by whose clock they live on this day."""
        return self.city if self.first < day < self.last else home

    def where(self, day: int, second: int) -> "Where":
        """Where they are at this second of the day, by the clock of that day."""
        if day == self.first:
            return "home" if second < 8 * HOURS else "moving" if second < 20 * HOURS else "away"
        if day == self.last:
            return "away" if second < 8 * HOURS else "moving" if second < 20 * HOURS else "home"
        # Far to the east the night begins while they are still on their way.
        return "moving" if day == self.first + 1 and second < 8 * HOURS else "away"


def journey(world: World, resident: Resident, turn: int) -> Trip | None:
    """The trip of a person's two weeks with this number, counted from 1970 on; None where there is none."""
    key = mix(resident.trip_key, turn)
    if (key >> 32) * 1_000 >> 32 >= resident.trips:
        return None
    length = 2 + below(mix(key, 1), 5 if resident.person.cohort == "traveller" else 8)
    first = turn * FORTNIGHT - resident.phase + below(mix(key, 2), FORTNIGHT - length + 1)
    # Where people of a country go, by how many of the site's people live there.
    abroad = below(mix(key, 3), 1_000) < resident.abroad
    goals, sums = living(CITIES[resident.city].country, abroad=abroad)
    city = goals[chosen(mix(key, 4), sums)]
    return Trip(first, first + length - 1, city, _hotel(world, city, below(mix(key, 5), 200)))


@lru_cache(maxsize=16_384)
def _hotel(world: World, city: int, number: int) -> Address:
    pool = world.within("hotel", city)[0]
    return Address(pool.v4(number), pool.place)


def leased(resident: Resident, day: int) -> int:
    """The key of the lease that their line has on this day."""
    return mix(resident.line_key, (day + resident.phase) // resident.lease)


def at_line(resident: Resident, gadget: Gadget, day: int, lease: int) -> Address:
    """The address at home: of the line, or one of this device's own within the line's IPv6 network."""
    pool = resident.line
    own = resident.line_key
    if pool.first6 >= 0 and gadget.key % 100 < 85:
        # The /48 stays with who stays in their /24; the rest of the address is the device's for a day (RFC 8981).
        network = (own if resident.sticky else lease) >> 32
        return Address(pool.v6(network, mix(gadget.key, day)), pool.place)
    number = (own & MASK - 255) | (lease & 255) if resident.sticky else lease
    return Address(pool.v4(number), pool.place)


def on_carrier(resident: Resident, draw: int) -> Address:
    """An address of the carrier's: in the usual /24 seven times in ten."""
    pool = resident.carrier
    network = resident.carrier_key if draw % 10 < 7 else draw >> 8
    return Address(pool.v4(network << 8 | draw >> 16 & 255), pool.place)


def through_vpn(resident: Resident, draw: int) -> Address:
    """An exit of the person's VPN: in the usual country three times in four."""
    pools = resident.vpn_pools
    pool = pools[0] if draw % 4 else pools[below(mix(draw, 1), len(pools))]
    return Address(pool.v4(draw >> 8), pool.place)


def visiting(world: World, resident: Resident, draw: int) -> Address:
    """Somebody else's line in the same city: one of a few, as one has few friends."""
    pools = world.within("line", resident.city)
    friend = mix(mix(resident.key, 104), draw % 6)
    pool = pools[below(friend, len(pools))]
    return Address(pool.v4(mix(friend, 1)), pool.place)


def at_office(resident: Resident, day: int) -> bool:
    """Whether they are at the office on this day."""
    return weekday(day) < 5 and below(mix(resident.office_key, day), 1_000) < resident.office_days


def whence(
    world: World,
    resident: Resident,
    away: Trip | None,
    gadget: Gadget,
    day: int,
    second: int,
    draw: int,
    lease: int,
) -> Address:
    """From where they sign in with this device.

    ``away`` is the trip that they are on, None at home. ``second`` of the local day, ``draw`` 64 bits of chance,
    ``lease`` the key of the line's lease.
    """
    where = "home" if away is None else away.where(day, second)
    if where == "moving":
        # Roaming comes out at home as well.
        return on_carrier(resident, draw)
    if resident.vpn_share and draw % 1_000 < resident.vpn_share and not gadget.work:
        return through_vpn(resident, draw)
    chance = draw >> 32
    phone = gadget.form == "phone"
    if away is not None and where == "away":
        roaming = ROAMING if CITIES[away.city].summer == "eu" else ROAMING_FAR
        return on_carrier(resident, draw) if phone and chance % 100 < roaming else away.hotel
    office = resident.office
    if office is not None and 8 * HOURS <= second < 18 * HOURS:
        if at_office(resident, day):
            return on_carrier(resident, draw) if phone and chance % 100 < 40 else office
        if gadget.work and chance % 100 < THROUGH_OFFICE:
            return office
    commuting = 7 * HOURS <= second < 9 * HOURS or 17 * HOURS <= second < 19 * HOURS
    if phone and chance % 1_000 < resident.carriers + 200 * commuting:
        return on_carrier(resident, draw)
    if (chance >> 12) % 1_000 < VISITS:
        return visiting(world, resident, draw)
    return at_line(resident, gadget, day, lease)


def taken(resident: Resident, day: int, second: int, draw: int) -> Gadget:
    """The device that they take."""
    gadgets = resident.gadgets
    if draw % 1_000 < resident.phones or len(gadgets) == 1:
        return gadgets[0]
    if gadgets[-1].form == "tablet" and (len(gadgets) == 2 or (draw >> 32) % 100 < 15):
        return gadgets[-1]
    working = resident.office is not None and weekday(day) < 5 and 8 * HOURS <= second < 18 * HOURS
    return next((one for one in gadgets[1:] if one.work == working and one.form == "desk"), gadgets[1])


def favourite(resident: Resident) -> Gadget:
    """The device that they take most often."""
    if resident.phones >= 500 or len(resident.gadgets) == 1:
        return resident.gadgets[0]
    return next((one for one in resident.gadgets if one.work), resident.gadgets[1])


def usual_address(resident: Resident, day: int) -> Address:
    """The address that they most often sign in from about this day."""
    gadget = favourite(resident)
    if resident.vpn_share > 500:
        pool = resident.vpn_pools[0]
        return Address(pool.v4(mix(resident.key, 106)), pool.place)
    if gadget.work and resident.office is not None and resident.office_days > 500:
        return resident.office
    if gadget.form == "phone" and resident.carriers > 500:
        return on_carrier(resident, mix(mix(resident.key, 107), day) // 10 * 10)
    return at_line(resident, gadget, day, leased(resident, day))


def kit(gadget: Gadget, day: int) -> Kit:
    """The browser on this device on this day."""
    return _kit(gadget, day)[0]


def kept(resident: Resident, gadget: Gadget, day: int) -> tuple[str, Device | None, int]:
    """User agent and device of this gadget on this day, and the first day on which one of them may be another."""
    found, until = _kit(gadget, day)
    until = min(until, day + gadget.lifetime - (day + gadget.phase) % gadget.lifetime)
    if resident.clears:
        until = min(until, day + resident.clears - (day + resident.phase) % resident.clears)
    return found.user_agent, device(resident, gadget, day), until


def _kit(gadget: Gadget, day: int) -> tuple[Kit, int]:
    """The browser, and the first day on which it may have another version."""
    own = mix(gadget.key, (day + gadget.phase) // gadget.lifetime)
    first = gadget.key if below(own, 1_000) < LOYAL else own
    product = picked(mix(first, 50), gadget.form)
    number, until = held(product, day, own)
    variants = PRODUCTS[product].variants
    return Kit(product, number, below(mix(own, 51), variants) if variants > 1 else 0), until


def device(resident: Resident, gadget: Gadget, day: int) -> Device | None:
    """The identifier that the site has given to this device, in a cookie; None where it gives none.

    Another one after each clearing of cookies; who clears daily has a new one each day.
    """
    if not resident.person.has_device_id:
        return None
    turn = (day + gadget.phase) // gadget.lifetime
    cleared = (day + resident.phase) // resident.clears if resident.clears else -1
    return Device(id=f"d-{mix(mix(gadget.key, turn), cleared):016x}")
