"""What the API answers, over HTTP on a real socket."""

import re
from typing import Any

import httpx
import pytest

from stepwarden.errors import (
    BusyError,
    ChallengeClosedError,
    ChallengeError,
    ChallengeNotReadyError,
    ConflictError,
    FactorLockedError,
    StorageFullError,
)
from stepwarden.flow.answers import EntryQuery
from tests.gateway.gateway_fake import CHECKPOINT, FakeService

LOGIN = {"action": "login", "actor": "alice", "session": "s-1", "ip": "192.0.2.7"}
RECEIPT = {"index": 12, "size": 13, "checkpoint": CHECKPOINT}


def test_a_decision_says_why_and_proves_that_it_is_recorded(
    client: httpx.Client, service: FakeService
) -> None:
    """Decision, risk, reasons, demand, policy and receipt, with every field of the demand spelled out."""
    reply = client.post("/v1/attempts", json=LOGIN, headers={"idempotency-key": "k-1"})
    assert reply.status_code == 200
    assert reply.json() == {
        "id": "12-abcdefgh",
        "decision": "allow",
        "risk": 0.31,
        "reasons": [
            {"rule": "new_device", "text": "A device not seen before", "weight": 1.2, "technique": "T1078"}
        ],
        "demand": {"aal": 1, "max_age": -1, "bound": False, "recovery": False, "deny": False},
        "policy": "ab" * 32,
        "receipt": RECEIPT,
    }
    (_, (attempt, by, key)) = service.calls[0]
    assert (attempt.actor, attempt.ip, by, key) == ("alice", "192.0.2.7", "all", "k-1")


def test_a_step_up_offers_a_challenge(client: httpx.Client, service: FakeService) -> None:
    """The challenge stands beside the decision, its end in RFC 3339."""
    service.decisions = ["step_up"]
    body = client.post("/v1/attempts", json=LOGIN).json()
    assert body["decision"] == "step_up"
    assert body["challenge"] == {
        "id": "c-abcdefgh",
        "factors": ["totp", "recovery"],
        "expires": "2026-01-01T00:00:00Z",
        "ready": True,
        "url": "https://warden.example/step-up/c-abcdefgh",
    }
    assert body["demand"] == {"aal": 2, "max_age": 300, "bound": True, "recovery": False, "deny": False}


def test_an_outcome_is_reported(client: httpx.Client, service: FakeService) -> None:
    """The first factor was right while the challenge is open: unknown, with what was proved."""
    reply = client.post(
        "/v1/attempts/12-abcdefgh/outcome", json={"outcome": "unknown", "proved": ["pwd"], "session": "s-2"}
    )
    assert reply.json() == {"id": "13-hgfedcba", "receipt": RECEIPT}
    assert service.calls == [("report", ("12-abcdefgh", "unknown", ("pwd",), "s-2", "all"))]


@pytest.mark.parametrize("path", ["12%2fx", "a b", "%00", "x" * 65, "", "12-é"])
def test_what_cannot_be_an_id_is_not_found(client: httpx.Client, service: FakeService, path: str) -> None:
    """No spelling of a path reaches the service as an id that it is not."""
    reply = client.post(f"/v1/attempts/{path}/outcome", json={"outcome": "success"})
    assert reply.status_code == 404
    assert reply.json()["code"] == "request.not_found"
    assert service.calls == []


def test_events_are_recorded_as_one_batch(client: httpx.Client, service: FakeService) -> None:
    """One a line, with time and source; blank lines and carriage returns are passed over."""
    lines = (
        b'{"action":"login","actor":"alice","outcome":"failure","time":"2026-01-01T00:00:00.5+01:00","source":"vpn"}\r\n'
        b'\n{"action":"logout"}'
    )
    reply = client.post("/v1/events", content=lines, headers={"content-type": "application/x-ndjson"})
    assert reply.json() == {"recorded": 2, "receipt": RECEIPT}
    first, second = service.calls[0][1][0]
    assert (first.time, first.source, first.attempt.outcome) == (1_767_222_000_500_000, "vpn", "failure")
    assert (second.time, second.source, second.attempt.action) == (None, "", "logout")


def test_one_bad_line_refuses_the_batch_and_is_named(client: httpx.Client, service: FakeService) -> None:
    """Nothing of the batch is recorded; the field says which line and where in it."""
    lines = b'{"action":"login"}\n{"action":"login","actor":7}\n'
    reply = client.post("/v1/events", content=lines, headers={"content-type": "application/x-ndjson"})
    assert reply.status_code == 422
    assert reply.json()["field"] == "line 2: $.actor"
    assert service.calls == []


