"""Slow spraying is found within the day, and honest months are quiet: simulated tries, and attacks on the model."""

import random
from collections.abc import Iterator

import pytest

from stepwarden.events.facts import Facts
from stepwarden.signals.catalogue import POSITION
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.spraying import ALARM, MOST, RISE, Spraying, evidence, raised, slot_of
from stepwarden.signals.state import SignalState
from tests.signals.signals_house import recorded

DAY = 86_400
MONDAY = 4 * DAY
Try = tuple[int, str, bool, bool]
"""Second, person, strange, failed."""


def honest(dice: random.Random, people: int, day: int, *, trouble: float = 1.0) -> Iterator[Try]:
    """A day of a site: four in five come on weekdays, one in twelve from somewhere new; one in twelve fails first."""
    coming = people * (0.8 if day % 7 < 5 else 0.2)
    for _ in range(max(0, round(dice.gauss(coming, coming**0.5)))):
        second = MONDAY + day * DAY + min(DAY - 61, max(0, int(dice.gauss(13, 4) * 3600)))
        person, strange = f"p{dice.randrange(people)}", dice.random() < 1 / 12
        # Some people are clumsier than others.
        clumsy = 0.25 if int(person[1:]) % 5 == 0 else 0.04
        if dice.random() < clumsy * trouble:
            yield second, person, strange, True
        yield second + 30, person, strange, False


def live(spraying: Spraying, tries: list[Try]) -> list[int]:
    """The seconds at which an alarm began."""
    began, was = [], False
    for second, person, strange, failed in sorted(tries):
        spraying.tried(person, second, known=person[0] == "p", strange=strange, failed=failed)
        stands = spraying.values(second)[0]
        if stands and not was:
            began.append(second)
        was = stands
    return began


def sprayed(dice: random.Random, day: int, names: int) -> list[Try]:
    """Each account once, evenly over the day: what address each comes from no longer matters here."""
    start = MONDAY + day * DAY
    return [(start + int((i + dice.random()) * DAY / names), f"p{i}", True, True) for i in range(names)]


def site(people: int, days: int, seed: int = 1) -> tuple[Spraying, random.Random, list[int]]:
    spraying, dice, alarms = Spraying(limit=200_000), random.Random(seed), list[int]()
    for day in range(days):
        alarms += live(spraying, list(honest(dice, people, day)))
    return spraying, dice, alarms


@pytest.mark.parametrize(("people", "days"), [(300, 90), (3_000, 60)])
def test_attack_spraying_at_one_try_per_account_is_found_within_a_day(people: int, days: int) -> None:
    """Over a thousand addresses, at one try per account per day; and months before it without a false alarm."""
    spraying, dice, alarms = site(people, days)
    assert not alarms
    tries = [*honest(dice, people, days), *sprayed(dice, days, min(people, 1_000))]
    began = live(spraying, tries)
    assert began
    assert began[0] - (MONDAY + days * DAY) < 12 * 3600


def noise(dice: random.Random, day: int, mean: int) -> list[Try]:
    """Failures at names that nobody has, some days twice as many, other days none."""
    start = MONDAY + day * DAY
    return [(start + dice.randrange(DAY), f"x{dice.randrange(10**6)}", True, True)
            for _ in range(dice.choice((0, mean, 2 * mean)))]  # fmt: skip


def test_attack_noise_at_any_name_hides_no_spraying_and_is_none() -> None:
    """Ten times as much of it as honest people from new places, and as much as it likes from day to day."""
    spraying, dice, alarms = Spraying(limit=200_000), random.Random(4), list[int]()
    for day in range(60):
        alarms += live(spraying, [*honest(dice, 1_000, day), *noise(dice, day, 800)])
    assert not alarms
    tries = [*honest(dice, 1_000, 60), *noise(dice, 60, 800), *sprayed(dice, 60, 1_000)]
    began = live(spraying, tries)
    assert began
    assert began[0] - (MONDAY + 60 * DAY) < 12 * 3600


def test_attack_names_that_nobody_has_are_watched_where_there_was_no_noise() -> None:
    """New people mostly get in: a thousand names that all fail are not they."""
    spraying, dice = Spraying(limit=200_000), random.Random(5)
    for day in range(40):
        newcomers = [
            (MONDAY + day * DAY + dice.randrange(DAY), f"x{day}-{n}", True, n % 10 == 0) for n in range(40)
        ]
        assert not live(spraying, newcomers)
    start = MONDAY + 40 * DAY
    assert live(spraying, [(start + n * 80, f"x{n}", True, True) for n in range(1_000)])


def test_attack_one_account_guessed_all_day_is_not_spraying() -> None:
    """A thousand failures of one account, or of a mail client with an old password, are one try a day."""
    spraying, dice, _ = site(300, 40)
    for day in range(40, 44):
        guessed = [(MONDAY + day * DAY + i * 80, "p7", True, True) for i in range(1_000)]
        assert not live(spraying, [*honest(dice, 300, day), *guessed])


