"""Every route of the API in one table.

Routing, the checks, ``/openapi.json``, the page ``/docs`` and the tests all read this table, so that a route cannot
exist without its scope, its limits and its documentation. ``scope`` None means that no key is asked for: each such
row is one that tells nothing about anybody.
"""

from typing import Any

from stepwarden.events.attempt import Attempt
from stepwarden.gateway import attempts, authzen, factors, health, reading, subjects, tiles, wire
from stepwarden.gateway.operation import Operation
from stepwarden.gateway.operations_policies import POLICIES
from stepwarden.gateway.operations_proving import CHALLENGES, FACTORS, GRANTS, PEOPLE

EVENTS_LIMIT = 8 * 1024 * 1024
NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")

_LOGIN = '{"action":"login","actor":"alice","session":"s-81","ip":"192.0.2.7","user_agent":"Mozilla/5.0"}'
_ASK = (
    '{"subject":{"type":"user","id":"alice"},"action":{"name":"transfer","properties":{"amount":100}},'
    '"resource":{"type":"account","id":"17"},"context":{"session":"s-81","ip":"192.0.2.7"}}'
)
_ASK_MANY = (
    '{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"context":{"session":"s-81"},'
    '"evaluations":[{"resource":{"type":"account","id":"17"}},{"resource":{"type":"account","id":"18"}}],'
    '"options":{"evaluations_semantic":"deny_on_first_deny"}}'
)
_EVENT = '{"action":"login","actor":"alice","outcome":"failure","time":"2026-01-01T00:00:00Z","source":"vpn"}'


HOT: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/v1/attempts",
        name="decide",
        group="Attempts",
        summary="Decide one attempt and record it",
        description="Answers allow, step_up or deny once the attempt and the answer are durable. With the same "
        "`Idempotency-Key` and body again: the same answer, and no second entry.",
        scope="decide",
        handler=attempts.decide,
        request=Attempt,
        answer=wire.AttemptAnswer,
        idempotent=True,
        problems=(409,),
        example=_LOGIN,
    ),
    Operation(
        method="POST",
        path="/v1/attempts/{id}/outcome",
        name="report",
        group="Attempts",
        summary="Report how an attempt ended",
        description="`success`, `failure`, or `unknown` with `proved`: the first factor was right, so the open "
        "challenge may be answered now. `session` is the session that a sign-in opened.",
        scope="report",
        handler=attempts.report,
        request=wire.OutcomeReport,
        answer=wire.RecordedAnswer,
        problems=(404, 409),
        example='{"outcome":"success","proved":["pwd"],"session":"s-82"}',
        parameters={"id": "12-abcdefgh"},
    ),
    Operation(
        method="POST",
        path="/v1/events",
        name="record",
        group="Attempts",
        summary="Record events that happened elsewhere",
        description="NDJSON, one event a line, at most 8 MiB and 10,000 events. Nothing is decided. All of "
        "them are recorded, or none.",
        scope="report",
        handler=attempts.record,
        request=wire.Event,
        media=NDJSON_TYPES,
        limit=EVENTS_LIMIT,
        answer=wire.BatchAnswer,
        example=_EVENT,
    ),
    Operation(
        method="POST",
        path="/v1/challenges/{id}/answer",
        name="answer",
        group="Challenges",
        summary="Answer a challenge",
        description="A right answer gives a grant, to be sent with the same attempt again: it is used up by it. "
        "What was wrong with a wrong answer is never said.",
        scope="decide",
        handler=attempts.answer,
        request=wire.ChallengeAnswer,
        answer=wire.GrantAnswer,
        problems=(404, 409, 429),
        example='{"factor":"totp","answer":"123456"}',
        parameters={"id": "c-abcdefgh"},
    ),
)
"""The routes that carry the load."""

