"""A browser at Acme Bank over a fake Stepwarden, for the tests of its pages."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from demo.bank.accounts import Books
from demo.bank.app import build
from stepwarden.sdk import AsyncClient
from tests.sdk.fake_stepwarden import KEY, FakeStepwarden

PASSWORD = {"alice": "blue-kettle-41", "erin": "red-window-19", "bob": "green-ladder-77"}


class Visitor:
    """A browser at the bank: keeps cookies, follows no redirect, fills in CSRF tokens."""

    def __init__(self, web: httpx.AsyncClient) -> None:
        self.web = web

    async def get(self, path: str) -> httpx.Response:
        return await self.web.get(path)

    async def post(self, path: str, *, form_at: str = "", **fields: str) -> httpx.Response:
        form = await self.web.get(form_at or path)
        token = re.search(r'name="csrf" value="([^"]+)"', form.text)
        assert token, form.text
        return await self.web.post(path, data={"csrf": token[1], **fields})

    async def sign_in(self, user: str, password: str = "") -> httpx.Response:
        return await self.post("/sign-in", user=user, password=password or PASSWORD[user])


@asynccontextmanager
async def visit(fake: FakeStepwarden, books: Books, codes: Path = Path("none")) -> AsyncIterator[Visitor]:
    client = AsyncClient(fake.url, key=KEY, timeout=1)
    transport = httpx.ASGITransport(app=build(client, codes, books))
    html = {"accept": "text/html", "user-agent": "Test/1"}
    async with (
        client,
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=html) as web,
    ):
        yield Visitor(web)


def walk(fake: FakeStepwarden, books: Books, steps: Callable[[Visitor], Awaitable[None]]) -> None:
    async def run() -> None:
        async with visit(fake, books) as visitor:
            await steps(visitor)

    asyncio.run(run())


def deny_only(*actions: str, word: str = "deny") -> Callable[[dict[str, Any]], str]:
    return lambda attempt: word if attempt["action"] in actions else "allow"
