"""Records of servers that others' applications stand upon: Caddy, MongoDB, SFTPGo.

>>> record = {"sender": "connection_failed", "level": "debug", "time": "2024-05-02T10:00:00.100", "username": "ann",
...           "client_ip": "192.0.2.7", "login_type": "password", "protocol": "SSH", "error": "invalid credentials"}
>>> [found] = sftpgo(record)
>>> found.attempt.actor, found.attempt.ip, found.attempt.outcome, found.attempt.resource
('ann', '192.0.2.7', 'failure', 'SFTPGo')

**Caddy** never writes who failed. A browser's first request has no password and is answered by 401 as well: that is a
page that was asked for. So a failure is a 401 that asks for a basic password and answers a request that had brought one
(Caddy writes the header, and ``REDACTED`` for what is in it). With basic authentication each request is let in anew, so
that requests with a user are no sign-ins, and are skipped. The address is the one that Caddy takes for the client's.

**MongoDB**: ``Authentication failed`` and ``succeeded`` of 4.4 to 6 (20249, 20250), the same of 7 and later (5286306,
5286307; as debug messages, they are said once more), and ``authenticate`` of the audit log. Members of a cluster are
skipped where they succeed, and so is a conversation that the client gave up.

**SFTPGo**: a connection without any login (``no_auth_tried``) is none.
"""

import re
from typing import Final

from stepwarden.connect.importers.applications.messages import OTHER
from stepwarden.connect.importers.clean import Folded, address, first, fold, listed, required_time, text
from stepwarden.connect.importers.jsonlog import Converted, Found, outcome_of
from stepwarden.connect.importers.times import parse_time
from stepwarden.events.attempt import Attempt, Method

_CADDY: Final = frozenset(("http", "tls", "admin", "pki", "events"))
_FAILED: Final = (20_249, 5_286_307)
_SUCCEEDED: Final = (20_250, 5_286_306)
_CLUSTER: Final = "__system"
_SFTPGO: Final = re.compile(
    r'User "(?P<user>(?:[^"\\]|\\.)*)" logged in with "(?P<method>[^"]*)",? from ip "(?P<ip>[^"]*)"'
)
_UNTRIED: Final = ("no_auth_tried", "no_auth_tryed")
_ESCAPED: Final = re.compile(r"\\([\"\\])")


def caddy(record: Folded) -> Converted:
    """A request of the access log."""
    logger = first(record, "logger")
    if logger.partition(".")[0] not in _CADDY or not {"level", "ts", "msg"} <= record.keys():
        return None
    request, answer = fold(record.get("request")), fold(record.get("resp_headers"))
    headers = fold(request.get("headers"))
    asked = any(text(one).lower().startswith("basic") for one in listed(answer.get("www-authenticate")))
    if not (
        logger.startswith("http.log.access")
        and record.get("status") == 401
        and asked
        and "authorization" in headers
    ):
        return OTHER
    agents = listed(headers.get("user-agent"))
    attempt = Attempt(
        action="login",
        resource="Caddy",
        ip=address(first(request, "client_ip", "remote_ip", "remote_addr")),
        user_agent=text(agents[0], 2048) if agents else "",
        outcome="failure",
    )
    return [Found(attempt, required_time(parse_time(record["ts"])))]


def mongodb(record: Folded) -> Converted:
    """A message of the server's log, or an event of its audit log."""
    if "atype" in record and {"ts", "param", "result"} <= record.keys():
        return _mongodb_audit(record)
    if not {"t", "s", "c", "id", "ctx", "msg"} <= record.keys():
        return None
    number = record["id"]
    good = number in _SUCCEEDED
    said = fold(record.get("attr"))
    name = first(said, "principalname", "user")
    if (
        not (good or number in _FAILED)
        or first(record, "s").startswith("D")
        or (good and (name == _CLUSTER or said.get("isclustermember") is True))
        or "AuthenticationAbandoned" in first(said, "error", limit=4096)
    ):
        return OTHER
    seen = address(first(said, "remote", "client"))
    return [_mongodb(name, seen, fold(record["t"]).get("$date"), first(said, "mechanism"), good=good)]


def _mongodb_audit(record: Folded) -> Converted:
    said = fold(record["param"])
    name, good = first(said, "user"), record["result"] == 0
    if first(record, "atype") != "authenticate" or (good and name == _CLUSTER):
        return OTHER
    seen = address(fold(record.get("remote")).get("ip"))
    return [_mongodb(name, seen, fold(record["ts"]).get("$date"), first(said, "mechanism"), good=good)]


def _mongodb(name: str, seen: str, date: object, mechanism: str, *, good: bool) -> Found:
    proved: tuple[Method, ...] = ()
    if good and mechanism.startswith(("SCRAM", "PLAIN")):
        proved = ("pwd",)
    elif good and mechanism == "MONGODB-X509":
        proved = ("pop",)
    attempt = Attempt(
        action="login", actor=name, resource="MongoDB", ip=seen, outcome=outcome_of(good), proved=proved
    )
    return Found(attempt, required_time(parse_time(date)))


def sftpgo(record: Folded) -> Converted:
    """A line of the log: a connection that failed, or a user who is logged in."""
    if not {"level", "time", "sender"} <= record.keys():
        return None
    time, method, message = record["time"], first(record, "login_type"), record.get("message")
    if first(record, "sender") == "connection_failed" and "client_ip" in record:
        if method in _UNTRIED:
            return OTHER
        name, seen = first(record, "username"), address(record["client_ip"])
        return [_sftpgo(name, seen, time, "", good=False)]
    found = _SFTPGO.match(message) if isinstance(message, str) else None
    if found is None:
        return OTHER
    name = text(_ESCAPED.sub(r"\1", found["user"]))
    return [_sftpgo(name, address(found["ip"]), time, found["method"], good=True)]


def _sftpgo(name: str, seen: str, time: object, method: str, *, good: bool) -> Found:
    parts = method.split("+")
    proved: list[Method] = []
    if "publickey" in parts or "TLSCertificate" in parts:
        proved.append("pop")
    if "password" in parts:
        proved.append("pwd")
    attempt = Attempt(
        action="login",
        actor=name,
        resource="SFTPGo",
        ip=seen,
        outcome=outcome_of(good),
        proved=tuple(proved),
    )
    return Found(attempt, required_time(parse_time(time)))
