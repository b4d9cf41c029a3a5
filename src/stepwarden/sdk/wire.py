"""Our public API as bytes: requests written, responses read. No socket here, so both clients share it.

Unknown fields of a response are ignored, so that a newer Stepwarden can say more; a missing or mistyped one
makes the whole response nonsense, and nonsense counts as an outage: it is never read as an "allow".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import quote

import msgspec

from stepwarden.sdk.answers import (
    Allowed,
    Challenge,
    Decision,
    Demand,
    Denied,
    OnOutage,
    Outcome,
    Passed,
    Reason,
    Receipt,
    Recorded,
    RecoveryCodes,
    StepUp,
    TotpEnrolment,
)
from stepwarden.sdk.errors import BY_CODE, RequestRefusedError, UnavailableError

JSON = "application/json"
NDJSON = "application/x-ndjson"
BATCH_BYTES = 512 * 1024
BATCH_LINES = 5_000
"""A batch of events is cut at either, so that no request grows with the history."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt, as ``POST /v1/attempts`` takes it. ``grant`` does not appear in the ``repr``.

    ``ip`` is for applications that know the client's address; else ``peer`` and ``forwarded_for`` as they
    came. ``acr_values`` and ``max_age`` (seconds) ask for more than the policy does, never for less.
    """

    action: str
    actor: str = ""
    resource: str = ""
    session: str = ""
    ip: str = ""
    peer: str = ""
    forwarded_for: str | None = None
    user_agent: str = ""
    device: dict[str, str] = {}
    parameters: dict[str, str | int | bool] = {}
    proved: tuple[str, ...] = ()
    grant: str = ""
    acr_values: str = ""
    max_age: int | None = None

    def __repr__(self) -> str:
        return f"Attempt(action={self.action!r}, actor={self.actor!r}, session=..., grant=...)"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that already happened, for ``POST /v1/events``. ``time`` is ISO 8601 with a zone."""

    time: str
    source: str
    action: str
    actor: str = ""
    resource: str = ""
    session: str = ""
    ip: str = ""
    user_agent: str = ""
    device: dict[str, str] = {}
    outcome: Outcome = "unknown"
    proved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """``repeatable``: sending it twice does what sending it once does, so a dropped connection is tried
    again."""

    method: str
    path: str
    body: bytes = field(default=b"", repr=False)
    content_type: str = JSON
    idempotency_key: str = ""
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = field(repr=False)


class _Reason(msgspec.Struct, frozen=True):
    rule: str
    text: str
    weight: float = 0.0
    technique: str = ""


class _Demand(msgspec.Struct, frozen=True):
    aal: int = 0
    max_age: int | None = None
    bound: bool = False
    recovery: bool = False
    deny: bool = False


class _Receipt(msgspec.Struct, frozen=True):
    index: int
    size: int
    checkpoint: str = ""


class _Challenge(msgspec.Struct, frozen=True):
    id: str
    factors: tuple[str, ...]
    expires: str
    ready: bool = True
    url: str = ""


class _Answer(msgspec.Struct, frozen=True):
    id: str
    decision: Literal["allow", "step_up", "deny"]
    risk: float
    policy: str
    receipt: _Receipt
    reasons: tuple[_Reason, ...] = ()
    demand: _Demand = _Demand()
    challenge: _Challenge | None = None


class _Recorded(msgspec.Struct, frozen=True):
    id: str
    receipt: _Receipt


class _Batch(msgspec.Struct, frozen=True):
    recorded: int


class _Passed(msgspec.Struct, frozen=True):
    grant: str
    aal: int
    amr: tuple[str, ...]
    expires: str
    receipt: _Receipt
    session: str = ""
    device: str = ""


class _Totp(msgspec.Struct, frozen=True):
    uri: str
    secret: str
    svg: str = ""


class _Codes(msgspec.Struct, frozen=True):
    codes: tuple[str, ...]


class _Problem(msgspec.Struct, frozen=True):
    code: str = ""
    detail: str = ""
    title: str = ""
    field: str = ""


def attempt_request(attempt: Attempt, idempotency_key: str) -> Request:
    """Ask for a decision. With an idempotency key the same question has one answer, however often it is
    sent."""
    body = msgspec.json.encode(attempt)
    return Request(
        method="POST", path="/v1/attempts", body=body, idempotency_key=idempotency_key, repeatable=True
    )


def report_request(attempt_id: str, outcome: Outcome, proved: Iterable[str], session: str) -> Request:
    body = {"outcome": outcome, "proved": list(proved), "session": session}
    return Request(
        method="POST",
        path=f"/v1/attempts/{quote(attempt_id, safe='')}/outcome",
        body=msgspec.json.encode(body),
    )


