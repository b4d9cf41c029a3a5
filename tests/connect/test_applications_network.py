"""Firewalls, gateways, control panels and web servers: who signed in, from where, and whatever a name holds."""

import pytest

from stepwarden.connect.importers.applications.network import MESSAGES
from stepwarden.connect.importers.base import Skipped, Unknown
from tests.connect.applications_house import Example, holds, one, read

APACHE = "[Thu May 02 10:00:00.250000 2024] [auth_basic:error] [pid 7:tid 9] [client 192.0.2.7:50122] "
NGINX = "2024/05/02 10:00:00 [error] 7#7: *5 "
REST = 'server: _, request: "GET / HTTP/1.1", host: "www.example"'
FORTINET = (
    'date=2024-05-02 time=10:00:00 devname="gate" eventtime=1714640400000000000 tz="+0200" logid="0101039426" '
    'type="event" subtype="vpn" level="alert" vd="root" '
)
ADMIN = 'date=2024-05-02 time=10:00:00 tz="+0200" type="event" subtype="system" level="alert" vd="root" '
PFSENSE = "May  2 10:00:00 wall php-fpm[374]: /index.php: "
OPNSENSE = '<35>1 2024-05-02T10:00:00+00:00 wall.example audit 24409 - [meta sequenceId="4"] /index.php: '
CHARON = '<30>1 2024-05-02T10:00:00+02:00 gate charon 15894 - [meta sequenceId="35"] 06[IKE] <con1|62> '
AGENT = '5364 "-" "Mozilla/5.0"'


def posted(page: str, version: str, status: int = 200) -> str:
    return f'192.0.2.7 - - [02/May/2024:10:00:00 -0400] "POST {page} HTTP/{version}" {status} {AGENT}'


def vpn(user: str) -> str:
    return (
        FORTINET + 'logdesc="SSL VPN login fail" action="ssl-login-fail" tunneltype="ssl-web" tunnelid=0 '
        f'remip=192.0.2.7 user="{user}" group="N/A" dst_host="N/A" reason="sslvpn_login_permission_denied" '
        'msg="SSL user failed to logged in"'
    )


def admin(user: str) -> str:
    return (
        ADMIN + f'logdesc="Admin login failed" sn="0" user="{user}" ui="https(192.0.2.7)" method="https" '
        'srcip=192.0.2.7 dstip=203.0.113.1 action="login" status="failed" reason="passwd_invalid" '
        f'msg="Administrator {user} login failed from https(192.0.2.7) because of invalid password"'
    )


