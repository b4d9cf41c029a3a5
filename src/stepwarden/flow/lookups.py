"""What the flow asks about addresses and user agents: two small protocols and what they answer.

Both answer from memory within microseconds, never wait, never raise for any input, and give the same answer
until their data is exchanged. What they do not know stays empty or None: an unknown never lowers what is
demanded.

Implementations: ``connect.lookups``.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

import msgspec

from stepwarden.events.facts import AddressKind


class AddressInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an address.

    ``country`` is ISO 3166-1 alpha-2, upper case; ``asn`` like ``AS2856``; ``radius_km`` the accuracy
    radius of the place. ``kind`` is ``malformed`` or ``missing`` for what is no address.
    """

    country: str = ""
    asn: str = ""
    kind: AddressKind = "residential"
    latitude: float | None = None
    longitude: float | None = None
    radius_km: int | None = None


class AgentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a user agent says it is: families with a major version for the browser (``Chrome 126``), else
    empty.

    ``device_type`` is ``desktop``, ``mobile``, ``tablet``, ``bot``, ``script`` or empty.
    """

    browser: str = ""
    os: str = ""
    device_type: str = ""


class AddressLookup(Protocol):
    """Country, network and kind of an address."""

    def lookup(self, ip: IPv4Address | IPv6Address | str) -> AddressInfo: ...


class AgentLookup(Protocol):
    """What software and device a user agent names."""

    def lookup(self, user_agent: str) -> AgentInfo: ...
