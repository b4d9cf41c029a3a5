"""One fake Stepwarden per test."""

from collections.abc import Iterator

import pytest

from tests.sdk.fake_stepwarden import FakeStepwarden


@pytest.fixture
def fake() -> Iterator[FakeStepwarden]:
    with FakeStepwarden() as server:
        yield server
