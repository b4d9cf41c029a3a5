"""Simulated people are as often, as wrong, as mobile and as far away as is published, or as the page says."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt

import pytest

from stepwarden.connect.lookups.agents import Agents
from stepwarden.events.attempt import Place
from stepwarden.lab.simulate import movements
from stepwarden.lab.simulate.doings import Site
from stepwarden.lab.simulate.life import life
from stepwarden.lab.simulate.movements import at_line, journey, kept, kit, leased, usual_address
from stepwarden.lab.simulate.people import DAY, People
from stepwarden.lab.simulate.plan import Planned
from stepwarden.lab.simulate.residents import COHORTS, SHARES, SLOTS, Resident
from tests.lab.people_house import DAYS, PEOPLE, START, WORLD, lived, sign_ins


@pytest.fixture(name="lived")
def the_life() -> list[Planned]:
    """Five weeks of everybody."""
    return lived()


@pytest.fixture(name="sign_ins")
def the_sign_ins() -> list[Planned]:
    """The sign-ins among them, of accounts that exist."""
    return sign_ins()


def test_cohorts_and_bands_have_their_shares() -> None:
    """Cohorts as the table says; most people sign in rarely, a few daily (Wiefling et al., TOPS 2022)."""
    cohorts = Counter(person.cohort for person in PEOPLE.persons)
    for cohort, share in zip(COHORTS, SHARES, strict=True):
        assert abs(cohorts[cohort] / len(PEOPLE) - share / 1_000) < 0.025
    bands = Counter(person.band for person in PEOPLE.persons)
    shares = {band: count / len(PEOPLE) for band, count in bands.items()}
    assert 0.03 < shares["daily"] < 0.08
    assert 0.13 < shares["weekly"] < 0.22
    assert 0.28 < shares["monthly"] < 0.40
    assert 0.36 < shares["rare"] < 0.50


def test_people_sign_in_as_often_as_their_band_says(sign_ins: list[Planned]) -> None:
    """What happens is what was drawn: daily people come more than weekly ones, rates are those of the bands."""
    well = Counter(planned.person for planned in sign_ins if planned.outcome == "success")
    weeks = DAYS / 7
    means = {
        band: sum(well[p.index] for p in PEOPLE.persons if p.band == band)
        / sum(p.band == band for p in PEOPLE.persons)
        / weeks
        for band in ("daily", "weekly", "monthly", "rare")
    }
    assert means["daily"] > 4
    assert 1 < means["weekly"] < 4
    assert 12 / 52 < means["monthly"] < 1
    assert 0 < means["rare"] < 12 / 52


def test_a_few_percent_of_sign_ins_fail_in_short_bursts_before_they_end_well(sign_ins: list[Planned]) -> None:
    """Between 4 and 10 percent; nobody is wrong more than four times in a row; nearly all get in after that."""
    share = sum(planned.outcome == "failure" for planned in sign_ins) / len(sign_ins)
    assert 0.04 < share < 0.10
    runs: Counter[int] = Counter()
    running: Counter[int] = Counter()
    given_up = 0
    last: dict[int, int] = {}
    for planned in sign_ins:
        who = planned.person
        if planned.outcome == "failure":
            given_up += running[who] > 0 and planned.time - last[who] > 30 * 60_000_000
            running[who] += 1
            last[who] = planned.time
            assert planned.attempt.proved == ()
        else:
            runs[running.pop(who, 0)] += 1
            assert planned.attempt.proved == ("pwd",)
    assert runs[1] > 2 * runs[2] > 2 * runs[3] > 0
    assert given_up < sum(runs[n] for n in runs if n) * 0.2


def test_a_password_is_forgotten_after_a_long_time(sign_ins: list[Planned]) -> None:
    """Who signs in rarely is wrong clearly more often than who does daily."""
    first: dict[str, list[bool]] = defaultdict(list)
    before: dict[int, Planned] = {}
    for planned in sign_ins:
        previous = before.get(planned.person)
        if previous is None or previous.outcome == "success":
            first[PEOPLE.persons[planned.person].band].append(planned.outcome == "failure")
        before[planned.person] = planned
    shares = {band: sum(wrong) / len(wrong) for band, wrong in first.items()}
    assert shares["rare"] > 1.5 * shares["daily"]


def test_two_in_three_sign_ins_are_mobile(sign_ins: list[Planned]) -> None:
    """The public data of 31 million logins has 64 percent."""
    read = Agents(remembered=10_000)
    types = Counter(read.lookup(planned.attempt.user_agent).device_type for planned in sign_ins)
    assert set(types) == {"desktop", "mobile", "tablet"}
    assert abs(types["mobile"] / len(sign_ins) - 0.64) < 0.05


def test_people_pass_their_step_ups_but_for_a_few(lived: list[Planned]) -> None:
    """97 percent pass, two are left alone, one is answered wrongly first; within seconds to minutes."""
    replies = Counter(p.reply for p in lived if p.outcome == "success")
    assert abs(replies["pass"] / replies.total() - 0.97) < 0.006
    assert set(replies) == {"pass", "ignore", "fail"}
    delays = sorted(p.delay for p in lived if p.reply == "pass")
    assert delays[0] >= 8_000_000
    assert 10_000_000 < delays[len(delays) // 2] < 60_000_000


def test_names_are_mistyped_now_and_then(lived: list[Planned]) -> None:
    """Two to four of a thousand sign-ins go to an account that nobody has, and fail."""
    names = {person.actor for person in PEOPLE.persons}
    unknown = [planned for planned in lived if planned.person < 0]
    assert unknown
    assert all(p.attempt.actor not in names and p.outcome == "failure" for p in unknown)
    assert len(unknown) / sum(p.attempt.action == "login" for p in lived) < 0.006


def hours(sign_ins: list[Planned], cohort: str) -> Counter[int]:
    return Counter(
        p.time // 3_600_000_000 % 24 for p in sign_ins if PEOPLE.persons[p.person].cohort == cohort
    )


def test_offices_work_by_day_and_night_workers_by_night(sign_ins: list[Planned]) -> None:
    """Hours are in UTC; most people live an hour or two ahead of it."""
    office, night = hours(sign_ins, "office"), hours(sign_ins, "night")
    assert sum(office[hour] for hour in range(6, 17)) > 0.75 * office.total()
    assert sum(night[hour] for hour in range(6, 14)) < 0.15 * night.total()


def test_weeks_and_seasons_have_their_rhythm() -> None:
    """Offices are quiet at weekends; August is quieter than December."""
    people = People(WORLD, 400, seed=5)
    days = Counter(p.time // DAY for p in life(WORLD, people, START, 365, seed=5, site=Site(more=0)))
    weekend = sum(count for day, count in days.items() if (day + 3) % 7 >= 5) / 104
    assert weekend < 0.9 * (days.total() - weekend * 104) / 261
    first = START // DAY
    august = sum(days[first + n] for n in range(212, 242))
    december = sum(days[first + n] for n in range(334, 364))
    assert august < 0.92 * december


def test_offices_and_carriers_share_addresses_and_homes_do_not(sign_ins: list[Planned]) -> None:
    """One address has many people in an office, several on a carrier, and one at home."""
    users: dict[str, set[int]] = defaultdict(set)
    for planned in sign_ins:
        users[planned.attempt.ip].add(planned.person)
    most: Counter[str] = Counter()
    shared: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for ip, people in users.items():
        pool = WORLD.pool(ip)
        assert pool is not None
        most[pool.use] = max(most[pool.use], len(people))
        shared[pool.use] += len(people) > 1
        count[pool.use] += 1
    assert most["business"] > 25
    assert most["mobile"] > 4
    assert shared["mobile"] > 0.25 * count["mobile"]
    assert shared["line"] < 0.002 * count["line"]


def test_some_use_a_vpn_always_and_exits_vary(sign_ins: list[Planned]) -> None:
    """The VPN cohort comes mostly through exits, in more than one country; others hardly ever do."""
    kinds: dict[bool, list[bool]] = defaultdict(list)
    countries = set()
    for planned in sign_ins:
        pool = WORLD.pool(planned.attempt.ip)
        assert pool is not None
        kinds[PEOPLE.persons[planned.person].cohort == "vpn"].append(pool.kind == "vpn")
        if pool.kind == "vpn":
            countries.add(pool.country)
    assert 0.6 < sum(kinds[True]) / len(kinds[True]) < 0.95
    assert sum(kinds[False]) / len(kinds[False]) < 0.02
    assert len(countries) > 4


def frequent(count: int) -> list[Resident]:
    return sorted(PEOPLE, key=lambda one: -one.slot)[:count]


def fast(plans: Iterable[Planned], uses: tuple[str, ...]) -> tuple[int, int]:
    """Of how many attempts from such networks, and how many came sooner after the one before than an aeroplane."""
    last: dict[int, tuple[int, Place]] = {}
    told = found = 0
    for planned in plans:
        pool = WORLD.pool(planned.attempt.ip)
        if planned.person < 0 or pool is None or pool.use not in uses:
            continue
        time, place = last.get(planned.person, (0, pool.place))
        km, passed = distance(place, pool.place), (planned.time - time) / 3_600_000_000
        told, found = told + 1, found + (km > 500 and km > 900 * passed)
        last[planned.person] = planned.time, pool.place
    return told, found


def test_nobody_travels_faster_than_an_aeroplane() -> None:
    """Between lines, offices and hotels there is time to go; only roaming makes one in a thousand seem faster."""
    indices = [one.person.index for one in frequent(100)]
    plans = list(life(WORLD, PEOPLE, START, 100, seed=1, only=indices))
    told, found = fast(plans, ("line", "business", "hotel"))
    assert told > 8_000
    assert found == 0
    told, found = fast(plans, ("line", "business", "hotel", "mobile"))
    assert 0 < found < told / 1_000


def distance(one: Place, other: Place) -> float:
    """Great-circle kilometres minus both radii, at least 100 together."""
    assert one.latitude is not None
    assert one.longitude is not None
    assert other.latitude is not None
    assert other.longitude is not None
    a, b, c, d = map(radians, (one.latitude, one.longitude, other.latitude, other.longitude))
    arc = sin((c - a) / 2) ** 2 + cos(a) * cos(c) * sin((d - b) / 2) ** 2
    radii = (one.radius_km or 0) + (other.radius_km or 0)
    return 2 * 6_371 * asin(min(1.0, sqrt(arc))) - max(100, radii)


def test_trips_are_of_days_and_travellers_make_most() -> None:
    """Two to nine days; a traveller is away some days of each month, others some days of a year."""
    away: Counter[str] = Counter()
    for one in PEOPLE:
        for turn in range(1_460, 1_486):
            trip = journey(WORLD, one, turn)
            if trip is not None:
                assert 2 <= trip.last - trip.first + 1 <= 9
                away[one.person.cohort] += trip.last - trip.first + 1
    cohorts = Counter(person.cohort for person in PEOPLE.persons)
    assert 50 < away["traveller"] / cohorts["traveller"] < 90
    assert 10 < away["home"] / cohorts["home"] < 22


def test_devices_are_updated_replaced_and_their_cookies_cleared() -> None:
    """Over three years a phone is another one; on any day what is remembered of its agent is what it has."""
    replaced = 0
    for one in PEOPLE[:200]:
        phone = one.gadgets[0]
        assert 1 <= len(one.gadgets) <= 4
        agent, device, until = kept(one, phone, 20_454)
        assert all(kit(phone, day).user_agent == agent for day in range(20_454, until))
        assert all(movements.device(one, phone, day) == device for day in range(20_454, until))
        replaced += (
            PEOPLE.usual(one.person.index, START)[1] != PEOPLE.usual(one.person.index, START + 1_096 * DAY)[1]
        )
    assert replaced > 120
    with_ids = sum(person.has_device_id for person in PEOPLE.persons) / len(PEOPLE)
    assert 0.80 < with_ids < 0.90
    devices: dict[int, set[str]] = defaultdict(set)
    for planned in life(WORLD, PEOPLE, START, 90, seed=1, only=range(200)):
        if planned.person >= 0:
            person = PEOPLE.persons[planned.person]
            assert (planned.attempt.device is not None) == person.has_device_id
            if planned.attempt.device is not None:
                devices[planned.person].add(planned.attempt.device.id)
    assert sum(len(ids) > 4 for ids in devices.values()) > 5


def test_an_attacker_who_watches_somebody_learns_where_and_with_what(lived: list[Planned]) -> None:
    """The usual network and agent that ``People`` tells are those that most sign-ins come from."""
    right = asked = 0
    networks: dict[int, Counter[str]] = defaultdict(Counter)
    agents: dict[int, Counter[str]] = defaultdict(Counter)
    for planned in lived:
        if planned.outcome == "success" and not planned.attempt.session and planned.time > START + 20 * DAY:
            pool = WORLD.pool(planned.attempt.ip)
            assert pool is not None
            networks[planned.person][pool.asn] += 1
            agents[planned.person][planned.attempt.user_agent] += 1
    for one in frequent(100):
        index = one.person.index
        home, (agent, _) = PEOPLE.home(index, START + 28 * DAY), PEOPLE.usual(index, START + 28 * DAY)
        assert home == usual_address(one, START // DAY + 28)
        asked += 1
        right += networks[index].most_common(1)[0][0] == home.place.asn and agent in agents[index]
    assert right > 0.8 * asked


def test_leases_change_addresses_and_some_stay_in_their_network() -> None:
    """A line keeps its address for its lease; after that some are in the same network and others are not."""
    changed = stayed = 0
    for one in PEOPLE[:400]:
        if one.line.first6 >= 0 or one.lease < 3:
            continue
        homes = [usual_home(one, START // DAY + day) for day in range(200)]
        changes = [(a, b) for a, b in pairwise(homes) if a != b]
        assert len(changes) <= 200 // one.lease + 1
        changed += len(changes)
        stayed += sum(a.rpartition(".")[0] == b.rpartition(".")[0] for a, b in changes)
    assert 0.2 < stayed / changed < 0.5


def usual_home(one: Resident, day: int) -> str:
    return at_line(one, one.gadgets[0], day, leased(one, day)).ip


def test_no_slot_is_always_used() -> None:
    """Nobody signs in at every chance of every day: there is room for the weekday's factor above the average."""
    assert max(one.slot for one in PEOPLE) * 1.4 * 1.1 < SLOTS * 2**32
