"""What is peculiar to each vendor's format: whose attempt it is, what it is called, and how it ended."""

import json

import pytest

from stepwarden.connect.detect import importer
from stepwarden.connect.importers.base import Imported, Skipped, Unknown
from stepwarden.events.attempt import Attempt
from tests.connect.importer_house import (
    ENTRA,
    GOOGLE,
    KEYCLOAK,
    M365,
    OKTA,
    OURS,
    TRAIL,
    WINDOWS,
    Json,
    changed,
    one,
    read,
)


def test_m365_a_failed_login_is_a_failure_although_its_status_says_success() -> None:
    """ResultStatus speaks of the record, not of the sign-in."""
    assert one("m365", changed(M365, Operation="UserLoginFailed")).attempt.outcome == "failure"


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("Consent to application.", "consent.grant"),
        ("Add member to role.", "role.grant"),
        ("Reset user password.", "password.change"),
        ("Add-MailboxPermission", "role.grant"),
        ("FileDownloaded", "m365.filedownloaded"),
        ("MailItemsAccessed", "m365.mailitemsaccessed"),
    ],
)
def test_m365_operations_have_common_verbs_or_their_own_name(operation: str, action: str) -> None:
    """What signals and policies know by one name in all formats."""
    assert one("m365", changed(M365, Operation=operation)).attempt.action == action


def test_m365_maintenance_and_alerts_are_counted_as_skipped() -> None:
    """Microsoft's own jobs sign nobody in; its alerts are verdicts."""
    [maintenance] = read("m365", changed(M365, UserId="NT AUTHORITY\\SYSTEM (x)", Operation="Set-Mailbox"))
    [alert] = read("m365", changed(M365, Operation="AlertTriggered"))
    assert isinstance(maintenance, Skipped)
    assert isinstance(alert, Skipped)


def test_m365_csv_export_is_read_through_its_column_of_json() -> None:
    """With a BOM, PowerShell's type line, American times and a line break inside a cell."""
    cell = json.dumps(M365, indent=1).replace('"', '""')
    head = "\ufeff#TYPE Selected\r\nRecordType,CreationDate,AuditData\r\n"
    text = f'{head}15,"3/24/2021 12:52:56 PM","{cell}"\r\n1,x,no\r\n'
    good, bad = importer("m365").read([text], "log")
    assert isinstance(good, Imported)
    assert good.attempt == one("m365", M365).attempt
    assert good.source_line == 3
    assert isinstance(bad, Unknown)


def test_entra_columns_of_log_analytics_read_like_graph() -> None:
    """The same sign-in in both shapes, JSON as text in the columns."""
    columns: Json = {
        "Type": "SigninLogs",
        "Id": "7",
        "CreatedDateTime": "2021-03-24T12:52:56Z",
        "AppId": "a",
        "UserPrincipalName": "joey@example.com",
        "IPAddress": "192.0.2.7",
        "ResultType": "0",
        "DeviceDetail": json.dumps(ENTRA["deviceDetail"]),
        "LocationDetails": json.dumps(ENTRA["location"]),
        "Location": "BE",
        "AutonomousSystemNumber": "12345",
        "RiskState": "atRisk",
    }
    assert one("entra", columns) == one("entra", ENTRA)
    place = one("entra", ENTRA).attempt.place
    assert place is not None
    assert (place.country, place.city, place.latitude, place.asn) == ("BE", "Liege", 50.6, "12345")


@pytest.mark.parametrize(
    ("code", "outcome", "proved"), [(50126, "failure", ()), (50076, "unknown", ("pwd",)), (0, "success", ())]
)
def test_entra_a_request_for_a_second_factor_is_no_failure(
    code: int, outcome: str, proved: tuple[str, ...]
) -> None:
    """The password was right; whether they got in is another record."""
    attempt = one("entra", changed(ENTRA, status={"errorCode": code})).attempt
    assert (attempt.outcome, attempt.proved) == (outcome, proved)


def test_cloudtrail_console_login_has_its_own_result() -> None:
    """A failed sign-in carries no error code, and the name in it may be nobody's."""
    failed = changed(
        TRAIL,
        eventName="ConsoleLogin",
        eventSource="signin.amazonaws.com",
        responseElements={"ConsoleLogin": "Failure"},
        userIdentity={"type": "IAMUser", "accountId": "1", "userName": "bob"},
    )
    attempt = one("cloudtrail", failed).attempt
    assert (attempt.action, attempt.outcome, attempt.actor) == ("login", "failure", "arn:aws:iam::1:user/bob")
    hidden = changed(failed, userIdentity={"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"})
    assert one("cloudtrail", hidden).attempt.actor == ""


