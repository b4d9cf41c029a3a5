"""Text messages and pushes by a signed webhook: what the provider gets, and what is believed of its answers."""

import asyncio
import base64
import doctest
import hmac
import json
import logging
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.couriers import signing
from stepwarden.connect.couriers.signing import TOLERANCE, read_secret, sign, verify_callback
from stepwarden.connect.couriers.webhook import MAX_ANSWER, PushAnswer, WebhookCourier, read_push_answer
from stepwarden.errors import (
    CourierError,
    InputError,
    MalformedBodyError,
    SettingsError,
    StepwardenError,
    UnauthenticatedError,
)
from stepwarden.flow.couriers import Courier, Message
from tests.connect.small_servers import OK, HttpServer, http_server, make_certificates

CODE = "480915"
SECRET = bytes(range(32))
NOW = 1_800_000_000_000_000
SECONDS = NOW // 1_000_000
APPROVED = b'{"challenge":"c1","answer":"approve","number":"42"}'


def message(**other: Any) -> Message:
    wanted: dict[str, Any] = {
        "kind": "code",
        "challenge": "c1",
        "to": "+15550100",
        "code": CODE,
        "number": "",
        "words": "Überweisung 20 € an ACME",
        "language": "de",
        "expires": NOW + 300_000_000,
    }
    return Message(**wanted | other)


def push(**other: Any) -> Message:
    callback = "https://id.bank.example/v1/push"
    return message(**{"kind": "push", "to": "u-1", "code": "", "number": "73", "callback": callback} | other)


def courier(url: str, **other: Any) -> WebhookCourier:
    options: dict[str, Any] = {"secret": SECRET, "timeout": 10.0, "allow_private": True, "clock": lambda: NOW}
    return WebhookCourier(url, **options | other)


def deliver(*sent: Message, answer: Any = OK, path: str = "/send", **other: Any) -> HttpServer:
    """Send messages to a provider of our own and return what it heard."""

    async def run() -> HttpServer:
        async with (
            http_server(answer) as server,
            aclosing(courier(f"http://127.0.0.1:{server.port}{path}", **other)) as made,
        ):
            one: Courier = made
            for each in sent:
                await one.send(each)
            return server

    return asyncio.run(run())


def headers_of(head: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)


def signed(body: bytes = APPROVED, *, secret: bytes = SECRET, seconds: int = SECONDS) -> dict[str, str]:
    return sign(secret, id="msg_1", seconds=seconds, body=body)


def test_the_examples_in_the_module_hold() -> None:
    """Its docstring is its specification."""
    assert doctest.testmod(signing).failed == 0


