"""Challenges beyond a plain answer: what a passkey signs, codes that are sent, collecting from our page, saying no.

An application that shows a page of its own uses the first two; one that sends people to ours (``challenge.url``) gets
them back with ``challenge`` and ``code`` in the address and collects, in the session in which it asked.
"""

from typing import Annotated, Literal

import msgspec

from stepwarden.events.attempt import END, NO_CONTROL
from stepwarden.gateway import wire
from stepwarden.gateway.attempts import public_id
from stepwarden.gateway.exchange import Call, Reply
from stepwarden.gateway.strictjson import Reader

Language = Annotated[str, msgspec.Meta(max_length=35, pattern=rf"^[A-Za-z0-9-]*{END}")]


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that may answer; `id` in base64url."""

    type: Literal["public-key"]
    id: str


class PasskeyOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What `navigator.credentials.get` takes as `publicKey` (WebAuthn's `parseRequestOptionsFromJSON` reads it)."""

    challenge: str
    rp_id: str
    allow_credentials: list[Descriptor]
    user_verification: Literal["required"]
    timeout: int


class SendRequest(wire.Request, frozen=True, kw_only=True):
    """Where a code goes: `credential` names one of several addresses (empty: the first)."""

    factor: Literal["sms", "email"]
    credential: wire.Text = ""
    language: Language = "en"


class CollectRequest(wire.Request, frozen=True, kw_only=True):
    """`code`: what the browser brought back from our page."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=NO_CONTROL)]


_send = Reader(SendRequest)
_collect = Reader(CollectRequest)
_nothing = Reader(wire.Nothing)


async def passkeys(call: Call) -> Reply:
    """GET /v1/challenges/{id}/webauthn"""
    return Reply(call.service.proving.challenges.passkeys(public_id(call.segments[0])).encode())


async def send(call: Call) -> Reply:
    """POST /v1/challenges/{id}/send"""
    asked = _send.read(call.body)
    await call.service.proving.challenges.send(
        public_id(call.segments[0]),
        factor=asked.factor,
        credential=asked.credential,
        language=asked.language or "en",
        by=call.by,
    )
    return Reply(wire.DONE)


async def collect(call: Call) -> Reply:
    """POST /v1/challenges/{id}/collect"""
    asked = _collect.read(call.body)
    passed = await call.service.proving.challenges.collect(
        public_id(call.segments[0]), asked.code, by=call.by
    )
    return Reply(wire.grant_answer(passed))


async def deny(call: Call) -> Reply:
    """POST /v1/challenges/{id}/deny"""
    _nothing.read(call.body)
    await call.service.proving.challenges.deny(public_id(call.segments[0]), by=call.by)
    return Reply(wire.DONE)
