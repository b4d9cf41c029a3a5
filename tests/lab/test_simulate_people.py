"""Simulated people: the same on every machine, independent of each other, one day after the other."""

import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice, pairwise

import msgspec
import pytest

from stepwarden.lab.simulate.addresses import SimulatedAddresses
from stepwarden.lab.simulate.doings import Site
from stepwarden.lab.simulate.life import life
from stepwarden.lab.simulate.people import DAY, People
from stepwarden.lab.simulate.plan import Planned
from stepwarden.lab.simulate.world import World
from tests.lab.people_house import DAYS, PEOPLE, START, WORLD, lived


@pytest.fixture(name="lived")
def the_life() -> list[Planned]:
    """Five weeks of everybody."""
    return lived()


def digest(plans: Iterable[Planned]) -> str:
    hashed = sha256()
    for planned in plans:
        hashed.update(msgspec.json.encode(planned))
    return hashed.hexdigest()


def some(count: int, seed: int = 3) -> Iterator[Planned]:
    world = World(seed)
    return life(world, People(world, count, seed), START, 10, seed)


FROZEN = "bc12baaf4fd3e6a5bd6c3063dd20c353064073dfbca0dd4863bf5dcb59fbce69"


def test_a_seed_gives_the_same_life_on_every_machine() -> None:
    """The bytes are frozen here; another number of them is another simulation, and old results mean nothing."""
    assert digest(some(120)) == FROZEN
    assert digest(some(120, seed=4)) != FROZEN


def test_life_does_not_hang_on_the_hashing_of_texts() -> None:
    """A process with another PYTHONHASHSEED gives the same bytes."""
    code = "from tests.lab.test_simulate_people import digest, some; print(digest(some(120)))"
    for seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
        )
        assert done.stdout.strip() == FROZEN


def test_time_runs_forward_and_from_the_start_to_the_end(lived: list[Planned]) -> None:
    """All attempts are in order and within the days that were asked for, and fill them."""
    assert all(one.time <= other.time for one, other in pairwise(lived))
    assert START <= lived[0].time < START + 3_600_000_000
    assert START + DAYS * DAY - 3_600_000_000 < lived[-1].time < START + DAYS * DAY
    assert {planned.campaign for planned in lived} == {-1}
    assert not any(planned.probe for planned in lived)


def test_people_do_not_depend_on_how_many_others_there_are(lived: list[Planned]) -> None:
    """With more people the others stay who they are and do what they did, to the microsecond."""
    few = People(WORLD, 300, seed=1)
    assert few.persons == PEOPLE.persons[:300]
    assert [few[index] for index in range(300)] == list(PEOPLE[:300])
    names = {person.actor for person in few.persons}
    theirs = [planned for planned in lived if planned.attempt.actor in names]
    alone = [p for p in life(WORLD, few, START, DAYS, seed=1) if p.person >= 0]
    assert theirs == alone


def test_one_person_can_be_watched_from_any_day_on(lived: list[Planned]) -> None:
    """Who looks at one person from the middle of the run sees exactly what that person does in it."""
    counts = Counter(planned.person for planned in lived)
    for index, _ in counts.most_common(5):
        begin = START + 17 * DAY
        seen = [p for p in life(WORLD, PEOPLE, begin, 10, seed=1, only=[index]) if p.person >= 0]
        whole = [p for p in lived if p.person == index and begin <= p.time < begin + 10 * DAY]
        opened = {planned.opens for planned in whole}
        assert seen == [p for p in whole if not p.attempt.session or p.attempt.session in opened]
        assert seen


def test_another_seed_of_life_is_another_life_of_the_same_people() -> None:
    """The seed of a life changes when people do things, not who they are."""
    one = list(life(WORLD, PEOPLE, START, 3, seed=1))
    other = list(life(WORLD, PEOPLE, START, 3, seed=2))
    assert one != other
    assert {p.attempt.actor for p in one} & {p.attempt.actor for p in other}


def test_memory_does_not_grow_with_the_days() -> None:
    """Days are made one by one: all of them take less than a tenth of what their attempts would."""
    people = People(WORLD, 120, seed=2)
    count = sum(1 for _ in life(WORLD, people, START, 160, seed=2))  # texts are remembered from here on
    tracemalloc.start()
    assert sum(1 for _ in life(WORLD, people, START, 160, seed=2)) == count
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 5_000
    assert used < 50 * count


def test_a_year_can_be_begun_without_making_it() -> None:
    """The first attempts of a year come without the others."""
    assert len(list(islice(life(WORLD, PEOPLE, START, 3_650, seed=1), 10))) == 10


def test_each_place_that_a_site_is_told_is_what_a_lookup_would_say(lived: list[Planned]) -> None:
    """A server without any tables sees the same country, network and place as one with the best."""
    lookup = SimulatedAddresses(WORLD)
    for planned in lived[::23]:
        place, known = planned.attempt.place, lookup.lookup(planned.attempt.ip)
        assert place is not None
        assert (known.country, known.asn) == (place.country, place.asn)
        assert (known.latitude, known.longitude, known.radius_km) == (
            place.latitude,
            place.longitude,
            place.radius_km,
        )


def test_each_session_is_opened_by_a_sign_in_that_ends_well(lived: list[Planned]) -> None:
    """Actions come after it, by the same account, with the same browser."""
    opened: dict[str, Planned] = {}
    actions: Counter[str] = Counter()
    moved = 0
    for planned in lived:
        session = planned.attempt.session
        if planned.opens:
            assert planned.opens not in opened
            assert planned.outcome == "success"
            opened[planned.opens] = planned
        if session:
            began = opened[session]
            actions[planned.attempt.action] += 1
            moved += planned.attempt.ip != began.attempt.ip
            assert planned.time > began.time
            assert planned.attempt.actor == began.attempt.actor
            assert planned.attempt.user_agent == began.attempt.user_agent
    assert actions["balance.read"] > 4 * actions["transfer"] > 8 * actions["export"] > 0
    assert moved / actions.total() > 0.03


def test_what_is_done_at_a_site_can_be_said() -> None:
    """A site profile replaces the bank's actions, and may have none at all."""
    mail = Site(actions=(("mail.read", 1),), more=700)
    plans = list(life(WORLD, PEOPLE, START, 2, seed=1, site=mail))
    assert {planned.attempt.action for planned in plans} == {"login", "mail.read"}
    assert {p.attempt.action for p in life(WORLD, PEOPLE, START, 2, seed=1, site=Site(more=0))} == {"login"}
