"""Providers and their addresses: who has which block, what kind it is, and how addresses in it are given out.

Each pool is what one provider has in one city: an aligned block of IPv4, and one of IPv6 where it offers that. Blocks
lie in the public part of the address space and never overlap, so that an address tells its pool. AS numbers are those
set apart for private use (RFC 6996): nothing is said here of a real provider.

How addresses are given out:

- ``line``: a household has an address of its own for its lease, then another one; some stay within their /24.
- ``mobile``: four /24 of one carrier are shared by all its customers in the country (RFC 6888); a phone comes out of
  another address each time, most often in its own /24. Where they are is known to some 250 km.
- ``business``, ``hotel``: one address for everybody behind it.
- ``vpn``, ``hosting``, ``tor``: a few dozen exits, or rented servers.

Not here: who uses which (``people``), and which of them the site has on its lists (``world``).
"""

from bisect import bisect_right
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Literal, NamedTuple

from stepwarden.events.attempt import Place
from stepwarden.events.facts import AddressKind
from stepwarden.lab.simulate.cities import CITIES, HOME
from stepwarden.lab.simulate.draws import below, mix

Use = Literal["line", "mobile", "business", "hotel", "vpn", "hosting", "tor"]

KINDS: Final[dict[Use, AddressKind]] = {
    "line": "residential",
    "mobile": "residential",
    "business": "residential",
    "hotel": "residential",
    "vpn": "vpn",
    "hosting": "datacenter",
    "tor": "tor",
}
"""What a site that has good lists knows of the kind."""
_BITS: Final[dict[Use, int]] = {
    "line": 20,
    "mobile": 10,
    "business": 12,
    "hotel": 8,
    "vpn": 6,
    "hosting": 14,
    "tor": 7,
}
"""How many addresses there are, as a power of two."""
_RADIUS: Final[dict[Use, tuple[int, int]]] = {
    "line": (20, 50),
    "mobile": (250, 250),
    "business": (10, 20),
    "hotel": (10, 20),
    "vpn": (20, 20),
    "hosting": (20, 20),
    "tor": (50, 50),
}

LINES_AT_HOME: Final = (40, 25, 20, 15)
"""Shares of the home country's providers of lines, in percent."""
LINES_ABROAD: Final = (65, 35)
CARRIERS_AT_HOME: Final = (40, 35, 25)
CARRIERS_ABROAD: Final = (60, 40)
VPN_SERVICES: Final = 4
_VPN_COUNTRIES: Final = ("DE", "NL", "CH", "GB", "FR", "US", "SE", "ES", "PL", "SG", "JP", "CA")
_HOSTS: Final = (
    "Frankfurt", "Nuremberg", "Amsterdam", "Paris", "London", "New York", "San Francisco", "Singapore", "Warsaw",
    "Sao Paulo", "Mumbai", "Hanoi",
)  # fmt: skip
_TORS: Final = ("Frankfurt", "Amsterdam", "Zurich", "Chicago", "Vienna", "Warsaw")
_FIRST_ASN: Final = 4_200_000_000
_SET_APART: Final = frozenset({0, 10, 100, 127, 169, 172, 192, 198, 203})
"""First octets with any range for private, shared, special or documentation use (IANA); left out whole."""
_OCTETS: Final = tuple(octet for octet in range(224) if octet not in _SET_APART)
_SPACES: Final = len(_OCTETS) * 16
_STRIDE: Final = 1_237
"""Coprime to ``_SPACES``: pools of one provider do not lie side by side."""


class Pool(NamedTuple):
    """``first4`` is the first of ``1 << bits`` addresses; ``first6`` the first of 2^32 networks of 64 bits, or -1;
    ``head6`` is their beginning as text.
    """

    number: int
    use: Use
    kind: AddressKind
    city: int
    share: int
    place: Place
    bits: int
    first4: int
    first6: int = -1
    head6: str = ""

    @property
    def country(self) -> str:
        return self.place.country

    @property
    def asn(self) -> str:
        return self.place.asn

    def v4(self, number: int) -> str:
        """The address with this number; numbers beyond the last begin again."""
        found = self.first4 + (number & (1 << self.bits) - 1)
        return f"{found >> 24}.{found >> 16 & 255}.{found >> 8 & 255}.{found & 255}"

    def v6(self, network: int, host: int) -> str:
        """An IPv6 address in the canonical spelling; ``network`` picks the /64, ``host`` what follows."""
        # Each group has four digits: zeros in front, and runs of zeros, are written in another way (RFC 5952).
        low = f"{network & 0xFFFFFFFF | 0x10001000:08x}"
        rest = f"{host | 0x1000100010001000:016x}"
        return f"{self.head6}:{low[:4]}:{low[4:]}:{rest[:4]}:{rest[4:8]}:{rest[8:12]}:{rest[12:]}"

    def cidrs(self) -> list[str]:
        """Its blocks as lists of ranges have them."""
        blocks = [f"{IPv4Address(self.first4)}/{32 - self.bits}"]
        return blocks if self.first6 < 0 else [*blocks, f"{IPv6Address(self.first6 << 64)}/32"]


