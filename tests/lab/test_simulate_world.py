"""The simulated world: its addresses are public and tell their network, its chance is the same everywhere."""

import math
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.lookups import Addresses, RangeList
from stepwarden.connect.lookups.agents import Agents
from stepwarden.connect.lookups.ranges import parse_network, special_kind
from stepwarden.events.addresses import network_of
from stepwarden.lab.simulate.addresses import SimulatedAddresses
from stepwarden.lab.simulate.agents import PRODUCTS, common, held, newest, release, text
from stepwarden.lab.simulate.cities import CITIES, HOME, day_of_year, offset
from stepwarden.lab.simulate.draws import below, chosen, exp, mix, mixed, normal, running
from stepwarden.lab.simulate.networks import Pool
from stepwarden.lab.simulate.world import World

WORLD = World(1)
LOOKUP = SimulatedAddresses(WORLD)
NEW_YEAR = 20_454
"""The first of January 2026, in days since 1970."""
sizes = st.integers(min_value=0, max_value=2**64 - 1)


def spans(pool: Pool) -> list[tuple[int, int, int]]:
    return [parse_network(cidr) for cidr in pool.cidrs()]


@given(sizes, sizes)
def test_chance_is_the_same_one_by_one_and_all_at_once(key: int, value: int) -> None:
    """The vector form gives what the plain one does, for single values and for arrays."""
    keys = np.array([key, key ^ 1], dtype=np.uint64)
    values = np.array([value, value], dtype=np.uint64)
    expected = [mix(key, value), mix(key ^ 1, value)]
    assert mixed(keys, value).tolist() == expected
    assert mixed(keys, values).tolist() == expected


def test_chance_is_even_and_its_functions_are_what_they_are_called() -> None:
    """Dice fall evenly, normal numbers have the mean and spread of such, exp is exp."""
    keys = [mix(3, value) for value in range(20_000)]
    counts = np.bincount([below(key, 10) for key in keys], minlength=10)
    assert counts.min() > 1_800
    assert counts.max() < 2_200
    normals = np.array([normal(key) for key in keys])
    assert abs(float(normals.mean())) < 0.03
    assert abs(float(normals.std()) - 1) < 0.02
    assert 0.02 < float((np.abs(normals) > 2).mean()) < 0.07
    for power in (-20.5, -1.0, 0.0, 0.3, 1.0, 12.25):
        assert exp(power) == pytest.approx(math.exp(power), rel=1e-14)
    assert [chosen(key, running((0, 5, 0))) for key in keys[:50]] == [1] * 50


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_addresses_are_public_and_no_two_pools_share_any(seed: int) -> None:
    """Whatever the seed, every block is ordinary public space, aligned, and of one provider only."""
    pools = World(seed).pools.all
    every = sorted(span for pool in pools for span in spans(pool))
    for (version, _, last), (following, first, _) in pairwise(every):
        assert version != following or last < first
    for version, first, last in every:
        for number in (first, last):
            address = IPv4Address(number) if version == 4 else IPv6Address(number)
            assert address.is_global
            assert not address.is_multicast
            assert special_kind(address) is None


@given(st.integers(0, len(WORLD.pools.all) - 1), sizes, sizes)
def test_an_address_is_found_in_its_pool_and_written_in_its_one_spelling(at: int, one: int, two: int) -> None:
    """What a pool gives out is canonical text, and tells the pool."""
    pool = WORLD.pools.all[at]
    given_out = [pool.v4(one)] + ([pool.v6(one & 0xFFFFFFFF, two)] if pool.first6 >= 0 else [])
    for address in given_out:
        assert str(ip_address(address)) == address
        assert WORLD.pool(address) is pool
        known = LOOKUP.lookup(address)
        place = pool.place
        assert (known.country, known.asn, known.kind) == (place.country, place.asn, pool.kind)
        assert (known.latitude, known.longitude, known.radius_km) == (
            place.latitude,
            place.longitude,
            place.radius_km,
        )


def test_an_address_that_nobody_has_is_unknown_and_none_raises() -> None:
    """The look-up answers whatever it is given."""
    assert LOOKUP.lookup("").kind == "missing"
    for text_ in ("a", "1.2.3", "fe80::1%eth0", "1.2.3.4:5", "x" * 5_000):
        assert LOOKUP.lookup(text_).kind == "malformed"
        assert WORLD.pool(text_) is None
    for free in ("0.0.0.1", "255.255.255.255", "2001:db8::1", "::", "ff00::"):
        assert WORLD.pool(free) is None
        assert (LOOKUP.lookup(free).kind, LOOKUP.lookup(free).asn) == ("residential", "")


def test_lists_of_ranges_tell_a_server_the_same_kinds() -> None:
    """Production's own reader of range lists, given the world's, says what the simulated look-up says."""
    lists = [RangeList.parse("\n".join(lines), kind) for kind, lines in WORLD.ranges().items()]
    production = Addresses(databases=[], ranges=lists, builtin=None, remembered=1_000)
    dice = Random(5)
    for draw in range(60):
        for found in (WORLD.line(dice), WORLD.hosted(dice), WORLD.vpn(dice), WORLD.tor(dice)):
            assert production.lookup(found.ip).kind == LOOKUP.lookup(found.ip).kind, draw


