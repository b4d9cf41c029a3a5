"""The simulated world: its addresses and who asks for one.

>>> world = World(1)
>>> from random import Random
>>> there = world.line(Random(7), country="FR")
>>> there.place.country, world.pool(there.ip).asn == there.place.asn
('FR', True)

For whoever attacks, ``line``, ``hosted``, ``vpn``, ``tor`` give addresses as they are sold, ``rival``, ``kin`` and
``beside`` such near somebody. All draws come from the given dice. What is known of a person, and where they are at a
time, is told by ``people``.

``ranges`` are the lists that a site with this world's addresses would have: what kinds they are. Country, network and
place go along with each attempt (``Attempt.place``), so that a server without any tables sees what one with them does.

Not here: blocks and providers (``networks``), reading addresses as production does (``addresses``).
"""

from bisect import bisect_right
from functools import lru_cache
from random import Random
from typing import NamedTuple

from stepwarden.events.addresses import parse_address
from stepwarden.events.attempt import Place
from stepwarden.events.facts import AddressKind
from stepwarden.lab.simulate.cities import CITIES, LINES
from stepwarden.lab.simulate.draws import running
from stepwarden.lab.simulate.networks import Pool, Pools, Use


class Address(NamedTuple):
    """An address and the place that the site is told with it."""

    ip: str
    place: Place


class World:
    """What one seed gives. Immutable; people are in ``people``."""

    def __init__(self, seed: int) -> None:
        """``seed`` any integer."""
        self.seed = seed
        self.pools = Pools(seed)

    def pool(self, ip: str) -> Pool | None:
        """Whose address it is; None for what is no address of this world."""
        address = parse_address(ip)
        return None if address is None else self.pools.find(address)

    def ranges(self) -> dict[AddressKind, list[str]]:
        """The ranges of each kind that lists are kept of: lines for the files of ``addresses.vpn`` and the like."""
        found: dict[AddressKind, list[str]] = {"tor": [], "vpn": [], "datacenter": []}
        for pool in self.pools.all:
            if pool.kind in found:
                found[pool.kind] += pool.cidrs()
        return found

    @lru_cache(maxsize=4_096)  # noqa: B019  a world lives as long as its run
    def having(self, use: Use, country: str = "", city: str = "", asn: str = "") -> tuple[Pool, ...]:
        """The pools of this use; where none is in the city, or of the network, those of the country, then all."""
        every = tuple(pool for pool in self.pools.all if pool.use == use)
        inside = tuple(pool for pool in every if not country or pool.country == country)
        named = tuple(
            pool
            for pool in inside
            if (not city or CITIES[pool.city].name == city) and (not asn or pool.asn == asn)
        )
        return named or inside or every

    def within(self, use: Use, city: int) -> tuple[Pool, ...]:
        """The pools of this use in a city (a position in ``CITIES``); else as ``having``."""
        return self.having(use, CITIES[city].country, CITIES[city].name)

    def line(self, dice: Random, *, country: str = "", city: str = "", asn: str = "") -> Address:
        """A household's line: by countries' shares of all lines, or within what is named."""
        return self._drawn(dice, "line", country, city, asn)

    def hosted(self, dice: Random) -> Address:
        """A rented server."""
        return self._drawn(dice, "hosting")

    def vpn(self, dice: Random, *, country: str = "") -> Address:
        """An exit of a commercial VPN; in another country where the named one has none."""
        return self._drawn(dice, "vpn", country)

    def tor(self, dice: Random) -> Address:
        """An exit of Tor."""
        return self._drawn(dice, "tor")

    def rival(self, dice: Random, city: int, asn: str) -> Address:
        """A household's line in this city (a position in ``CITIES``) with another provider than this one."""
        others = sorted({pool.asn for pool in self.within("line", city)} - {asn})
        other = dice.choice(others) if others else ""
        return self.line(dice, country=CITIES[city].country, city=CITIES[city].name, asn=other)

    def kin(self, dice: Random, ip: str) -> Address:
        """Another customer of the same provider in the same place."""
        own = self.pool(ip)
        return self.line(dice) if own is None else _address(own, dice)

    def beside(self, dice: Random, ip: str) -> Address:
        """Another address of the same network (/24 or /48), and of the same provider."""
        own = self.pool(ip)
        if own is None:
            return self.line(dice)
        if ":" in ip:
            groups = ip.split(":")
            return Address(
                ":".join([*groups[:3], *(f"{dice.randrange(1, 65_536):x}" for _ in range(5))]), own.place
            )
        network, _, last = ip.rpartition(".")
        width = min(256, 1 << own.bits)
        first = int(last) // width * width
        others = [host for host in range(first, first + width) if host != int(last)]
        return Address(f"{network}.{dice.choice(others)}", own.place)

    def _drawn(self, dice: Random, use: Use, country: str = "", city: str = "", asn: str = "") -> Address:
        pools, sums = self._shares(use, country, city, asn)
        return _address(pools[bisect_right(sums, dice.randrange(sums[-1]))], dice)

    @lru_cache(maxsize=4_096)  # noqa: B019  a world lives as long as its run
    def _shares(
        self, use: Use, country: str, city: str, asn: str
    ) -> tuple[tuple[Pool, ...], tuple[int, ...]]:
        pools = self.having(use, country, city, asn)
        if use != "line":
            return pools, running(pool.share for pool in pools)
        count = {name: sum(1 for found in CITIES if found.country == name) for name in LINES}
        # A country's lines are spread over its cities evenly, and over providers by their shares.
        return pools, running(pool.share * LINES[pool.country] * 10 // count[pool.country] for pool in pools)


def _address(pool: Pool, dice: Random) -> Address:
    return Address(pool.v4(dice.randrange(1 << pool.bits)), pool.place)
