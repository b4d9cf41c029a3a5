"""The JSON formats: whose attempt it is, from where, and how it ended; vendors' verdicts are never read.

Longer than most files: eight formats of one kind, each a table of cases.
"""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.detect import FORMATS, importer
from stepwarden.connect.importers.base import Imported, Item, Skipped, Unknown
from stepwarden.connect.importers.clean import place
from stepwarden.connect.importers.csvlog import CsvLog, parse_mapping
from stepwarden.errors import InputError
from stepwarden.events.attempt import Attempt

Json = dict[str, object]


def read(name: str, *records: object) -> list[Item]:
    """The records as JSON lines."""
    return list(importer(name).read(["".join(json.dumps(record) + "\n" for record in records)], "log"))


def one(name: str, record: object) -> Imported:
    """The only attempt of a record."""
    [item] = read(name, record)
    assert isinstance(item, Imported), item
    return item


M365: Json = {
    "CreationTime": "2021-03-24T12:52:56",
    "Id": "7",
    "Operation": "UserLoggedIn",
    "Workload": "AzureActiveDirectory",
    "ResultStatus": "Success",
    "ClientIP": "192.0.2.7:50122",
    "UserId": "joey@example.com",
    "ExtendedProperties": [{"Name": "UserAgent", "Value": "UA/1"}],
    "DeviceProperties": [{"Name": "OS", "Value": "Windows 10"}, {"Name": "SessionId", "Value": "s1"}],
}
ENTRA: Json = {
    "id": "7",
    "createdDateTime": "2021-03-24T12:52:56Z",
    "userPrincipalName": "joey@example.com",
    "appId": "a",
    "ipAddress": "192.0.2.7",
    "status": {"errorCode": 0},
    "deviceDetail": {"browser": "Edge 81", "deviceId": "d1"},
    "location": {
        "countryOrRegion": "BE",
        "city": "Liege",
        "geoCoordinates": {"latitude": 50.6, "longitude": 5.5},
    },
    "autonomousSystemNumber": 12345,
}
TRAIL: Json = {
    "eventTime": "2023-07-10T11:47:39Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "GetUser",
    "eventID": "7",
    "sourceIPAddress": "192.0.2.7",
    "userAgent": "aws-cli/2",
    "userIdentity": {
        "type": "IAMUser",
        "accountId": "1",
        "arn": "arn:aws:iam::1:user/bob",
        "userName": "bob",
        "accessKeyId": "ASIAX",
    },
}
OKTA: Json = {
    "uuid": "7",
    "published": "2022-06-22T18:18:29.015Z",
    "eventType": "user.session.start",
    "actor": {"id": "a", "alternateId": "homer@example.com"},
    "outcome": {"result": "SUCCESS"},
    "client": {
        "ipAddress": "192.0.2.7",
        "device": "Computer",
        "userAgent": {"rawUserAgent": "UA/1", "os": "Mac OS X"},
        "geographicalContext": {
            "country": "Belgium",
            "city": "Liege",
            "geolocation": {"lat": 50.6, "lon": 5.5},
        },
    },
    "securityContext": {"asNumber": 701},
    "authenticationContext": {"externalSessionId": "s1"},
}
GOOGLE: Json = {
    "kind": "admin#reports#activity",
    "id": {"time": "2022-12-11T02:57:48.693Z", "uniqueQualifier": "-7", "applicationName": "login"},
    "actor": {"email": "joe@example.com"},
    "ipAddress": "192.0.2.7",
    "events": [{"type": "login", "name": "login_success"}],
}
WINDOWS: Json = {
    "EventID": 4624,
    "Channel": "Security",
    "EventTime": "2020-10-22 04:29:53",
    "LogonType": "3",
    "@timestamp": "2020-10-22T08:29:55.210Z",
    "TargetUserName": "Bob",
    "TargetDomainName": "CORP",
    "TargetLogonId": "0xABC",
    "IpAddress": "::ffff:192.0.2.7",
    "Hostname": "DC1.example.com",
    "RecordNumber": 5,
    "WorkstationName": "WS5",
}
KEYCLOAK: Json = {
    "time": 1685053459357,
    "type": "LOGIN",
    "realmId": "r",
    "clientId": "web",
    "userId": "u1",
    "sessionId": "s1",
    "ipAddress": "192.0.2.7",
    "details": {"username": "bob"},
}
OURS: Json = {
    "time": "2026-01-01T00:00:00Z",
    "action": "login",
    "actor": "ann",
    "ip": "192.0.2.7",
    "outcome": "success",
}
GOOD: dict[str, Json] = {
    "m365": M365,
    "entra": ENTRA,
    "cloudtrail": TRAIL,
    "okta": OKTA,
    "google": GOOGLE,
    "windows": WINDOWS,
    "keycloak": KEYCLOAK,
    "stepwarden": OURS,
}


