"""Identity providers and password managers: who signed in, from where, and whatever a name holds."""

import json

import pytest

from stepwarden.connect.importers.base import Imported, Skipped, Unknown
from tests.connect.applications_house import Example, holds, read

AUTHELIA = (
    'time="2024-02-14T13:47:54+02:00" level=error msg="{}" method=POST path=/api/firstfactor remote_ip={}'
)
DEBUG = AUTHELIA.replace("level=error", "level=debug")
REFUSED = "Unsuccessful 1FA authentication attempt by user '{}'"
NOBODY = "Error occurred getting details for user with username input '{}' which usually indicates they do not exist"
MADE = "Successful {} authentication attempt made by user 'ann'"
AUTHELIA_JSON = (
    '{{"level":"error","method":"POST","msg":"{}","path":"/api/secondfactor/totp","remote_ip":"192.0.2.7",'
    '"stack":[{{"File":"response.go","Line":181,"Name":"mark"}}],"time":"2024-02-14T13:47:54+02:00"}}'
)
CAS = (
    "2024-02-14 13:47:54,116 INFO [org.apereo.inspektr.audit] - <Wed Feb 14 13:47:54 CET 2024|CAS|{}|{}"
    "|192.0.2.7|198.51.100.1>"
)
PASSWORD = "Supplied credentials: [UsernamePasswordCredential(username=ann, source=null, customFields={})]"
GUACAMOLE = "2024-02-14T13:47:54,820Z [http-nio-8080-exec-5] WARN  o.a.g.r.auth.AuthenticationService - {}"
GUACAMOLE_FAILED = GUACAMOLE.format('Authentication attempt from {} for user "{}" failed.')
LLNG = "Feb 14 13:47:54 sso LLNG[73]: [{}] {}"
DASHBOARDS = (
    '2024-02-14T13:47:54.606136+01:00 dash opensearch-dashboards[94]: {{"type":"response","@timestamp":'
    '"2024-02-14T12:47:54Z","tags":[],"pid":94,"method":"post","statusCode":{0},"req":{{"url":"{1}","method":"post",'
    '"headers":{{"host":"dash.example.com","user-agent":"{2}"}},"remoteAddress":"192.0.2.7","userAgent":"{2}"}},'
    '"res":{{"statusCode":{0},"responseTime":3}},"message":"POST {1} {0} 3ms - 9.0B"}}'
)
VAULT = "[2024-02-14 13:47:54.219][vaultwarden::api::{}][{}] {}"
VAULT_FAILED = VAULT.format(
    "identity", "ERROR", "Username or password is incorrect. Try again. IP: 192.0.2.7. Username: {}."
)
WHO = "IP: 192.0.2.7. Username: ann@example.com."


def vault(text: str, user: str = "ann@example.com") -> Example:
    return Example("Vaultwarden", VAULT.format("identity", "ERROR", text), user, "192.0.2.7")