def test_the_signature_is_that_of_the_specification() -> None:
    """The example that the specification's own libraries are tested with."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", name="x")
    made = sign(secret, id="msg_p5jXN8AQM9LWM0D4loKWxJek", seconds=1614265330, body=b'{"test": 2432232314}')
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_code_reaches_the_provider_signed() -> None:
    """A provider that follows the specification by hand finds the signature right."""
    server = deliver(message())
    (body,), headers = server.bodies, headers_of(server.heads[0])
    assert json.loads(body) == {
        "type": "code",
        "timestamp": "2027-01-15T08:00:00Z",
        "data": {
            "challenge": "c1",
            "to": "+15550100",
            "code": CODE,
            "words": "Überweisung 20 € an ACME",
            "language": "de",
            "expires": "2027-01-15T08:05:00Z",
        },
    }
    assert server.heads[0].startswith("POST /send HTTP/1.1\r\n")
    assert headers["content-type"] == "application/json"
    assert headers["webhook-timestamp"] == str(SECONDS)
    to_sign = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, to_sign, "sha256").digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_attack_push_that_gives_its_number_away() -> None:
    """The person types what the page shows: neither the provider nor a notification can know it."""
    server = deliver(push())
    data = json.loads(server.bodies[0])["data"]
    assert set(data) == {"challenge", "to", "words", "language", "expires", "callback"}
    assert "73" not in json.dumps(data["words"])
    assert data["callback"] == "https://id.bank.example/v1/push"


def test_a_notice_tells_what_happened_and_nothing_else() -> None:
    """There is nothing in it that could be answered."""
    server = deliver(message(kind="notice", challenge="", code="", expires=0))
    found = json.loads(server.bodies[0])
    assert (found["type"], set(found["data"])) == ("notice", {"to", "words", "language"})


def test_every_message_has_its_own_id() -> None:
    """A provider that drops repeated ids never drops a second code."""
    server = deliver(message(), message())
    first, second = (headers_of(head)["webhook-id"] for head in server.heads)
    assert first != second
    assert "." not in first


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_means_taken(status: int) -> None:
    """What stands in the answer is not looked at."""
    deliver(message(), answer=b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 400, 401, 404, 410, 429, 500, 503])
def test_every_other_status_is_a_failed_delivery(status: int) -> None:
    """Redirects are not followed: code and signature stay with the provider that was named."""
    answer = b"HTTP/1.1 %d X\r\nLocation: /other\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status
    heard: list[HttpServer] = []
    with pytest.raises(CourierError, match=f"status {status}"):
        heard.append(deliver(message(), answer=answer))
    assert not heard


async def silent(_writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"a" * MAX_ANSWER)
        await writer.drain()


@pytest.mark.parametrize(
    ("answer", "timeout"), [(silent, 0.2), (endless, 10), (b"", 10), (b"220 mail.example ESMTP\r\n", 10)]
)
def test_attack_provider_that_hangs_or_talks_nonsense(answer: Any, timeout: float) -> None:
    """Every one ends as a failed delivery, in time."""
    with pytest.raises(CourierError, match="cannot be used"):
        deliver(message(), answer=answer, timeout=timeout)


def test_attack_provider_that_quotes_the_code(caplog: pytest.LogCaptureFixture) -> None:
    """Neither errors nor logs hold the code, the person, the secret or what stands in the address."""
    answer = b"HTTP/1.1 400 %b\r\nContent-Length: 6\r\nConnection: close\r\n\r\n%b" % (2 * (CODE.encode(),))
    with caplog.at_level(logging.DEBUG, "stepwarden"), pytest.raises(CourierError) as caught:
        deliver(message(), answer=answer, path="/send?key=t0ken")
    for record in (
        str(caught.value),
        *(one.getMessage() for one in caplog.records if "stepwarden" in one.name),
    ):
        for hidden in (CODE, "+15550100", "t0ken", SECRET.hex()):
            assert hidden not in record
    assert caught.value.__cause__ is None


def test_what_nobody_could_use_is_not_sent() -> None:
    """An expired code, and recipients that are none."""
    for wrong in (
        message(expires=NOW),
        push(expires=NOW - 1),
        message(to=""),
        message(to="+1555\r\nX: y"),
        message(to="9" * 257),
    ):
        with pytest.raises(CourierError):
            deliver(wrong)


def test_words_that_hide_themselves_are_shown() -> None:
    """A text message has lines, too: what is approved takes one."""
    server = deliver(message(words="x\n\nYour code: 999999\u202e\ud800"))
    assert json.loads(server.bodies[0])["data"]["words"] == "x\ufffd\ufffdYour code: 999999\ufffd\ufffd"


def test_attack_provider_inside_the_house() -> None:
    """Without the setting neither an address nor a name leads to this machine, and never to the metadata."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return {"a.example": ["127.0.0.1"], "b.example": ["169.254.169.254"]}[host]

    for url in ("https://127.0.0.1/", "http://127.0.0.1/", "http://a.example/", "https://a@b.example/"):
        with pytest.raises(SettingsError):
            courier(url, allow_private=False)
    for url, private in (("https://a.example/", False), ("http://b.example/", True)):
        with pytest.raises(CourierError, match="may not be called"):
            asyncio.run(courier(url, allow_private=private, resolve=resolve).send(message()))


