"""AWS CloudTrail: ``{"Records": [...]}`` files, single events, arrays, JSON lines, ``aws cloudtrail lookup-events``.

>>> log = ['{"Records":[{"eventTime":"2023-07-10T11:47:39Z","eventSource":"iam.amazonaws.com","eventName":"ListUsers",'
...        '"errorCode":"AccessDenied","sourceIPAddress":"192.0.2.7","eventID":"7","userIdentity":{"type":"IAMUser",'
...        '"accountId":"123456789012","userName":"bob"}}]}']
>>> [item] = CloudTrail().read(log, "trail.json")
>>> item.attempt.action, item.attempt.outcome, item.attempt.actor
('aws.iam.listusers', 'failure', 'arn:aws:iam::123456789012:user/bob')

Every call is an attempt, ``aws.<service>.<call>``; a call with an error code failed. ``ConsoleLogin`` is ``login``,
with the result it names. **Actor**: the ARN; for an assumed role the role's ARN (its session names are often random),
with the session's name after it where that is a person (roles of IAM Identity Center, or a name that is a mail
address). A console sign-in with a name that no user has comes without the name: then the actor is empty.
``sourceIPAddress`` that names a service (``health.amazonaws.com``, ``AWS Internal``) is no address: it becomes the
device's id. Insight records are AWS's own verdicts and skipped.
"""

import re
from collections.abc import Iterable, Iterator

from stepwarden.connect.importers.base import Item, Skipped
from stepwarden.connect.importers.clean import (
    Folded,
    action,
    address,
    device,
    first,
    fold,
    required_time,
    text,
)
from stepwarden.connect.importers.jsonlog import Converted, Found, outcome_of, read_json
from stepwarden.connect.importers.times import parse_time
from stepwarden.events.attempt import Attempt, Method

_INSIGHT = Skipped("a vendor's own alert or verdict")
_DIGEST = Skipped("a digest file of CloudTrail itself")
_CALLS = {
    "consolelogin": "login",
    "passwordrecoveryrequested": "password.change",
    "passwordrecoverycompleted": "password.change",
    "changepassword": "password.change",
    "createloginprofile": "password.change",
    "updateloginprofile": "password.change",
    "createaccesskey": "credential.change",
    "createservicespecificcredential": "credential.change",
    "uploadsshpublickey": "credential.change",
    "uploadsigningcertificate": "credential.change",
    "enablemfadevice": "factor.enroll",
    "createvirtualmfadevice": "factor.enroll",
    "deactivatemfadevice": "factor.remove",
    "deletevirtualmfadevice": "factor.remove",
    "addusertogroup": "role.grant",
    "attachuserpolicy": "role.grant",
    "attachgrouppolicy": "role.grant",
    "attachrolepolicy": "role.grant",
    "putuserpolicy": "role.grant",
    "putgrouppolicy": "role.grant",
    "putrolepolicy": "role.grant",
    "updateassumerolepolicy": "role.grant",
    "addroletoinstanceprofile": "role.grant",
}
_LOGIN_SOURCES = frozenset(("iam", "signin"))
_HOST_NAME = re.compile(r"^(?=.*[A-Za-z])[A-Za-z0-9. _-]+$")
_NO_NAME = "HIDDEN_DUE_TO_SECURITY_REASONS"


class CloudTrail:
    """The importer ``cloudtrail``."""

    name = "cloudtrail"

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Every event of the trail."""
        return read_json(blocks, source, convert)


def convert(record: Folded) -> Converted:
    """One event."""
    if "cloudtrailevent" in record:
        record = fold(record["cloudtrailevent"])
    if "digests3object" in record:
        return _DIGEST
    if first(record, "eventcategory") == "Insight" or "insightdetails" in record:
        return _INSIGHT
    source, call = first(record, "eventsource"), first(record, "eventname")
    if not source or not call:
        return None
    service = source.lower().removesuffix(".amazonaws.com")
    identity = fold(record.get("useridentity"))
    where = text(record.get("sourceipaddress"))
    named = bool(_HOST_NAME.match(where))
    attempt = Attempt(
        action=_action(service, call),
        actor=_actor(identity, record),
        resource=_resource(record),
        session=_session(identity),
        ip="" if named else address(where),
        user_agent=first(record, "useragent", limit=2048),
        device=device(name=where if named else ""),
        outcome=outcome_of(_good(record)),
        proved=_proved(record, call),
    )
    return [Found(attempt, required_time(parse_time(record.get("eventtime"))), first(record, "eventid"))]


def _action(service: str, call: str) -> str:
    if service in _LOGIN_SOURCES and (known := _CALLS.get(call.lower())) is not None:
        return known
    return action(f"aws.{service}"[:40], call) if service.replace("-", "").isalnum() else action("aws", call)


def _good(record: Folded) -> bool | None:
    result = first(fold(record.get("responseelements")), "consolelogin", "passwordrecoveryrequested").lower()
    if result in ("success", "failure"):
        return result == "success"
    return not (first(record, "errorcode") or first(record, "errormessage"))


def _proved(record: Folded, call: str) -> tuple[Method, ...]:
    if call != "ConsoleLogin" or not _good(record):
        return ()
    used = first(fold(record.get("additionaleventdata")), "mfaused").lower()
    return ("pwd", "mfa") if used == "yes" else ("pwd",)


def _actor(identity: Folded, record: Folded) -> str:
    kind = first(identity, "type")
    account = first(identity, "accountid") or first(record, "recipientaccountid")
    arn, user = first(identity, "arn"), first(identity, "username")
    if user == _NO_NAME:
        return ""
    if kind == "AssumedRole":
        return _role(identity, arn)
    if kind == "IAMUser" and user and account and not arn:
        return text(f"arn:aws:iam::{account}:user/{user}")
    if kind == "AWSService" or (not kind and "invokedby" in identity):
        return text(f"service:{first(identity, 'invokedby')}")
    return arn or user or first(identity, "principalid") or (text(f"account:{account}") if account else "")


def _role(identity: Folded, arn: str) -> str:
    issuer = fold(fold(identity.get("sessioncontext")).get("sessionissuer"))
    role = first(issuer, "arn") or arn.rpartition("/")[0]
    session = arn.rpartition("/")[2] or first(identity, "principalid").rpartition(":")[2]
    if session and ("@" in session or "AWSReservedSSO_" in arn + role):
        return text(f"{role}/{session}")
    return role or arn or first(identity, "principalid")


def _session(identity: Folded) -> str:
    """The temporary credentials, which are one session; long-term keys (``AKIA``) are none."""
    key = first(identity, "accesskeyid")
    return key if key.startswith("ASIA") else ""


def _resource(record: Folded) -> str:
    resources = record.get("resources")
    if isinstance(resources, list) and resources:
        return first(fold(resources[0]), "arn", limit=512)
    asked = fold(record.get("requestparameters"))
    return first(
        asked, "username", "rolename", "rolearn", "groupname", "bucketname", "secretid", "functionname",
        "instanceid", "keyid", "name", limit=512,
    )  # fmt: skip
