"""The simulated addresses as production asks for them: ``flow.lookups.AddressLookup`` over a world.

>>> from random import Random
>>> world = World(1)
>>> SimulatedAddresses(world).lookup(world.tor(Random(1)).ip).kind
'tor'

So the offline engine describes attempts by the very code that a server does. It knows each address of the world as the
best data would: its country, network, place and kind. An address that nobody here has is public and unknown.
"""

from ipaddress import IPv4Address, IPv6Address

from stepwarden.events.addresses import parse_address
from stepwarden.flow.lookups import AddressInfo
from stepwarden.lab.simulate.networks import Pool
from stepwarden.lab.simulate.world import World

_MISSING = AddressInfo(kind="missing")
_MALFORMED = AddressInfo(kind="malformed")
_UNKNOWN = AddressInfo()


class SimulatedAddresses:
    """``flow.lookups.AddressLookup``; never raises."""

    def __init__(self, world: World) -> None:
        self._pools = world.pools
        self._known = [_info(pool) for pool in world.pools.all]

    def lookup(self, ip: IPv4Address | IPv6Address | str) -> AddressInfo:
        """What is known; the same for the same address, always."""
        if not ip:
            return _MISSING
        plain = isinstance(ip, IPv4Address) or (isinstance(ip, IPv6Address) and ip.ipv4_mapped is None)
        address = ip if plain and not isinstance(ip, str) else parse_address(str(ip))
        if address is None:
            return _MALFORMED
        pool = self._pools.find(address)
        return _UNKNOWN if pool is None else self._known[pool.number]


def _info(pool: Pool) -> AddressInfo:
    place = pool.place
    return AddressInfo(
        country=place.country,
        asn=pool.asn,
        kind=pool.kind,
        latitude=place.latitude,
        longitude=place.longitude,
        radius_km=place.radius_km,
    )
