"""The bank as one ASGI application: sessions, then Stepwarden's middleware, then the pages.

``ROUTES`` is the whole table of what the bank does and which action that is; an address that is not in it is refused.
"""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

from demo.bank import democodes, feed, finishing, orders, security, signin
from demo.bank.accounts import Account, Books, hash_password
from demo.bank.context import HERE, Bank
from demo.bank.sessions import Refusal, SessionLayer, web_of
from demo.bank.stepping import GO_ON, OVER, WayBack, step_up_page
from demo.bank.words import what
from demo.people import PEOPLE
from stepwarden.sdk import (
    AsyncClient,
    Decision,
    Identity,
    Open,
    Protected,
    SelfAsking,
    StepwardenMiddleware,
    UnavailableError,
)
from stepwarden.sdk.asgi import App, Scope

ROUTES = (
    Open("GET", "/"),
    Open("GET", "/sign-in"),
    SelfAsking("POST", "/sign-in"),
    Open("POST", "/sign-out"),
    Open("GET", "/refused"),
    SelfAsking("GET", GO_ON),
    Open("GET", OVER),
    Open("GET", "/security"),
    Protected("GET", "/account", action="balance.read"),
    Open("GET", "/transfer"),
    SelfAsking("POST", "/transfer"),
    Open("GET", "/mail"),
    SelfAsking("POST", "/mail"),
    Protected("GET", "/customers", action="customers.read", resource="customers"),
    Protected("GET", "/customers/export.csv", action="customers.export", resource="customers"),
    Open("GET", "/static/{file}"),
    Open("GET", "/demo/codes"),
)
SIGNED_IN_ONLY = ("/account", "/transfer", "/mail", "/customers", "/security")


def open_books() -> Books:
    return Books(
        Account(
            user=p.user,
            name=p.name,
            role=p.role,
            mail=p.mail,
            cents=p.cents,
            password_hash=hash_password(p.password),
        )
        for p in PEOPLE
    )


def identify(scope: Scope) -> Identity:
    web = web_of(scope)
    return Identity(
        actor=web.session.actor, session=web.session.id, device=web.device, device_token=web.remembered
    )


def build(
    client: AsyncClient, codes: Path, *, origin: str, stepwarden: str, books: Books | None = None
) -> App:
    """Everything, ready for a server that does not rewrite client addresses itself.

    Args:
        origin: where browsers know the bank; Stepwarden's ``pages.apps`` must have it.
        stepwarden: where browsers know Stepwarden (its ``server.public_url``).
    """
    bank = Bank.open(books or open_books(), client, origin=origin, stepwarden=stepwarden, codes=codes)
    app = FastAPI(title="Acme Bank", docs_url=None, redoc_url=None, openapi_url=None)
    for part in (signin, orders, finishing, security, democodes):
        app.include_router(part.routes(bank))
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")

    @app.exception_handler(UnavailableError)
    async def unavailable(request: Request, exc: Exception) -> Response:
        # Handled here, within the framework, which would answer 500 before the middleware hears of it.
        return bank.page(request, "unavailable", 503)

    async def refused(scope: Scope, decision: Decision, route: Protected, resource: str) -> str:
        """Denied, or there is nothing that this person could prove themselves with."""
        web_of(scope).session.refusal = Refusal(words=what(route.action, {}), decision=decision)
        return "/refused"

    def observe(scope: Scope, action: str, decision: Decision, again: bool) -> None:
        feed.decided(scope, web_of(scope).session.actor, action, decision, again=again)

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    step_up = step_up_page(origin)
    guarded = StepwardenMiddleware(
        pages,
        client=client,
        identify=identify,
        routes=ROUTES,
        protected=["/"],
        step_up=step_up,
        on_step_up=refused,
        on_denied=refused,
        observe=observe,
    )
    return SessionLayer(
        WayBack(guarded, step_up), store=bank.store, signed_in_only=SIGNED_IN_ONLY, stepwarden=stepwarden
    )
