"""ASGI middleware: every request under a protected prefix is a declared action, or it is refused.

    app = StepwardenMiddleware(
        app,
        client=AsyncClient(url, key=key),
        identify=who_is_it,                       # scope -> Identity, from the application's own session
        routes=[Open("GET", "/sign-in"), Protected("GET", "/", action="balance.read")],
        protected=["/"],
    )

For each request it works out the peer, ``X-Forwarded-For`` as it came (Stepwarden, not we, knows which
proxies to trust; run the server without a rewriting of its own, with uvicorn ``proxy_headers=False``), the
user agent and the identity, and puts a ``Handle`` into ``scope["state"]["stepwarden"]``. Then, by the table
in ``routes``:

- not under a protected prefix (compared without case), or ``Open``: passed on;
- no plain path: 400; not in the table: 403. Both without asking;
- ``Protected``: asks. Allowed: passed on, and the outcome is reported by the status (below 400 success, 401
  and 403 failure, others nothing). Step-up: a browser is sent to Stepwarden's own page (``step_up``, see
  ``ourpage``) or to the address that ``on_step_up`` gives, anything else gets 401 with the challenge (RFC 9470).
  Denied: a browser is sent to ``on_denied``'s address, anything else gets 403;
- ``SelfAsking``: passed on; its handler uses the ``Handle``.

What a route asks for (``acr_values``, ``max_age``) is asked for again with each retry, and what was allowed is compared
with it: an allowance for less, whoever made it of what was asked, is none.

An attempt that Stepwarden finds malformed (a hostile user agent) is answered 400; where a handler lets an
``UnavailableError`` through, 503, unless the framework inside has turned it into a 500 already. What this is not:
it does not sign anybody in, and keeps no session.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, TypeAlias, assert_never

import msgspec

from stepwarden.sdk.answers import (
    Allowed,
    Decision,
    Demand,
    Denied,
    Outcome,
    StepUp,
)
from stepwarden.sdk.client import AsyncClient
from stepwarden.sdk.errors import RequestRefusedError, SdkError, UnavailableError
from stepwarden.sdk.grants import level_of
from stepwarden.sdk.handle import Handle, Identity, Origin, Scope, headers_of
from stepwarden.sdk.ourpage import StepUpPage
from stepwarden.sdk.routes import Found, Open, Protected, Route, RouteTable, SelfAsking, is_plain

__all__ = ["Handle", "Identity", "Open", "Protected", "Route", "Scope", "SelfAsking", "StepwardenMiddleware"]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("stepwarden.sdk")


Identify: TypeAlias = Callable[[Scope], Identity | Awaitable[Identity]]
Page: TypeAlias = Callable[[Scope, Decision, Protected, str], Awaitable[str]]
"""Called with scope, decision, route and resource; remembers what it needs and gives the address to go to."""
Grants: TypeAlias = Callable[[Scope, str, str], str]
"""Called with scope, action and resource; takes the stored grant for them out, or gives an empty string."""
Observe: TypeAlias = Callable[[Scope, str, Decision, bool], None]
"""Called with scope, action, decision and whether a grant was presented: for metrics, never to change anything."""


class StepwardenMiddleware:
    """See the module. ``identify`` may be async; ``grants`` is where a passed code waits for the retry."""

    def __init__(
        self,
        app: App,
        *,
        client: AsyncClient,
        identify: Identify,
        routes: Sequence[Route],
        protected: Sequence[str],
        on_step_up: Page | None = None,
        on_denied: Page | None = None,
        grants: Grants | None = None,
        step_up: StepUpPage | None = None,
        observe: Observe | None = None,
    ) -> None:
        if any(not prefix.startswith("/") for prefix in protected):
            raise ValueError("a protected prefix starts with a slash")
        self._app = app
        self._client = client
        self._identify = identify
        self._table = RouteTable(routes)
        self._prefixes = [prefix.rstrip("/").casefold() for prefix in protected]
        self._pages = (on_step_up, on_denied)
        self._grants = grants
        self._step_up = step_up
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        started = _Started(send)
        try:
            await self._guard(scope, receive, started)
        except RequestRefusedError as exc:
            # 400, 413 and 422 are about what this client sent; anything else is our own key or set-up.
            if started.status or exc.status not in {400, 413, 422}:
                raise
            _log.warning("refused a malformed attempt: %s", exc)
            await refuse(scope, send, 400, "request.malformed", "This request cannot be understood.")
        except UnavailableError as exc:
            if started.status:
                raise
            _log.warning("stepwarden is unavailable: %s", exc)
            await refuse(scope, send, 503, "service.unavailable", "Nothing can be allowed right now.")

    def _is_protected(self, path: str) -> bool:
        low = path.casefold()
        return any(low == prefix or low.startswith(prefix + "/") for prefix in self._prefixes)

    async def _guard(self, scope: Scope, receive: Receive, send: "_Started") -> None:
        found_identity = self._identify(scope)
        identity = await found_identity if inspect.isawaitable(found_identity) else found_identity
        handle = Handle(self._client, Origin.of(scope), identity)
        scope.setdefault("state", {})["stepwarden"] = handle
        path = scope["path"]
        if not is_plain(path):
            # Refused whatever the prefix: this spelling might reach a protected handler.
            await refuse(scope, send, 400, "request.malformed", "This address is not in its plain spelling.")
            return
        if self._step_up is not None and self._step_up.is_callback(scope):
            await self._come_back(scope, send, handle, self._step_up)
            return
        if not self._is_protected(path):
            await self._app(scope, receive, send)
            return
        method = "WEBSOCKET" if scope["type"] == "websocket" else scope["method"]
        found = self._table.find(method, path)
        if found is None:
            await refuse(scope, send, 403, "request.undeclared", "No action is declared for this address.")
            return
        match found.route:
            case Open():
                await self._app(scope, receive, send)
            case SelfAsking():
                send.must_have_asked = handle
                await self._app(scope, receive, send)
            case Protected() as route:
                await self._ask(scope, receive, send, handle, route, found)
            case _:
                assert_never(found.route)

    async def _ask(
        self, scope: Scope, receive: Receive, send: "_Started", handle: Handle, route: Protected, found: Found
    ) -> None:
        grant = self._grants(scope, route.action, found.resource) if self._grants else ""
        passed = None
        if self._step_up is not None and not grant:
            passed = await self._step_up.keeper.grant(scope, route.action, found.resource)
            grant = passed.grant if passed is not None else ""
        decision = await handle.attempt(
            route.action,
            resource=found.resource,
            grant=grant,
            acr_values=route.acr_values,
            max_age=route.max_age,
            on_outage=route.on_outage,
        )
        decision = _rechecked(decision, route)
        handle.decision = decision
        if self._observe:
            self._observe(scope, route.action, decision, bool(grant))
        match decision:
            case Allowed():
                if passed is not None and passed.session and self._step_up is not None:
                    # Before the reply begins: it tells the browser, and whoever knew the old id has nothing.
                    await handle.report(decision.id, "success", session=passed.session)
                    send.headers = tuple(await self._step_up.keeper.moved(scope, passed))
                    await self._app(scope, receive, send)
                    return
                await self._app(scope, receive, send)
                await self._report(decision, send.status)
            case StepUp():
                page, ours = self._pages[0], self._step_up
                if ours is not None and decision.challenge is not None and _is_browser(scope):
                    address = await ours.send_away(scope, decision.challenge, route.action, found.resource)
                    await _see_other(send, address)
                elif page and _is_browser(scope):
                    await _see_other(send, await page(scope, decision, route, found.resource))
                else:
                    await _answer_step_up(scope, send, decision)
            case Denied():
                page = self._pages[1]
                if page and _is_browser(scope):
                    await _see_other(send, await page(scope, decision, route, found.resource))
                else:
                    texts = [reason.text for reason in decision.reasons]
                    await refuse(scope, send, 403, "access.denied", "Access is refused.", reasons=texts)
            case _:
                assert_never(decision)

    async def _come_back(self, scope: Scope, send: "_Started", handle: Handle, ours: StepUpPage) -> None:
        """A browser is back from Stepwarden's page."""
        try:
            address = await ours.come_back(scope, handle.collect)
        except RequestRefusedError as exc:
            _log.info("nothing could be collected: %s", exc.code)
            address = None
        if address is None:
            await refuse(scope, send, 403, "step_up.unknown", "This session waits for no such proof.")
        else:
            await _see_other(send, address)

    async def _report(self, decision: Allowed, status: int) -> None:
        """After the answer left: a lost report costs a signal, not the request."""
        outcome: Outcome
        if 0 < status < 400:
            outcome = "success"
        elif status in {401, 403}:
            outcome = "failure"
        else:
            return
        try:
            await self._client.report(decision.id, outcome)
        except SdkError as exc:
            _log.warning("an outcome could not be reported: %s", exc)