class Pools:
    """All pools of a world. The same seed gives the same ones, in the same order."""

    def __init__(self, seed: int) -> None:
        self.all: list[Pool] = []
        self._seed = mix(seed, 4)
        for use, asn, city, share, sixth in _plans():
            self.all.append(self._pool(use, asn, city, share, sixth))
        self._v4 = sorted((pool.first4, pool.number) for pool in self.all)
        self._v6 = sorted((pool.first6, pool.number) for pool in self.all if pool.first6 >= 0)

    def find(self, address: IPv4Address | IPv6Address) -> Pool | None:
        """Whose it is; None for what no pool has."""
        if address.version == 4:
            number, starts = int(address), self._v4
        else:
            number, starts = int(address) >> 64, self._v6
        at = bisect_right(starts, (number, len(self.all))) - 1
        if at < 0:
            return None
        pool = self.all[starts[at][1]]
        size = 1 << (pool.bits if address.version == 4 else 32)
        return pool if number - starts[at][0] < size else None

    def _pool(self, use: Use, asn: int, city: int, share: int, sixth: bool) -> Pool:
        index = len(self.all)
        space = (below(self._seed, _SPACES) + index * _STRIDE) % _SPACES
        first4 = _OCTETS[space // 16] << 24 | (space % 16) << 20
        # The last 16 bits are never zero, as zeros are written in another way.
        upper = (0x2A00 + index % 16) << 16 | 1 + (below(self._seed, 65_535) + index * 40_508) % 65_535
        where = CITIES[city]
        least, most = _RADIUS[use]
        place = Place(
            country=where.country,
            city="" if use == "mobile" else where.name,
            latitude=where.latitude,
            longitude=where.longitude,
            radius_km=least + below(mix(self._seed, index), most - least + 1),
            asn=f"AS{_FIRST_ASN + asn}",
        )
        return Pool(
            number=index,
            use=use,
            kind=KINDS[use],
            city=city,
            share=share,
            place=place,
            bits=_BITS[use],
            first4=first4,
            first6=upper << 32 if sixth else -1,
            head6=f"{upper >> 16:x}:{upper & 0xFFFF:x}" if sixth else "",
        )


Plan = tuple[Use, int, int, int, bool]
"""Use, number of the provider, city, share, and whether it has IPv6."""


def _plans() -> Iterator[Plan]:
    capitals: dict[str, int] = {}
    for city, found in enumerate(CITIES):
        capitals.setdefault(found.country, city)
    for number, (country, capital) in enumerate(capitals.items()):
        base = number * 10
        home = country == HOME
        for turn, share in enumerate(CARRIERS_AT_HOME if home else CARRIERS_ABROAD):
            yield "mobile", base + turn, capital, share, False
        for city, found in enumerate(CITIES):
            if found.country == country:
                yield from _in_city(city, base + 3, LINES_AT_HOME if home else LINES_ABROAD)
    yield from _for_hire()


def _in_city(city: int, base: int, shares: tuple[int, ...]) -> Iterator[Plan]:
    for turn, share in enumerate(shares):
        # Every second provider offers IPv6.
        yield "line", base + turn, city, share, turn % 2 == 0
    yield "business", base + 5, city, 1, False
    yield "hotel", base + 6, city, 1, False


def _for_hire() -> Iterator[Plan]:
    cities: dict[str, int] = {}
    for city, found in enumerate(CITIES):
        cities.setdefault(found.country, city)
        cities.setdefault(found.name, city)
    for service in range(VPN_SERVICES):
        for turn, country in enumerate(_VPN_COUNTRIES):
            if country in cities and (turn + service) % 4:
                yield "vpn", 900 + service, cities[country], 1, False
    for turn, name in enumerate(_HOSTS):
        yield "hosting", 920 + turn % 5, cities[name], 3 if turn < 3 else 1, False
    for turn, name in enumerate(_TORS):
        yield "tor", 940 + turn, cities[name], 1, False
