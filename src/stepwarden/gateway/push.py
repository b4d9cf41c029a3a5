"""What a push provider reports: somebody has approved, or refused, and typed the number that our page shows.

The route is open, because the provider holds no key of ours: what it sends is signed with the secret that both know,
over the very bytes, and names its time. Everything that is not such a report is answered alike, whether the signature,
the time or the text is wrong, and writes nothing.

A report that comes again is refused before it is looked at, as long as its time is good; after that its time is not.
"""

from time import time
from typing import Annotated, Final, Literal

import msgspec

from stepwarden.connect.couriers.webhook import PushAnswer, read_push_answer
from stepwarden.errors import InputError, UnauthenticatedError
from stepwarden.gateway import wire
from stepwarden.gateway.exchange import Call, Headers, Reply

LIMIT: Final = 4_096
NAMES: Final = (b"webhook-id", b"webhook-timestamp", b"webhook-signature")
_REFUSED: Final = "the report is not signed as it must be"


class PushReport(wire.Request, frozen=True, kw_only=True):
    """What somebody answered. Signed by `webhook-id`, `webhook-timestamp`, `webhook-signature` (Standard Webhooks)."""

    challenge: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    answer: Literal["approve", "deny"]
    number: Annotated[str, msgspec.Meta(max_length=8)] = ""


async def answer(call: Call) -> Reply:
    """POST /v1/push/answer"""
    proving = call.service.proving
    found = _read(proving.push_secret, call.headers, call.body, time())
    report = call.headers[NAMES[0]].decode("latin-1")
    await proving.challenges.pushed(found.challenge, report=report, yes=found.approved, number=found.number)
    return Reply(wire.DONE)


def _read(secret: bytes, headers: Headers, body: bytes, now: float) -> PushAnswer:
    if not secret:
        raise UnauthenticatedError(_REFUSED)
    signed = {name.decode(): headers[name].decode("latin-1") for name in NAMES if name in headers}
    try:
        return read_push_answer(secret, signed, body, now)
    except (UnauthenticatedError, InputError):
        raise UnauthenticatedError(_REFUSED) from None
