"""The likelihood ratio against an implementation of its own, and what nobody may do to it."""

import itertools
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.events.facts import Facts
from stepwarden.signals.catalogue import POSITION
from stepwarden.signals.habits import KINDS, Habit, marks
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.logarithm import thousandths
from stepwarden.signals.state import SignalState
from stepwarden.signals.surprise import Population
from tests.signals.signals_house import recorded

DAY = 86_400
T0 = 1_700_000_000 // DAY * DAY
PLACE = {"address": 0.6, "asn": 0.3, "country": 0.1}
AGENT = {
    "agent": 0.5386653840551359,
    "browser": 0.2680451498625666,
    "os": 0.18818295100109536,
    "device_type": 0.0051065150812021525,
}

PLACES = [("a1", "AS1", "NO"), ("a2", "AS1", "NO"), ("a3", "AS2", "NO"), ("a4", "AS3", "SE"), ("", "", "")]
AGENTS = [
    ("u1", "Firefox", "Linux", "desktop"),
    ("u2", "Firefox", "Windows", "desktop"),
    ("u3", "Safari", "iOS", "mobile"),
]


def at(day: float, actor: str, place: int = 0, agent: int = 0, **more: Any) -> Facts:
    address, asn, country = PLACES[place]
    name, browser, system, kind = AGENTS[agent]
    more.setdefault("outcome", "success")
    more.setdefault("action", "login")
    return Facts(
        time=int((T0 + day * DAY) * 1_000_000), actor=actor, address=address, asn=asn, country=country,
        agent=name, browser=browser, os=system, device_type=kind, **more,
    )  # fmt: skip


def fold(state: SignalState, *facts: Facts) -> SignalState:
    for one in facts:
        state.fold(recorded(one))
    return state


def surprise(state: SignalState, facts: Facts) -> tuple[int, int, int]:
    values = state.read(facts)
    place, agent, login = (values[POSITION[f"{name}_surprise"]] for name in ("place", "agent", "login"))
    assert isinstance(place, int)
    assert isinstance(agent, int)
    assert isinstance(login, int)
    return place, agent, login


@dataclass
class Oracle:
    """The formulas of the reference, over the list of all that ended well: rows of (actor, day, facts)."""

    rows: list[tuple[str, int, Facts]] = field(default_factory=list)

    def counts(self, kind: str, actor: str | None = None) -> Counter[str]:
        """Each value counts once for each person and day."""
        once = {(who, day, getattr(f, kind)) for who, day, f in self.rows if actor in (None, who)}
        return Counter(value for _, _, value in once)

    def shares(self, facts: Facts, weights: dict[str, float]) -> tuple[float, float]:
        finest, *coarser = weights
        everybody = mine = 0.0
        for kind, weight in weights.items():
            counts, own = self.counts(kind), self.counts(kind, facts.actor)
            value, total = getattr(facts, kind), sum(counts.values())
            share = counts[value] / total
            if kind == finest:
                unseen = 1 + sum(len(self.counts(other)) for other in coarser)
                inside = 1 + sum(
                    len({getattr(f, other) for _, _, f in self.rows if getattr(f, kind) == value})
                    for other in coarser
                )
                if counts[value]:
                    share *= 1 - unseen / (total + unseen)
                    share *= 1 - inside / (counts[value] + inside)
                else:
                    share = 1 / (total + unseen)
            everybody += weight * share
            mine += weight * own[value] / sum(own.values())
        return everybody, mine

    def expected(self, facts: Facts) -> tuple[float, float, float]:
        logins = sum(who == facts.actor for who, _, _ in self.rows)
        if not logins:
            return 0.0, 0.0, 0.0
        own = min(1.0, logins / 4)
        found = []
        for weights in (PLACE, AGENT):
            everybody, mine = self.shares(facts, weights)
            everybody = max(0.02, everybody)
            mixed = own * mine + (1 - own) * everybody
            found.append(math.log(everybody / (mixed or everybody / 4)))
        days = {(who, day) for who, day, _ in self.rows}
        people = {who for who, _ in days}
        usual = len(days) / len(people)
        n_u = own * sum(who == facts.actor for who, _ in days) + (1 - own) * usual
        return found[0], found[1], sum(found) + math.log((1 / len(people)) / (n_u / len(days)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 2, 21, 72]), st.sampled_from("abc"),
            st.integers(0, len(PLACES) - 1), st.integers(0, len(AGENTS) - 1),
            st.sampled_from(["success", "success", "failure", "unknown"]),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_the_ratio_is_that_of_the_reference(stream: list[tuple[int, str, int, int, str]]) -> None:
    """Over random streams each surprise is within three thousandths of plain floats, math.log and lists of all rows."""
    state, oracle, hour, seen = SignalState(STANDARD), Oracle(), 0, set[tuple[str, int, str]]()
    for step, actor, place, agent, outcome in stream:
        hour += step
        day = hour // 24
        facts = at(hour / 24 + 1e-6, actor, place, agent, outcome=outcome)
        for found, expected in zip(surprise(state, facts), oracle.expected(facts), strict=True):
            assert abs(found - 1000 * expected) <= 3
        fold(state, facts)
        # At most two new countries are learned in a day; the oracle does not know that.
        new = {c for who, d, c in seen if (who, d) == (actor, day)} | {facts.country}
        if outcome == "success" and len(new) <= 2:
            seen.add((actor, day, facts.country))
            oracle.rows.append((actor, day, facts))
        elif outcome == "success":
            return


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_the_logarithm_is_within_a_thousandth(ratio: float) -> None:
    """Our own logarithm says what the platform's says, to a thousandth of a nat."""
    assert abs(thousandths(ratio) - 1000 * math.log(ratio)) < 1


