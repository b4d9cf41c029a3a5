"""Stepping up: a browser goes to Stepwarden's page, and comes back with a code that this very session can use.

``BankKeeper`` is what the SDK's middleware needs to know of the bank's sessions. Pages that are only looked at need
nothing else: the middleware asks again by itself. Orders (a sign-in, a transfer) were posted, and cannot be posted
again by a redirect, so they wait beside the challenge, and ``/step-up/go-on`` carries them out, each once.

The way back is an address, and anybody can write addresses: what it says has happened is only told in words, and only
where it has the session's own state. What has really happened is what Stepwarden lets the bank collect.
"""

import hmac
from collections.abc import Iterable, Mapping
from typing import Final

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from demo.bank import feed, words
from demo.bank.context import Bank, by_script, go, lead
from demo.bank.sessions import Order, Refusal, web_of
from stepwarden.sdk import Passed, Pending, StepUp, StepUpPage
from stepwarden.sdk.asgi import App, Message, Receive, Scope, Send
from stepwarden.sdk.ourpage import read_query

CALLBACK: Final = "/step-up/done"
GO_ON: Final = "/step-up/go-on"
OVER: Final = "/step-up/over"
_TOLD: Final = {
    "cancelled": "You went back, so nothing was done.",
    "denied": "You said that it was not you, so nothing was done. Whoever tries again will have a harder time.",
    "closed": "It took too long, or there were too many wrong answers. Nothing was done.",
}
_UNKNOWN: Final = "There is nothing here that waits to be approved. Nothing was done."


class BankKeeper:
    """Satisfies the SDK's ``Keeper``: what a session waits for, and what was proved in it."""

    async def keep(self, scope: Scope, pending: Pending) -> None:
        session = web_of(scope).session
        session.wait(pending)
        feed.step(scope, session.actor, pending.action, "opened", why=words.what(pending.action, {}))

    async def take(self, scope: Scope, challenge: str) -> Pending | None:
        web = web_of(scope)
        waiting = web.session.waiting.pop(challenge, None)
        web.order = waiting.order if waiting else None
        return waiting.pending if waiting else None

    async def passed(self, scope: Scope, pending: Pending, passed: Passed) -> None:
        web = web_of(scope)
        order = web.order
        if passed.device:
            web.remember(passed.device)
        if order:
            web.session.ready = (order, passed)
        else:
            web.session.grants[pending.action, pending.resource] = passed
        feed.passed(scope, order.actor if order else web.session.actor, pending.action, passed.amr)

    async def grant(self, scope: Scope, action: str, resource: str) -> Passed | None:
        return web_of(scope).session.grants.pop((action, resource), None)

    async def moved(self, scope: Scope, passed: Passed) -> Iterable[tuple[bytes, bytes]]:
        web_of(scope).move(passed.session)
        return ()  # the session layer tells the browser of the new token


def step_up_page(origin: str) -> StepUpPage:
    """The SDK's page with the bank's addresses. ``origin``: where browsers know the bank."""
    return StepUpPage(origin=origin, keeper=BankKeeper(), callback=CALLBACK, after=GO_ON)


def send_away(bank: Bank, request: Request, decision: StepUp, order: Order) -> Response:
    """To Stepwarden's page; for the bank's own script, its address, to be opened in a window."""
    session = web_of(request.scope).session
    challenge, said = decision.challenge, words.what(order.action, order.parameters)
    if challenge is None:
        session.refusal = Refusal(words=said, decision=decision)
        return lead(request, "/refused")
    pending = Pending(
        challenge=challenge.id, state=session.state, action=order.action, resource="", address=GO_ON
    )
    session.wait(pending, order)
    feed.step(request.scope, order.actor, order.action, "opened", why=said)
    if by_script(request):
        return JSONResponse({"confirm": challenge.url})
    return go(challenge.page(return_to=bank.origin + CALLBACK, state=session.state))


class WayBack:
    """ASGI, around the middleware: somebody who comes back without a proof is told so on a page, not in JSON."""

    def __init__(self, app: App, page: StepUpPage) -> None:
        self._app = app
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._page.is_callback(scope):
            await self._app(scope, receive, send)
            return
        good = False

        async def only_redirects(message: Message) -> None:
            nonlocal good
            if message["type"] == "http.response.start":
                good = message["status"] == 303
            if good:
                await send(message)

        await self._app(scope, receive, only_redirects)
        if not good:
            _tell(scope)
            headers = [
                (b"location", OVER.encode()),
                (b"content-length", b"0"),
                (b"cache-control", b"no-store"),
            ]
            await send({"type": "http.response.start", "status": 303, "headers": headers})
            await send({"type": "http.response.body", "body": b""})


def _tell(scope: Scope) -> None:
    """Put into words why somebody is back, and forget the order that they do not want."""
    said: Mapping[str, str] = read_query(scope.get("query_string", b""))
    web, challenge, state = web_of(scope), said.get("challenge", ""), said.get("state", "")
    waiting = web.session.waiting.get(challenge)
    if waiting is None or not hmac.compare_digest(waiting.pending.state.encode(), state.encode()):
        web.session.told = _UNKNOWN
        return
    del web.session.waiting[challenge]
    error = said.get("error", "")
    web.session.told = _TOLD.get(error, _TOLD["closed"])
    if error == "cancelled":
        actor = waiting.order.actor if waiting.order else web.session.actor
        feed.step(scope, actor, waiting.pending.action, "cancelled")


def take_told(scope: Scope) -> str:
    """What ``/step-up/over`` says, once."""
    session = web_of(scope).session
    told, session.told = session.told or _UNKNOWN, ""
    return told
