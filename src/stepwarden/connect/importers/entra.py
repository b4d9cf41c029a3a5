"""Entra ID (Azure AD) sign-ins: Microsoft Graph's shape, Log Analytics' columns, and Azure Monitor's envelope.

>>> log = ['{"id":"7","createdDateTime":"2021-03-24T12:52:56Z","userPrincipalName":"joey@example.com",'
...        '"ipAddress":"192.0.2.7","status":{"errorCode":50126},"location":{"countryOrRegion":"NL"}}']
>>> [item] = Entra().read(log, "signins.json")
>>> item.attempt.action, item.attempt.outcome, item.attempt.place.country
('login', 'failure', 'NL')

Columns that hold JSON as text (``DeviceDetail``, ``Status`` in CSV-born exports) are read like objects. An error code
that only says "one more step" (a second factor, consent, "stay signed in?") leaves the outcome unknown: the person has
not failed, and is not in. Sign-ins without a person at the keyboard (token refreshes) are ``entra.token``. Entra's own
risk columns, ``IsRisky`` and the conditional-access result are never read. Audit records in the same export
(``category`` AuditLogs) are read as ``m365`` names them, with the prefix ``entra.``.
"""

from collections.abc import Iterable, Iterator

from stepwarden.connect.importers.base import Item, Skipped
from stepwarden.connect.importers.clean import (
    Folded,
    address,
    device,
    first,
    fold,
    listed,
    number,
    place,
    required_time,
    text,
)
from stepwarden.connect.importers.jsonlog import Converted, Found, outcome_of, read_json
from stepwarden.connect.importers.microsoft import directory_action
from stepwarden.connect.importers.times import parse_time
from stepwarden.events.attempt import Attempt, Method

INTERRUPTED = frozenset(
    (16000, 16001, 16003, 29200, 50058, 50072, 50074, 50076, 50079, 50097, 50125, 50127, 50129, 50140, 50143, 51006,
     52004, 65001, 81010)
)  # fmt: skip
"""Codes of Microsoft's list that ask for one more step instead of refusing."""
_SECOND_FACTOR = frozenset((50072, 50074, 50076, 50079))
_SIGN_IN_CATEGORIES = frozenset(
    ("signinlogs", "noninteractiveusersigninlogs", "serviceprincipalsigninlogs", "managedidentitysigninlogs")
)
_PROVISIONING = Skipped("provisioning between directories")


class Entra:
    """The importer ``entra``."""

    name = "entra"

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Every record of the export."""
        return read_json(blocks, source, convert)


def convert(record: Folded) -> Converted:
    """One record: a sign-in, or a directory operation."""
    category = first(record, "category").lower()
    inner = fold(record.get("properties"))
    if inner and ("resourceid" in record or category):
        record = {**record, **inner}
    if category == "provisioninglogs":
        return _PROVISIONING
    if "activitydisplayname" in record and ("initiatedby" in record or "targetresources" in record):
        return _audit(record)
    sign_in = (
        category in _SIGN_IN_CATEGORIES
        or first(record, "type").lower().endswith("signinlogs")
        or (
            "status" in record
            and "ipaddress" in record
            and ("createddatetime" in record or "appid" in record)
        )
    )
    return _sign_in(record, category) if sign_in else None


def _sign_in(record: Folded, category: str) -> Converted:
    moment = None
    for name in ("createddatetime", "timegenerated", "time"):
        moment = moment or parse_time(record.get(name))
    code = _code(record)
    where = fold(record.get("location")) or fold(record.get("locationdetails"))
    at = fold(where.get("geocoordinates"))
    about = fold(record.get("devicedetail"))
    person = first(record, "userprincipalname", "userid", "userdisplayname")
    attempt = Attempt(
        action="login" if _interactive(record, category) else "entra.token",
        actor=person or first(record, "serviceprincipalname", "serviceprincipalid", "appid"),
        resource=first(record, "resourcedisplayname", "appdisplayname", "appid", limit=512),
        session=first(record, "sessionid"),
        ip=address(first(record, "ipaddress", "calleripaddress")),
        user_agent=first(record, "useragent", limit=2048),
        device=device(
            name=about.get("deviceid"), browser=about.get("browser"), system=about.get("operatingsystem")
        ),
        place=place(
            country=where.get("countryorregion"),
            region=where.get("state"),
            city=where.get("city"),
            latitude=at.get("latitude"),
            longitude=at.get("longitude"),
            asn=record.get("autonomoussystemnumber"),
        ),
        outcome=outcome_of(_good(record, code)),
        proved=_proved(record, code),
    )
    return [Found(attempt, required_time(moment), first(record, "id", "originalrequestid", "correlationid"))]


def _interactive(record: Folded, category: str) -> bool:
    if category == "noninteractiveusersigninlogs" or first(record, "type").lower().startswith(
        "aadnoninteractive"
    ):
        return False
    kinds = [text(kind).lower() for kind in listed(record.get("signineventtypes"))]
    return "noninteractiveuser" not in kinds


def _code(record: Folded) -> int | None:
    """The error code; 0 is a success, ``None`` unknown."""
    status = fold(record.get("status"))
    for value in (status.get("errorcode"), record.get("resulttype"), record.get("errorcode")):
        found = number(value)
        if found is not None:
            return int(found)
    return None


def _good(record: Folded, code: int | None) -> bool | None:
    if code is None:
        words = {"success": True, "failure": False}
        return words.get(first(record, "resulttype", "result").lower())
    if code in INTERRUPTED:
        return None
    return code == 0


def _proved(record: Folded, code: int | None) -> tuple[Method, ...]:
    """What the record itself says was verified for this very sign-in; a claim in an old token is not."""
    if code in _SECOND_FACTOR:
        return ("pwd",)
    proved: list[Method] = []
    for item in listed(record.get("authenticationdetails")):
        step = fold(item)
        name = first(step, "authenticationmethod").lower()
        if step.get("succeeded") is True and name and "previously satisfied" not in name:
            method: Method = "pwd" if "password" in name and "passwordless" not in name else "mfa"
            if method not in proved:
                proved.append(method)
    return tuple(proved)


def _audit(record: Folded) -> Converted:
    by = fold(record.get("initiatedby"))
    user, app = fold(by.get("user")), fold(by.get("app"))
    moment = None
    for name in ("activitydatetime", "timegenerated", "time"):
        moment = moment or parse_time(record.get(name))
    targets = listed(record.get("targetresources"))
    target = fold(targets[0]) if targets else {}
    words = {"success": True, "failure": False}
    attempt = Attempt(
        action=directory_action("entra", record["activitydisplayname"]),
        actor=first(user, "userprincipalname", "id")
        or first(app, "displayname", "serviceprincipalid", "appid"),
        resource=first(target, "userprincipalname", "displayname", "id", limit=512),
        ip=address(first(user, "ipaddress") or first(record, "calleripaddress")),
        outcome=outcome_of(words.get(first(record, "result").lower())),
    )
    return [Found(attempt, required_time(moment), first(record, "id", "correlationid"))]