def test_the_logarithm_rises_and_knows_one() -> None:
    found = [thousandths(2.0**e * (1 + i / 997)) for e in range(-3, 4) for i in range(997)]
    assert found == sorted(found)
    assert thousandths(1.0) == 0


def site(days: int = 20, people: int = 30) -> SignalState:
    state = SignalState(STANDARD)
    for day, who in itertools.product(range(days), range(people)):
        fold(state, at(day + who / 1000, f"p{who}", who % 3, who % 3))
    return state


def test_a_sign_in_as_ever_is_no_surprise_and_a_foreign_one_is() -> None:
    """At home with the usual agent the ratio is below one; in somebody else's country it is far above."""
    state = site()
    home, away = surprise(state, at(21, "p0", 0, 0)), surprise(state, at(21, "p0", 3, 2))
    assert max(home) < 0
    assert min(away) > 1300


def test_coarser_things_in_common_make_a_smaller_surprise() -> None:
    """Another address of one's own provider surprises less than another provider, and that less than a new country."""
    state = fold(site(), *(at(20, f"q{i}", 3, 0) for i in range(9)))
    found = [surprise(state, at(21, "p0", place, 0))[0] for place in (0, 1, 2, 3)]
    assert found == sorted(found)
    assert len(set(found)) == 4


def test_attack_a_sign_in_that_is_new_to_everybody_never_looks_safe() -> None:
    """Values that nobody ever had stand at a quarter of everybody's share: ln 4 for place and agent each."""
    state = site()
    new = Facts(
        time=(T0 + 21 * DAY) * 1_000_000, action="login", actor="p0", address="x", asn="x", country="x",
        agent="x", browser="x", os="x", device_type="x",
    )  # fmt: skip
    place, agent, login = surprise(state, new)
    assert place >= 1386
    assert agent >= 1386
    assert login >= 2000


def test_cold_start_takes_the_place_of_habits_step_by_step() -> None:
    """Nothing is said before the first sign-in; what is new weighs more with each, up to where it stays."""
    state, found = site(), []
    for number in range(6):
        away = at(30 + number, "new", 3, 2)
        found.append(surprise(state, away)[:2])
        assert state.read(away)[POSITION["cold_start"]] is (number <= 3)
        fold(state, at(30 + number, "new", 0, 0))
    assert found[0] == (0, 0)
    assert [place for place, _ in found] == sorted(place for place, _ in found)
    assert all(abs(place - 1386) <= 1 for place, _ in found[3:])


def test_attack_a_flood_of_failures_teaches_nothing() -> None:
    """A million failed sign-ins from one place would make it everybody's: not one of them counts."""
    state = site()
    probe = [at(22, f"p{who}", place, 2) for who in range(4) for place in range(4)]
    before = [surprise(state, one) for one in probe]
    names = [f"p{i % 30}" for i in range(2000)] + [f"x{i}" for i in range(2000)]
    failures = [at(21 + i / 9000, name, 3, 2, outcome="failure") for i, name in enumerate(names)]
    fold(state, *failures)
    for one in failures:
        state.ended(one, learn=True)
    assert [surprise(state, one) for one in probe] == before


def test_attack_a_busy_day_counts_as_one() -> None:
    """Whoever got in and signs in a thousand times in a day moves the habits as far as by one sign-in."""
    once, often = fold(site(), at(21, "p0", 3, 2)), site()
    fold(often, *(at(21 + i / 2000, "p0", 3, 2) for i in range(1000)))
    probe = at(22, "p0", 3, 2)
    assert surprise(once, probe) == surprise(often, probe)
    assert surprise(once, at(22, "p0")) == surprise(often, at(22, "p0"))


