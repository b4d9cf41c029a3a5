"""The engine: what becomes of planned attempts, in which order, and that nothing of it is by chance."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.events.entries import ChallengeExpired, Entry
from stepwarden.lab.simulate.engine import Engine, Row
from stepwarden.lab.simulate.offline import Here
from stepwarden.lab.simulate.plan import Answered, Planned, Script
from stepwarden.signals.catalogue import POSITION
from stepwarden.stepup import snapshot as stepup_snapshot
from tests.lab.simulate_house import (
    CHROME,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    act,
    guesses,
    life,
    login,
    new_site,
    run,
    takeover,
)


def value(row: Row, name: str) -> object:
    return row.decided.values[POSITION[name]]


def test_a_sign_in_that_is_allowed_takes_place_and_is_learned() -> None:
    """The second sign-in from the same place knows the first."""
    first, second = run(new_site(), iter([login(0, 1), login(HOUR, 1)]))
    assert (first.decided.decision, first.open, first.login) == ("allow", True, 0)
    assert (second.decided.decision, second.open, second.login) == ("allow", True, 1)
    assert value(first, "first_seen") is True
    assert value(second, "first_seen") is False
    assert value(second, "actor_successes_1h") == 1


def test_a_step_up_that_is_passed_lets_in_and_opens_the_session() -> None:
    """A new device is asked for a code; once it is given, the sign-in counts and the session holds level 2."""
    site = new_site()
    _, asked, done = run(
        site,
        iter(
            [login(0, 1), login(DAY, 1, device="new", opens="s"), act(DAY + MINUTE, 1, "s", "messages.read")]
        ),
    )
    assert (asked.decided.decision, asked.passed, asked.open) == ("step_up", True, True)
    assert (done.decided.decision, done.open, done.login) == ("allow", True, 2)
    assert site.state.stepup.standing("person-1", "s", START + DAY + MINUTE).aal == 2


def test_what_follows_a_sign_in_waits_for_its_step_up() -> None:
    """An action planned for while the code is still being typed is decided once the session is there."""
    plan = [login(0, 1), login(DAY, 1, device="new", opens="s"), act(DAY + SECOND, 1, "s", "messages.read")]
    *_, asked, done = run(new_site(), iter(plan))
    assert asked.passed
    assert done.time == START + DAY + 20 * SECOND + 1
    assert done.open


def test_nobody_acts_in_a_session_that_was_never_opened() -> None:
    """A person who was not let in does nothing more there, and it is counted."""
    engine = Engine[Here](new_site())
    plan = [
        login(0, 1),
        login(DAY, 1, device="new", reply="ignore", opens="s"),
        act(DAY + MINUTE, 1, "s", "messages.read"),
    ]
    rows = list(engine.run(iter(plan), []))
    assert [row.open for row in rows] == [True, False]
    assert engine.skipped == 1


def test_each_reply_is_folded_as_what_it_is() -> None:
    """Wrong, denied and abandoned challenges are what the next attempt's signals say."""
    for reply, name in (
        ("fail", "challenge_failures_1h"),
        ("deny", "challenge_denied_24h"),
        ("ignore", "challenge_abandoned_24h"),
    ):
        plan = [login(0, 1), login(DAY, 1, device="new", reply=reply), login(DAY + 6 * MINUTE, 1)]  # type: ignore[arg-type]
        _, asked, after = run(new_site(), iter(plan))
        assert (asked.passed, asked.open) == (False, False)
        assert value(after, name) == 1, reply


def test_a_challenge_expires_when_its_time_is_over_and_not_with_what_happens_next() -> None:
    """The entry has the challenge's own end, however long nothing happens after it."""
    site = new_site()
    seen: list[int] = []
    fold = site.state.fold

    def watched(entry: Entry) -> int:
        if isinstance(entry, ChallengeExpired):
            seen.append(entry.time)
        return fold(entry)

    site.state.fold = watched  # type: ignore[method-assign]
    run(site, iter([login(0, 1), login(DAY, 1, device="new", reply="ignore"), login(3 * DAY, 1)]))
    assert seen == [START + DAY + 5 * MINUTE]


def test_a_used_code_is_not_shown_twice() -> None:
    """Two step-ups within half a minute: the second is answered with the next code, not with a replay."""
    plan = [
        login(0, 1),
        login(DAY, 1, device="new", delay=SECOND),
        login(DAY + 2 * SECOND, 1, device="newer", delay=SECOND),
    ]
    _, first, second = run(new_site(), iter(plan))
    assert first.passed
    assert second.passed


def test_somebody_without_a_factor_passes_nothing() -> None:
    """Who never enrolled cannot step up, whatever they mean to reply."""
    site = new_site(people=0)
    rows = run(site, iter([login(0, 1), login(DAY, 1, device="new")]))
    assert (rows[1].decided.decision, rows[1].passed, rows[1].open) == ("step_up", False, False)


def test_a_script_is_told_what_came_of_each_attempt_before_it_goes_on() -> None:
    """Answers come in order, at the time at which they were known."""
    told: list[Answered] = []

    def script() -> Script:
        told.append((yield login(DAY, 1, device="x", ip="203.9.1.1", reply="pass", campaign=0)))
        told.append((yield login(DAY, 1, device="x", ip="203.9.1.1", reply="ignore", campaign=0)))

    rows = run(new_site(), iter([login(0, 1)]), script())
    assert [one.decision for one in told] == [row.decided.decision for row in rows[1:]]
    assert told[0] == Answered(time=START + DAY + 20 * SECOND, decision="step_up", passed=True, open=True)
    # Planned for before the answer was there: it takes place when it was.
    assert rows[2].time == told[0].time


