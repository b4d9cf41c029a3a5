"""The page that asks for a code: what its input should look like, and how to read what a person typed.

>>> read_code(" 123 456 ", ("totp", "recovery")).factor
'totp'
>>> read_code("ABCD-EFGH-JKLM-NPQR", ("totp", "recovery")).factor
'recovery'

A code that looks like nothing on offer is still sent, as the first factor on offer: the gate counts it as
wrong, and a person is told the same as for any other wrong code. The value never appears in the ``repr``.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

LONGEST = 64

INPUT_ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        "type": "text",
        "autocomplete": "one-time-code",
        "autocapitalize": "characters",
        "spellcheck": "false",
        "maxlength": str(LONGEST),
        "required": "",
        "autofocus": "",
    }
)
"""Attributes that let browsers and password managers fill the code in. No ``inputmode``: recovery codes have
letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A typed code and the factor it is meant for: the two arguments of ``answer``."""

    factor: str
    answer: str = field(repr=False)


def read_code(text: str, factors: Sequence[str]) -> Code:
    """Clean what was typed or pasted, and tell a one-time code from a recovery code.

    Spaces of all kinds and control characters go; digits of other scripts and full-width letters become ASCII.
    ``factors`` are those that the challenge offers, in its order; with none ``totp`` is meant.
    """
    known = unicodedata.normalize("NFKC", text[: LONGEST * 4])
    cleaned = "".join(c for c in known if c.isprintable() and not c.isspace())[:LONGEST]
    digits = cleaned.replace("-", "")
    if digits.isdecimal() and len(digits) <= 8:
        digits = "".join(str(unicodedata.decimal(c)) for c in digits)
        if "totp" in factors or not factors:
            return Code(factor="totp", answer=digits)
    if cleaned and not digits.isdecimal() and "recovery" in factors:
        return Code(factor="recovery", answer=cleaned)
    return Code(factor=factors[0] if factors else "totp", answer=cleaned)
