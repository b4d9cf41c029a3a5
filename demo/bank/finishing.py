"""Where people go on who are back from Stepwarden's page, and where they are told that nothing came of it.

An order is carried out by a GET, which is sound for one reason: it lies ready in this session only after the person
has proved that very order, and it is taken out before anything is done. Opening the address again does nothing.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from demo.bank import orders, signin
from demo.bank.context import Bank
from demo.bank.sessions import web_of
from demo.bank.stepping import GO_ON, OVER, take_told


def routes(bank: Bank) -> APIRouter:
    router = APIRouter()

    @router.get(GO_ON)
    async def go_on(request: Request) -> Response:
        session = web_of(request.scope).session
        ready, session.ready = session.ready, None
        if ready is None:
            return bank.page(request, "over", 409, told=take_told(request.scope))
        order, passed = ready
        if order.action == "login":
            return await signin.go_on(bank, request, order.actor, passed)
        return await orders.order(bank, request, order.action, order.parameters, passed)

    @router.get(OVER)
    async def over(request: Request) -> Response:
        return bank.page(request, "over", told=take_told(request.scope))

    return router
