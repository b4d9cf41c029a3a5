"""What the bank was told, one JSON object per line on standard output: the demonstration's screen reads it.

``label`` comes from the ``X-Demo-Label`` header, by which the screen tells attackers from people. It goes nowhere
else: Stepwarden never sees it.
"""

import sys

import msgspec

from stepwarden.sdk import Allowed, Decision, StepUp
from stepwarden.sdk.asgi import Scope


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decision (``decision`` set), one answer to a challenge (``code``), or a wrong password (``wrong``)."""

    actor: str
    action: str
    address: str
    label: str = ""
    decision: str = ""
    code: str = ""
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
            decision=word,
            risk=decision.risk,
            reasons=tuple(reason.text for reason in decision.reasons if reason.weight >= 0)[:4],
            again=again,
            outage=decision.outage,
        )
    )


def answered(scope: Scope, actor: str, action: str, result: str) -> None:
    label = _header(scope, b"x-demo-label")
    _write(Line(actor=actor, action=action, address=_address(scope), label=label, code=result))


def wrong_password(scope: Scope, actor: str) -> None:
    """Somebody was let try, and did not know the password."""
    label = _header(scope, b"x-demo-label")
    _write(Line(actor=actor, action="login", address=_address(scope), label=label, wrong=True))
