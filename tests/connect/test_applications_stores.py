"""File transfer, databases, telephony: who signed in, from where, and whatever a name holds."""

import pytest

from stepwarden.connect.importers.base import Imported, Skipped, Unknown
from tests.connect.applications_house import Example, holds, one, read

ASTERISK = "[May  2 10:00:01] SECURITY[77]: res_security_log.c:114 security_event_stasis_cb: "
FREESWITCH = "2024-05-02 10:00:01.685002 96.83% [WARNING] sofia_reg.c:3223 "
MYSQL = "2024-05-02T10:00:01.861934Z 344 [Note] [MY-010926] [Server] "
PROFTPD = "2024-05-02 10:00:01,399 files proftpd[498] files ({0}[{0}]): "
TEAMSPEAK = "2024-05-02 10:00:01.009756|INFO    |Query         |   |"


def asterisk(event: str, user: str, rest: str = "", ip: str = "192.0.2.7", call: str = "c1") -> str:
    return (
        f'{ASTERISK}SecurityEvent="{event}",EventTV="2024-05-02T10:00:01.209+0000",Severity="Error",Service="PJSIP",'
        f'EventVersion="1",AccountID="{user}",SessionID="{call}",LocalAddress="IPV4/UDP/203.0.113.1/5060",'
        f'RemoteAddress="IPV4/UDP/{ip}/54784"{rest}'
    )


def samba(
    user: str, *, domain: str = "CORP", status: str = "WRONG_PASSWORD", host: str = "ipv4:192.0.2.7"
) -> str:
    ending = (
        f"became [CORP]\\[{user}] [S-1-5-21-1-2-3-1104]" if status == "OK" else f"mapped to [CORP]\\[{user}]"
    )
    return (
        f"  Auth: [SMB2,(null)] user [{domain}]\\[{user}] at [Thu, 02 May 2024 10:00:01.030937 UTC] with [NTLMv2] "
        f"status [NT_STATUS_{status}] workstation [PC] remote host [{host}:62419] {ending}. "
        "local host [ipv4:203.0.113.1:445] "
    )


