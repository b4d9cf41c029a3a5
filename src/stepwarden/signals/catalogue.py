"""The catalogue of signals: each fact about an attempt that a rule may use, with its type and its unit.

The order of ``CATALOGUE`` is the order of the values that ``SignalState.read`` gives. A value is an int, a
bool or a short string, never a float, so that it has one spelling in the log. What is recorded is sparse:
only the values that differ from their default.

>>> sparse(dense({"new_device": True}))
{'new_device': True}

Names are part of the public language of policies: one may be added, none may change its meaning. The table in
``docs/signals.md`` is made from here by ``table``. Not here: how a value is computed (``state``), nor what it
weighs (the policy).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import is_not
from typing import Final, Literal

from stepwarden.errors import InputError

Value = int | bool | str
Values = Sequence[Value]
"""One value for each entry of ``CATALOGUE``, in its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSpec:
    """One signal. ``default`` stands where nothing is known; ``unit`` is empty for bools and strings."""

    name: str
    type: Literal["int", "bool", "str"]
    default: Value
    unit: str
    doc: str


def _count(name: str, doc: str, unit: str = "attempts") -> SignalSpec:
    return SignalSpec(name=name, type="int", default=0, unit=unit, doc=doc)


def _number(name: str, default: int, unit: str, doc: str) -> SignalSpec:
    return SignalSpec(name=name, type="int", default=default, unit=unit, doc=doc)


def _flag(name: str, doc: str) -> SignalSpec:
    return SignalSpec(name=name, type="bool", default=False, unit="", doc=doc)


WINDOWS: Final[Mapping[str, int]] = {"1m": 60, "10m": 600, "1h": 3600, "24h": 86_400}
"""The windows and their length in seconds."""

_SPELLED: Final = {"1m": "minute", "10m": "10 minutes", "1h": "hour", "24h": "24 hours"}
_ENTITIES: Final = {
    "actor": "by this actor",
    "address": "from this address",
    "network": "from this network (/24 or /48)",
    "device": "from this device",
}


def _windowed(prefix: str, doc: str, windows: Sequence[str], unit: str = "attempts") -> list[SignalSpec]:
    return [_count(f"{prefix}_{w}", f"{doc} in the last {_SPELLED[w]}.", unit) for w in windows]


def _outcomes() -> list[SignalSpec]:
    found: list[SignalSpec] = []
    for entity, words in _ENTITIES.items():
        found += _windowed(f"{entity}_failures", f"Sign-ins {words} that failed", list(WINDOWS))
        found += _windowed(f"{entity}_successes", f"Sign-ins {words} that ended well", list(WINDOWS))
    return found


def _volume() -> list[SignalSpec]:
    day = ("1h", "24h")
    return [
        *_windowed("actor_attempts", "Attempts by this actor, however they ended,", list(WINDOWS)),
        *_windowed("actor_action", "Attempts of this very action by this actor", day),
        *_windowed("address_actors", "Different actors tried from this address", day, "actors"),
        *_windowed("network_actors", "Different actors tried from this network", day, "actors"),
        *_windowed("device_actors", "Different actors tried from this device", day, "actors"),
        *_windowed("actor_addresses", "Different addresses that this actor was tried from", day, "addresses"),
        _count(
            "request_rate_lift",
            "Attempts by this actor in the last hour, in percent of a usual busy hour of theirs; "
            "0 with too little history.",
            "percent",
        ),
        _count(
            "site_failure_permille_10m", "Share of all ended sign-ins that failed, 10 minutes.", "permille"
        ),
        _count("site_failure_permille_1h", "Share of all ended sign-ins that failed, 1 hour.", "permille"),
        _count(
            "site_failure_lift",
            "That share over the last hour, shrunk for small numbers, in percent of the site's own "
            "last 7 days; 0 with too little history.",
            "percent",
        ),
    ]


def _habits() -> list[SignalSpec]:
    things = {
        "device": "device",
        "address": "address",
        "network": "network",
        "country": "country",
        "asn": "autonomous system",
        "agent": "user agent",
        "browser": "browser",
    }
    return [
        _flag(
            "first_seen", "No attempt of this actor has ended well yet: there are no habits to compare with."
        ),
        _count("actor_logins", "Attempts of this actor that ended well, ever; stops at 1,000."),
        *(
            _flag(
                f"new_{name}",
                f"This actor never ended an attempt well with this {words}, but did with others.",
            )
            for name, words in things.items()
        ),
        _number(
            "travel_km", -1, "km", "Distance from the last good place, minus accuracy radii; -1: not known."
        ),
        _number(
            "travel_kmh",
            0,
            "km/h",
            "The speed that this distance would have needed, rounded up; stops at 1,000,000.",
        ),
        _count(
            "hour_of_week_seen", "Remembered good attempts of this actor within an hour of this hour of week."
        ),
        _flag(
            "unusual_hour",
            "Enough history, and no good attempt within an hour of this time of day, "
            "on weekdays or weekends as today.",
        ),
        _number("dormancy_days", 0, "days", "Whole days since the actor's last good attempt; 0 without one."),
    ]


def _session() -> list[SignalSpec]:
    things = {"address": "address", "network": "network", "agent": "user agent", "country": "country"}
    return [
        _flag("session_known", "This session of this actor has had a good attempt before."),
        *(
            _flag(f"session_{name}_changed", f"The session began with another {words}.")
            for name, words in things.items()
        ),
    ]


