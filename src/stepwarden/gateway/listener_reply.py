"""The bytes of a reply: status line, headers, body, in one piece.

Every reply, whatever it is, carries the security headers; a page brings its own content security policy, and of each
of the others a reply may say its own value, which then stands there alone. Names and values are checked here, where
they leave: a line break in one would begin a header, or a reply, of somebody else's making, and a header that stands
twice is read in two ways (only cookies may). That it happens would be our own mistake, so it is a ``ValueError``.

>>> one = encode_reply(Reply(b"{}"), date=b"date: now\\r\\n", close=True)
>>> one.splitlines()[0], one.splitlines()[-1]
(b'HTTP/1.1 200 OK', b'{}')
>>> encode_reply(Reply(b"", headers=((b"allow", b"GET\\r\\nx: y"),)), date=b"")
Traceback (most recent call last):
ValueError: not a header: b'allow'
"""

import re
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from stepwarden.gateway.exchange import Reply

SECURITY_HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = ((b"x-content-type-options", b"nosniff"),)
UNKEPT: Final = (b"cache-control", b"no-store")
"""What every reply says that does not say itself for how long it may be kept."""
PAGE_HEADERS: Final = (
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
STRICT_CSP: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
MAX_REQUEST_ID: Final = 128
_OURS: Final = frozenset(
    (SECURITY_HEADERS[0][0], UNKEPT[0], STRICT_CSP[0], *(name for name, _ in PAGE_HEADERS))
)
"""What a reply may say otherwise."""
_FRAMING: Final = frozenset(
    (b"connection", b"content-length", b"content-type", b"date", b"transfer-encoding", b"x-request-id")
)
"""What no reply says itself."""
_NONE: Final[frozenset[bytes]] = frozenset()
_NAME = re.compile(rb"[a-z0-9-]+")
_VALUE = re.compile(rb"[\t -~]*")
_PLAIN = re.compile(rb"[!-~]{1,%d}" % MAX_REQUEST_ID)


def date_line(now: float) -> bytes:
    """The Date header for these seconds since 1970."""
    return b"date: %b\r\n" % formatdate(now, usegmt=True).encode()


def encode_reply(
    reply: Reply,
    *,
    date: bytes,
    request_id: bytes | None = None,
    bodiless: bool = False,
    close: bool = False,
    old: bool = False,
) -> bytes:
    """The whole reply.

    Args:
        date: what ``date_line`` gave, made once a second for all.
        request_id: echoed if it is plain.
        bodiless: the reply to HEAD: all headers, no body.
        close: say that the connection ends.
        old: to an HTTP/1.0 caller, who must be told if the connection does not end.
    """
    length = b"" if reply.status == 204 else b"content-length: %d\r\n" % len(reply.body)
    more, own = b"", _NONE
    if reply.headers:
        more, own = b"".join(map(_line, reply.headers)), _own(reply.headers)
    if request_id is not None and _PLAIN.fullmatch(request_id):
        more += b"x-request-id: %b\r\n" % request_id
    if close:
        more += b"connection: close\r\n"
    elif old:
        more += b"connection: keep-alive\r\n"
    body = b"" if bodiless else reply.body
    return b"%b%b%b%b\r\n%b" % (_start(reply.status, reply.media, own), date, length, more, body)


def _own(headers: tuple[tuple[bytes, bytes], ...]) -> frozenset[bytes]:
    """Which of our headers the reply says itself."""
    names = [name for name, _ in headers if name != b"set-cookie"]
    found = frozenset(names)
    if len(found) != len(names) or found & _FRAMING:
        raise ValueError(f"a header that stands twice, or is not the reply's to say: {names!r}")
    return found & _OURS


@lru_cache(maxsize=256)
def _start(status: int, media: bytes, own: frozenset[bytes]) -> bytes:
    """Status line and the headers of every reply of one content type, without those that it says itself."""
    base = [*SECURITY_HEADERS, UNKEPT, *((b"content-type", media) for _ in (1,) if media)]
    base += PAGE_HEADERS if media.startswith(b"text/html") else [STRICT_CSP]
    base = [header for header in base if header[0] not in own]
    reason = HTTPStatus(status).phrase.encode()
    return b"HTTP/1.1 %d %b\r\n" % (status, reason) + b"".join(map(_line, base))


def _line(header: tuple[bytes, bytes]) -> bytes:
    name, value = header
    if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
        raise ValueError(f"not a header: {name!r}")
    return b"%b: %b\r\n" % (name, value)