EXAMPLES = (
    Example("Asterisk", asterisk("InvalidAccountID", "6001"), "6001", "192.0.2.7"),
    Example(
        "Asterisk",
        asterisk("InvalidPassword", "6001", ',Challenge="a",ReceivedChallenge="a",ReceivedHash="b"', ip="2001:db8::7"),
        "6001", "2001:db8::7",
    ),
    Example(
        "Asterisk",
        asterisk("ChallengeResponseFailed", "6001", ',Challenge="1/a",Response="b",ExpectedResponse=""'),
        "6001", "192.0.2.7",
    ),
    Example("Asterisk", asterisk("SuccessfulAuth", "6001", ',UsingPassword="1"'), "6001", "192.0.2.7", "success"),
    Example(
        "FreeSWITCH",
        f"{FREESWITCH}SIP auth failure (REGISTER) on sofia profile 'internal' for [1001@pbx.example] from ip 192.0.2.7",
        "1001", "192.0.2.7",
    ),
    Example(
        "FreeSWITCH",
        f"{FREESWITCH}SIP auth failure (INVITE) on sofia profile 'internal' for [1001] from ip 2001:db8::7",
        "1001", "2001:db8::7",
    ),
    Example("FreeSWITCH", f"{FREESWITCH}Can't find user [1001@203.0.113.1] from 192.0.2.7", "1001", "192.0.2.7"),
    Example(
        "MariaDB",
        "2024-05-02  9:13:11 8 [Warning] Access denied for user 'shop'@'192.0.2.7' (using password: YES)",
        "shop", "192.0.2.7",
    ),
    Example("MariaDB", "2024-05-02  9:13:11 8 [Warning] Access denied for user 'root'@'localhost'", "root", ""),
    Example(
        "MySQL",
        "May  2 10:00:01 db mysqld[27]: 2024-05-02T10:00:01.8Z 344 [Note] Access denied for user 'root'@'192.0.2.7' "
        "(using password: NO)",
        "root", "192.0.2.7",
    ),
    Example("MySQL", f"{MYSQL}Access denied for user 'a b'@'2001:db8::7' (using password: YES)", "a b", "2001:db8::7"),
    Example(
        "MySQL",
        f"{MYSQL}Access denied for user 'root'@'192.0.2.7' (using password: YES) (sql_authentication.cc:1412)",
        "root", "192.0.2.7",
    ),
    Example("MySQL", f"{MYSQL}Access denied for user 'root'@'localhost' (using password: NO)", "root", ""),
    Example("MySQL", "2024-05-02T10:00:01.8Z 344 [Note] Access denied for user 'root'@'localhost'", "root", ""),
    Example(
        "PostgreSQL",
        "2024-05-02 10:00:01 UTC [53]: user=ann,db=shop,app=[unknown],client=192.0.2.7 LOG:  connection authorized: "
        "user=ann database=shop",
        "ann", "192.0.2.7", "success",
    ),
    Example(
        "PostgreSQL",
        '192.0.2.7 2024-05-02 10:00:01.425 UTC [53] ann@shop FATAL:  password authentication failed for user "ann"',
        "ann", "192.0.2.7",
    ),
    Example(
        "PostgreSQL",
        "2024-05-02 10:00:01 UTC:192.0.2.7(50122):ann@shop:[53]:FATAL:  password authentication failed for user "
        '"ann"',
        "ann", "192.0.2.7",
    ),
    Example(
        "PostgreSQL",
        "2024-05-02 10:00:01 UTC [53]: user=ann,db=shop,app=[unknown],client=2001:db8::7 FATAL:  LDAP authentication "
        'failed for user "ann"',
        "ann", "2001:db8::7",
    ),
    Example(
        "PostgreSQL",
        '2024-05-02 10:00:01.425 UTC [53] ann@shop FATAL:  password authentication failed for user "ann"',
        "ann", "",
    ),
    Example(
        "PostgreSQL",
        'Dec  2 10:00:01 db postgres[53]: [3-1] ann@shop FATAL:  password authentication failed for user "ann"',
        "ann", "",
    ),
    Example(
        "PostgreSQL",
        '2024-05-02 10:00:01.425 UTC,"ann","shop",53,"192.0.2.7:50122",66.35,1,"authentication",2024-05-02 10:00:01 '
        'UTC,3/1,0,FATAL,28P01,"password authentication failed for user ""ann""","Connection matched line 1",,,,,,,,""',
        "ann", "192.0.2.7",
    ),
    Example(
        "PostgreSQL",
        '2024-05-02 10:00:01.425 UTC [53] FATAL:  no pg_hba.conf entry for host "192.0.2.7", user "ann", database '
        '"shop", no encryption',
        "ann", "192.0.2.7",
    ),
    Example(
        "PostgreSQL",
        '2024-05-02 10:00:01.425 UTC [53] FATAL:  pg_hba.conf rejects replication connection for host "2001:db8::7", '
        'user "ann", SSL encryption',
        "ann", "2001:db8::7",
    ),
    Example(
        "PostgreSQL",
        "192.0.2.7 2024-05-02 10:00:01.425 UTC [53] ann@shop LOG:  connection authorized: user=ann database=shop",
        "ann", "192.0.2.7", "success",
    ),
    Example(
        "PostgreSQL",
        "2024-05-02 10:00:01 UTC:192.0.2.7(50122):ann@shop:[53]:LOG:  connection authorized: user=ann database=shop "
        "application_name=psql SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)",
        "ann", "192.0.2.7", "success",
    ),
    Example(
        "PostgreSQL",
        "2024-05-02 10:00:01.425 UTC [53] ann@shop LOG:  connection authorized: user=ann database=shop",
        "ann", "", "success",
    ),
    Example("ProFTPD", PROFTPD.format("192.0.2.7") + "USER ann (Login failed): Incorrect password", "ann", "192.0.2.7"),
    Example(
        "ProFTPD",
        "May  2 10:00:01 files proftpd[49]: files (home.example[::ffff:192.0.2.7]) - USER ann (Login failed): "
        "Invalid shell: '/bin/no'",
        "ann", "192.0.2.7",
    ),
    Example(
        "ProFTPD",
        PROFTPD.format("192.0.2.7") + "USER bob: no such user found from 192.0.2.7 [192.0.2.7] to 203.0.113.1:21",
        "bob", "192.0.2.7",
    ),
    Example(
        "ProFTPD", PROFTPD.format("2001:db8::7") + "SECURITY VIOLATION: Root login attempted", "", "2001:db8::7"
    ),
    Example("ProFTPD", PROFTPD.format("192.0.2.7") + "USER ann: Login successful.", "ann", "192.0.2.7", "success"),
    Example(
        "Pterodactyl",
        " WARN: [May  2 10:00:01.643] failed to validate user credentials (invalid format) ip=192.0.2.7:28050 "
        "subsystem=sftp username=admin",
        "admin", "192.0.2.7",
    ),
    Example(
        "Pterodactyl",
        " WARN: [May  2 10:00:01.643] failed to validate user credentials (invalid username or password) "
        "ip=[2001:db8::7]:28050 method=password subsystem=sftp username=ann.3f22e5c8",
        "ann.3f22e5c8", "2001:db8::7",
    ),
    Example(
        "Pterodactyl",
        "DEBUG: [May  2 10:00:01.643] credentials validated and matched to server instance ip=192.0.2.7:28050 "
        "method=public_key server=0c1d-5e subsystem=sftp username=ann.3f22e5c8",
        "ann.3f22e5c8", "192.0.2.7", "success",
    ),
    Example(
        "Pure-FTPd",
        "May  2 10:00:01 files pure-ftpd: (?@192.0.2.7) [WARNING] Authentication failed for user [ann]",
        "ann", "192.0.2.7",
    ),
    Example(
        "Pure-FTPd",
        "May  2 10:00:01 files pure-ftpd: (?@192.0.2.7) [WARNING] Can't login as [ann]: account disabled (uid < 1000)",
        "ann", "192.0.2.7",
    ),
    Example(
        "Pure-FTPd",
        "May  2 10:00:01 files pure-ftpd[7]: (?@2001:db8::7) [ERROR] Too many authentication failures",
        "", "2001:db8::7",
    ),
    Example(
        "Pure-FTPd",
        "May  2 10:00:01 files pure-ftpd: (?@192.0.2.7) [INFO] ann@example.com is now logged in",
        "ann@example.com", "192.0.2.7", "success",
    ),
    Example("Samba", samba("ann"), "ann", "192.0.2.7"),
    Example("Samba", samba("ann", host="ipv6:2001:db8::7", status="OK"), "ann", "2001:db8::7", "success"),
    Example("Samba", samba("ann", status="OK").replace("NTLMv2", "Supplied-NT-Hash"), "ann", "192.0.2.7", "success"),
    Example("Samba", f"May  2 10:00:01 nas smbd[27]:{samba('ann').rstrip()} #015", "ann", "192.0.2.7"),
    Example(
        "TeamSpeak",
        f'{TEAMSPEAK}query from 6 192.0.2.7:4376 attempted to login with account "ann" and failed!', "ann", "192.0.2.7",
    ),
    Example(
        "TeamSpeak",
        f'{TEAMSPEAK}query from 6 [2001:db8::7]:43764 issued: login with account "serveradmin"(serveradmin)',
        "serveradmin", "2001:db8::7", "success",
    ),
    Example(
        "vsftpd",
        'Thu May  2 10:00:01 2024 [pid 27244] [ann] FAIL LOGIN: Client "::ffff:192.0.2.7"',
        "ann", "192.0.2.7",
    ),
    Example(
        "vsftpd", 'May  2 10:00:01 files vsftpd[27]: [ann] OK LOGIN: Client "192.0.2.7"', "ann", "192.0.2.7", "success"
    ),
    Example(
        "vsftpd",
        'Thu May  2 10:00:01 2024 [pid 27244] [ftp] OK LOGIN: Client "2001:db8::7", anon password "me@example.com"',
        "ftp", "2001:db8::7", "success",
    ),
)  # fmt: skip
OTHERS = (
    asterisk("ChallengeSent", "6001", ',Challenge="a"'),
    asterisk("FailedACL", "6001", ',ACLName="x"'),
    asterisk("SuccessfulAuth", "6001", ',UsingPassword="0"'),
    "[May  2 10:00:01] NOTICE[8]: res_pjsip/pjsip_distributor.c:688 log_failed_request: Request 'REGISTER' from "
    "'<sip:6001@203.0.113.1>' failed for '192.0.2.7:5060' (callid: a) - Failed to authenticate",
    f"{FREESWITCH}SIP auth challenge (REGISTER) on sofia profile 'internal' for [1001@pbx.example] from ip 192.0.2.7",
    "2024-05-02  9:13:11 8 [Warning] Aborted connection 8 to db: 'unconnected' user: 'unauthenticated' host: "
    "'192.0.2.7' (This connection closed normally without authentication)",
    "2024-05-02 10:00:01.425 UTC [53] LOG:  connection received: host=192.0.2.7 port=50122",
    '2024-05-02 10:00:01.425 UTC [53] ann@shop DETAIL:  Role "ann" does not exist.',
    PROFTPD.format("192.0.2.7") + "FTP session opened.",
    PROFTPD.format("192.0.2.7") + "PAM(ann): Authentication failure.",
    PROFTPD.format("192.0.2.7") + "Maximum login attempts (3) exceeded, connection refused",
    "May  2 10:00:01 files pure-ftpd: (?@192.0.2.7) [INFO] New connection from 192.0.2.7",
    "  Successful AuthZ: [SMB2,NTLMSSP] user [CORP]\\[ann] [S-1-5-21-1-2-3-1104] at [Thu, 02 May 2024 10:00:01.0 UTC] "
    "Remote host [ipv4:192.0.2.7:62419] local host [ipv4:203.0.113.1:445]",
    'Thu May  2 10:00:01 2024 [pid 2] CONNECT: Client "192.0.2.7"',
    "May  2 10:00:01 pot cowrie[28]: 2024-05-02T10:00:01+0000 [cowrie.ssh.factory.CowrieSSHFactory] New connection: "
    "192.0.2.7:47631 (203.0.113.1:2222) [session: 3e5a92]",
)  # fmt: skip
OTHER_IP = "198.51.100.1"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.application} {example.outcome}")
def test_a_line_says_who_from_where_and_how_it_ended(example: Example) -> None:
    holds(example)


