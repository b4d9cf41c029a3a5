"""What a test with a browser needs around it: Stepwarden, the bank, and the mail server that codes go by.

``house``: the installed command in a process of its own. ``clocked``: the same parts in a thread of this process, under
a clock that the test moves; nothing else is different.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvloop
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from stepwarden.app.node import open_node
from stepwarden.app.serve import make_sites
from stepwarden.app.settings import load_settings
from stepwarden.gateway import server
from stepwarden.gateway.application import build
from stepwarden.gateway.exchange import Settings as GatewaySettings
from tests.browser.bank import Bank
from tests.flow.flow_house import House
from tests.stories.asking import entries
from tests.stories.running import ALL_SCOPES, PATIENCE, Server, until

ISSUER = "Example Bank"


class Letters:
    """The mail server's handler: keeps every letter, by recipient."""

    def __init__(self) -> None:
        self._kept: dict[str, list[str]] = {}

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content)
        parts = [one for one in letter.walk() if one.get_content_type() == "text/plain"]
        body = parts[0].get_payload(decode=True)
        assert isinstance(body, bytes)
        for address in envelope.rcpt_tos:
            self._kept.setdefault(address, []).append(body.decode())
        return "250 OK"

    def newest(self, address: str, number: int = 1) -> str:
        """The letter of this number, once it is there."""

        def look() -> str | None:
            found = self._kept.get(address, [])
            return found[number - 1] if len(found) >= number else None

        return until(look, f"letter {number} to {address}")

    def code(self, address: str, number: int = 1) -> str:
        """The code in it."""
        found = re.search(r"^\s*(\d[\d ]{4,9}\d)\s*$", self.newest(address, number), re.MULTILINE)
        assert found, self.newest(address, number)
        return found[1]


@dataclass
class World:
    """``url`` is Stepwarden's public address, ``api`` a client of it with a key that may do everything."""

    url: str
    api: httpx.Client
    bank: Bank
    letters: Letters

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(urlsplit(one).netloc for one in (self.url, self.bank.url))

    def log(self, kind: str, actor: str) -> list[dict[str, Any]]:
        """The entries of a kind about somebody, oldest first."""
        return entries(self.api, kind=kind, actor=actor)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def house(folder: Path) -> Iterator[World]:
    """The installed command."""
    port, shop, letters = free_port(), free_port(), Letters()
    with ExitStack() as stack:
        mail = Controller(letters, hostname="127.0.0.1", port=free_port())
        mail.start()
        stack.callback(mail.stop)
        url = f"http://localhost:{port}"
        settings = _settings(url, shop, mail.port)
        environment = {
            f"STEPWARDEN_{name.replace('.', '_').upper()}": value for name, value in settings.items()
        }
        running = stack.enter_context(Server(folder / "data", "--port", str(port), **environment))
        api = stack.enter_context(running.client(running.make_key()))
        bank = stack.enter_context(Bank(api, url, shop))
        yield World(url, api, bank, letters)


@contextmanager
def clocked(folder: Path) -> Iterator[tuple[World, House]]:
    """Under the clock of ``House``."""
    port, shop = free_port(), free_port()
    url, settings = f"http://localhost:{port}", House(folder / "data")
    settings.given |= {**_settings(url, shop, 0), "mail.host": "", "addresses.builtin": False}
    with ExitStack() as stack:
        key = stack.enter_context(_in_a_thread(settings, url, port))
        headers = {"Authorization": f"Bearer {key}"}
        api = stack.enter_context(
            httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)
        )
        bank = stack.enter_context(Bank(api, url, shop))
        yield World(url, api, bank, Letters()), settings


def _settings(url: str, shop: int, mail: int) -> dict[str, str]:
    return {
        "server.public_url": url,
        "pages.apps": f"http://localhost:{shop}",
        "mail.host": "127.0.0.1",
        "mail.port": str(mail or 25),
        "mail.sender": "warden@mail.example",
        "mail.tls": "none",
        "issuer": ISSUER,
        "addresses.builtin": "false",
        "server.trusted_proxies": "127.0.0.1/32",
    }


@contextmanager
def _in_a_thread(house: House, url: str, port: int) -> Iterator[str]:
    """A node and its server; an API key for it."""
    ready, said = threading.Event(), {"key": ""}
    listening = server.listen("127.0.0.1", port)
    stopping: list[server.Server] = []

    async def live() -> None:
        lists = ("pages.apps", "server.trusted_proxies")
        given = {name: (value,) if name in lists else value for name, value in house.given.items()}
        settings = load_settings(house.data, {}, given)
        node = open_node(house.data, settings, lambda *_: None, clock=house.clock, url=url)
        try:
            await node.start()
            said["key"] = (await node.service.make_key("a test", ALL_SCOPES.split(","), by="test")).token
            gateway = GatewaySettings(public_url=url, version="1", metrics_open=False, body_timeout=10)
            site = build(node.service, gateway, make_sites(node, settings, url))
            stopping.append(server.Server(site, listening, grace=1, connections=200, listening=ready.set))
            await stopping[0].serve()
        finally:
            ready.set()
            await node.close("test done")

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(live())

    worker = threading.Thread(target=run)
    worker.start()
    ready.wait(PATIENCE)
    try:
        assert stopping, "the node did not start"
        yield said["key"]
    finally:
        for one in stopping:
            one.stop()
        worker.join(PATIENCE)