def test_attack_a_slow_ramp_is_not_learned() -> None:
    """Ten more accounts each day of a site that knows forty tries a day: the usual share cannot follow."""
    spraying, dice, _ = site(600, 60)
    before, began = max(spraying.watches[0].usual()), list[int]()
    for day in range(60, 100):
        began += live(spraying, [*honest(dice, 600, day), *sprayed(dice, day, 10 * (day - 59))])
    assert began
    weeks = 40 / 7 + 1
    assert max(spraying.watches[0].usual()) <= raised(before, RISE**weeks) + 0.02


def test_attack_a_ramp_too_slow_to_be_a_change_is_outrun() -> None:
    """A quarter more failures each week is no sudden change; but the usual share may not rise as fast."""
    spraying, dice, began, share = Spraying(limit=1_000), random.Random(2), list[int](), 0.1
    for day in range(35 + 7 * 8):
        share *= 1.25 ** (1 / 7) if day >= 35 else 1.0
        began += live(
            spraying,
            [(MONDAY + day * DAY + i * 1_000, f"p{i}", True, dice.random() < share) for i in range(80)],
        )
    assert began
    # Three weeks of it. Without the cap on what is learned it is found ten days later.
    assert MONDAY + 42 * DAY < began[0] < MONDAY + 60 * DAY


def test_attack_own_accounts_that_succeed_hide_only_as_many_failures() -> None:
    """One account that signs in well a thousand times a day dilutes nothing: a success counts once as well."""
    spraying, dice, _ = site(300, 60)
    mine = [(MONDAY + 60 * DAY + i * 80, "mine", True, False) for i in range(1_000)]
    assert live(spraying, [*honest(dice, 300, 60), *sprayed(dice, 60, 300), *mine])


def test_trouble_everywhere_is_not_spraying() -> None:
    """A directory that fails people everywhere, at home too, explains the failures of strangers."""
    spraying, dice, _ = site(3_000, 45)
    for day in (45, 46, 47):
        assert not live(spraying, list(honest(dice, 3_000, day, trouble=3.5)))


def test_the_alarm_ends_when_it_is_over() -> None:
    """Days of spraying are one alarm; a day after the last of it the alarm is gone, and the past is as it was."""
    spraying, dice, _ = site(300, 60)
    before, learned = spraying.watches[0].usual(), sum(tries for tries, _ in spraying.watches[0].past)
    for day in (60, 61, 62):
        live(spraying, [*honest(dice, 300, day), *sprayed(dice, day, 300)])
    now = MONDAY + 63 * DAY
    assert spraying.values(now)[:2] == (True, 2 * ALARM)
    assert sum(tries for tries, _ in spraying.watches[0].past) < learned + 60
    assert max(abs(a - b) for a, b in zip(before, spraying.watches[0].usual(), strict=True)) < 0.1
    for day in (63, 64, 65):
        live(spraying, list(honest(dice, 300, day)))
    assert not spraying.values(MONDAY + 66 * DAY)[0]
    assert spraying.values(now + 365 * DAY) == (False, 0, 0)


def test_evidence_grows_with_failures_and_is_zero_on_balance() -> None:
    """More failures are more evidence; as many as usual speak against a change."""
    found = [evidence(failed, 100, 0.2, 0.05) for failed in range(101)]
    assert found == sorted(found)
    assert found[20] < 0 < found[45]
    assert evidence(40_000, 50_000, 0.2, 0.02) > 0


def test_slots_are_four_hours_of_weekdays_and_weekends() -> None:
    """1 January 1970 was a Thursday."""
    assert [slot_of(day * DAY) for day in range(7)] == [0, 0, 6, 6, 0, 0, 0]
    assert [slot_of(hour * 3600) for hour in (3, 4, 23)] == [0, 1, 5]


def test_only_unfamiliar_places_are_tries() -> None:
    """A failure at one's own address, or in one's own network, is no try; one from elsewhere is."""
    state = SignalState(STANDARD)

    def fold(second: int, address: str, network: str, outcome: str, action: str = "login") -> int:
        facts = Facts(
            time=(MONDAY + second) * 1_000_000, action=action, actor="ann", address=address, network=network,
            outcome=outcome,  # type: ignore[arg-type]
        )  # fmt: skip
        state.fold(recorded(facts))
        found = state.read(facts)[POSITION["site_stranger_failure_permille_24h"]]
        assert isinstance(found, int)
        return found

    assert fold(0, "home", "homenet", "success") == 0
    assert fold(1, "home", "homenet", "failure") == 0
    assert fold(2, "other", "homenet", "failure") == 0
    assert fold(3, "far", "farnet", "failure", "export") == 0
    assert fold(4, "far", "farnet", "failure") == 500


def test_attack_names_without_end_stay_within_the_limit() -> None:
    """Whoever tries names that do not exist fills no memory with them."""
    spraying = Spraying(limit=100)
    for number in range(5_000):
        spraying.tried(f"x{number}", MONDAY + number, known=False, strange=True, failed=True)
    assert len(spraying.seen) == 100
    assert len(spraying.hours) <= 25
    assert all(share <= MOST for share in spraying.watches[1].usual())
