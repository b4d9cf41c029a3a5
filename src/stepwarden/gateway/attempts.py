"""The routes that carry the load: decide, report, record, answer.

Each reads its body into a typed struct, asks the service, and encodes the answer. Nothing is decided here.
A batch of events is one NDJSON body, at most 8 MiB and 10,000 lines; it is read in slices, so that decisions
asked for meanwhile wait for at most one slice. All of its lines are good and recorded, or none is recorded.
"""

import asyncio
from time import perf_counter
from typing import Final

from stepwarden.errors import InputError, NotFoundError, TooLargeError
from stepwarden.events.attempt import Attempt
from stepwarden.flow.answers import PastEvent
from stepwarden.gateway import wire
from stepwarden.gateway.exchange import Call, Reply, idempotency_key
from stepwarden.gateway.strictjson import Reader

MAX_EVENTS: Final = 10_000
SLICE: Final = 200
MAX_CODE: Final = 64
_attempt = Reader(Attempt)
_outcome = Reader(wire.OutcomeReport)
_answer = Reader(wire.ChallengeAnswer)
_event = Reader(wire.Event)


async def decide(call: Call) -> Reply:
    """POST /v1/attempts"""
    started = perf_counter()
    attempt = _attempt.read(call.body)
    answer = await call.service.decide(attempt, by=call.by, idempotency_key=idempotency_key(call.headers))
    call.metrics.decided(answer.decision, perf_counter() - started)
    return Reply(wire.attempt_answer(answer, call.settings.public_url))


async def report(call: Call) -> Reply:
    """POST /v1/attempts/{id}/outcome"""
    said = _outcome.read(call.body)
    recorded = await call.service.report(
        public_id(call.segments[0]),
        outcome=said.outcome,
        proved=said.proved,
        session=said.session,
        by=call.by,
    )
    return Reply(wire.recorded_answer(recorded))


async def record(call: Call) -> Reply:
    """POST /v1/events"""
    events = await read_events(call.body)
    recorded = await call.service.record(events, by=call.by)
    call.metrics.recorded(recorded.count)
    return Reply(wire.encode(wire.BatchAnswer(recorded=recorded.count, receipt=recorded.receipt)))


async def answer(call: Call) -> Reply:
    """POST /v1/challenges/{id}/answer"""
    said = _answer.read(call.body)
    if said.factor != "webauthn" and len(said.answer) > MAX_CODE:
        raise InputError(f"a code has at most {MAX_CODE} characters", field="$.answer")
    passed = await call.service.answer(
        public_id(call.segments[0]), factor=said.factor, answer=said.answer, by=call.by
    )
    return Reply(wire.grant_answer(passed))


def public_id(text: str) -> str:
    """An id of ours from a path. What cannot be one names nothing, so it is not found.

    Raises:
        NotFoundError: over 64 characters, or others than letters, digits, ``-`` and ``_``.
    """
    if len(text) > 64 or not text.isascii() or not text.replace("-", "").replace("_", "").isalnum():
        raise NotFoundError("there is nothing of this id")
    return text


async def read_events(body: bytes) -> list[PastEvent]:
    """The lines of an NDJSON batch; blank lines are passed over, as is a carriage return at the end of a line.

    Raises:
        InputError: a line is not an event; ``field`` says which line and where in it.
        TooLargeError: more than ``MAX_EVENTS`` lines.
    """
    lines = body.split(b"\n")
    events: list[PastEvent] = []
    for number, line in enumerate(lines, start=1):
        if number % SLICE == 0:
            await asyncio.sleep(0)
        if not line or line.isspace():
            continue
        event = _event.read(line, at=f"line {number}: ")
        if len(events) == MAX_EVENTS:
            raise TooLargeError(f"a batch holds at most {MAX_EVENTS} events", field=f"line {number}")
        time = None if event.time is None else wire.microseconds(event.time)
        events.append(PastEvent(attempt=event, time=time, source=event.source))
    if not events:
        raise InputError("the batch holds no event", field="line 1")
    return events
