"""From vendors' loose values to fields that an ``Attempt`` accepts, whatever they hold.

A log's strings are written by attackers: they hold control characters, are too long, or are not strings at all.
Nothing here raises; a value is escaped and truncated, never dropped:

>>> text("root\\x1b[2J", 256)
'root\\\\x1b[2J'
>>> text(4096), text(None), text({"a": 1})
('4096', '', '{"a":1}')
>>> address("[2001:db8::7]:443"), address("192.0.2.7:50122"), address("::ffff:192.0.2.7")
('2001:db8::7', '192.0.2.7', '192.0.2.7')
>>> action("m365", "Add app role assignment to service principal.")
'm365.add_app_role_assignment_to_service_principal'

An address that is none is left as it came: it counts as malformed, the highest risk, and that is not decided here.
"""

import re
from collections.abc import Mapping

import msgspec

from stepwarden.errors import InputError
from stepwarden.events.attempt import Device, Place

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PORT = re.compile(r"^(?:\[([0-9A-Fa-f:.%]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$")
_MAPPED = re.compile(r"^::ffff:(\d+\.\d+\.\d+\.\d+)$", re.IGNORECASE)
_NOT_ACTION = re.compile(r"[^a-z0-9_.:-]+")
_AGENT_KEYS = 256
_to_json = msgspec.json.Encoder(order="sorted").encode
Folded = dict[str, object]
"""A JSON object whose keys are in lower case: pipelines and exports disagree on the case of vendors' names."""


def text(value: object, limit: int = 256) -> str:
    """Any JSON value as a printable string of at most ``limit`` characters; ``None`` is ``""``."""
    if value is None:
        return ""
    if not isinstance(value, str):
        value = _plain(value)
    if len(value) > limit:
        value = value[:limit]
    if value.isprintable():
        return value
    return _CONTROL.sub(_escape, value)[:limit]


def _plain(value: object) -> str:
    try:
        return str(value) if isinstance(value, int | float) else _to_json(value).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return "unreadable"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def first(record: Mapping[str, object], *names: str, limit: int = 256) -> str:
    """The first of these (lower-case) keys that holds something, as text."""
    for name in names:
        value = record.get(name)
        if value is not None and value != "" and value != "-":
            return text(value, limit)
    return ""


def fold(value: object) -> Folded:
    """A JSON object, or the text of one, with its keys in lower case; ``{}`` for everything else."""
    if isinstance(value, str) and value[:1] == "{":
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return {}
    if not isinstance(value, dict):
        return {}
    return {str(key).lower(): item for key, item in value.items()}


def listed(value: object) -> list[object]:
    """A JSON array, or the text of one; ``[]`` for everything else."""
    if isinstance(value, str) and value[:1] == "[":
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return []
    return value if isinstance(value, list) else []


def pairs(value: object, name: str = "name", content: str = "value") -> Folded:
    """``[{"Name": "UserAgent", "Value": "x"}]`` as ``{"useragent": "x"}``."""
    found: Folded = {}
    for item in listed(value):
        pair = fold(item)
        found[text(pair.get(name), _AGENT_KEYS).lower()] = pair.get(content)
    return found


def address(value: object) -> str:
    """An address without port, brackets and IPv4-in-IPv6 prefix; other text as it came, at most 256 characters."""
    found = text(value, 256).strip()
    if not found or found == "-":
        return ""
    if (ported := _PORT.match(found)) is not None:
        found = ported[1] or ported[2]
    if (mapped := _MAPPED.match(found)) is not None:
        found = mapped[1]
    return found


def action(prefix: str, operation: object) -> str:
    """A vendor's name of an operation as one of ours: ``prefix.`` and lower case, at most 64 characters."""
    name = _NOT_ACTION.sub("_", text(operation, 128).lower()).strip("_.:-")
    return f"{prefix}.{name or 'unnamed'}"[:64]


def number(value: object) -> float | None:
    """A finite number, or the text of one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if -1e15 < found < 1e15 else None


def place(
    *,
    country: object = None,
    region: object = None,
    city: object = None,
    latitude: object = None,
    longitude: object = None,
    asn: object = None,
) -> Place | None:
    """Where the vendor says that the address is; ``None`` when it says nothing.

    A country must be its two letters (a name is left out: the look-up will find it). Coordinates count together or
    not at all, and 0/0 is how exporters write "not known".
    """
    letters = text(country, 8)
    if len(letters) != 2 or not (letters.isascii() and letters.isalpha()):
        letters = ""
    north, east = number(latitude), number(longitude)
    if (
        north is None
        or east is None
        or not (-90 <= north <= 90 and -180 <= east <= 180)
        or north == east == 0
    ):
        north = east = None
    found = Place(
        country=letters.upper(),
        region=text(region, 64),
        city=text(city, 64),
        latitude=north,
        longitude=east,
        asn=text(asn, 64),
    )
    return found if found != _NOWHERE else None


_NOWHERE = Place()


def device(
    *, name: object = None, browser: object = None, system: object = None, kind: object = None
) -> Device | None:
    """What the vendor knows of the device; ``None`` when it knows nothing. ``name`` is the id that it gave it."""
    found = Device(id=text(name), browser=text(browser, 64), os=text(system, 64), type=text(kind, 64))
    return found if found != _NO_DEVICE else None


_NO_DEVICE = Device()


def required_time(value: int | None) -> int:
    """The time of a record.

    Raises:
        InputError: the record has none, so that it cannot be put in order.
    """
    if value is None:
        raise InputError("no time that can be read", field="time")
    return value
