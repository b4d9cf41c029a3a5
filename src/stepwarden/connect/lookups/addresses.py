"""All that is known of an address, put together from the sources that there are.

Country, network and place come each from the first source that knows them: the operator's MaxMind-format
files in their order, then the installed data. The kind is the first that holds of: special by the
standards; ``tor``, ``vpn``, ``relay``, ``datacenter``, ``anycast`` by any list or file; else
``residential``, which so means a public address on none of the lists.

The last ``remembered`` answers are kept. Nothing raises: what is no address is ``malformed``, none is
``missing``.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from stepwarden.connect.lookups.builtin import open_builtin
from stepwarden.connect.lookups.maxmind import Database
from stepwarden.connect.lookups.ranges import RangeList, special_kind
from stepwarden.connect.lookups.table import Table
from stepwarden.events.addresses import parse_address
from stepwarden.events.facts import AddressKind
from stepwarden.flow.lookups import AddressInfo

LISTED_KINDS: tuple[AddressKind, ...] = ("tor", "vpn", "relay", "datacenter", "anycast")
"""Strongest first."""

MISSING = AddressInfo(kind="missing")
MALFORMED = AddressInfo(kind="malformed")


class Addresses:
    """``flow.lookups.AddressLookup`` over local data."""

    def __init__(
        self,
        *,
        databases: Sequence[Database],
        ranges: Sequence[RangeList],
        builtin: Table | None,
        remembered: int,
    ) -> None:
        self._databases = tuple(databases)
        self._ranges = tuple(sorted(ranges, key=lambda known: LISTED_KINDS.index(known.kind)))
        self._builtin = builtin
        self._remember = lru_cache(remembered)(self._find)

    @property
    def sources(self) -> tuple[str, ...]:
        """What answers are made of, for the service's start to log."""
        files = [f"{known.type} {known.built}" for known in self._databases]
        lists = [f"{known.kind} ({len(known)} ranges)" for known in self._ranges]
        return (*files, *lists, *([self._builtin.origin] if self._builtin is not None else ()))

    def lookup(self, ip: IPv4Address | IPv6Address | str) -> AddressInfo:
        """What is known; never raises."""
        return self._remember(ip) if ip else MISSING

    def _find(self, ip: IPv4Address | IPv6Address | str) -> AddressInfo:
        # As text once more unless it is IPv4: mapped addresses and zone ids come as IPv6Address too.
        address = ip if isinstance(ip, IPv4Address) else parse_address(str(ip))
        if address is None:
            return MALFORMED
        special = special_kind(address)
        if special is not None:
            return AddressInfo(kind=special)
        said = [database.lookup(address) for database in self._databases]
        country, asn = self._builtin.lookup(address) if self._builtin is not None else ("", "")
        kinds = {known.kind for known in said if known.kind is not None}
        kinds.update(known.kind for known in self._ranges if address in known)
        place = next((known.place for known in said if known.place is not None), None)
        latitude, longitude, radius = place if place is not None else (None, None, None)
        return AddressInfo(
            country=next((known.country for known in said if known.country), country),
            asn=next((known.asn for known in said if known.asn), asn),
            kind=next((kind for kind in LISTED_KINDS if kind in kinds), "residential"),
            latitude=latitude,
            longitude=longitude,
            radius_km=radius,
        )


def open_addresses(
    *,
    cache: Path,
    databases: Sequence[Path],
    ranges: Sequence[tuple[Path, AddressKind]],
    remembered: int,
) -> Addresses:
    """Open all sources.

    Args:
        cache: where the compact form of the installed data is kept; some 10 MB.
        databases: MaxMind-format files, the one that counts most first.
        ranges: lists, and the kind that each is of (one of ``LISTED_KINDS``).
        remembered: how many answers are kept.

    Raises:
        LookupDataError: one of them cannot be read.
    """
    return Addresses(
        databases=[Database(path) for path in databases],
        ranges=[RangeList.load(path, kind) for path, kind in ranges],
        builtin=open_builtin(cache),
        remembered=remembered,
    )
