"""Stepping up on Stepwarden's own page, and back: what the middleware does with ``StepUpPage``.

    browser                  application                               Stepwarden
    GET /files/plan      ->  attempt: step_up, challenge           ->
                         <-  303 challenge.url?return_to&state
    GET .../step-up/...                                            ->  the person proves it
                         <-                                            303 return_to?challenge&code&state
    GET /step-up/done    ->  this session's? collect(code)         ->
                         <-  303 /files/plan
    GET /files/plan      ->  attempt with the grant: allow         ->
                         <-  200, and the session goes on under the new id

Three things have to be of one session, or nothing is collected: the challenge, the state, and the browser that brings
the code. So a code that somebody obtained for a challenge of their own is worth nothing in another's session, and an
address that somebody was sent approves nothing.

The application keeps its sessions; ``Keeper`` is what it has to do for this.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from stepwarden.sdk.answers import Challenge, Passed

Scope: TypeAlias = MutableMapping[str, Any]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
STATE_BYTES: Final = 18
MAX_QUERY: Final = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A step-up that this session waits for. ``address``: where the person goes on, a path of the application."""

    challenge: str
    state: str = field(repr=False)
    action: str
    resource: str
    address: str


class Keeper(Protocol):
    """What the application keeps in the session of ``scope``, on its server; never in the browser.

    A session has one step-up pending at least, and may have several (two tabs). What is taken is gone: of two at once,
    one gets it.
    """

    async def keep(self, scope: Scope, pending: Pending) -> None:
        """A browser is sent away for this."""
        ...

    async def take(self, scope: Scope, challenge: str) -> Pending | None:
        """What this session waits for under this challenge."""
        ...

    async def passed(self, scope: Scope, pending: Pending, passed: Passed) -> None:
        """It was passed: keep what came of it for the retry, some minutes long."""
        ...

    async def grant(self, scope: Scope, action: str, resource: str) -> Passed | None:
        """What was passed for this action on this resource, if it was."""
        ...

    async def moved(self, scope: Scope, passed: Passed) -> Headers:
        """The session goes on under the id ``passed.session``; ``passed.device`` is the cookie of a remembered device.

        Give the old session's content the new id, end the old id, and return the headers that tell the browser
        (``set-cookie``). Called before the handler's reply begins, after the outcome was reported under the new id.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUpPage:
    """Send browsers to Stepwarden's own page.

    ``origin`` is the application's own (``https://shop.example.com``): never taken from the Host header. ``callback``
    is a path that the middleware answers itself. ``after`` is where somebody goes on whose request cannot be made
    again by a redirect (a form that was posted).
    """

    origin: str
    keeper: Keeper
    callback: str = "/step-up/done"
    after: str = "/"

    def __post_init__(self) -> None:
        parts = urlsplit(self.origin)
        if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != self.origin:
            raise ValueError(f"not an origin: {self.origin!r}")
        if not is_own_path(self.callback) or not is_own_path(self.after):
            raise ValueError("callback and after are paths of the application")

    async def send_away(self, scope: Scope, challenge: Challenge, action: str, resource: str) -> str:
        """Remember what this session waits for; the address to redirect to."""
        state = secrets.token_urlsafe(STATE_BYTES)
        address = self.after
        if scope["method"] in {"GET", "HEAD"}:
            query = scope.get("query_string", b"").decode("latin-1")
            raw = scope.get("raw_path") or scope["path"].encode()
            found = raw.decode("latin-1").partition("?")[0] + (f"?{query}" if query else "")
            address = found if is_own_path(found) else self.after
        pending = Pending(
            challenge=challenge.id, state=state, action=action, resource=resource, address=address
        )
        await self.keeper.keep(scope, pending)
        return challenge.page(return_to=self.origin + self.callback, state=state)

    def is_callback(self, scope: Scope) -> bool:
        """Whether this request is a browser that is back."""
        return bool(scope["type"] == "http" and scope["path"] == self.callback and scope["method"] == "GET")

    async def come_back(self, scope: Scope, collect: Callable[[str, str], Awaitable[Passed]]) -> str | None:
        """Collect what was passed; where the person goes on, None where this session waits for nothing of the kind.

        Raises:
            SdkError: it could not be collected.
        """
        said = read_query(scope.get("query_string", b""))
        challenge, code, state = (said.get(name, "") for name in ("challenge", "code", "state"))
        pending = await self.keeper.take(scope, challenge) if challenge and code and state else None
        if pending is None or not hmac.compare_digest(pending.state.encode(), state.encode()):
            return None
        passed = await collect(challenge, code)
        await self.keeper.passed(scope, pending, passed)
        return pending.address


def is_own_path(address: str) -> bool:
    r"""Whether this leads nowhere but to this application: visible ASCII, one slash first, no backslash.

    >>> is_own_path("/files/plan?x=1"), is_own_path("//evil.example"), is_own_path("/\\evil.example")
    (True, False, False)
    """
    return (
        address.isascii()
        and address.isprintable()
        and address.startswith("/")
        and not address.startswith("//")
        and "\\" not in address
        and " " not in address
    )


def read_query(raw: bytes) -> Mapping[str, str]:
    """The fields of a query; none at all where one stands twice, or it is too long."""
    if len(raw) > MAX_QUERY:
        return {}
    pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else {}