class _Started:
    """A ``send`` that remembers the status, and holds a ``SelfAsking`` handler to its promise."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        """To be added to the reply."""
        self.must_have_asked: Handle | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.accept"}:
            status = message.get("status", 101)
            handle = self.must_have_asked
            if status < 400 and handle is not None and not handle.asked:
                raise RuntimeError("a SelfAsking route answered without asking Stepwarden")
            self.status = status
            if self.headers:
                message = {**message, "headers": [*message.get("headers", ()), *self.headers]}
        await self._send(message)


def _is_browser(scope: Scope) -> bool:
    """A person's navigation: redirecting anything else would hide the refusal from a program."""
    wants_page = any("text/html" in value for value in headers_of(scope, b"accept"))
    return scope["type"] == "http" and wants_page and scope["method"] in {"GET", "HEAD", "POST"}


async def _see_other(send: Send, address: str) -> None:
    headers = [(b"location", address.encode("ascii")), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _rechecked(decision: Decision, route: Protected) -> Decision:
    """The same decision; of an allowance for less than the route asks, only that a step-up is needed."""
    if not isinstance(decision, Allowed):
        return decision
    found = decision.demand
    least = level_of(route.acr_values) if route.acr_values else 0
    age = -1 if route.max_age is None else route.max_age
    if found.aal >= least and (age < 0 or 0 <= found.max_age <= age):
        return decision
    _log.error("an allowance for less than %s asks for was not taken for one", route.path)
    return StepUp(id=decision.id, demand=Demand(aal=max(least, found.aal), max_age=age), challenge=None)


async def _answer_step_up(scope: Scope, send: Send, decision: StepUp) -> None:
    demand = decision.demand
    level = f"nist-aal{max(1, demand.aal)}"
    wanted = f'error="insufficient_user_authentication", acr_values="{level}"'
    if demand.max_age >= 0:
        wanted += f', max_age="{demand.max_age}"'
    offer = decision.challenge
    more = {
        "acr_values": level,
        "max_age": demand.max_age if demand.max_age >= 0 else None,
        "reasons": [reason.text for reason in decision.reasons],
        "challenge": offer
        and {
            "id": offer.id,
            "factors": list(offer.factors),
            "expires": offer.expires,
            "url": offer.url,
        },
    }
    await refuse(
        scope,
        send,
        401,
        "insufficient_user_authentication",
        "A further proof is needed for this.",
        headers=[(b"www-authenticate", f"Bearer {wanted}".encode("ascii"))],
        **more,
    )


async def refuse(
    scope: Scope,
    send: Send,
    status: int,
    code: str,
    detail: str,
    *,
    headers: Sequence[tuple[bytes, bytes]] = (),
    **more: object,
) -> None:
    """A problem document (RFC 9457); for a websocket, a close before it is accepted."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": code})
        return
    body = msgspec.json.encode(
        {"type": "about:blank", "status": status, "code": code, "detail": detail} | more
    )
    head = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *headers,
    ]
    if status == 503:
        head.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
