"""Demands join upwards, and a verdict never comes out better for what is old, in the future or of too low a level."""

from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.events.entries import AAL, Demand, Standing, Verdict
from stepwarden.events.facts import Facts
from stepwarden.policy.demand import MICROSECONDS, NOTHING, decide, strongest
from stepwarden.policy.loader import MINIMAL, load
from stepwarden.policy.risk import risk_of
from stepwarden.signals.catalogue import dense

NOW = 1_800_000_000 * MICROSECONDS
LEVELS = st.integers(0, 3).map(lambda level: cast(AAL, level))
AGES = st.one_of(st.just(-1), st.integers(1, 4000))


@st.composite
def demands(draw: st.DrawFn) -> Demand:
    """Every demand that a policy file can say."""
    aal = draw(LEVELS)
    if aal == 0:
        return Demand(deny=draw(st.booleans()))
    return Demand(
        aal=aal,
        max_age=draw(AGES),
        bound=draw(st.booleans()),
        recovery=draw(st.booleans()),
        deny=draw(st.sampled_from([False, False, True])),
    )


STANDINGS = st.builds(
    Standing,
    aal=LEVELS,
    since=st.integers(-200, 5000).map(lambda age: NOW - age * MICROSECONDS),
    amr=st.sampled_from([(), ("pwd",), ("pwd", "otp"), ("recovery",)]),
)
ORDER: dict[Verdict, int] = {"allow": 0, "step_up": 1, "deny": 2}


@given(demands(), demands(), demands())
def test_joining_is_a_join(one: Demand, two: Demand, three: Demand) -> None:
    """Order and repetition do not matter, nothing demanded changes nothing."""
    assert strongest(one, two) == strongest(two, one)
    assert (
        strongest(strongest(one, two), three)
        == strongest(one, strongest(two, three))
        == strongest(one, two, three)
    )
    assert strongest(one, one) == one == strongest(one, NOTHING)


@given(demands(), demands(), STANDINGS, st.none() | STANDINGS)
def test_one_more_demand_never_makes_a_verdict_milder(
    one: Demand, two: Demand, standing: Standing, grant: Standing | None
) -> None:
    """The verdict on a join is at least as strict as on each part."""
    joined = ORDER[decide(strongest(one, two), standing, NOW, grant)]
    assert joined >= ORDER[decide(one, standing, NOW, grant)]


@pytest.mark.parametrize(
    ("demand", "standing", "grant", "verdict"),
    [
        (Demand(), Standing(), None, "allow"),
        (Demand(deny=True), Standing(aal=3, since=NOW), Standing(aal=3, since=NOW), "deny"),
        (Demand(aal=1), Standing(), None, "step_up"),
        (Demand(aal=1), Standing(aal=1, since=NOW), None, "allow"),
        (Demand(aal=2), Standing(aal=1, since=NOW), None, "step_up"),
        (Demand(aal=2, max_age=300), Standing(aal=2, since=NOW - 300 * MICROSECONDS), None, "allow"),
        (Demand(aal=2, max_age=300), Standing(aal=2, since=NOW - 300 * MICROSECONDS - 1), None, "step_up"),
        (Demand(aal=2, max_age=300), Standing(aal=2, since=NOW + 1), None, "step_up"),
        (Demand(aal=2), Standing(aal=2, since=NOW + 1), None, "step_up"),
        (Demand(aal=2, bound=True), Standing(aal=3, since=NOW), None, "step_up"),
        (Demand(aal=2, bound=True), Standing(), Standing(aal=2, since=NOW, amr=("pwd", "otp")), "allow"),
        (Demand(aal=2, max_age=60), Standing(), Standing(aal=2, since=NOW - 61 * MICROSECONDS), "step_up"),
        (Demand(aal=2), Standing(), Standing(aal=1, since=NOW, amr=("recovery",)), "step_up"),
        (Demand(aal=2, recovery=True), Standing(), Standing(aal=1, since=NOW, amr=("recovery",)), "allow"),
        (Demand(aal=2, recovery=True), Standing(aal=1, since=NOW, amr=("recovery",)), None, "step_up"),
        (Demand(aal=1), Standing(), Standing(aal=2, since=NOW, amr=("recovery",)), "step_up"),
        (Demand(aal=3, recovery=True), Standing(), Standing(aal=2, since=NOW, amr=("otp",)), "step_up"),
    ],
)
def test_verdicts(demand: Demand, standing: Standing, grant: Standing | None, verdict: Verdict) -> None:
    """Level, age to the microsecond, binding, recovery: each alone decides."""
    assert decide(demand, standing, NOW, grant) == verdict


