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
from typing import Any, Literal, NoReturn, TypeAlias, assert_never
from urllib.parse import urlencode

__all__ = [
    "Allowed",
    "Challenge",
    "Decision",
    "Demand",
    "Denied",
    "Entrance",
    "Factor",
    "Grant",
    "Passed",
    "PasskeyDraft",
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
    reported. ``url`` is Stepwarden's own page for it."""

    id: str
    factors: tuple[str, ...]
    expires: str
    ready: bool
    url: str = ""

    def page(self, *, return_to: str, state: str) -> str:
        """Where to redirect the browser.

        Args:
            return_to: an address of yours, registered with Stepwarden (``pages.apps``); it gets ``challenge``,
                ``code`` and ``state``.
            state: a random value that this session alone knows, to be compared when the browser is back.
        """
        return f"{self.url}?{urlencode({'return_to': return_to, 'state': state})}"


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
    """A challenge was passed: present ``grant`` with the same attempt, once, before ``expires``.

    ``session`` is a fresh id for the session to go on under: report it with the outcome. ``device`` is the cookie of a
    device that is to be remembered, empty for none.
    """

    grant: str = field(repr=False)
    aal: int
    amr: tuple[str, ...]
    expires: str
    receipt: Receipt
    session: str = field(default="", repr=False)
    device: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Where to redirect a browser at once: ``url`` is good once, until ``expires``, and a secret until then."""

    url: str = field(repr=False)
    expires: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """Something that a person can prove themselves with. ``strong``: worth AAL2; ``left``: unused codes."""

    factor: str
    credential: str
    since: str
    last_used: str = ""
    strong: bool = False
    hardware: bool = False
    synced: bool = False
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyDraft:
    """A passkey on its way: ``options`` for the browser, ``draft`` for ``enrol_passkey``."""

    draft: str = field(repr=False)
    options: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a grant says: who (``sub``), at which level (``acr``), by what, when (seconds since 1970), for what."""

    sub: str
    acr: str
    amr: tuple[str, ...]
    auth_time: int
    exp: int
    jti: str = ""
    aud: str = ""
    action: str = ""
    action_hash: str = ""


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
