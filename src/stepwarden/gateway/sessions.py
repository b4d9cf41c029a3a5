"""Where a person is signed in: ending sessions, forgetting devices, and the way to their own security page."""

from typing import Annotated

import msgspec

from stepwarden.events.attempt import NO_CONTROL, Method
from stepwarden.gateway import wire
from stepwarden.gateway.challenges import Language
from stepwarden.gateway.exchange import Call, Reply
from stepwarden.gateway.factors import actor_of
from stepwarden.gateway.strictjson import Reader


class RevokeRequest(wire.Request, frozen=True, kw_only=True):
    """`session`: the application's id of it (empty: all of them). `reason` stays in the log: name nobody in it."""

    session: wire.Text = ""
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_CONTROL)]


class ForgetRequest(wire.Request, frozen=True, kw_only=True):
    """`device`: the id of a remembered device, as the log has it (empty: all of them)."""

    device: wire.Text = ""


class PageRequest(wire.Request, frozen=True, kw_only=True):
    """`proved`: what the application saw them prove. `return_to`: an address of a registered application.

    `device`: the id of their device that their attempts have, so that it is no new one on the page.
    """

    proved: Annotated[tuple[Method, ...], msgspec.Meta(max_length=8)]
    return_to: Annotated[str, msgspec.Meta(max_length=2_048, pattern=NO_CONTROL)] = ""
    language: Language = ""
    device: wire.Text = ""


class PageAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Redirect the person's browser to `url` at once: it is good once, until `expires`, and a secret until then."""

    url: str
    expires: str


_revoke = Reader(RevokeRequest)
_forget = Reader(ForgetRequest)
_page = Reader(PageRequest)


async def revoke(call: Call) -> Reply:
    """POST /v1/actors/{actor}/sessions/revoke"""
    asked = _revoke.read(call.body)
    await call.service.proving.sessions.revoke(
        actor_of(call), session=asked.session, reason=asked.reason, by=call.by
    )
    return Reply(wire.DONE)


async def forget(call: Call) -> Reply:
    """POST /v1/actors/{actor}/devices/forget"""
    asked = _forget.read(call.body)
    await call.service.proving.sessions.forget_device(actor_of(call), device=asked.device, by=call.by)
    return Reply(wire.DONE)


async def page(call: Call) -> Reply:
    """POST /v1/actors/{actor}/pages"""
    asked = _page.read(call.body)
    found = call.service.proving.entrances.page(
        actor_of(call),
        proved=asked.proved,
        return_to=asked.return_to,
        language=asked.language,
        device=asked.device,
    )
    return Reply(wire.encode(PageAnswer(url=found.url, expires=wire.iso(found.expires))))
