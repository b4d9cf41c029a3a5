"""The service on a real socket, in this process and under a clock that the test moves.

For what takes minutes or days: freshness, drift. Everything else is as in ``threat_house``, and so are its people.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from stepwarden.app.node import Node, open_node
from stepwarden.app.serve import make_sites
from stepwarden.app.settings import load_settings
from stepwarden.gateway.application import build
from stepwarden.gateway.exchange import Settings as GatewaySettings
from stepwarden.gateway.server import Server, listen
from tests.flow.flow_house import START
from tests.threats.page_browser import NO_TLS
from tests.threats.threat_house import House, write_policy

SCOPES = ("decide", "report", "read", "administer")


class ClockedHouse(House):
    """``seconds`` is the time of the service, since 1970."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seconds = START // 1_000_000

    def now(self) -> int:
        return self.seconds

    def clock(self) -> int:
        return self.seconds * 1_000_000


@contextmanager
def open_clocked_house(data: Path) -> Iterator[ClockedHouse]:
    """It serves until the end of the block."""
    write_policy(data)
    sock = listen("localhost", 0)
    house = ClockedHouse(f"http://localhost:{sock.getsockname()[1]}")
    given: dict[str, object] = {"addresses.builtin": False, "server.public_url": house.url}
    settings = load_settings(data, {}, given)
    ready, servers, failed = threading.Event(), [], []

    async def live() -> None:
        node: Node = open_node(data, settings, lambda *_: None, clock=house.clock)
        try:
            await node.start()
            house.key = (await node.service.make_key("a test", SCOPES, by="test")).token
            about = GatewaySettings(public_url=house.url, version="0", metrics_open=False, body_timeout=30)
            site = build(node.service, about, make_sites(node, settings, house.url))
            servers.append(Server(site, sock, listening=ready.set))
            await servers[0].serve()
        finally:
            await node.close("test done")

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as exc:  # noqa: BLE001  # told to the test, which would wait for ever
            failed.append(exc)
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(60)
    assert not failed, failed
    house.http = httpx.Client(
        base_url=house.url,
        headers={"Authorization": f"Bearer {house.key}"},
        trust_env=False,
        verify=NO_TLS,
        timeout=60,
    )
    try:
        yield house
    finally:
        house.http.close()
        servers[0].stop()
        thread.join(60)
    assert not failed, failed
