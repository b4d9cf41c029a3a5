"""From what an application tells to what a decision sees: normalise, look up, replace persons by tokens.

Nothing here decides and nothing here remembers, but for bounded caches and the places of ``Places``. What cannot be
parsed or looked up becomes the value that lowers nothing: an address that makes no sense is ``malformed``, a
missing look-up leaves its field empty.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from stepwarden.events.addresses import client_address, network_around
from stepwarden.events.attempt import Attempt, Place
from stepwarden.events.facts import AddressKind, Facts
from stepwarden.events.levels import level_of
from stepwarden.events.redaction import redact, redact_values
from stepwarden.flow.devices import DeviceCookies
from stepwarden.flow.lookups import AddressLookup, AgentLookup
from stepwarden.signals.travel import Places, Position, tells_place

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Tokenizer(Protocol):
    """Replaces values by tokens; production keys them (``tokens``), a replay of a file keeps them as they are."""

    def session(self, value: str) -> str: ...
    def device(self, value: str) -> str: ...
    def address(self, value: str) -> str: ...
    def network(self, value: str) -> str: ...
    def agent(self, value: str) -> str: ...
    def resource(self, value: str) -> str: ...


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """What is known of one address, computed once."""

    text: str
    token: str
    network: str
    kind: AddressKind
    country: str
    asn: str
    position: Position | None


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """What is known of one user agent, computed once. ``family`` tells kinds of agents apart.

    ``shown`` is its text as it may be recorded: without secrets.
    """

    token: str
    shown: str
    browser: str
    os: str
    device_type: str
    family: str


class Described(msgspec.Struct, frozen=True):
    """The facts of an attempt, its personal fields in clear, and where it came from."""

    facts: Facts
    personal: dict[str, str]
    position: Position | None


T = TypeVar("T")
SHOWN = 256
"""Characters of a malformed address that are kept."""
MISSING = KnownAddress("", "", "", "missing", "", "", None)


class Describer:
    """Turns attempts into facts. One per log (or per replayed file)."""

    def __init__(
        self,
        tokens: Tokenizer,
        addresses: AddressLookup,
        agents: AgentLookup,
        *,
        trusted_proxies: Sequence[Network],
        places: Places,
        remembered: int,
        cookies: DeviceCookies | None = None,
    ) -> None:
        """``cookies`` None: no device is remembered (the replay of a file)."""
        self._tokens = tokens
        self._addresses = addresses
        self._agents = agents
        self._trusted = tuple(trusted_proxies)
        self.places = places
        self._remembered = remembered
        self._cookies = cookies
        self._known_addresses: OrderedDict[str, KnownAddress] = OrderedDict()
        self._known_agents: OrderedDict[str, KnownAgent] = OrderedDict()

    def session(self, value: str) -> str:
        """The token of a session id; empty stays empty."""
        return self._tokens.session(value)

    def family(self, user_agent: str) -> str:
        """The kind of agent that a user agent is: what a remembered device is bound to."""
        return self._agent(user_agent).family

    def agent_token(self, family: str) -> str:
        """The token of a kind of agent."""
        return self._tokens.agent(family)

    def whence(self, peer: str, forwarded_for: str | None, user_agent: str) -> tuple[str, str]:
        """Network and kind of agent that a request comes from, as tokens: what a stolen cookie changes."""
        found = self._address(Attempt(action="", peer=peer, forwarded_for=forwarded_for))
        return found.network or found.kind, self._agent(user_agent).family

    def describe(self, attempt: Attempt, *, actor: str, time: int) -> Described:
        """The facts of ``attempt`` at ``time`` (microseconds), by the person with token ``actor``."""
        address, agent = self._address(attempt), self._agent(attempt.user_agent)
        facts, position = self._facts(attempt, actor, time, address, agent)
        return Described(facts, self._personal(attempt, address, agent, position), position)

    def address(self, attempt: Attempt) -> str:
        """The client's address as it is shown to people; "" where none is known."""
        return self._address(attempt).text

    def facts(self, attempt: Attempt, *, actor: str, time: int) -> tuple[Facts, Position | None]:
        """As ``describe``, for whoever writes nothing down: without the personal fields."""
        return self._facts(attempt, actor, time, self._address(attempt), self._agent(attempt.user_agent))

    def _facts(
        self, attempt: Attempt, actor: str, time: int, address: KnownAddress, agent: KnownAgent
    ) -> tuple[Facts, Position | None]:
        tokens = self._tokens
        device = attempt.device
        device_id = device.id if device else ""
        place = attempt.place
        position = address.position
        country, asn = address.country, address.asn
        if place is not None:
            country = place.country.upper() or country
            asn = place.asn or asn
            position = position_of(place) or position
        if not tells_place(address.kind) and not (place and address.kind == "missing"):
            position = None
        travel_km, travel_s = self.places.measure(actor, position, time)
        facts = Facts(
            time=time,
            action=attempt.action,
            actor=actor,
            session=tokens.session(attempt.session),
            address=address.token,
            network=address.network,
            device=tokens.device(device_id or _stand_in(actor, agent.family)),
            agent=agent.token,
            resource=tokens.resource(attempt.resource),
            address_kind=address.kind,
            country=country,
            asn=redact(asn) if place is not None else asn,
            browser=(redact(device.browser) if device and device.browser else "") or agent.browser,
            os=(redact(device.os) if device and device.os else "") or agent.os,
            device_type=(redact(device.type) if device and device.type else "") or agent.device_type,
            travel_km=travel_km,
            travel_s=travel_s,
            outcome=attempt.outcome,
            proved=tuple(attempt.proved),
            remembered=self._device(device.token, actor, agent, time) if device and device.token else "",
            identified=bool(device_id),
            asked_aal=level_of(attempt.acr_values) if attempt.acr_values else 0,
            asked_max_age=-1 if attempt.max_age is None else attempt.max_age,
        )
        return facts, position

    def _device(self, token: str, actor: str, agent: KnownAgent, time: int) -> str:
        """The remembered device that this cookie is for; empty for what it is not."""
        if self._cookies is None or not actor:
            return ""
        return self._cookies.read(token, actor, agent.family, now=time // 1_000_000)

    def _personal(
        self, attempt: Attempt, address: KnownAddress, agent: KnownAgent, position: Position | None
    ) -> dict[str, str]:
        # Tokens and bindings stand for what came; what can be read again holds no secret. An actor's id may be
        # random by design (a pairwise subject of OpenID Connect), so it is only looked at for shapes that are certain.
        values = redact_values(attempt.parameters) if attempt.parameters else None
        return {
            "actor": redact(attempt.actor, random=False),
            "ip": address.text,
            "user_agent": agent.shown,
            "resource": redact(attempt.resource),
            "parameters": msgspec.json.encode(values, order="sorted").decode() if values else "",
            "place": format_position(position) if position is not None else "",
        }

    def _address(self, attempt: Attempt) -> KnownAddress:
        if attempt.ip:
            known = self._known_addresses.get(attempt.ip)
            if known is not None:
                return known
        client = client_address(attempt.ip, attempt.peer, attempt.forwarded_for, self._trusted)
        if client.state == "missing":
            return MISSING
        known = self._known_addresses.get(client.address) if client.state == "ok" else None
        if known is None:
            if client.state == "malformed":
                # As it came, for whoever reads the log: this is what somebody tried.
                came = (attempt.ip or attempt.forwarded_for or attempt.peer)[:SHOWN]
                shown = redact(came)
                return KnownAddress(shown, self._tokens.address(came), "", "malformed", "", "", None)
            known = self._look_up(client.address)
            _remember(self._known_addresses, client.address, known, self._remembered)
        return known

    def _look_up(self, text: str) -> KnownAddress:
        """What is known of an address in its canonical spelling."""
        address = ipaddress.ip_address(text)
        info = self._addresses.lookup(address)
        position = None
        if info.latitude is not None and info.longitude is not None:
            position = Position(
                latitude=info.latitude, longitude=info.longitude, radius_km=info.radius_km or 0
            )
        return KnownAddress(
            text,
            self._tokens.address(text),
            self._tokens.network(network_around(address)),
            info.kind,
            info.country,
            info.asn,
            position,
        )

    def _agent(self, text: str) -> KnownAgent:
        known = self._known_agents.get(text)
        if known is None:
            if text:
                info = self._agents.lookup(text)
                family = f"agent:{info.browser}/{info.os}/{info.device_type}"
                named = (redact(text), redact(info.browser), redact(info.os), info.device_type)
                known = KnownAgent(self._tokens.agent(text), *named, family)
            else:
                known = KnownAgent("", "", "", "", "", "")
            _remember(self._known_agents, text, known, self._remembered)
        return known


def _remember(cache: OrderedDict[str, T], key: str, value: T, limit: int) -> None:
    if len(cache) >= limit:
        cache.popitem(last=False)
    cache[key] = value


def _stand_in(actor: str, family: str) -> str:
    """A device for an application that names none: this kind of agent *of this person* (their token).

    Millions share a browser and a system; were it one device, the failures of some would count against all. Made
    from the token and not from the id: somebody who was erased and comes back must not be known by it.
    """
    return f"{actor}\0{family}" if actor and family else ""


def position_of(place: Place) -> Position | None:
    """Where a record's own vendor says it was; None without coordinates."""
    if place.latitude is None or place.longitude is None:
        return None
    return Position(latitude=place.latitude, longitude=place.longitude, radius_km=place.radius_km or 0)


def format_position(position: Position) -> str:
    """``latitude,longitude,radius`` in degrees (4 decimals, about 11 m) and km."""
    return f"{position.latitude:.4f},{position.longitude:.4f},{position.radius_km}"


def parse_position(text: str) -> Position | None:
    """Read back what ``format_position`` wrote; None for anything else."""
    try:
        latitude, longitude, radius = text.split(",")
        return Position(latitude=float(latitude), longitude=float(longitude), radius_km=int(radius))
    except ValueError:
        return None
