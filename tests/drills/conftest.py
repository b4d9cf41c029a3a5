"""One site for all drills: making it takes longer than any of them."""

from collections.abc import Iterator

import pytest

from tests.drills.drilling import Site, made


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with made(tmp_path_factory.mktemp("drills")) as found:
        yield found
