"""Time-based one-time passwords (RFC 6238): SHA-1, 30 s, 6 digits, which every authenticator app knows.

>>> at(b"12345678901234567890", 59 // 30)
'287082'

An answer is exactly six ASCII digits. The step before and the step after the present one are accepted for
clocks that differ. ``matching_step`` looks at all three always, so that the time taken tells nothing.

Not here: that each step is accepted once, and how many wrong answers there may be (``people``, ``gate``).
"""

import hmac
from base64 import b32encode
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
WINDOW = 1
SECRET_BYTES = 20
"""160 bits, the length of the hash, as RFC 4226 section 4 recommends."""


def at(secret: bytes, step: int) -> str:
    """The code of one time step (RFC 4226 section 5.3)."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(time: int) -> int:
    """The time step of a moment in microseconds since 1970."""
    return time // 1_000_000 // STEP_SECONDS


def matching_step(secret: bytes, answer: str, now: int) -> int | None:
    """The latest step near ``now`` (microseconds) whose code this is."""
    # Bytes are compared, never numbers: int() would read "+87082", "8_7082" and digits of other scripts too.
    given = answer.encode("ascii", "replace")
    present = step_of(now)
    found: int | None = None
    for step in range(max(0, present - WINDOW), present + WINDOW + 1):
        if hmac.compare_digest(at(secret, step).encode(), given):
            found = step
    return found


def base32(secret: bytes) -> str:
    """The secret as authenticator apps take it by hand."""
    return b32encode(secret).decode().rstrip("=")


def uri(secret: bytes, *, issuer: str, account: str) -> str:
    """The ``otpauth`` address that the QR code shows.

    Args:
        account: shown to the person in the app, so the application's own name for them, not a token.
    """
    # A colon separates issuer and account in the label, so neither may bring one along: quote() escapes it.
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    query = urlencode({"secret": base32(secret), "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{label}?{query}"
