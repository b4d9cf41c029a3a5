"""How far and how fast: distances against known ones, what is not measured, and what is forgotten."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.events.facts import AddressKind
from stepwarden.signals.travel import UNKNOWN, Places, Position, distance_km, tells_place

OSLO = Position(59.9139, 10.7522, 5)
NEW_YORK = Position(40.7128, -74.0060, 5)
SYDNEY = Position(-33.8688, 151.2093, 5)

positions = st.builds(Position, st.floats(-90, 90), st.floats(-180, 180), st.integers(0, 20_000))


@pytest.mark.parametrize(
    ("here", "there", "km"), [(OSLO, NEW_YORK, 5911), (OSLO, SYDNEY, 15_961), (NEW_YORK, SYDNEY, 15_989)]
)
def test_distances_are_the_great_circles_less_the_floor(here: Position, there: Position, km: int) -> None:
    """Within half a percent of published distances, minus 100 km."""
    assert distance_km(here, there) == pytest.approx(km - 100, rel=0.005)


@given(positions, positions)
def test_distance_is_symmetric_bounded_and_never_negative(here: Position, there: Position) -> None:
    assert 0 <= distance_km(here, there) <= 20_016
    assert distance_km(here, there) == distance_km(there, here)
    assert distance_km(here, here) == 0


def test_antipodes_and_the_date_line_are_no_special_case() -> None:
    assert distance_km(Position(0, 0, 0), Position(0, 180, 0)) == 20_015 - 100
    assert distance_km(Position(0, 179.9, 0), Position(0, -179.9, 0)) == 0


def test_accuracy_radii_are_taken_off() -> None:
    """Two places within what they may be off are one place; a floor of 100 km stands for radii that are too good."""
    near = Position(59.9139, 12.5, 0)
    assert distance_km(OSLO, near) == 0
    country = Position(40.7128, -74.0060, 1000)
    assert distance_km(OSLO, NEW_YORK) - distance_km(OSLO, country) == 905


def test_only_a_persons_address_tells_a_place() -> None:
    """VPN and relay users do not fly around the world."""
    assert [kind for kind in get_args(AddressKind) if tells_place(kind)] == ["residential"]


def test_the_first_place_and_an_unknown_one_have_no_distance() -> None:
    """Not known is -1, never 0: a missing lookup must not read as having stayed at home."""
    places = Places(limit=3)
    assert places.measure("ann", OSLO, 0) == UNKNOWN
    places.arrived("ann", None, 0)
    places.arrived("", OSLO, 0)
    assert len(places) == 0
    places.arrived("ann", OSLO, 0)
    assert places.measure("ann", None, 5) == UNKNOWN
    assert places.measure("bob", OSLO, 5) == UNKNOWN
    assert places.measure("ann", OSLO, 5_000_000) == (0, 5)


def test_a_later_good_place_replaces_an_earlier_and_not_the_other_way() -> None:
    """Out of order, the newest place stands, and the seconds between are never negative."""
    places = Places(limit=3)
    places.arrived("ann", NEW_YORK, 50_000_000)
    places.arrived("ann", OSLO, 20_000_000)
    assert places.measure("ann", NEW_YORK, 60_000_000) == (0, 10)
    km, seconds = places.measure("ann", OSLO, 20_000_000)
    assert (km > 5000, seconds) == (True, 30)


def test_places_are_bounded_and_can_be_forgotten() -> None:
    places = Places(limit=10)
    for i in range(1000):
        places.arrived(f"u{i}", OSLO, i)
    assert len(places) <= 10
    places.forget("u999")
    places.forget("never")
    assert places.measure("u999", OSLO, 0) == UNKNOWN
    assert places.measure("u998", OSLO, 0) != UNKNOWN


@given(positions, st.integers(-(2**60), 2**60))
def test_a_place_is_remembered_closely_enough(position: Position, time: int) -> None:
    """What is remembered of a place is the place, whatever its numbers."""
    places = Places(limit=1)
    places.arrived("ann", position, time)
    assert places.measure("ann", position, time) == (0, 0)
