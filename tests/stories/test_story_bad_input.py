"""Bad input over real sockets: a problem document that names the field, an exception entry, and life goes on."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import pytest

from tests.stories.asking import entries, send
from tests.stories.running import Server

ATTEMPTS = "/v1/attempts"
EVENTS = "/v1/events"
ANSWER = "/v1/challenges/c-1/answer"
LOGIN = b'{"action":"login","actor":"alice"}'


@dataclass(frozen=True)
class Bad:
    """One bad request, and what is to be said about it."""

    name: str
    body: bytes
    status: int
    code: str
    at: str
    """``field`` of the problem document and of the entry."""
    path: str = ATTEMPTS
    headers: dict[str, str] = field(default_factory=dict)


def attempt(**more: object) -> bytes:
    return json.dumps({"action": "login", "actor": "alice", **more}).encode()


def raw(text: str) -> bytes:
    return b'{"action":"login",' + text.encode() + b"}"


INVALID = (422, "input.invalid")
MALFORMED = (400, "input.malformed")
BAD = [
    Bad("empty", b"", *MALFORMED, "$"),
    Bad("not-json", b"action=login", *MALFORMED, "$"),
    Bad("cut-off", LOGIN[:-1], *MALFORMED, "$"),
    Bad("two-values", LOGIN + LOGIN, *MALFORMED, "$"),
    Bad("nan", raw('"place":{"latitude":NaN}'), *MALFORMED, "$"),
    Bad("infinity", raw('"place":{"latitude":1e999}'), *INVALID, "$.place.latitude"),
    Bad("key-twice", raw('"actor":"alice","actor":"bob"'), *MALFORMED, "$"),
    Bad("key-twice-escaped", raw('"actor":"alice","\\u0061ctor":"bob"'), *MALFORMED, "$"),
    Bad("key-twice-deep", raw('"parameters":{"to":"a","to":"b"}'), *MALFORMED, "$"),
    Bad("invalid-utf-8", b'{"action":"login","actor":"\xff\xfe"}', *MALFORMED, "$"),
    Bad("lone-surrogate", raw('"actor":"\\ud800"'), *MALFORMED, "$"),
    Bad("byte-order-mark", b"\xef\xbb\xbf" + LOGIN, *MALFORMED, "$"),
    Bad("utf-16", LOGIN.decode().encode("utf-16"), *MALFORMED, "$"),
    Bad("deep", b"[" * 30_000 + b"]" * 30_000, *INVALID, "$"),
    Bad("deep-inside", raw('"parameters":' + '{"a":' * 9_000 + "1" + "}" * 9_000), *INVALID, "$.parameters[...]"),
    Bad("not-an-object", b'["login"]', *INVALID, "$"),
    Bad("no-action", b'{"actor":"alice"}', *INVALID, "$.action"),
    Bad("unknown-field", attempt(is_admin=True), *INVALID, "$"),
    Bad("unknown-field-inside", attempt(device={"rooted": False}), *INVALID, "$.device"),
    Bad("number-for-text", attempt(actor=7), *INVALID, "$.actor"),
    Bad("null-for-text", attempt(session=None), *INVALID, "$.session"),
    Bad("text-for-number", attempt(place={"latitude": "1"}), *INVALID, "$.place.latitude"),
    Bad("out-of-range", attempt(place={"latitude": 91}), *INVALID, "$.place.latitude"),
    Bad("nested-parameter", attempt(parameters={"to": {"iban": 1}}), *INVALID, "$.parameters[...]"),
    Bad("huge-number", raw('"parameters":{"amount":' + "9" * 5_000 + "}"), *INVALID, "$.parameters[...]"),
    Bad("too-many-parameters", attempt(parameters={str(n): n for n in range(33)}), *INVALID, "$.parameters"),
    Bad("over-long-actor", attempt(actor="a" * 257), *INVALID, "$.actor"),
    Bad("over-long-agent", attempt(user_agent="a" * 2_049), *INVALID, "$.user_agent"),
    Bad("newline", attempt(actor="alice\nbob"), *INVALID, "$.actor"),
    Bad("escape-sequence", attempt(resource="\x1b[31m"), *INVALID, "$.resource"),
    Bad("nul", attempt(session="a\x00b"), *INVALID, "$.session"),
    Bad("delete", b'{"action":"login","actor":"a\x7fb"}', *INVALID, "$.actor"),
    Bad("line-separator", attempt(actor="a\u2028b"), *INVALID, "$.actor"),
    Bad("raw-control", b'{"action":"login","actor":"a\x01b"}', *MALFORMED, "$"),
    Bad("bad-action", attempt(action="Log In"), *INVALID, "$.action"),
    Bad("bad-outcome", attempt(outcome="maybe"), *INVALID, "$.outcome"),
    Bad("bad-method", attempt(proved=["telepathy"]), *INVALID, "$.proved[0]"),
    Bad("huge", attempt(actor="a" * 70_000), 413, "input.too_large", "Content-Length"),
    Bad("wrong-type", LOGIN, 415, "input.media_type", "Content-Type", headers={"Content-Type": "text/plain"}),
    Bad("no-type", LOGIN, 415, "input.media_type", "Content-Type", headers={"Content-Type": ""}),
    Bad("latin-1", LOGIN, 415, "input.media_type", "Content-Type",
        headers={"Content-Type": "application/json; charset=latin-1"}),
    Bad("compressed", LOGIN, 415, "input.media_type", "Content-Encoding", headers={"Content-Encoding": "gzip"}),
    Bad("long-idempotency-key", LOGIN, *INVALID, "Idempotency-Key", headers={"Idempotency-Key": "k" * 256}),
    Bad("query", LOGIN, *INVALID, "query", path=ATTEMPTS + "?dry_run=1"),
    Bad("event-line-3", LOGIN + b"\n\n" + b'{"action":7}', *INVALID, "line 3: $.action", path=EVENTS,
        headers={"Content-Type": "application/x-ndjson"}),
    Bad("event-time-without-offset", b'{"action":"login","time":"2026-01-01T00:00:00"}', *INVALID,
        "line 1: $.time", path=EVENTS, headers={"Content-Type": "application/x-ndjson"}),
    Bad("no-event", b"\n\n", *INVALID, "line 1", path=EVENTS, headers={"Content-Type": "application/x-ndjson"}),
    Bad("unknown-factor", b'{"factor":"magic","answer":"1"}', *INVALID, "$.factor", path=ANSWER),
    Bad("path-not-utf-8", b'{"outcome":"success"}', *MALFORMED, "path", path=ATTEMPTS + "/%ff%fe/outcome"),
    Bad("no-such-attempt", b'{"outcome":"success"}', 404, "request.not_found", "", path=ATTEMPTS + "/x/outcome"),
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_input_is_refused_by_name_and_logged(http: httpx.Client, bad: Bad) -> None:
    """A problem document with status, code and field; one exception entry with the same; and it still answers."""
    before = len(entries(http, kind="exception"))
    headers = {"Content-Type": "application/json", **bad.headers}
    answer = http.post(bad.path, content=bad.body, headers=headers)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    found = (answer.status_code, problem["status"], problem["code"], problem.get("field", ""))
    assert found == (bad.status, bad.status, bad.code, bad.at), problem
    assert problem["title"]
    logged = entries(http, kind="exception")
    assert len(logged) == before + 1
    assert (logged[-1]["code"], logged[-1].get("field", "")) == (bad.code, bad.at)
    assert send(http, ATTEMPTS, {"action": "balance.read", "actor": "after"})["decision"] in (
        "allow",
        "step_up",
    )


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("limit=1.0", "limit"), ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=+5", "limit"),
        ("decision=null", "decision"), ("decision=maybe", "decision"), ("since=null", "since"),
        ("since=1700000000", "since"), ("until=2026-01-01T00:00:00", "until"), ("actor=a&actor=b", "query"),
        ("actr=a", "query"), ("actor=%ff", "query"), ("actor=a%0Ab", "actor"), ("cursor=01", "cursor"),
        ("cursor=-1", "cursor"), ("order=random", "order"),
    ],
)  # fmt: skip
def test_a_bad_query_is_refused_by_the_name_of_its_parameter(http: httpx.Client, query: str, at: str) -> None:
    """A filter that is not understood must not read more of the log than was asked for."""
    answer = http.get(f"/v1/log/entries?{query}")
    assert answer.status_code == 422, answer.text
    assert (answer.json()["code"], answer.json()["field"]) == ("input.invalid", at)


@pytest.fixture
def sock(house: Server) -> Iterator[socket.socket]:
    where = urlsplit(house.url)
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        yield connection


def head(key: str, *more: str) -> bytes:
    lines = [
        "POST /v1/attempts HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
    ]
    return "\r\n".join([*lines, *more, "", ""]).encode()


def answer_of(connection: socket.socket) -> tuple[bytes, bytes]:
    """Status line and body of one answer with a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65_536)
        assert part, received
        received += part
    top, _, body = received.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in top.lower().split(b"\r\n") if b"content-length" in line
    )
    while len(body) < length:
        body += connection.recv(65_536)
    return top.split(b"\r\n")[0], body