def test_attack_one_good_attempt_does_not_make_a_place_safe() -> None:
    """Where nobody else comes from, a single day among forty is no evidence that it is the owner's place."""
    state = fold(site(days=40), at(40, "p0", 3, 2))
    assert surprise(state, at(40.5, "p0", 3, 2))[0] > -300


def test_attack_thirty_patient_days_are_no_more_than_thirty_days() -> None:
    """A poisoner who gets in every day, however often, gains a day's count a day, and stays behind the owner's own."""
    state, found = site(days=40), []
    for day in range(40, 70):
        fold(state, *(at(day + i / 50, "p0", 3, 2) for i in range(20)), at(day + 0.5, "p0", 0, 0))
        habit = state._habits.items["p0"]
        counts = dict(zip(habit.known.split("\n")[1:-1], habit.counts[18:], strict=True))
        assert counts["Aa4"] == day - 39
        assert counts["Aa1"] == day + 1
        found.append(surprise(state, at(day + 0.9, "p0", 3, 2))[0])
    assert found[6] > -2000
    assert min(found) > 1000 * math.log(0.02 / (30 / 70)) - 2


def test_attack_crowding_out_is_bounded_too() -> None:
    """Many new things in a day do not push the owner's own out: six addresses a day, and each of them counts one."""
    state = site(days=40)
    fold(
        state,
        *(at(40 + i / 100, "p0", 0, 0) for i in range(1)),
        *(
            Facts(
                time=int((T0 + (40.1 + i / 1000) * DAY) * 1_000_000), action="login", actor="p0", address=f"x{i}",
                asn="AS1", country="NO", agent="u1", browser="Firefox", os="Linux", device_type="desktop",
                outcome="success",
            )
            for i in range(50)
        ),
    )  # fmt: skip
    habit = state._habits.items["p0"]
    known = habit.known.split("\n")
    assert sum(part.startswith("Ax") for part in known) == 6
    assert surprise(state, at(41, "p0"))[0] < 0


def test_attack_a_newline_in_a_value_passes_for_no_second_mark() -> None:
    """A browser called "Firefox<newline>CNO" does not make Norway a known country."""
    habit = Habit()
    habit.learn(marks(Facts(time=0, action="login", browser="Firefox\nCNO\nT", country="SE")), 0)
    assert habit.look(marks(Facts(time=0, action="login", browser="Firefox", country="NO")))[0][3]
    assert len(habit.counts) == 18 + len(KINDS)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)),
        min_size=1,
        max_size=60,
    )
)
def test_sums_are_the_sums_of_the_counts(stream: list[tuple[int, int, int, int]]) -> None:
    """However days, things and forgetting mix, each kind's sum is that of its counts, none of which is zero."""
    habit, second = Habit(), 0
    for hours, place, agent, device in stream:
        second += hours * 3600
        before = habit.counts
        fresh = habit.learn(marks(at(0, "a", place, agent, device=f"d{device}")), second)
        assert bool(fresh) == (habit.counts != before)
        known = habit.known.split("\n")[1:-1]
        counts = habit.counts[18:]
        assert len(known) == len(counts) == len(set(known))
        assert min(counts) > 0
        for kind, total in zip(KINDS, habit.sums(), strict=True):
            assert total == sum(n for part, n in zip(known, counts, strict=True) if part[0] == kind) > 0


def test_old_counts_fade() -> None:
    """At 255 days a count and its kind are halved, so that a year at one place does not outweigh the next for ever."""
    habit = Habit()
    for day in range(300):
        habit.learn(marks(at(0, "a", 0 if day < 256 else 1)), day * DAY)
    counts = dict(zip(habit.known.split("\n")[1:-1], habit.counts[18:], strict=True))
    assert (counts["Aa1"], counts["Aa2"]) == (128, 44)


def test_the_population_forgets_what_counted_least() -> None:
    """With the table full, values seen once go before those that many have, and the sums stay."""
    population = Population(limit=16)
    for day in range(5):
        population.learn(Habit(), marks(at(0, "a", 0)), day * DAY)
    for number in range(40):
        facts = Facts(time=0, action="login", address=f"x{number}", country="NO")
        population.learn(Habit(), marks(facts), 0)
    addresses = population.kinds[0]
    assert len(addresses) <= 16
    assert addresses["a1"] == 5
    assert population.totals[0] == 45


@pytest.mark.parametrize("limit", [1, 2, 40])
def test_limits_hold_for_the_population(limit: int) -> None:
    """A lower limit applies at once, as it does to all else."""
    state = SignalState(STANDARD.changed_by({"population": limit}))
    for number in range(90):
        address = Facts(
            time=(T0 + number) * 1_000_000,
            action="login",
            actor=f"p{number}",
            address=f"x{number}",
            outcome="success",
        )
        fold(state, address)
        surprise(state, address)
    assert all(len(kind) <= limit for kind in state._population.kinds)
