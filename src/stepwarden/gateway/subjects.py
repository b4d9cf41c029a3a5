"""A person's rights, on behalf of an application that holds the scope ``administer``: what is held, and erasure.

The document of an export is made by ``flow.subjects`` and goes out byte for byte, so that its holder can check it
offline. One answer holds at most 2,000 entries; the command ``stepwarden subject export`` gives any number.
"""

from typing import Annotated

import msgspec

from stepwarden.events.attempt import NO_CONTROL
from stepwarden.events.disclosure import FactorHeld, SessionSeen, Shown
from stepwarden.flow.answers import ReceiptView
from stepwarden.gateway import wire
from stepwarden.gateway.exchange import Call, Reply
from stepwarden.gateway.factors import actor_of
from stepwarden.gateway.strictjson import Reader

Reason = Annotated[str, msgspec.Meta(max_length=200, pattern=NO_CONTROL)]


class EraseRequest(wire.Request, frozen=True, kw_only=True):
    """`reason` stays in the log: refer to the person's request, never to the person."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_CONTROL)]


class ErasedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The person is erased. `id` names the entry that says so, `openings` how many entries lost personal fields."""

    id: str
    openings: int
    factors: int
    receipt: ReceiptView


class ExportQuery(wire.Request, frozen=True, kw_only=True):
    """Why the export is made."""

    reason: Annotated[Reason, msgspec.Meta(description="Why; goes into the log")] = ""


class SubjectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is held about one person; `stepwarden subject check` verifies it offline."""

    format: str
    log: str
    made: str
    actor: str
    address: str
    token: str
    entries: list[Shown]
    factors: list[FactorHeld]
    sessions: list[SessionSeen]
    count: int


_erase = Reader(EraseRequest)


async def erase(call: Call) -> Reply:
    """POST /v1/actors/{actor}/erase"""
    asked = _erase.read(call.body)
    done = await call.service.erase(actor_of(call), reason=asked.reason, by=call.by)
    answer = ErasedAnswer(id=done.id, openings=done.openings, factors=done.factors, receipt=done.receipt)
    return Reply(wire.encode(answer))


async def export(call: Call) -> Reply:
    """GET /v1/actors/{actor}/export"""
    query: ExportQuery = call.query
    return Reply(await call.service.export(actor_of(call), reason=query.reason, by=call.by))