def test_what_is_asked_for_is_what_is_given() -> None:
    """Country, city, network and kind are those that were named; the dice decide all else."""
    dice, dresden = Random(9), [city.name for city in CITIES].index("Dresden")
    for _ in range(50):
        line = WORLD.line(dice, country=HOME, city="Dresden")
        assert (line.place.country, line.place.city) == (HOME, "Dresden")
        rival = WORLD.rival(dice, dresden, line.place.asn)
        assert rival.place.city == "Dresden"
        assert rival.place.asn != line.place.asn
        beside = WORLD.beside(dice, line.ip)
        assert beside.ip != line.ip
        assert network_of(beside.ip) == network_of(line.ip)
        assert WORLD.line(dice, country=HOME, asn=line.place.asn).place.asn == line.place.asn
        assert WORLD.vpn(dice, country="NL").place.country == "NL"
    sixth = next(pool for pool in WORLD.pools.all if pool.first6 >= 0)
    address = sixth.v6(5 << 16, 7)
    assert network_of(WORLD.beside(dice, address).ip) == network_of(address)
    assert WORLD.line(Random(4)) == WORLD.line(Random(4))
    assert World(1).line(Random(4)) == WORLD.line(Random(4))
    assert World(2).line(Random(4)) != WORLD.line(Random(4))


def test_lines_for_sale_come_from_where_the_worlds_lines_are() -> None:
    """A pool of residential proxies is spread over countries by their lines, not by the site's people."""
    dice = Random(2)
    countries = [WORLD.line(dice).place.country for _ in range(2_000)]
    assert countries.count("IN") > countries.count("US") > countries.count(HOME) > 0
    assert countries.count(HOME) < 120


def test_summer_time_begins_and_ends_by_the_rule() -> None:
    """The last Sundays of March and October in Europe, the second of March and first of November in America."""
    names = [city.name for city in CITIES]
    berlin, york, tokyo = names.index("Berlin"), names.index("New York"), names.index("Tokyo")
    day = NEW_YEAR
    assert day_of_year(day) == 0
    assert day_of_year(day - 1) == 364
    assert [offset(berlin, day + n) for n in (86, 87, 296, 297)] == [60, 120, 120, 60]
    assert [offset(york, day + n) for n in (65, 66, 303, 304)] == [-300, -240, -240, -300]
    assert {offset(tokyo, day + n) for n in range(365)} == {540}


@pytest.mark.parametrize("number", range(len(PRODUCTS)), ids=lambda number: PRODUCTS[number].name)
def test_an_agent_is_read_as_what_it_is(number: int) -> None:
    """Each product's text, of any release and variant, is read by production as its browser, system and form."""
    product = PRODUCTS[number]
    read = Agents(remembered=10)
    types = {"desk": "desktop", "phone": "mobile", "tablet": "tablet"}
    for version in (-4, 0, 9, 16, 27, 60):
        for variant in {0, product.variants // 2, product.variants - 1}:
            found = read.lookup(text(number, version, variant))
            assert (found.browser, found.os, found.device_type) == (
                product.browser,
                product.system,
                types[product.form],
            )


def test_a_release_is_taken_by_most_within_a_week_and_by_nearly_all_within_six() -> None:
    """On any day the population is spread over versions; few are far behind, none ahead or going back."""
    devices = [mix(11, value) for value in range(2_000)]
    for day in range(NEW_YEAR, NEW_YEAR + 60, 7):
        behind = np.array([newest(0, day) - release(0, day, device) for device in devices])
        assert behind.min() >= 0
        assert 0.02 < float((behind > 2).mean()) < 0.06
    for device in devices[:100]:
        held = [release(0, NEW_YEAR + day, device) for day in range(120)]
        assert held == sorted(held)


@given(st.integers(0, len(PRODUCTS) - 1), sizes, st.integers(NEW_YEAR - 200, NEW_YEAR + 1_000))
def test_a_version_stays_until_the_day_it_is_said_to(product: int, device: int, day: int) -> None:
    """What is remembered of a device until its next update is never out of date."""
    number, until = held(product, day, device)
    assert until > day
    assert {release(product, between, device) for between in range(day, until)} == {number}


def test_browsers_are_drawn_by_their_shares_and_without_those_that_are_not_wanted() -> None:
    """Six in ten are phones; products that are named do not come up."""
    dice = Random(3)
    drawn = [PRODUCTS[common(dice, NEW_YEAR).product] for _ in range(3_000)]
    assert 0.55 < sum(product.form == "phone" for product in drawn) / 3_000 < 0.65
    windows = sum(product.name == "windows-chrome" for product in drawn) / 3_000
    assert 0.13 < windows < 0.19
    assert all(common(dice, NEW_YEAR, {0, 13}).product not in (0, 13) for _ in range(200))
