"""What became of attacks, and the alarm about spraying; against hand-made answers."""

import pytest

from stepwarden.lab.accuracy.alarms import false_alarms, sprayed
from stepwarden.lab.accuracy.attacks import poisonings, scripts, takeovers
from tests.lab.accuracy_house import campaign, results, row

GUESSING = campaign(0, "guessing", technique="T1110.001")
SLOW = campaign(0, "spraying-slow", technique="T1110.003")


def test_answers_and_who_got_in_are_counted_by_script() -> None:
    """Two campaigns of one script: the first gets in at its third try, the second is refused at its first."""
    campaigns = [GUESSING, campaign(1, "guessing", technique="T1110.001")]
    rows = [row(0, n, campaign=0, right=n == 2) for n in range(3)]
    rows += [row(1, 5, campaign=1, decision="deny", right=False), row(1, 6, campaign=1, decision="step_up")]
    (found,) = scripts(results(rows, cohorts=("home", "home"), campaigns=campaigns))
    assert (found.attacker, found.technique, found.campaigns) == ("guessing", "T1110.001", 2)
    assert (found.answers.attempts, found.answers.allowed, found.answers.challenged) == (5, 3, 1)
    assert (found.answers.refused, found.answers.got_in) == (1, 1)
    assert (found.right.attempts, found.reached, found.people) == (2, 1, 1)


def test_the_time_to_notice_counts_attempts_from_one_and_hours_from_the_first() -> None:
    """Noticed at the third attempt, two and a half hours in."""
    rows = [
        row(0, hour, campaign=0, right=False, decision="step_up" if hour == 3.5 else "allow")
        for hour in (1, 2, 3.5)
    ]
    (found,) = scripts(results(rows, campaigns=[GUESSING]))
    assert (found.attempts_median, found.hours_median) == (3.0, 2.5)
    assert found.noticed.value == 1.0


def test_what_is_never_noticed_is_later_than_everything() -> None:
    """Of three campaigns one is noticed: there is no median, and no 90th percentile."""
    campaigns = [campaign(number, "guessing") for number in range(3)]
    rows = [row(0, n, campaign=n, decision="deny" if n == 0 else "allow") for n in range(3)]
    (found,) = scripts(results(rows, campaigns=campaigns))
    assert (found.attempts_median, found.hours_p90) == (None, None)
    assert found.noticed.value == pytest.approx(1 / 3, abs=1e-6)


def test_probes_are_takeovers_and_no_campaign() -> None:
    """By class and by the length of the history; two challenged, one refused, one allowed."""
    campaigns = [campaign(0, "probe-vpn", takeover="vpn")]
    answers = ("step_up", "step_up", "deny", "allow")
    rows = [row(0, n, campaign=0, probe=True, login=12, decision=one) for n, one in enumerate(answers)]
    rows.append(row(0, 9, campaign=0, probe=True, login=3))
    found = results(rows, campaigns=campaigns)
    assert scripts(found) == []
    three, twelve = takeovers(found)
    assert (three.takeover, three.login, three.answers.allowed) == ("vpn", 3, 1)
    assert (twelve.answers.challenged, twelve.answers.refused, twelve.answers.allowed) == (2, 1, 1)


def test_only_what_comes_after_thirty_days_shows_whether_habits_were_poisoned() -> None:
    """The preparation may be let through; the sign-ins after it may not. A wrong password shows nothing."""
    rows = [row(0, 24 * day, campaign=0) for day in range(29)]
    rows += [row(0, 24 * 30, campaign=0, decision="step_up"), row(0, 24 * 31, campaign=0)]
    rows += [row(0, 24 * 32, campaign=0, right=False), row(0, 24 * 32, campaign=0, action="transfer")]
    (found,) = poisonings(results(rows, campaigns=[campaign(0, "poisoning")]))
    assert (found.late, found.stopped, found.got_in) == (2, 1, 1)


def spraying(alarm_from: float, *, until: float = 40.0, quiet_days: int = 60) -> list[dict[str, object]]:
    """A sprayer with a try an hour from the tenth hour on, and people before and long after."""
    rows = [row(0, hour / 2, site_spraying=alarm_from <= hour / 2 <= until) for hour in range(2, 100)]
    rows += [row(0, hour + 0.25, campaign=0, right=False, site_spraying=alarm_from <= hour + 0.25 <= until)
             for hour in range(10, 34)]  # fmt: skip
    return [*rows, row(0, 24 * quiet_days)]


def test_spraying_is_found_when_the_alarm_first_stands() -> None:
    """Whoever's attempt shows it: here a person's, half an hour after the sprayer's sixth try."""
    (found,) = sprayed(results(spraying(15.5), campaigns=[SLOW]))
    assert found.hours == (5.25,)
    assert (found.attempts_median, found.already, found.found.value) == (6.0, 0, 1.0)
    assert false_alarms(results(spraying(15.5), campaigns=[SLOW])).alarms == 0


def test_spraying_without_an_alarm_is_not_found() -> None:
    """Nor is it when the alarm comes long after it is over."""
    for rows in (spraying(1e9), spraying(46.0, until=48.0)):
        (found,) = sprayed(results(rows, campaigns=[SLOW]))
        assert (found.hours, found.hours_most, found.found.value) == ((None,), None, 0.0)


def test_an_alarm_that_stood_before_says_nothing_of_this_attack() -> None:
    """It is counted as such, and not as found at once."""
    (found,) = sprayed(results(spraying(3.0), campaigns=[SLOW]))
    assert (found.already, found.hours) == (1, ())


def test_an_alarm_in_quiet_time_is_false_and_counts_once_while_it_stands() -> None:
    """Risen at the third hour, before anything was tried; that it stands on is no second alarm."""
    found = false_alarms(results(spraying(3.0), campaigns=[SLOW]))
    assert found.alarms == 1
    # 60 days from the first hour on, but for the sprayer's 23 hours and a day after them.
    assert found.quiet_days == pytest.approx(60 - 1 / 24 - 47 / 24, abs=0.01)
    assert found.monthly is not None
    assert found.monthly.value == pytest.approx(30 / found.quiet_days, abs=1e-3)
    assert false_alarms(results(spraying(3.0, until=4.0), campaigns=[SLOW])).alarms == 1


def test_an_attack_without_wrong_passwords_is_no_reason_for_an_alarm() -> None:
    """A takeover with a stolen password does not excuse an alarm about spraying."""
    rows = [row(0, hour, site_spraying=hour == 5) for hour in range(48)] + [
        row(0, 4.5, campaign=0),
        row(0, 9, campaign=0),
    ]
    found = false_alarms(results(rows, campaigns=[campaign(0, "takeover-naive", takeover="naive")]))
    assert found.alarms == 1


def test_an_attack_all_the_time_leaves_no_quiet_time() -> None:
    """Then nothing can be said of false alarms."""
    rows = [row(0, hour, campaign=0, right=False, site_spraying=hour > 5) for hour in range(24)]
    found = false_alarms(results(rows, campaigns=[SLOW]))
    assert (found.quiet_days, found.alarms, found.monthly) == (0.0, 0, None)
