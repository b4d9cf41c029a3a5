"""Keycloak events: JSON of an event listener, the admin REST API's array, and lines of the server's text log.

>>> log = ['2023-05-25 22:24:19,357 WARN  [org.keycloak.events] (executor-thread-1) type="LOGIN_ERROR", realmId="r", '
...        'clientId="web", userId="null", ipAddress="192.0.2.7", error="user_not_found", username="bob"']
>>> [item] = Keycloak().read(log, "keycloak.log")
>>> item.attempt.action, item.attempt.actor, item.attempt.outcome
('login', 'bob', 'failure')

``LOGIN`` and ``LOGIN_ERROR`` are ``login``; changes of credentials, consents and role mappings by administrators have
our common verbs; every other event is ``keycloak.<type>``. The traffic of tokens inside a session is skipped unless it
fails. In the text log a value that the attacker chooses comes after those that the server chose, so that the first
value of a name counts. A time without a zone is UTC.
"""

import re
from collections.abc import Iterable, Iterator

from stepwarden.connect.importers.base import Item, Skipped, Unknown, shorten
from stepwarden.connect.importers.clean import Folded, action, address, first, fold, required_time
from stepwarden.connect.importers.jsonlog import Converted, Found, items, outcome_of, read_json
from stepwarden.connect.importers.reading import begun, lines
from stepwarden.connect.importers.times import parse_time
from stepwarden.events.attempt import Attempt, Method

_TOKENS = Skipped("the traffic of tokens inside a session")
_END = Skipped("end of a session")
_OTHER = Skipped("another message of the server")
_TOKEN_EVENTS = frozenset(
    (
        "code_to_token",
        "refresh_token",
        "introspect_token",
        "user_info_request",
        "permission_token",
        "token_exchange",
    )
)
_EVENTS = {
    "login": "login",
    "update_password": "password.change",
    "reset_password": "password.change",
    "update_totp": "factor.enroll",
    "remove_totp": "factor.remove",
    "update_email": "mail.change",
    "grant_consent": "consent.grant",
}
_PAIR = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,]*))(?:, |$)')
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")
_START = re.compile(r'type="?[A-Z_]+"?, realm(?:Id|Name)=')
_ADMIN_START = re.compile(r'operationType="?[A-Z_]+"?, realm(?:Id|Name)=')


class Keycloak:
    """The importer ``keycloak``."""

    name = "keycloak"

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Every event of the log."""
        head, whole = begun(blocks)
        if head in ("{", "["):
            return read_json(whole, source, convert)
        return _read_text(whole, source)


def _read_text(blocks: Iterator[str], source: str) -> Iterator[Item]:
    for number, line in enumerate(lines(blocks), start=1):
        stamp = _STAMP.search(line[:128])
        found = _from_message(line)
        if found is not None:
            found["time"] = stamp[0].replace(",", ".") if stamp else None
            yield from items(found, number, source, convert)
        elif stamp is not None or not line.strip() or line[:1] in "\t ":
            yield _OTHER
        else:
            yield Unknown(number, shorten(line), "no message of Keycloak")


def is_event(line: str) -> bool:
    """Whether a line of text has an event of Keycloak in it."""
    return _START.search(line) is not None or _ADMIN_START.search(line) is not None


def _from_message(message: str) -> dict[str, object] | None:
    """``type="LOGIN", realmId="r", ...`` as an event; the first value of a name counts."""
    start = _START.search(message) or _ADMIN_START.search(message)
    if start is None:
        return None
    values: dict[str, object] = {}
    for name, quoted, bare in _PAIR.findall(message[start.start() : start.start() + 16_384]):
        value = quoted.replace('\\"', '"') if quoted else bare
        values.setdefault(name, None if value == "null" else value)
    values["details"] = dict(values)
    if "operationType" in values:
        values["authDetails"] = dict(values)
    return values


def convert(record: Folded) -> Converted:
    """One event: of a user, of an administrator, or a message of the server's JSON log with one in it."""
    if "loggername" in record and "message" in record:
        message = record["message"]
        inner = _from_message(message.strip()) if isinstance(message, str) else None
        if inner is None:
            return _OTHER
        inner["time"] = record.get("timestamp")
        return convert(fold(inner))
    if "operationtype" in record and ("authdetails" in record or "resourcetype" in record):
        return _admin(record)
    kind = first(record, "type")
    if not kind.replace("_", "").isalpha() or not ("realmid" in record or "realmname" in record):
        return None
    name = kind.lower().removesuffix("_error")
    failed = kind.lower().endswith("_error") or bool(first(record, "error"))
    if not failed and name in _TOKEN_EVENTS:
        return _TOKENS
    if name == "logout":
        return _END
    details = fold(record.get("details"))
    attempt = Attempt(
        action=_action(name, details),
        actor=first(details, "username") or first(record, "userid") or _client(name, record),
        resource=first(record, "clientid", limit=512),
        session=first(record, "sessionid") or first(details, "code_id"),
        ip=address(record.get("ipaddress")),
        user_agent=first(details, "user_agent", limit=2048),
        outcome=outcome_of(not failed),
        proved=_proved(name, details, failed),
    )
    return [Found(attempt, required_time(parse_time(record.get("time"))), first(record, "id"))]


def _client(name: str, record: Folded) -> str:
    return first(record, "clientid") if name == "client_login" else ""


def _action(name: str, details: Folded) -> str:
    if name in ("update_credential", "remove_credential"):
        if first(details, "credential_type") == "password":
            return "password.change"
        return "factor.enroll" if name.startswith("update") else "factor.remove"
    return _EVENTS.get(name) or action("keycloak", name)


def _proved(name: str, details: Folded, failed: bool) -> tuple[Method, ...]:
    return ("pwd",) if name == "login" and not failed and first(details, "auth_type") == "password" else ()


def _admin(record: Folded) -> Converted:
    by = fold(record.get("authdetails"))
    operation = first(record, "operationtype").lower()
    kind = first(record, "resourcetype").lower()
    granted = operation == "create" and kind in (
        "realm_role_mapping",
        "client_role_mapping",
        "group_membership",
    )
    attempt = Attempt(
        action="role.grant"
        if granted
        else action("keycloak.admin", f"{operation}.{kind}" if kind else operation),
        actor=first(by, "username", "userid"),
        resource=first(record, "resourcepath", limit=512),
        ip=address(by.get("ipaddress")),
        outcome=outcome_of(not first(record, "error")),
    )
    return [Found(attempt, required_time(parse_time(record.get("time"))), first(record, "id"))]
