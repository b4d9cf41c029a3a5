"""What the tests of importers share: a good record of each JSON format, and how records are read."""

import json

from stepwarden.connect.detect import importer
from stepwarden.connect.importers.base import Imported, Item

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
