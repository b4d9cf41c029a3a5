"""Where browsers come to our OpenID provider, and where they go on after a challenge. The same contract as ``Site``.

Nothing is shown here but that something cannot go on: everything else is a redirect, to our challenge page or to the
client. Before it is known that an address belongs to a client nobody is sent there, whatever the request says.

A request that is posted (OpenID Connect Core, 3.1.2.1) comes from another site, without our cookie; it is asked for
once more by GET, with it. Which browser it is, is known by the cookie that our other pages know it by.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import urlencode, urlsplit

from stepwarden.console.guard import Guard
from stepwarden.console.render import Renderer
from stepwarden.console.visit import Language, Screen, Visit, language_of, read_cookies, secret_in
from stepwarden.console.way import Way
from stepwarden.errors import BusyError, StepwardenError
from stepwarden.flow.openid_request import UntrustedError, read_parameters
from stepwarden.flow.shown import Browser

HTML: Final = b"text/html; charset=utf-8"
SECRET_BYTES: Final = 32
Reply = tuple[int, bytes, bytes, tuple[tuple[bytes, bytes], ...]]
_TEXTS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "title": "This cannot go on",
        "text": "The application sent you here with a request that cannot be answered, or that is over.",
        "next": "Go back to the application and try again. If this happens again, tell its operator:",
        "busy": "Too much is asked for right now. Wait a moment, then go back and try again.",
    },
    "de": {
        "title": "Hier geht es nicht weiter",
        "text": "Die Anwendung hat Sie mit einer Anfrage hierher geschickt, die sich nicht beantworten lässt "
        "oder abgelaufen ist.",
        "next": "Gehen Sie zur Anwendung zurück und versuchen Sie es noch einmal. Passiert es wieder, sagen Sie "
        "deren Betreiber:",
        "busy": "Gerade wird zu viel gefragt. Warten Sie einen Moment und versuchen Sie es dann noch einmal.",
    },
}


class Provider(Protocol):
    """``flow.openid.OpenIdProvider``. Both give the address where the browser goes on: a path of ours, or a client's.

    They raise ``UntrustedError`` where there is none.
    """

    async def authorize(self, given: Mapping[str, str], browser: Browser) -> str: ...

    async def go_on(self, challenge: str, code: str, browser: Browser) -> str: ...


class AuthorizeSite:
    """All calls on the loop's thread."""

    routes: Sequence[tuple[str, str, str]] = (
        ("GET", "/openid/authorize", "page.openid.authorize"),
        ("POST", "/openid/authorize", "page.openid.authorize.posted"),
        ("GET", "/openid/continue", "page.openid.continue"),
    )

    def __init__(
        self,
        provider: Provider,
        *,
        public_url: str,
        issuer: str,
        key: bytes,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:
        """``public_url``, ``issuer``, ``key``: as of ``Site``, so that both know a browser by one cookie."""
        parts = urlsplit(public_url)
        self._provider = provider
        self._guard = Guard(site=f"{parts.scheme}://{parts.netloc}", apps=frozenset(), key=key)
        self._base = parts.path.rstrip("/")
        self._renderer = Renderer(base=self._base, issuer=issuer, provider="")
        self._clock = clock
        self._entropy = entropy

    async def visit(
        self,
        name: str,
        *,
        segments: tuple[str, ...],
        query: bytes,
        body: bytes,
        headers: Mapping[bytes, bytes],
        peer: str,
    ) -> Reply:
        """Answer one request for the route of this name."""
        visit = self._visit(headers, peer)
        try:
            given = read_parameters(body if name.endswith(".posted") else query)
            if name.endswith(".posted"):
                # No cookie comes with what another site posts, so none is made here either.
                location = f"{self._base}/openid/authorize?{urlencode(given)}"
                return 303, b"", HTML, (*self._guard.page_headers(popup=False), _to(location))
            if name == "page.openid.continue":
                found = await self._provider.go_on(
                    given.get("challenge", ""), given.get("code", ""), visit.browser
                )
            else:
                found = await self._provider.authorize(given, visit.browser)
        except UntrustedError as error:
            return self._stopped(visit, 400, str(error))
        except BusyError:
            return self._stopped(visit, 503, "")
        except StepwardenError as error:
            return self._stopped(visit, 400, error.code)
        location = self._base + found if found.startswith("/") else found
        return 303, b"", HTML, (*self._headers(visit), _to(location))

    def _stopped(self, visit: Visit, status: int, detail: str) -> Reply:
        words = _TEXTS[visit.language]
        values = {
            "title": words["title"],
            "text": words["text"] if detail else words["busy"],
            "next": words["next"],
            "detail": detail,
        }
        html = self._renderer.page(Screen(template="openid_stopped.html", values=values), visit, csrf="")
        return status, html, HTML, tuple(self._headers(visit))

    def _headers(self, visit: Visit) -> list[tuple[bytes, bytes]]:
        headers = self._guard.page_headers(popup=False)
        if not visit.known:
            headers.append(self._guard.cookie(self._guard.browser_cookie, visit.browser.key))
        return headers

    def _visit(self, headers: Mapping[bytes, bytes], peer: str) -> Visit:
        cookies = read_cookies(headers.get(b"cookie"))
        known = secret_in(cookies, self._guard.browser_cookie)
        language = language_of(
            "", cookies.get(self._guard.language_cookie, ""), _text(headers, b"accept-language") or ""
        )
        made = urlsafe_b64encode(self._entropy(SECRET_BYTES)).rstrip(b"=").decode()
        return Visit(
            segments=(),
            query={},
            form={},
            browser=Browser(
                key=known or made,
                peer=peer,
                forwarded_for=_text(headers, b"x-forwarded-for"),
                user_agent=_text(headers, b"user-agent") or "",
                language=language,
            ),
            known=bool(known),
            session="",
            language=language,
            way=Way(),
            here="",
            json=False,
            now=self._clock(),
        )


def _to(location: str) -> tuple[bytes, bytes]:
    return b"location", location.encode("ascii")


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return value.decode("latin-1") if value is not None else None
