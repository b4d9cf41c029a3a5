"""A browser, as far as the bank needs one: cookies, forms with their hidden fields, redirects, and a user agent.

It talks only to the loopback interface, whatever it is told, and gives its place in the world in ``X-Forwarded-For``.
``Page.name`` is what a person would see: ``account``, ``code``, ``refused``, ``sign_in``, ...
"""

import html
import ipaddress
import re
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

_NAME = re.compile(r'data-page="([a-z_]+)"')
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_CENTS = re.compile(r'data-cents="(-?\d+)"')
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, and is needed by nobody: it only spares each browser the loading of certificates it never uses."""


@dataclass(frozen=True, slots=True)
class Page:
    """What came back. ``name`` is empty for what is no page, such as a download."""

    name: str
    status: int
    text: str

    @property
    def cents(self) -> int:
        found = _CENTS.search(self.text)
        return int(found[1]) if found else 0


def _require_loopback(url: str) -> None:
    host = urlsplit(url).hostname or ""
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"{url} is not the demonstration: it runs on the loopback interface only")


class Browser:
    """One browser on one device at one address; ``address``, ``agent`` and cookies can be taken along or stolen."""

    def __init__(self, bank: str, *, address: str, agent: str, device: str = "", label: str = "") -> None:
        _require_loopback(bank)
        self.address = address
        self._csrf = ""
        self._http = httpx.AsyncClient(
            base_url=bank,
            headers={"user-agent": agent, "accept": "text/html,*/*;q=0.8", "x-demo-label": label},
            follow_redirects=True,
            timeout=20,
            trust_env=False,
            verify=_NO_TLS,
        )
        if device:
            self.set_cookie("acme_device", device)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def cookie(self, name: str) -> str:
        return self._http.cookies.get(name) or ""

    def set_cookie(self, name: str, value: str) -> None:
        host = urlsplit(str(self._http.base_url)).hostname or ""
        self._http.cookies.set(name, value, domain=host, path="/")

    async def _go(self, method: str, path: str, form: dict[str, str] | None = None) -> Page:
        answer = await self._http.request(method, path, data=form, headers={"x-forwarded-for": self.address})
        is_page = answer.headers.get("content-type", "").startswith("text/html")
        text = answer.text
        name = _NAME.search(text) if is_page else None
        if found := _CSRF.search(text) if is_page else None:
            self._csrf = html.unescape(found[1])
        return Page(name=name[1] if name else "", status=answer.status_code, text=text)

    async def open(self, path: str) -> Page:
        return await self._go("GET", path)

    async def submit(self, path: str, **fields: str) -> Page:
        """Fill in a form and send it, with the token of the last page seen."""
        return await self._go("POST", path, {"csrf": self._csrf, **fields})

    async def sign_in(self, user: str, password: str) -> Page:
        await self.open("/sign-in")
        return await self.submit("/sign-in", user=user, password=password)

    async def enter_code(self, code: str) -> Page:
        return await self.submit("/code", code=code)

    async def transfer(self, payee: str, amount: str) -> Page:
        await self.open("/transfer")
        return await self.submit("/transfer", payee=payee, amount=amount)

    async def sign_out(self) -> Page:
        return await self.submit("/sign-out")
