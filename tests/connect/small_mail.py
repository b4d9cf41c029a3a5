"""A real SMTP server on this machine, what it took, and recipients that no mail may be written to."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

NO_ADDRESSES = [
    "ada@mail.example\r\nBcc: eve@evil.example",
    "ada@mail.example\nSubject: x",
    "ada@mail.example\r",
    "ada@mail.example> SIZE=1\r\nRCPT TO:<eve@evil.example",
    "ada@mail.example, eve@evil.example",
    "ada@mail.example;eve@evil.example",
    "ada@mail.example eve@evil.example",
    "Ada <ada@mail.example>",
    "<ada@mail.example>",
    '"ada\r\n"@mail.example',
    '"a b"@mail.example',
    "ada(comment)@mail.example",
    "ada%evil.example@mail.example",
    "evil.example!ada@mail.example",
    "@evil.example:ada@mail.example",
    "ada@mail.example\x00",
    "ada@mail.example\u2028",
    "ada\uff20mail.example",
    "аda@mail.example",
    "ada@[127.0.0.1]",
    "ada@mail..example",
    "ada@mail.example.",
    "ada@-mail.example",
    ".ada@mail.example",
    "ada..b@mail.example",
    "a" * 65 + "@mail.example",
    "ada@" + "a." * 130 + "example",
    "ada",
    "",
]


class Mailbox:
    """What the server took; ``answer`` is what it says after the message, ``refuse`` to a recipient."""

    def __init__(self, answer: str = "250 OK", refuse: str = "") -> None:
        self.answer = answer
        self.refuse = refuse
        self.port = 0
        self.raw: list[bytes] = []
        self.envelopes: list[tuple[str | None, list[str]]] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.encrypted: list[bool] = []

    def login(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"p\xc3\xa4ss", handled=False)

    async def handle_RCPT(  # noqa: N802  # the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        self.encrypted.append(session.ssl is not None)
        return self.answer

    def mail(self) -> EmailMessage:
        (raw,) = self.raw
        found = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found


@asynccontextmanager
async def smtp_server(box: Mailbox, **options: Any) -> AsyncIterator[Mailbox]:
    """``implicit``: a context for TLS from the start; the rest is the library's."""
    implicit = options.pop("implicit", None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, hostname="mx.example", loop=loop, **options), "127.0.0.1", 0, ssl=implicit
    )
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box