def event_requests(events: Iterable[Event]) -> Iterator[Request]:
    """Batches of at most about ``BATCH_BYTES`` and ``BATCH_LINES``, in the order given."""
    lines: list[bytes] = []
    size = 0
    for event in events:
        line = msgspec.json.encode(event)
        if len(lines) == BATCH_LINES or (lines and size + len(line) > BATCH_BYTES):
            yield _batch(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield _batch(lines)


def _batch(lines: list[bytes]) -> Request:
    return Request(method="POST", path="/v1/events", body=b"\n".join(lines) + b"\n", content_type=NDJSON)


def answer_request(challenge_id: str, factor: str, answer: str) -> Request:
    return Request(
        method="POST",
        path=f"/v1/challenges/{quote(challenge_id, safe='')}/answer",
        body=msgspec.json.encode({"factor": factor, "answer": answer}),
    )


def factor_request(actor: str, factor: Literal["totp", "recovery"], attempt: str) -> Request:
    return Request(
        method="POST",
        path=f"/v1/actors/{quote(actor, safe='')}/factors/{factor}",
        body=msgspec.json.encode({"attempt": attempt}),
    )


_T = TypeVar("_T", bound=msgspec.Struct)


def read(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise UnavailableError(f"an answer that makes no sense: {exc}") from exc


def check(response: Response) -> bytes:
    """The body of a 2xx response.

    Raises:
        RequestRefusedError: for 4xx, as the class that its code stands for.
        UnavailableError: for 429 without a code of ours, 5xx and everything else.
    """
    status = response.status
    if status == 200 or status == 201:
        return response.body
    if 400 <= status < 500:
        try:
            problem = msgspec.json.decode(response.body, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            problem = _Problem()
        if status == 429 and problem.code not in BY_CODE:
            raise UnavailableError("overloaded (429)")
        raise BY_CODE.get(problem.code, RequestRefusedError)(
            status=status,
            code=problem.code or "unknown",
            detail=problem.detail or problem.title,
            field=problem.field,
        )
    raise UnavailableError(f"answered {status}")


def read_decision(response: Response) -> Decision:
    found = read(check(response), _Answer)
    reasons = tuple(
        Reason(rule=r.rule, text=r.text, weight=r.weight, technique=r.technique) for r in found.reasons
    )
    need = found.demand
    demand = Demand(
        aal=need.aal,
        max_age=-1 if need.max_age is None else need.max_age,
        bound=need.bound,
        recovery=need.recovery,
        deny=need.deny,
    )
    receipt = _receipt(found.receipt)
    if found.decision == "allow":
        return Allowed(
            id=found.id, risk=found.risk, reasons=reasons, demand=demand, policy=found.policy, receipt=receipt
        )
    if found.decision == "deny":
        return Denied(
            id=found.id, risk=found.risk, reasons=reasons, demand=demand, policy=found.policy, receipt=receipt
        )
    offer = found.challenge
    return StepUp(
        id=found.id,
        risk=found.risk,
        reasons=reasons,
        demand=demand,
        policy=found.policy,
        receipt=receipt,
        challenge=Challenge(
            id=offer.id, factors=offer.factors, expires=offer.expires, ready=offer.ready, url=offer.url
        )
        if offer
        else None,
    )


def outage_decision(on_outage: OnOutage) -> Decision:
    """What the call site chose for when Stepwarden is not heard; anything that is not ``step_up`` is a
    refusal."""
    reasons = (Reason(rule="outage", text="The decision service could not be reached."),)
    if on_outage == "step_up":
        return StepUp(risk=1.0, reasons=reasons, outage=True, challenge=None)
    return Denied(risk=1.0, reasons=reasons, outage=True)


def _receipt(found: _Receipt) -> Receipt:
    return Receipt(index=found.index, size=found.size, checkpoint=found.checkpoint)


def read_recorded(response: Response) -> Recorded:
    found = read(check(response), _Recorded)
    return Recorded(id=found.id, receipt=_receipt(found.receipt))


def read_batch(response: Response) -> int:
    found = read(check(response), _Batch)
    return found.recorded


def read_passed(response: Response) -> Passed:
    found = read(check(response), _Passed)
    return Passed(
        grant=found.grant,
        aal=found.aal,
        amr=found.amr,
        expires=found.expires,
        receipt=_receipt(found.receipt),
        session=found.session,
        device=found.device,
    )


def read_totp(response: Response) -> TotpEnrolment:
    found = read(check(response), _Totp)
    return TotpEnrolment(uri=found.uri, secret=found.secret, svg=found.svg)


def read_codes(response: Response) -> RecoveryCodes:
    found = read(check(response), _Codes)
    return RecoveryCodes(codes=found.codes)


def device(device_id: str, token: str = "") -> dict[str, str]:
    """``token`` is the cookie of a remembered device."""
    return ({"id": device_id} if device_id else {}) | ({"token": token} if token else {})


def parameters(given: Mapping[str, str | int | bool] | None) -> dict[str, str | int | bool]:
    return dict(given) if given else {}
