"""How far from their last good place somebody is, and how long ago that was: what ``Facts`` record of travel.

The distance is over the great circle of a sphere, minus what the places may be off: both accuracy radii, and never
less than 100 km together, because the data behind a radius is coarse. It is never below 0.

>>> oslo, rome = Position(59.9, 10.75, 20), Position(41.9, 12.5, 20)
>>> places = Places(limit=10)
>>> places.arrived("ann", oslo, 0)
>>> places.measure("ann", rome, 3_600_000_000)
(1905, 3600)

Only an address of a person says where the person is: one of a datacentre, VPN, Tor, relay or anycast, and a private
one, does not (``tells_place``). Such an attempt has no distance, and does not move anybody.

``Places`` is personal data: it holds where people were. So it is not part of the fold of leaves, which hold no
place; what it gave is recorded in the ``Facts`` of each attempt, and a replay reads it from there. It is filled from
the sealed openings, or anew; while it knows nothing, the distance is "not known" (-1), never 0. ``forget`` erases a
person from it. ``dump`` and ``restore`` pass on what it holds; a place that was sealed meanwhile is opened when that
person is next seen, so that restoring a million costs nothing.
"""

import math
import struct
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from stepwarden.events.facts import AddressKind
from stepwarden.signals.records import Table

EARTH_KM: Final = 6_371.0
"""Mean radius of the Earth (IUGG)."""
UNSURE_KM: Final = 100
UNKNOWN: Final = (-1, -1)
_PACKED: Final = struct.Struct("<iiHq")
PLACE_BYTES: Final = _PACKED.size
"""Of a place in clear; a sealed one is longer."""
_DEGREE: Final = 10_000


class Position(NamedTuple):
    """Degrees north and east (-90..90, -180..180), and within how many km that is right."""

    latitude: float
    longitude: float
    radius_km: int


def tells_place(kind: AddressKind) -> bool:
    """Whether an address of this kind is near whoever uses it."""
    return kind == "residential"


def distance_km(here: Position, there: Position) -> int:
    """Whole km between two places, minus what they may be off; 0 where they may be one (haversine formula)."""
    if here.latitude == there.latitude and here.longitude == there.longitude:
        # Nearly every attempt: from where they were last.
        return 0
    north, south = math.radians(here.latitude), math.radians(there.latitude)
    across = math.radians(there.longitude - here.longitude)
    chord = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(across / 2) ** 2
    # Rounding can lift the chord of two antipodes above 1.
    whole = 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, chord)))
    return max(0, int(whole) - max(UNSURE_KM, here.radius_km + there.radius_km))


class Places:
    """Each actor's last good place, for at most ``limit`` actors; those not heard of for longest are forgotten."""

    __slots__ = ("_open", "_table")

    def __init__(self, limit: int) -> None:
        self._table: Table[bytes] = Table(limit, bytes)
        self._open: Callable[[str, bytes], bytes] = _unopened

    def measure(self, actor: str, position: Position | None, time: int) -> tuple[int, int]:
        """``(travel_km, travel_s)`` from the actor's last good place; ``(-1, -1)`` where that is not known.

        ``position`` is None where it is not known or tells nothing; ``time`` in microseconds. Changes nothing. A time
        before the last one counts by its distance to it, either way.
        """
        packed = self._packed(actor) if position is not None else None
        if position is None or packed is None:
            return UNKNOWN
        latitude, longitude, radius, then = _PACKED.unpack(packed)
        last = Position(latitude / _DEGREE, longitude / _DEGREE, radius)
        return distance_km(last, position), abs(time - then) // 1_000_000

    def arrived(self, actor: str, position: Position | None, time: int) -> None:
        """An attempt from ``position`` ended well. One older than the last known is not taken in."""
        if position is None or not actor:
            return
        packed = self._packed(actor)
        if packed is not None and _PACKED.unpack(packed)[3] > time:
            return
        self._table.put(
            actor,
            _PACKED.pack(
                round(position.latitude * _DEGREE),
                round(position.longitude * _DEGREE),
                max(0, min(position.radius_km, 65_535)),
                time,
            ),
        )

    def forget(self, actor: str) -> None:
        self._table.items.pop(actor, None)

    def dump(self) -> list[tuple[str, bytes]]:
        """All that is known, longest unused first: actor and place, ``PLACE_BYTES`` long or still sealed."""
        return list(self._table.items.items())

    def restore(self, places: Iterable[tuple[str, bytes]], opener: Callable[[str, bytes], bytes]) -> None:
        """Take over what ``dump`` gave, sealed or not, in place of what is known.

        Args:
            opener: called with an actor and their sealed place when it is needed; gives the place, or b"" where
                that cannot be had (any more).
        """
        self._open = opener
        self._table.items = dict(places)
        self._table.shrink(self._table.limit)

    def _packed(self, actor: str) -> bytes | None:
        packed = self._table.items.get(actor)
        if packed is None or len(packed) == PLACE_BYTES:
            return packed
        opened = self._open(actor, packed)
        if len(opened) != PLACE_BYTES:
            self.forget(actor)
            return None
        self._table.items[actor] = opened
        return opened

    def __len__(self) -> int:
        return len(self._table.items)


def _unopened(actor: str, sealed: bytes) -> bytes:
    return b""
