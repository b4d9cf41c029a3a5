"""Codes and notices by mail, to a real SMTP server on this machine: what arrives, and what never does."""

import asyncio
import doctest
import email
import email.policy
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.connect.couriers import texts
from stepwarden.connect.couriers.mail import MailCourier
from stepwarden.connect.couriers.texts import write_mail
from stepwarden.errors import CourierError, SettingsError
from stepwarden.flow.couriers import Courier, Message
from tests.connect.small_mail import NO_ADDRESSES, Mailbox, smtp_server
from tests.connect.small_servers import make_certificates

CODE = "480915"
NOW = 1_800_000_000_000_000
MINUTE = 60_000_000


def courier(port: int, **other: Any) -> MailCourier:
    options: dict[str, Any] = {
        "sender": "Stepwarden <no-reply@bank.example>",
        "username": "",
        "password": "",
        "tls": "none",
        "timeout": 10.0,
        "cafile": None,
        "clock": lambda: NOW,
    }
    return MailCourier(other.pop("host", "127.0.0.1"), port, **options | other)


def message(**other: Any) -> Message:
    wanted: dict[str, Any] = {
        "kind": "code",
        "challenge": "c1",
        "to": "ada@mail.example",
        "code": CODE,
        "number": "",
        "words": "Transfer 20 EUR to ACME",
        "language": "en",
        "expires": NOW + 5 * MINUTE,
    }
    return Message(**wanted | other)


def deliver(sent: Message, *, box: Mailbox | None = None, server: Any = None, **other: Any) -> Mailbox:
    """Send one message to a server of our own and return what it has."""
    found = box or Mailbox()

    async def run() -> None:
        async with smtp_server(found, **(server or {})):
            one: Courier = courier(found.port, **other)
            await one.send(sent)

    asyncio.run(run())
    return found


def test_the_examples_in_the_module_hold() -> None:
    """Its docstring is its specification."""
    assert doctest.testmod(texts).failed == 0


def test_a_code_arrives_with_what_it_is_for() -> None:
    """One text part, one recipient, the code on a line of its own."""
    box = deliver(message())
    mail = box.mail()
    assert box.envelopes == [("no-reply@bank.example", ["ada@mail.example"])]
    assert (mail["From"], mail["To"]) == ("Stepwarden <no-reply@bank.example>", "ada@mail.example")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime.timestamp() == NOW // 1_000_000
    assert mail["Message-ID"].endswith("@bank.example>")
    assert (mail.get_content_type(), mail.is_multipart()) == ("text/plain", False)
    lines = mail.get_content().splitlines()
    assert lines.index("  Transfer 20 EUR to ACME") < lines.index(f"  {CODE}")
    assert "It is valid for 5 minutes." in lines
    assert "Never tell it to anybody" in mail.get_content()
    assert "If this was not you" in mail.get_content()


def test_german_and_words_beyond_ascii_arrive_as_they_were_written() -> None:
    """In the title, the body and the sender's name."""
    words = "Überweisung 20 € an „Müller & Söhne“ 株式会社 🏦"
    box = deliver(message(words=words, language="de"), sender="Bürger Bank <post@bank.example>")
    assert box.mail()["Subject"] == "Ihr Code zur Bestätigung"
    assert box.mail()["From"].addresses[0].display_name == "Bürger Bank"
    assert f"  {words}" in box.mail().get_content().splitlines()
    assert "5 Minuten lang" in box.mail().get_content()
    assert box.raw[0].isascii()


def test_a_notice_has_no_code_and_never_expires() -> None:
    """It tells of something that happened."""
    box = deliver(message(kind="notice", challenge="", code="", words="Your password was changed", expires=0))
    assert "Your password was changed" in box.mail().get_content()
    assert "code" not in box.mail().get_content().lower()
    assert box.mail()["Subject"] == "Security notice for your account"


@pytest.mark.parametrize(
    ("left", "says"), [(1, "1 minute."), (MINUTE, "1 minute."), (2 * MINUTE - 1, "1 minute.")]
)
def test_how_long_a_code_is_valid_is_rounded_down(left: int, says: str) -> None:
    """Nobody types in vain in the last seconds."""
    assert says in deliver(message(expires=NOW + left)).mail().get_content()


def test_what_a_mail_cannot_carry_is_not_sent() -> None:
    """A push, and a code that is good for nothing any more."""
    for wrong in (message(kind="push", code=""), message(expires=NOW)):
        with pytest.raises(CourierError):
            asyncio.run(courier(1).send(wrong))


