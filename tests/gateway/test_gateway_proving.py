"""Challenges, grants, factors, sessions and reports of pushes over HTTP: what reaches the service, what never does."""

import json
from time import time
from typing import Any

import httpx
import pytest

from stepwarden.connect.couriers.signing import sign
from stepwarden.errors import BusyError, CourierError
from tests.gateway.gateway_fake import RECEIPT, FakeService
from tests.gateway.gateway_proving import GET, GRANT, JWKS, PUSH_SECRET

FORM = {"content-type": "application/x-www-form-urlencoded"}
REPORT = {"challenge": "c-1", "answer": "approve", "number": "42"}
LATER = {"content-type": "application/json"}


def report(
    client: httpx.Client,
    body: bytes,
    *,
    secret: bytes = PUSH_SECRET,
    name: str = "msg_1",
    seconds: int | None = None,
    sent: bytes | None = None,
) -> httpx.Response:
    """Report what was answered to a push; ``sent`` is another body than the signed one."""
    headers = sign(secret, id=name, seconds=int(time()) if seconds is None else seconds, body=body)
    return client.post(
        "/v1/push/answer", content=body if sent is None else sent, headers={**headers, **LATER}
    )


def test_a_passkey_answers_with_its_whole_credential(client: httpx.Client, service: FakeService) -> None:
    """Up to 16 kB for a passkey; a code that long is none, and never looked at."""
    text = json.dumps({"id": "x" * 10_000})
    reply = client.post("/v1/challenges/c-1/answer", json={"factor": "webauthn", "answer": text})
    assert reply.status_code == 200
    assert service.calls == [("answer", ("c-1", "webauthn", text, "all"))]
    for factor in ("totp", "sms", "email", "recovery"):
        reply = client.post("/v1/challenges/c-1/answer", json={"factor": factor, "answer": "1" * 65})
        assert (reply.status_code, reply.json()["field"]) == (422, "$.answer")
    too_long = client.post("/v1/challenges/c-1/answer", json={"factor": "webauthn", "answer": "x" * 16_385})
    assert too_long.status_code == 422
    assert len(service.calls) == 1


@pytest.mark.parametrize("factor", ["push", "provider", "pwd", ""])
def test_attack_a_way_that_is_not_the_applications_to_answer(
    client: httpx.Client, service: FakeService, factor: str
) -> None:
    """What only a provider may say is not answered by a key."""
    reply = client.post("/v1/challenges/c-1/answer", json={"factor": factor, "answer": "42"})
    assert reply.status_code == 422
    assert service.calls == []


def test_what_a_passkey_signs_is_given_as_it_is(client: httpx.Client, service: FakeService) -> None:
    """The service's own JSON, byte for byte."""
    assert client.get("/v1/challenges/c-1/webauthn").text == GET
    assert service.calls == [("passkeys", "c-1")]


def test_a_code_is_sent_in_the_persons_language(client: httpx.Client, service: FakeService) -> None:
    """By mail or text message; too many or not delivered have their own status, and no second entry."""
    asked = {"factor": "sms", "credential": "9c0e", "language": "de-AT"}
    assert client.post("/v1/challenges/c-1/send", json=asked).json() == {"done": True}
    assert service.calls == [("send", ("c-1", "sms", "9c0e", "de-AT", "all"))]
    for wrong in ({"factor": "push"}, {"factor": "sms", "language": "de\n"}, {"factor": "totp"}):
        assert client.post("/v1/challenges/c-1/send", json=wrong).status_code == 422
    service.exceptions.clear()
    service.fails = CourierError("smtp://secret-host said no")
    reply = client.post("/v1/challenges/c-1/send", json={"factor": "email"})
    assert (reply.status_code, reply.json()["code"], "secret" in reply.text) == (502, "courier.failed", False)
    service.fails = BusyError("too many codes were sent", retry_after=60)
    reply = client.post("/v1/challenges/c-1/send", json={"factor": "email"})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "60")
    assert service.exceptions == []


