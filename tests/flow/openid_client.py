"""A client of our OpenID provider, and a person with a browser and a passkey, in process.

with the house's clock: ``life(house, do)`` opens a node whose settings name two clients and runs ``do(world)``.
"""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import jwt

from stepwarden.app.node import Node
from stepwarden.flow.openid import OpenIdProvider
from stepwarden.flow.openid_request import read_parameters
from stepwarden.flow.shown import Browser
from tests.flow.flow_house import House
from tests.stepup.software_authenticator import SoftwareAuthenticator, encode64

T = TypeVar("T")
SITE = "https://warden.example.com"
CALLBACK, OTHER_CALLBACK = "https://shop.example.com/cb", "https://bank.example.com/cb?tenant=1"
VERIFIER = "v" * 43
ALICE = Browser(key="alice" * 8, peer="192.0.2.7", user_agent="Mozilla/5.0")
MALLORY = Browser(key="mallory" * 6, peer="198.51.100.9", user_agent="curl/8")


def challenge_of(verifier: str) -> str:
    """The S256 of it."""
    return encode64(sha256(verifier.encode()).digest())


class World:
    """An open node with its provider. ``shop`` and ``bank`` are the ids of two clients."""

    def __init__(self, node: Node, house: House, shop: str, bank: str) -> None:
        provider = node.service.proving.openid
        assert provider is not None
        self.node = node
        self.house = house
        self.provider: OpenIdProvider = provider
        self.pages = node.service.proving.pages
        self.shop = shop
        self.bank = bank
        self.device = SoftwareAuthenticator()

    def asking(self, **more: str) -> dict[str, str]:
        """A request of the shop's, for alice; an empty value leaves a parameter out."""
        given = {
            "client_id": self.shop,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "state": "s-1",
            "nonce": "n-1",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "login_hint": "alice",
        } | more
        return {name: value for name, value in given.items() if value}

    async def enrol(self, actor: str = "alice", **how: Any) -> None:
        """A passkey for somebody who has nothing yet."""
        enrolments = self.node.service.proving.enrolments
        draft, options = enrolments.begin_passkey(actor)
        made = self.device.register(options, SITE, **how)
        await enrolments.enrol_passkey(actor, draft=draft, answer=made, name="", attempt="", by="test")

    def push(self, *, by: str = "", **more: str) -> dict[str, str]:
        """Push a request; what the browser then brings."""
        client = by or self.shop
        name, _ = self.provider.push(client, self.asking(client_id=client, **more))
        return {"client_id": client, "request_uri": name}

    async def pass_at(self, location: str, browser: Browser = ALICE, **how: Any) -> tuple[str, str]:
        """Pass the challenge that the browser was sent to, by passkey; challenge and code."""
        challenge = urlsplit(location).path.removeprefix("/step-up/")
        page = await self.pages.challenge(challenge, browser)
        answer = self.device.answer(page.passkeys, SITE, **how)
        passed = await self.pages.answer(challenge, browser, factor="webauthn", answer=answer, remember=False)
        return challenge, passed.code

    async def step_up(self, given: Mapping[str, str], browser: Browser = ALICE) -> dict[str, str]:
        """The whole way of a browser; what it brings to the client."""
        location = await self.provider.authorize(given, browser)
        assert location.startswith("/step-up/"), location
        challenge, code = await self.pass_at(location, browser)
        return told(await self.provider.go_on(challenge, code, browser))

    async def redeem(self, code: str, *, by: str = "", **more: str) -> dict[str, Any]:
        """Fetch the tokens."""
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        } | more
        return await self.provider.redeem(by or self.shop, given)

    async def identity(self, code: str, **more: str) -> dict[str, Any]:
        """The claims of the identity token, whose signature is checked by the key set as anybody would."""
        tokens = await self.redeem(code, **more)
        keys = jwt.PyJWKSet.from_dict(self.node.service.proving.grants.jose.key_set())
        token = tokens["id_token"]
        key = keys[jwt.get_unverified_header(token)["kid"]]
        found: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=self.shop,
            issuer=SITE,
            options={"verify_exp": False, "verify_iat": False},
        )
        return found


def told(location: str) -> dict[str, str]:
    """What an answer at the client's address says; each parameter once."""
    fields = parse_qs(urlsplit(location).query, strict_parsing=True)
    assert all(len(values) == 1 for values in fields.values())
    return {name: values[0] for name, values in fields.items()}


def read(query: str) -> dict[str, str]:
    """Parameters as a browser sends them."""
    return read_parameters(query.encode())


def life(house: House, do: Callable[[World], Awaitable[T]]) -> T:
    """Make two keys, name them as clients, and live."""
    house.given["server.public_url"] = SITE

    async def keys(node: Node) -> list[str]:
        made = [await node.service.make_key(name, ["decide"], by="test") for name in ("shop", "bank")]
        return [one.id for one in made]

    shop, bank = house.live(keys)
    house.given["openid.clients"] = {
        shop: {"redirect_uris": [CALLBACK]},
        bank: {"redirect_uris": [OTHER_CALLBACK]},
    }
    return house.live(lambda node: do(World(node, house, shop, bank)))