@pytest.mark.parametrize(("count", "status"), [(0, 422), (10_000, 200), (10_001, 413)])
def test_a_batch_has_one_to_ten_thousand_events(client: httpx.Client, count: int, status: int) -> None:
    """The bound is exact."""
    content = b'{"action":"login"}\n' * count
    reply = client.post("/v1/events", content=content, headers={"content-type": "application/x-ndjson"})
    assert reply.status_code == status


def test_a_right_answer_gives_a_grant(client: httpx.Client, service: FakeService) -> None:
    """Grant, level, methods and end."""
    reply = client.post("/v1/challenges/c-1/answer", json={"factor": "totp", "answer": "123456"})
    assert reply.json() == {
        "grant": "g-1",
        "aal": 2,
        "amr": ["pwd", "otp"],
        "expires": "2026-01-01T00:00:00Z",
        "session": "s-new",
        "device": "",
        "receipt": RECEIPT,
    }
    assert service.calls == [("answer", ("c-1", "totp", "123456", "all"))]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ChallengeError("wrong"), 403, "challenge.refused"),
        (ChallengeNotReadyError("not yet"), 409, "challenge.not_ready"),
        (ChallengeClosedError("over"), 409, "challenge.closed"),
        (FactorLockedError("locked"), 429, "factor.locked"),
        (ConflictError("twice"), 409, "request.conflict"),
    ],
)
def test_refusals_of_the_service_have_their_status(
    client: httpx.Client, service: FakeService, error: Exception, status: int, code: str
) -> None:
    """One code, one status."""
    service.fails = error
    reply = client.post("/v1/challenges/c-1/answer", json={"factor": "totp", "answer": "123456"})
    assert (reply.status_code, reply.json()["code"], reply.json()["status"]) == (status, code, status)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["type"] == f"urn:stepwarden:problem:{code}"


def test_a_full_queue_is_503_with_retry_after(client: httpx.Client, service: FakeService) -> None:
    """Load is shed: never an unlogged allow."""
    service.fails = BusyError("full", retry_after=3)
    reply = client.post("/v1/attempts", json=LOGIN)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "3")
    assert service.exceptions == []


@pytest.mark.parametrize(
    ("error", "code"),
    [(StorageFullError("/var/secret is full"), "storage.full"), (RuntimeError("secret"), "internal.error")],
)
def test_what_goes_wrong_inside_leaves_as_a_code(
    client: httpx.Client, service: FakeService, error: Exception, code: str
) -> None:
    """No path, no message, no traceback; the entry says no more than the class."""
    service.fails = error
    reply = client.post("/v1/attempts", json=LOGIN)
    assert reply.status_code == 500
    assert reply.json() == {
        "type": f"urn:stepwarden:problem:{code}", "title": "Internal error", "status": 500, "code": code
    }  # fmt: skip
    assert "secret" not in repr(service.exceptions)
    assert service.exceptions[0][0] == code


def test_factors_are_enrolled(client: httpx.Client, service: FakeService) -> None:
    """Secret, URI and QR code; an actor may hold a slash or any other letter."""
    reply = client.post("/v1/actors/tenant%2Falic%C3%A9/factors/totp", json={"attempt": "9-abcdefgh"})
    body = reply.json()
    assert body["secret"] == "JBSWY3DPEHPK3PXP"
    assert body["uri"].startswith("otpauth://totp/")
    assert re.match(r"<svg [^>]*>.*</svg>$", body["svg"])
    codes = client.post("/v1/actors/bob/factors/recovery", json={})
    assert codes.json() == {"codes": ["aaaa-bbbb", "cccc-dddd"]}
    assert service.calls == [
        ("enrol_totp", ("tenant/alicé", "9-abcdefgh", "all")),
        ("make_recovery_codes", ("bob", "", "all")),
    ]


@pytest.mark.parametrize("actor", ["%0a", "%1b%5b31m", "%ff", "%zz", "a" * 257])
def test_an_actor_in_a_path_is_checked(client: httpx.Client, service: FakeService, actor: str) -> None:
    """Control characters, bad escapes and endless names do not reach the service."""
    reply = client.post(f"/v1/actors/{actor}/factors/totp", json={})
    assert reply.status_code in (400, 422)
    assert service.calls == []


