"""One shop for all pages that speak of it."""

from collections.abc import Iterator

import pytest

from tests.docs.shop import Place, open_place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("ten") / "warden") as found:
        yield found
