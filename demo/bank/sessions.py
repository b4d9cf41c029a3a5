"""Browser sessions and devices, as the bank keeps them.

The cookie holds a random token; the bank stores its hash, and tells Stepwarden the session's ``id`` instead, so that
no log holds what opens a session. Both are new after every sign-in and every step-up: under the id that came with the
proof, whoever had planted or copied the old ones has nothing. Two more cookies outlive sessions and open nothing: one
names the device, one is Stepwarden's word that somebody wanted it remembered.

What a session waits for (``waiting``) and what has been proved in it (``grants``, ``ready``) stay here on the server.
"""

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any

from stepwarden.sdk import Decision, Passed, Pending
from stepwarden.sdk.asgi import App, Message, Receive, Scope, Send

SESSION_COOKIE = "acme_session"
DEVICE_COOKIE = "acme_device"
REMEMBERED_COOKIE = "acme_remembered"
MOST_SESSIONS = 20_000
MOST_WAITING = 8
"""Step-ups that one session may wait for (tabs); the oldest is forgotten."""
REMEMBERED_SECONDS = 90 * 86_400
_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,256}")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants done, as it will be asked again once it is proved. ``login``: their password was right."""

    action: str
    actor: str
    parameters: dict[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A browser was sent to prove something. Without an order it asks for a page again: the middleware's business."""

    pending: Pending
    order: Order | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What was refused, in words, for the page that says so."""

    words: str
    decision: Decision


@dataclass(slots=True, kw_only=True)
class WebSession:
    """One browser's session. An empty ``actor`` is somebody who has not signed in."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    actor: str = ""
    waiting: dict[str, Waiting] = field(default_factory=dict)
    ready: tuple[Order, Passed] | None = None
    refusal: Refusal | None = None
    notice: str = ""
    told: str = ""
    grants: dict[tuple[str, str], Passed] = field(default_factory=dict)

    def is_csrf(self, token: object) -> bool:
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self.csrf.encode())

    def wait(self, pending: Pending, order: Order | None = None) -> None:
        """Of these challenges, and no others, this session takes a proof."""
        self.waiting[pending.challenge] = Waiting(pending=pending, order=order)
        if len(self.waiting) > MOST_WAITING:
            del self.waiting[next(iter(self.waiting))]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class SessionStore:
    """Sessions by the hash of their token; the least recently used go first when there are too many."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, WebSession] = OrderedDict()

    def find(self, token: str) -> WebSession | None:
        digest = _digest(token)
        session = self._sessions.get(digest)
        if session:
            self._sessions.move_to_end(digest)
        return session

    def put(self, session: WebSession) -> str:
        """Store under a new token and return it."""
        token = secrets.token_urlsafe(32)
        self._sessions[_digest(token)] = session
        if len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return token

    def drop(self, token: str) -> None:
        self._sessions.pop(_digest(token), None)


class Web:
    """One request's session and device; ``replace`` and ``rotate`` give the browser a new session token."""

    def __init__(self, store: SessionStore, cookies: dict[str, str]) -> None:
        self._store = store
        self._token = cookies.get(SESSION_COOKIE, "")
        found = store.find(self._token) if self._token else None
        self.session = found or WebSession()
        self.device = cookies.get(DEVICE_COOKIE, "")[:64]
        remembered = cookies.get(REMEMBERED_COOKIE, "")
        self.remembered = remembered if _TOKEN.fullmatch(remembered) else ""
        self.order: Order | None = None
        """What was waiting for the proof that this request brings."""
        self.cookies: list[str] = []
        if not self.device.isalnum():
            self.device = secrets.token_hex(16)
            self.cookies.append(_cookie(DEVICE_COOKIE, self.device, "; Max-Age=31536000"))
        if not found:
            self.rotate()

    def rotate(self) -> None:
        """A new token for the same session; the former one is dead."""
        self._store.drop(self._token)
        self._token = self._store.put(self.session)
        self.cookies.append(_cookie(SESSION_COOKIE, self._token))

    def replace(self, session: WebSession) -> None:
        """Another session in this browser; the former one is dead."""
        self.session = session
        self.rotate()

    def move(self, session_id: str) -> None:
        """The same session under the id that came with a proof, and under a new token."""
        self.session.id = session_id or self.session.id
        self.rotate()

    def remember(self, token: str) -> None:
        """Keep what says that this device is to be remembered."""
        if _TOKEN.fullmatch(token):
            self.remembered = token
            self.cookies.append(_cookie(REMEMBERED_COOKIE, token, f"; Max-Age={REMEMBERED_SECONDS}"))


def _cookie(name: str, value: str, more: str = "") -> str:
    # No "Secure": the demonstration is plain HTTP on the loopback interface.
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{more}"


def _read_cookies(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in scope["headers"]:
        if key == b"cookie":
            try:
                found.update(
                    {name: morsel.value for name, morsel in SimpleCookie(value.decode("latin-1")).items()}
                )
            except CookieError:
                continue  # what cannot be read is no session
    return found


class SessionLayer:
    """ASGI: finds the session before Stepwarden's middleware runs, sets cookies and headers on the way out.

    A signed-in page asked for without a session leads to the sign-in page. ``stepwarden`` is the one other origin that
    pages may load a script from (the window to prove oneself in), and that a form may lead to.
    """

    def __init__(
        self, app: App, *, store: SessionStore, signed_in_only: tuple[str, ...], stepwarden: str
    ) -> None:
        self._app = app
        self._store = store
        self._signed_in_only = signed_in_only
        # Chrome asks form-action for the redirect after a form, too: there, Stepwarden's page is where it leads.
        policy = (
            f"default-src 'self'; script-src 'self' {stepwarden}; form-action 'self' {stepwarden}; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        self._headers = (*_HEADERS, (b"content-security-policy", policy.encode("ascii")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        web = Web(self._store, _read_cookies(scope))
        scope.setdefault("state", {})["web"] = web

        async def send_with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: list[Any] = list(message.get("headers", ()))
                headers += [(b"set-cookie", cookie.encode("ascii")) for cookie in web.cookies]
                headers += self._headers
                message = {**message, "headers": headers}
            await send(message)

        if not web.session.actor and scope["path"].startswith(self._signed_in_only):
            headers = [(b"location", b"/sign-in"), (b"content-length", b"0")]
            await send_with_cookies({"type": "http.response.start", "status": 303, "headers": headers})
            await send_with_cookies({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, send_with_cookies)


def web_of(scope: Scope) -> Web:
    found = scope["state"]["web"]
    if not isinstance(found, Web):
        raise TypeError("SessionLayer must stand before this")
    return found