@pytest.mark.parametrize("kind", ["code", "notice"])
@pytest.mark.parametrize("language", ["en", "de", "fr", ""])
def test_attack_code_on_a_locked_screen(kind: Any, language: str) -> None:
    """No title holds the code, and a body begins with something else."""
    made = write_mail(kind, words="Log in", code=CODE, minutes=5, language=language)
    assert CODE not in made.title
    assert CODE not in made.body[:80]
    assert not language or made == write_mail(kind, words="Log in", code=CODE, minutes=5, language=language)


@pytest.mark.parametrize("to", NO_ADDRESSES)
def test_attack_recipient_that_writes_headers_or_commands(to: str) -> None:
    """Only a bare address is written to; the error does not repeat what was given."""
    box = Mailbox()
    with pytest.raises(CourierError, match="no mail address") as caught:
        deliver(message(to=to), box=box)
    assert not box.raw
    assert not to or to not in str(caught.value)


def test_attack_words_that_end_the_line_or_the_message() -> None:
    """What is approved cannot forge a second code, a header, or the end of the message."""
    words = "x\r\n.\r\nRSET\r\n\r\n  999999\r\nBcc: eve@evil.example\u2028\u202eEMCA\x85\x00\ud800{code}"
    box = deliver(message(words=words))
    lines = box.mail().get_content().splitlines()
    assert "  999999" not in lines
    assert len(box.raw) == 1
    assert box.mail()["Bcc"] is None
    assert box.envelopes[0][1] == ["ada@mail.example"]
    (shown,) = [line for line in lines if "999999" in line]
    assert shown.endswith("{code}")
    assert "\u202e" not in shown


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_no_words_break_the_line(words: str) -> None:
    """Whatever is approved takes exactly one line."""
    usual = write_mail("code", words="x", code=CODE, minutes=5, language="en").body
    made = write_mail("code", words=words, code=CODE, minutes=5, language="en").body
    assert len(made.splitlines()) == len(usual.splitlines())
    made.encode()


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "bank",
        "a@b\r\nBcc: c@d",
        "Bank\r\nBcc: c@d <a@b>",
        "Bank <a@b> <c@d>",
        "Bank <a@b",
        '"B" <a@b>',
        "B\u202e <a@b>",
    ],
)
def test_attack_sender_that_writes_headers(sender: str) -> None:
    """Settings are checked before the first message."""
    with pytest.raises(SettingsError):
        courier(25, sender=sender)


@pytest.mark.parametrize("mode", ["starttls", "tls"])
def test_mail_goes_encrypted_and_with_a_login(mode: Any, tmp_path: Path) -> None:
    """Both ways of encryption; the server is the one that the certificate names."""
    ours = make_certificates(tmp_path, "localhost")
    box = Mailbox()
    server: dict[str, Any] = {
        "authenticator": box.login,
        "auth_required": True,
        "auth_require_tls": mode != "tls",
    }
    server |= (
        {"implicit": ours.server} if mode == "tls" else {"tls_context": ours.server, "require_starttls": True}
    )
    options = {
        "host": "localhost",
        "tls": mode,
        "cafile": ours.cafile,
        "username": "us€r",
        "password": "päss",
    }
    deliver(message(), box=box, server=server, **options)
    assert box.logins == [("us€r".encode(), "päss".encode())]
    assert len(box.raw) == 1
    assert box.encrypted == [mode == "starttls"]  # with TLS from the start the library knows of none

    with pytest.raises(CourierError, match="status 535") as caught:
        deliver(message(), box=box, server=server, **options | {"password": "wr0ng"})
    assert "wr0ng" not in str(caught.value)
    assert len(box.raw) == 1


@pytest.mark.parametrize("mode", ["starttls", "tls"])
@pytest.mark.parametrize("wrong", ["host", "issuer"])
def test_attack_man_in_the_middle_of_the_mail(mode: Any, wrong: str, tmp_path: Path) -> None:
    """A certificate of another name or by another issuer ends it before the login."""
    ours = make_certificates(tmp_path, "mail.example" if wrong == "host" else "localhost")
    box = Mailbox()
    server: dict[str, Any] = {"authenticator": box.login}
    server |= {"implicit": ours.server} if mode == "tls" else {"tls_context": ours.server}
    cafile = ours.cafile if wrong == "host" else None
    with pytest.raises(CourierError, match="SSLCertVerificationError"):
        deliver(
            message(),
            box=box,
            server=server,
            host="localhost",
            tls=mode,
            cafile=cafile,
            username="user",
            password="päss",
        )
    assert not box.raw
    assert not box.logins


