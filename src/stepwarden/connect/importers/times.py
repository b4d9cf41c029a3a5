"""Points in time as logs write them, in microseconds since 1970 UTC.

>>> parse_time("2021-03-24T12:52:56") == parse_time("3/24/2021 12:52:56 PM") == parse_time(1616590376)
True
>>> parse_time("2025-01-21 17:49:47.000000000"), parse_time("yesterday")
(1737481787000000, None)

A time without a zone is UTC: all supported products export UTC, syslog aside (see ``openssh``). A number is seconds,
milliseconds, microseconds or nanoseconds, told apart by its size. Only 1970 to 2199 are accepted.
"""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST = 7_258_118_400 * 1_000_000
_AMERICAN = re.compile(
    r"^(\d{1,2})/(\d{1,2})/(\d{4}),? +(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?(?: *([AaPp])\.?[Mm]\.?)?$"
)
_DOTNET = re.compile(r"^/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/$")
_ZONE = re.compile(r" *(?:UTC|GMT|Z)$")


def from_datetime(moment: datetime) -> int | None:
    """Microseconds since 1970; a time without zone is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    found = (moment - _EPOCH) // _MICROSECOND
    return found if 0 <= found < _LAST else None


def _from_number(value: float) -> int | None:
    if not 0 <= value < 1e19:
        return None
    for limit, scale in ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1)):
        if value < limit:
            found = value * scale if isinstance(value, int) else round(value * scale)
            break
    else:
        found = int(value) // 1_000
    return found if found < _LAST else None


def parse_time(value: object) -> int | None:
    """The time, or ``None`` if this is none that we can read."""
    if isinstance(value, str):
        return _from_text(value.strip())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_number(value)
    return None


def _from_text(value: str) -> int | None:
    if not 8 <= len(value) <= 64 or not value.isascii():
        return None
    if value.replace(".", "", 1).isdigit():
        if len(value) < 9:
            return None
        return _from_number(float(value) if "." in value else int(value) if len(value) < 21 else -1)
    try:
        return from_datetime(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        pass
    if (dotnet := _DOTNET.match(value)) is not None:
        return _from_number(int(dotnet[1]))
    if (american := _AMERICAN.match(value)) is not None:
        return _from_american(american)
    if (shorter := _ZONE.sub("", value)) != value:
        return _from_text(shorter)
    return None


def _from_american(found: re.Match[str]) -> int | None:
    hour = int(found[4])
    if found[8]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[8] in "Pp" else 0)
    fraction = int((found[7] or "0").ljust(6, "0"))
    try:
        return from_datetime(
            datetime(
                int(found[3]),
                int(found[1]),
                int(found[2]),
                hour,
                int(found[5]),
                int(found[6] or 0),
                fraction,
                UTC,
            )
        )
    except ValueError:
        return None
