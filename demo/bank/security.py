"""The way to the person's own security page at Stepwarden: passkeys, authenticator, recovery codes, sessions, devices.

The bank says only who is signed in and that they typed their password; the page asks for the strongest factor that they
have by itself. The address it gives is good once, for a minute.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from demo.bank.context import Bank, go
from demo.bank.sessions import web_of


def routes(bank: Bank) -> APIRouter:
    router = APIRouter()

    @router.get("/security")
    async def security(request: Request) -> Response:
        actor = web_of(request.scope).session.actor
        entrance = await bank.client.page(actor, proved=("pwd",), return_to=f"{bank.origin}/account")
        return go(entrance.url)

    return router