@pytest.mark.parametrize("line", OTHERS, ids=lambda line: line[-40:])
def test_what_is_no_sign_in_is_skipped(line: str) -> None:
    [item] = read(line)
    assert isinstance(item, Skipped)


def test_a_password_is_proved_where_the_line_says_that_one_was_used() -> None:
    assert one(asterisk("SuccessfulAuth", "6001", ',UsingPassword="1"')).attempt.proved == ("pwd",)
    assert one(samba("ann", status="OK")).attempt.proved == ("pwd",)
    assert one(samba("ann", status="OK").replace("NTLMv2", "aes256-cts-hmac-sha1-96")).attempt.proved == ()


def test_a_host_name_that_mysql_looked_up_is_no_address_and_is_kept_as_it_is() -> None:
    found = one(f"{MYSQL}Access denied for user 'root'@'home.example' (using password: YES)").attempt
    assert (found.actor, found.ip) == ("root", "home.example")


def test_the_time_is_the_one_with_a_year_where_the_line_has_two() -> None:
    line = asterisk("InvalidAccountID", "6001").replace("2024-05-02T", "2021-05-02T")
    assert one(line).time == one(samba("ann").replace("2024", "2021").replace(".030937", ".209")).time


NAMES = {
    "freeswitch": (
        f"{FREESWITCH}SIP auth failure (INVITE) on sofia profile 'internal' for [{{}}] from ip 192.0.2.7",
        f"x] from ip {OTHER_IP}",
    ),
    "mysql": (
        f"{MYSQL}Access denied for user '{{}}'@'192.0.2.7' (using password: YES)",
        f"x'@'{OTHER_IP}' (using password: YES)",
    ),
    "proftpd": (
        PROFTPD.format("192.0.2.7")
        + "USER {}: no such user found from 192.0.2.7 [192.0.2.7] to 203.0.113.1:21",
        f"x: no such user found from {OTHER_IP} [{OTHER_IP}] to 203.0.113.1:21",
    ),
    "proftpd success": (
        PROFTPD.format("192.0.2.7") + "USER {} (Login failed): Incorrect password",
        f"x ({OTHER_IP}[{OTHER_IP}]): USER root: Login successful.",
    ),
    "pterodactyl": (
        " WARN: [May  2 10:00:01.643] failed to validate user credentials (invalid format) ip=192.0.2.7:2 "
        "subsystem=sftp username={}",
        f"x failed to validate user credentials (invalid format) ip={OTHER_IP}:2 subsystem=sftp username=y",
    ),
    "pure-ftpd": (
        "May  2 10:00:01 files pure-ftpd: (?@192.0.2.7) [WARNING] Authentication failed for user [{}]",
        f"x] (?@{OTHER_IP}) [INFO] root is now logged in",
    ),
    "teamspeak": (
        f'{TEAMSPEAK}query from 6 192.0.2.7:437 attempted to login with account "{{}}" and failed!',
        f'x" and failed!|INFO|Query|1|query from 6 {OTHER_IP}:4 issued: login with account "root"',
    ),
}


