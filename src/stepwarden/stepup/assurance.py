"""Assurance levels: which methods, proved together, make which AAL (NIST SP 800-63B).

A level of 2 takes two factors of *different* classes: something known, something held, something one is.
Two of the same class are one factor counted twice, and stay at level 1. A recovery code never gives more
than level 1.

>>> level(("pwd",), "totp"), level(("sms",), "totp"), level(("pwd",), "recovery")
(2, 1, 1)

Not here: AAL3, which takes a hardware authenticator that this room does not know yet.
"""

from typing import Literal

from stepwarden.events.entries import AAL

FactorKind = Literal["totp", "recovery"]
FactorClass = Literal["known", "held", "inherent"]
FACTORS: tuple[FactorKind, ...] = ("totp", "recovery")

METHOD_CLASSES: dict[str, frozenset[FactorClass]] = {
    "pwd": frozenset({"known"}),
    "pin": frozenset({"known"}),
    "otp": frozenset({"held"}),
    "sms": frozenset({"held"}),
    "hwk": frozenset({"held"}),
    "swk": frozenset({"held"}),
    "pop": frozenset({"held"}),
    "recovery": frozenset({"held"}),
    "fpt": frozenset({"inherent"}),
    "face": frozenset({"inherent"}),
    "mfa": frozenset({"known", "held"}),
}
"""By RFC 8176 reference. ``user``, ``mca``, ``geo`` and ``rba`` prove no factor by themselves."""


def classes(methods: tuple[str, ...]) -> frozenset[FactorClass]:
    """The classes of factor that these methods prove; empty when they prove none."""
    found: frozenset[FactorClass] = frozenset()
    for method in methods:
        found |= METHOD_CLASSES.get(method, frozenset())
    return found


def level(proved: tuple[str, ...], factor: FactorKind) -> AAL:
    """The level that ``factor`` reaches on top of what stands already."""
    if factor == "recovery":
        return 1
    return 2 if classes(proved) - {"held"} else 1


def methods_after(proved: tuple[str, ...], factor: FactorKind) -> tuple[str, ...]:
    """The ``amr`` of a pass. A recovery code stands alone, so that nobody takes it for a second factor."""
    if factor == "recovery":
        return ("recovery",)
    return tuple(sorted({*proved, "otp"}))


def admitted(aal: AAL, recovery: bool) -> tuple[FactorKind, ...]:
    """The kinds of factor that can answer a demand at all."""
    kinds: list[FactorKind] = []
    if aal <= 2:
        kinds.append("totp")
    if recovery:
        kinds.append("recovery")
    return tuple(kinds)
