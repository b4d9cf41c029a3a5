"""A provider, our client of it, a browser, and one clock for all of them, which a test moves."""

import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from stepwarden.connect.openid.client import ProviderClient
from stepwarden.connect.openid.settings import ProviderSettings
from stepwarden.connect.urls import guarded_client
from stepwarden.flow.provider_proof import Begun, ProviderProof
from tests.connect.openid_provider import CALLBACK, CLIENT, SECRET, Provider, provider_at_work

NOW = 1_800_000_000
_TRUST = ssl.create_default_context()
"""Made once: reading the machine's roots costs more than a test."""


@dataclass
class Clock:
    """Ours and the provider's: seconds since 1970, told in microseconds."""

    seconds: int = NOW

    def __call__(self) -> int:
        return self.seconds * 1_000_000


@dataclass
class House:
    """A provider, our client of it, and a browser."""

    provider: Provider
    client: ProviderClient
    clock: Clock
    browser: httpx.AsyncClient

    async def begin(self, challenge: str = "c1", *, max_age: int = 0) -> Begun:
        return await self.client.begin(challenge=challenge, login_hint="ann", max_age=max_age)

    async def visit(self, url: str) -> dict[str, str]:
        """Sign in there; what the browser brings back, as the arguments of ``finish``."""
        found = (await self.browser.get(url)).headers["location"]
        assert found.startswith(CALLBACK)
        query = dict(parse_qsl(urlsplit(found).query))
        names = {"state": "state", "code": "code", "error": "error", "issuer": "iss"}
        return {name: query.get(sent, "") for name, sent in names.items()}

    async def step_up(self, challenge: str = "c1", *, max_age: int = 0) -> ProviderProof:
        """All of it."""
        begun = await self.begin(challenge, max_age=max_age)
        return await self.client.finish(**await self.visit(begun.url))


def settings_for(provider: Provider, **other: Any) -> ProviderSettings:
    """Settings under which ``gold`` is worth AAL2."""
    wanted: dict[str, Any] = {
        "name": "Example ID",
        "issuer": provider.issuer,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "acr": {"silver": 1, "gold": 2},
        "acr_values": "gold",
        "allow_private": True,
        "seconds": 10.0,
    }
    return ProviderSettings(**wanted | other)


@asynccontextmanager
async def house(settings: dict[str, Any] | None = None, **lies: Any) -> AsyncIterator[House]:
    """All of them, at one time, which a test moves."""
    clock = Clock()
    async with provider_at_work(clock, **lies) as provider:
        ours = settings_for(provider, **settings or {})
        async with _guarded(ours) as http, httpx.AsyncClient(trust_env=False, verify=_TRUST) as browser:
            client = ProviderClient(ours, redirect_uri=CALLBACK, entropy=os.urandom, clock=clock, http=http)
            yield House(provider, client, clock, browser)


def _guarded(settings: ProviderSettings) -> httpx.AsyncClient:
    return guarded_client(timeout=settings.seconds, allow_private=True, allow_http=True, verify=_TRUST)