def _trouble() -> list[SignalSpec]:
    return [
        _count(
            "challenge_prompts_10m", "Challenges that reached this actor unpassed, 10 minutes.", "challenges"
        ),
        _count(
            "challenge_failures_1h", "Wrong answers to challenges by this actor in the last hour.", "answers"
        ),
        _count(
            "challenge_abandoned_24h", "Challenges of this actor that nobody passed, 24 hours.", "challenges"
        ),
        _count(
            "challenge_denied_24h",
            "Challenges of which the person said that it was not them, 24 hours.",
            "challenges",
        ),
        _count(
            "passkey_clones",
            "Answers by a passkey whose counter had gone back, 90 days: there are two of it.",
        ),
        _count(
            "passkey_backup_changes",
            "Times that a passkey began, or ceased, to be synced to other devices, 90 days.",
        ),
        _number(
            "credential_changed_hours",
            -1,
            "hours",
            "Whole hours since a password, address or factor was changed; -1: never seen; stops at 8,760.",
        ),
        _count("address_attacks", "Attempts from this address labelled as attacks, 90 days.", "labels"),
        _count("actor_attacks", "Attempts by this actor labelled as attacks, 90 days.", "labels"),
        _flag(
            "remembered_device", "The signed cookie of a device came along that this actor had remembered."
        ),
        _flag(
            "device_identified",
            "The application named the device; otherwise it is known by its kind of agent alone.",
        ),
    ]


def _likelihood() -> list[SignalSpec]:
    unit = "thousandths of a nat"
    return [
        _number(
            "place_surprise",
            0,
            unit,
            "How much rather anybody than this actor is at such an address, in such a network and country "
            "(Freeman et al.); 0 where nothing is known.",
        ),
        _number(
            "agent_surprise",
            0,
            unit,
            "How much rather anybody than this actor uses such an agent, browser, system and type of device; "
            "0 where nothing is known.",
        ),
        _number(
            "login_surprise",
            0,
            unit,
            "Both together, and how seldom this actor comes: ln of the likelihood ratio; 0 where nothing is known.",
        ),
        _flag("cold_start", "At most 3 attempts of this actor have ended well: their habits say little."),
    ]


def _spraying() -> list[SignalSpec]:
    return [
        _flag(
            "site_spraying",
            "The site's alarm stands: more people than usual fail from places new for them.",
        ),
        _count(
            "site_spraying_evidence",
            "Evidence for that, summed up; the alarm begins at 10,000.",
            "thousandths of a nat",
        ),
        _count(
            "site_stranger_failure_permille_24h",
            "Share of sign-ins from places new for the person that failed, 24 hours; a person fails once a day.",
            "permille",
        ),
    ]


CATALOGUE: Final[tuple[SignalSpec, ...]] = (
    *_outcomes(),
    *_volume(),
    *_habits(),
    *_session(),
    *_trouble(),
    *_likelihood(),
    *_spraying(),
)
POSITION: Final[Mapping[str, int]] = {spec.name: position for position, spec in enumerate(CATALOGUE)}
DEFAULTS: Final[tuple[Value, ...]] = tuple(spec.default for spec in CATALOGUE)
_NAMES: Final = tuple(POSITION)
_PLACES: Final = range(len(_NAMES))
_TYPES: Final = {"int": int, "bool": bool, "str": str}


def sparse(values: Values, custom: Sequence[SignalSpec] = ()) -> dict[str, int | str | bool]:
    """Only the values that differ from their default, by name: what an entry records.

    ``custom``: the signals of the policy, whose values come after those of the catalogue.
    """
    if len(values) != len(DEFAULTS) + len(custom):
        raise ValueError(f"{len(values)} values for {len(DEFAULTS) + len(custom)} signals")
    # Nearly all of it in C: this runs once for each decision. Identity will do, and is quicker than equality: the
    # defaults are small integers, booleans and the empty string, of which there is one object each.
    found = {_NAMES[at]: values[at] for at in compress(_PLACES, map(is_not, values, DEFAULTS))}
    if custom:
        own = zip(custom, values[len(DEFAULTS) :], strict=True)
        found |= {spec.name: value for spec, value in own if value != spec.default}
    return found


def dense(given: Mapping[str, int | str | bool], custom: Sequence[SignalSpec] = ()) -> tuple[Value, ...]:
    """All values in the catalogue's order, then those of ``custom``; defaults where nothing is given.

    Raises:
        InputError: a name that is not among them, or a value of another type.
    """
    specs = (*CATALOGUE, *custom)
    values = [spec.default for spec in specs]
    own = {spec.name: place for place, spec in enumerate(custom, start=len(DEFAULTS))}
    for name, value in given.items():
        position = POSITION.get(name, own.get(name))
        if position is None:
            raise InputError(f"there is no signal of this name: {name[:64]!r}", field=name[:64])
        spec = specs[position]
        # type(), not isinstance: a bool is an int to Python, and never to a policy.
        if type(value) is not _TYPES[spec.type]:
            raise InputError(f"the signal {name} is of type {spec.type}", field=name)
        values[position] = value
    return tuple(values)


def table() -> str:
    """The catalogue as a Markdown table, as ``docs/signals.md`` shows it."""
    lines = ["| signal | type | default | unit | meaning |", "|---|---|---|---|---|"]
    for spec in CATALOGUE:
        default = str(spec.default).lower() if spec.type == "bool" else str(spec.default)
        lines.append(f"| `{spec.name}` | {spec.type} | {default} | {spec.unit} | {spec.doc} |")
    return "\n".join(lines) + "\n"
