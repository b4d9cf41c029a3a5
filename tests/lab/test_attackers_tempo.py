"""Each attacker keeps to the tempo, the addresses and the patience that its page claims."""

import itertools
from collections import Counter, defaultdict
from typing import Final

from stepwarden.events.entries import Verdict
from stepwarden.lab.attackers.stage import DAY, HOUR, MINUTE, SECOND
from stepwarden.lab.simulate.plan import Planned
from tests.lab.attackers_house import BEGAN, Ground, allows, denies, person, plans, played, stage, steps_up

NINE: Final = 9 * HOUR


def guesses(done: list[Planned]) -> list[Planned]:
    """Tries with a wrong password."""
    return [planned for planned in done if planned.outcome == "failure"]


def gaps(done: list[Planned]) -> list[int]:
    """Microseconds between neighbours."""
    return [late.time - early.time for early, late in itertools.pairwise(done)]


def test_guessing_fast_is_many_a_second_from_one_server_and_moves_on_when_refused() -> None:
    """Hydra's pace; refused twenty times it takes another server, after four it leaves."""
    tries = guesses(plans(stage("guessing", option="fast"), "guessing", allows))
    assert len(tries) > 300
    assert 8 < len(tries) / ((tries[-1].time - tries[0].time) / SECOND) < 16
    assert len({one.attempt.ip for one in tries}) == 1
    refused = plans(stage("guessing", option="fast"), "guessing", denies)
    assert list(Counter(one.attempt.ip for one in refused).values()) == [20] * 4
    assert sum(gap >= 5 * MINUTE for gap in gaps(refused)) == 3


def test_guessing_slow_is_about_four_an_hour_from_everywhere() -> None:
    """STRONTIUM's pace; refused ten times it rests for half a day."""
    tries = plans(stage("guessing", option="slow"), "guessing", steps_up)
    assert 3.5 < len(tries) / ((tries[-1].time - tries[0].time) / HOUR) < 4.5
    assert len({one.attempt.ip for one in tries}) > 0.95 * len(tries)
    refused = plans(stage("guessing", option="slow"), "guessing", denies)
    assert len(refused) == 30
    assert sum(gap >= 12 * HOUR for gap in gaps(refused)) == 2


def test_guessing_gets_in_now_and_then_and_then_stops_guessing() -> None:
    """One dictionary in twenty holds the password; nothing is guessed once it is found."""
    found = 0
    for seed in range(150):
        done = plans(stage("guessing", option="fast", seed=seed), "guessing", allows)
        right = [number for number, one in enumerate(done) if one.attempt.proved]
        found += bool(right)
        assert len(right) <= 1
        assert not right or not guesses(done[right[0] :])
    assert 2 <= found <= 16


def test_spraying_fast_tries_one_password_on_everybody_then_pauses() -> None:
    """Five servers; nobody is tried twice within half an hour; a tenth of the names nobody has."""
    done = plans(stage("spraying-fast", people=1_000), "spraying-fast", steps_up)
    assert len(done) == 3_000
    assert len({one.attempt.ip for one in done}) == 5
    by_name = defaultdict(list)
    for one in done:
        by_name[one.attempt.actor].append(one.time)
    assert all(len(times) == 3 for times in by_name.values())
    assert (
        min(late - early for times in by_name.values() for early, late in itertools.pairwise(times))
        > 30 * MINUTE
    )
    assert 80 <= len({one.attempt.actor for one in done if one.person < 0}) <= 120


def test_spraying_fast_replaces_servers_that_are_refused() -> None:
    """Ten refusals each, four replacements, then it is over."""
    servers = Counter(one.attempt.ip for one in plans(stage("spraying-fast"), "spraying-fast", denies))
    assert len(servers) == 9
    assert set(servers.values()) == {10}