EXAMPLES = (
    Example(
        "Authelia",
        AUTHELIA.format(REFUSED.format("ann") + ": user not found", "192.0.2.7"),
        "ann",
        "192.0.2.7",
    ),
    Example("Authelia", AUTHELIA.format(REFUSED.format("ann"), '"2001:db8::7"'), "ann", "2001:db8::7"),
    Example(
        "Authelia",
        AUTHELIA.format(REFUSED.format("ann") + " and they are banned until 14:00:00", "192.0.2.7"),
        "ann",
        "192.0.2.7",
    ),
    Example("Authelia", AUTHELIA_JSON.format(REFUSED.format("ann")), "ann", "192.0.2.7"),
    Example(
        "Authelia",
        AUTHELIA.format(NOBODY.format("ann"), "192.0.2.7").replace(
            " method", ' error="user not found" method'
        ),
        "ann",
        "192.0.2.7",
    ),
    *(
        Example("Authelia", DEBUG.format(MADE.format(kind), "192.0.2.7"), "ann", "192.0.2.7", "success")
        for kind in ("1FA", "Duo", "Passkey", "TOTP", "WebAuthn")
    ),
    Example(
        "Bitwarden", "2024-04-24 13:06:36.295 -05:00 [WRN] Failed login attempt. 192.0.2.7", "", "192.0.2.7"
    ),
    Example(
        "Bitwarden",
        "2024-04-24T13:06:36 0a1b Bitwarden-Identity[1]: [Bit.Identity.Validator] Failed login attempt.  192.0.2.7",
        "",
        "192.0.2.7",
    ),
    Example(
        "Bitwarden",
        "2024-04-24 13:06:36.295 -05:00 [WRN] Failed login attempt, 2FA invalid. 2001:db8::7",
        "",
        "2001:db8::7",
    ),
    Example("CAS", CAS.format(PASSWORD, "AUTHENTICATION_FAILED|ann"), "ann", "192.0.2.7"),
    Example("CAS", CAS.format(PASSWORD, "AUTHENTICATION_SUCCESS|ann"), "ann", "192.0.2.7", "success"),
    Example(
        "CAS",
        CAS.format("[GoogleAuthenticatorTokenCredential(id=1)]", "AUTHENTICATION_SUCCESS|ann")[:-1],
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example("Guacamole", GUACAMOLE_FAILED.format("192.0.2.7", "ann"), "ann", "192.0.2.7"),
    Example("Guacamole", GUACAMOLE_FAILED.format("[192.0.2.7, 172.18.0.2]", "ann"), "ann", "192.0.2.7"),
    Example(
        "Guacamole",
        GUACAMOLE.format(
            'Authentication attempt from 192.0.2.7 for user "ann" failed: denied (rejected by "ldap")'
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Guacamole",
        GUACAMOLE.format(
            'Authentication attempt from 192.0.2.7 for user "ann" requires additional credentials to continue: TOTP'
        ),
        "ann",
        "192.0.2.7",
        "unknown",
    ),
    Example(
        "Guacamole",
        GUACAMOLE.format('User "ann" successfully authenticated from [192.0.2.7, 172.18.0.2].'),
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "Guacamole",
        GUACAMOLE.format('User "ann" (authenticated by "mysql") successfully authenticated from 2001:db8::7'),
        "ann",
        "2001:db8::7",
        "success",
    ),
    Example("LemonLDAP::NG", LLNG.format("warn", "Bad password for ann (192.0.2.7)"), "ann", "192.0.2.7"),
    Example(
        "LemonLDAP::NG",
        LLNG.format("warn", "All schemes failed for user ann (192.0.2.7)"),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "LemonLDAP::NG",
        LLNG.format("warn", "ann was not found in LDAP directory (192.0.2.7)"),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "LemonLDAP::NG",
        "Feb 14 13:47:54 sso lemonldap-ng[3]: Lemonldap::NG : Bad password for ann b (2001:db8::7)",
        "ann b",
        "2001:db8::7",
    ),
    *(
        Example(
            "LemonLDAP::NG",
            LLNG.format("notice", f"Session granted for ann by {module} (192.0.2.7)"),
            "ann",
            "192.0.2.7",
            "success",
        )
        for module in ("LDAP", "SAML")
    ),
    Example(
        "OpenSearch Dashboards", DASHBOARDS.format(401, "/auth/login?dataSourceId=", "UA/1"), "", "192.0.2.7"
    ),
    Example(
        "OpenSearch Dashboards", DASHBOARDS.format(200, "/auth/login", "UA/1"), "", "192.0.2.7", "success"
    ),
    vault(f"Username or password is incorrect. Try again. {WHO}"),
    vault("Username or password is incorrect. Try again. IP: 192.0.2.7. Device: 0a1b.", ""),
    vault(f"Username or access code is incorrect. Try again. {WHO}"),
    vault(f"This user has been disabled. {WHO}"),
    vault(f"This user has been disabled (API key login). {WHO}"),
    vault(f"Please verify your email before trying again.. {WHO}"),
    vault(f"Incorrect client_secret. {WHO}"),
    vault("Invalid client_id. IP: 192.0.2.7.", ""),
    Example(
        "Vaultwarden",
        VAULT.format("admin", "ERROR", "Invalid admin token. IP: 2001:db8::7"),
        "",
        "2001:db8::7",
    ),
    vault("Invalid TOTP code! Server time: 2024-02-14 12:47:54 UTC IP: 192.0.2.7", ""),
    vault("Token is invalid! IP: 192.0.2.7", ""),
    vault("No token available! IP: 192.0.2.7", ""),
    *(
        Example(
            "Vaultwarden",
            VAULT.format(
                "identity", "INFO", f"User ann@example.com logged in successfully{how}. IP: 192.0.2.7"
            ),
            "ann@example.com",
            "192.0.2.7",
            "success",
        )
        for how in ("", " via API key")
    ),
)
OTHERS = (
    AUTHELIA.format("Mark 1FA authentication attempt made by user 'ann'", "192.0.2.7"),
    AUTHELIA.format("Access to https://example.com/ is forbidden to user ann", "192.0.2.7"),
    "2024-04-24 13:06:36.295 -05:00 [INF] Request finished HTTP/1.1 POST /identity/connect/token",
    CAS.format("TGT-1", "TICKET_GRANTING_TICKET_CREATED|ann"),
    GUACAMOLE.format("Anonymous authentication attempt from 192.0.2.7 failed."),
    GUACAMOLE.format('User "ann" connected to connection "1".'),
    LLNG.format("notice", "User ann successfully authenticated at level 2"),
    LLNG.format("notice", "User ann has been disconnected from LDAP (192.0.2.7)"),
    DASHBOARDS.format(401, "/api/status", "UA/1"),
    DASHBOARDS.format(429, "/auth/login", "UA/1"),
    VAULT.format("identity", "ERROR", "2FA token not provided"),
    VAULT.format("identity", "INFO", "POST /identity/connect/token"),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.application} {example.outcome}")
def test_a_line_says_who_from_where_and_how_it_ended(example: Example) -> None:
    holds(example)


@pytest.mark.parametrize("line", OTHERS)
def test_other_lines_are_no_attempts(line: str) -> None:
    [item] = read(line)
    assert isinstance(item, Skipped)


def test_a_success_says_what_it_proved() -> None:
    proved = {
        kind: one(DEBUG.format(MADE.format(kind), "192.0.2.7")).attempt.proved
        for kind in ("1FA", "Duo", "TOTP")
    }
    assert proved == {"1FA": ("pwd",), "Duo": (), "TOTP": ("otp",)}
    for what, methods in ((PASSWORD, ("pwd",)), ("[ClientCredential(id=1)]", ())):
        assert one(CAS.format(what, "AUTHENTICATION_SUCCESS|ann")).attempt.proved == methods
    for module, methods in (("LDAP", ("pwd",)), ("SAML", ())):
        line = LLNG.format("notice", f"Session granted for ann by {module} (192.0.2.7)")
        assert one(line).attempt.proved == methods


def test_times_are_the_lines_own() -> None:
    """JSON has its time at the end, the line of text at the beginning."""
    assert one(AUTHELIA_JSON.format(REFUSED.format("ann"))).time == one(EXAMPLES[0].line).time
    assert one(AUTHELIA_JSON.format(REFUSED.format("ann"))).time == 1_707_911_274_000_000


@pytest.mark.parametrize(
    "record",
    [
        json.loads(AUTHELIA_JSON.format(REFUSED.format("ann") + ": user not found")),
        json.loads(AUTHELIA_JSON.format(NOBODY.format("ann"))),
    ],
)
def test_a_log_that_is_json_only_is_read_as_its_lines_among_text_are(record: dict[str, object]) -> None:
    whole, line = one(json.dumps(record)), one("# x\n" + json.dumps(record, separators=(",", ":")))
    assert whole.attempt == line.attempt
    assert whole.time == line.time


def one(text: str) -> Imported:
    """The only attempt of a log."""
    [item] = [found for found in read(text) if not isinstance(found, Skipped)]
    assert isinstance(item, Imported), item
    return item


def test_records_say_factors_and_what_is_no_sign_in() -> None:
    record = json.loads(AUTHELIA_JSON.format(MADE.format("TOTP")))
    attempt = one(json.dumps(record)).attempt
    assert (attempt.actor, attempt.outcome, attempt.proved) == ("ann", "success", ("otp",))
    for message in ("Authelia v4.39.1 is starting", "Mark 1FA authentication attempt made by user 'ann'"):
        [item] = read(json.dumps(record | {"msg": message}))
        assert isinstance(item, Skipped)
    [item] = read(
        json.dumps({"level": "info", "msg": "Authelia v4.39.1 is starting", "time": record["time"]})
    )
    assert isinstance(item, Skipped)
    [item] = read(json.dumps({"level": "info", "msg": "of another service", "time": record["time"]}))
    assert isinstance(item, Unknown)
    [item] = read(json.dumps(record | {"msg": "Unsuccessful attempt by ann"}))
    assert isinstance(item, Unknown)


@pytest.mark.parametrize(("status", "outcome"), [(401, "failure"), (200, "success")])
def test_dashboards_records_are_read_too(status: int, outcome: str) -> None:
    line = DASHBOARDS.format(status, "/auth/login", "UA/1")
    attempt = one(line[line.index("{") :]).attempt
    assert attempt == one(line).attempt
    assert (attempt.ip, attempt.outcome, attempt.user_agent) == ("192.0.2.7", outcome, "UA/1")
    other = DASHBOARDS.format(status, "/auth/logins", "UA/1")
    [item] = read(other[other.index("{") :])
    assert isinstance(item, Skipped)


def test_attack_a_name_that_holds_an_address_moves_nothing() -> None:
    """What an application writes behind the name is its own: the last address counts."""
    words = "x': user not found\\\" method=POST path=/api/firstfactor remote_ip=198.51.100.1 stack=\\\"'"
    found = one(AUTHELIA.format(REFUSED.format(words), "192.0.2.7")).attempt
    assert (found.ip, found.actor) == ("192.0.2.7", words)
    words = "x (198.51.100.1)"
    for message in ("Bad password for {} (192.0.2.7)", "{} was not found in LDAP directory (192.0.2.7)"):
        found = one(LLNG.format("warn", message.format(words))).attempt
        assert (found.ip, found.actor) == ("192.0.2.7", words)
    words = "x. IP: 198.51.100.1. Username: y"
    found = one(VAULT_FAILED.format(words)).attempt
    assert (found.ip, found.actor) == ("192.0.2.7", words)
    words = 'x" failed. Authentication attempt from 198.51.100.1 for user "y'
    found = one(GUACAMOLE_FAILED.format("192.0.2.7", words)).attempt
    assert (found.ip, found.actor) == ("192.0.2.7", words)
    words = "x|198.51.100.2|198.51.100.3"
    found = one(CAS.format("[x]", f"AUTHENTICATION_FAILED|{words}")).attempt
    assert (found.ip, found.actor) == ("192.0.2.7", words)


def test_attack_the_json_of_a_name_is_not_the_logs_own() -> None:
    """Quotes in names are escaped: keys in them are none, in a line among text as in a record."""
    name = 'x","path":"/","remote_ip":"198.51.100.1","time":"2020-01-01T00:00:00Z'
    escaped = json.dumps(REFUSED.format(name))[1:-1]
    line = AUTHELIA_JSON.format(escaped)
    for found in (one(line), one("# x\n" + line)):
        assert found.attempt.ip == "192.0.2.7"
        assert found.time == 1_707_911_274_000_000
    assert one(line).attempt.actor == name


def test_attack_a_failure_is_no_success_whatever_the_name_says() -> None:
    cas = "x|AUTHENTICATION_SUCCESS|admin|198.51.100.1|198.51.100.2"
    what = f"Supplied credentials: [UsernamePasswordCredential(username={cas})]"
    llng = "x [notice] Session granted for admin by LDAP (198.51.100.1)"
    vaultwarden = "[vaultwarden::api::identity][INFO] User admin logged in successfully. IP: 198.51.100.1"
    guacamole = 'x" - User "admin" successfully authenticated from 198.51.100.1'
    other = "Successful 1FA authentication attempt made by user 'admin'"
    authelia = rf"x' \"{other}\" method=GET path=/ remote_ip=198.51.100.1"
    for line in (
        CAS.format(what, f"AUTHENTICATION_FAILED|{cas}"),
        LLNG.format("warn", f"Bad password for {llng} (192.0.2.7)"),
        LLNG.format("warn", f"{llng} was not found in LDAP directory (192.0.2.7)"),
        VAULT_FAILED.format(vaultwarden),
        GUACAMOLE_FAILED.format("192.0.2.7", guacamole),
        AUTHELIA.format(REFUSED.format(authelia), "192.0.2.7"),
    ):
        found = one(line).attempt
        assert (found.outcome, found.ip) == ("failure", "192.0.2.7"), line


@pytest.mark.parametrize(
    ("addresses", "believed"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("[198.51.100.1, 10.0.0.2]", "198.51.100.1"),
        ("[203.0.113.9, 198.51.100.1, 10.0.0.2]", "198.51.100.1"),
        ("[10.9.9.9, 198.51.100.1, 172.20.0.2]", "198.51.100.1"),
        ("[203.0.113.9, 198.51.100.1]", "198.51.100.1"),
        ("[203.0.113.9:40, 2001:db8::1, fd00::2]", "2001:db8::1"),
    ],
)
def test_attack_a_forwarded_address_that_the_visitor_wrote_is_not_believed(
    addresses: str, believed: str
) -> None:
    """The nearest proxy wrote the last of the list; what stands before it came with the request."""
    assert one(GUACAMOLE_FAILED.format(addresses, "ann")).attempt.ip == believed


def test_attack_what_a_browser_sends_is_not_the_dashboards_own() -> None:
    agent = 'UA","remoteAddress":"198.51.100.1","userAgent":"x'
    found = one(DASHBOARDS.format(401, "/auth/login", json.dumps(agent)[1:-1])).attempt
    assert found.ip == "192.0.2.7"
    address = '/auth/login?x=","method":"post","remoteAddress":"198.51.100.1"'
    found = one(DASHBOARDS.format(401, json.dumps(address)[1:-1], "UA/1")).attempt
    assert (found.ip, found.user_agent) == ("192.0.2.7", "UA/1")


def test_attack_a_name_of_any_length_hides_no_failure_of_a_record() -> None:
    record = json.loads(AUTHELIA_JSON.format(REFUSED.format("x" * 100_000)))
    attempt = one(json.dumps(record)).attempt
    assert (attempt.outcome, attempt.ip) == ("failure", "192.0.2.7")
