"""Records of services that people sign in to: audiobookshelf, GitLab, Nextcloud, ntfy.

>>> record = {"reqId": "U1", "level": 2, "time": "2024-05-02T10:00:00+00:00", "remoteAddr": "192.0.2.7", "user": "--",
...           "app": "core", "message": "Login failed: ann (Remote IP: 192.0.2.7)", "userAgent": "UA/1"}
>>> [found] = nextcloud({name.lower(): value for name, value in record.items()})
>>> found.attempt.actor, found.attempt.ip, found.attempt.outcome, found.attempt.resource
('ann', '192.0.2.7', 'failure', 'Nextcloud')

A name stands in the middle of a message, and may hold anything, line breaks too: it reaches to the last words that can
be the service's own. No name makes its sign-in another message.

**audiobookshelf**: the logs of each day.

**GitLab**: ``production_json.log`` tells of requests. A POST to the form of sign-in that ends with 0 or 401 failed; 302
with a user beside it succeeded; 200 after a code is a failure, and after a password it asks for the code, so that
nothing is decided yet. ``application_json.log`` tells of the same sign-ins in words.

**Nextcloud**: ``nextcloud.log`` has failures; ``audit.log`` (the app *admin_audit*) successes, second factors and
changed passwords, and in newer versions failures too.

**ntfy**: a login that was refused (error 40101) has no name. The line before it, ``Authentication failed``, has no
address; what a visitor without a login may not read is no sign-in.
"""

import re
from typing import Final

from stepwarden.connect.importers.applications.messages import CHANGED, OTHER
from stepwarden.connect.importers.clean import Folded, address, first, fold, listed, required_time, text
from stepwarden.connect.importers.jsonlog import Converted, Found, outcome_of
from stepwarden.connect.importers.times import parse_time
from stepwarden.errors import InputError
from stepwarden.events.attempt import Attempt, Outcome

_SHELF_FAILED: Final = re.compile(
    r'\[(?:Local)?Auth\] Failed login attempt for username "(?P<user>.*)" from ip (?P<ip>\S+) \([^()]*\)$',
    re.DOTALL,
)
_SHELF_PASSED: Final = re.compile(
    r'\[(?:Local)?Auth\] User "(?P<user>.*)" logged in from ip (?P<ip>\S+)$', re.DOTALL
)
_SHELF_PASSWORD: Final = re.compile(r'\[(?:Local)?Auth\] User "(?P<user>.*)" changed password$', re.DOTALL)

_SIGN_IN: Final = ("SessionsController", "OmniauthCallbacksController")
_GITLAB_FAILED: Final = re.compile(r"Failed Login: username=(?P<user>.*) ip=(?P<ip>\S+)$", re.DOTALL)
_GITLAB_PASSED: Final = re.compile(
    r"Successful Login: username=(?P<user>.*) ip=(?P<ip>\S+) method=\S+ admin=(?:true|false)$", re.DOTALL
)

_CLOUD: Final[tuple[tuple[re.Pattern[str], str, Outcome], ...]] = (
    (re.compile(r"(?s)Login failed: '(?P<user>.*)' \(Remote IP: '[^']*'\)$"), "login", "failure"),
    (re.compile(r"(?s)Login failed: (?P<user>.*) \(Remote IP: [^()]*\)$"), "login", "failure"),
    (re.compile(r'(?s)Login failed: "(?P<user>.*)"$'), "login", "failure"),
    (re.compile(r"(?s)Login failed: (?P<user>.*)$"), "login", "failure"),
    (re.compile(r"(?s)Two-factor challenge failed: (?P<user>.*) \(Remote IP: [^()]*\)$"), "login", "failure"),
    (re.compile(r'(?s)Login successful: "(?P<user>.*)"$'), "login", "success"),
    (re.compile(r'(?s)Password of user "(?P<user>.*)" has been changed$'), "password.change", "success"),
)
_NO_NAME: Final = "--"
_REFUSED: Final = 40_101


def audiobookshelf(record: Folded) -> Converted:
    """A line of a daily log."""
    if not {"timestamp", "source", "message", "levelname"} <= record.keys():
        return None
    message = _words(record)
    for pattern, verb, good in (
        (_SHELF_FAILED, "login", False),
        (_SHELF_PASSED, "login", True),
        (_SHELF_PASSWORD, "password.change", True),
    ):
        if (found := pattern.match(message)) is not None:
            said = found.groupdict()
            attempt = Attempt(
                action=verb,
                actor=text(said["user"]),
                resource="audiobookshelf",
                ip=address(said.get("ip")),
                outcome=outcome_of(good),
                proved=("pwd",) if good and verb == "login" else (),
            )
            return [Found(attempt, required_time(parse_time(record["timestamp"])))]
    if "Auth] Failed login attempt" in message[:64]:
        raise InputError(CHANGED, field="message")
    return OTHER


