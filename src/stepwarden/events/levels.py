"""Assurance levels by name: ``nist-aal1`` to ``nist-aal3``, as ``acr`` and ``acr_values`` have them.

>>> acr_of(2), level_of("nist-aal3 nist-aal2")
('nist-aal2', 2)

Of several values that would do (OpenID Connect Core, section 3.1.2.1) the least is enough.
"""

from typing import Final

from stepwarden.errors import InputError
from stepwarden.events.base import AAL

LEVELS: Final[dict[str, AAL]] = {"nist-aal1": 1, "nist-aal2": 2, "nist-aal3": 3}


def acr_of(aal: AAL) -> str:
    """The name of a level; empty for none."""
    return f"nist-aal{aal}" if aal else ""


def level_of(acr_values: str) -> AAL:
    """The least level among these names, separated by blanks. Names of others are passed over.

    Raises:
        InputError: none of them is known: what is asked for cannot be met, and less must not pass for it.
    """
    found = [LEVELS[name] for name in acr_values.split() if name in LEVELS]
    if not found:
        raise InputError(f"none of these levels is known; known are {', '.join(LEVELS)}", field="acr_values")
    return min(found)
