"""Whether the service lives, whether it can decide, and its figures.

``/healthz`` answers as long as the event loop turns. ``/readyz`` says whether decisions can be made; why not is told
only to a key with the scope ``read`` or ``audit``, and so is an emergency. ``/metrics`` needs one of them too, unless
the operator opened it.
"""

from stepwarden.gateway import wire
from stepwarden.gateway.exchange import Call, Reply
from stepwarden.gateway.metrics import MEDIA_TYPE


async def healthz(call: Call) -> Reply:
    """GET /healthz"""
    return Reply(wire.encode(wire.HealthAnswer(status="ok")))


async def readyz(call: Call) -> Reply:
    """GET /readyz"""
    ready, reason = call.service.ready()
    told = call.key is not None and not {"read", "audit"}.isdisjoint(call.key.scopes)
    emergency = told and call.service.metrics_snapshot().emergency
    if ready:
        return Reply(wire.encode(wire.HealthAnswer(status="ok", emergency=emergency)))
    answer = wire.HealthAnswer(status="unavailable", reason=reason if told else "", emergency=emergency)
    return Reply(wire.encode(answer), status=503)


async def metrics(call: Call) -> Reply:
    """GET /metrics"""
    ready, _ = call.service.ready()
    text = call.metrics.text(call.service.metrics_snapshot(), ready=ready)
    return Reply(text.encode(), media=MEDIA_TYPE)
