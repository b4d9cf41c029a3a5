"""Default deny, limits, and what a caller hears when something is wrong with the request."""

import json
import re
import socket
import time

import httpx
import pytest

from stepwarden.errors import StorageFullError
from stepwarden.gateway.operation import Operation
from stepwarden.gateway.operations import OPERATIONS
from tests.gateway.gateway_fake import SCOPES, FakeService

LOGIN = {"action": "login"}
OPEN = {
    "/healthz",
    "/readyz",
    "/.well-known/authzen-configuration",
    "/.well-known/jwks.json",
    "/openapi.json",
    "/docs",
}
SIGNED = {"/v1/push/answer"}
"""Needs no key: what is sent there is signed."""


def ask(client: httpx.Client, operation: Operation, key: str | None) -> httpx.Response:
    """One good request for this operation."""
    path = operation.path
    for name, value in (operation.parameters or {}).items():
        path = path.replace("{" + name + "}", value)
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    if operation.method == "GET":
        return client.get(f"{path}?{operation.example}" if operation.example else path, headers=headers)
    return client.post(
        path, content=operation.example, headers={**headers, "content-type": operation.media[0]}
    )


def test_every_route_without_a_key_is_refused(anonymous: httpx.Client, service: FakeService) -> None:
    """Crawled from the published document: only the routes that tell nothing about anybody are open."""
    paths = anonymous.get("/openapi.json").json()["paths"]
    assert {
        path for path, methods in paths.items() for found in methods.values() if not found["security"]
    } | {"/readyz"} == OPEN | SIGNED
    for path, methods in paths.items():
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            reply = anonymous.request(method, re.sub(r"\{[a-z]+\}", "a", path))
            known = method.lower() in methods or (method == "HEAD" and "get" in methods)
            expected = 405 if not known else 200 if path in OPEN else 415 if path in SIGNED else 401
            assert (method, path, reply.status_code) == (method, path, expected)
            if expected == 401:
                assert reply.headers["www-authenticate"] == 'Bearer realm="stepwarden"'
    assert service.calls == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_route_needs_exactly_its_scope(
    anonymous: httpx.Client, service: FakeService, operation: Operation
) -> None:
    """A key with one scope opens what this scope is for and nothing else; the examples are good requests."""
    for scope in SCOPES:
        reply = ask(anonymous, operation, f"sw_{scope}_secret")
        if operation.path in SIGNED:
            assert reply.status_code == 401
            continue
        allowed = operation.scope in (None, scope) or (operation.scope, scope) == ("read", "audit")
        assert reply.status_code == (200 if allowed else 403), reply.text
        if not allowed:
            assert reply.json()["code"] == "auth.forbidden"
            assert service.exceptions.pop()[0] == "auth.forbidden"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer sw_nobody_secret",
        "Bearer  sw_all_secret",
        "Bearer sw_all_secret ,",
        "Basic c3c6c2VjcmV0",
        "sw_all_secret",
        "Bearer sw_all_secret, Bearer sw_all_secret",
        "Bearer " + "a" * 5000,
        "Bearer \x01",
    ],
)
def test_all_wrong_keys_get_the_same_answer(anonymous: httpx.Client, authorization: str) -> None:
    """Missing, malformed and unknown cannot be told apart."""
    reply = anonymous.post(
        "/v1/attempts", json=LOGIN, headers=[(b"authorization", authorization.encode("latin-1"))]
    )
    expected = anonymous.post("/v1/attempts", json=LOGIN)
    assert (reply.status_code, reply.content) in ((401, expected.content), (400, reply.content))
    # Control characters in a header are refused by the HTTP parser before any of our code runs.
    assert reply.status_code == 401 or "\x01" in authorization