def test_entries_are_read_by_filter_and_page(client: httpx.Client, service: FakeService) -> None:
    """Filters arrive as they were meant; leaves leave byte for byte; what is erased is null."""
    reply = client.get(
        "/v1/log/entries",
        params={
            "actor": "al:ice", "ip": "2001:db8::1", "action": "login", "outcome": "failure", "decision": "deny",
            "kind": "attempt.decided", "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00+02:00",
            "limit": "7", "cursor": "12", "order": "newest",
        },
    )  # fmt: skip
    query = EntryQuery(
        actor="al:ice",
        ip="2001:db8::1",
        action="login",
        outcome="failure",
        decision="deny",
        kind="attempt.decided",
        since=1_767_225_600_000_000,
        until=1_767_304_800_000_000,
        limit=7,
        cursor="12",
        newest_first=True,
    )
    assert service.calls == [("entries", (query, "all"))]
    assert '"entry":{"id":"abcdefgh","kind":"service.stopped","reason":"asked to","time":1}' in reply.text
    body = reply.json()
    assert [entry["personal"] for entry in body["entries"]] == [{"actor": "alice"}, None]
    assert body["next_cursor"] == "2"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1.0", "limit"),
        ("limit=1e2", "limit"),
        ("limit=%2B1", "limit"),
        ("limit=1_0", "limit"),
        ("limit=1&limit=2", "query"),
        ("since=2026-01-01", "since"),
        ("since=2026-01-01T00:00:00", "since"),
        ("since=1700000000", "since"),
        ("since=1700000000.5", "since"),
        ("outcome=maybe", "outcome"),
        ("decision=", "decision"),
        ("actor=%0d%0a", "actor"),
        ("actor=%ff", "query"),
        ("nonsense=1", "query"),
        ("actor", "query"),
        ("&&", "query"),
        ("actor=" + "a" * 9000, "query"),
    ],
)
def test_a_query_has_one_spelling(client: httpx.Client, service: FakeService, query: str, field: str) -> None:
    """Unknown, repeated, malformed and second spellings are refused, with the parameter's name."""
    reply = client.get(f"/v1/log/entries?{query}")
    assert (reply.status_code, reply.json()["field"]) == (422, field)
    assert service.calls == []


def test_checkpoint_and_proofs(client: httpx.Client) -> None:
    """The note as it is; hashes in base64."""
    note = client.get("/v1/log/checkpoint")
    assert note.text == CHECKPOINT
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    proof = client.get("/v1/log/proof/inclusion?index=3&size=13").json()
    assert proof == {"index": 3, "size": 13, "hashes": ["A" * 43 + "=", "A" * 42 + "E="]}
    proof = client.get("/v1/log/proof/consistency?old=3&new=13").json()
    assert proof == {"old": 3, "new": 13, "hashes": ["A" * 43 + "="]}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("inclusion?index=13&size=13", "index"),
        ("inclusion?index=0&size=14", "size"),
        ("inclusion?index=-1&size=13", "index"),
        ("inclusion?size=13", "index"),
        ("consistency?old=0&new=13", "old"),
        ("consistency?old=13&new=12", "old"),
        ("consistency?old=1&new=14", "new"),
        (f"consistency?old=1&new={2**64}", "new"),
    ],
)
def test_no_proof_beyond_the_end(client: httpx.Client, service: FakeService, path: str, field: str) -> None:
    """Sizes are those of a checkpoint that exists."""
    reply = client.get(f"/v1/log/proof/{path}")
    assert (reply.status_code, reply.json()["field"]) == (422, field)
    assert service.calls == []


def test_health_readiness_and_the_reason_for_those_who_may_read(
    client: httpx.Client, anonymous: httpx.Client, service: FakeService
) -> None:
    """Why not is told to a key with the scope read only."""
    assert anonymous.get("/healthz").json() == {"status": "ok"}
    assert anonymous.get("/readyz").json() == {"status": "ok"}
    service.is_ready = (False, "disk full")
    found: list[tuple[int, Any]] = [
        (reply.status_code, reply.json())
        for reply in (
            anonymous.get("/readyz"),
            anonymous.get("/readyz", headers={"authorization": "Bearer sw_decide_secret"}),
            client.get("/readyz"),
        )
    ]
    nothing = {"status": "unavailable"}
    assert found == [(503, nothing), (503, nothing), (503, {"status": "unavailable", "reason": "disk full"})]
