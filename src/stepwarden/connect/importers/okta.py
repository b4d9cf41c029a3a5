"""Okta system log: the API's array, or JSON lines.

>>> log = ['{"uuid":"7","published":"2022-06-22T18:18:29.015Z","eventType":"user.session.start","actor":{"alternateId":'
...        '"homer@example.com"},"client":{"ipAddress":"192.0.2.7"},"outcome":{"result":"FAILURE"}}']
>>> [item] = Okta().read(log, "okta.json")
>>> item.attempt.action, item.attempt.actor, item.attempt.outcome
('login', 'homer@example.com', 'failure')

``user.session.start`` is ``login``; every other event is an attempt ``okta.<eventType>`` or one of our common verbs.
Skipped: ends of sessions, Okta's own verdicts (``policy.evaluate_sign_on``, threats, behaviours), its limits and
housekeeping. Okta writes a country by its English name: that is left to the look-up, region, city and coordinates are
used.
"""

from collections.abc import Iterable, Iterator

from stepwarden.connect.importers.base import Item, Skipped
from stepwarden.connect.importers.clean import (
    Folded,
    action,
    address,
    device,
    first,
    fold,
    listed,
    place,
    required_time,
    text,
)
from stepwarden.connect.importers.jsonlog import Converted, Found, read_json
from stepwarden.connect.importers.times import parse_time
from stepwarden.events.attempt import Attempt, Method, Outcome

_VERDICT = Skipped("a vendor's own alert or verdict")
_END = Skipped("end of a session")
_HOUSEKEEPING = Skipped("the vendor's own limits and housekeeping")
_VERDICTS = (
    "policy.evaluate_sign_on",
    "policy.entity_risk",
    "security.",
    "user.risk",
    "user.behavior",
    "analytics.",
)
_KEEPING = ("system.org.", "system.email.", "system.sms.", "system.voice.", "system.push.", "system.agent.")
_ENDS = ("user.session.end", "user.session.clear", "user.session.expire")
_EVENTS = {
    "user.session.start": "login",
    "user.mfa.factor.activate": "factor.enroll",
    "user.mfa.factor.deactivate": "factor.remove",
    "user.mfa.factor.reset_all": "factor.remove",
    "user.account.update_password": "password.change",
    "user.account.reset_password": "password.change",
    "user.account.update_primary_email": "mail.change",
    "user.account.update_secondary_email": "mail.change",
    "user.account.privilege.grant": "role.grant",
    "group.privilege.grant": "role.grant",
    "app.oauth2.as.consent.grant": "consent.grant",
    "app.oauth2.consent.grant": "consent.grant",
    "app.generic.unauth_app_access_attempt": "okta.app.unauth_app_access_attempt",
}
_LEGACY = {
    "core.user.factor.reset_all": "factor.remove",
    "core.user.factor.deactivate": "factor.remove",
    "core.user.factor.activate": "factor.enroll",
    "core.user.config.password_update.success": "password.change",
    "core.user_auth.login_success": "login",
    "core.user_auth.login_failed": "login",
}
_OUTCOMES: dict[str, Outcome] = {
    "SUCCESS": "success",
    "ALLOW": "success",
    "FAILURE": "failure",
    "DENY": "failure",
}
_CREDENTIALS: dict[str, Method] = {
    "PASSWORD": "pwd",
    "OTP": "otp",
    "SMS": "sms",
    "IWA": "user",
    "CERTIFICATE": "pop",
}


class Okta:
    """The importer ``okta``."""

    name = "okta"

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Every event of the log."""
        return read_json(blocks, source, convert)


def convert(record: Folded) -> Converted:
    """One event."""
    kind = first(record, "eventtype")
    legacy = first(record, "legacyeventtype")
    if not (kind or legacy) or not ("published" in record or "outcome" in record or "client" in record):
        return None
    if kind.startswith(_VERDICTS):
        return _VERDICT
    if kind.startswith(_KEEPING):
        return _HOUSEKEEPING
    if kind.startswith(_ENDS):
        return _END
    outcome = _OUTCOMES.get(first(fold(record.get("outcome")), "result").upper(), "unknown")
    context = fold(record.get("authenticationcontext"))
    actor, client = fold(record.get("actor")), fold(record.get("client"))
    agent, where = fold(client.get("useragent")), fold(client.get("geographicalcontext"))
    at = fold(where.get("geolocation"))
    attempt = Attempt(
        action=_EVENTS.get(kind) or (not kind and _LEGACY.get(legacy)) or action("okta", kind or legacy),
        actor=first(actor, "alternateid", "id"),
        resource=_target(record, actor),
        session=first(context, "externalsessionid", "rootsessionid"),
        ip=address(client.get("ipaddress")),
        user_agent=first(agent, "rawuseragent", limit=2048),
        device=device(
            name=fold(record.get("device")).get("id"),
            browser=agent.get("browser"),
            system=agent.get("os"),
            kind=client.get("device"),
        ),
        place=place(
            country=where.get("country"),
            region=where.get("state"),
            city=where.get("city"),
            latitude=at.get("lat"),
            longitude=at.get("lon"),
            asn=fold(record.get("securitycontext")).get("asnumber"),
        ),
        outcome=outcome,
        proved=_proved(context, outcome),
    )
    return [Found(attempt, required_time(parse_time(record.get("published"))), first(record, "uuid"))]


def _proved(context: Folded, outcome: Outcome) -> tuple[Method, ...]:
    method = _CREDENTIALS.get(first(context, "credentialtype").upper())
    return (method,) if method is not None and outcome == "success" else ()


def _target(record: Folded, actor: Folded) -> str:
    """The first target that is not the actor: whose factor was reset, which application was opened."""
    for item in listed(record.get("target")):
        target = fold(item)
        if first(target, "id") != first(actor, "id"):
            return text(first(target, "alternateid") or first(target, "displayname", "id"), 512)
    return ""
