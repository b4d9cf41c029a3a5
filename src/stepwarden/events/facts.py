"""Facts: what is known of one attempt when it is decided, with no personal value in it.

This is what signals read, what rules see and what the leaf holds. People, sessions, devices and addresses stand
here as tokens: 16 characters of base64url, equal for equal values of one log and meaningless outside it. What is
derived from a personal value and needed to decide (country, kind of address, distance travelled) is recorded,
so that a decision can be recomputed after the personal values are erased.
"""

from typing import Literal

import msgspec

from stepwarden.events.attempt import Outcome

AddressKind = Literal[
    "missing", "malformed", "private", "residential", "datacenter", "vpn", "tor", "relay", "anycast"
]
"""``residential`` means: a public address on none of the lists. ``malformed`` counts as the highest risk."""

TOKEN_LENGTH = 16


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt as the decision sees it.

    ``time`` is microseconds since 1970 UTC. ``travel_km`` is the distance to the place of the last attempt that
    ended well, minus both accuracy radii (never below 0), and ``travel_s`` the seconds since then; -1: not known.
    ``network`` stands for the /24 (IPv4) or /48 (IPv6) around the address. ``remembered`` is the device whose signed
    cookie came along and is for this actor and this kind of agent. ``identified``: the caller named the device; where
    it is False, ``device`` stands for the actor's kind of agent and no more. ``asked_aal`` and ``asked_max_age`` are
    what the caller asks for at least (``acr_values``, ``max_age``; -1: nothing).
    """

    time: int
    action: str
    actor: str = ""
    session: str = ""
    address: str = ""
    network: str = ""
    device: str = ""
    agent: str = ""
    resource: str = ""
    address_kind: AddressKind = "missing"
    country: str = ""
    asn: str = ""
    browser: str = ""
    os: str = ""
    device_type: str = ""
    travel_km: int = -1
    travel_s: int = -1
    outcome: Outcome = "unknown"
    proved: tuple[str, ...] = ()
    remembered: str = ""
    identified: bool = False
    asked_aal: int = 0
    asked_max_age: int = -1
