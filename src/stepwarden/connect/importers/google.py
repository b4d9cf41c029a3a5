"""Google Workspace Reports API: activities with their list of events, and the shape with one event laid flat.

>>> log = ['{"items":[{"kind":"admin#reports#activity","id":{"time":"2022-12-11T02:57:48.693Z","uniqueQualifier":"-7",'
...        '"applicationName":"login"},"actor":{"email":"joe@example.com"},"ipAddress":"192.0.2.7","events":'
...        '[{"type":"login","name":"login_failure","parameters":[{"name":"login_type",'
...        '"value":"google_password"}]}]}]}']
>>> [item] = Google().read(log, "activities.json")
>>> item.attempt.action, item.attempt.outcome, item.event_id
('login', 'failure', '-7')

Each event of an activity is an attempt: ``login`` for sign-ins, one of our common verbs, or
``google.<application>.<event>``. Google's own verdicts (``suspicious_login``, accounts it disabled, rule alerts, the
``is_suspicious`` parameter) are never read. The Reports API does not say that an operation failed, except at sign-in:
whatever it reports was done.
"""

from collections.abc import Iterable, Iterator

from stepwarden.connect.importers.base import Item, Skipped
from stepwarden.connect.importers.clean import (
    Folded,
    action,
    address,
    first,
    fold,
    listed,
    required_time,
    text,
)
from stepwarden.connect.importers.jsonlog import Converted, Found, outcome_of, read_json
from stepwarden.connect.importers.times import parse_time
from stepwarden.events.attempt import Attempt, Method

_VERDICT = Skipped("a vendor's own alert or verdict")
_END = Skipped("end of a session")
_VERDICT_APPLICATIONS = frozenset(("rules", "alert", "alert_center", "context_aware_access"))
_VERDICT_EVENTS = (
    "suspicious_",
    "account_disabled_",
    "gov_attack_warning",
    "risky_",
    "blocked_sender",
    "user_signed_out_due_to",
)
_LOGINS: dict[str, bool | None] = {"login_success": True, "login_failure": False}
_EVENTS = {
    "2sv_enroll": "factor.enroll",
    "2sv_disable": "factor.remove",
    "passkey_enrolled": "factor.enroll",
    "passkey_removed": "factor.remove",
    "unenroll_user_from_strong_auth": "factor.remove",
    "reset_signin_cookies": "google.admin.reset_signin_cookies",
    "password_edit": "password.change",
    "change_password": "password.change",
    "recovery_email_edit": "mail.change",
    "change_recovery_email": "mail.change",
    "assign_role": "role.grant",
    "grant_admin_privilege": "role.grant",
    "grant_delegated_admin_privileges": "role.grant",
    "authorize": "consent.grant",
    "add_application": "consent.grant",
    "authorize_api_client_access": "consent.grant",
    "customer_takeout_created": "export",
    "customer_takeout_succeeded": "export",
    "takeout_initiated": "export",
}


class Google:
    """The importer ``google``."""

    name = "google"

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Every event of every activity."""
        return read_json(blocks, source, convert)


def convert(record: Folded) -> Converted:
    """One activity."""
    about = fold(record.get("id"))
    application = first(about, "applicationname").lower()
    if not application:
        return None
    events = [fold(item) for item in listed(record.get("events"))] or [record]
    found: list[Found] = []
    skipped: Skipped | None = None
    for index, event in enumerate(events):
        reason = _irrelevant(application, first(event, "name").strip().lower())
        if reason is not None:
            skipped = reason
            continue
        identity = first(about, "uniquequalifier")
        time = required_time(parse_time(about.get("time")))
        found.append(
            Found(_attempt(record, event, application), time, f"{identity}.{index}" if index else identity)
        )
    return found or skipped


def _irrelevant(application: str, name: str) -> Skipped | None:
    if application in _VERDICT_APPLICATIONS or name.startswith(_VERDICT_EVENTS):
        return _VERDICT
    return _END if name == "logout" else None


def _attempt(record: Folded, event: Folded, application: str) -> Attempt:
    name = first(event, "name").strip().lower()
    details = _details(event.get("parameters"))
    actor = fold(record.get("actor"))
    proved: tuple[Method, ...] = ()
    good = _LOGINS.get(name)
    if name not in _LOGINS:
        good = _challenge(details) if name in ("login_challenge", "login_verification") else True
    elif good and text(details.get("login_type")) == "google_password":
        proved = ("pwd",)
    return Attempt(
        action="login"
        if name in _LOGINS
        else _EVENTS.get(name) or action(f"google.{application}"[:40], name),
        actor=first(actor, "email", "profileid", "key"),
        resource=first(
            details, "user_email", "doc_id", "app_name", "group_email", "role_name", "setting_name", limit=512
        ),
        ip=address(first(record, "ipaddress") or first(event, "ipaddress")),
        user_agent=first(details, "user_agent", limit=2048),
        outcome=outcome_of(good),
        proved=proved,
    )


def _challenge(details: Folded) -> bool | None:
    """Whether a challenge was passed; it says so in words."""
    status = first(details, "login_challenge_status").lower()
    return True if "passed" in status else False if status else None


def _details(parameters: object) -> Folded:
    """Parameters as an object, or as a list of name and some kind of value."""
    if isinstance(parameters, dict):
        return fold(parameters)
    details: Folded = {}
    for item in listed(parameters):
        pair = fold(item)
        for kind in ("value", "multivalue", "boolvalue", "intvalue"):
            if kind in pair:
                details[first(pair, "name").lower()] = pair[kind]
                break
    return details
