"""What the bank was told, one JSON object per line on standard output: the demonstration's screen reads it.

``label`` comes from the ``X-Demo-Label`` header, by which the screen tells attackers from people. It goes nowhere
else: Stepwarden never sees it.
"""

import sys

import msgspec

from stepwarden.sdk import Allowed, Decision, StepUp
from stepwarden.sdk.asgi import Scope


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decision (``decision`` set), one step on Stepwarden's pages (``step``), or a wrong password (``wrong``).

    ``id`` is the decision's; ``how`` what the step was done with.
    """

    actor: str
    action: str
    address: str
    label: str = ""
    id: str = ""
    decision: str = ""
    step: str = ""
    how: str = ""
    risk: float = 0.0
    reasons: tuple[str, ...] = ()
    again: bool = False
    wrong: bool = False
    outage: bool = False


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return _header(scope, b"x-forwarded-for") or (str(client[0]) if client else "")


def _write(line: Line) -> None:
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


def decided(scope: Scope, actor: str, action: str, decision: Decision, *, again: bool) -> None:
    """``again``: asked a second time with a grant."""
    word = "allow" if isinstance(decision, Allowed) else "step_up" if isinstance(decision, StepUp) else "deny"
    _write(
        Line(
            actor=actor,
            action=action,
            address=_address(scope),
            label=_header(scope, b"x-demo-label"),
            id=decision.id,
            decision=word,
            risk=decision.risk,
            reasons=tuple(reason.text for reason in decision.reasons if reason.weight >= 0)[:4],
            again=again,
            outage=decision.outage,
        )
    )


def step(scope: Scope, actor: str, action: str, name: str, *, how: str = "", why: str = "") -> None:
    """A step on Stepwarden's page that the bank knows of; the screen reads the rest in the log."""
    _write(
        Line(
            actor=actor,
            action=action,
            address=_address(scope),
            label=_header(scope, b"x-demo-label"),
            step=name,
            how=how,
            reasons=(why,) if why else (),
        )
    )


def passed(scope: Scope, actor: str, action: str, amr: tuple[str, ...]) -> None:
    """A proof was collected. ``amr``: RFC 8176; a passkey is a key in hardware or in software."""
    how = "a passkey" if {"hwk", "swk"} & set(amr) else "a code"
    step(scope, actor, action, "passed", how=how)


def wrong_password(scope: Scope, actor: str) -> None:
    """Somebody was let try, and did not know the password."""
    label = _header(scope, b"x-demo-label")
    _write(Line(actor=actor, action="login", address=_address(scope), label=label, wrong=True))