def test_attack_stripped_starttls(tmp_path: Path) -> None:
    """A server that offers no encryption gets neither login nor code."""
    box = Mailbox()
    with pytest.raises(CourierError):
        deliver(
            message(),
            box=box,
            server={"authenticator": box.login, "auth_require_tls": False},
            host="localhost",
            tls="starttls",
            username="user",
            password="päss",
        )
    assert not box.raw
    assert not box.logins


def test_plain_smtp_is_for_this_machine_only(tmp_path: Path) -> None:
    """And other settings that cannot work are refused at once."""
    for host in ("mail.example", "10.0.0.1", "0.0.0.0", "localhost.evil.example", ""):  # noqa: S104
        with pytest.raises(SettingsError):
            courier(25, host=host)
    for host in ("localhost", "127.0.0.1", "::1"):
        courier(25, host=host)
    (tmp_path / "ca.pem").write_text("nothing")
    for wrong in (
        {"username": "user"},
        {"tls": "tls", "cafile": tmp_path / "nowhere.pem"},
        {"tls": "tls", "cafile": tmp_path / "ca.pem"},
    ):
        with pytest.raises(SettingsError):
            courier(25, **wrong)


@pytest.mark.parametrize(
    ("box", "status"),
    [
        (Mailbox(answer=f"554 spam: your code is {CODE}"), "554"),
        (Mailbox(answer=f"451 later {CODE}"), "451"),
        (Mailbox(refuse=f"550 no such user {CODE}"), "550"),
    ],
)
def test_attack_server_that_quotes_the_code(
    box: Mailbox, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal tells the status, and no word of the server's; nothing of ours logs it either."""
    with caplog.at_level(logging.DEBUG), pytest.raises(CourierError, match=f"status {status}") as caught:
        deliver(message(), box=box)
    assert caught.value.code == "courier.failed"
    shown = "".join(one.getMessage() for one in caplog.records if not one.name.startswith("mail.log"))
    for text in (str(caught.value), shown):
        assert CODE not in text
        assert "ada" not in text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def say_nothing(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


def garbage(data: bytes) -> Callable[[asyncio.StreamWriter], Any]:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return say


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (garbage(b"554 go away\r\n"), "status 554"),
        (say_nothing, "within"),
        (hang_up, "cannot be used"),
        (garbage(b"\xff\xfe\x00\r\n"), "mail server"),
        (garbage(b"999 what\r\n"), "mail server"),
        (garbage(b"220 " + b"a" * 100_000 + b"\r\n"), "mail server"),
        (garbage(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "mail server"),
        (garbage(b"220 hello\r\n250-\xff\r\n250 AUTH \x00\r\n"), "mail server"),
    ],
)
def test_attack_server_that_hangs_or_talks_nonsense(behaviour: Any, says: str) -> None:
    """Every one ends as a failed delivery, in time."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behaviour(writer)
        except OSError:
            pass  # the courier left
        finally:
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            patience = 0.3 if says == "within" else 5.0
            with pytest.raises(CourierError, match=says):
                await courier(port, timeout=patience).send(message())

    asyncio.run(run())


def test_attack_server_that_is_slow_at_each_step() -> None:
    """The time-out is for the whole: every step alone would be quick enough."""

    class Slow(Mailbox):
        async def handle_RCPT(self, *args: Any) -> str:  # noqa: N802
            await asyncio.sleep(0.3)
            return await super().handle_RCPT(*args)

        async def handle_DATA(self, *args: Any) -> str:  # noqa: N802
            await asyncio.sleep(0.3)
            return await super().handle_DATA(*args)

    with pytest.raises(CourierError, match="within"):
        deliver(message(), box=Slow(), timeout=0.5)


def test_nobody_listening_is_a_failed_delivery() -> None:
    """Nothing of the library's errors gets out."""
    with pytest.raises(CourierError, match="cannot be used"):
        asyncio.run(courier(1).send(message()))


def test_a_server_that_fails_after_it_took_the_message_has_taken_it() -> None:
    """Otherwise the person would be told that nothing was sent, with the code in their hands."""

    class Rude(Mailbox):
        async def handle_QUIT(self, server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            return "221 never seen"

    assert len(deliver(message(), box=Rude()).raw) == 1


def test_messages_may_be_sent_at_the_same_time() -> None:
    """Each has its own session, and its own Message-ID."""
    box = Mailbox()

    async def run() -> None:
        async with smtp_server(box):
            one = courier(box.port)
            await asyncio.gather(*(one.send(message(to=f"a{n}@mail.example")) for n in range(8)))

    asyncio.run(run())
    assert sorted(to for _, (to,) in box.envelopes) == [f"a{n}@mail.example" for n in range(8)]
    parsed = [email.message_from_bytes(raw) for raw in box.raw]
    assert len({one["Message-ID"] for one in parsed}) == 8
