"""MaxMind-format files that the operator brings: country, network (ASN), city, anonymous addresses.

What a file is for is seen in its records, not in its name, so files of other makers in the same format work
too: a record may hold ``country.iso_code`` (or ``country_code``), ``location`` with its ``accuracy_radius``
(km), ``autonomous_system_number``, ``is_tor_exit_node`` and its like, ``traits.is_anycast``.

A value of the wrong type or out of range counts as not there. Not here: which file goes first
(``addresses``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import maxminddb

from stepwarden.errors import LookupDataError
from stepwarden.events.facts import AddressKind

_LARGEST_ASN = 2**32 - 1
_LARGEST_RADIUS = 20_000
_KINDS: tuple[tuple[str, AddressKind], ...] = (
    ("is_tor_exit_node", "tor"),
    ("is_anonymous_vpn", "vpn"),
    ("is_public_proxy", "vpn"),
    ("is_residential_proxy", "vpn"),
    ("is_hosting_provider", "datacenter"),
    ("is_anonymous", "vpn"),
    ("is_anycast", "anycast"),
)
"""Strongest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What one file says of an address; empty or None where it says nothing."""

    country: str = ""
    asn: str = ""
    kind: AddressKind | None = None
    place: tuple[float, float, int | None] | None = None


NOTHING = Known()


class Database:
    """One open file."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            LookupDataError: it is missing or not in MaxMind's format.
        """
        try:
            self._reader = maxminddb.open_database(path)
            self.type = self._reader.metadata().database_type
            self.built = self._reader.metadata().build_epoch
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as exc:
            raise LookupDataError(f"cannot read {path}: {exc}") from exc
        self._has_v6 = self._reader.metadata().ip_version == 6

    def lookup(self, address: IPv4Address | IPv6Address) -> Known:
        """What the file says; a damaged record says nothing."""
        if address.version == 6 and not self._has_v6:
            return NOTHING
        try:
            record = self._reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return NOTHING
        return read_record(record) if isinstance(record, dict) else NOTHING


def read_record(record: Mapping[str, object]) -> Known:
    """What a record says, whatever else is in it."""
    traits = {**_map(record.get("traits")), **record}
    return Known(
        country=_country(record),
        asn=_asn(traits.get("autonomous_system_number")),
        kind=next((kind for name, kind in _KINDS if traits.get(name) is True), None),
        place=_place(_map(record.get("location"))),
    )


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _country(record: Mapping[str, object]) -> str:
    for found in (
        _map(record.get("country")).get("iso_code"),
        record.get("country_code"),
        _map(record.get("registered_country")).get("iso_code"),
    ):
        if isinstance(found, str) and len(found) == 2 and found.isascii() and found.isalpha():
            return found.upper()
    return ""


def _asn(number: object) -> str:
    return f"AS{number}" if type(number) is int and 0 < number <= _LARGEST_ASN else ""


def _place(location: Mapping[str, object]) -> tuple[float, float, int | None] | None:
    latitude, longitude = location.get("latitude"), location.get("longitude")
    if not isinstance(latitude, float | int) or not isinstance(longitude, float | int):
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    radius = location.get("accuracy_radius")
    fits = type(radius) is int and 0 <= radius <= _LARGEST_RADIUS
    return float(latitude), float(longitude), radius if fits and isinstance(radius, int) else None