@pytest.mark.parametrize("where", ["health.amazonaws.com", "AWS Internal"])
def test_cloudtrail_a_service_is_no_malformed_address(where: str) -> None:
    """The service calls, from no address of ours to judge."""
    attempt = one("cloudtrail", changed(TRAIL, sourceIPAddress=where)).attempt
    assert attempt.ip == ""
    assert attempt.device is not None
    assert attempt.device.id == where


@pytest.mark.parametrize(
    ("session", "actor"),
    [
        ("botocore-session-17", "arn:aws:iam::1:role/Admin"),
        ("ann@example.com", "arn:aws:iam::1:role/Admin/ann@example.com"),
    ],
)
def test_cloudtrail_an_assumed_role_is_its_role_or_the_person_in_it(session: str, actor: str) -> None:
    """Random session names would make everybody new each time."""
    identity: Json = {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::1:assumed-role/Admin/{session}",
        "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::1:role/Admin"}},
    }
    assert one("cloudtrail", changed(TRAIL, userIdentity=identity)).attempt.actor == actor


def test_cloudtrail_errors_wrappers_and_lookup_events() -> None:
    """An error code is a failure; every way in which AWS hands events out gives the same."""
    assert one("cloudtrail", changed(TRAIL, errorCode="AccessDenied")).attempt.outcome == "failure"
    direct = one("cloudtrail", TRAIL)
    for text in (
        json.dumps({"Records": [TRAIL]}),
        json.dumps({"Events": [{"CloudTrailEvent": json.dumps(TRAIL)}]}),
    ):
        assert list(importer("cloudtrail").read([text], "log")) == [direct]


def test_okta_mfa_reset_is_the_removal_of_a_factor_from_its_target() -> None:
    """Who did it is the actor, whose factor it was the resource."""
    target = [{"id": "b", "alternateId": "peter@example.com"}]
    attempt = one("okta", changed(OKTA, eventType="user.mfa.factor.reset_all", target=target)).attempt
    assert (attempt.action, attempt.actor, attempt.resource) == (
        "factor.remove",
        "homer@example.com",
        "peter@example.com",
    )


def test_google_each_event_of_an_activity_is_an_attempt() -> None:
    """Two events, two ids; the shape with one event laid flat reads the same."""
    events = [{"name": "login_failure"}, {"name": "password_edit"}]
    first, second = read("google", changed(GOOGLE, events=events))
    assert isinstance(first, Imported)
    assert isinstance(second, Imported)
    assert (first.attempt.outcome, second.attempt.action) == ("failure", "password.change")
    assert first.event_id != second.event_id
    flat: Json = {
        **{key: value for key, value in GOOGLE.items() if key != "events"},
        "type": "login",
        "name": "login_success",
    }
    assert one("google", flat) == one("google", GOOGLE)


def test_windows_local_times_are_put_right_by_the_time_of_receipt() -> None:
    """EventTime is local, @timestamp two seconds late: the event's second in UTC."""
    assert one("windows", WINDOWS).time == 1603355393 * 1_000_000


