"""Client addresses: whose address it is that an attempt comes from, behind proxies and in log files.

``X-Forwarded-For`` is written by everybody on the way, the attacker first. So it is read from the right:
the peer of our socket is certain; if it is a trusted proxy, the last element is what that proxy saw; if
that too is a trusted proxy, the one before; and so on, up to the first address that is not trusted. That is
the client. What stands left of it is anybody's claim and is never looked at.

>>> from ipaddress import ip_network
>>> proxies = (ip_network("10.0.0.0/8"),)
>>> client_address("", "10.0.0.1", "6.6.6.6, 192.0.2.7, 10.0.0.2", proxies)
ClientAddress(address='192.0.2.7', state='ok')
>>> client_address("", "10.0.0.1", "6.6.6.6, a", proxies).state
'malformed'

A trusted proxy that says nothing, or something that is no address, makes the address malformed, which
counts as the highest risk: never as a pass, and never as the proxy's own address. One address has one
spelling: what comes out is the canonical text, IPv4 addresses mapped into IPv6 come out as IPv4, zone ids
are refused.

Not here: what is known of an address (``flow.lookups``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
MAX_HEADER = 4096
"""Longer than any honest chain of proxies; what is longer is not looked into."""

_MAX_ADDRESS = 45
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """An address in its canonical spelling, or why there is none."""

    address: str
    state: Literal["ok", "missing", "malformed"]


MISSING = ClientAddress("", "missing")
MALFORMED = ClientAddress("", "malformed")


def parse_address(text: str) -> Address | None:
    """One bare address, IPv4-mapped ones as IPv4; None for everything else, zone ids and ports included."""
    # A zone id names an interface of the machine that wrote it: to us it is noise that makes spellings
    # differ.
    if not text or len(text) > _MAX_ADDRESS or "%" in text:
        return None
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def client_address(
    ip: str, peer: str, forwarded_for: str | None, trusted: Sequence[Network]
) -> ClientAddress:
    """The client's address.

    Args:
        ip: the address as a caller has worked it out; where it is given, it is all that counts.
        peer: the address of the socket.
        forwarded_for: the ``X-Forwarded-For`` header, several joined by commas; None where there was none, which
            from a trusted proxy means the proxy itself (a health check). An empty one is malformed.
        trusted: the networks of the proxies whose word counts.
    """
    if ip:
        return _result(parse_address(ip))
    if not peer:
        # A header without a peer has nobody to vouch for it.
        return MALFORMED if forwarded_for else MISSING
    nearest = parse_address(peer)
    if nearest is None or forwarded_for is None or not _within(nearest, trusted):
        return _result(nearest)
    if len(forwarded_for) > MAX_HEADER:
        return MALFORMED
    for element in reversed(forwarded_for.split(",")):
        nearest = parse_address(element.strip(" \t"))
        if nearest is None or not _within(nearest, trusted):
            break
    return _result(nearest)


def parse_address_field(text: str) -> ClientAddress:
    """An address as log files have it: also ``192.0.2.7:55``, ``[2001:db8::1]`` and ``[2001:db8::1]:55``.

    Empty and ``-`` are missing. Only importers use this: a port where an address belongs is no address.

    >>> parse_address_field("[2001:DB8::1]:443").address
    '2001:db8::1'
    """
    text = text.strip()
    if text in ("", "-"):
        return MISSING
    bare = parse_address(text)
    if bare is not None:
        return _result(bare)
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        found = parse_address(host)
        if not closed or (not isinstance(found, IPv6Address) and ":" not in host):
            return MALFORMED
        return _result(found) if not port or (port[0] == ":" and _is_port(port[1:])) else MALFORMED
    host, _, port = text.partition(":")
    return _result(parse_address(host)) if _is_port(port) else MALFORMED


def network_of(address: str) -> str:
    """The /24 (IPv4) or /48 (IPv6) around an address, as text; empty for what is no address.

    >>> network_of("192.0.2.7"), network_of("2001:db8:1:2::3")
    ('192.0.2.0/24', '2001:db8:1::/48')
    """
    found = parse_address(address)
    return "" if found is None else network_around(found)


def network_around(address: Address) -> str:
    """The same for one that was parsed."""
    bits = 8 if address.version == 4 else 80
    first = type(address)(int(address) >> bits << bits)
    return f"{first}/{address.max_prefixlen - bits}"


def _result(found: Address | None) -> ClientAddress:
    return MALFORMED if found is None else ClientAddress(str(found), "ok")


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= _MAX_PORT
