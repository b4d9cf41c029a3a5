"""Grants for those who protect an action themselves: introspection (RFC 7662), redemption, and the public keys.

Whatever is not an active grant of ours - another's token, one changed by a byte, one that is over or used, plain junk -
has one and the same answer, byte for byte: nobody learns from it how close they came.
"""

from typing import Annotated
from urllib.parse import parse_qsl

import msgspec

from stepwarden.errors import InputError
from stepwarden.flow.grants import Introspected
from stepwarden.gateway import wire
from stepwarden.gateway.exchange import Call, Reply
from stepwarden.gateway.strictjson import Reader, invalid

FORM = "application/x-www-form-urlencoded"
KEPT = (b"cache-control", b"public, max-age=300")
"""Of the key set: a new key signs only after a restart, and whoever meets one they do not know asks again."""


class IntrospectRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 7662: a token, and a hint that makes no difference here. Other members are passed over, as it says."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=16_384)]
    token_type_hint: Annotated[str, msgspec.Meta(max_length=256)] = ""


class RedeemRequest(wire.Request, frozen=True, kw_only=True):
    """The grant to be used up."""

    grant: Annotated[str, msgspec.Meta(min_length=1, max_length=16_384)]


class KeySetAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 7517: the public keys, those that were replaced lately included."""

    keys: list[dict[str, str]]


_introspect = Reader(IntrospectRequest)
_redeem = Reader(RedeemRequest)


async def introspect(call: Call) -> Reply:
    """POST /v1/grants/introspect"""
    is_form = call.headers.get(b"content-type", b"").lower().startswith(FORM.encode())
    asked = _form(call.body) if is_form else _introspect.read(call.body)
    return Reply(wire.encode(call.service.proving.grants.introspect(asked.token)))


async def redeem(call: Call) -> Reply:
    """POST /v1/grants/redeem"""
    asked = _redeem.read(call.body)
    found: Introspected = await call.service.proving.grants.redeem(asked.grant, by=call.by)
    return Reply(wire.encode(found))


async def keys(call: Call) -> Reply:
    """GET /.well-known/jwks.json"""
    return Reply(wire.encode(call.service.proving.grants.jose.key_set()), headers=(KEPT,))


def _form(body: bytes) -> IntrospectRequest:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=32,
        )
    except ValueError as exc:
        raise InputError("not a form", field="$") from exc
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise InputError("a field stands twice", field="$")
    try:
        return msgspec.convert(fields, IntrospectRequest)
    except msgspec.ValidationError as exc:
        raise invalid(exc) from exc
