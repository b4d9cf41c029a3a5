"""A browser at Acme Bank over a fake Stepwarden, for the tests of its pages.

Nobody shows Stepwarden's page here: ``back`` is what a browser brings along that has been there and has passed.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from demo.bank.accounts import Books
from demo.bank.app import build
from stepwarden.sdk import AsyncClient
from tests.sdk.fake_stepwarden import KEY, FakeStepwarden

PAGES = "http://localhost:8700"
ORIGIN = "http://localhost:8000"
SCRIPT = {"accept": "application/json"}
PASSWORD = {"alice": "blue-kettle-41", "erin": "red-window-19", "bob": "green-ladder-77"}


class StepwardenWithPages(FakeStepwarden):
    """Also gives tickets for security pages, and remembers devices."""

    def answer(self, path: str, body: Any, authorization: str) -> tuple[int, Any]:
        status, said = super().answer(path, body, authorization)
        if path.endswith("/pages") and status == 404:
            return 200, {"url": f"{PAGES}/account?ticket=t1", "expires": "2026-01-01T00:00:00Z"}
        if path.endswith("/collect") and status == 200:
            said["device"] = "v1.abc.1900000000.mac"
        return status, said


def sent_to(answer: httpx.Response) -> tuple[str, str, str]:
    """The challenge, the way back and the state of a redirect to Stepwarden's page."""
    where = urlsplit(answer.headers["location"])
    assert where.path.startswith("/step-up/"), answer.headers["location"]
    query = parse_qs(where.query)
    return where.path.removeprefix("/step-up/"), query["return_to"][0], query["state"][0]


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

    async def back(self, sent: httpx.Response, **fields: str) -> httpx.Response:
        """Come back from Stepwarden's page with the code of that challenge, or with other ``fields``."""
        challenge, return_to, state = sent_to(sent)
        assert return_to == f"{ORIGIN}/step-up/done"
        told = {"challenge": challenge, "code": f"code-of-{challenge}", "state": state} | fields
        return await self.web.get(
            "/step-up/done", params={name: value for name, value in told.items() if value}
        )

    async def sign_in(self, user: str, password: str = "") -> httpx.Response:
        return await self.post("/sign-in", user=user, password=password or PASSWORD[user])


@asynccontextmanager
async def visit(fake: FakeStepwarden, books: Books, codes: Path = Path("none")) -> AsyncIterator[Visitor]:
    client = AsyncClient(fake.url, key=KEY, timeout=1)
    app = build(client, codes, origin=ORIGIN, stepwarden=PAGES, books=books)
    transport = httpx.ASGITransport(app=app)
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