def test_attack_provider_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    """The provider is who the certificate says, and nothing is sent to anybody else."""
    ours = make_certificates(tmp_path, "127.0.0.1")

    async def run() -> None:
        async with http_server(OK, tls=ours.server) as server:
            url = f"https://127.0.0.1:{server.port}/"
            with pytest.raises(CourierError, match="cannot be used"):
                await courier(url).send(message())
            assert server.requests == 0
            await courier(url, verify=ours.client).send(message())
            assert server.requests == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "AAAA" * 8,
        "whsec_" + "AAAA" * 7,
        "whsec_" + "AAAA" * 22,
        "whsec_" + "AAAA" * 8 + "\n",
        "whsec_" + "AAAA" * 8 + "=",
        "whsec_" + "AAAA" * 8 + "AB==",
        "whsec_whsec_" + "AAAA" * 8,
        "whsec_" + "____" * 8,
        "whsec_" + "ÄÖÜ" * 8,
        "whsk_" + "AAAA" * 8,
    ],
)
def test_secrets_have_one_spelling(text: str) -> None:
    """Too short, too long, or another writing of the same bytes; the error does not repeat it."""
    with pytest.raises(SettingsError, match="STEPWARDEN_SMS_SECRET") as caught:
        read_secret(text, name="STEPWARDEN_SMS_SECRET")
    assert "AAAA" not in str(caught.value)
    with pytest.raises(SettingsError):
        courier("https://sms.example/", secret=bytes(23))


def test_an_answer_to_a_push_is_read() -> None:
    """Whatever the case of the headers' names; with a second signature by another secret beside it."""
    found = read_push_answer(SECRET, signed(), APPROVED, SECONDS)
    assert found == PushAnswer(challenge="c1", approved=True, number="42")
    denied = b'{"answer":"deny","challenge":"c1"}'
    assert read_push_answer(SECRET, signed(denied), denied, SECONDS) == PushAnswer(
        challenge="c1", approved=False, number=""
    )
    headers = {name.title(): value for name, value in signed().items()}
    other = signed(secret=bytes(32))["webhook-signature"]
    headers["Webhook-Signature"] = f"v1a,AAAA {other} {headers['Webhook-Signature']}"
    assert read_push_answer(SECRET, headers, APPROVED, SECONDS + 0.5).approved


def test_attack_approval_that_nobody_signed() -> None:
    """Each of the three headers, the body and the secret count; all errors read the same."""
    good = signed()
    right = good["webhook-signature"]
    cases: list[tuple[dict[str, str], bytes]] = [
        ({}, APPROVED),
        *(({name: value for name, value in good.items() if name != gone}, APPROVED) for gone in good),
        *(({**good, name: ""}, APPROVED) for name in good),
        ({**good, "webhook-id": "msg_2"}, APPROVED),
        ({**good, "webhook-timestamp": str(SECONDS + 1)}, APPROVED),
        ({**good, "webhook-timestamp": f"0{SECONDS}"}, APPROVED),
        ({**good, "webhook-timestamp": f"{SECONDS}.0"}, APPROVED),
        ({**good, "webhook-timestamp": f" {SECONDS}"}, APPROVED),
        ({**good, "webhook-timestamp": "١٨٠٠٠٠٠٠٠٠"}, APPROVED),
        ({**good, "webhook-signature": right.removeprefix("v1,")}, APPROVED),
        ({**good, "webhook-signature": right.replace("v1,", "v2,")}, APPROVED),
        ({**good, "webhook-signature": "v1,"}, APPROVED),
        ({**good, "webhook-signature": right[:-5]}, APPROVED),
        ({**good, "webhook-signature": right.swapcase()}, APPROVED),
        ({**good, "webhook-signature": "v1,ÄÖ\udcff\ud800"}, APPROVED),
        ({**good, "webhook-signature": "v1,AAAA " * 8 + right}, APPROVED),
        ({**good, "Webhook-Signature": "v1,AAAA"}, APPROVED),
        (good, APPROVED.replace(b"42", b"43")),
        (good, APPROVED + b" "),
        (signed(secret=bytes(32)), APPROVED),
    ]
    said = set()
    for headers, body in cases:
        with pytest.raises(UnauthenticatedError) as caught:
            read_push_answer(SECRET, headers, body, SECONDS)
        said.add(str(caught.value))
    assert len(said) == 1


