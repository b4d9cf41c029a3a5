"""What Stepwarden answers, as frozen values.

A decision is exactly one of three, and has no truth value: ``if decision:`` would read a refusal as a yes.

>>> refused = Denied(reasons=(Reason(rule="tor", text="The address is a Tor exit."),))
>>> bool(refused)
Traceback (most recent call last):
    ...
TypeError: a decision has no truth value: match it against Allowed, StepUp and Denied
>>> match refused:
...     case Allowed():
...         print("go on")
...     case StepUp():
...         print("ask for a code")
...     case Denied():
...         print(refused.reasons[0].text)
...     case _:
...         assert_never(refused)
The address is a Tor exit.

Nothing here shows a grant, a TOTP secret or a recovery code in its ``repr``.
"""

from dataclasses import dataclass, field
from typing import Literal, NoReturn, TypeAlias, assert_never

__all__ = [
    "Allowed",
    "Challenge",
    "Decision",
    "Demand",
    "Denied",
    "Passed",
    "Reason",
    "Receipt",
    "Recorded",
    "RecoveryCodes",
    "StepUp",
    "TotpEnrolment",
    "assert_never",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that held. ``weight`` is its evidence in nats, ``technique`` an ATT&CK id or empty."""

    rule: str
    text: str
    weight: float = 0.0
    technique: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What must hold for the action: assurance level, how fresh (seconds, -1 any), bound to this very
    action."""

    aal: int = 0
    max_age: int = -1
    bound: bool = False
    recovery: bool = False
    deny: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Where the log holds the entry: its index, and the signed checkpoint of ``size`` entries that covers
    it."""

    index: int
    size: int
    checkpoint: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """An open challenge. ``expires`` is ISO 8601, UTC. ``ready``: may be answered before anything is
    reported."""

    id: str
    factors: tuple[str, ...]
    expires: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """What the three decisions have in common. ``outage``: Stepwarden was not heard, the caller's choice
    was."""

    id: str = ""
    risk: float = 0.0
    reasons: tuple[Reason, ...] = ()
    demand: Demand = Demand()
    policy: str = ""
    receipt: Receipt | None = None
    outage: bool = False

    def __bool__(self) -> NoReturn:
        raise TypeError("a decision has no truth value: match it against Allowed, StepUp and Denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed(_Decided):
    """It may happen, once, now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp(_Decided):
    """It may happen after ``challenge`` is passed.

    ``challenge`` is None where nobody can answer one: the actor has no factor enrolled, or there is an outage
    and the caller chose ``step_up``. Then the application asks for a proof of its own, or refuses.
    """

    challenge: Challenge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(_Decided):
    """It may not happen."""


Decision: TypeAlias = Allowed | StepUp | Denied
OnOutage: TypeAlias = Literal["deny", "step_up"]
"""What a call site wants when Stepwarden cannot be heard. There is no "allow" to choose."""

Outcome: TypeAlias = Literal["success", "failure", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An outcome is in the log."""

    id: str
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A challenge was passed: present ``grant`` with the same attempt, once, before ``expires``."""

    grant: str = field(repr=False)
    aal: int
    amr: tuple[str, ...]
    expires: str
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpEnrolment:
    """A new authenticator. Show it to its owner once; keep none of it."""

    uri: str = field(repr=False)
    secret: str = field(repr=False)
    svg: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodes:
    """New recovery codes; the former ones are void. Show them once; keep none."""

    codes: tuple[str, ...] = field(repr=False)
