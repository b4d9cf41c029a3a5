"""Windows Security events: JSON of NXLog (and OTRF's sets), Winlogbeat old and new and ``evtx_dump``, or XML.

>>> log = ['{"EventID":4625,"Channel":"Security","@timestamp":"2020-10-22T08:29:55.210Z","TargetUserName":"Bob",'
...        '"LogonType":"3","IpAddress":"::ffff:192.0.2.7","Hostname":"WS5.example.com"}']
>>> [item] = Windows().read(log, "security.json")
>>> item.attempt.action, item.attempt.actor, item.attempt.ip, item.attempt.outcome
('login', 'bob', '192.0.2.7', 'failure')

=======================  ==================================  ===========================================
event                    action                              outcome
=======================  ==================================  ===========================================
4624, 4625               ``login``                           success, failure
4648                     ``windows.explicit_credentials``    unknown; the resource is the other account
4768, 4771               ``windows.kerberos_ticket``         by status; 4771 is a failure
4769                     ``windows.service_ticket``          by status; the resource is the service
4776                     ``windows.credential_validation``   by status
4672                     ``windows.special_privileges``      success
4740                     ``windows.lockout``                 unknown: the failures before it are counted
4723, 4724               ``password.change``                 by keyword
4728, 4732, 4756         ``role.grant``                      success; the resource is the group
4720                     ``windows.user_created``            success
=======================  ==================================  ===========================================

A domain controller's 4768/4771/4776 and the server's 4624/4625 may tell of the same sign-in, so only the latter are
``login``. Account names are lower-cased, without domain: the domain is spelled differently from event to event.
Accounts of the system itself, services, and machines (``NAME$``) that succeed are skipped; a machine account that
fails is not. A machine known by name only (``WorkstationName``) is the device's id.

**Time**: NXLog's ``EventTime`` is local without a zone; ``@timestamp`` is when it was received, in UTC. Both together
give the zone (a multiple of 15 minutes), so the event's own time is used.
"""

from collections.abc import Iterable, Iterator

from stepwarden.connect.importers.base import Item, Skipped, Unknown, shorten
from stepwarden.connect.importers.clean import (
    Folded,
    address,
    device,
    first,
    fold,
    number,
    required_time,
    text,
)
from stepwarden.connect.importers.jsonlog import Converted, Found, items, outcome_of, read_json
from stepwarden.connect.importers.reading import begun
from stepwarden.connect.importers.times import parse_time
from stepwarden.connect.importers.windowsxml import read_events
from stepwarden.events.attempt import Attempt

_OTHER_CHANNEL = Skipped("an event of another channel than Security")
_OTHER_EVENT = Skipped("a security event that is no attempt")
_SYSTEM = Skipped("an account of the system, a service or a machine")
_ACTIONS = {
    4624: "login",
    4625: "login",
    4648: "windows.explicit_credentials",
    4672: "windows.special_privileges",
    4720: "windows.user_created",
    4723: "password.change",
    4724: "password.change",
    4728: "role.grant",
    4732: "role.grant",
    4756: "role.grant",
    4740: "windows.lockout",
    4768: "windows.kerberos_ticket",
    4769: "windows.service_ticket",
    4771: "windows.kerberos_ticket",
    4776: "windows.credential_validation",
}
_BY_SUBJECT = frozenset((4648, 4672, 4720, 4723, 4724, 4728, 4732, 4756))
_UNDECIDED = frozenset((4648, 4740))
_SYSTEM_NAMES = frozenset(
    ("system", "local service", "network service", "anonymous logon", "", "iusr", "localservice")
)
_SYSTEM_DOMAINS = frozenset(
    ("nt authority", "window manager", "font driver host", "nt service", "nt virtual machine")
)
_QUARTER = 900 * 1_000_000
_AUDIT_FAILURE = 0x10_0000_0000_0000
"""The keyword of a failure, where keywords are written as a number."""