def gitlab(record: Folded) -> Converted:
    """A request of ``production_json.log``."""
    if not {"controller", "action", "path", "params"} <= record.keys() or not (
        {"correlation_id", "request_urgency", "meta.caller_id"} & record.keys()
    ):
        return None
    if first(record, "controller") not in _SIGN_IN or first(record, "method") != "POST":
        return OTHER
    given = {first(pair, "key"): pair.get("value") for pair in map(fold, listed(record["params"]))}
    form = fold(given.get("user"))
    outcome = _gitlab_outcome(record, form)
    if outcome is None:
        return OTHER
    # the name that was typed may be an address of mail; the user's own is known where somebody is signed in
    known, typed = first(record, "username", "meta.user"), first(form, "login") or first(given, "username")
    attempt = Attempt(
        action="login",
        actor=known or typed if outcome == "success" else typed or known,
        resource="GitLab",
        ip=address(first(record, "remote_ip", "meta.remote_ip")),
        user_agent=first(record, "ua", limit=2048),
        outcome=outcome,
    )
    return [Found(attempt, required_time(parse_time(record.get("time"))))]


def _gitlab_outcome(record: Folded, form: Folded) -> Outcome | None:
    """How the sign-in ended; ``None`` for a request that is none."""
    status, verb = record.get("status"), first(record, "action")
    somebody = bool(first(record, "user_id", "username", "meta.user"))
    if first(record, "controller") == "OmniauthCallbacksController":
        if verb == "failure":
            return "failure"
        return "success" if status == 302 and somebody else None
    if verb != "create":
        return None
    if status in (0, 401):
        return "failure"
    if status == 302 and somebody:
        return "success"
    return "failure" if status == 200 and "otp_attempt" in form else "unknown"


def gitlab_message(record: Folded) -> Converted:
    """A line of ``application_json.log``."""
    if not {"severity", "time", "correlation_id", "message"} <= record.keys():
        return None
    message = _words(record)
    for pattern, good in ((_GITLAB_FAILED, False), (_GITLAB_PASSED, True)):
        if (found := pattern.match(message)) is not None:
            attempt = Attempt(
                action="login",
                actor=text(found["user"]),
                resource="GitLab",
                ip=address(found["ip"]),
                outcome=outcome_of(good),
            )
            return [Found(attempt, required_time(parse_time(record["time"])))]
    if message.startswith(("Failed Login:", "Successful Login:")):
        raise InputError(CHANGED, field="message")
    return OTHER


def nextcloud(record: Folded) -> Converted:
    """A line of ``nextcloud.log`` or ``audit.log``; the address is the one that Nextcloud believes."""
    if not {"reqid", "remoteaddr", "app", "message"} <= record.keys():
        return None
    message = _words(record)
    for pattern, verb, outcome in _CLOUD:
        if (found := pattern.match(message)) is not None:
            return _nextcloud(record, found["user"], verb, outcome)
    if first(record, "app") == "admin_audit" and message.startswith("Successful two factor attempt by user "):
        return _nextcloud(record, first(record, "user"), "nextcloud.second_factor", "success")
    return OTHER


def _nextcloud(record: Folded, name: str, verb: str, outcome: Outcome) -> Converted:
    attempt = Attempt(
        action=verb,
        actor="" if name == _NO_NAME else text(name),
        resource="Nextcloud",
        ip=address(first(record, "remoteaddr").removeprefix(_NO_NAME)),
        user_agent=first(record, "useragent", limit=2048).removeprefix(_NO_NAME),
        outcome=outcome,
    )
    return [Found(attempt, required_time(parse_time(record.get("time"))))]


def ntfy(record: Folded) -> Converted:
    """A line of the log, as JSON: the answer to a request whose login was refused."""
    if not {"time", "level", "message", "tag"} <= record.keys():
        return None
    if record.get("error_code") != _REFUSED or "visitor_ip" not in record:
        return OTHER
    attempt = Attempt(
        action="login",
        actor=first(record, "user_name"),
        resource="ntfy",
        ip=address(record["visitor_ip"]),
        outcome="failure",
    )
    return [Found(attempt, required_time(parse_time(record["time"])))]


def _words(record: Folded) -> str:
    message = record["message"]
    return message if isinstance(message, str) else ""