def test_attackers_do_not_add_to_the_sign_ins_of_their_victim() -> None:
    """``login`` counts the person's own."""

    def script() -> Script:
        yield login(HOUR, 1, reply="pass", campaign=0)

    rows = run(new_site(), iter([login(0, 1), login(DAY, 1)]), script())
    assert [(row.planned.campaign, row.login) for row in rows] == [(-1, 0), (0, 1), (-1, 1)]


def test_rows_come_in_order_of_time() -> None:
    """People, attackers and late replies are merged."""
    rows = run(new_site(), life(8, 5, 1), takeover(2, 3 * DAY), guesses(8, 3 * DAY, 1))
    assert [row.time for row in rows] == sorted(row.time for row in rows)
    assert {row.planned.campaign for row in rows} == {-1, 0, 1}


def test_probes_leave_no_trace() -> None:
    """With and without probes everything else is the same, to the byte of the state."""
    probe = [login(time, person, device="probe", ip="203.9.1.1", probe=True, campaign=0)
             for time, person in ((2 * DAY, 1), (2 * DAY + 9 * HOUR, 2), (4 * DAY, 3))]  # fmt: skip

    def script() -> Script:
        for one in probe:  # noqa: UP028 - a list cannot be sent an answer
            yield one

    without, beside = new_site(), new_site()
    plain = run(without, life(8, 5, 1))
    probed = run(beside, life(8, 5, 1), script())
    assert [row.decided for row in probed if not row.planned.probe] == [row.decided for row in plain]
    assert sum(row.planned.probe for row in probed) == 3
    assert beside.state.signals.dump() == without.state.signals.dump()
    assert stepup_snapshot.dump(beside.state.stepup) == stepup_snapshot.dump(without.state.stepup)
    assert beside.state.size == without.state.size


def test_a_probe_is_weighed_as_it_would_be_decided() -> None:
    """A probe and a real attempt at the same moment get the same answer."""
    real = login(3 * DAY, 1, device="x", ip="203.9.1.1", reply="ignore", campaign=0)
    weighed = login(3 * DAY, 1, device="x", ip="203.9.1.1", reply="ignore", campaign=0, probe=True)

    def script(one: Planned) -> Script:
        yield one

    answers = [
        next(row.decided for row in run(new_site(), life(4, 3, 2), script(one)) if row.planned.campaign == 0)
        for one in (real, weighed)
    ]
    assert [(a.decision, a.score, a.risk, a.evidence, a.values, a.aal) for a in answers[:1]] == [
        (a.decision, a.score, a.risk, a.evidence, a.values, a.aal) for a in answers[1:]
    ]


def test_probes_are_asked_for_after_each_good_sign_in_of_a_person() -> None:
    """Whoever measures hears of who, how many, and when; an attacker's sign-in is none of them."""
    asked: list[tuple[int, int, int]] = []

    def probes(person: int, logins: int, time: int) -> list[Planned]:
        asked.append((person, logins, time - START))
        return [login(time - START, person, device="x", probe=True, campaign=0)]

    def script() -> Script:
        yield login(HOUR, 1, campaign=0)

    plan = [login(0, 1), login(2 * HOUR, 1, right=False), login(3 * HOUR, 1, device="new")]
    rows = list(Engine[Here](new_site(), probes).run(iter(plan), [script()]))
    assert asked == [(1, 1, 0), (1, 2, 3 * HOUR + 20 * SECOND)]
    assert [row.login for row in rows if row.planned.probe] == [1, 2]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), victim=st.integers(0, 5), hours=st.integers(24, 90))
def test_the_same_plans_give_the_same_results(seed: int, victim: int, hours: int) -> None:
    """Nothing is by chance: twice the same run, row by row and state by state."""
    runs = []
    for _ in range(2):
        site = new_site()
        rows = run(
            site, life(6, 4, seed), takeover(victim, hours * HOUR), guesses(6, hours * HOUR + DAY // 3)
        )
        runs.append(
            ([(r.time, r.decided, r.login, r.passed, r.open) for r in rows], site.state.signals.dump())
        )
    assert runs[0] == runs[1]


def test_attack_a_stolen_session_is_not_let_in_by_a_grant_of_another() -> None:
    """Made-up grants are worth nothing here either: the thief's other agent is asked for a proof, and has none."""

    def script() -> Script:
        answered = yield act(2 * HOUR, 1, "s", "messages.read", agent=CHROME, campaign=0, reply="ignore")
        assert not answered.open

    rows = run(new_site(), iter([login(0, 1), login(HOUR, 1, opens="s")]), script())
    assert rows[-1].decided.decision != "allow"


def test_rows_are_handed_out_before_the_end() -> None:
    """Memory does not grow with the run: a row comes as soon as nothing about it can change."""
    site = new_site()
    stream = Engine[Here](site).run(life(4, 30, 1), [])
    first = next(stream)
    assert site.state.time - first.time <= DAY