def changed(record: Json, **fields: object) -> Json:
    """The record with other fields."""
    return {**record, **fields}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_sign_in_is_a_login_from_its_address(name: str) -> None:
    """All formats agree on the action of a sign-in, and none keeps a port or a prefix in the address."""
    attempt = one(name, GOOD[name]).attempt
    assert (attempt.ip, attempt.outcome) == ("192.0.2.7", "success")
    assert attempt.actor
    assert attempt.action == ("aws.iam.getuser" if name == "cloudtrail" else "login")


@pytest.mark.parametrize("name", [name for name in GOOD if name != "stepwarden"])
def test_keys_in_lower_case_make_no_difference(name: str) -> None:
    """Pipelines lower-case vendors' keys; our own format is strict."""

    def lower(value: object) -> object:
        if isinstance(value, dict):
            return {key.lower(): lower(item) for key, item in value.items()}
        return [lower(item) for item in value] if isinstance(value, list) else value

    assert one(name, lower(GOOD[name])) == one(name, GOOD[name])


@pytest.mark.parametrize("name", GOOD)
def test_arrays_and_objects_on_several_lines_read_like_json_lines(name: str) -> None:
    """Only the number of the record may differ."""
    for text in (json.dumps([GOOD[name]], indent=1), json.dumps(GOOD[name], indent=2)):
        [item] = importer(name).read([text], "log")
        assert item == one(name, GOOD[name])


@pytest.mark.parametrize("name", GOOD)
def test_a_record_without_a_time_is_shown_and_not_guessed(name: str) -> None:
    """It could not be put in order."""
    times = {"CreationTime", "createdDateTime", "eventTime", "published", "EventTime", "@timestamp", "time"}
    record = {key: value for key, value in GOOD[name].items() if key not in times}
    if name == "google":
        record["id"] = {"applicationName": "login"}
    [item] = read(name, record)
    assert isinstance(item, Unknown)
    assert item.reason == "no time that can be read"


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


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("entra", changed(ENTRA, riskLevelAggregated="high", riskState="confirmedCompromised", isRisky=True)),
        (
            "okta",
            changed(OKTA, debugContext={"debugData": {"threatSuspected": "true", "risk": "{level=HIGH}"}}),
        ),
        (
            "google",
            changed(
                GOOGLE,
                events=[
                    {"name": "login_success", "parameters": [{"name": "is_suspicious", "boolValue": True}]}
                ],
            ),
        ),
    ],
)
def test_a_vendors_risk_verdict_changes_nothing(name: str, record: Json) -> None:
    """Only what happened is read, not what the vendor thinks of it."""
    assert one(name, record) == one(name, GOOD[name])


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("okta", changed(OKTA, eventType="policy.evaluate_sign_on")),
        ("okta", changed(OKTA, eventType="security.threat.detected")),
        ("google", changed(GOOGLE, events=[{"name": "suspicious_login"}])),
        ("cloudtrail", changed(TRAIL, eventCategory="Insight")),
    ],
)
def test_records_that_are_verdicts_are_skipped(name: str, record: Json) -> None:
    """Counted, and no attempt."""
    assert [type(item) for item in read(name, record)] == [Skipped]


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


