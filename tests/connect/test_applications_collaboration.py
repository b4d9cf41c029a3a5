"""Forges, wikis, dashboards, documents, shops: who signed in, from where, and whatever a name or a header holds."""

import pytest

from stepwarden.connect.importers.base import Skipped, Unknown
from tests.connect.applications_house import Example, holds, one, read

IP = "192.0.2.7"
SIX = "2001:db8::7"
NGINX = '2024/05/02 10:00:00 [error] 7#7: *9 FastCGI sent in stderr: "PHP message: '
AFTER = (
    f'" while reading response header from upstream, client: {IP}, server: _, request: "POST /login HTTP/1.1", '
    'upstream: "fastcgi://127.0.0.1:9000", host: "wiki.example.com"'
)
HARBOR = "2024-05-02T10:00:00Z [ERROR] [/server/middleware/security/basic_auth.go:72]"
HARBOR_END = "error:Failed to authenticate user, due to error 'Invalid credentials'"
GITEA = "2024/05/02 10:00:00 ...ers/web/auth/auth.go:200:SignInPost() [W] Failed authentication attempt for "
GRAFANA = "logger=context userId=0 orgId=0 uname= t=2024-05-02T10:00:00.250000000Z level=info "
KUMA = "2024-05-02T10:00:00.250Z [AUTH] "
FIREFLY = "[2024-05-02 10:00:00] local.INFO: AUDIT: "
ODOO = "2024-05-02 10:00:00,250 1 INFO main odoo.addons.base.models.res_users: "
PAPERLESS = "[2024-05-02 10:00:00,250] [INFO] [paperless.auth] "
HIVE = "2024-05-02 10:00:00,250 [INFO] from org.thp.scalligraph.AccessLogFilter in application-9 [0007|] "
MINIFLUX = "time=2024-05-02T10:00:00.250Z level=WARN "
MAGENTO = "[2024-05-02 10:00:00] crowdsec-events.INFO:  "