EXAMPLES = (
    Example(
        "Apache HTTP Server",
        APACHE + 'AH01617: user ann: authentication failure for "/private": Password Mismatch',
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Apache HTTP Server",
        "[Thu May 02 10:00:00.250000 2024] [auth_basic:error] [pid 7] [client 2001:db8::7:50122] "
        "AH01618: user bob not found: /private, referer: https://www.example/",
        "bob",
        "2001:db8::7",
    ),
    *(
        Example("ApisCP", posted("/apps/login", version), "", "192.0.2.7")
        for version in ("1.0", "1.1", "2.0", "3.0")
    ),
    Example(
        "cPanel",
        '[2024-05-02 10:00:00 +1000] info [whostmgrd] 192.0.2.7 - ann "POST /login/?login_only=1 HTTP/1.1" '
        "FAILED LOGIN whostmgrd: user password incorrect",
        "ann",
        "192.0.2.7",
    ),
    Example(
        "cPanel",
        '[2024-05-02 10:00:00 +0000] info [cpaneld] 192.0.2.7 - bob "POST /login/?login_only=1 HTTP/1.1" FAILED '
        "LOGIN cpaneld: brute force attempt (user bob) has locked out IP 192.0.2.7",
        "bob",
        "192.0.2.7",
    ),
    Example(
        "cPanel",
        '[2024-05-02 10:00:00 +0000] info [cpaneld] 192.0.2.7 - - "GET / HTTP/1.1" FAILED LOGIN cpaneld: '
        "login attempt without username",
        "",
        "192.0.2.7",
    ),
    Example(
        "cPanel",
        "[2024-05-02 10:00:00 +0000] info [cpaneld] 2001:db8::7 NEW ann:Ab3dEfGhIj address=2001:db8::7,"
        "app=cpaneld,creator=ann,method=handle_form_login,path=form,possessed=0",
        "ann",
        "2001:db8::7",
        "success",
    ),
    Example("FortiGate", vpn("ann"), "ann", "192.0.2.7"),
    Example("FortiGate", vpn("N/A"), "", "192.0.2.7"),
    Example(
        "FortiGate",
        "May  2 10:00:00 gate "
        + FORTINET
        + 'logdesc="SSL VPN tunnel up" action="tunnel-up" tunneltype="ssl-web" '
        'tunnelid=462105151 remip=192.0.2.7 srccountry="Reserved" user="ann" group="staff" dst_host="N/A" '
        'reason="login successfully" msg="SSL tunnel established"',
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example("FortiGate", admin("ann"), "ann", "192.0.2.7"),
    Example(
        "FortiGate",
        ADMIN
        + 'logdesc="Admin login successful" sn="1714640400" user="ann" ui="ssh(192.0.2.7)" method="ssh" '
        'srcip=192.0.2.7 dstip=203.0.113.1 action="login" status="success" reason="none" profile="super_admin" '
        'msg="Administrator ann logged in successfully from ssh(192.0.2.7)"',
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example("HestiaCP", "2024-05-02 10:00:00 ann 192.0.2.7 failed to login", "ann", "192.0.2.7"),
    Example(
        "HestiaCP",
        "2024-05-02 10:00:00 ann 2001:db8::7 successfully logged in",
        "ann",
        "2001:db8::7",
        "success",
    ),
    Example(
        "LiteSpeed WebAdmin",
        "2024-05-02 10:00:00.250000 [NOTICE] [7] [192.0.2.7:45164:HTTP2-41#_AdminVHost] [STDERR] [WebAdmin Console] "
        "Failed Login Attempt - username:ann ip:192.0.2.7 url:https://www.example:7080/login.php",
        "ann",
        "192.0.2.7",
    ),
    Example(
        "MeshCentral",
        "May 2 10:00:00 meshcentral https[7]: Failed password for ann from 192.0.2.7 port 57951",
        "ann",
        "192.0.2.7",
    ),
    Example(
        "MeshCentral",
        "May 12 10:00:00 meshcentral https[7]: Failed 2FA for ann from 192.0.2.7 port 57951",
        "ann",
        "192.0.2.7",
    ),
    Example(
        "MeshCentral",
        "May 12 10:00:00 mesh https[7]: Accepted password for ann from 2001:db8::7 port 57951, Browser: Firefox",
        "ann",
        "2001:db8::7",
        "success",
    ),
    Example(
        "MikroTik RouterOS",
        "2024-05-02T10:00:00.250000+02:00 198.51.100.1 system,error,critical login failure for user ann from "
        "192.0.2.7 via winbox",
        "ann",
        "192.0.2.7",
    ),
    Example(
        "MikroTik RouterOS",
        "May  2 10:00:00 router system,error,critical login failure for user ann via local",
        "ann",
        "",
    ),
    Example(
        "MikroTik RouterOS",
        "May  2 10:00:00 router system,error,critical login failure for user ann from 4C:5E:0C:00:00:07 via winbox",
        "ann",
        "",
    ),
    Example(
        "MikroTik RouterOS",
        "May  2 10:00:00 router system,info,account user ann logged in from 192.0.2.7 via rest-api",
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "nginx",
        f'{NGINX}user "ann" was not found in "/etc/nginx/htpasswd", client: 192.0.2.7, {REST}',
        "ann",
        "192.0.2.7",
    ),
    Example(
        "nginx",
        f'May  2 10:00:00 web nginx: {NGINX}user "ann": password mismatch, client: 2001:db8::7, {REST}',
        "ann",
        "2001:db8::7",
    ),
    Example(
        "OpenVPN",
        "2024-05-02 10:00:00 192.0.2.7:45321 TLS Auth Error: Auth Username/Password verification failed for peer",
        "",
        "192.0.2.7",
    ),
    Example(
        "OpenVPN",
        "Thu May  2 10:00:00 2024 ann/192.0.2.7:45321 TLS Auth Error: Auth Username/Password verification failed "
        "for peer",
        "",
        "192.0.2.7",
    ),
    Example(
        "OpenVPN",
        "May  2 10:00:00 gate ovpn-server[7]: udp4:192.0.2.7:45321 TLS: Username/Password authentication succeeded "
        "for username 'ann' [CN SET]",
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "OPNsense", OPNSENSE + "Web GUI authentication error for 'ann' from 2001:db8::7", "ann", "2001:db8::7"
    ),
    Example(
        "OPNsense",
        OPNSENSE + "Successful login for user 'ann' from: 192.0.2.7",
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "pfSense",
        PFSENSE + "webConfigurator authentication error for user 'ann' from: 192.0.2.7",
        "ann",
        "192.0.2.7",
    ),
    Example(
        "pfSense",
        "<37>1 2024-05-02T10:00:00.250000+00:00 wall php-fpm 374 - - /index.php: "
        "Successful login for user 'ann' from: 192.0.2.7[198.51.100.1] (Local Database)",
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "Proxmox",
        "May  2 10:00:00 pve pvedaemon[7]: authentication failure; rhost=::ffff:192.0.2.7 user=ann@pam "
        "msg=no such user ('ann@pam')",
        "ann@pam",
        "192.0.2.7",
    ),
    Example(
        "Proxmox",
        "2024-05-02T10:00:00+02:00: authentication failure; rhost=[2001:db8::7]:47414 user=ann@pbs "
        "msg=user account disabled or expired.",
        "ann@pbs",
        "2001:db8::7",
    ),
    Example(
        "Proxmox",
        "May  2 10:00:00 pve pvedaemon[7]: <ann@pam> successful auth for user 'ann@pam'",
        "ann@pam",
        "",
        "success",
    ),
    Example("strongSwan", CHARON + "no EAP key found for hosts 'gate.example' - 'ann'", "ann", ""),
    Example("strongSwan", CHARON + "XAuth authentication of 'ann' failed", "ann", ""),
    Example("strongSwan", CHARON + "XAuth authentication of 'ann' successful", "ann", "", "success"),
    Example(
        "Webmin",
        '1714644000.7.0 [2/May/2024 12:00:00] ann - 192.0.2.7 global miniserv.pl "failed" "-" "wrongpass"',
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Webmin",
        '1714644000.7.0 [02/May/2024 12:00:00] ann 0123456789abcdef 192.0.2.7 global miniserv.pl "login" "-" "-"',
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "Webmin", "May  2 10:00:00 web webmin[7]: Expired login as ann from 192.0.2.7", "ann", "192.0.2.7"
    ),
    Example(
        "Webmin", "May  2 10:00:00 web webmin[7]: Invalid login as ann from 192.0.2.7", "ann", "192.0.2.7"
    ),
    Example(
        "Webmin", "May  2 10:00:00 web webmin[7]: Non-existent login as ann from host.example", "ann", ""
    ),
    Example(
        "Webmin",
        "May  2 10:00:00 web webmin[7]: Successful login as ann from 192.0.2.7",
        "ann",
        "192.0.2.7",
        "success",
    ),
    *(
        Example("WordPress", posted("/wp-login.php", version), "", "192.0.2.7")
        for version in ("1.0", "1.1", "2.0", "3.0")
    ),
    Example(
        "WordPress",
        "May  2 14:00:00 web nginx[7]: " + posted("/wp-login.php", "1.1"),
        "",
        "192.0.2.7",
    ),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.application} {example.outcome}")
def test_a_line_says_who_from_where_and_how_it_ended(example: Example) -> None:
    holds(example)


def test_each_message_has_an_example() -> None:
    for message in MESSAGES:
        assert any(
            example.application == message.application
            and message.hint in example.line
            and message.pattern.search(example.line)
            for example in EXAMPLES
        ), message.hint


def test_the_time_of_an_access_log_and_of_webmin_is_read_with_its_zone() -> None:
    """10:00 four hours behind is 14:00; Webmin's own clock stands in brackets and has no zone."""
    clock = one("May  2 14:00:00 web nginx[7]: " + posted("/wp-login.php", "1.1")).time
    assert clock == one(posted("/wp-login.php", "1.1")).time == 1_714_658_400_000_000
    line = '1714644000.7.0 [2/May/2024 12:00:00] ann - 192.0.2.7 global miniserv.pl "failed" "-" "wrongpass"'
    assert one(line).time == 1_714_644_000_000_000


def test_a_session_of_a_control_panel_is_not_kept() -> None:
    """What cPanel and Webmin log as the session is what lets its bearer in."""
    successes = [
        one(example.line).attempt for example in EXAMPLES if example.application in ("cPanel", "Webmin")
    ]
    assert {attempt.session for attempt in successes} == {""}


@pytest.mark.parametrize(
    "line",
    [
        posted("/wp-login.php", "1.1", 302),
        posted("/wp-login.php?action=lostpassword", "1.1"),
        posted("/wp-login.php", "1.1", 403),
        posted("/wp-login.php", "1.1").replace("POST", "GET"),
        posted("/apps/login", "1.1", 302),
        '192.0.2.7 - ann [02/May/2024:10:00:00 +0000] "POST /client HTTP/1.1" 401 141 "-" "-"',
        f"{NGINX}no user/password was provided for basic authentication, client: 192.0.2.7, {REST}",
        "2024-05-02 10:00:00 192.0.2.7:45321 TLS Error: incoming packet authentication failed from "
        "[AF_INET]192.0.2.7:45321",
        "2024-05-02 10:00:00 192.0.2.7:45321 SENT CONTROL [UNDEF]: 'AUTH_FAILED' (status=1)",
        "2024-05-02 10:00:00 192.0.2.7:45321 [ann] Peer Connection Initiated with [AF_INET]192.0.2.7:45321",
        CHARON + "EAP-MS-CHAPv2 verification failed, retry (1)",
        CHARON + "EAP-MS-CHAPv2 username: 'ann'",
        CHARON + "XAuth pam_authenticate for 'ann' failed: System error",
        CHARON + "authentication of 'gate.example' (myself) with RSA_EMSA_PKCS1_SHA2_384 successful",
        FORTINET + 'logdesc="SSL VPN new connection" action="ssl-new-con" tunneltype="ssl" tunnelid=0 '
        'remip=192.0.2.7 user="N/A" group="N/A" dst_host="N/A" reason="N/A" msg="SSL new connection"',
        FORTINET + 'logdesc="SSL VPN tunnel up" action="tunnel-up" tunneltype="ssl-tunnel" tunnelid=7 '
        'remip=192.0.2.7 user="ann" group="staff" reason="tunnel established" msg="SSL tunnel established"',
        OPNSENSE + "User logged out for user 'ann' from: 192.0.2.7",
        PFSENSE + "Session timed out for user 'ann' from: 192.0.2.7 (Local Database)",
        "May  2 10:00:00 router system,info,account user ann logged out from 192.0.2.7 via winbox",
        "May  2 10:00:00 pve pvedaemon[7]: openid authentication failure; rhost=::ffff:192.0.2.7 msg=no endpoint",
        "May  2 10:00:00 gate kernel: wireguard: wg1: Invalid handshake initiation from 192.0.2.7:51820",
        "[2024-05-02 10:00:00 +0000] info [cpaneld] 192.0.2.7 PURGE ann:Ab3dEfGhIj password_change",
        '1714644000.7.0 [2/May/2024 12:00:00] ann 0123456789abcdef 192.0.2.7 useradmin save_user.cgi "create" "user" '
        '"bob"',
    ],
)
def test_what_is_no_sign_in_is_no_attempt(line: str) -> None:
    [item] = read(line)
    assert isinstance(item, Skipped), item


def test_requests_without_credentials_are_no_failures_of_anybody() -> None:
    """Backup Server says of them what it says of a failure, without a name."""
    [item] = read(
        "2024-05-02T10:00:00+02:00: authentication failure; rhost=[2001:db8::7]:4 msg=no credentials."
    )
    assert isinstance(item, Unknown)
