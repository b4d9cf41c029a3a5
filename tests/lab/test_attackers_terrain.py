"""The simulated world as attackers find it is what ``Terrain`` promises, and every attack can be made in it."""

import re
from functools import lru_cache
from random import Random

import pytest

from stepwarden.events.addresses import network_of
from stepwarden.lab.attackers.campaigns import campaigns
from stepwarden.lab.attackers.probes import CLASSES, takeover_probes
from stepwarden.lab.attackers.registry import ATTACKERS
from stepwarden.lab.attackers.stage import DAY, HOUR, Terrain
from stepwarden.lab.attackers.terrain import Ground
from stepwarden.lab.simulate.cities import CITIES
from stepwarden.lab.simulate.life import life
from stepwarden.lab.simulate.people import People
from stepwarden.lab.simulate.world import World
from tests.lab.attackers_house import allows, driven

START = 20_454 * DAY
NOW = START + 40 * DAY + 9 * HOUR


@lru_cache
def people() -> People:
    return People(World(3), 200, seed=3)


def ground() -> Terrain:
    return Ground(people())


def test_bought_addresses_are_of_their_kind_and_country() -> None:
    """Households, servers and exits, anywhere or in a country, as the site's own lists have them."""
    dice, world = Random(1), people().world
    for _ in range(50):
        for spot, kind in (
            (ground().household(dice), "residential"),
            (ground().hosted(dice), "datacenter"),
            (ground().vpn(dice), "vpn"),
        ):
            pool = world.pool(spot.ip)
            assert pool is not None
            assert pool.kind == kind
            assert spot.place == pool.place
            assert (spot.country, spot.city, spot.asn) == (pool.country, pool.place.city, pool.asn)
        assert ground().household(dice, country="FR").country == "FR"
        assert ground().vpn(dice, country="NL").country == "NL"


@pytest.mark.parametrize("index", range(0, 200, 7))
def test_addresses_near_a_victim_are_as_near_as_they_say(index: int) -> None:
    """Rivals in the town, others of the same provider, neighbours of the same network; never the very address."""
    dice, home = Random(index), ground().home(index, NOW)
    rival = ground().rival(dice, index, NOW)
    assert rival.city == CITIES[people()[index].city].name
    assert rival.asn != home.asn
    kin = [ground().kin(dice, home) for _ in range(10)]
    assert {(spot.asn, spot.place) for spot in kin} == {(home.asn, home.place)}
    beside = ground().beside(dice, home)
    assert beside.ip != home.ip
    assert network_of(beside.ip) == network_of(home.ip)
    assert beside.asn == home.asn


@pytest.mark.parametrize("index", range(0, 200, 7))
def test_browsers_are_new_to_the_account_and_those_alike_are_of_one_kind(index: int) -> None:
    """No device is the victim's; what is like theirs often says the very same; who gets no identifier gets none."""
    dice, usual = Random(index), ground().usual(index, NOW)
    alike = [ground().like(dice, index, NOW) for _ in range(60)]
    # The same words; nothing but numbers of versions differs.
    assert {re.sub(r"[0-9._]+", "", kit.user_agent) for kit in alike} == {
        re.sub(r"[0-9._]+", "", usual.user_agent)
    }
    kits = [*alike, ground().kit(dice, index, NOW), ground().anew(dice, usual, index)]
    identified = people()[index].person.has_device_id
    assert all((kit.device is not None) == identified for kit in kits)
    if identified:
        assert usual.device not in [kit.device for kit in kits]
        assert len({kit.device.id for kit in kits if kit.device}) == len(kits)
    assert kits[-1].user_agent == usual.user_agent


def test_a_browser_alike_often_sends_the_very_same_text() -> None:
    """Releases are shared by millions: whoever copies the kind gets the text right more often than not."""
    dice = Random(5)
    same = [
        ground().like(dice, index, NOW).user_agent == ground().usual(index, NOW).user_agent
        for index in range(200)
    ]
    assert 0.4 < sum(same) / len(same) < 0.95


def test_a_watched_life_is_the_one_that_is_lived() -> None:
    """What somebody who watches sees in a window is what the engine is told of that person."""
    index = next(person.index for person in people().persons if person.band == "daily")
    begin, end = START + 20 * DAY + 5 * HOUR, START + 45 * DAY + 7 * HOUR
    whole = life(people().world, people(), START, 60, 3, only=[index])
    expected = [one for one in whole if begin <= one.time < end and one.opens]
    watched = [one for one in ground().life(index, begin, end) if one.opens]
    assert len(watched) > 10
    assert watched == expected


def test_each_probe_comes_from_where_its_class_says() -> None:
    """For people of all kinds: the country, the town, the network."""
    for person in people().persons:
        home = ground().home(person.index, NOW)
        probes = dict(zip(CLASSES, takeover_probes(ground(), person, NOW, seed=1), strict=True))
        targeted, near = probes["targeted"].attempt, probes["very-targeted"].attempt
        assert targeted.place is not None
        assert targeted.place.country in (home.country, CITIES[people()[person.index].city].country)
        assert network_of(near.ip) == network_of(home.ip)
        assert near.user_agent == ground().usual(person.index, NOW).user_agent


@pytest.mark.parametrize("name", ATTACKERS)
def test_every_attack_can_be_made_in_the_simulated_world(name: str) -> None:
    """Each campaign makes attempts, on accounts of the world, from addresses of the world, in order of time."""
    made, actors = 0, {person.actor: person.index for person in people().persons}
    for campaign, script in campaigns(ground(), people().persons, START, 60, [name], seed=2):
        before = campaign.began
        for planned, _ in driven(script, allows):
            made += 1
            assert planned.time >= before
            assert actors.get(planned.attempt.actor, -1) == planned.person
            assert people().world.pool(planned.attempt.ip) is not None
            before = planned.time
    assert made
