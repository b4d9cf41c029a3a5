"""A service with fixed answers behind a real server on a real socket."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvloop
from gateway_fake import FakeService

from stepwarden.gateway import server
from stepwarden.gateway.application import build
from stepwarden.gateway.exchange import Settings
from stepwarden.gateway.front import App

ALL = "sw_all_secret"
SETTINGS = Settings(
    public_url="https://warden.example", version="1.2.3", metrics_open=False, body_timeout=0.5
)


@contextmanager
def running(app: App) -> Iterator[str]:
    """Serve in a thread of its own; gives the base URL."""
    sock = server.listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    started = threading.Event()
    stop: list[Callable[[], None]] = []

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(task.cancel))
        started.set()
        await server.serve(app, sock, grace=1, connections=200)

    def thread() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(main())
            except (asyncio.CancelledError, KeyboardInterrupt):
                pass

    worker = threading.Thread(target=thread)
    worker.start()
    started.wait(10)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop[0]()
        worker.join(10)


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
