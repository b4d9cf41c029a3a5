"""Ranges of addresses: those that the standards set apart, and lists of the operator's.

A list is a text file with one address or network (CIDR) on each line; blank lines and what follows ``#`` do
not count. Every other line must be a network in full: half of a list would quietly protect half.

>>> from ipaddress import ip_address
>>> tor = RangeList.parse("192.0.2.7\\n198.51.100.0/24 # exits\\n", "tor")
>>> ip_address("198.51.100.9") in tor, ip_address("198.51.101.9") in tor
(True, False)

``special_kind`` follows the IANA special-purpose registries. An address that no packet can come from
(multicast, reserved, unspecified) is ``malformed``. The ranges for documentation are left as ordinary
addresses of which nothing is known, as examples and tests use them so.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from stepwarden.errors import LookupDataError
from stepwarden.events.facts import AddressKind

Address = IPv4Address | IPv6Address
Span = tuple[int, int, int]
"""IP version, first and last address of a network."""


def parse_network(text: str) -> Span:
    """One address or network in CIDR notation; a quarter of the time that ``ipaddress.ip_network`` takes.

    >>> parse_network("192.0.2.0/24") == (4, 0xC0000200, 0xC00002FF)
    True

    Raises:
        ValueError: for everything else, bits behind the prefix and zone ids included.
    """
    host, slash, prefix = text.partition("/")
    if "%" in host:
        raise ValueError("an address with a zone id")
    address = ip_address(host)
    free = 0
    if slash:
        if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 3):
            raise ValueError("not a prefix length")
        free = address.max_prefixlen - int(prefix)
    first = int(address)
    if free < 0 or first & ((1 << free) - 1):
        raise ValueError("not a network")
    return address.version, first, first | ((1 << free) - 1)


class RangeSet:
    """Addresses, as sorted ranges that do not touch each other."""

    def __init__(self, networks: Iterable[Span]) -> None:
        v4: list[tuple[int, int]] = []
        v6: list[tuple[int, int]] = []
        for version, first, last in networks:
            (v4 if version == 4 else v6).append((first, last))
        first4, last4 = _joined(v4)
        self._first4, self._last4 = array("I", first4), array("I", last4)
        self._first6, self._last6 = _joined(v6)

    def __contains__(self, address: Address) -> bool:
        number = int(address)
        if address.version == 4:
            at = bisect_right(self._first4, number) - 1
            return at >= 0 and number <= self._last4[at]
        at = bisect_right(self._first6, number) - 1
        return at >= 0 and number <= self._last6[at]

    def __len__(self) -> int:
        return len(self._first4) + len(self._first6)


def _joined(ranges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Firsts and lasts of the union."""
    firsts: list[int] = []
    lasts: list[int] = []
    for first, last in sorted(ranges):
        if lasts and first <= lasts[-1] + 1:
            lasts[-1] = max(lasts[-1], last)
        else:
            firsts.append(first)
            lasts.append(last)
    return firsts, lasts


class RangeList(RangeSet):
    """A list of the operator's: addresses of one kind."""

    def __init__(self, networks: Iterable[Span], kind: AddressKind) -> None:
        super().__init__(networks)
        self.kind: AddressKind = kind

    @classmethod
    def parse(cls, text: str, kind: AddressKind, *, name: str = "list") -> "RangeList":
        """Read a list.

        Raises:
            LookupDataError: a line is no network, or has bits set behind its prefix.
        """
        networks: list[Span] = []
        for number, line in enumerate(text.splitlines(), start=1):
            entry = line.partition("#")[0].strip()
            if not entry:
                continue
            try:
                networks.append(parse_network(entry))
            except ValueError as exc:
                shown = ascii(entry[:50])
                raise LookupDataError(f"{name}, line {number}: {shown} is not an address or network") from exc
        return cls(networks, kind)

    @classmethod
    def load(cls, path: Path, kind: AddressKind) -> "RangeList":
        """Read a list from a file.

        Raises:
            LookupDataError: the file cannot be read, or a line of it.
        """
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as exc:
            raise LookupDataError(f"cannot read {path}: {exc}") from exc
        return cls.parse(text, kind, name=str(path))


def _set(*networks: str) -> RangeSet:
    return RangeSet(parse_network(network) for network in networks)


PRIVATE = _set(
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
IMPOSSIBLE = _set("0.0.0.0/8", "224.0.0.0/3", "::/128", "fec0::/10", "ff00::/8", "100::/64")


def special_kind(address: Address) -> AddressKind | None:
    """``private``, or ``malformed`` for what no client can have; None for ordinary addresses."""
    if address in PRIVATE:
        return "private"
    return "malformed" if address in IMPOSSIBLE else None
