"""A running Stepwarden whose site is localhost."""

from collections.abc import Iterator

import httpx
import pytest

from tests.stories.running import Server

ORIGIN = "http://localhost:8700"
"""Where browsers would find it; nobody looks."""


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client with a key that may do everything."""
    settings = {"STEPWARDEN_SERVER_PUBLIC_URL": ORIGIN, "STEPWARDEN_ADDRESSES_BUILTIN": "false"}
    with (
        Server(tmp_path_factory.mktemp("outsiders") / "data", **settings) as server,
        server.client(server.make_key()) as client,
    ):
        yield client
