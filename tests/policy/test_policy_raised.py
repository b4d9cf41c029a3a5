"""The highest demand: at least what was asked, never met by what a session holds, and never a way around a refusal."""

from hypothesis import given
from hypothesis import strategies as st

from stepwarden.events.entries import Demand, Standing
from stepwarden.policy.demand import HIGHEST, decide, raised, strongest

demands = st.builds(
    Demand,
    aal=st.sampled_from([0, 1, 2, 3]),
    max_age=st.integers(-1, 10_000),
    bound=st.booleans(),
    recovery=st.booleans(),
    deny=st.booleans(),
)
standings = st.builds(
    Standing,
    aal=st.sampled_from([0, 1, 2, 3]),
    since=st.integers(0, 10**9),
    amr=st.sampled_from([(), ("otp",), ("recovery",)]),
)


@given(demands)
def test_raised_is_at_least_what_was_asked_and_at_least_the_highest(demand: Demand) -> None:
    """Joining either again changes nothing; a refusal stays one, and a recovery code is never enough."""
    found = raised(demand)
    assert found == strongest(found, demand) == strongest(found, HIGHEST) == raised(found)
    assert found.deny == demand.deny
    assert found.bound
    assert not found.recovery


@given(demands, standings, st.one_of(st.none(), standings), st.integers(0, 2 * 10**9))
def test_raising_allows_nothing_that_was_not_allowed(
    demand: Demand, standing: Standing, grant: Standing | None, now: int
) -> None:
    """What is allowed under doubt would have been allowed without, by a fresh proof for this very action."""
    if decide(raised(demand), standing, now, grant) == "allow":
        assert decide(demand, standing, now, grant) == "allow"
        assert grant is not None
        assert grant.aal >= 2
        assert now - grant.since <= HIGHEST.max_age * 1_000_000
