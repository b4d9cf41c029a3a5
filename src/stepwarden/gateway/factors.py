"""A person's factors, on behalf of an application that holds the scope ``administer``.

Secrets leave once, in the reply, and no reply may be cached. Nobody's name or address is in a listing.
"""

import re
from typing import Annotated, Literal

import msgspec
import segno

from stepwarden.errors import InputError
from stepwarden.events.attempt import NO_CONTROL
from stepwarden.gateway import wire
from stepwarden.gateway.attempts import public_id
from stepwarden.gateway.exchange import Call, Reply
from stepwarden.gateway.strictjson import Reader


class FactorShape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One factor. `strong`: it gives AAL2 by itself or on top of a password. `left`: unused recovery codes."""

    factor: str
    credential: str
    since: str
    last_used: str = ""
    strong: bool = False
    hardware: bool = False
    synced: bool = False
    left: int = 0


class FactorsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person can prove themselves with."""

    factors: list[FactorShape]


class PasskeyDraft(msgspec.Struct, frozen=True, kw_only=True):
    """`options` is what `navigator.credentials.create` takes as `publicKey`; `draft` is good once, for 10 minutes."""

    draft: str
    options: msgspec.Raw


class PasskeyRequest(wire.FactorRequest, frozen=True, kw_only=True):
    """`answer`: the JSON text of the `PublicKeyCredential`. `name`: what its owner calls it."""

    draft: wire.Text
    answer: Annotated[str, msgspec.Meta(min_length=1, max_length=16_384, pattern=NO_CONTROL)]
    name: wire.Text = ""


class AddressRequest(wire.FactorRequest, frozen=True, kw_only=True):
    """An address that the application has verified: of mail, a telephone number, or a push provider's id."""

    factor: Literal["email", "sms", "push"]
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=254, pattern=NO_CONTROL)]


class ResetRequest(wire.Request, frozen=True, kw_only=True):
    """`reason` stays in the log: refer to the person's request, never to the person."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_CONTROL)]


class RemovedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How many factors are gone."""

    removed: int


_request = Reader(wire.FactorRequest)
_nothing = Reader(wire.Nothing)
_passkey = Reader(PasskeyRequest)
_address = Reader(AddressRequest)
_reset = Reader(ResetRequest)


def actor_of(call: Call) -> str:
    """The person whom the path names."""
    actor = call.segments[0]
    # Whoever can be named in an attempt can be named here: also with a hard space, or a joined emoji.
    if not 0 < len(actor) <= 256 or re.match(NO_CONTROL, actor) is None:
        raise InputError("an actor has 1 to 256 characters, none of them a control character", field="actor")
    return actor


async def enrol_totp(call: Call) -> Reply:
    """POST /v1/actors/{actor}/factors/totp"""
    asked = _request.read(call.body)
    enrolment = await call.service.enrol_totp(actor_of(call), attempt=asked.attempt, by=call.by)
    svg = segno.make(enrolment.uri, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff")
    return Reply(wire.encode(wire.TotpAnswer(uri=enrolment.uri, secret=enrolment.secret, svg=svg)))


async def make_recovery_codes(call: Call) -> Reply:
    """POST /v1/actors/{actor}/factors/recovery"""
    asked = _request.read(call.body)
    codes = await call.service.make_recovery_codes(actor_of(call), attempt=asked.attempt, by=call.by)
    return Reply(wire.encode(wire.RecoveryAnswer(codes=codes)))


async def listing(call: Call) -> Reply:
    """GET /v1/actors/{actor}/factors"""
    found = await call.service.proving.factors.listing(actor_of(call), by=call.by)
    shapes = [
        FactorShape(
            factor=one.factor,
            credential=one.credential,
            since=wire.iso(one.since),
            last_used=wire.iso(one.last_used) if one.last_used else "",
            strong=one.strong,
            hardware=one.hardware,
            synced=one.synced,
            left=one.left,
        )
        for one in found
    ]
    return Reply(wire.encode(FactorsAnswer(factors=shapes)))


async def begin_passkey(call: Call) -> Reply:
    """POST /v1/actors/{actor}/factors/webauthn/options"""
    _nothing.read(call.body)
    draft, options = call.service.proving.factors.begin_passkey(actor_of(call))
    return Reply(wire.encode(PasskeyDraft(draft=draft, options=msgspec.Raw(options.encode()))))


async def enrol_passkey(call: Call) -> Reply:
    """POST /v1/actors/{actor}/factors/webauthn"""
    asked = _passkey.read(call.body)
    await call.service.proving.factors.enrol_passkey(
        actor_of(call),
        draft=asked.draft,
        answer=asked.answer,
        name=asked.name,
        attempt=asked.attempt,
        by=call.by,
    )
    return Reply(wire.DONE)


async def enrol_address(call: Call) -> Reply:
    """POST /v1/actors/{actor}/factors/address"""
    asked = _address.read(call.body)
    await call.service.proving.factors.enrol_address(
        actor_of(call), factor=asked.factor, address=asked.address, attempt=asked.attempt, by=call.by
    )
    return Reply(wire.DONE)


async def remove(call: Call) -> Reply:
    """POST /v1/actors/{actor}/factors/{factor}/{credential}/remove"""
    asked = _request.read(call.body)
    await call.service.proving.factors.remove(
        actor_of(call),
        factor=public_id(call.segments[1]),
        credential=public_id(call.segments[2]),
        attempt=asked.attempt,
        by=call.by,
    )
    return Reply(wire.encode(RemovedAnswer(removed=1)))


async def reset(call: Call) -> Reply:
    """POST /v1/actors/{actor}/factors/reset"""
    asked = _reset.read(call.body)
    count = await call.service.proving.factors.reset(actor_of(call), reason=asked.reason, by=call.by)
    return Reply(wire.encode(RemovedAnswer(removed=count)))
