"""The ten minutes of docs/ten-minutes.md, with its very blocks: settings, key, shop, passkey, transfer.

The person's browser is an HTTP client with cookies for each site, and a passkey in software. Only ports differ.
"""

import html
import os
import re
import socket
import types
from collections.abc import Iterator
from pathlib import Path
from unittest import mock
from urllib.parse import urljoin

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.stepup.software_authenticator import SoftwareAuthenticator
from tests.stories.running import Server, check_log

PAGE = Path(__file__).resolve().parents[2] / "docs/ten-minutes.md"
IBAN = "DE89370400440532013000"


def block(language: str, warden: str) -> str:
    """The only block of the page in this language, with the port that we have."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return str(found).replace("http://localhost:8700", warden)


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

    def enrol(self) -> None:
        """My security, and a first passkey."""
        self.go(self.shop.get("/security").headers["location"])
        self.send("/account/passkey")
        made = self.passkey.register(self.options(), self.origin)
        self.send("/account/passkey/confirm", answer=made, name="my phone")
        assert "my phone" in self.text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[types.ModuleType, Person]]:
    data = tmp_path_factory.mktemp("ten") / "warden"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(data, "--port", str(port))
    key, url = server.make_key("decide,report"), f"http://localhost:{port}"
    (data / "stepwarden.toml").write_text(block("toml", url), encoding="utf-8")
    shop = types.ModuleType("shop")
    with server, mock.patch.dict(os.environ, {"STEPWARDEN_KEY": key}):
        exec(compile(block("python", url), "shop.py", "exec"), shop.__dict__)  # noqa: S102
        yield shop, Person(shop, url)
        assert server.stop() == 0
        check_log(data)


def test_a_transfer_is_approved_by_a_passkey(place: tuple[types.ModuleType, Person]) -> None:
    """All of the page's third section, and what is promised of it."""
    shop, alice = place
    assert alice.sign_in().text == "Done: login"
    assert "set up a passkey" in alice.transfer().text
    alice.enrol()
    asked = alice.transfer()
    assert (asked.status_code, shop.transfers) == (303, [])
    before = alice.shop.cookies["shop"]
    back = alice.confirm(asked.headers["location"])
    assert alice.shop.get(back).text == "Done: transfer"
    assert shop.transfers == [("alice", IBAN, 120_000)]
    assert alice.shop.cookies["shop"] != before
    assert alice.shop.get(back).status_code == 403
    assert len(shop.transfers) == 1


def test_attack_the_owner_confirms_somebody_elses_challenge(place: tuple[types.ModuleType, Person]) -> None:
    """Mallory knows alice's password and sends her the address. She confirms; nothing reaches mallory's session."""
    shop, alice = place
    mallory = visitor(shop)
    alice.sign_in()
    signed_in = mallory.post("/sign-in", data={"name": "alice", "password": "correct horse"})
    assert signed_in.text == "Done: login"
    asked = mallory.post("/transfer", data={"to": IBAN, "cents": "120000"})
    back = alice.confirm(asked.headers["location"])
    done = len(shop.transfers)
    assert alice.shop.get(back).status_code == 403
    assert mallory.get("/confirmed", params={"challenge": "x", "code": "x", "state": "x"}).status_code == 403
    assert len(shop.transfers) == done


def test_the_shops_own_checks(place: tuple[types.ModuleType, Person]) -> None:
    """A wrong password, nobody signed in, an error in the address: nothing happens."""
    shop, _ = place
    nobody = visitor(shop)
    assert nobody.post("/sign-in", data={"name": "alice", "password": "no"}).status_code == 403
    assert nobody.post("/sign-in", data={"name": "ghost", "password": ""}).status_code in (403, 422)
    assert nobody.post("/transfer", data={"to": IBAN, "cents": "1"}).status_code == 403
    assert nobody.get("/security").status_code == 403
    assert nobody.get("/confirmed", params={"error": "cancelled"}).status_code == 403
