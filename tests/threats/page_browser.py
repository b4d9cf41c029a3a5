"""A browser as our pages see it, over sockets: cookies, redirects on our own site, forms with their tokens.

What it sends beside them can be replaced: ``headers`` go along with every request.
"""

import html
import re
import ssl
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from tests.stories.asking import FIREFOX

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Everything here is on the loopback interface; each client would read all the authorities of the machine."""


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("action", ""), {}))
        if tag == "input" and self.found and given.get("type") != "checkbox" and "name" in given:
            self.found[-1][1][given["name"]] = given.get("value", "")


class PageBrowser:
    """Somebody's browser. ``reply`` is the last answer of ours, ``page`` its text."""

    def __init__(self, url: str, ip: str = "", **headers: str) -> None:
        self.url = url
        told = {"user-agent": FIREFOX, "accept": "text/html", **headers}
        if ip:
            told["x-forwarded-for"] = ip
        self.http = httpx.Client(base_url=url, headers=told, trust_env=False, timeout=60, verify=NO_TLS)
        self.reply = httpx.Response(0)

    @property
    def page(self) -> str:
        return self.reply.text

    @property
    def forms(self) -> list[tuple[str, dict[str, str]]]:
        """Where each form of the page goes, and its fields."""
        return _Forms(self.page).found

    def go(self, path: str, **headers: str) -> httpx.Response:
        """Open an address, and follow redirects as long as they lead to us."""
        return self._follow(self.http.get(urljoin(self.url, path), headers=headers))

    def form(self, end: str, **fields: str) -> tuple[str, dict[str, str]]:
        """The form whose path ends so and that has these values."""
        return next(
            (action, found)
            for action, found in self.forms
            if urlsplit(action).path.endswith(end) and fields.items() <= found.items()
        )

    def submit(self, end: str, *, form: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Send a form of this page; ``form`` says by which values it is found. As browsers do without referrer."""
        action, found = self.form(end, **(form or {}))
        return self.post(action, {**found, **fields})

    def post(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        told = {"origin": "null", "sec-fetch-site": "same-origin", **headers}
        return self._follow(self.http.post(urljoin(self.url, path), data=fields, headers=told))

    def options(self) -> str:
        """What the page's script would give to the browser's passkeys."""
        found = re.search(r'data-options="([^"]+)"', self.page)
        assert found is not None, self.page
        return html.unescape(found[1])

    def _follow(self, reply: httpx.Response) -> httpx.Response:
        while reply.status_code == 303:
            to = urljoin(str(reply.url), reply.headers["location"])
            if not to.startswith(self.url + "/"):
                break
            reply = self.http.get(to)
        self.reply = reply
        return reply