def test_what_was_passed_on_our_page_is_collected(client: httpx.Client, service: FakeService) -> None:
    """The same answer as for an answer over the API; a code that is none is a challenge that is over."""
    reply = client.post("/v1/challenges/c-1/collect", json={"code": "right-code"})
    assert reply.json()["session"] == "s-new"
    assert reply.json()["receipt"]["index"] == RECEIPT.index
    assert service.calls == [("collect", ("c-1", "right-code", "all"))]
    reply = client.post("/v1/challenges/c-1/collect", json={"code": "wrong"})
    assert (reply.status_code, reply.json()["code"]) == (409, "challenge.closed")
    assert client.post("/v1/challenges/c-1/deny", json={}).json() == {"done": True}
    assert client.post("/v1/challenges/c-1/deny", json={"a": 1}).status_code == 422


def test_introspection_speaks_form_and_json(client: httpx.Client, service: FakeService) -> None:
    """RFC 7662: a form, or JSON; members that it does not know are passed over."""
    by_json = client.post("/v1/grants/introspect", json={"token": GRANT, "token_type_hint": "access_token"})
    by_form = client.post("/v1/grants/introspect", content=f"token={GRANT}&foo=bar", headers=FORM)
    assert by_json.content == by_form.content
    assert by_json.json()["active"] is True
    assert (by_json.json()["acr"], by_json.json()["amr"]) == ("nist-aal2", ["otp"])
    assert service.calls == [("introspect", GRANT), ("introspect", GRANT)]


def test_attack_guessing_what_is_wrong_with_a_token(client: httpx.Client) -> None:
    """Changed, foreign, over-long, or junk: one answer, byte for byte; and so it is once a grant is used."""
    tokens = [GRANT + "x", GRANT[:-1], "junk", "x" * 16_000, "ä", "a.b.c", "null", '{"active":true}']
    found = {client.post("/v1/grants/introspect", json={"token": token}).content for token in tokens}
    assert found == {b'{"active":false}'}
    assert client.post("/v1/grants/redeem", json={"grant": GRANT}).json()["active"] is True
    again = client.post("/v1/grants/redeem", json={"grant": GRANT})
    after = client.post("/v1/grants/introspect", json={"token": GRANT})
    assert {again.content, after.content} == found


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"token=a&token=b", FORM),
        (b"", FORM),
        (b"token=", FORM),
        (b"token=%ff", FORM),
        (b"token_type_hint=a", FORM),
        (b'{"token":1}', LATER),
        (b'{"token":"a","token":"b"}', LATER),
        (b"[]", LATER),
    ],
)
def test_a_question_without_one_token_is_none(
    client: httpx.Client, service: FakeService, body: bytes, headers: dict[str, str]
) -> None:
    """Two readers of one question must not see two tokens."""
    reply = client.post("/v1/grants/introspect", content=body, headers=headers)
    assert reply.status_code in (400, 422)
    assert service.calls == []


def test_the_keys_are_for_everybody(anonymous: httpx.Client) -> None:
    """No key, and they may be kept for a while."""
    reply = anonymous.get("/.well-known/jwks.json")
    assert reply.json() == JWKS
    assert reply.headers.get_list("cache-control") == ["public, max-age=300"]


def test_a_signed_report_reaches_the_challenge(anonymous: httpx.Client, service: FakeService) -> None:
    """Without any key of ours."""
    assert report(anonymous, json.dumps(REPORT).encode()).json() == {"done": True}
    assert service.calls == [("pushed", ("c-1", True, "42"))]
    assert service.proving.reports == [("msg_1", True, "42")]


@pytest.mark.parametrize(
    "change",
    [
        {"secret": b"x" * 32},
        {"late": -400},
        {"late": 400},
        {"sent": json.dumps({**REPORT, "number": "43"}).encode()},
        {"body": b"junk"},
        {"body": b'{"challenge":"c-1","answer":"approve","answer":"deny"}'},
        {"body": b'{"challenge":"c-1","answer":"maybe"}'},
        {"body": json.dumps({**REPORT, "challenge": "../../etc"}).encode()},
        {"body": json.dumps({"type": "push", "data": {}}).encode()},
    ],
)
def test_attack_a_report_that_nobody_signed(
    anonymous: httpx.Client, service: FakeService, change: dict[str, Any]
) -> None:
    """Another secret, an old or a future time, a changed or a senseless body: one answer, and nothing is asked."""
    more = dict(change)
    body = more.pop("body", json.dumps(REPORT).encode())
    if "late" in more:
        more["seconds"] = int(time()) + more.pop("late")
    expected = anonymous.post("/v1/push/answer", content=b"{}", headers=LATER)
    assert expected.status_code == 401
    reply = report(anonymous, body, **more)
    assert (reply.status_code, reply.content) == (401, expected.content)
    assert service.calls == []