RBA = (
    "index,Login Timestamp,User ID,Round-Trip Time [ms],IP Address,Country,Region,City,ASN,User Agent String,"
    "Browser Name and Version,OS Name and Version,Device Type,Login Successful,Is Attack IP,Is Account Takeover\n"
    "0,2020-02-03 12:43:30.772,-4324475583306591935,,10.0.65.171,NO,-,-,29695,UA/1,Firefox 20.0,iOS 13.4,mobile,"
    "False,False,True\n"
)


def test_the_rba_data_set_needs_no_mapping_and_its_labels_are_not_read() -> None:
    """Place and device of the record, the outcome, and nothing of who was an attacker."""
    [item] = importer("csv").read([RBA], "rba.csv")
    [other] = importer("csv").read([RBA.replace("False,True\n", "True,False\n")], "rba.csv")
    assert isinstance(item, Imported)
    assert item == other
    assert item.attempt.actor == "-4324475583306591935"
    assert item.attempt.outcome == "failure"
    assert item.attempt.place is not None
    assert item.attempt.place.country == "NO"
    assert item.attempt.device is not None
    assert item.attempt.device.type == "mobile"


@pytest.mark.parametrize("text", ["user", "user=", "colour=x,time=t", "user=a,actor=b", ""])
def test_a_wrong_mapping_says_what_is_wrong(text: str) -> None:
    """Before any line is read."""
    with pytest.raises(InputError):
        parse_mapping(text)


def test_a_mapping_must_name_a_time_and_columns_that_are_there() -> None:
    """The message lists the header."""
    with pytest.raises(InputError, match="time"):
        list(CsvLog({"user": "a"}).read(["a,b\n1,2\n"], "x"))
    with pytest.raises(InputError, match="the header has: a, b"):
        list(CsvLog({"time": "t"}).read(["a,b\n1,2\n"], "x"))


@pytest.mark.parametrize(
    ("latitude", "longitude", "kept"), [(50.6, 5.5, True), (0, 0, False), (91, 5, False), (50.6, None, False)]
)
def test_coordinates_count_together_and_null_island_is_not_known(
    latitude: object, longitude: object, kept: bool
) -> None:
    """0/0 is how exporters write that they do not know; a travel from there would be an alarm."""
    found = place(country="BE", latitude=latitude, longitude=longitude)
    assert found is not None
    assert (found.latitude is not None and found.longitude is not None) is kept


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["x" * 3000, "\x1b[2J", "\ud800", "[::1]:5", "{", "[", "-", "0x", "2021-03-24T12:52:56"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_no_value_of_any_field_crashes_an_importer(name: str, data: st.DataObject) -> None:
    """Any field may hold anything; what comes out is an attempt that the API would take, or is accounted for."""
    record = json.loads(json.dumps(GOOD[name]))
    for _ in range(data.draw(st.integers(1, 3))):
        holder = record
        while True:
            key = data.draw(st.sampled_from(sorted(holder)))
            if not (isinstance(holder[key], dict) and holder[key]) or data.draw(st.booleans()):
                break
            holder = holder[key]
        holder[key] = data.draw(VALUES)
    items = read(name, record)
    assert items
    for item in items:
        if isinstance(item, Imported):
            assert msgspec.convert(msgspec.to_builtins(item.attempt), Attempt) == item.attempt
            assert item.time >= 0


def test_a_header_that_is_no_csv_is_refused_in_our_words() -> None:
    """A lone carriage return inside it is the csv module's own error, which must not leave the room."""
    with pytest.raises(InputError, match="line 1, is no CSV"):
        list(importer("csv", mapping={"time": "a", "user": "b"}).read(["a\rb,c\n1,2\n"], "log"))


@given(st.sampled_from(sorted(FORMATS)), st.lists(st.text(max_size=60), max_size=5), st.data())
def test_no_text_crashes_an_importer(name: str, blocks: list[str], data: st.DataObject) -> None:
    """Any text in any pieces: items, or an InputError."""
    if name in GOOD and data.draw(st.booleans()):
        text = json.dumps(GOOD[name])
        at = data.draw(st.integers(0, len(text)))
        blocks.insert(0, text[:at])
    try:
        for _ in importer(name).read(blocks, "log"):
            pass
    except InputError:
        pass
