"""Authelia's and OpenSearch Dashboards' records, of a log that is JSON only; among text ``identity`` reads them.

>>> record = {"level": "error", "method": "POST", "msg": "Unsuccessful TOTP authentication attempt by user 'ann'",
...           "path": "/api/secondfactor/totp", "remote_ip": "192.0.2.7", "time": "2024-05-02T10:00:00Z"}
>>> [found] = authelia(record)
>>> found.attempt.actor, found.attempt.ip, found.attempt.outcome, found.attempt.resource
('ann', '192.0.2.7', 'failure', 'Authelia')

**Authelia** tells of each factor; what it says of a request besides is skipped, and so is how it started.

**OpenSearch Dashboards**: a POST to the form of sign-in that ends with 401 failed, and one with 200 succeeded. The name
is in the body, which is not written; the address is that of the peer, also behind a proxy.
"""

import re
from typing import Final

from stepwarden.connect.importers.applications.messages import CHANGED, OTHER
from stepwarden.connect.importers.clean import Folded, address, first, fold, required_time, text
from stepwarden.connect.importers.jsonlog import Converted, Found, outcome_of
from stepwarden.connect.importers.times import parse_time
from stepwarden.errors import InputError
from stepwarden.events.attempt import Attempt, Method

_UNSUCCESSFUL: Final = re.compile(
    r"Unsuccessful \w{1,16} authentication attempt by user '(?P<user>.*)'"
    r"(?:: .{0,512}| and they are banned until .{1,64})?$"
)
_NOBODY: Final = re.compile(
    r"Error occurred getting details for user with username input '(?P<user>.*)' "
    r"which usually indicates they do not exist$"
)
_SUCCESSFUL: Final = re.compile(
    r"Successful (?P<kind>\w{1,16}) authentication attempt made by user '(?P<user>.*)'$"
)
_PROVED: Final[dict[str, Method]] = {"1FA": "pwd", "Passkey": "pop", "TOTP": "otp", "WebAuthn": "pop"}
_WHOLE: Final = 1 << 20
"""Characters of a message: no name is so long that it hides what follows it."""
_FORM: Final = re.compile(r"/auth/login(?:\?|$)")
_OUTCOMES: Final = {"401": False, "200": True}


def authelia(record: Folded) -> Converted:
    """A line of the log; its requests are known by the address, and the rest by how it greets."""
    message = text(record.get("msg"), _WHOLE)
    if not {"level", "msg", "time"} <= record.keys():
        return None
    if not {"method", "path", "remote_ip"} <= record.keys():
        return OTHER if message.startswith("Authelia ") else None
    found = _UNSUCCESSFUL.match(message) or _NOBODY.match(message)
    passed = None if found is not None else _SUCCESSFUL.match(message)
    said = found or passed
    if said is None:
        if message.startswith("Unsuccessful "):
            raise InputError(CHANGED, field="msg")
        return OTHER
    proved = _PROVED.get(passed["kind"]) if passed is not None else None
    attempt = Attempt(
        action="login",
        actor=text(said["user"]),
        resource="Authelia",
        ip=address(record.get("remote_ip")),
        outcome=outcome_of(passed is not None),
        proved=(proved,) if proved is not None else (),
    )
    return [Found(attempt, required_time(parse_time(record.get("time"))))]


def opensearch_dashboards(record: Folded) -> Converted:
    """A line of the log: of a request, or of something else that the server did."""
    if not {"type", "@timestamp", "tags", "pid"} <= record.keys():
        return None
    request = fold(record.get("req"))
    good = _OUTCOMES.get(text(record.get("statuscode")))
    if first(record, "method") != "post" or good is None or not _FORM.match(first(request, "url")):
        return OTHER
    attempt = Attempt(
        action="login",
        resource="OpenSearch Dashboards",
        ip=address(request.get("remoteaddress")),
        user_agent=first(request, "useragent", limit=2048),
        outcome=outcome_of(good),
        proved=("pwd",) if good else (),
    )
    return [Found(attempt, required_time(parse_time(record.get("@timestamp"))))]
