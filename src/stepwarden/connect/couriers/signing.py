"""Signed webhooks, after the Standard Webhooks specification 1.0 (its symmetric scheme, ``v1``).

Three headers go with a body: ``webhook-id``, ``webhook-timestamp`` (seconds since 1970 UTC) and ``webhook-signature``,
a list, parted by spaces, of ``v1,`` and the standard base64 of HMAC-SHA256 over ``id.timestamp.body``. A receiver
accepts when *one* of the list verifies, so that a secret can be changed; other kinds are skipped. A secret
is 24 to 64 random bytes, written as ``whsec_`` and their standard base64.

>>> key = read_secret("whsec_" + "AAAA" * 8, name="a secret")
>>> headers = sign(key, id="msg_1", seconds=1700000000, body=b"{}")
>>> headers["webhook-signature"]
'v1,LzeNxZHo3O8fwpFJpLh/0B99ugILNFJw+/9lTgx0APs='
>>> verify_callback(key, headers, b"{}", 1700000100.0)
b'{}'

Stricter than the specification: an id holds no full stop and a time stamp is written in one way, so that no two triples
sign the same bytes; the clocks may be five minutes apart, either way.

Not here: that one message counts once. Time stamps bound how long a copy could be used, the challenge that it answers
ends with the first (``stepup.gate``).
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from stepwarden.errors import SettingsError, UnauthenticatedError

TOLERANCE: Final = 300
"""Seconds by which a time stamp may differ from our clock."""
MIN_SECRET: Final = 24
MAX_SECRET: Final = 64
MAX_SIGNATURES: Final = 8
"""Signatures of one message that are looked at; a message with more is refused."""
MAX_BODY: Final = 4096
"""Bytes of a body that are looked at."""

_PREFIX: Final = "whsec_"
_ID: Final = re.compile(r"[!-\-/-~]{1,256}", re.ASCII)  # printable, neither a blank nor a full stop
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_NAMES: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


def read_secret(text: str, *, name: str) -> bytes:
    """The bytes of a secret as it is written, ``whsec_`` before it.

    Args:
        name: of the setting, for the error, which does not hold the secret.

    Raises:
        SettingsError: too short, too long, or not written so.
    """
    try:
        found = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    spelled = _PREFIX + base64.b64encode(found).decode("ascii")
    if not MIN_SECRET <= len(found) <= MAX_SECRET or text != spelled:
        raise SettingsError(f"{name} must be whsec_ and {MIN_SECRET} to {MAX_SECRET} random bytes in base64")
    return found


def sign(secret: bytes, *, id: str, seconds: int, body: bytes) -> dict[str, str]:  # noqa: A002  # as in the header
    """The three headers of a message of ours."""
    stamp = str(seconds)
    if not _ID.fullmatch(id) or not _SECONDS.fullmatch(stamp):
        raise ValueError("no id or time that could be signed")
    return dict(zip(_NAMES, (id, stamp, _signature(secret, id, stamp, body)), strict=True))


def verify_callback(secret: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bytes:
    """Return the body of a message if the three headers sign it.

    Args:
        headers: names in any case; one that is there twice, in two cases, counts as missing.
        now: seconds since 1970 UTC.

    Raises:
        UnauthenticatedError: they do not. Always the same words, whatever is wrong.
    """
    id_, stamp, listed = (_only(headers, name) for name in _NAMES)
    given = listed.split(" ")
    known = bool(_ID.fullmatch(id_) and _SECONDS.fullmatch(stamp))
    timely = known and abs(int(stamp) - now) <= TOLERANCE
    right = False
    if timely and len(given) <= MAX_SIGNATURES and len(body) <= MAX_BODY:
        expected = _signature(secret, id_, stamp, body).encode("ascii")
        for one in given:
            # Every one is compared, each in constant time: nothing tells how far a guess had come.
            right |= hmac.compare_digest(one.encode("utf-8", "replace"), expected)
    if not right:
        raise UnauthenticatedError("the message is not signed as it must be")
    return body


def _only(headers: Mapping[str, str], name: str) -> str:
    found = [value for key, value in headers.items() if key.lower() == name]
    return found[0] if len(found) == 1 else ""


def _signature(secret: bytes, id_: str, stamp: str, body: bytes) -> str:
    if not MIN_SECRET <= len(secret) <= MAX_SECRET:
        raise ValueError("no secret of the length that the specification asks for")
    signed = b".".join((id_.encode("ascii"), stamp.encode("ascii"), body))
    return "v1," + base64.b64encode(hmac.digest(secret, signed, sha256)).decode("ascii")