def test_spraying_slow_is_one_try_per_account_per_day_and_three_accounts_per_address() -> None:
    """The promise that the detection of spraying is measured by."""
    done = plans(stage("spraying-slow", people=4_000), "spraying-slow", steps_up)
    begin = done[0].time
    days: dict[int, list[Planned]] = defaultdict(list)
    for one in done:
        days[(one.time - BEGAN) // DAY].append(one)
    assert len(days) == 7
    assert done[-1].time - begin < 7 * DAY
    for tries in days.values():
        assert max(Counter(one.attempt.actor for one in tries).values()) == 1
        touched = defaultdict(set)
        for one in tries:
            touched[one.attempt.ip].add(one.attempt.actor)
        assert 900 < len(touched) <= 1_000
        assert max(map(len, touched.values())) <= 8  # three a line; a few lines share an address by chance
        assert 2.9 < sum(map(len, touched.values())) / len(touched) < 3.3
        # All day long: no hour has more than a tenth of the day's tries.
        assert max(Counter(one.time // HOUR for one in tries).values()) < len(tries) / 10


def test_spraying_slow_hands_what_it_finds_to_others_and_leaves_it_alone() -> None:
    """A found account is used once more, from a server, one to eight hours later, and never sprayed again."""
    done = plans(stage("spraying-slow", people=3_000), "spraying-slow", allows)
    right = [one for one in done if one.attempt.proved]
    by_name = defaultdict(list)
    for one in right:
        by_name[one.attempt.actor].append(one)
    assert 10 <= len(by_name) <= 60
    for name, (found, used) in by_name.items():
        assert HOUR <= used.time - found.time <= 11 * HOUR
        assert used.attempt.ip.startswith("172.16.")
        assert not [one for one in guesses(done) if one.attempt.actor == name and one.time > found.time]


def test_spraying_slow_lies_low_after_a_day_of_refusals_and_comes_back_once() -> None:
    """Two days of silence, other addresses, and then it is over."""
    done = plans(stage("spraying-slow", people=500), "spraying-slow", denies)
    assert max(gaps(done)) > 1.9 * DAY
    first = {one.attempt.ip for one in done if one.time < BEGAN + DAY}
    second = {one.attempt.ip for one in done if one.time > BEGAN + DAY}
    assert len(first & second) < 20
    assert done[-1].time < BEGAN + 4 * DAY


def test_stuffing_has_an_address_for_each_try_and_the_hit_rate_of_leaked_lists() -> None:
    """Residential proxies and random agents; 0.1 to 2 % of those who exist."""
    rates = []
    for seed in range(15):
        done = plans(stage("stuffing", seed=seed, people=2_000), "stuffing", steps_up)
        known = [one for one in done if one.person >= 0]
        assert len({one.attempt.ip for one in done}) > 0.9 * len(done)
        assert len({one.attempt.user_agent for one in done}) == 40
        rates.append(sum(bool(one.attempt.proved) for one in known) / len(known))
    assert 0.001 < sum(rates) / len(rates) < 0.02
    assert max(rates) < 0.035


def test_stuffing_slows_down_when_refused_and_gives_up_the_third_time() -> None:
    """Two pauses of an hour or more, each followed by a slower pace."""
    done = plans(stage("stuffing", people=2_000), "stuffing", denies)
    pauses = [number for number, gap in enumerate(gaps(done)) if gap >= HOUR]
    assert len(pauses) == 2
    pace = [
        gaps(part) for part in (done[: pauses[0]], done[pauses[0] + 1 : pauses[1]], done[pauses[1] + 1 :])
    ]
    means = [sum(part) / len(part) for part in pace]
    assert means[0] * 3 < means[1]
    assert means[1] * 3 < means[2]


def test_takeovers_change_what_they_can_and_leave_after_a_few_tries() -> None:
    """Two or three tries, each from another address."""
    for name, tries in (("takeover-naive", 2), ("takeover-vpn", 3), ("takeover-targeted", 3)):
        done = plans(stage(name), name, denies)
        assert len({one.attempt.ip for one in done}) == len(done) == tries


def test_a_session_thief_never_signs_in() -> None:
    """All is done in sessions of the victim's, after their sign-in; the copy has agent and device of the victim."""
    usual = Ground().usual(0, BEGAN)
    for option in ("copied-agent", "other-agent"):
        done = plans(stage("session-theft", option=option), "session-theft", steps_up)
        sessions = {one.opens: one.time for one in Ground().life(0, BEGAN, BEGAN + 60 * DAY)}
        assert len({one.attempt.session for one in done}) == 3
        for one in done:
            assert one.attempt.action != "login"
            assert one.time > sessions[one.attempt.session]
            assert (one.attempt.user_agent == usual.user_agent) == (option == "copied-agent")
            assert (one.attempt.device == usual.device) == (option == "copied-agent")
            assert one.reply == "ignore"


def test_codes_are_guessed_in_sessions_of_their_own_and_wrongly() -> None:
    """One to three a second, none in the session of another; after ten refusals half an hour's rest, twice."""
    done = plans(stage("code-guessing"), "code-guessing", steps_up)
    assert len(done) == 400 == len({one.attempt.session for one in done})
    assert all(one.reply == "fail" and one.attempt.proved == ("pwd",) for one in done)
    assert 1 < len(done) / ((done[-1].time - done[0].time) / SECOND) < 3.1
    refused = plans(stage("code-guessing"), "code-guessing", denies)
    assert len(refused) == 30
    assert sum(gap >= 30 * MINUTE for gap in gaps(refused)) == 2


def test_prompts_come_at_night_and_one_in_a_hundred_is_accepted() -> None:
    """At the hour that is farthest from the victim's sign-ins; the rest is denied or slept through."""
    replies: Counter[str] = Counter()
    for seed in range(60):
        done = plans(stage("push-bombing", seed=seed), "push-bombing", steps_up)
        replies.update(one.reply for one in done if one.attempt.action == "login")
        for one in done:
            assert 0 <= (one.time % DAY) / HOUR - 1 < 5 or (one.time % DAY) / HOUR >= 23
    total = sum(replies.values())
    assert 0.005 < replies["pass"] / total < 0.016
    assert 0.15 < replies["deny"] / total < 0.25
    assert set(replies) == {"pass", "deny", "ignore"}


def test_bombing_pauses_when_refused_and_leaves_after_three_nights() -> None:
    """Four rounds of three refusals a night, a quarter of an hour or more between them."""
    done = plans(stage("push-bombing"), "push-bombing", denies)
    assert len(done) == 3 * 12
    nights = Counter((one.time - BEGAN) // DAY for one in done)
    assert list(nights.values()) == [12, 12, 12]


def test_bombing_stops_at_the_first_prompt_that_is_accepted() -> None:
    """What follows is in the session that it opened."""
    for seed in range(60):
        done = played(stage("push-bombing", seed=seed), "push-bombing", steps_up)
        passed = [number for number, (_, answered) in enumerate(done) if answered.passed]
        if passed:
            opened = done[passed[0]][0].opens
            assert {one.attempt.session for one, _ in done[passed[0] + 1 :]} == {opened}
            return
    raise AssertionError("nobody ever gave in")


def test_tampering_changes_factors_at_once_and_falls_back_on_recovery() -> None:
    """Enrol, mail, remove, password within a quarter of an hour; else a recovery and a day's wait."""
    first, *changes = plans(stage("factor-tampering", option="relayed"), "factor-tampering", allows)
    assert first.attempt.action == "login"
    assert [one.attempt.action for one in changes] == [
        "factor.enroll",
        "mail.change",
        "factor.remove",
        "password.change",
    ]
    assert changes[-1].time - first.time < 15 * MINUTE

    def only_recovery(planned: Planned) -> Verdict:
        return "allow" if planned.attempt.action in ("login", "account.recover") else "deny"

    *_, recovery, again = plans(
        stage("factor-tampering", option="session"), "factor-tampering", only_recovery
    )
    assert recovery.attempt.action == "account.recover"
    assert again.attempt.action == "factor.enroll"
    assert 25 * HOUR <= again.time - recovery.time <= 31 * HOUR


def test_an_insider_is_themselves_and_takes_hundreds_of_copies() -> None:
    """Own place, own device, every challenge passed, at usual hours; slower after each refusal, gone after three."""
    done = plans(stage("insider-export"), "insider-export", steps_up)
    assert {one.attempt.ip for one in done} == {Ground().home(0, BEGAN).ip}
    assert {one.attempt.device for one in done} == {Ground().usual(0, BEGAN).device}
    sign_ins = [one for one in done if one.attempt.action == "login"]
    assert len(sign_ins) == 2
    assert all(one.reply == "pass" for one in done if one.attempt.action != "statement.read")
    exports = Counter((one.time - BEGAN) // DAY for one in done if one.attempt.action == "export")
    assert all(60 < number < 900 for number in exports.values())

    def no_export(planned: Planned) -> Verdict:
        return "deny" if planned.attempt.action == "export" else "allow"

    refused = [
        one
        for one in plans(stage("insider-export"), "insider-export", no_export)
        if one.attempt.action == "export"
    ]
    assert len(refused) == 2 * 3
    assert all(gap >= 30 * MINUTE for gap in gaps(refused[:3]))


def test_a_replayed_session_is_old_and_a_replayed_grant_is_shown() -> None:
    """A day and more after the sign-in without a grant, or within the hour with one, for a transfer."""
    opened = {one.opens: one.time for one in Ground().life(0, BEGAN, BEGAN + 60 * DAY)}
    for one in plans(stage("token-replay", option="signed-out"), "token-replay", allows):
        assert DAY < one.time - opened[one.attempt.session] < 31 * DAY
        assert not one.attempt.grant
    for one in plans(stage("token-replay", option="used-grant"), "token-replay", allows):
        assert 0 < one.time - opened[one.attempt.session] < 2 * HOUR
        assert one.attempt.grant
        assert one.attempt.action == "transfer"


def test_poisoning_is_small_for_thirty_days_and_strikes_from_the_attackers_own_place() -> None:
    """Until then nothing but sign-ins and a look; then three tries at most, from a place that is not the victim's."""
    for option in ("only-allowed", "many-devices", "alternating", "malware"):
        on = stage("poisoning", option=option)
        done = plans(on, "poisoning", allows)
        before = [one for one in done if one.time < on.strikes]
        after = [one for one in done if one.time >= on.strikes]
        assert {one.attempt.action for one in before} == {"login", "balance.read"}
        assert after[0].attempt.action == "login"
        assert after[0].time - BEGAN >= 30 * DAY
        assert not after[0].attempt.ip.startswith("10.7.")
        stopped = [
            one
            for one in plans(stage("poisoning", option=option), "poisoning", denies)
            if one.time >= on.strikes
        ]
        assert len(stopped) == 3
        assert len({one.attempt.ip for one in stopped}) == 1


def test_poisoning_climbs_only_while_it_is_let_through() -> None:
    """Five rungs where all is allowed; never beyond next door where nothing is; back down after a refusal."""
    usual = Ground().usual(0, BEGAN)
    on = stage("poisoning", option="only-allowed")
    places = [
        one.attempt.ip.rpartition(".")[0] for one in plans(on, "poisoning", allows) if one.time < on.strikes
    ]
    rungs = [place for place, _ in itertools.groupby(places)]
    assert rungs[:3] == ["10.7.6", "10.7.4", "10.7.6"] or rungs[:2] == ["10.7.6", "10.7.4"]
    assert not rungs[-1].startswith("10.7.")
    again = stage("poisoning", option="only-allowed")
    refused = [one for one in plans(again, "poisoning", denies) if one.time < again.strikes]
    assert {one.attempt.ip.rpartition(".")[0] for one in refused} == {"10.7.6"}
    assert {one.attempt.user_agent for one in refused} == {usual.user_agent}
    assert min(gaps(refused)) > 2 * DAY


def test_poisoning_steps_back_after_a_refusal_and_tries_again() -> None:
    """Where another provider of the town is refused, the next try is a rung nearer; none is a rung farther."""

    def town_only(planned: Planned) -> Verdict:
        return "deny" if planned.attempt.ip.startswith("10.7.4.") else "allow"

    on = stage("poisoning", option="only-allowed")
    done = [one for one in plans(on, "poisoning", town_only) if one.time < on.strikes]
    places = [one.attempt.ip.rpartition(".")[0] for one in done if one.attempt.action == "login"]
    assert set(places) == {"10.7.6", "10.7.4"}
    runs = [(place, len(list(run))) for place, run in itertools.groupby(places)]
    assert {length for place, length in runs if place == "10.7.4"} == {1}
    # Six over two rungs on the way up; three on the rung below after each refusal.
    first, *later = [length for place, length in runs[:-1] if place == "10.7.6"]
    assert first == 6
    assert set(later) == {3}


def test_poisoning_variants_do_what_their_names_say() -> None:
    """Another device each time; within half an hour of the victim; from the victim's own machine half of the time."""
    many = stage("poisoning", option="many-devices")
    sign_ins = [one for one in plans(many, "poisoning", allows) if one.attempt.action == "login"]
    devices = {one.attempt.device.id for one in sign_ins if one.attempt.device}
    assert len(devices) == len(sign_ins)
    per_day = Counter((one.time - BEGAN) // DAY for one in sign_ins if one.time < many.strikes)
    assert all(4 <= number <= 8 for day, number in per_day.items() if 0 < day < 29)
    side = stage("poisoning", option="alternating")
    own = [one.time for one in Ground().life(0, BEGAN, side.strikes)]
    for one in plans(side, "poisoning", allows):
        if one.attempt.action == "login" and one.time < side.strikes:
            assert min(one.time - time for time in own if time <= one.time) <= 30 * MINUTE
    inside = stage("poisoning", option="malware")
    tries = [one for one in plans(inside, "poisoning", allows) if one.attempt.action == "login"]
    shared = sum(one.attempt.device == Ground().usual(0, BEGAN).device for one in tries)
    assert 0.25 < shared / len(tries) < 0.75


def test_names_on_a_list_are_known_or_nobody_s() -> None:
    """Whoever has a name is known by it; what nobody has belongs to -1."""
    for name in ("spraying-fast", "spraying-slow", "stuffing"):
        for one in plans(stage(name), name, allows):
            assert one.attempt.actor == person(one.person).actor or (
                one.person == -1 and not one.attempt.proved and one.attempt.actor.startswith("former-")
            )
