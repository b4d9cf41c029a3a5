"""A browser, as far as the bank and Stepwarden's pages need one: cookies, forms, redirects, and a user agent.

It talks only to the loopback interface, wherever it is sent, and gives its place in the world in ``X-Forwarded-For``.
``Page.name`` is what a person would see: ``account``, ``refused``, ``sign_in``, ... at the bank, ``challenge`` where
Stepwarden's page asks for a proof, and ``elsewhere`` on its other pages. It has no script, so it goes there in its own
window, by a redirect.
"""

import html
import ipaddress
import re
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

_NAME = re.compile(r'data-page="([a-z_]+)"')
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_CODE_FORM = re.compile(r'<form method="post" action="([^"]+)" class="answer">(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">')
_CENTS = re.compile(r'data-cents="(-?\d+)"')
MOST_REDIRECTS = 10
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, and is needed by nobody: it only spares each browser the loading of certificates it never uses."""


@dataclass(frozen=True, slots=True)
class Page:
    """What came back. ``name`` is empty for what is no page, such as a download.

    ``form`` is where a code is sent to and with which hidden fields, if this page asks for one.
    """

    name: str
    status: int
    text: str
    form: tuple[str, dict[str, str]] | None = None

    @property
    def cents(self) -> int:
        found = _CENTS.search(self.text)
        return int(found[1]) if found else 0


def _require_loopback(url: str) -> None:
    host = urlsplit(url).hostname or ""
    if host != "localhost" and not (_is_address(host) and ipaddress.ip_address(host).is_loopback):
        raise ValueError(f"{url} is not the demonstration: it runs on the loopback interface only")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _read(answer: httpx.Response) -> Page:
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    text = answer.text
    if is_page and (found := _CODE_FORM.search(text)):
        fields = {name: html.unescape(value) for name, value in _FIELD.findall(found[2])}
        form = (urljoin(str(answer.url), html.unescape(found[1])), fields)
        return Page(name="challenge", status=answer.status_code, text=text, form=form)
    name = _NAME.search(text) if is_page else None
    return Page(name=name[1] if name else "elsewhere" * is_page, status=answer.status_code, text=text)


class Browser:
    """One browser on one device at one address; ``address``, ``agent`` and cookies can be taken along or stolen."""

    def __init__(self, bank: str, *, address: str, agent: str, device: str = "", label: str = "") -> None:
        _require_loopback(bank)
        self.address = address
        self._bank = bank.rstrip("/")
        self._label = label
        self._csrf = ""
        self._page = Page(name="", status=0, text="")
        self._http = httpx.AsyncClient(
            headers={"user-agent": agent, "accept": "text/html,*/*;q=0.8"},
            follow_redirects=False,
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
        return next((one.value or "" for one in self._http.cookies.jar if one.name == name), "")

    def set_cookie(self, name: str, value: str) -> None:
        host = urlsplit(self._bank).hostname or ""
        # The standard library's jar calls a host without a dot so.
        self._http.cookies.set(name, value, domain=host if "." in host else f"{host}.local", path="/")

    async def _go(self, method: str, path: str, form: dict[str, str] | None = None) -> Page:
        url = urljoin(self._bank, path)
        for _ in range(MOST_REDIRECTS):
            _require_loopback(url)
            headers = {"x-forwarded-for": self.address}
            if url.startswith(f"{self._bank}/"):
                headers["x-demo-label"] = (
                    self._label
                )  # for the demonstration's screen; Stepwarden never sees it
            answer = await self._http.request(method, url, data=form, headers=headers)
            if not answer.is_redirect:
                break
            method, form, url = "GET", None, urljoin(url, answer.headers["location"])
        page = _read(answer)
        if (
            found := _CSRF.search(page.text)
            if page.form is None and page.name not in {"", "elsewhere"}
            else None
        ):
            self._csrf = html.unescape(found[1])
        self._page = page
        return page

    async def open(self, path: str) -> Page:
        return await self._go("GET", path)

    async def submit(self, path: str, **fields: str) -> Page:
        """Fill in a form and send it, with the token of the last page seen."""
        return await self._go("POST", path, {"csrf": self._csrf, **fields})

    async def sign_in(self, user: str, password: str) -> Page:
        await self.open("/sign-in")
        return await self.submit("/sign-in", user=user, password=password)

    async def enter_code(self, code: str, *, remember: bool = False) -> Page:
        """Type a code on Stepwarden's page, and go where that leads; the page as it is, if it asks for none."""
        if self._page.form is None:
            return self._page
        url, fields = self._page.form
        more = {"remember": "on"} if remember and "remember" in self._page.text else {}
        return await self._go("POST", url, {**fields, "answer": code, **more})

    async def transfer(self, payee: str, amount: str) -> Page:
        await self.open("/transfer")
        return await self.submit("/transfer", payee=payee, amount=amount)

    async def sign_out(self) -> Page:
        return await self.submit("/sign-out")