OPERATIONS: tuple[Operation, ...] = (
    *HOT,
    *CHALLENGES,
    *GRANTS,
    Operation(
        method="POST",
        path="/v1/actors/{actor}/factors/totp",
        name="enrol_totp",
        group="Factors",
        summary="Give a person a new authenticator secret",
        description="Once a factor is enrolled, `attempt` must name an allowed attempt `factor.enroll` by this "
        "person, not used before. The secret is shown once.",
        scope="administer",
        handler=factors.enrol_totp,
        request=wire.FactorRequest,
        answer=wire.TotpAnswer,
        problems=(404, 409, 429),
        example='{"attempt":""}',
        parameters={"actor": "alice"},
    ),
    Operation(
        method="POST",
        path="/v1/actors/{actor}/factors/recovery",
        name="make_recovery_codes",
        group="Factors",
        summary="Make new recovery codes",
        description="The codes before them end. `attempt` as for a new authenticator. They are shown once.",
        scope="administer",
        handler=factors.make_recovery_codes,
        request=wire.FactorRequest,
        answer=wire.RecoveryAnswer,
        problems=(404, 409, 429),
        example='{"attempt":""}',
        parameters={"actor": "alice"},
    ),
    *FACTORS,
    *PEOPLE,
    Operation(
        method="GET",
        path="/v1/actors/{actor}/export",
        name="export_subject",
        group="People",
        summary="Everything that is held about a person",
        description="Each entry with its personal fields in clear and a proof, the factors, the sessions: a document "
        "that verifies offline. That it was made is an entry.",
        scope="administer",
        handler=subjects.export,
        query=subjects.ExportQuery,
        answer=subjects.SubjectAnswer,
        example="reason=request+4711",
        parameters={"actor": "alice"},
    ),
    Operation(
        method="POST",
        path="/v1/actors/{actor}/erase",
        name="erase_subject",
        group="People",
        summary="Erase a person",
        description="Destroys the person's key, and with it everything personal in the log; their factors go too. It "
        "cannot be undone. Whoever comes by that id afterwards is a stranger.",
        scope="administer",
        handler=subjects.erase,
        request=subjects.EraseRequest,
        answer=subjects.ErasedAnswer,
        example='{"reason":"request 4711, GDPR article 17"}',
        parameters={"actor": "alice"},
    ),
    *POLICIES,
    Operation(
        method="GET",
        path="/v1/log/entries",
        name="entries",
        group="Log",
        summary="Read entries of the log",
        description="In the order of the log, filtered, a page at a time. That they were read is an entry too. A key "
        "with the scope `audit` sees personal fields, and looks for a person or an address, only with a `reason`.",
        scope="read",
        handler=reading.entries,
        query=wire.EntriesQuery,
        answer=wire.EntriesAnswer,
        example="actor=alice&decision=deny&limit=50&reason=case+12",
    ),
    Operation(
        method="GET",
        path="/v1/log/checkpoint",
        name="checkpoint",
        group="Log",
        summary="The newest checkpoint",
        description="A signed note (C2SP): origin, size, root, signatures.",
        scope="read",
        handler=reading.checkpoint,
        answer="text/plain",
    ),
    Operation(
        method="GET",
        path="/v1/log/proof/inclusion",
        name="inclusion",
        group="Log",
        summary="Prove that an entry is in the log",
        description="The audit path of RFC 6962.",
        scope="read",
        handler=reading.inclusion,
        query=wire.InclusionQuery,
        answer=wire.InclusionAnswer,
        example="index=12&size=13",
    ),
    Operation(
        method="GET",
        path="/v1/log/proof/consistency",
        name="consistency",
        group="Log",
        summary="Prove that a later log holds an earlier one",
        description="The consistency proof of RFC 6962.",
        scope="read",
        handler=reading.consistency,
        query=wire.ConsistencyQuery,
        answer=wire.ConsistencyAnswer,
        example="old=12&new=13",
    ),
    Operation(
        method="GET",
        path="/v1/log/receipt",
        name="receipt",
        group="Log",
        summary="A receipt that proves offline that an entry is in the log",
        description="A text of c2sp.org/tlog-proof@v1 over the published checkpoint, which may be some seconds behind.",
        scope="read",
        handler=tiles.receipt,
        query=wire.ReceiptQuery,
        answer="text/plain",
        problems=(404,),
        example="index=12",
    ),
    Operation(
        method="GET",
        path="/log/checkpoint",
        name="log_checkpoint",
        group="Log",
        summary="The log as files: the published checkpoint",
        description="c2sp.org/tlog-tiles: signed by the log and cosigned. Needs no key where `log.readers` says so.",
        scope="read",
        handler=tiles.checkpoint,
        answer="text/plain",
    ),
    Operation(
        method="GET",
        path="/log/tile/entries/{path}",
        name="log_entries",
        group="Log",
        summary="The log as files: a bundle of entries",
        description="c2sp.org/tlog-tiles: 256 entries, or with `.p/W` the first W, each after its length in 16 bits.",
        scope="read",
        handler=tiles.entries,
        answer="application/octet-stream",
        problems=(404,),
        parameters={"path": "000.p/1"},
        rest=True,
    ),
    Operation(
        method="GET",
        path="/log/tile/{path}",
        name="log_tile",
        group="Log",
        summary="The log as files: a tile of the tree",
        description="c2sp.org/tlog-tiles: 256 hashes of a level, or with `.p/W` the first W.",
        scope="read",
        handler=tiles.tile,
        answer="application/octet-stream",
        problems=(404,),
        parameters={"path": "0/000.p/1"},
        rest=True,
    ),
    Operation(
        method="POST",
        path="/access/v1/evaluation",
        name="evaluation",
        group="AuthZEN",
        summary="AuthZEN: one question",
        description="A step-up is `decision: false` with `acr_values`, `max_age` and `challenge` in `context`.",
        scope="decide",
        handler=authzen.evaluation,
        request=authzen.Evaluation,
        answer=authzen.Decision,
        example=_ASK,
    ),
    Operation(
        method="POST",
        path="/access/v1/evaluations",
        name="evaluations",
        group="AuthZEN",
        summary="AuthZEN: several questions",
        description="At most 100, with defaults; `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`. "
        "Without a list it answers as one evaluation does.",
        scope="decide",
        handler=authzen.evaluations,
        request=authzen.Evaluations,
        answer=authzen.Decisions,
        other_answer=authzen.Decision,
        example=_ASK_MANY,
    ),
    Operation(
        method="GET",
        path="/.well-known/authzen-configuration",
        name="authzen_metadata",
        group="AuthZEN",
        summary="AuthZEN: where the endpoints are",
        description="Made from the setting of the public URL, never from the Host header.",
        scope=None,
        handler=authzen.metadata,
        answer=authzen.Metadata,
    ),
    Operation(
        method="GET",
        path="/healthz",
        name="healthz",
        group="Service",
        summary="Is the process alive",
        description="Answers as long as the event loop turns.",
        scope=None,
        handler=health.healthz,
        answer=wire.HealthAnswer,
    ),
    Operation(
        method="GET",
        path="/readyz",
        name="readyz",
        group="Service",
        summary="Can decisions be made",
        description="200 or 503. The reason is told only to a key with the scope `read`.",
        scope=None,
        optional_key=True,
        handler=health.readyz,
        answer=wire.HealthAnswer,
    ),
    Operation(
        method="GET",
        path="/metrics",
        name="metrics",
        group="Service",
        summary="Figures for Prometheus",
        description="Text format 0.0.4. Needs a key with the scope `read`, unless the operator opened it.",
        scope="read",
        handler=health.metrics,
        answer="text/plain",
    ),
)


def table(extra: tuple[Operation, ...] = ()) -> dict[tuple[str, str], Operation]:
    """All operations by path and method; two for the same are a mistake of ours."""
    found: dict[tuple[str, str], Operation] = {}
    for operation in (*OPERATIONS, *extra):
        key = (operation.path, operation.method)
        if key in found:
            raise ValueError(f"two operations for {operation.method} {operation.path}")
        found[key] = operation
    return found


def answer_types() -> list[Any]:
    """The structs that schemas are made of."""
    types: list[Any] = []
    for operation in OPERATIONS:
        types += [operation.request] if operation.request is not None else []
        types += [operation.answer] if not isinstance(operation.answer, str) else []
        types += [operation.other_answer] if operation.other_answer is not None else []
    return types