@pytest.mark.parametrize(("line", "name"), NAMES.values(), ids=NAMES)
def test_attack_a_name_that_holds_an_address_moves_nothing(line: str, name: str) -> None:
    found = one(line.format(name)).attempt
    assert (found.ip, found.outcome) == ("192.0.2.7", "failure")


AMBIGUOUS = {
    "asterisk account": asterisk(
        "InvalidAccountID",
        f'x",SessionID="s",LocalAddress="IPV4/UDP/203.0.113.1/5060",RemoteAddress="IPV4/UDP/{OTHER_IP}/5",Module="y',
    ),
    "asterisk call": asterisk(
        "InvalidAccountID", "x", call=f's",LocalAddress="IPV4/UDP/203.0.113.1/5",RemoteAddress="IPV4/UDP/{OTHER_IP}/5',
    ),
    "asterisk response": asterisk(
        "ChallengeResponseFailed",
        "x",
        f',Challenge="1",Response="b",RemoteAddress="IPV4/UDP/{OTHER_IP}/5",Challenge="1",Response="",ExpectedResponse=""',
    ),
    "asterisk success": asterisk(
        "InvalidPassword",
        "x",
        ',ReceivedHash="' + asterisk("SuccessfulAuth", "root", ',UsingPassword="1"', ip=OTHER_IP),
    ),
    "postgresql host": (
        f'2024-05-02 10:00:01 UTC [53] FATAL:  no pg_hba.conf entry for host "{OTHER_IP}", user "x", @d FATAL:  no '
        f'pg_hba.conf entry for host "192.0.2.7", user "FATAL:  no pg_hba.conf entry for host "{OTHER_IP}", user "x", '
        '", database "d", no encryption'
    ),
    "postgresql client": (
        "2024-05-02 10:00:01 UTC [53]: user=ann,db=d,app=a,client=192.0.2.7 LOG:  statement: select ',client="
        f'{OTHER_IP} FATAL:  password authentication failed for user "root"'
    ),
    "postgresql success": (
        "192.0.2.7 2024-05-02 10:00:01 UTC [53] LOG:  connection authorized: user=root database=d@d FATAL:  sorry, too "
        "many clients already"
    ),
    "postgresql statement": (
        "192.0.2.7 2024-05-02 10:00:01 UTC [53] ann@d LOG:  statement: LOG:  connection authorized: user=root x"
    ),
    "pure-ftpd command": (
        f"May  2 10:00:01 files pure-ftpd: (?@192.0.2.7) [DEBUG] Command [user] [(?@{OTHER_IP}) [WARNING] "
        "Authentication failed for user [root]]"
    ),
    "samba": samba(
        "x] at [now] with [NTLMv2] status [NT_STATUS_OK] workstation [w] remote host "
        f"[ipv4:{OTHER_IP}:1] became [d]\\[root] [S-1-5]. local host [ipv4:203.0.113.1:445"
    ),
    "samba mapped": samba(samba("root", status="OK", host=f"ipv4:{OTHER_IP}").partition("]. local host")[0]),
    "teamspeak": (
        f"{TEAMSPEAK}client disconnected 'x'(id:5) reason '|INFO|Query|1|query from 1 {OTHER_IP} issued: login with "
        "account \"root\"'"
    ),
    "vsftpd": (
        'Thu May  2 10:00:01 2024 [pid 2] [ftp] OK LOGIN: Client "'
        f'{OTHER_IP}", anon password "x] FAIL LOGIN: Client "192.0.2.7"'
    ),
    "vsftpd name": (
        f'Thu May  2 10:00:01 2024 [pid 2] [x] FAIL LOGIN: Client "{OTHER_IP}"] FAIL LOGIN: Client "192.0.2.7"'
    ),
}  # fmt: skip


