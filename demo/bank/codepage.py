"""The page that asks for a one-time code, says what is being approved, and goes on when the code is right."""

from typing import assert_never

from fastapi import APIRouter, Request
from fastapi.responses import Response

from demo.bank import feed, orders, signin
from demo.bank.context import Bank, ask, form_of, go, handle_of
from demo.bank.sessions import Pending, web_of
from demo.bank.words import what
from stepwarden.sdk import (
    INPUT_ATTRIBUTES,
    Allowed,
    ClosedError,
    Denied,
    LockedError,
    NotReadyError,
    StepUp,
    WrongAnswerError,
    read_code,
)


def routes(bank: Bank) -> APIRouter:
    router = APIRouter()

    def page(request: Request, pending: Pending, status: int = 200, wrong: str = "") -> Response:
        return bank.page(
            request, "code", status, pending=pending, wrong=wrong, input_attributes=INPUT_ATTRIBUTES
        )

    @router.get("/code")
    async def show(request: Request) -> Response:
        pending = web_of(request.scope).session.pending
        return page(request, pending) if pending else go("/")

    @router.post("/code")
    async def take(request: Request) -> Response:
        web = web_of(request.scope)
        pending = web.session.pending
        form = await form_of(request)
        if pending is None:
            return bank.page(request, "over", 409)
        if form is None:
            return page(request, pending, 403, "This form was too old. Please type the code again.")
        if "cancel" in form:
            web.session.pending = None
            return bank.page(request, "over", 409)
        code = read_code(form.get("code", ""), pending.factors)
        if not code.answer:
            return page(request, pending, 422, "Please type the code.")
        try:
            passed = await handle_of(request).answer(
                pending.challenge, factor=code.factor, answer=code.answer
            )
        except WrongAnswerError:
            feed.answered(request.scope, pending.actor, pending.action, "wrong")
            return page(request, pending, 401, "That code is not right. Each code works once.")
        except LockedError:
            feed.answered(request.scope, pending.actor, pending.action, "locked")
            return page(request, pending, 429, "Too many wrong codes. Please wait a while.")
        except (ClosedError, NotReadyError):
            feed.answered(request.scope, pending.actor, pending.action, "closed")
            web.session.pending = None
            return bank.page(request, "over", 409)
        feed.answered(request.scope, pending.actor, pending.action, "passed")
        web.session.pending = None
        return await _go_on(bank, request, pending, passed.grant)

    return router


async def _go_on(bank: Bank, request: Request, pending: Pending, grant: str) -> Response:
    """The proof is bound to one action: ask for exactly that one again."""
    web = web_of(request.scope)
    web.rotate()
    if pending.go_to:
        web.session.grants[pending.action, pending.resource] = grant
        return go(pending.go_to)
    if pending.action != "login":
        return await orders.order(bank, request, pending.action, pending.parameters, grant=grant)
    decision = await ask(request, "login", actor=pending.actor, proved=("pwd",), grant=grant)
    match decision:
        case Allowed():
            await signin.finish(request, decision.id, pending.actor)
            return go("/account")
        case StepUp() | Denied():
            return bank.refuse(request, what(bank.books, "login", {}), decision)
        case _:
            assert_never(decision)