def test_a_flood_without_keys_cannot_fill_the_log(anonymous: httpx.Client, service: FakeService) -> None:
    """Refusals without a key are counted one by one, and sampled into the log."""
    for _ in range(60):
        assert anonymous.post("/v1/attempts", json=LOGIN).status_code == 401
    assert len(service.exceptions) <= 1
    text = anonymous.get("/metrics", headers={"authorization": "Bearer sw_read_secret"}).text
    counted = next(
        line
        for line in text.splitlines()
        if line.startswith('stepwarden_problems_total{code="auth.missing"}')
    )
    assert int(counted.rsplit(" ", 1)[1]) >= 60


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('Application/JSON;charset="UTF-8"', 200),
        ("application/json; charset=utf-16", 415),
        ("application/json, text/plain", 415),
        ("text/plain", 415),
        ("application/x-ndjson", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_only_json_in_utf8_is_read(client: httpx.Client, content_type: str, status: int) -> None:
    """A form that a browser could be made to send is never an attempt."""
    reply = client.post("/v1/attempts", content=b'{"action":"login"}', headers={"content-type": content_type})
    assert reply.status_code == status


def test_compressed_bodies_are_not_read(client: httpx.Client) -> None:
    """A small body could unpack to any size."""
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    reply = client.post("/v1/attempts", content=b"\x1f\x8b", headers=headers)
    assert (reply.status_code, reply.json()["field"]) == (415, "Content-Encoding")


@pytest.mark.parametrize(("size", "status"), [(65_536, 200), (65_537, 413)])
def test_the_limit_of_a_body_is_exact(client: httpx.Client, size: int, status: int) -> None:
    """Announced or in pieces, the same limit holds."""
    body = b'{"action":"login"}'.ljust(size)
    headers = {"content-type": "application/json"}
    assert client.post("/v1/attempts", content=body, headers=headers).status_code == status
    pieces = (body[at : at + 1000] for at in range(0, size, 1000))
    assert client.post("/v1/attempts", content=pieces, headers=headers).status_code == status


def test_an_endless_body_is_cut_off(client: httpx.Client) -> None:
    """A body without an end is refused at the limit, not collected."""
    headers = {"content-type": "application/x-ndjson"}

    def endless() -> object:
        while True:
            yield b'{"action":"login"}\n' * 5000

    try:
        reply = client.post("/v1/events", content=endless(), headers=headers)  # type: ignore[arg-type]
    except httpx.WriteError:
        return
    assert reply.status_code == 413


def test_a_body_that_does_not_come_is_given_up(url: str, service: FakeService) -> None:
    """Whether its beginning came or nothing of it, the wait is bounded."""
    host, port = url.removeprefix("http://").split(":")
    for start in (b"", b'{"action"'):
        with socket.create_connection((host, int(port)), timeout=5) as sock:
            sock.sendall(
                b"POST /v1/attempts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sw_all_secret\r\n"
                b"Content-Type: application/json\r\nContent-Length: 18\r\n\r\n" + start
            )
            answer = sock.recv(65536)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"connection: close" in answer
    assert service.calls == []


def test_a_body_in_two_pieces_is_read(url: str, service: FakeService) -> None:
    """Waiting for the rest is not giving up."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        sock.sendall(
            b"POST /v1/attempts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sw_all_secret\r\n"
            b"Content-Type: application/json\r\nContent-Length: 18\r\n\r\n"
        )
        for piece in (b'{"action":', b'"login"}'):
            time.sleep(0.05)
            sock.sendall(piece)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_caller_who_hangs_up_is_not_recorded(url: str, client: httpx.Client, service: FakeService) -> None:
    """Half a body and gone: nothing is decided, and the server goes on."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        sock.sendall(
            b"POST /v1/attempts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sw_all_secret\r\n"
            b'Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{"action":'
        )
    assert client.get("/healthz").status_code == 200
    assert service.calls == []


def test_malformed_http_does_not_reach_the_service(url: str, service: FakeService) -> None:
    """Two lengths, or a length and chunks at once, are not one request (request smuggling)."""
    host, port = url.removeprefix("http://").split(":")
    lines = (
        b"Content-Length: 18\r\nContent-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 18\r\nTransfer-Encoding: chunked\r\n",
    )
    for extra in lines:
        with socket.create_connection((host, int(port)), timeout=5) as sock:
            sock.sendall(
                b"POST /v1/attempts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sw_all_secret\r\n"
                b"Content-Type: application/json\r\n" + extra + b'\r\n{"action":"login"}'
            )
            assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert service.calls == []


@pytest.mark.parametrize(
    "agent", ["a\r\nSet-Cookie: x=1", "\x1b[31mred\x1b[0m", "x" * 3000, "a\u2028b", "\x00"]
)
def test_log_injection_is_refused_and_leaves_no_trace_of_itself(
    client: httpx.Client, service: FakeService, agent: str
) -> None:
    """CRLF, ANSI and a huge agent: a 422 that names the field; the entry repeats nothing of it."""
    for ascii_only in (True, False):
        body = json.dumps({"action": "login", "user_agent": agent}, ensure_ascii=ascii_only)
        reply = client.post(
            "/v1/attempts", content=body.encode(), headers={"content-type": "application/json"}
        )
        assert reply.status_code == 422
        assert reply.json()["field"] == "$.user_agent"
        assert agent[:20] not in reply.text
    assert [entry[:2] for entry in service.exceptions] == [("input.invalid", "decide")] * 2
    assert all("".join(entry).isprintable() and agent[:20] not in repr(entry) for entry in service.exceptions)


