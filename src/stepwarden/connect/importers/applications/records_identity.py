"""authentik's and Teleport's records.

>>> record = {"event": "user.login", "code": "T1000W", "ei": 0, "time": "2024-05-02T10:00:00Z", "user": "ann",
...           "success": False, "addr.remote": "192.0.2.7:34204"}
>>> [found] = teleport(record)
>>> found.attempt.actor, found.attempt.ip, found.attempt.outcome, found.attempt.resource
('ann', '192.0.2.7', 'failure', 'Teleport')

**authentik** writes each event into its log (``Created Event``), and its API gives the same events; both are read. A
name that nobody has is refused before any event (``invalid_login``). Where authentik is set to go on as if the name
existed, the password that follows fails once more, as an event: two failures, because nothing in the lines tells.

**Teleport**: ``user.login``, changes of factors and passwords, used recovery codes, and ``auth``, a refused
certificate. What a session does later is skipped, and so are trials of a connector (T1010, T1011) and a login that is
only asked for (T1012).
"""

import re
from typing import Final

from stepwarden.connect.importers.applications.messages import OTHER
from stepwarden.connect.importers.clean import (
    Folded,
    action,
    address,
    first,
    fold,
    listed,
    place,
    required_time,
)
from stepwarden.connect.importers.jsonlog import Converted, Found, outcome_of
from stepwarden.connect.importers.times import parse_time
from stepwarden.events.attempt import Attempt, Method

_AUTHENTIK: Final = {
    "login": "login",
    "login_failed": "login",
    "invalid_identifier": "login",
    "password_set": "password.change",
    "model_created": "factor.enroll",
    "model_deleted": "factor.remove",
}
_UNKNOWN_ADDRESS: Final = "255.255.255.255"
"""What authentik writes for an address that it cannot tell."""
_NOBODY: Final = "AnonymousUser"
_METHODS: Final[dict[str, Method]] = {"password": "pwd", "auth_webauthn_pwl": "pop"}
_DEVICES: Final[dict[str, Method]] = {"totpdevice": "otp", "webauthndevice": "pop", "smsdevice": "sms"}

_TELEPORT: Final = {
    "user.login": "login",
    "mfa.add": "factor.enroll",
    "mfa.delete": "factor.remove",
    "user.password_change": "password.change",
    "recovery_code.used": action("teleport", "recovery_code.used"),
    "auth": action("teleport", "auth"),
}
_CODE: Final = re.compile(r"^T[A-Z0-9]{3,8}[A-Z]$")
_NO_SIGN_IN: Final = frozenset(("T1010I", "T1011W", "T1012I"))


def authentik(record: Folded) -> Converted:
    """A line of the server's log, or an event of the API."""
    logged = first(record, "logger").startswith(("authentik", "goauthentik")) and "event" in record
    kept = first(record, "app").startswith("authentik") and {"action", "context", "created"} <= record.keys()
    if not (logged or kept):
        return None
    if logged and first(record, "event") not in ("Created Event", "invalid_login"):
        return OTHER
    kind = first(record, "action")
    verb = _AUTHENTIK.get(kind)
    context = fold(record.get("context"))
    if verb is None or (verb.startswith("factor.") and not _is_device(context)):
        return OTHER
    good = kind not in ("login_failed", "invalid_identifier")
    seen = address(record.get("client_ip"))
    geo = fold(context.get("geo"))
    attempt = Attempt(
        action=verb,
        actor=_authentik_actor(record, context, good=good),
        resource="authentik",
        ip="" if seen == _UNKNOWN_ADDRESS else seen,
        user_agent=first(fold(context.get("http_request")), "user_agent", limit=2048),
        place=place(
            country=geo.get("country"),
            city=geo.get("city"),
            latitude=geo.get("lat"),
            longitude=geo.get("long"),
            asn=fold(context.get("asn")).get("asn"),
        ),
        outcome=outcome_of(good),
        proved=_authentik_proved(context) if kind == "login" else (),
    )
    time = required_time(parse_time(record.get("timestamp" if logged else "created")))
    return [Found(attempt, time, first(record, "pk"))]


def _is_device(context: Folded) -> bool:
    return first(fold(context.get("model")), "model_name").endswith("device")


def _authentik_actor(record: Folded, context: Folded, *, good: bool) -> str:
    """Who signed in is the user of the event; who failed to is nobody, and the name stands in the context."""
    name = first(fold(record.get("user")), "username")
    if good:
        return "" if name == _NOBODY else name
    return first(record, "identifier") or first(context, "username")


def _authentik_proved(context: Folded) -> tuple[Method, ...]:
    used = listed(fold(context.get("auth_method_args")).get("mfa_devices"))
    proved = [_METHODS.get(first(context, "auth_method"))]
    proved.extend(_DEVICES.get(first(fold(item), "model_name")) for item in used)
    return tuple(dict.fromkeys(method for method in proved if method is not None))


def teleport(record: Folded) -> Converted:
    """An event of the audit log."""
    code = first(record, "code")
    if not (_CODE.match(code) and {"event", "time"} <= record.keys() and ("ei" in record or "uid" in record)):
        return None
    verb = _TELEPORT.get(first(record, "event"))
    if verb is None or code in _NO_SIGN_IN:
        return OTHER
    said = record.get("success")
    good = said if isinstance(said, bool) else code.endswith("I")
    attempt = Attempt(
        action=verb,
        actor=first(record, "user"),
        resource="Teleport",
        session=first(record, "sid"),
        ip=address(record.get("addr.remote")),
        user_agent=first(record, "user_agent", limit=2048),
        outcome=outcome_of(good),
        proved=_teleport_proved(record) if verb == "login" and good else (),
    )
    return [Found(attempt, required_time(parse_time(record.get("time"))), first(record, "uid"))]


def _teleport_proved(record: Folded) -> tuple[Method, ...]:
    """A local login takes a password, and a code; with a key it may have been without the password."""
    if first(record, "method") != "local":
        return ()
    match first(fold(record.get("mfa_device")), "mfa_device_type").lower():
        case "":
            return ("pwd",)
        case "totp":
            return ("pwd", "otp")
        case "webauthn" | "u2f":
            return ("pop",)
        case _:
            return ()
