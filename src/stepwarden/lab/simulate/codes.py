"""The authenticators of simulated people: a secret made of a name, what it shows, and what it surely does not.

>>> secret = secret_of("person-1")
>>> shown(secret, 59_000_000) == totp.at(secret, 1)
True
>>> totp.matching_step(secret, not_shown(secret, 59_000_000), 59_000_000) is None
True
"""

from hashlib import blake2b
from typing import Final

from stepwarden.stepup.factors import totp

STEP: Final = totp.STEP_SECONDS * 1_000_000
"""Microseconds for which one code is shown."""
_FAR: Final = 3
"""Steps on either side whose codes a wrong answer keeps away from, more than any server accepts."""


def secret_of(actor: str) -> bytes:
    """The TOTP secret of a simulated person. Worth nothing: who knows the name knows it."""
    return blake2b(actor.encode(), digest_size=totp.SECRET_BYTES, person=b"simulated totp").digest()


def shown(secret: bytes, time: int) -> str:
    """What the authenticator shows at ``time`` (microseconds)."""
    return totp.at(secret, totp.step_of(time))


def not_shown(secret: bytes, time: int) -> str:
    """A code that it does not show about then."""
    step = totp.step_of(time)
    near = {totp.at(secret, max(0, step + off)) for off in range(-_FAR, _FAR + 1)}
    return next(code for digit in range(10) if (code := str(digit) * totp.DIGITS) not in near)


def first_unused(last_step: int, time: int) -> int:
    """When, from ``time`` on, a code is shown whose step is after ``last_step`` (-1: none was used)."""
    return max(time, (last_step + 1) * STEP)
