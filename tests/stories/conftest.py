"""One running server for the stories that only talk to it, and a key for it that may do everything."""

from collections.abc import Iterator

import httpx
import pytest

from tests.stories.running import Server


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Shared by modules: a story brings its own people and addresses."""
    with Server(tmp_path_factory.mktemp("house") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def house_key(house: Server) -> str:
    return house.make_key()


@pytest.fixture(scope="session")
def http(house: Server, house_key: str) -> Iterator[httpx.Client]:
    with house.client(house_key) as client:
        yield client
