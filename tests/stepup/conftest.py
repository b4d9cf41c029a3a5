"""The world that the step-up tests begin with."""

import pytest

from tests.stepup.world import World


@pytest.fixture
def world() -> World:
    """Alice with an authenticator and three recovery codes, signed in by password in session s1."""
    made = World()
    made.enrol("alice")
    made.enrol_recovery("alice")
    made.sign_in("alice", "s1")
    return made