@pytest.mark.parametrize(
    "record",
    [
        {
            "winlog": {
                "event_id": 4624,
                "channel": "Security",
                "computer_name": "DC1.example.com",
                "record_id": 5,
                "event_data": {
                    k: WINDOWS[k]
                    for k in (
                        "TargetUserName",
                        "IpAddress",
                        "TargetLogonId",
                        "WorkstationName",
                        "TargetDomainName",
                    )
                },
            },
            "@timestamp": "2020-10-22T08:29:53.000Z",
        },
        {
            "Event": {
                "System": {
                    "EventID": {"#text": 4624},
                    "Channel": "Security",
                    "Computer": "DC1.example.com",
                    "EventRecordID": 5,
                    "TimeCreated": {"#attributes": {"SystemTime": "2020-10-22T08:29:53Z"}},
                },
                "EventData": {
                    k: WINDOWS[k]
                    for k in (
                        "TargetUserName",
                        "IpAddress",
                        "TargetLogonId",
                        "WorkstationName",
                        "TargetDomainName",
                    )
                },
            }
        },
    ],
)
def test_windows_events_read_alike_whoever_shipped_them(record: Json) -> None:
    """Winlogbeat and evtx_dump against NXLog."""
    assert one("windows", record) == one("windows", WINDOWS)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"TargetUserName": "DC1$"}, Skipped),
        ({"TargetUserName": "SYSTEM"}, Skipped),
        ({"TargetUserName": "UMFD-0", "TargetDomainName": "Font Driver Host"}, Skipped),
        ({"TargetUserName": "DC1$", "EventID": 4625}, Imported),
        ({"EventID": 4634}, Skipped),
        ({"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1}, Skipped),
    ],
)
def test_windows_accounts_of_machines_and_the_system_are_skipped_unless_they_fail(
    fields: Json, kind: type
) -> None:
    """They sign in all the time; a machine account that fails is worth a look."""
    assert [type(item) for item in read("windows", {**WINDOWS, **fields})] == [kind]


@pytest.mark.parametrize(
    ("event", "status", "action", "outcome"),
    [
        (4768, "0x0", "windows.kerberos_ticket", "success"),
        (4768, "0x6", "windows.kerberos_ticket", "failure"),
        (4771, "0x18", "windows.kerberos_ticket", "failure"),
        (4776, "0xc000006a", "windows.credential_validation", "failure"),
        (4769, "0x0", "windows.service_ticket", "success"),
        (4740, "", "windows.lockout", "unknown"),
    ],
)
def test_windows_validations_by_a_controller_are_no_second_login(
    event: int, status: str, action: str, outcome: str
) -> None:
    """The same sign-in is told by the server that was signed in to."""
    attempt = one("windows", changed(WINDOWS, EventID=event, Status=status)).attempt
    assert (attempt.action, attempt.outcome) == (action, outcome)


def test_keycloak_text_lines_read_like_json_and_ignore_injected_values() -> None:
    """The attacker's user name comes last, and a quoted value keeps its commas."""
    line = (
        '2023-05-25 22:24:19,357 WARN  [org.keycloak.events] (executor-thread-1) type="LOGIN_ERROR", realmId="r", '
        'clientId="web", userId="null", ipAddress="192.0.2.7", error="user_not_found", '
        'username="bob, ipAddress=9.9.9.9"\n'
    )
    bare = line.replace('"', "")
    for text in (line, bare):
        [item] = importer("keycloak").read([text], "log")
        assert isinstance(item, Imported)
        assert (item.attempt.ip, item.attempt.outcome, item.time) == (
            "192.0.2.7",
            "failure",
            1685053459357000,
        )
    inner: Json = {
        "timestamp": "2023-05-25T22:24:19.357Z",
        "loggerName": "org.keycloak.events",
        "message": line.partition(") ")[2],
    }
    assert one("keycloak", inner).attempt.actor == "bob, ipAddress=9.9.9.9"


def test_keycloak_administrators_and_token_traffic() -> None:
    """A role given by an administrator is one; a refreshed token is none, unless it is refused."""
    admin: Json = {
        "time": 1,
        "operationType": "CREATE",
        "resourceType": "REALM_ROLE_MAPPING",
        "resourcePath": "users/u1/role",
        "authDetails": {"userId": "admin", "ipAddress": "192.0.2.7"},
    }
    assert one("keycloak", admin).attempt.action == "role.grant"
    assert [type(item) for item in read("keycloak", changed(KEYCLOAK, type="REFRESH_TOKEN"))] == [Skipped]
    assert one("keycloak", changed(KEYCLOAK, type="REFRESH_TOKEN_ERROR")).attempt.outcome == "failure"


def test_our_own_lines_are_as_strict_as_the_api() -> None:
    """An unknown field, a wrong type or a control character is shown with its reason."""
    for fields in ({"surprise": 1}, {"actor": 5}, {"actor": "a\x00"}, {"action": "LOGIN"}):
        [item] = read("stepwarden", {**OURS, **fields})
        assert isinstance(item, Unknown)
    assert one("stepwarden", changed(OURS, source="web", id="9")) == Imported(
        Attempt(action="login", actor="ann", ip="192.0.2.7", outcome="success"),
        1767225600000000,
        "web",
        1,
        "9",
    )
