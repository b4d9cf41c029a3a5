"""Browsers that are watched: what no page of ours may ever do is written down, and fails the test at its end.

Written down are errors in the console, exceptions, whatever the content security policy stopped, and every request
to a host that is neither Stepwarden nor the application (which is stopped, too). That a page was refused (403, 409) is
no fault of the page; that a file of a page is missing is one.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route

AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
PATIENCE = 10_000
"""Milliseconds after which something that has not come never will."""
LISTEN = """document.addEventListener("securitypolicyviolation",
  (event) => console.error(`policy: ${event.effectiveDirective} stopped ${event.blockedURI || event.sample}`));"""


class Watched:
    """All browsers of one test. ``hosts``: those that may be asked, with their ports.

    ``address`` is where they are, for the proxy that Stepwarden and the bank believe: what one test does there spoils
    the name of no other's.
    """

    def __init__(self, browser: Browser, hosts: Iterable[str], address: str) -> None:
        self._browser = browser
        self.address = address
        self._hosts = set(hosts)
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def open(self, **options: object) -> Page:
        """A tab of a browser that was never here. ``options``: of Playwright's ``new_context``."""
        proxied = {"X-Forwarded-For": self.address}
        settings: dict[str, object] = {
            "user_agent": AGENT,
            "locale": "en-GB",
            "extra_http_headers": proxied,
            **options,
        }
        context = self._browser.new_context(**settings)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        context.route("**/*", self._let_pass)
        context.on("request", self._asked)  # redirects are not routed
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(f"exception: {error.error}"))
        context.add_init_script(LISTEN)
        self._contexts.append(context)
        return context.new_page()

    def allow(self, url: str) -> None:
        """The host of this address may be asked, too."""
        self._hosts.add(urlsplit(url).netloc)

    def close(self) -> None:
        """All of them."""
        for context in self._contexts:
            context.close()

    def _let_pass(self, route: Route) -> None:
        url = route.request.url
        if urlsplit(url).netloc in self._hosts:
            route.continue_()
        else:
            route.abort()

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self._hosts:
            self.complaints.append(f"asked another host: {request.url}")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        where = message.location["url"]
        refused = message.text.startswith("Failed to load resource: the server responded with a status of 4")
        if not (refused and "/static/" not in where):
            self.complaints.append(f"console: {message.text} ({where})")