@pytest.mark.parametrize("line", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_attack_a_name_that_could_be_the_rest_of_the_line_is_unknown_and_nobody_elses(line: str) -> None:
    [item] = read(line)
    assert isinstance(item, Unknown)


def test_attack_a_name_is_no_field_of_another_log_line_prefix() -> None:
    """Debian's prefix has name and database where pgBadger's has its fields."""
    name = "user=x"
    found = one(
        f"2024-05-02 10:00:01.425 UTC [53] {name}@d,client={OTHER_IP} FATAL:  password authentication failed for user "
        f'"{name}"'
    ).attempt
    assert (found.actor, found.ip) == (name, "")


@pytest.mark.parametrize(
    "before", ["2024-05-02 10:00:01 INFO none for ", "May  2 10:00:01 web app[7]: none for "]
)
def test_attack_a_message_in_a_name_of_another_application_is_none(before: str) -> None:
    names = [example.line[start:] for example in EXAMPLES for start in range(len(example.line))]
    assert not [item for item in read(*(before + name for name in names)) if isinstance(item, Imported)]


def test_attack_another_domain_for_each_guess_is_the_same_name() -> None:
    lines = [f"{FREESWITCH}Can't find user [1001@d{number}.example] from 192.0.2.7" for number in range(3)]
    assert {one(line).attempt.actor for line in lines} == {"1001"}


def test_attack_a_time_in_a_name_is_not_the_samba_lines() -> None:
    [item] = read(samba("ann", domain="Fri, 24 Sep 2021 10:00:00 UTC"))
    assert isinstance(item, Unknown)
