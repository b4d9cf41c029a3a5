"""A service with fixed answers behind a real server on a real socket."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvloop

from stepwarden.gateway import server
from stepwarden.gateway.application import build
from stepwarden.gateway.exchange import Settings, Site
from stepwarden.gateway.listener_connection import Limits
from tests.gateway.gateway_fake import FakeService
from tests.gateway.listener_site import LIMITS, PATIENT, Echo

ALL = "sw_all_secret"
SETTINGS = Settings(
    public_url="https://warden.example", version="1.2.3", metrics_open=False, body_timeout=0.5
)


@contextmanager
def serving(site: Site, *, grace: float = 1, limits: Limits | None = None) -> Iterator[server.Server]:
    """Serve in a thread of its own until the end, or until ``stop``."""
    ready = threading.Event()
    sock = server.listen("127.0.0.1", 0)
    found = server.Server(site, sock, grace=grace, connections=200, limits=limits, listening=ready.set)

    def serve() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(found.serve())

    worker = threading.Thread(target=serve)
    worker.start()
    assert ready.wait(10)
    try:
        yield found
    finally:
        found.stop()
        worker.join(10)
    assert not worker.is_alive()


@contextmanager
def running(site: Site, *, limits: Limits | None = None) -> Iterator[str]:
    """The same; gives the base URL."""
    with serving(site, limits=limits) as found:
        yield f"http://127.0.0.1:{found.port}"


@pytest.fixture(scope="session")
def shared() -> Iterator[tuple[FakeService, str]]:
    """One server for all tests; ``service`` puts its fake back in order."""
    fake = FakeService()
    with running(build(fake, SETTINGS)) as url:
        yield fake, url


@pytest.fixture
def service(shared: tuple[FakeService, str]) -> FakeService:
    shared[0].reset()
    return shared[0]


@pytest.fixture
def url(shared: tuple[FakeService, str], service: FakeService) -> str:
    return shared[1]


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    """Calls with a key that holds every scope."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {ALL}"}) as found:
        yield found


@pytest.fixture
def anonymous(url: str) -> Iterator[httpx.Client]:
    """Calls without a key."""
    with httpx.Client(base_url=url) as found:
        yield found


@pytest.fixture(scope="module")
def site() -> Echo:
    return Echo()


@pytest.fixture(scope="module")
def echo(site: Echo) -> Iterator[str]:
    """The echo, with deadlines that nobody misses."""
    with running(site, limits=PATIENT) as url:
        yield url


@pytest.fixture
def hasty(site: Echo) -> Iterator[str]:
    """The echo, with short deadlines."""
    with running(site, limits=LIMITS) as url:
        yield url
