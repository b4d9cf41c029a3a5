"""The house that a test lives in, and a long log to prune."""

import shutil
from pathlib import Path

import pytest

from tests.flow.flow_house import House
from tests.flow.pruning_house import filled


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A log of some hundred entries and its archive, made once: tests live in copies."""
    folder = tmp_path_factory.mktemp("pruning")
    return folder, filled(House(folder / "data"), folder / "archive")


@pytest.fixture
def names(template: tuple[Path, list[str]], tmp_path: Path) -> list[str]:
    """The names of the attempts in the log of ``house`` and ``archive``."""
    shutil.copytree(template[0], tmp_path, dirs_exist_ok=True)
    return template[1]


@pytest.fixture
def archive(house: House) -> Path:
    return house.data.with_name("archive")