@pytest.mark.parametrize("late", [-TOLERANCE - 1, TOLERANCE + 1, 86_400, -86_400])
def test_attack_old_approval_sent_again(late: int) -> None:
    """Five minutes either way, and no more."""
    with pytest.raises(UnauthenticatedError):
        verify_callback(SECRET, signed(), APPROVED, SECONDS + late)
    for near in (-TOLERANCE, TOLERANCE):
        assert verify_callback(SECRET, signed(), APPROVED, SECONDS + near) == APPROVED


def test_attack_id_that_moves_the_border() -> None:
    """What was signed as id, time and body cannot be cut in another way."""
    body = f"{SECONDS}.".encode() + APPROVED
    headers = signed(body)
    moved = {**headers, "webhook-id": f"msg_1.{SECONDS}"}
    with pytest.raises(UnauthenticatedError):
        verify_callback(SECRET, moved, APPROVED, SECONDS)
    with pytest.raises(ValueError, match="could be signed"):
        sign(SECRET, id="msg_1.1", seconds=SECONDS, body=b"")


def test_attack_our_own_push_sent_back_as_its_approval() -> None:
    """The same secret signs both ways; the shapes keep them apart."""
    server = deliver(push(words='x","answer":"approve","number":"73'))
    headers = headers_of(server.heads[0])
    assert verify_callback(SECRET, headers, server.bodies[0], SECONDS)
    with pytest.raises(InputError):
        read_push_answer(SECRET, headers, server.bodies[0], SECONDS)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"challenge":"c1","answer":"deny","answer":"approve","number":"42"}', MalformedBodyError),
        (b'{"challenge":"c1","answer":"deny","\\u0061nswer":"approve","number":"42"}', MalformedBodyError),
        (APPROVED + b"{}", MalformedBodyError),
        (APPROVED[:-1], MalformedBodyError),
        (b"\xef\xbb\xbf" + APPROVED, MalformedBodyError),
        (APPROVED.replace(b"c1", b"\xff"), MalformedBodyError),
        (b"[" * 4000, InputError),
        (b"", MalformedBodyError),
        (b"null", InputError),
        (b"[" + APPROVED + b"]", InputError),
        (b'{"challenge":"c1"}', InputError),
        (APPROVED.replace(b"approve", b"Approve"), InputError),
        (APPROVED.replace(b'"approve"', b"true"), InputError),
        (APPROVED.replace(b'"42"', b"42"), InputError),
        (APPROVED.replace(b"42", b"4"), InputError),
        (APPROVED.replace(b"42", b"42\\n"), InputError),
        (APPROVED.replace(b"42", "٤٢".encode()), InputError),
        (APPROVED.replace(b"c1", b""), InputError),
        (APPROVED.replace(b"c1", b"c1\\n"), InputError),
        (APPROVED.replace(b"c1", b"c" * 65), InputError),
        (APPROVED.replace(b"}", b',"more":1}'), InputError),
    ],
)
def test_signed_nonsense_is_no_answer(body: bytes, error: type[StepwardenError]) -> None:
    """A provider's mistake is refused, never guessed at."""
    with pytest.raises(error):
        read_push_answer(SECRET, signed(body), body, SECONDS)


@given(
    st.dictionaries(
        st.sampled_from([*signed(), "Webhook-Id"]), st.text() | st.sampled_from([*signed().values()])
    ),
    st.binary(max_size=80) | st.just(APPROVED),
    st.sampled_from([SECONDS, 0.0, 1e18]),
)
def test_no_input_is_anything_but_read_or_refused(headers: dict[str, str], body: bytes, now: float) -> None:
    """And it is read only where all of it is as it was signed."""
    try:
        read_push_answer(SECRET, headers, body, now)
    except StepwardenError:
        return
    assert (body, now) == (APPROVED, SECONDS)
    assert {name: headers[name] for name in signed()} == signed()