EXAMPLES = (
    Example(
        "Baikal",
        "[Thu May 02 10:00:00.250000 2024] [proxy_fcgi:error] [pid 7:tid 9] [client 192.0.2.7:50022] AH01071: Got "
        "error 'PHP message: user ann authentication failure for Baikal', referer: https://dav.example.com/",
        "ann",
        IP,
    ),
    Example(
        "Baikal",
        "[Thu May 02 10:00:00.250000 2024] [php7:notice] [pid 7] [client 2001:db8::7:50022] "
        "user ann authentication failure for Baikal",
        "ann",
        SIX,
    ),
    Example("Baikal", f"{NGINX}user ann authentication failure for Baikal{AFTER}", "ann", IP),
    Example(
        "BookStack",
        "[Thu May 02 10:00:00.250000 2024] [proxy_fcgi:error] [pid 7:tid 9] [client 192.0.2.7:50022] AH01071: Got "
        "error 'PHP message: Failed login for ann@example.com', referer: https://wiki.example.com/login",
        "ann@example.com",
        IP,
    ),
    Example("BookStack", f"{NGINX}Failed login for ann@example.com{AFTER}", "ann@example.com", IP),
    Example(
        "Calibre-Web",
        '[2024-05-02 10:00:00,250]  WARN {cps.web:1475} Login failed for user "ann lee" IP-address: 192.0.2.7',
        "ann lee",
        IP,
    ),
    Example(
        "Calibre-Web",
        '[2024-05-02 10:00:00,250]  INFO {cps.web:1200} LDAP Login failed for user "ann" '
        "IP-adress: 203.0.113.9, 192.0.2.7",
        "ann",
        IP,
    ),
    Example(
        "Firefly III",
        f'{FIREFLY}Login failed. Attempt for user "ann@example.com" failed. (192.0.2.7 -> POST:https://money.test/login)',
        "ann@example.com",
        IP,
    ),
    Example(
        "Firefly III",
        f"{FIREFLY}MFA failure count is set to 2. (2001:db8::7 (ann@example.com) -> POST:https://money.test/two-factor/submit)",
        "ann@example.com",
        SIX,
    ),
    Example(
        "Firefly III",
        f"{FIREFLY}MFA failure count is set to zero. (192.0.2.7 (ann@example.com) -> POST:https://money.test/two-factor/submit)",
        "ann@example.com",
        IP,
        "success",
        "firefly.mfa",
    ),
    Example(
        "Firefly III",
        f'{FIREFLY}User "ann@example.com" has been logged in. '
        "(192.0.2.7 (ann@example.com) -> POST:https://money.test/login)",
        "ann@example.com",
        IP,
        "success",
    ),
    Example(
        "Gitea",
        f"{GITEA}ann from 192.0.2.7:39522: user does not exist [uid: 0, name: ann, keyid: 0]",
        "ann",
        IP,
    ),
    Example("Gitea", f"{GITEA}ann from [2001:db8::7]:0: user does not exist [uid: 0, name: ann]", "ann", SIX),
    Example(
        "Gitea",
        f"{GITEA}Ann@example.com from 192.0.2.7:1: Email address does not exist [email: ann@example.com]",
        "Ann@example.com",
        IP,
    ),
    Example(
        "Gitea",
        f"{GITEA}ann@example.com from 192.0.2.7:1: user does not exist [uid: 3, name: ann]",
        "ann@example.com",
        IP,
    ),
    Example("Gitea", f"{GITEA}ann from 192.0.2.7:1", "ann", IP),
    Example(
        "Grafana",
        f'{GRAFANA}msg="Invalid username or password" error="user not found" remote_addr=192.0.2.7 traceID=',
        "",
        IP,
    ),
    Example(
        "Grafana",
        't=2024-05-02T10:00:00+0000 lvl=eror msg="Invalid username or password" logger=context userId=0 orgId=2 uname= '
        'error="Invalid Username or Password" remote_addr=[2001:db8::7]',
        "",
        SIX,
    ),
    Example(
        "Grafana",
        f'{GRAFANA}msg=Unauthorized error="[password-auth.failed] failed to authenticate identity: '
        '[password-auth.invalid] invalid password" remote_addr=192.0.2.7 traceID=',
        "",
        IP,
    ),
    Example(
        "Grafana",
        f'{GRAFANA}msg="Request Completed" method=POST path=/login status=401 remote_addr=192.0.2.7 time_ms=9 size=94 '
        "referer=https://g.example.com/login handler=/login errorReason=Unauthorized "
        'errorMessageID=password-auth.failed error="failed to authenticate identity"',
        "",
        IP,
    ),
    Example(
        "Grafana",
        'grafana | {"error":"user not found","level":"error","logger":"context","msg":"Invalid username or password",'
        '"orgId":0,"remote_addr":"192.0.2.7","t":"2024-05-02T10:00:00.2500000+02:00","traceID":"","uname":"","userId":0}',
        "",
        IP,
    ),
    Example(
        "Harbor",
        f'{HARBOR}[client IP="192.0.2.7" user agent="docker/25"]: failed to authenticate user:ann, {HARBOR_END}',
        "ann",
        IP,
    ),
    Example(
        "Harbor",
        f'May  2 10:00:00 172.18.0.1 core[7]: {HARBOR}[client IP="192.0.2.7, 10.0.0.3,fd00::9" requestID="a-1" '
        f'user agent="docker/25"]: failed to authenticate user:ann, {HARBOR_END}',
        "ann",
        IP,
    ),
    Example(
        "Harbor",
        f'{HARBOR}[client IP="10.0.0.9, 10.0.0.3" user agent="x"]: failed to authenticate user:ann, {HARBOR_END}',
        "ann",
        "10.0.0.3",
    ),
    Example(
        "Joplin Server",
        "2024-05-02 10:00:00: [error] App: 403: POST /api/sessions: 2001:db8::7: Invalid username or password: "
        '{"email":"ann@example.com"}',
        "ann@example.com",
        SIX,
    ),
    Example(
        "Joplin Server",
        "2024-05-02 10:00:00: [error] App: 403: POST /api/sessions: 192.0.2.7: Invalid username or password",
        "",
        IP,
    ),
    Example(
        "Magento",
        MAGENTO + '{"type":"ADMIN_LOGIN_FAILED","ip":"192.0.2.7","x-forwarded-for-ip":"203.0.113.9"} []',
        "",
        IP,
    ),
    Example(
        "Magento",
        MAGENTO
        + '{"type":"CUSTOMER_LOGIN_SUCCESS","ip":"192.0.2.7","x-forwarded-for-ip":"","customer_id":"41"} []',
        "41",
        IP,
        "success",
    ),
    Example(
        "Mealie",
        "[ERROR|auth|L83] 2024-05-02T10:00:00: Incorrect username or password from 192.0.2.7",
        "",
        IP,
    ),
    Example("Mealie", "ERROR    2024-05-02T10:00:00 - Incorrect username or password from 192.0.2.7", "", IP),
    Example(
        "Miniflux",
        f'{MINIFLUX}msg="Incorrect username or password" authentication_failed=true client_ip=192.0.2.7 '
        'user_agent="Mozilla/5.0 (X11)" username=ann error="store: unable to find this user: ann"',
        "ann",
        IP,
    ),
    Example(
        "Miniflux",
        f'{MINIFLUX}msg="[API] Invalid username or password provided during Basic HTTP Authentication" '
        "authentication_failed=true client_ip=2001:db8::7 user_agent=curl/8 username=ann",
        "ann",
        SIX,
    ),
    Example(
        "Miniflux",
        'miniflux | time=2024-05-02T10:00:00.250Z level=INFO msg="User authenticated successfully with '
        'username/password" authentication_successful=true client_ip=192.0.2.7 user_agent="" user_id=1 username=ann',
        "ann",
        IP,
        "success",
    ),
    Example(
        "Odoo", f"{ODOO}Login failed for db:main login:ann@example.com from 192.0.2.7", "ann@example.com", IP
    ),
    Example("Odoo", f"{ODOO}Login failed for login:ann from n/a", "ann", ""),
    Example("Odoo", f"{ODOO}Login successful for db:main login:ann from 192.0.2.7", "ann", IP, "success"),
    Example("Odoo", f"{ODOO}Login successful for login:ann from 2001:db8::7", "ann", SIX, "success"),
    Example("Odoo", f"{ODOO}2FA check: FAIL for res.users(2,) 'ann'", "ann", ""),
    Example(
        "Paperless-ngx", f"{PAPERLESS}Login failed for user `ann` from private IP `192.0.2.7`.", "ann", IP
    ),
    Example("Paperless-ngx", f"{PAPERLESS}Login failed for user `ann` from IP `192.0.2.7.`", "ann", IP),
    Example(
        "Paperless-ngx", f"{PAPERLESS}Login failed for user `ann`. Unable to determine IP address.", "ann", ""
    ),
    Example(
        "Paperless-ngx",
        f"{PAPERLESS}Login successful for user `ann` from IP `2001:db8::7`.",
        "ann",
        SIX,
        "success",
    ),
    Example(
        "Redmine",
        "W, [2024-05-02T10:00:00.25 #1]  WARN -- : Failed login for 'ann' from 192.0.2.7 at 2024-05-02 10:00:00 UTC",
        "ann",
        IP,
    ),
    Example("Redmine", "Failed login for 'ann' from 192.0.2.7 at 2024-05-02 10:00:00 UTC", "ann", IP),
    Example(
        "Redmine",
        "Successful authentication for 'ann' from 2001:db8::7 at 2024-05-02 10:00:00 UTC",
        "ann",
        SIX,
        "success",
    ),
    Example(
        "Stirling-PDF",
        "2024-05-02 10:00:00,250 ERROR s.s.p.s.CustomAuthenticationFailureHandler [qtp7-66] "
        "Failed login attempt from IP: [2001:db8::7]",
        "",
        SIX,
    ),
    Example("TheHive", f"{HIVE}192.0.2.7 POST /api/login took 133ms and returned 401 65 bytes", "", IP),
    Example(
        "TheHive",
        "May  2 10:00:00 hive thehive[7]: [info] o.t.s.AccessLogFilter [1e60|2989] "
        "192.0.2.7 POST /api/v1/login took 8ms and returned 200 65 bytes",
        "",
        IP,
        "success",
    ),
    Example(
        "Uptime Kuma or Dockge",
        f"{KUMA}WARN: Incorrect username or password for user ann. IP=192.0.2.7",
        "ann",
        IP,
    ),
    Example(
        "Uptime Kuma or Dockge", f"{KUMA}WARN: Invalid token provided for user ann. IP=192.0.2.7", "ann", IP
    ),
    Example("Uptime Kuma or Dockge", f"{KUMA}INFO: Inactive or deleted user ann. IP=192.0.2.7", "ann", IP),
    Example(
        "Uptime Kuma or Dockge",
        "\x1b[36m2024-05-02T10:00:00+02:00\x1b[0m [\x1b[92mAUTH\x1b[0m] \x1b[34mINFO:\x1b[0m "
        "Successfully logged in user ann. IP=2001:db8::7",
        "ann",
        SIX,
        "success",
    ),
    Example(
        "ZoneMinder",
        "05/02/24 10:00:00.250000 web_php[7].ERR [2001:db8::1111] [Could not retrieve user ann details] "
        "at /usr/share/zoneminder/www/includes/auth.php line 313",
        "ann",
        "2001:db8::1111",
    ),
    Example(
        "ZoneMinder",
        '05/02/24, 10:00:00\u202fPM MST.250000 web_php[7].ERR [192.0.2.7] [Login denied for user "ann"] at /a.php',
        "ann",
        IP,
    ),
    Example(
        "ZoneMinder",
        "[Thu May 02 10:00:00.250000 2024] [php7:notice] [pid 7] [client 2001:db8::7:39654] ERR "
        '[Login denied for user "ann"], referer: https://zm.example.com/',
        "ann",
        SIX,
    ),
    Example(
        "ZoneMinder",
        '05/02/24 10:00:00.250000 web_php[7].INF [192.0.2.7] [Login successful for user "ann"] at /a.php line 86',
        "ann",
        IP,
        "success",
    ),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.application} {example.outcome}")
