"""Where people live: real cities with rounded coordinates, and how many of the site's people live there.

``people`` are weights within a country for those who use the site; ``HOME`` says how many of a thousand live in the
site's own country. ``lines`` are weights of countries by internet users (in millions, rounded), which is where
addresses for sale come from.

Summer time follows the rule of the European Union (and, for cities there, of the United States), by whole days; the
night in which clocks change is not modelled.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from stepwarden.lab.simulate.draws import running

HOME: Final = "DE"
AT_HOME: Final = 900
"""Of a thousand people, those who live in the home country."""


Rule = Literal["", "eu", "us"]
"""By which rule there is summer time; "" for none."""


class City(NamedTuple):
    """``offset`` is that of standard time from UTC in minutes."""

    name: str
    country: str
    latitude: float
    longitude: float
    people: int
    offset: int
    summer: Rule = ""


CITIES: Final = (
    City("Berlin", "DE", 52.5, 13.4, 37, 60, "eu"),
    City("Hamburg", "DE", 53.6, 10.0, 19, 60, "eu"),
    City("Munich", "DE", 48.1, 11.6, 15, 60, "eu"),
    City("Cologne", "DE", 50.9, 7.0, 11, 60, "eu"),
    City("Frankfurt", "DE", 50.1, 8.7, 8, 60, "eu"),
    City("Stuttgart", "DE", 48.8, 9.2, 6, 60, "eu"),
    City("Leipzig", "DE", 51.3, 12.4, 6, 60, "eu"),
    City("Dresden", "DE", 51.1, 13.7, 6, 60, "eu"),
    City("Hanover", "DE", 52.4, 9.7, 5, 60, "eu"),
    City("Nuremberg", "DE", 49.5, 11.1, 5, 60, "eu"),
    City("Vienna", "AT", 48.2, 16.4, 3, 60, "eu"),
    City("Graz", "AT", 47.1, 15.4, 1, 60, "eu"),
    City("Zurich", "CH", 47.4, 8.5, 2, 60, "eu"),
    City("Geneva", "CH", 46.2, 6.1, 1, 60, "eu"),
    City("Paris", "FR", 48.9, 2.4, 2, 60, "eu"),
    City("Lyon", "FR", 45.8, 4.8, 1, 60, "eu"),
    City("London", "GB", 51.5, -0.1, 2, 0, "eu"),
    City("Manchester", "GB", 53.5, -2.2, 1, 0, "eu"),
    City("Amsterdam", "NL", 52.4, 4.9, 2, 60, "eu"),
    City("Brussels", "BE", 50.8, 4.4, 1, 60, "eu"),
    City("Madrid", "ES", 40.4, -3.7, 1, 60, "eu"),
    City("Palma", "ES", 39.6, 2.7, 1, 60, "eu"),
    City("Rome", "IT", 41.9, 12.5, 1, 60, "eu"),
    City("Milan", "IT", 45.5, 9.2, 1, 60, "eu"),
    City("Warsaw", "PL", 52.2, 21.0, 1, 60, "eu"),
    City("Prague", "CZ", 50.1, 14.4, 1, 60, "eu"),
    City("Copenhagen", "DK", 55.7, 12.6, 1, 60, "eu"),
    City("Istanbul", "TR", 41.0, 29.0, 1, 180),
    City("New York", "US", 40.7, -74.0, 1, -300, "us"),
    City("Chicago", "US", 41.9, -87.6, 1, -360, "us"),
    City("San Francisco", "US", 37.8, -122.4, 1, -480, "us"),
    City("Toronto", "CA", 43.7, -79.4, 1, -300, "us"),
    City("Sao Paulo", "BR", -23.6, -46.6, 1, -180),
    City("Lagos", "NG", 6.5, 3.4, 1, 60),
    City("Mumbai", "IN", 19.1, 72.9, 1, 330),
    City("Jakarta", "ID", -6.2, 106.8, 1, 420),
    City("Hanoi", "VN", 21.0, 105.9, 1, 420),
    City("Singapore", "SG", 1.4, 103.8, 1, 480),
    City("Tokyo", "JP", 35.7, 139.7, 1, 540),
    City("Sydney", "AU", -33.9, 151.2, 1, 600),
)

LINES: Final = {
    "DE": 78, "AT": 8, "CH": 8, "FR": 58, "GB": 66, "NL": 17, "BE": 11, "ES": 45, "IT": 51, "PL": 34, "CZ": 9,
    "DK": 6, "TR": 74, "US": 320, "CA": 37, "BR": 180, "NG": 100, "IN": 800, "ID": 210, "VN": 79, "SG": 6,
    "JP": 105, "AU": 25,
}  # fmt: skip


@lru_cache(maxsize=128)
def living(country: str, *, abroad: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The cities of this country, or all others, and the running sums of how many of the site's people live there."""
    cities = tuple(number for number, city in enumerate(CITIES) if (city.country != country) == abroad)
    return cities, running(CITIES[city].people for city in cities)


_EPOCH: Final = date(1970, 1, 1)
_SUMMERS: Final[dict[Rule, tuple[tuple[int, int], tuple[int, int]]]] = {
    "eu": ((3, 25), (10, 25)),
    "us": ((3, 8), (11, 1)),
}
"""Month and day: from the first Sunday since the one to the first Sunday since the other."""


@lru_cache(maxsize=4_096)
def offset(city: int, day: int) -> int:
    """Minutes from UTC in this city on this day (days since 1970)."""
    found = CITIES[city]
    return found.offset + (60 if found.summer and _is_summer(found.summer, day) else 0)


def _is_summer(rule: Rule, day: int) -> bool:
    year = _date(day).year
    begin, end = ((date(year, *since) - _EPOCH).days for since in _SUMMERS[rule])
    return _sunday(begin) <= day < _sunday(end)


def _sunday(day: int) -> int:
    """The first Sunday from this day on."""
    return day + 6 - weekday(day)


def _date(day: int) -> date:
    return _EPOCH + timedelta(day)


def weekday(day: int) -> int:
    """0 for a Monday, 6 for a Sunday; day 0 was a Thursday."""
    return (day + 3) % 7


def day_of_year(day: int) -> int:
    """0 for the first of January."""
    return _date(day).timetuple().tm_yday - 1