def test_what_the_sender_invents_is_not_logged(client: httpx.Client, service: FakeService) -> None:
    """Names and values between quotes go back to the sender, escaped, and not into the log."""
    for body in ('{"al\\u001b[31mice":1}', '{"action":"login","outcome":"alice"}', '{"alice":1,"alice":2}'):
        reply = client.post("/v1/attempts", content=body, headers={"content-type": "application/json"})
        assert reply.status_code in (400, 422)
        assert "\\u001b" not in reply.text
        assert "\x1b" not in reply.json()["detail"]
    assert len(service.exceptions) == 3
    assert "ice" not in "".join(map(repr, service.exceptions)).replace("choice", "")


def test_a_refusal_that_cannot_be_recorded_is_not_answered_in_detail(
    client: httpx.Client, service: FakeService
) -> None:
    """Nothing is lost in silence: the caller hears that the log failed."""
    service.exception_fails = StorageFullError("full")
    reply = client.post("/v1/attempts", json={"action": 1})
    assert (reply.status_code, reply.json()["code"]) == (500, "storage.full")


def test_unknown_paths_and_second_spellings_are_404(client: httpx.Client, service: FakeService) -> None:
    """A path has one spelling: no escapes, no doubled or trailing slash, no dots."""
    for path in (
        "/nope",
        "/v1/%61ttempts",
        "/v1/attempts/",
        "//v1/attempts",
        "/V1/attempts",
        "/v1//attempts",
    ):
        reply = client.post(path, json=LOGIN)
        assert (reply.status_code, reply.json()["code"]) == (404, "request.not_found")
    assert service.calls == []


def test_another_method_is_405_with_allow_and_options_say_the_same(client: httpx.Client) -> None:
    """HEAD goes where GET goes."""
    reply = client.delete("/v1/log/entries")
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert reply.json()["code"] == "request.method"
    reply = client.options("/v1/attempts")
    assert (reply.status_code, reply.headers["allow"], reply.content) == (204, "OPTIONS, POST", b"")
    head = client.head("/v1/log/checkpoint")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(client.get("/v1/log/checkpoint").content)


def test_every_reply_carries_the_security_headers(client: httpx.Client, anonymous: httpx.Client) -> None:
    """Pages, answers and refusals alike; nothing names the server's software."""
    replies = [client.post("/v1/attempts", json=LOGIN), anonymous.get("/v1/log/entries"), client.get("/nope")]
    replies += [client.get(path) for path in sorted(OPEN)] + [client.options("/docs"), client.put("/docs")]
    for reply in replies:
        assert reply.headers["x-content-type-options"] == "nosniff"
        kept = "public, max-age=300" if reply.url.path.endswith("jwks.json") else "no-store"
        assert reply.headers.get_list("cache-control") == [kept]
        assert reply.headers.get_list("content-security-policy")[0].startswith("default-src 'none'")
        assert len(reply.headers.get_list("content-security-policy")) == 1
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert "server" not in reply.headers


@pytest.mark.parametrize(
    ("sent", "echoed"), [("abc-1", True), ("a" * 128, True), ("a" * 129, False), ("a b", False)]
)
def test_a_request_id_is_echoed_if_it_is_plain(client: httpx.Client, sent: str, echoed: bool) -> None:
    """On answers and refusals."""
    for path in ("/v1/attempts", "/nope"):
        reply = client.post(path, json=LOGIN, headers={"x-request-id": sent})
        assert reply.headers.get("x-request-id") == (sent if echoed else None)


@pytest.mark.parametrize("key", ["", "a b", "é", "a" * 256])
def test_an_idempotency_key_is_visible_ascii(client: httpx.Client, service: FakeService, key: str) -> None:
    """A key that could be two is refused, and so is an empty one."""
    reply = client.post("/v1/attempts", json=LOGIN, headers=[(b"idempotency-key", key.encode("latin-1"))])
    assert (reply.status_code, reply.json()["field"]) == (422, "Idempotency-Key")
    pair = [("idempotency-key", "a"), ("idempotency-key", "b")]
    assert client.post("/v1/attempts", json=LOGIN, headers=pair).status_code == 422
    assert service.calls == []
