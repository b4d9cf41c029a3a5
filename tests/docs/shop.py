"""The shop of docs/ten-minutes.md, run from the page's very blocks, and somebody who uses it.

The person's browser is an HTTP client with cookies for each site, and a passkey in software. Only ports differ from
what the page says.
"""

import html
import os
import re
import socket
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock
from urllib.parse import urljoin

import httpx
from fastapi.testclient import TestClient

from tests.stepup.software_authenticator import SoftwareAuthenticator
from tests.stories.running import Server, check_log

DOCS = Path(__file__).resolve().parents[2] / "docs"
IBAN = "DE89370400440532013000"


def block(page: str, language: str) -> str:
    """The only block of a page in this language."""
    text = (DOCS / page).read_text(encoding="utf-8")
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)
    return str(found)


def visitor(shop: types.ModuleType) -> TestClient:
    """A browser at the shop, from an address that is one."""
    return TestClient(
        shop.app, base_url="http://localhost:8000", follow_redirects=False, client=("127.0.0.1", 50_000)
    )


class Person:
    """At the shop, and at Stepwarden, with one passkey."""

    def __init__(self, shop: types.ModuleType, warden: str) -> None:
        self.shop = visitor(shop)
        self.pages = httpx.Client(base_url=warden, trust_env=False)
        self.origin = warden
        self.passkey = SoftwareAuthenticator()
        self.text, self.at = "", ""

    def sign_in(self) -> httpx.Response:
        reply: httpx.Response = self.shop.post(
            "/sign-in", data={"name": "alice", "password": "correct horse"}
        )
        return reply

    def transfer(self, cents: int = 120_000) -> httpx.Response:
        reply: httpx.Response = self.shop.post("/transfer", data={"to": IBAN, "cents": str(cents)})
        return reply

    def go(self, url: str) -> str:
        """Where a browser stops that goes there: at a page of Stepwarden's, or on its way to the shop."""
        return self._follow(self.pages.get(url))

    def send(self, part: str, **fields: str) -> str:
        """Send the form of the page whose address ends so."""
        addresses = map(html.unescape, re.findall(r'<form method="post" action="([^"]+)"', self.text))
        action = next(one for one in addresses if one.partition("?")[0].endswith(part))
        token = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert token is not None
        return self._follow(self.pages.post(urljoin(self.at, action), data={"csrf": token[1], **fields}))

    def _follow(self, reply: httpx.Response) -> str:
        while reply.status_code == 303:
            to = urljoin(str(reply.url), reply.headers["location"])
            if not to.startswith(self.origin):
                return to
            reply = self.pages.get(to)
        self.text, self.at = reply.text, str(reply.url)
        return self.at

    def options(self) -> str:
        """What the page's script hands to the browser."""
        found = re.search(r'data-options="([^"]+)"', self.text)
        assert found is not None, self.text
        return html.unescape(found[1])

    def confirm(self, url: str) -> str:
        """Open the challenge and use the passkey; where the browser is sent then."""
        self.go(url)
        assert "1,200.00" in self.text
        return self.send(
            "/answer", factor="webauthn", answer=self.passkey.answer(self.options(), self.origin)
        )

    def settle(self) -> None:
        """Signed in, with a passkey."""
        self.sign_in()
        if not self.passkey.credentials:
            self.enrol()

    def enrol(self) -> None:
        """My security, and a first passkey."""
        self.go(self.shop.get("/security").headers["location"])
        self.send("/account/passkey")
        made = self.passkey.register(self.options(), self.origin)
        self.send("/account/passkey/confirm", answer=made, name="my phone")
        assert "my phone" in self.text


class Place:
    """A service with the page's settings, the page's shop, and alice."""

    def __init__(self, server: Server, shop: types.ModuleType, warden: str) -> None:
        self.server = server
        self.shop = shop
        self.alice = Person(shop, warden)


@contextmanager
def open_place(data: Path) -> Iterator[Place]:
    """All of it, on a port of its own; its log is checked at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(data, "--port", str(port))
    key, url = server.make_key("decide,report"), f"http://localhost:{port}"

    def here(language: str) -> str:
        return block("ten-minutes.md", language).replace("http://localhost:8700", url)

    (data / "stepwarden.toml").write_text(here("toml"), encoding="utf-8")
    shop = types.ModuleType("shop")
    with server, mock.patch.dict(os.environ, {"STEPWARDEN_KEY": key}):
        exec(compile(here("python"), "shop.py", "exec"), shop.__dict__)  # noqa: S102
        yield Place(server, shop, url)
        assert server.stop() == 0
        check_log(data)
