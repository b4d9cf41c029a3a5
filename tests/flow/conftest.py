"""The house that a test lives in."""

from pathlib import Path

import pytest

from tests.flow.flow_house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")
