"""The life of policies over HTTP: who holds ``read`` sees it, who holds ``administer`` takes the steps.

What may follow what is decided in the flow; here is only how it is asked. Reading is an entry, as all reading.
"""

from typing import Annotated, Literal

import msgspec

from stepwarden.errors import InputError
from stepwarden.events.attempt import NO_CONTROL
from stepwarden.flow.policies import MAX_POLICY, StepAsked
from stepwarden.gateway import wire
from stepwarden.gateway.exchange import Call, Reply
from stepwarden.gateway.strictjson import Reader

DRAFT_LIMIT = 8 * MAX_POLICY
"""Bytes of a body that holds a policy, however it is escaped."""
Reason = Annotated[str, msgspec.Meta(max_length=200, pattern=NO_CONTROL)]
Digest = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")]


class DraftRequest(wire.Request, frozen=True, kw_only=True):
    """`text` is the whole policy file."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_POLICY)]
    reason: Reason = ""


class StepRequest(wire.Request, frozen=True, kw_only=True):
    """A step of a policy's life. `reason` is needed with every step that may change what is decided.

    `percent` of the actors (two decimals) goes with `canary`, and `alone`: only its own demand counts. `force` is why
    it is promoted without the steps before it. `digest` (SHA-256) and `summary` of a report go with `tested` and
    `back-tested`.
    """

    step: Literal["tested", "back-tested", "shadow", "canary", "withdrawn", "promote", "rollback", "retired"]
    reason: Reason = ""
    percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.0
    alone: bool = False
    force: Reason = ""
    digest: Digest = ""
    summary: Annotated[str, msgspec.Meta(max_length=300, pattern=NO_CONTROL)] = ""


class EmergencyRequest(wire.Request, frozen=True, kw_only=True):
    """`on`: raise every demand to the highest, or drop back."""

    on: bool
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_CONTROL)]


_draft = Reader(DraftRequest)
_step = Reader(StepRequest)
_emergency = Reader(EmergencyRequest)


async def listing(call: Call) -> Reply:
    """GET /v1/policies"""
    await call.service.read_recorded("policy.list", by=call.by)
    return Reply(wire.encode(call.service.policies.listing()))


async def show(call: Call) -> Reply:
    """GET /v1/policies/{policy}"""
    policies = call.service.policies
    found = policies.find(call.segments[0])
    await call.service.read_recorded("policy.read", by=call.by, target=found)
    return Reply(wire.encode(policies.show(found)))


async def draft(call: Call) -> Reply:
    """POST /v1/policies"""
    asked = _draft.read(call.body)
    done = await call.service.policies.step(
        StepAsked(step="draft", text=asked.text, reason=asked.reason), by=call.by
    )
    return Reply(wire.recorded_answer(done))


async def step(call: Call) -> Reply:
    """POST /v1/policies/{policy}/steps"""
    asked = _step.read(call.body)
    share = round(asked.percent * 100)
    if abs(share - asked.percent * 100) > 1e-6:
        raise InputError("a share has at most two decimals of a percent", field="$.percent")
    done = await call.service.policies.step(
        StepAsked(
            step=asked.step,
            policy=call.segments[0],
            share=share,
            alone=asked.alone,
            reason=asked.reason,
            force=asked.force,
            digest=asked.digest,
            summary=asked.summary,
        ),
        by=call.by,
    )
    return Reply(wire.recorded_answer(done))


async def emergency(call: Call) -> Reply:
    """POST /v1/emergency"""
    asked = _emergency.read(call.body)
    done = await call.service.policies.emergency(asked.on, reason=asked.reason, by=call.by)
    return Reply(wire.recorded_answer(done))
