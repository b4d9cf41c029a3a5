"""Enrolling a person's factors, on behalf of an application that holds the scope ``administer``.

Secrets leave once, in the reply, and no reply may be cached.
"""

import re

import segno

from stepwarden.errors import InputError
from stepwarden.events.attempt import NO_CONTROL
from stepwarden.gateway import wire
from stepwarden.gateway.exchange import Call, Reply
from stepwarden.gateway.strictjson import Reader

_request = Reader(wire.FactorRequest)


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