def test_a_body_in_chunks_is_read_like_any_other(sock: socket.socket, house_key: str) -> None:
    """Without a Content-Length, in pieces that cut words in two."""
    sock.sendall(head(house_key, "Transfer-Encoding: chunked"))
    for at in range(0, len(LOGIN), 5):
        piece = LOGIN[at : at + 5]
        sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
    sock.sendall(b"0\r\n\r\n")
    status, body = answer_of(sock)
    assert status == b"HTTP/1.1 200 OK"
    assert json.loads(body)["decision"] in ("allow", "step_up")


def test_endless_chunks_are_cut_off_at_the_limit(sock: socket.socket, house_key: str) -> None:
    """Nobody announces the length of such a body: it is counted as it comes."""
    sock.sendall(head(house_key, "Transfer-Encoding: chunked"))
    piece = b" " * 8_192
    for _ in range(9):
        sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
    status, body = answer_of(sock)
    assert status.startswith(b"HTTP/1.1 413 ")
    assert json.loads(body)["code"] == "input.too_large"


def test_two_lengths_are_no_way_to_smuggle_a_request(sock: socket.socket, house_key: str) -> None:
    """Content-Length beside Transfer-Encoding, where two parsers could disagree, is not a decision."""
    sock.sendall(head(house_key, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n")
    received = sock.recv(65_536)
    assert received == b"" or received.startswith(b"HTTP/1.1 400 ")


def test_a_caller_that_hangs_up_in_the_middle_disturbs_nobody(
    sock: socket.socket, house: Server, house_key: str, http: httpx.Client
) -> None:
    """Half a body and a reset: no entry, no trace in the error output, the next caller is served."""
    size = len(house.leaves())
    sock.sendall(head(house_key, "Content-Length: 1000") + b'{"action":')
    sock.close()
    send(http, ATTEMPTS, {"action": "balance.read", "actor": "next"})
    assert all(b"exception" not in leaf for leaf in house.leaves()[size:])
    assert "Traceback" not in house.said()


def test_nothing_that_was_sent_stands_in_the_entries_about_it(house: Server, http: httpx.Client) -> None:
    """Names of fields, values and control sequences of the sender do not get into the log."""
    secret = "hunter2-and-more"
    for body in ({secret: 1}, {"action": secret + "\x1b[2J"}, {"action": "login", "outcome": secret}):
        send(http, ATTEMPTS, body, status=422)
    assert all(secret.encode() not in leaf for leaf in house.leaves())
