"""Microsoft 365 unified audit log: JSON lines, a JSON array, or the CSV export whose column AuditData is JSON.

>>> log = ['{"CreationTime":"2021-03-24T12:52:56","Id":"7","Operation":"UserLoginFailed",'
...        '"Workload":"AzureActiveDirectory","ResultStatus":"Success",'
...        '"ClientIP":"[2001:db8::7]:443","UserId":"joey@example.com"}']
>>> [item] = M365().read(log, "audit.json")
>>> item.attempt.action, item.attempt.outcome, item.attempt.ip
('login', 'failure', '2001:db8::7')

Every user operation is an attempt. ``UserLoginFailed`` is a failure whatever its ResultStatus says (it says Success
for most wrong passwords). Microsoft's own maintenance (``NT AUTHORITY\\...``) and its alerts and verdicts are skipped.
In the CSV a record is counted by the line on which it begins.
"""

from collections.abc import Iterable, Iterator

import msgspec

from stepwarden.connect.importers.base import Item, Skipped, Unknown, shorten
from stepwarden.connect.importers.clean import (
    Folded,
    address,
    device,
    first,
    fold,
    listed,
    pairs,
    required_time,
    text,
)
from stepwarden.connect.importers.csvrows import csv_rows
from stepwarden.connect.importers.jsonlog import Converted, Found, items, outcome_of, read_json
from stepwarden.connect.importers.microsoft import directory_action
from stepwarden.connect.importers.reading import begun
from stepwarden.connect.importers.times import parse_time
from stepwarden.events.attempt import Attempt

_MAINTENANCE = Skipped("Microsoft's own maintenance")
_VERDICT = Skipped("a vendor's own alert or verdict")
_LOGINS = {"userloggedin": True, "userloginfailed": False, "mailboxlogin": None}
_VERDICTS = (
    "alert",
    "timaildata",
    "tiurlclickdata",
    "dlprulematch",
    "dlpruleundo",
    "airinvestigationdata",
    "airadmin",
)
_GOOD = frozenset(("success", "succeeded", "true", "partiallysucceeded"))
_BAD = frozenset(("failed", "failure", "false"))


class M365:
    """The importer ``m365``."""

    name = "m365"

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Every record of the export."""
        head, whole = begun(blocks)
        if head in ("{", "["):
            return read_json(whole, source, convert)
        return _read_csv(whole, source)


def _read_csv(blocks: Iterator[str], source: str) -> Iterator[Item]:
    for number, row in csv_rows(blocks):
        if isinstance(row, str):
            yield Unknown(number, shorten(row), "no CSV row")
            continue
        data = next((value for name, value in row.items() if name.strip().lower() == "auditdata"), "")
        try:
            record = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            record = None
        if isinstance(record, dict):
            yield from items(record, number, source, convert)
        else:
            yield Unknown(
                number, shorten(" ".join(value for value in row.values() if value)), "no JSON in AuditData"
            )


def convert(record: Folded) -> Converted:
    """One record of the unified audit log."""
    if "auditdata" in record and "operation" not in record:
        record = fold(record["auditdata"])
    operation = record.get("operation")
    if not isinstance(operation, str) or not ("workload" in record or "recordtype" in record):
        return None
    name = operation.strip().rstrip(".").lower()
    user = first(record, "userid", "userkey")
    if user.startswith("NT AUTHORITY\\"):
        return _MAINTENANCE
    if name.startswith(_VERDICTS):
        return _VERDICT
    time = required_time(parse_time(record.get("creationtime")) or parse_time(record.get("creationdate")))
    extended = pairs(record.get("extendedproperties"))
    about = pairs(record.get("deviceproperties"))
    attempt = Attempt(
        action="login" if name in _LOGINS else _action(name, operation, record),
        actor="" if user == "Not Available" else user,
        resource=first(record, "objectid", "applicationid", limit=512),
        session=text(about.get("sessionid"))
        or first(fold(record.get("appaccesscontext")), "aadsessionid")
        or first(record, "sessionid"),
        ip=address(first(record, "clientip", "clientipaddress", "actoripaddress")),
        user_agent=text(
            extended.get("useragent") or record.get("useragent") or record.get("clientinfostring"), 2048
        ),
        device=device(
            name=about.get("id"),
            browser=about.get("browsertype"),
            system=about.get("os"),
        ),
        outcome=outcome_of(_good(name, record)),
    )
    return [Found(attempt, time, first(record, "id"))]


def _action(name: str, operation: str, record: Folded) -> str:
    if name == "update user":
        changed = {text(fold(item).get("name")).lower() for item in listed(record.get("modifiedproperties"))}
        if any(item.startswith("strongauthentication") for item in changed):
            return "factor.enroll"
    return directory_action("m365", operation)


def _good(name: str, record: Folded) -> bool | None:
    fixed = _LOGINS.get(name)
    if fixed is not None:
        return fixed
    status = first(record, "resultstatus").lower()
    if status in _GOOD:
        return True
    return False if status in _BAD else None if status else True
