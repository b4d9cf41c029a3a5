"""The people's pages as one object: routes, and ``visit``, which answers each of them.

``app`` builds it, ``gateway`` calls it; the two rooms know nothing of each other. The gateway has limited the body
and checked its media type; the segments are decoded, everything else is as it came. Errors of the world are told in
words (``faults``); an unexpected exception goes on to the gateway, which has the last door.

What holds for all pages:

* the address of a page is never taken from the Host header; links are paths, and origins are compared with settings;
* the browser's cookie is 256 random bits, made at the first visit; nothing is done for a form without it (``guard``);
* a secret (cookie, code, ticket) stands in no page and in no text of an error.
"""

from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, assert_never
from urllib.parse import quote, urlsplit

import msgspec

from stepwarden.console.account import AccountPages
from stepwarden.console.challenges import Challenges
from stepwarden.console.enrolling import Enrolling
from stepwarden.console.faults import fault, forged
from stepwarden.console.finishing import MAX_KEPT, Finishing
from stepwarden.console.guard import Guard, Headers, static_headers
from stepwarden.console.kept import Shelf, Trip
from stepwarden.console.render import Renderer, static_files
from stepwarden.console.service import Account, Pages
from stepwarden.console.visit import (
    Data,
    Outcome,
    Redirect,
    Screen,
    Visit,
    language_of,
    read_cookies,
    read_fields,
    secret_in,
)
from stepwarden.console.way import Way, check_origin
from stepwarden.errors import StepwardenError
from stepwarden.flow.shown import Browser
from stepwarden.stepup.assurance import kind_of

HTML: Final = b"text/html; charset=utf-8"
JSON: Final = b"application/json"
SECRET_BYTES: Final = 32
TRIP_MINUTES: Final = 15
BUSY: Final = 503
Reply = tuple[int, bytes, bytes, tuple[tuple[bytes, bytes], ...]]
"""Status, body, content type, further headers."""
Handler = Callable[[Visit], Awaitable[Outcome]]

_ROUTES: Final[tuple[tuple[str, str, str], ...]] = (
    ("GET", "/static/{file}", "page.static"),
    ("GET", "/step-up/{challenge}", "page.challenge"),
    ("POST", "/step-up/{challenge}/answer", "page.answer"),
    ("POST", "/step-up/{challenge}/send", "page.send"),
    ("GET", "/step-up/{challenge}/wait", "page.wait"),
    ("GET", "/step-up/{challenge}/done", "page.done"),
    ("POST", "/step-up/{challenge}/deny", "page.deny"),
    ("POST", "/step-up/{challenge}/provider", "page.provider"),
    ("GET", "/openid/callback", "page.callback"),
    ("GET", "/account", "page.account"),
    ("GET", "/account/continue", "page.account.continue"),
    ("POST", "/account/leave", "page.account.leave"),
    ("POST", "/account/remove", "page.account.remove"),
    ("POST", "/account/sessions", "page.account.sessions"),
    ("POST", "/account/devices", "page.account.devices"),
    ("POST", "/account/activity", "page.account.activity"),
    ("GET", "/account/totp", "page.account.totp"),
    ("POST", "/account/totp", "page.account.totp.begin"),
    ("POST", "/account/totp/confirm", "page.account.totp.confirm"),
    ("GET", "/account/passkey", "page.account.passkey"),
    ("POST", "/account/passkey", "page.account.passkey.begin"),
    ("POST", "/account/passkey/confirm", "page.account.passkey.confirm"),
    ("GET", "/account/address", "page.account.address"),
    ("POST", "/account/address", "page.account.address.begin"),
    ("POST", "/account/address/confirm", "page.account.address.confirm"),
    ("GET", "/account/recovery", "page.account.recovery"),
    ("POST", "/account/recovery", "page.account.recovery.begin"),
    ("POST", "/account/recovery/kept", "page.account.recovery.kept"),
)
_BY_NAME: Final = {name: (method, path) for method, path, name in _ROUTES}


