"""The bank as one ASGI application: sessions, then Stepwarden's middleware, then the pages.

``ROUTES`` is the whole table of what the bank does and which action that is; an address that is not in it is refused.
"""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

from demo.bank import codepage, democodes, feed, orders, signin
from demo.bank.accounts import Account, Books, hash_password
from demo.bank.context import HERE, Bank, await_code
from demo.bank.sessions import Refusal, SessionLayer, web_of
from demo.bank.words import what
from demo.people import PEOPLE
from stepwarden.sdk import (
    AsyncClient,
    Decision,
    Identity,
    Open,
    Protected,
    SelfAsking,
    StepUp,
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
    Open("GET", "/code"),
    SelfAsking("POST", "/code"),
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
SIGNED_IN_ONLY = ("/account", "/transfer", "/mail", "/customers")


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
    return Identity(actor=web.session.actor, session=web.session.id, device=web.device)


def take_grant(scope: Scope, action: str, resource: str) -> str:
    return web_of(scope).session.grants.pop((action, resource), "")


def build(client: AsyncClient, codes: Path, books: Books | None = None) -> App:
    """Everything, ready for a server that does not rewrite client addresses itself."""
    bank = Bank.open(books or open_books(), codes)
    app = FastAPI(title="Acme Bank", docs_url=None, redoc_url=None, openapi_url=None)
    for part in (signin, orders, codepage, democodes):
        app.include_router(part.routes(bank))
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")

    @app.exception_handler(UnavailableError)
    async def unavailable(request: Request, exc: Exception) -> Response:
        # Handled here, within the framework, which would answer 500 before the middleware hears of it.
        return bank.page(request, "unavailable", 503)

    async def on_step_up(scope: Scope, decision: Decision, route: Protected, resource: str) -> str:
        web = web_of(scope)
        if not isinstance(decision, StepUp):
            raise TypeError("asked for a code where none is needed")
        return await_code(
            bank,
            web,
            decision,
            route.action,
            actor=web.session.actor,
            resource=resource,
            go_to=route.path,
        )

    async def on_denied(scope: Scope, decision: Decision, route: Protected, resource: str) -> str:
        web_of(scope).session.refusal = Refusal(words=what(bank.books, route.action, {}), decision=decision)
        return "/refused"

    def observe(scope: Scope, action: str, decision: Decision, again: bool) -> None:
        feed.decided(scope, web_of(scope).session.actor, action, decision, again=again)

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    guarded = StepwardenMiddleware(
        pages,
        client=client,
        identify=identify,
        routes=ROUTES,
        protected=["/"],
        on_step_up=on_step_up,
        on_denied=on_denied,
        grants=take_grant,
        observe=observe,
    )
    return SessionLayer(guarded, store=bank.store, signed_in_only=SIGNED_IN_ONLY)