@given(
    demands(), st.sampled_from([1, 2, 3]), st.integers(0, 3600), st.sampled_from([-90, -30, -1, 0, 1, 30, 90])
)
def test_attack_elevation_never_drops(demand: Demand, level: int, age: int, skew: int) -> None:
    """A clock that is +-90 s off, or runs backwards, never lets a proof live longer than ``max_age`` after it."""
    aal = cast(AAL, level)
    held = Standing(aal=aal, since=NOW, amr=("pwd", "otp"))
    later = NOW + (age + skew) * MICROSECONDS
    verdict = decide(demand, held, later, None)
    if verdict == "allow" and demand != NOTHING:
        assert later >= NOW
        assert demand.max_age < 0 or later - NOW <= demand.max_age * MICROSECONDS
    # Once it has run out on the log's clock, no later reading brings it back.
    if demand.max_age >= 0 and later > NOW + demand.max_age * MICROSECONDS:
        assert decide(demand, held, later + 1, None) != "allow"


@pytest.mark.parametrize("skew", [-90, -1])
def test_attack_clock_set_back_does_not_renew_elevation(skew: int) -> None:
    """When the clock is before the proof, the proof is in the future and counts for nothing."""
    held = Standing(aal=2, since=NOW, amr=("pwd", "otp"))
    for demand in (Demand(aal=2), Demand(aal=2, max_age=3600), Demand(aal=1)):
        assert decide(demand, held, NOW + skew * MICROSECONDS, None) == "step_up"
        assert decide(demand, Standing(), NOW + skew * MICROSECONDS, held) == "step_up"


@given(demands())
def test_a_demand_survives_the_log(demand: Demand) -> None:
    """What is logged and read again is the same demand."""
    assert msgspec.json.decode(msgspec.json.encode(demand), type=Demand) == demand


@given(st.integers(-40_000, 40_000), st.integers(0, 2_000))
def test_risk_rises_with_the_score(score: int, more: int) -> None:
    """Parts per million, symmetric around one half, never falling."""
    assert 0 <= risk_of(score) <= risk_of(score + more) <= 1_000_000
    assert risk_of(score) + risk_of(-score) == 1_000_000


@pytest.mark.parametrize(
    ("score", "risk"), [(-16_000, 0), (-4_000, 17_986), (-1_386, 200_047), (0, 500_000), (2_944, 949_979)]
)
def test_risk_of_known_scores(score: int, risk: int) -> None:
    """Frozen values: a log must replay to the same risk for ever."""
    assert risk_of(score) == risk


@pytest.mark.parametrize("permitted", [True, False])
def test_attack_recovery_where_the_action_does_not_permit_it(permitted: bool) -> None:
    """A band's or a rule's ``recovery`` is worth nothing unless the action has it too."""
    text = MINIMAL.replace("demand: aal2, max_age: 10m", "demand: aal2, recovery: true")
    text = text.replace("demand: none", f"demand: none, recovery: {str(permitted).lower()}")
    facts, values = Facts(time=NOW, action="login"), dense({"new_device": True})
    by_band = load(text.replace("weight: 2", "weight: 9"))
    by_rule = load(text.replace("weight: 2", "weight: 0\n    demand: aal2\n    recovery: true"))
    for policy in (by_band, by_rule):
        demand = policy.assess(facts, values, Standing()).demand
        assert (demand.aal, demand.recovery) == (2, permitted)
