"""When campaigns begin, against whom, and what probes are."""

import itertools

import msgspec
import pytest

from stepwarden.lab.attackers.campaigns import campaigns
from stepwarden.lab.attackers.probes import CLASSES, MILESTONES, Prober, probe_campaigns, takeover_probes
from stepwarden.lab.attackers.registry import ATTACKERS
from stepwarden.lab.attackers.stage import DAY
from stepwarden.lab.simulate.plan import Campaign, Script
from tests.lab.attackers_house import START, Ground, allows, driven, person

PEOPLE = [person(index) for index in range(400)]
NAMES = tuple(ATTACKERS)
DAYS = 90


def planned(names: tuple[str, ...] = NAMES, seed: int = 7) -> list[tuple[Campaign, Script]]:
    return campaigns(Ground(), PEOPLE, START, DAYS, names, seed)


def attempts(script: Script) -> list[tuple[int, str]]:
    """When and from where, on a site that allows everything."""
    return [(one.time, one.attempt.ip) for one, _ in driven(script, allows)]


def test_campaigns_are_numbered_and_are_what_the_table_says() -> None:
    """From 0 on, several of each kind, every variant among them."""
    found = [campaign for campaign, _ in planned()]
    assert [one.index for one in found] == list(range(len(found)))
    for name, attacker in ATTACKERS.items():
        own = [one for one in found if one.attacker == name]
        assert len(own) >= 3
        assert {(one.technique, one.takeover) for one in own} == {(attacker.technique, attacker.takeover)}
        for option in attacker.options:
            assert any(option in one.about for one in own)


def test_the_first_third_is_quiet_and_nothing_is_left_for_afterwards() -> None:
    """All that happens, happens in the last two thirds, each campaign not before it began."""
    for campaign, script in planned():
        times = [time for time, _ in attempts(script)]
        assert times
        assert campaign.began >= START + DAYS * DAY // 3
        assert times[0] >= campaign.began
        assert times[-1] < START + DAYS * DAY


def test_attacks_on_the_whole_site_do_not_run_beside_one_another() -> None:
    """Otherwise the alarm about the second would be the first one's."""
    names = ("spraying-fast", "spraying-slow", "stuffing")
    spans = sorted(attempts(script) for _, script in planned(names))
    assert len(spans) == 9
    for early, late in itertools.pairwise(spans):
        assert late[0][0] - early[-1][0] > 2 * DAY


def test_who_hardly_ever_signs_in_is_attacked_only_with_everybody_else() -> None:
    """An account without habits says nothing about noticing; where there are no others, it has to do."""
    rare = [msgspec.structs.replace(one, band="rare") for one in PEOPLE[:200]]
    for attacker in ("takeover-naive", "session-theft"):
        found = campaigns(Ground(), [*rare, *PEOPLE[200:]], START, DAYS, [attacker], 1)
        for _, script in found:
            assert next(script).person >= 200
        assert campaigns(Ground(), rare, START, DAYS, [attacker], 1)


def test_poisoning_has_thirty_days_before_it_strikes() -> None:
    """There is time for all of it in 90 days."""
    for campaign, script in planned(("poisoning",)):
        assert attempts(script)[-1][0] - campaign.began >= 30 * DAY


def test_one_seed_is_one_plan_whatever_else_is_planned() -> None:
    """A kind of attack is the same alone and among others; another seed gives another."""
    alone = [attempts(script) for _, script in planned(("takeover-vpn",))]
    among = [attempts(script) for campaign, script in planned() if campaign.attacker == "takeover-vpn"]
    assert alone == among
    assert alone != [attempts(script) for _, script in planned(("takeover-vpn",), seed=8)]


def test_an_attacker_that_there_is_not_is_named() -> None:
    """With the names that there are."""
    with pytest.raises(ValueError, match=r"no attacker called nobody; there are guessing, "):
        planned(("guessing", "nobody"))


def test_a_short_simulation_still_has_every_attack() -> None:
    """In ten days with five people, poisoning strikes three days before the end."""
    for campaign, script in campaigns(Ground(), PEOPLE[:5], START, 10, NAMES, 1):
        found = attempts(script)
        if campaign.attacker == "poisoning":
            assert found[-1][0] >= START + 7 * DAY
        assert all(time < START + 10 * DAY for time, _ in found)


def test_probes_are_one_of_each_class_and_leave_no_trace() -> None:
    """At this very moment, with the right password, in the campaign of their class."""
    rows = probe_campaigns(20, START)
    probes = takeover_probes(Ground(), PEOPLE[3], START + 5, seed=1, first=20)
    assert [one.takeover for one in rows] == list(CLASSES)
    assert [one.campaign for one in probes] == [one.index for one in rows] == [20, 21, 22, 23]
    for one in probes:
        assert one.probe
        assert one.time == START + 5
        assert one.person == 3
        assert one.outcome == "success"
        assert one.attempt.proved == ("pwd",)
        assert one.attempt.action == "login"
        assert one.reply == "fail"
        assert not one.opens


def test_probes_come_at_milestones_and_differ_from_each_other() -> None:
    """Nothing in between; other addresses at other milestones and for other people; the same ones again."""
    prober = Prober(terrain=Ground(), seed=1, first=0)
    due = [logins for logins in range(200) if prober.after(PEOPLE[0], logins, START)]
    assert due == sorted(MILESTONES) == [1, 3, 6, 12, 20, 39, 80, 150]
    once = prober.after(PEOPLE[0], 12, START)
    assert once == prober.after(PEOPLE[0], 12, START)
    assert once[0].attempt.ip != prober.after(PEOPLE[0], 39, START + DAY)[0].attempt.ip
    assert once[0].attempt.ip != prober.after(PEOPLE[1], 12, START)[0].attempt.ip
