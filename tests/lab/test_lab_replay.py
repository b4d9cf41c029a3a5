"""Replaying decides as a running service would, and before it looks at an attempt's own outcome."""

import random
from collections.abc import Iterable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.connect.importers.base import Imported
from stepwarden.connect.importers.csvlog import CsvLog
from stepwarden.connect.importers.entra import Entra
from stepwarden.events.attempt import Attempt, Outcome, Place
from stepwarden.events.entries import Standing
from stepwarden.flow.judge import judge
from stepwarden.lab.replay import Replayed
from stepwarden.policy.loader import load
from stepwarden.signals.catalogue import POSITION
from stepwarden.stepup.state import StepUpState
from tests.lab.lab_house import NOON, SECOND, new_replay, sign_in

outcomes: st.SearchStrategy[Outcome] = st.sampled_from(["success", "failure", "unknown"])
steps = st.tuples(
    st.integers(0, 400),
    st.sampled_from(["ann", "bob", "cy", ""]),
    st.sampled_from(["192.0.2.7", "198.51.100.2", "2001:db8::7", "nowhere", ""]),
    st.sampled_from(["login", "login", "transfer", "m365.read"]),
    outcomes,
)
histories = st.lists(steps, min_size=1, max_size=60)


def attempts(history: Iterable[tuple[int, str, str, str, Outcome]]) -> list[Imported]:
    found, time = [], NOON
    for line, (wait, actor, ip, action, outcome) in enumerate(history, start=1):
        time += wait * SECOND
        found.append(Imported(Attempt(action=action, actor=actor, ip=ip, outcome=outcome), time, "log", line))
    return found


def answer(one: Replayed) -> tuple[object, ...]:
    return one.decision, one.score, one.risk, one.reasons, one.rules


@settings(max_examples=60, deadline=None)
@given(histories, outcomes)
def test_an_attempts_own_outcome_never_changes_its_own_answer(
    history: list[tuple[int, str, str, str, Outcome]], other: Outcome
) -> None:
    """Decided before looking: whatever the last attempt's outcome is, its answer is the same."""
    items = attempts(history)
    last = items[-1]
    flipped = msgspec.structs.replace(last, attempt=msgspec.structs.replace(last.attempt, outcome=other))
    one = list(new_replay().results(items))[-1]
    two = list(new_replay().results([*items[:-1], flipped]))[-1]
    assert answer(one) == answer(two)


@settings(max_examples=60, deadline=None)
@given(histories)
def test_whatever_is_not_allowed_has_a_reason(history: list[tuple[int, str, str, str, Outcome]]) -> None:
    """Every step-up and every refusal says why, each reason names its rule, and risk is a probability."""
    for one in new_replay().results(attempts(history)):
        assert one.reasons or one.decision == "allow"
        assert len(one.reasons) == len(one.rules)
        assert 0 <= one.risk <= 1


@settings(max_examples=40, deadline=None)
@given(histories)
def test_the_score_is_that_of_the_running_service(history: list[tuple[int, str, str, str, Outcome]]) -> None:
    """There is no second scoring path: ``flow.judge`` on the same state gives the same score, risk and demand."""
    replay = new_replay()
    stepup = StepUpState()
    for item in attempts(history):
        facts = replay.describer.describe(item.attempt, actor=item.attempt.actor, time=item.time).facts
        live = judge(
            replay.signals, stepup, replay.policy, facts, now=item.time, bind=str, grant="", doubted=False
        )
        one = replay.decide(item)
        if item.attempt.action == "login":
            assert live.standing == Standing()
            assert (live.assessment.score, live.verdict) == (one.score, one.decision)
        # Who does anything else is taken to have signed in: no rule of the shipped policy weighs the standing.
        assert live.assessment.score == one.score
        against = {
            rule.rule for rule in live.assessment.evidence if one.decision == "allow" or rule.weight >= 0
        }
        assert against <= {*one.rules}


def test_a_session_is_taken_to_hold_the_first_level() -> None:
    """A foreign log does not say that somebody had signed in; to read their mail, they must have."""
    policy = load(_policy("'*': {sensitivity: 1, demand: aal1}"))
    [one] = new_replay(policy).results([Imported(Attempt(action="mail.read", actor="ann"), NOON, "log", 1)])
    assert one.decision == "allow"


def test_a_demand_of_the_action_itself_is_a_reason_too() -> None:
    """Where no rule holds, the reason is that the action always needs it."""
    policy = load(_policy("'*': {sensitivity: 1, demand: aal2, max_age: 5m}"))
    [one] = new_replay(policy).results([Imported(Attempt(action="transfer", actor="ann"), NOON, "log", 1)])
    assert one.decision == "step_up"
    assert one.rules == ("action",)
    assert "AAL2" in one.reasons[0]


def test_a_refused_success_teaches_nothing() -> None:
    """Poisoning (T1078): who would have been refused did not get in, so their device and address stay new."""
    policy = load(_policy("'*': {sensitivity: 1, demand: none}", deny="address_kind == 'malformed'"))
    replay = new_replay(policy)
    list(replay.results([sign_in(0, ip="nowhere", outcome="success")]))
    facts = replay.describer.describe(sign_in(1).attempt, actor="ann", time=NOON).facts
    values = replay.signals.read(facts)
    assert _signal(values, "first_seen") is True
    assert _signal(values, "actor_successes_24h") == 0