def test_a_line_says_who_from_where_and_how_it_ended(example: Example) -> None:
    holds(example)


def test_what_a_success_proved() -> None:
    by_line = {
        line: one(line).attempt.proved for line in (e.line for e in EXAMPLES if e.outcome == "success")
    }
    proved = {
        "Firefly III": {("otp",), ("pwd",)},
        "Magento": {("pwd",)},
        "Miniflux": {("pwd",)},
        # single sign-on, or a token that a browser kept, may have the same words
        "Odoo": {()},
        "Paperless-ngx": {()},
        "Redmine": {()},
        "TheHive": {("pwd",)},
        "Uptime Kuma or Dockge": {()},
        "ZoneMinder": {("pwd",)},
    }
    for application, methods in proved.items():
        lines_ = [e.line for e in EXAMPLES if e.application == application and e.outcome == "success"]
        assert {by_line[line] for line in lines_} == methods, application


def test_the_user_agent_is_read_without_its_quotes() -> None:
    agents = {one(e.line).attempt.user_agent for e in EXAMPLES if e.application in ("Miniflux", "Harbor")}
    assert agents == {"Mozilla/5.0 (X11)", "curl/8", "", "docker/25", "x"}


def test_times_are_those_of_the_application() -> None:
    """Also where it writes them at the end, or in the words of a country."""
    times = {e.line: one(e.line).time for e in EXAMPLES}
    ten = 1714644000
    assert {round(time / 1_000_000) for time in times.values()} <= {ten, ten - 7200, ten + 43200}
    assert sum(round(time / 1_000_000) == ten + 43200 for time in times.values()) == 1


