"""The head of an HTTP/1.1 request: where it ends, and what it says (RFC 9112). Bytes in, a ``Request`` out.

One grammar, written down as one expression, and every head fits it or is refused: lines end in CRLF and nowhere else,
one space between method, target and version, a name is a token directly before its colon, no value goes on in the next
line, no control character stands anywhere. Two machines that read one message in two ways are what request smuggling
is made of, so nothing is repaired here and nothing is guessed:

* exactly one ``Host`` (HTTP/1.1), with a value that can be one
* at most one ``Content-Length``, digits only; or ``Transfer-Encoding: chunked``, nothing else, once, not in HTTP/1.0;
  never both
* the request line has at most ``MAX_LINE`` bytes (414), all of it ``MAX_HEAD`` bytes and ``MAX_FIELDS`` fields (431)

How the bytes were cut on their way changes nothing: ``head_end`` refuses a beginning only if every whole that it could
become would be refused for the same reason.

>>> request = read_head(b"GET http://a/healthz?x=1 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
>>> request.method, request.path, request.query, request.keep
('GET', b'/healthz', b'x=1', True)
>>> read_head(b"GET / HTTP/1.1\\r\\nHost : a\\r\\n\\r\\n")
Traceback (most recent call last):
stepwarden.gateway.listener_head.ProtocolError: not a request head of HTTP/1.1

Not here: what follows the head (``listener_body``), and anything about routes or keys.
"""

import re
from functools import lru_cache
from typing import Final

from stepwarden.gateway.exchange import CHUNKED, Headers, Request

MAX_LINE: Final = 10 * 1024
MAX_HEAD: Final = 32 * 1024
MAX_FIELDS: Final = 64
MAX_LENGTH_DIGITS: Final = 15

WANTED: Final = frozenset(
    (
        b"accept",
        b"accept-language",
        b"authorization",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"cookie",
        b"expect",
        b"host",
        b"idempotency-key",
        b"origin",
        b"sec-fetch-site",
        b"transfer-encoding",
        b"user-agent",
        b"webhook-id",
        b"webhook-signature",
        b"webhook-timestamp",
        b"x-forwarded-for",
        b"x-request-id",
    )
)
TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
FIELD: Final = re.compile(TOKEN + rb":[\t -~\x80-\xff]*+\r\n")
# Possessive (``++``): each byte is looked at once, whatever the sender made up.
_HEAD = re.compile(
    rb"([A-Z][A-Z-]{0,19}+) ([!-\"$-~]++) HTTP/1\.([01])\r\n((?:" + FIELD.pattern + rb")*)\r\n"
)
_ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]+([/?].*)?")
_NO_HEAD = "not a request head of HTTP/1.1"
_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")


class ProtocolError(Exception):
    """What came is not HTTP as it is read here. ``code`` is the problem's code. Never leaves the listener."""

    def __init__(self, detail: str, code: str = "request.malformed") -> None:
        super().__init__(detail)
        self.code = code


def head_end(data: bytes) -> int:
    """Where the head that ``data`` begins with ends; 0 if it is not complete yet.

    Raises:
        ProtocolError: whatever may follow, this will be no head.
    """
    if not b"A" <= data[:1] <= b"Z":
        raise ProtocolError("a request begins with its method")  # TLS on this port, for one
    line = data.find(b"\n", 0, MAX_LINE)
    if line < 0 and len(data) >= MAX_LINE:
        raise ProtocolError(f"a request line has at most {MAX_LINE} bytes", "request.target_too_long")
    found = data.find(b"\r\n\r\n", 0, MAX_HEAD)
    if found >= 0:
        return found + 4
    # The grammar would refuse a bare LF too, but it might never be asked: CRLF CRLF need not come.
    if data.count(b"\n", 0, MAX_HEAD) != data.count(b"\r\n", 0, MAX_HEAD):
        raise ProtocolError(_NO_HEAD)
    if len(data) >= MAX_HEAD:
        raise ProtocolError(f"a head has at most {MAX_HEAD} bytes", "request.head_too_large")
    return 0


def read_head(head: bytes) -> Request:
    """Read a whole head, as ``head_end`` found it.

    Raises:
        ProtocolError: it breaks a rule of this module.
    """
    match = _HEAD.fullmatch(head)
    if match is None:
        raise ProtocolError(_NO_HEAD)
    method, target, minor, fields = match.groups()
    headers = _wanted(fields)
    old = minor == b"0"
    host = headers.get(b"host")
    if host is None:
        if not old:
            raise ProtocolError("exactly one Host is needed")
    elif not _is_host(host):
        raise ProtocolError("not a host")
    path, _, query = (target if target[:1] == b"/" else _path(target)).partition(b"?")
    return Request(
        method=method.decode(),
        path=path,
        query=query,
        headers=headers,
        length=_length(headers, old),
        keep=_keep(headers.get(b"connection"), old),
        old=old,
        waits=b"expect" in headers and not old and _expects(headers[b"expect"]),
    )


def _wanted(fields: bytes) -> Headers:
    """The fields that matter. One that comes twice is joined: no host, length or coding has a comma and a blank.

    Cookies are joined as RFC 9113, 8.2.3 has it: a proxy may pass on in several lines what came in several pieces. No
    other field that has one value, an origin for one, is itself any more when it is joined, so it is refused or means
    nothing.
    """
    found: Headers = {}
    lines = fields.split(b"\r\n")
    if len(lines) > MAX_FIELDS + 1:
        raise ProtocolError(f"a head has at most {MAX_FIELDS} fields", "request.head_too_large")
    for line in lines:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in WANTED:
            value = value.strip(b" \t")
            if name in found:
                value = found[name] + (b"; " if name == b"cookie" else b", ") + value
            found[name] = value
    return found


@lru_cache(maxsize=64)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def _path(target: bytes) -> bytes:
    """Path and query of a URL. Whom it names is not looked at: all names lead here."""
    if target == b"*":
        return target
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise ProtocolError("the target is neither a path nor a URL")
    rest: bytes = match[1] or b"/"
    return rest if rest[:1] == b"/" else b"/" + rest


def _length(headers: Headers, old: bool) -> int:
    coding = headers.get(b"transfer-encoding")
    length = headers.get(b"content-length")
    if coding is not None:
        if length is not None or old or coding.lower() != b"chunked":
            raise ProtocolError("a body has a Content-Length, or is chunked and nothing else")
        return CHUNKED
    if length is None:
        return 0
    if not length.isdigit() or len(length) > MAX_LENGTH_DIGITS:
        raise ProtocolError("Content-Length is one decimal number")
    return int(length)


def _keep(connection: bytes | None, old: bool) -> bool:
    if connection is None:
        return not old
    options = [option.strip(b" \t").lower() for option in connection.split(b",")]
    return b"close" not in options and (not old or b"keep-alive" in options)


def _expects(value: bytes) -> bool:
    if value.lower() != b"100-continue":
        raise ProtocolError("only 100-continue can be expected", "request.expectation")
    return True