class Site:
    """All calls on the loop's thread."""

    routes: Sequence[tuple[str, str, str]] = _ROUTES
    """Method, path (``{...}`` for one segment) and a name that is unique. POST takes a form of 64 KiB at most."""

    def __init__(
        self,
        pages: Pages,
        account: Account,
        *,
        public_url: str,
        apps: Sequence[str],
        issuer: str,
        provider: str,
        key: bytes,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:
        """
        Args:
            public_url: how browsers reach us, without a slash at the end.
            apps: origins of the applications that people are sent back to (``https://shop.example.com``).
            issuer: what people know the product, or the organisation, by.
            provider: the name of the OpenID provider, "" without one.
            key: 32 bytes that the forms are protected by; after a change, pages that are open have to be opened anew.
            clock: microseconds since 1970 UTC.

        Raises:
            ValueError: ``apps`` has something that is no origin, or the key is too short.
        """
        parts = urlsplit(public_url)
        self._apps = frozenset(map(check_origin, apps))
        self._guard = Guard(site=f"{parts.scheme}://{parts.netloc}", apps=self._apps, key=key)
        self._base = parts.path.rstrip("/")
        self._renderer = Renderer(base=self._base, issuer=issuer, provider=provider)
        self._clock = clock
        self._entropy = entropy
        self._account = account
        self._finishing = Finishing.new(base=self._base, clock=clock)
        trips: Shelf[bytes, Trip] = Shelf(minutes=TRIP_MINUTES, limit=MAX_KEPT, clock=clock)
        self._handlers = _handlers(pages, account, self._finishing, trips, self._apps)

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
        if name == "page.static":
            return _static(segments[0])
        method, _ = _BY_NAME[name]
        account = name.startswith("page.account")
        visit = self._visit(name, segments, headers, peer)
        try:
            visit = self._owned(self._read(visit, query, body), name)
            if method == "POST" and not self._is_ours(visit, headers):
                return self._reply(forged(visit), visit)
            outcome = await self._handlers[name](visit)
        except StepwardenError as error:
            outcome = fault(error, visit, self._finishing, account=account)
        return self._reply(outcome, visit)

    def _owned(self, visit: Visit, name: str) -> Visit:
        """Without a page session that is of another browser, over, or made up; who enters anew ends even that."""
        entering = name == "page.account" and visit.query.get("ticket", "")
        if not visit.session or entering or self._account.is_of(visit.session, visit.browser):
            return visit
        return replace(visit, session="")

    def _is_ours(self, visit: Visit, headers: Headers) -> bool:
        browser = visit.browser.key if visit.known else ""
        return self._guard.is_ours(headers, browser=browser, token=visit.form.get("csrf", ""))

    def _visit(self, name: str, segments: tuple[str, ...], headers: Headers, peer: str) -> Visit:
        """What the head of the request says; its query and body are not read yet."""
        cookies = read_cookies(headers.get(b"cookie"))
        known = secret_in(cookies, self._guard.browser_cookie)
        language = language_of(
            "", cookies.get(self._guard.language_cookie, ""), _text(headers, b"accept-language") or ""
        )
        method, path = _BY_NAME[name]
        for segment in segments:
            path = path.replace("{challenge}", quote(segment, safe=""))
        return Visit(
            segments=segments,
            query={},
            form={},
            browser=Browser(
                key=known or _base64url(self._entropy(SECRET_BYTES)),
                peer=peer,
                forwarded_for=_text(headers, b"x-forwarded-for"),
                user_agent=_text(headers, b"user-agent") or "",
                language=language,
            ),
            known=bool(known),
            session=secret_in(cookies, self._guard.session_cookie),
            language=language,
            way=Way(),
            here=self._base + path if method == "GET" and name != "page.callback" else "",
            json=b"application/json" in headers.get(b"accept", b""),
            now=self._clock(),
        )

    def _read(self, visit: Visit, query: bytes, body: bytes) -> Visit:
        """The same visit with its query and its form.

        Raises:
            InputError: one of them cannot be read.
        """
        fields = read_fields(query)
        language = language_of(fields.get("lang", ""), visit.language, "")
        way = Way.read(fields, self._apps)
        return replace(
            visit,
            query=fields,
            form=read_fields(body),
            language=language,
            browser=msgspec.structs.replace(visit.browser, language=language),
            way=way,
            here=_here(visit.here, way, fields),
        )

    def _reply(self, outcome: Outcome, visit: Visit) -> Reply:
        headers = self._guard.page_headers(popup=visit.way.popup)
        if not visit.known:
            headers.append(self._guard.cookie(self._guard.browser_cookie, visit.browser.key))
        if visit.query.get("lang"):
            headers.append(self._guard.cookie(self._guard.language_cookie, visit.language))
        match outcome:
            case Data(value):
                return 200, msgspec.json.encode(value), JSON, tuple(headers)
            case Redirect(location=location, session=session):
                headers.append((b"location", location.encode("ascii")))
                if session is not None:
                    headers.append(self._guard.cookie(self._guard.session_cookie, session))
                return 303, b"", HTML, tuple(headers)
            case Screen():
                if outcome.status == BUSY:
                    headers.append((b"retry-after", b"2"))
                csrf = self._guard.csrf(visit.browser.key)
                return outcome.status, self._renderer.page(outcome, visit, csrf=csrf), HTML, tuple(headers)
            case _:
                assert_never(outcome)


def _handlers(
    pages: Pages, account: Account, finishing: Finishing, trips: Shelf[bytes, Trip], apps: frozenset[str]
) -> dict[str, Handler]:
    """The handler of each route, by its name."""
    challenges = Challenges(pages, finishing, trips)
    enrolling = Enrolling(account, finishing)
    own = AccountPages(account, enrolling, finishing, apps=apps)
    return {
        "page.challenge": challenges.show,
        "page.answer": challenges.answer,
        "page.send": challenges.send,
        "page.wait": challenges.wait,
        "page.done": finishing.done,
        "page.deny": challenges.deny,
        "page.provider": challenges.to_provider,
        "page.callback": challenges.from_provider,
        "page.account": own.show,
        "page.account.continue": own.go_on,
        "page.account.leave": own.leave,
        "page.account.remove": own.remove,
        "page.account.sessions": own.sessions,
        "page.account.devices": own.devices,
        "page.account.activity": own.activity,
        "page.account.totp": enrolling.show_totp,
        "page.account.totp.begin": own.totp,
        "page.account.totp.confirm": enrolling.confirm_totp,
        "page.account.passkey": enrolling.show_passkey,
        "page.account.passkey.begin": own.passkey,
        "page.account.passkey.confirm": enrolling.confirm_passkey,
        "page.account.address": enrolling.show_address,
        "page.account.address.begin": own.address,
        "page.account.address.confirm": enrolling.confirm_address,
        "page.account.recovery": enrolling.show_codes,
        "page.account.recovery.begin": own.recovery,
        "page.account.recovery.kept": enrolling.codes_kept,
    }


def _static(name: str) -> Reply:
    found = static_files().get(name)
    if found is None:
        return 404, b"", b"text/plain; charset=utf-8", static_headers(public=False)[:2]
    return 200, found.content, found.media, static_headers(public=found.public)


def _here(path: str, way: Way, fields: Mapping[str, str]) -> str:
    """The address of this page, with the way back as it was checked, and nothing that a stranger put into the query."""
    about = kind_of(fields.get("factor", ""))
    more = f"{'&' if way.query else '?'}factor={about}" if about else ""
    return f"{path}{way.query}{more}" if path else ""


def _text(headers: Headers, name: bytes) -> str | None:
    value = headers.get(name)
    return value.decode("latin-1") if value is not None else None


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
