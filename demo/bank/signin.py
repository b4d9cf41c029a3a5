"""Signing in and out.

The order matters: Stepwarden is asked before the password is checked, hears how that ended, and only then does the
session change. A wrong user, a wrong password and a right password are told apart by nobody who lacks the password.
"""

from typing import assert_never

from fastapi import APIRouter, Request
from fastapi.responses import Response

from demo.bank import feed
from demo.bank.context import Bank, ask, form_of, go, handle_of
from demo.bank.sessions import Order, WebSession, web_of
from demo.bank.stepping import send_away
from demo.bank.words import what
from stepwarden.sdk import Allowed, Denied, Passed, StepUp


def routes(bank: Bank) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    async def start(request: Request) -> Response:
        return go("/account" if web_of(request.scope).session.actor else "/sign-in")

    @router.get("/sign-in")
    async def show(request: Request) -> Response:
        return bank.page(request, "sign_in", wrong="")

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        form = await form_of(request)
        if form is None:
            return bank.page(request, "sign_in", 403, wrong="This form was too old. Please try again.")
        user, password = form.get("user", "").strip().casefold()[:64], form.get("password", "")
        if not user or not user.isprintable():
            return bank.page(request, "sign_in", 422, wrong="Please name a user.")
        return await _sign_in(bank, request, user, password)

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        if await form_of(request) is None:
            return go("/account")
        session = WebSession(notice="You have signed out.")
        web_of(request.scope).replace(session)
        return go("/sign-in")

    @router.get("/refused")
    async def refused(request: Request) -> Response:
        refusal = web_of(request.scope).session.refusal
        return bank.refuse(request, refusal.words, refusal.decision) if refusal else go("/")

    return router


async def _sign_in(bank: Bank, request: Request, user: str, password: str) -> Response:
    decision = await ask(request, "login", actor=user)
    if isinstance(decision, Denied):
        return bank.refuse(request, what("login", {}), decision)
    if not await bank.books.is_password(user, password):
        if decision.id:
            await handle_of(request).report(decision.id, "failure")
        feed.wrong_password(request.scope, user)
        return bank.page(request, "sign_in", 401, wrong="User or password is wrong.")
    match decision:
        case Allowed():
            await finish(request, decision.id, user)
            return go("/account")
        case StepUp():
            await handle_of(request).report(decision.id, "unknown", proved=("pwd",))
            return send_away(bank, request, decision, Order(action="login", actor=user))
        case _:
            assert_never(decision)


async def go_on(bank: Bank, request: Request, user: str, passed: Passed) -> Response:
    """The password was right, and so was what came on top of it: ask once more, with the grant."""
    decision = await ask(request, "login", actor=user, proved=("pwd",), grant=passed.grant)
    match decision:
        case Allowed():
            await finish(request, decision.id, user, passed.session)
            return go("/account")
        case StepUp() | Denied():
            return bank.refuse(request, what("login", {}), decision)
        case _:
            assert_never(decision)


async def finish(request: Request, attempt_id: str, user: str, session_id: str = "") -> None:
    """A new session, once Stepwarden has heard of it: if that report is lost, nobody is signed in."""
    session = WebSession(actor=user)
    session.id = session_id or session.id
    await handle_of(request).report(attempt_id, "success", proved=("pwd",), session=session.id)
    web_of(request.scope).replace(session)
