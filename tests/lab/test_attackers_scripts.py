"""Every attacker against sites that always say the same: order of time, an end, and one seed, one attack."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.events.entries import Verdict
from stepwarden.lab.attackers.registry import ATTACKERS
from stepwarden.lab.attackers.stage import DAY, HOUR
from stepwarden.lab.simulate.plan import Planned
from tests.lab.attackers_house import BEGAN, Ground, Site, allows, denies, plans, played, stage, steps_up

VARIANTS = [(name, option) for name, one in ATTACKERS.items() for option in one.options]
SITES = (allows, steps_up, denies)


@pytest.mark.parametrize(("name", "option"), VARIANTS)
@pytest.mark.parametrize("site", SITES)
def test_nothing_happens_before_the_answer_to_what_went_before(name: str, option: str, site: Site) -> None:
    """Attempts come in order of time, from the campaign's beginning to the end of its time, and belong to it."""
    on = stage(name, option=option)
    done = played(on, name, site)
    assert done
    for (_, answered), (planned, _) in itertools.pairwise(done):
        assert planned.time >= answered.time
    assert done[0][0].time >= BEGAN
    assert done[-1][0].time < on.until
    assert {planned.campaign for planned, _ in done} == {on.index}
    assert not any(planned.probe for planned, _ in done)


@pytest.mark.parametrize(("name", "option"), VARIANTS)
@pytest.mark.parametrize("site", SITES)
def test_one_seed_is_one_attack(name: str, option: str, site: Site) -> None:
    """The same seed gives the same attempts, another one others."""
    once, again, other = (plans(stage(name, option=option, seed=seed), name, site) for seed in (3, 3, 4))
    assert once == again
    assert once != other


@pytest.mark.parametrize(("name", "option"), VARIANTS)
def test_it_stops_at_the_end_of_its_time(name: str, option: str) -> None:
    """A campaign whose time is short makes no attempt after it."""
    for site in SITES:
        on = stage(name, option=option, days=21)
        assert all(planned.time < on.until for planned in plans(on, name, site))


@pytest.mark.parametrize(("name", "option"), VARIANTS)
def test_what_is_planned_is_what_an_application_would_tell(name: str, option: str) -> None:
    """A right password is told as proved, a wrong one fails, no outcome comes before, a session is named or opened."""
    for site in SITES:
        for planned in plans(stage(name, option=option), name, site):
            attempt = planned.attempt
            assert attempt.outcome == "unknown"
            if attempt.action == "login":
                assert (planned.outcome == "success") == (attempt.proved == ("pwd",)) == bool(planned.opens)
            else:
                assert attempt.session
                assert not planned.opens


@pytest.mark.parametrize(("name", "option"), VARIANTS)
def test_a_site_that_refuses_everything_is_left_in_the_end(name: str, option: str) -> None:
    """Against nothing but refusals an attacker soon leaves, well before its time is up."""
    on = stage(name, option=option)
    refused = plans(on, name, denies)
    assert len(refused) < 1_000
    assert refused[-1].time < BEGAN + 40 * DAY


@given(
    variant=st.sampled_from(VARIANTS),
    seed=st.integers(0, 10_000),
    moods=st.lists(st.sampled_from(["allow", "step_up", "deny"]), min_size=1, max_size=40),
)
def test_a_site_in_any_mood_gets_attempts_in_order(
    variant: tuple[str, str], seed: int, moods: list[Verdict]
) -> None:
    """Whatever the answers, in whatever order: attempts stay in order of time, and there is an end."""
    turns = itertools.cycle(moods)
    on = stage(variant[0], option=variant[1], seed=seed, people=40)
    times = [planned.time for planned in plans(on, variant[0], lambda _: next(turns))]
    assert times == sorted(times)


@pytest.mark.parametrize("name", [name for name, one in ATTACKERS.items() if one.takeover])
def test_a_takeover_that_gets_in_uses_the_account_at_once(name: str) -> None:
    """After a sign-in that went well there is no other, and what follows is in the session that it opened."""
    for seed in range(20):
        sign_in, *rest = plans(stage(name, seed=seed), name, allows)
        assert rest
        assert {planned.attempt.session for planned in rest} == {sign_in.opens}
        assert rest[-1].time - sign_in.time < HOUR


def shares(name: str, option: str, site: Site, what: Callable[[Planned], bool], seeds: int = 400) -> float:
    """The share of campaigns whose first attempt is so."""
    return (
        sum(what(plans(stage(name, option=option, seed=seed), name, site)[0]) for seed in range(seeds))
        / seeds
    )


def test_takeovers_pass_challenges_as_often_as_studies_say() -> None:
    """No bot, 4 % of those phished in bulk, 24 % of targeted attackers have the code."""
    assert shares("takeover-naive", "", steps_up, lambda one: one.reply == "pass") == 0
    assert 0.01 < shares("takeover-vpn", "elsewhere", steps_up, lambda one: one.reply == "pass") < 0.08
    assert 0.18 < shares("takeover-targeted", "rival", steps_up, lambda one: one.reply == "pass") < 0.30


def test_takeovers_come_from_where_their_class_says() -> None:
    """Anywhere; an exit in the country; the town with another provider; the network with the very agent."""
    home, usual = Ground().home(0, BEGAN), Ground().usual(0, BEGAN)
    for seed in range(10):
        naive = plans(stage("takeover-naive", seed=seed), "takeover-naive", allows)[0].attempt
        assert naive.ip.startswith("10.")
        vpn = plans(stage("takeover-vpn", option="same-country", seed=seed), "takeover-vpn", allows)[
            0
        ].attempt
        assert vpn.ip.startswith("192.168.7.")
        targeted = plans(stage("takeover-targeted", option="rival", seed=seed), "takeover-targeted", allows)[
            0
        ].attempt
        assert targeted.ip.startswith("10.7.4.")
        assert targeted.user_agent == f"{usual.user_agent} again"
        near = plans(stage("takeover-very-targeted", seed=seed), "takeover-very-targeted", allows)[0]
        assert near.attempt.ip.rpartition(".")[0] == home.ip.rpartition(".")[0]
        assert near.attempt.ip != home.ip
        assert near.attempt.user_agent == usual.user_agent
        assert near.attempt.device is not None
        assert usual.device is not None
        assert near.attempt.device.id != usual.device.id
        hours = [(near.time % DAY - hour) / HOUR for hour in (9 * HOUR, 18 * HOUR + HOUR // 2)]
        assert min(abs(hour) for hour in hours) <= 0.34