@pytest.mark.parametrize(
    "line",
    [
        f'{FIREFLY}User is trying to login using "ann@example.com" (192.0.2.7 -> POST:https://money.test/login)',
        f'{FIREFLY}Login for user "ann@example.com" was locked out. (192.0.2.7 -> POST:https://money.test/login)',
        f"{FIREFLY}Show login form (1.1). (192.0.2.7 -> GET:https://money.test/login)",
        "2024/05/02 10:00:00 modules/ssh/ssh.go:200 [W] Failed authentication attempt from 192.0.2.7:1",
        'logger=authn.service t=2024-05-02T10:00:00Z level=info msg="Failed to authenticate request" '
        'client=auth.client.form error="[password-auth.failed] failed to authenticate identity"',
        f'{GRAFANA}msg="Request Completed" method=GET path=/login status=401 remote_addr=192.0.2.7 time_ms=9 referer= ',
        f'{GRAFANA}msg=Unauthorized error="user token not found" remote_addr=192.0.2.7 traceID=',
        "2024-05-02T10:00:00Z [ERROR] [/core/controllers/base.go:109]: Error occurred in UserLogin: "
        "Failed to authenticate user, due to error 'Invalid credentials'",
        "2024-05-02 10:00:00: [error] App: 404: GET /api/users: 192.0.2.7: Not found",
        MAGENTO + '{"type":"CUSTOMER_LOGIN_PROCESS","ip":"192.0.2.7","x-forwarded-for-ip":""} []',
        "[ERROR|auth|L83] 2024-05-02T10:00:00: User is locked out from 192.0.2.7",
        f'{MINIFLUX}msg="[API] Invalid API Key" client_ip=192.0.2.7 user_agent=curl/8',
        f"{ODOO}Password change for 'ann' (#2) by 'ann' (#2) from 192.0.2.7",
        f"{ODOO}2FA check: SUCCESS for res.users(2,) 'ann'",
        f"{PAPERLESS}No authentication provided from IP `192.0.2.7`.",
        f"{HIVE}192.0.2.7 GET /api/case took 3ms and returned 401 65 bytes",
        f"{KUMA}INFO: Login by username + password. IP=192.0.2.7",
        f"{KUMA}INFO: 2FA token required for user ann. IP=192.0.2.7",
        f"{KUMA}INFO: Too many failed requests for user ann. IP=192.0.2.7",
        f"{KUMA}ERROR: Invalid token. IP=192.0.2.7",
        '05/02/24 10:00:00.250000 web_php[7].INF [192.0.2.7] [Creating token for "ann"] at /a.php line 157',
    ],
)
def test_other_messages_are_no_attempts(line: str) -> None:
    [item] = read(line)
    assert isinstance(item, Skipped), item


def test_a_message_without_a_time_is_unknown() -> None:
    """TheHive leaves the time to whoever keeps its output."""
    [item] = read(
        "[info] o.t.s.AccessLogFilter [1e60|2989] 192.0.2.7 POST /api/v1/login took 8ms and returned 401 9 bytes"
    )
    assert isinstance(item, Unknown)
    assert item.reason == "no time that can be read"
