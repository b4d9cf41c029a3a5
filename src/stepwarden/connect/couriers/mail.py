"""Codes and notices by mail: one SMTP session per message, to one submission server.

1. The connection is encrypted and the server's certificate verified before anything is said: from the start
   (``tls``), or by STARTTLS, without which nothing is sent (``starttls``). ``none`` is for a relay on this machine.
2. An address is one that could stand nowhere else in a header or command: RFC 5321 atoms in ASCII, with neither ``%``
   nor ``!`` (both once told relays where to send on). Everything else is refused, so no line break reaches either.
3. The code stands in the body only. Errors name the step and the status code of the server, and never repeat the
   server's words, which may quote the message.
4. ``timeout`` is for all of it. A message that the server took counts as accepted, however the session ends.

RFC 3834's ``Auto-Submitted`` keeps holiday notices from answering. A code by mail is an *otp* that whoever reads the
mailbox can read: docs/factors/email.md says what that is worth.

Not here: what the mail says (``texts``), and who gets one (the flow).
"""

import asyncio
import contextlib
import re
import secrets
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

import aiosmtplib

from stepwarden.connect.couriers.texts import one_line, write_mail
from stepwarden.errors import CourierError, SettingsError
from stepwarden.flow.couriers import Message

SECONDS_TO_LEAVE: Final = 1.0
"""What a server may take for its goodbye after it has taken the message."""
MAX_ADDRESS: Final = 254
"""Characters of a mail address: RFC 5321's path of 256 without its brackets."""

_ATOM: Final = r"[A-Za-z0-9#$&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>{_LABEL}(?:\.{_LABEL})*)", re.ASCII
)
_SENDER: Final = re.compile(r'(?P<name>[^<>"]{1,100}) <(?P<address>[^<>"]+)>')
_MINUTE: Final = 60_000_000


class MailCourier:
    """A ``flow.couriers.Courier`` for codes and notices. Calls may overlap: each has its own session."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        sender: str,
        username: str,
        password: str,
        tls: Literal["starttls", "tls", "none"],
        timeout: float,
        cafile: Path | None,
        clock: Callable[[], int],
    ) -> None:
        """Send by this server.

        Args:
            host: the submission server's name, which its certificate must show.
            port: usually 587 with ``starttls``, 465 with ``tls``.
            sender: ``address``, or ``name <address>``.
            username: "" for a server that asks for none.
            timeout: seconds for one message, from the connection to the server's word that it has it.
            cafile: PEM file with the only certificates that are trusted; None for those of this machine.
            clock: microseconds since 1970 UTC.

        Raises:
            SettingsError: one of these cannot be used.
        """
        if tls == "none" and not _is_loopback(host):
            raise SettingsError(
                'mail.tls = "none" is for a server on this machine only: use "starttls" or "tls"'
            )
        if username and not password:
            raise SettingsError("mail.username is set, and STEPWARDEN_MAIL_PASSWORD is not")
        self._host = host
        self._port = port
        self._sender = _read_sender(sender)
        self._login = (username, password) if username else (None, None)
        self._tls = tls
        self._timeout = timeout
        self._context = None if tls == "none" else _make_context(cafile)
        self._clock = clock

    async def send(self, message: Message) -> None:
        """Have the server take one mail.

        Raises:
            CourierError: no mail address, a push, an expired code; or the server cannot be reached, is not who it
                should be, refuses, or is too slow.
        """
        mail = self._compose(message)
        client = self._make_client()
        try:
            async with asyncio.timeout(self._timeout):
                await client.connect()
                await client.send_message(mail, sender=self._sender.addr_spec, recipients=[message.to])
            await _leave(client)
        except aiosmtplib.SMTPRecipientsRefused as exc:
            raise CourierError(f"the mail server refused the recipient{_status(exc.recipients[0])}") from None
        except aiosmtplib.SMTPResponseException as exc:
            raise CourierError(f"the mail server refused{_status(exc)}: {type(exc).__name__}") from None
        except TimeoutError:
            raise CourierError(f"the mail server did not take the mail within {self._timeout:g} s") from None
        except (aiosmtplib.SMTPException, OSError, ValueError, RuntimeError) as exc:
            # Not the text of it, here or above: it may hold what the server said, and that what we sent.
            raise CourierError(f"the mail server cannot be used: {_kind(exc)}") from None
        finally:
            client.close()

    def _make_client(self) -> aiosmtplib.SMTP:
        username, password = self._login
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=username,
            password=password,
            # Said at once: the library would ask the resolver for this machine's name.
            local_hostname=self._sender.domain,
            timeout=self._timeout,
            use_tls=self._tls == "tls",
            start_tls=self._tls == "starttls",
            tls_context=self._context,
        )

    def _compose(self, message: Message) -> EmailMessage:
        to = _read_address(message.to)
        if to is None:
            raise CourierError("the recipient is no mail address that can be written to")
        if message.kind == "push":
            raise CourierError("a push cannot be sent by mail")
        now = self._clock()
        left = message.expires - now
        if message.kind == "code" and left <= 0:
            raise CourierError("the code had expired before it was sent")
        text = write_mail(
            message.kind,
            words=message.words,
            code=one_line(message.code),
            # Rounded down: nobody should type in vain in the last seconds. The least that is named is a minute.
            minutes=max(1, left // _MINUTE),
            language=message.language,
        )
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = to
        mail["Subject"] = text.title
        mail["Date"] = format_datetime(datetime.fromtimestamp(now // 1_000_000, UTC))
        mail["Message-ID"] = f"<{secrets.token_hex(16)}@{self._sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        # Quoted-printable passes every relay unchanged, and is still readable where somebody looks at the source.
        mail.set_content(text.body, charset="utf-8", cte="quoted-printable")
        return mail


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say goodbye, as the protocol asks; what the server makes of it changes nothing any more."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, ValueError, RuntimeError):
        async with asyncio.timeout(SECONDS_TO_LEAVE):
            await client.quit()


def _status(exc: aiosmtplib.SMTPResponseException) -> str:
    return f" with status {exc.code}" if 200 <= exc.code <= 599 else ""


def _kind(exc: BaseException) -> str:
    """The class of what went wrong at the bottom of it."""
    while exc.__cause__ is not None:
        exc = exc.__cause__
    return type(exc).__name__


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _make_context(cafile: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if cafile is None else str(cafile))
    except OSError as exc:
        raise SettingsError(f"mail.cafile holds no certificates that can be read: {exc}") from exc


def _read_address(text: str, name: str = "") -> Address | None:
    found = _ADDRESS.fullmatch(text)
    if found is None or len(text) > MAX_ADDRESS or len(found["local"]) > 64:
        return None
    return Address(name, found["local"], found["domain"])


def _read_sender(text: str) -> Address:
    named = _SENDER.fullmatch(text)
    name, address = (named["name"], named["address"]) if named else ("", text)
    found = _read_address(address, name) if name.isprintable() else None
    if found is None:
        raise SettingsError("mail.sender must be a mail address, or a name and an address in <>")
    return found
