"""For the demonstration only: who can sign in, and the one-time codes that their phones would show right now.

A real bank has no such page: the secrets would be on the phones alone. Answers only to this very machine.
"""

import time
from pathlib import Path

import msgspec
import pyotp
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from demo.bank.context import Bank
from demo.people import PEOPLE


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """What a demo user's phone holds; written by the demonstration when it enrols them."""

    secret: str
    recovery: tuple[str, ...] = ()


def read_phones(path: Path) -> dict[str, Phone]:
    """All enrolled phones by user; none before the demonstration has written them."""
    if not path.exists():
        return {}
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Phone])


def current_code(phone: Phone, later: int = 0) -> str:
    """The code of this half minute, or of one so many later: the next one is taken already."""
    return pyotp.TOTP(phone.secret).at(int(time.time()) + 30 * later)


def seconds_left() -> int:
    return 30 - int(time.time()) % 30


def routes(bank: Bank) -> APIRouter:
    router = APIRouter()

    @router.get("/demo/codes")
    def codes(request: Request) -> Response:
        behind_proxy = "x-forwarded-for" in request.headers
        if behind_proxy or request.client is None or request.client.host != "127.0.0.1":
            return PlainTextResponse("only for this machine", 403)
        phones = read_phones(bank.codes)
        rows = [
            {"person": p, "code": current_code(phones[p.user]), "next": current_code(phones[p.user], 1)}
            for p in sorted(PEOPLE, key=lambda p: p.played)
            if p.user in phones
        ]
        return bank.page(request, "demo_codes", rows=rows, seconds=seconds_left())

    return router
