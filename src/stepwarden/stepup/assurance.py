"""Assurance levels: which factors, proved together, make which AAL (NIST SP 800-63B), and what they are called.

A level of 2 takes two factors of *different* classes: something known, something held, something one is; a passkey is
two by itself, because whoever uses it is verified by their device (``user``) before its key signs. Two of the same
class are one factor counted twice, and stay at level 1. A code by mail, or a recovery code, never gives more than that.
Level 3 takes a passkey whose key cannot leave an authenticator that we know (``hardware``).

``TABLE`` is the one place where this stands; ``docs/step-up.md`` shows it (a test compares them).

>>> level(("pwd",), Used("totp")), level(("sms",), Used("totp")), level(("pwd",), Used("email"))
(2, 1, 1)
>>> level((), Used("webauthn", synced=True)), level((), Used("webauthn", hardware=True))
(2, 3)

``amr`` are RFC 8176 references. Two of ours stand beside them in the log, so that nobody there takes them for a factor:
``email`` and ``recovery``; outside (``spoken``) both are called ``otp``, and what they are worth is in ``acr``.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import msgspec

from stepwarden.events.entries import AAL

FactorKind = Literal["webauthn", "provider", "totp", "push", "sms", "email", "recovery"]
FactorClass = Literal["known", "held", "inherent"]

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
"""By RFC 8176 reference. ``user``, ``mca``, ``geo``, ``rba`` and our ``email`` prove no factor by themselves."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What one kind of factor is worth. ``alone``: by itself; ``second``: on top of something known or inherent.

    ``methods`` are its ``amr``; ``strength`` orders the kinds: who changes factors proves the strongest they have.
    ``sent``: what is typed, or approved, is delivered to the person first.
    """

    alone: AAL
    second: AAL
    methods: tuple[str, ...]
    strength: int
    sent: bool = False


TABLE: Final[dict[FactorKind, Worth]] = {
    "webauthn": Worth(2, 2, ("hwk", "mfa", "swk", "user"), 6),
    "provider": Worth(1, 2, ("mca",), 5),
    "totp": Worth(1, 2, ("otp",), 4),
    "push": Worth(1, 2, ("mca",), 4, sent=True),
    "sms": Worth(1, 2, ("sms",), 2, sent=True),
    "email": Worth(1, 1, ("email",), 1, sent=True),
    "recovery": Worth(1, 1, ("recovery",), 0),
}
"""Strongest first. A passkey gives 3 where its key is ``hardware``; a provider what its answer says, at most 3."""

FACTORS: Final[tuple[FactorKind, ...]] = tuple(TABLE)
HARDWARE_LEVEL: Final[AAL] = 3
_OUTSIDE: Final = {"email": "otp", "recovery": "otp"}


class Used(msgspec.Struct, frozen=True):
    """A factor as it was used. ``hardware``, ``synced``: of a passkey; ``aal``, ``methods``: what a provider said."""

    factor: FactorKind
    hardware: bool = False
    synced: bool = False
    aal: AAL = 0
    methods: tuple[str, ...] = ()


def kind_of(factor: str) -> FactorKind | None:
    """The kind of this name, if there is one."""
    return next((known for known in FACTORS if known == factor), None)


@lru_cache(256)
def classes(methods: tuple[str, ...]) -> frozenset[FactorClass]:
    """The classes of factor that these methods prove; empty when they prove none."""
    found: frozenset[FactorClass] = frozenset()
    for method in methods:
        found |= METHOD_CLASSES.get(method, frozenset())
    return found


def own_methods(used: Used) -> tuple[str, ...]:
    """The methods that the factor itself has proved now."""
    if used.factor == "webauthn":
        # A key that may be copied, or that nobody vouches for, is called a software key.
        return ("hwk" if used.hardware else "swk", "mfa", "user")
    if used.factor == "provider":
        # By hwk and swk our own passkeys are known, which a provider's word must not pass for.
        return tuple(sorted({"mca", *used.methods} - {"hwk", "swk"}))
    return TABLE[used.factor].methods


def level(proved: tuple[str, ...], used: Used) -> AAL:
    """The level that a factor reaches on top of what stands already."""
    worth = TABLE[used.factor]
    if used.factor == "webauthn" and used.hardware:
        return HARDWARE_LEVEL
    if used.factor == "provider":
        return used.aal
    return worth.second if classes(proved) - {"held"} else worth.alone


def methods_after(proved: tuple[str, ...], used: Used) -> tuple[str, ...]:
    """The ``amr`` of a pass. A recovery code stands alone, so that nobody takes it for a second factor."""
    if used.factor == "recovery":
        return TABLE["recovery"].methods
    return tuple(sorted({*proved, *own_methods(used)}))


def admitted(aal: AAL, recovery: bool, methods: tuple[str, ...]) -> tuple[FactorKind, ...]:
    """The kinds of factor that can answer a demand at all; ``methods`` empty: by whatever method."""
    kinds: list[FactorKind] = []
    for kind, worth in TABLE.items():
        if kind == "recovery":
            if recovery:
                kinds.append(kind)
        elif (aal <= worth.second or kind in ("webauthn", "provider")) and (
            not methods or set(methods) & set(worth.methods)
        ):
            kinds.append(kind)
    return tuple(kinds)


def at_least(kind: FactorKind) -> tuple[str, ...]:
    """The methods of this kind of factor and of all stronger ones."""
    least = TABLE[kind].strength
    found = {method for worth in TABLE.values() if worth.strength >= least for method in worth.methods}
    # ``mfa`` and ``user`` may be an application's own word; a passkey's key is named by hwk or swk.
    return tuple(sorted(found - {"mfa", "user"}))


def reach(kind: FactorKind) -> AAL:
    """The level that this kind gives a person who signed in by password."""
    return TABLE[kind].second


def spoken(methods: tuple[str, ...]) -> tuple[str, ...]:
    """The methods as RFC 8176 has them, for those outside."""
    return tuple(sorted({_OUTSIDE.get(method, method) for method in methods}))