def test_a_stepped_up_success_is_learned() -> None:
    """Whoever succeeded would have passed the step-up: afterwards they are known."""
    policy = load(_policy("'*': {sensitivity: 1, demand: aal2}"))
    replay = new_replay(policy)
    [one] = replay.results([sign_in(0, outcome="success")])
    assert one.decision == "step_up"
    facts = replay.describer.describe(sign_in(1).attempt, actor="ann", time=NOON).facts
    assert _signal(replay.signals.read(facts), "first_seen") is False


def test_the_way_from_the_last_good_place_counts() -> None:
    """T1078: Oslo, and Rome five minutes later; the place is the record's own, no look-up is needed."""

    def from_(second: int, latitude: float, longitude: float) -> Imported:
        place = Place(country="NO", latitude=latitude, longitude=longitude, radius_km=20)
        attempt = Attempt(action="login", actor="ann", ip="192.0.2.7", place=place, outcome="success")
        return Imported(attempt, NOON + second * SECOND, "log", 1)

    oslo, rome = from_(0, 59.9, 10.75), from_(300, 41.9, 12.5)
    *_, near = new_replay().results([oslo, from_(300, 59.9, 10.76)])
    *_, far = new_replay().results([oslo, rome])
    assert "impossible-travel" in far.rules
    assert "impossible-travel" not in near.rules


def test_a_spray_is_refused_and_the_people_of_the_place_are_not() -> None:
    """T1110.003: one address tries name after name, while people sign in from theirs."""
    items = [
        sign_in(day * 86_400 + number * 60, f"user{number}", f"198.51.100.{number}", "success")
        for day in range(10)
        for number in range(8)
    ]
    start = 10 * 86_400
    items += [sign_in(start + number * 5, f"user{number % 40}", "203.0.113.9") for number in range(60)]
    items += [
        sign_in(start + 400 + number, f"user{number}", f"198.51.100.{number}", "success")
        for number in range(8)
    ]
    results = list(new_replay().results(items))
    spray = [one for one in results if one.ip == "203.0.113.9"]
    people = [one for one in results if one.ip != "203.0.113.9"]
    assert {one.decision for one in spray[12:]} == {"deny"}
    assert {one.decision for one in people} == {"allow"}


def test_attack_guessing_without_saying_at_whom_is_asked_after_five() -> None:
    """Many applications write no name with a failure; one success from the address, and it is a busy office."""
    guesses = [sign_in(second, "", line=second) for second in range(1, 8)]
    assert [one.decision for one in new_replay().results(guesses)] == ["allow"] * 5 + ["step_up"] * 2
    office = [sign_in(0, "bob", outcome="success"), *guesses]
    assert {one.decision for one in new_replay().results(office)} == {"allow"}


def test_a_vendors_risk_verdict_changes_nothing() -> None:
    """Entra says "high risk, confirmed compromised" or "none": the same attempt, the same answer."""
    record: dict[str, Any] = {
        "id": "1",
        "createdDateTime": "2026-01-01T12:00:00Z",
        "userPrincipalName": "ann@example.com",
        "ipAddress": "192.0.2.7",
        "appDisplayName": "Mail",
        "status": {"errorCode": 0},
    }
    found = []
    for level, state in (("none", "none"), ("high", "confirmedCompromised")):
        risky = record | {
            "riskLevelAggregated": level,
            "riskLevelDuringSignIn": level,
            "riskState": state,
            "riskDetail": state,
            "riskEventTypes_v2": [] if level == "none" else ["unfamiliarFeatures", "passwordSpray"],
            "isRisky": level == "high",
            "flaggedForReview": level == "high",
        }
        [item] = Entra().read([msgspec.json.encode(risky).decode()], "entra.json")
        assert isinstance(item, Imported)
        found.append((item.attempt, answer(new_replay().decide(item))))
    assert found[0] == found[1]


def test_labels_of_the_rba_data_set_change_nothing() -> None:
    """``Is Attack IP`` and ``Is Account Takeover`` are what a replay is measured by, never what it sees."""
    header = (
        "index,Login Timestamp,User ID,Round-Trip Time [ms],IP Address,Country,Region,City,ASN,User Agent String,"
        "Browser Name and Version,OS Name and Version,Device Type,Login Successful,Is Attack IP,Is Account Takeover\n"
    )
    row = "0,2020-02-03 12:43:30.772,1,,192.0.2.7,NO,-,-,29695,Firefox 20,Firefox 20.0,iOS 13.4,mobile,True,{0},{0}\n"
    quiet, loud = ([*CsvLog().read([header + row.format(label)], "rba.csv")] for label in ("False", "True"))
    assert quiet == loud


def test_the_order_of_people_does_not_matter_to_the_explanations_remembered() -> None:
    """Remembering explanations is only about speed: with none remembered the results are the same."""
    chance = random.Random(7)
    items = [
        sign_in(
            number * 3,
            f"u{chance.randrange(5)}",
            f"192.0.2.{chance.randrange(4)}",
            chance.choice(["failure", "success"]),
        )
        for number in range(300)
    ]
    remembering, forgetful = new_replay(), new_replay()
    for item in items:
        forgetful._explained.clear()
        assert remembering.decide(item) == forgetful.decide(item)


def _policy(action: str, deny: str = "false") -> str:
    return (
        "version: 1\nname: test\nprior: -4\n"
        f"actions:\n  {action}\n"
        "bands:\n  - {risk: 0.99, demand: deny}\n"
        f"rules:\n  - id: refuse\n    when: {deny}\n    weight: 0.1\n    demand: deny\n    reason: refused\n"
        "    technique: T1078\n"
    )


def _signal(values: tuple[object, ...], name: str) -> object:
    return values[POSITION[name]]