class Windows:
    """The importer ``windows``."""

    name = "windows"

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Every event of the log."""
        head, whole = begun(blocks)
        return _read_xml(whole, source) if head == "<" else read_json(whole, source, convert)


def _read_xml(blocks: Iterator[str], source: str) -> Iterator[Item]:
    for line, event in read_events(blocks):
        if isinstance(event, str):
            yield Unknown(line, shorten(event), "no event in the XML that Windows writes")
        else:
            yield from items(event, line, source, convert)


def convert(record: Folded) -> Converted:
    """One event."""
    event = _flat(record)
    kind = number(event.get("eventid"))
    if kind is None or not any(
        name in event for name in ("channel", "hostname", "computer", "sourcename", "provider")
    ):
        return None
    if first(event, "channel", "logname").lower() not in ("security", ""):
        return _OTHER_CHANNEL
    number_ = int(kind)
    action = _ACTIONS.get(number_)
    if action is None:
        return _OTHER_EVENT
    subject, target = _account(event, "subject"), _account(event, "target")
    actor = subject if number_ in _BY_SUBJECT else target
    good = _good(number_, event)
    if _is_system(actor, event, "subject" if number_ in _BY_SUBJECT else "target", failed=good is False):
        return _SYSTEM
    if number_ == 4648 and _is_system(target, event, "target", failed=False):
        return _SYSTEM
    host = first(event, "hostname", "computer", "computername")
    attempt = Attempt(
        action=action,
        actor=actor,
        resource=_resource(number_, event, target, host),
        session=_session(number_, event, host),
        ip=address(first(event, "ipaddress", "clientaddress")),
        device=device(name=_workstation(number_, event)),
        outcome=outcome_of(good),
    )
    record_id = first(event, "recordnumber", "eventrecordid", "record_id", "recordid")
    return [Found(attempt, required_time(_time(event)), text(f"{host}/{record_id}") if record_id else "")]


def _flat(record: Folded) -> Folded:
    """The event's own fields and its data in one object, whoever shipped it."""
    if "winlog" in record:
        log = fold(record["winlog"])
        flat = {**record, **log, **fold(log.get("event_data")), "eventid": log.get("event_id")}
        flat["computer"] = log.get("computer_name")
        return flat
    if "event_data" in record and "event_id" in record:
        return {
            **record,
            **fold(record["event_data"]),
            "eventid": record["event_id"],
            "channel": record.get("log_name"),
        }
    if "event" in record and "eventid" not in record:
        inner = fold(record["event"])
        system = fold(inner.get("system"))
        created = fold(system.get("timecreated"))
        attributes = fold(created.get("#attributes")) or created
        kind = system.get("eventid")
        return {
            **fold(inner.get("eventdata")),
            **system,
            "eventid": fold(kind).get("#text") if isinstance(kind, dict) else kind,
            "systemtime": attributes.get("systemtime"),
        }
    if "eventdata" in record:
        return {**record, **fold(record["eventdata"])}
    return record


def _account(event: Folded, role: str) -> str:
    """The account's name in lower case, without ``@DOMAIN``."""
    return first(event, f"{role}username").partition("@")[0].strip().lower()


def _is_system(name: str, event: Folded, role: str, *, failed: bool) -> bool:
    if name.endswith("$"):
        return not failed
    if first(event, f"{role}domainname").lower() in _SYSTEM_DOMAINS:
        return True
    return name in _SYSTEM_NAMES and not (failed and not name)


def _good(kind: int, event: Folded) -> bool | None:
    if kind in _UNDECIDED:
        return None
    if kind in (4625, 4771):
        return False
    status = first(event, "status", "resultcode", "failurecode").lower()
    if status.startswith("0x") and kind in (4768, 4769, 4776):
        return status.strip("0x") == ""
    keywords = text(event.get("keywords"))
    if keywords[:2].lower() == "0x" and len(keywords) <= 18:
        try:
            return not int(keywords, 16) & _AUDIT_FAILURE
        except ValueError:
            return None
    said = (first(event, "eventtype"), keywords, first(event, "outcome"))
    return not any("failure" in word.lower() for word in said)


def _resource(kind: int, event: Folded, target: str, host: str) -> str:
    if kind == 4769:
        return first(event, "servicename", limit=512)
    if kind == 4648:
        server = first(event, "targetservername")
        return text(f"{target} on {server}" if server else target, 512)
    return target if kind in _BY_SUBJECT and kind != 4672 else text(host, 512)


def _session(kind: int, event: Folded, host: str) -> str:
    identity = first(event, "targetlogonid" if kind == 4624 else "subjectlogonid")
    if not identity or kind in (4625, 4768, 4769, 4771, 4776):
        return ""
    return text(f"{host.partition('.')[0].lower()}/{identity.lower()}")


def _workstation(kind: int, event: Folded) -> str:
    if kind == 4740:
        # the caller computer stands in the field of the domain
        return first(event, "targetdomainname").strip("\\").lower()
    return first(event, "workstationname", "workstation").strip("\\").lower()


def _time(event: Folded) -> int | None:
    own = event.get("systemtime") or event.get("eventtime") or event.get("timecreated")
    moment, received = parse_time(own), parse_time(event.get("@timestamp"))
    if moment is None:
        return received
    if received is None or not isinstance(own, str) or own.rstrip()[-1:] in "Zz" or "+" in own:
        return moment
    return moment + round((received - moment) / _QUARTER) * _QUARTER
