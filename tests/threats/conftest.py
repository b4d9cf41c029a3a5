"""One running service for all attacks that only talk to it."""

from collections.abc import Iterator

import pytest

from tests.stories.running import check_log
from tests.threats.threat_house import House, open_house


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """At the end it stops in order, and its whole log verifies and replays: no attack has bent it."""
    data = tmp_path_factory.mktemp("threats") / "data"
    with open_house(data) as found:
        yield found
        assert found.server.stop() == 0
        assert "Traceback" not in found.server.said()
    check_log(data)