def test_attack_a_report_where_there_is_no_provider(anonymous: httpx.Client, service: FakeService) -> None:
    """An empty secret signs nothing."""
    service.proving.push_secret = b""
    assert report(anonymous, json.dumps(REPORT).encode(), secret=b"x" * 32).status_code == 401
    assert report(anonymous, b"x" * 4_097).status_code == 413
    assert service.calls == []


def test_factors_are_listed_without_names(client: httpx.Client, service: FakeService) -> None:
    """Kinds, ids, dates."""
    assert client.get("/v1/actors/alice/factors").json() == {
        "factors": [
            {"factor": "totp", "credential": "9c0e11223344", "since": "2026-01-01T00:00:00Z", "strong": True}
        ]
    }
    assert service.calls == [("listing", ("alice", "all"))]


def test_factors_are_enrolled_and_removed(client: httpx.Client, service: FakeService) -> None:
    """Each with the attempt that allows it; the draft and the answer as they came."""
    begun = client.post("/v1/actors/tenant%2Falice/factors/webauthn/options", json={}).json()
    assert begun["draft"] == "draft-1"
    assert begun["options"]["rp"]["id"] == "warden.example"
    made = {"draft": "draft-1", "answer": '{"id":"x"}', "name": "phone", "attempt": "12-a"}
    assert client.post("/v1/actors/alice/factors/webauthn", json=made).json() == {"done": True}
    address = {"factor": "email", "address": "alice@example.com", "attempt": "12-b"}
    assert client.post("/v1/actors/alice/factors/address", json=address).json() == {"done": True}
    gone = client.post("/v1/actors/alice/factors/totp/9c0e/remove", json={"attempt": "12-c"})
    assert gone.json() == {"removed": 1}
    assert client.post("/v1/actors/alice/factors/reset", json={"reason": "request 1"}).json() == {
        "removed": 3
    }
    assert service.calls == [
        ("begin_passkey", "tenant/alice"),
        ("enrol_passkey", ("alice", "draft-1", '{"id":"x"}', "phone", "12-a", "all")),
        ("enrol_address", ("alice", "email", "alice@example.com", "12-b", "all")),
        ("remove", ("alice", "totp", "9c0e", "12-c", "all")),
        ("reset", ("alice", "request 1", "all")),
    ]
    assert client.post("/v1/actors/alice/factors/reset", json={"reason": ""}).status_code == 422
    assert client.post("/v1/actors/alice/factors/totp/a%2Fb/remove", json={}).status_code == 404


def test_sessions_and_devices_are_ended(client: httpx.Client, service: FakeService) -> None:
    """One, or all; with a reason that is no secret place for names."""
    client.post("/v1/actors/alice/sessions/revoke", json={"session": "s-81", "reason": "request 1"})
    client.post("/v1/actors/alice/devices/forget", json={})
    assert service.calls == [
        ("revoke", ("alice", "s-81", "request 1", "all")),
        ("forget_device", ("alice", "", "all")),
    ]
    nobody = client.post("/v1/actors/nobody/sessions/revoke", json={"reason": "request 1"})
    assert nobody.status_code == 404
    assert client.post("/v1/actors/alice/sessions/revoke", json={}).status_code == 422


def test_the_way_to_ones_own_page(client: httpx.Client, service: FakeService) -> None:
    """An address with a ticket; nobody is led back to a place that is no application's."""
    asked = {"proved": ["pwd"], "return_to": "https://shop.example/", "language": "de"}
    assert client.post("/v1/actors/alice/pages", json=asked).json() == {
        "url": "https://warden.example/account?ticket=t",
        "expires": "2026-01-01T00:00:00Z",
    }
    assert service.calls == [("page", ("alice", ("pwd",), "https://shop.example/", "de", ""))]
    asked["return_to"] = "https://evil.example/"
    assert client.post("/v1/actors/alice/pages", json=asked).status_code == 422
