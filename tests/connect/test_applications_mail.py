"""Mail servers: who fetched and who sent, from where, and how their signing in ended."""

import pytest

from stepwarden.connect.importers.base import Skipped
from stepwarden.events.attempt import Outcome
from tests.connect.applications_house import Example, holds, one, read

DOVECOT = "Feb 14 13:47:54 mx dovecot[12]: {}"
WHO = "user=<{}>, method=PLAIN, rip={}, lip=198.51.100.1, TLS, session=<q7>"
ABORTED = (
    "imap-login: Login aborted: Connection closed (auth failed, 1 attempts in 2 secs) (auth_failed): " + WHO
)
DISCONNECTED = "{}-login: Disconnected ({}): " + WHO.format("ann@example.com", "192.0.2.7")
EXIM = "2024-02-14 13:47:54 {}"
EXIM_FAILED = EXIM.format("dovecot_login authenticator failed for {}: 535 Incorrect authentication data")
EXIM_SENT = EXIM.format(
    "1raFhS-000000012Ab-3cDe <= ann@example.com H=laptop.example.com ([10.0.0.4]) [192.0.2.7]:50122 P={} "
    "X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no A={} S=2201 id=7@example.com"
)
EXCHANGE = "2024-02-14T13:47:54.530Z,000000000000000E,2,198.51.100.1:143,{},{},168,31,31,{},"
EXCHANGE_SMTP = (
    r"2024-02-14T13:47:54.270Z,MAIL1\Default Frontend MAIL1,08DA4F7C11473A60,9,198.51.100.1:25,{},{},"
)
IMAP_DENIED = (
    'authenticate,PLAIN,"R=""2 NO AUTHENTICATE failed."";Msg=""AuthFailed:LogonDenied,User: ann"";'
    'ErrMsg=AuthFailed:LogonDenied"'
)
POP_DENIED = 'auth, PLAIN,"R=""-ERR Authentication failure: unknown user name or bad password."";Msg=""x"""'
PROXIED = '"R=OK;Msg=""Proxy:mail1.example.com:1993:SSL;ProxySuccess"""'
MAILU = "[2024-02-14 13:47:54,112] INFO in {}: {}"
TRIED = MAILU.format("nginx", "Login attempt for: {}/imap/993 from: {}/50122: {}")
NGINX = (
    '2024/02/14 13:47:54 [info] 8#8: *66 client login failed: "{}" while in http auth state, client: {}, '
    'server: 0.0.0.0:993, login: "{}"'
)
SMTPD = "Feb 14 13:47:54 mx postfix/{}[26897]: {}"
SASL = SMTPD.format("smtpd", "warning: {}: SASL {} authentication {}")
SENT = SMTPD.format(
    "submission/smtpd", "1CF582025C: client=laptop.example.com[192.0.2.7], sasl_method={}, {}"
)
ZIMBRA = "2024-02-14 13:47:54,762 {} [qtp93-324:https://mail.example.com/service/soap/AuthRequest] [{}] {}"
DENIED = "SoapEngine - handler exception: authentication failed for [{}], invalid password"
AUDIT = "security - cmd=Auth; account={}; protocol=imap;"
CONTEXT = "name=ann@example.com;ip=198.51.100.1;oip=192.0.2.7;ua=Thunderbird/115;"
WHOM = ("ann@example.com", "192.0.2.7")
SIGNED_IN: tuple[str, str, Outcome] = (*WHOM, "success")

EXAMPLES = (
    Example("Dovecot", DOVECOT.format(ABORTED.format(*WHOM)), *WHOM),
    Example("Dovecot", "Feb 14 13:47:54 " + ABORTED.format(*WHOM).replace("login: ", "login: Info: "), *WHOM),
    Example("Dovecot", DOVECOT.format(ABORTED.format("", "2001:db8::7")), "", "2001:db8::7"),
    *(
        Example("Dovecot", DOVECOT.format(DISCONNECTED.format(protocol, reason)), *WHOM)
        for protocol, reason in (
            ("imap", "auth failed, 1 attempts"),
            ("managesieve", "auth failed, 3 attempts in 15 secs"),
            ("pop3", "authorization failed, 1 attempts in 2 secs"),
            ("submission", "user disabled"),
            ("imap", "password expired"),
            ("imap", "login disabled"),
            ("imap", "proxy dest auth failed"),
        )
    ),
    *(
        Example("Dovecot", DOVECOT.format(f"imap-login: {word}: {WHO.format(*WHOM)}"), *SIGNED_IN)
        for word in ("Login", "Logged in")
    ),
    *(
        Example(
            "Dovecot",
            DOVECOT.format(f"pop3-login: {word}: {WHO.format(*WHOM)}").replace("PLAIN", "GSSAPI"),
            *SIGNED_IN,
        )
        for word in ("Login", "Logged in")
    ),
    Example("Exchange", EXCHANGE.format("192.0.2.7:35070", "ann", IMAP_DENIED), "ann", "192.0.2.7"),
    Example("Exchange", EXCHANGE.format("[2001:db8::7]:35070", "ann", POP_DENIED), "ann", "2001:db8::7"),
    Example(
        "Exchange",
        EXCHANGE.format("192.0.2.7:35070", "", 'login, *****,"R=""a2 NO LOGIN failed."""'),
        "",
        "192.0.2.7",
    ),
    Example(
        "Exchange",
        EXCHANGE.format(
            "192.0.2.7:3", "ann", 'pass,*****,"R=""-ERR Logon failure: unknown user name or bad password."""'
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Exchange",
        EXCHANGE.format("192.0.2.7:3", "ann", f"login,ann@example.com *****,{PROXIED}"),
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "Exchange",
        EXCHANGE.format("192.0.2.7:3", "ann", f"authenticate,GSSAPI,{PROXIED}"),
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "Exchange",
        EXCHANGE_SMTP.format("192.0.2.7:5", ">,535 5.7.3 Authentication unsuccessful"),
        "",
        "192.0.2.7",
    ),
    Example(
        "Exchange",
        EXCHANGE_SMTP.format("192.0.2.7:5", ">,235 2.7.0 Authentication successful"),
        "",
        "192.0.2.7",
        "success",
    ),
    Example(
        "Exim", EXIM_FAILED.format("([10.0.0.4]) [192.0.2.7]:55379") + " (set_id=ann@example.com)", *WHOM
    ),
    Example(
        "Exim",
        EXIM_FAILED.format("H=a.example.com (User) [2001:db8::7]:5 I=[198.51.100.1]:25"),
        "",
        "2001:db8::7",
    ),
    Example("Exim", EXIM_FAILED.format("a.example.com [192.0.2.7]") + " (set_id=ann@example.com)", *WHOM),
    *(
        Example("Exim", EXIM_SENT.format(protocol, f"{name}:ann@example.com"), *SIGNED_IN)
        for protocol in ("esmtpa", "esmtpsa")
        for name in ("dovecot_login", "external")
    ),
    Example("Mailu", MAILU.format("base", "Login failed for ann@example.com from 192.0.2.7."), *WHOM),
    Example("Mailu", MAILU.format("base", "Login succeeded for ann@example.com from 192.0.2.7."), *SIGNED_IN),
    *(
        Example("Mailu", TRIED.format(*WHOM, f"failed: {why}"), *WHOM)
        for why in ("badauth: 0a1b2c", "badip: token-3: 'phone'", "password ok, but a token is required")
    ),
    Example("Mailu", TRIED.format("'ann@example.com'", "192.0.2.7", "failed: account disabled"), *WHOM),
    Example(
        "Mailu",
        TRIED.format("ann@example.com", "2001:db8::7", "success: password"),
        "ann@example.com",
        "2001:db8::7",
        "success",
    ),
    Example(
        "Mailu",
        MAILU.format(
            "base", "Login attempt for: ann@example.com/sso/https from: 192.0.2.7/None: success: password: 0"
        ),
        *SIGNED_IN,
    ),
    Example("Mailu", TRIED.format(*WHOM, "success: token-3: 'phone'"), *SIGNED_IN),
    Example(
        "Mailu",
        MAILU.format(
            "base", "Forced password change by ann@example.com from: 192.0.2.7/50122: success: password: 0"
        ),
        *SIGNED_IN,
        "password.change",
    ),
    Example(
        "nginx mail proxy",
        NGINX.format("Authentication credentials invalid", "192.0.2.7", "ann@example.com"),
        *WHOM,
    ),
    Example(
        "nginx mail proxy",
        NGINX.format("AUTH not supported", "2001:db8::7 using starttls", "ann"),
        "ann",
        "2001:db8::7",
    ),
    Example(
        "Postfix",
        SASL.format("unknown[192.0.2.7]", "LOGIN", "failed: authentication failure"),
        "",
        "192.0.2.7",
    ),
    Example("Postfix", SASL.format("a.example.com[2001:db8::7]", "CRAM-MD5", "failed"), "", "2001:db8::7"),
    *(
        Example(
            "Postfix",
            SASL.format(
                f"unknown[192.0.2.7]{port}", how, "failed: UGFzc3dvcmQ6, sasl_username=ann@example.com"
            ),
            *WHOM,
        )
        for port, how in (("", "XYZ"), (":50122", "LOGIN"), (":50122", "PLAIN"))
    ),
    Example(
        "Postfix",
        SASL.format(
            "unknown[192.0.2.7]", "PLAIN", "failed: (reason unavailable), sasl_username=(unavailable)"
        ),
        "",
        "192.0.2.7",
    ),
    Example("Postfix", SASL.format("unknown[192.0.2.7]", "LOGIN", "aborted"), "", "192.0.2.7", "unknown"),
    Example(
        "Postfix",
        SASL.format("unknown[192.0.2.7]", "LOGIN", "failed: Connection lost to authentication server"),
        "",
        "192.0.2.7",
        "unknown",
    ),
    Example("Postfix", SENT.format("plain", "sasl_username=ann@example.com"), *SIGNED_IN),
    Example(
        "Postfix",
        SENT.format("GSSAPI", "sasl_username=ann@example.com, sasl_sender=bob@example.com"),
        *SIGNED_IN,
    ),
    Example(
        "Postfix",
        "<22>1 2024-02-14T13:47:54Z mx postfix/smtpd 7 - - "
        "1CF582025C: client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=ann@example.com",
        *SIGNED_IN,
    ),
    Example(
        "Zimbra",
        ZIMBRA.format("INFO ", "oip=192.0.2.7;oport=5;oproto=smtp;", DENIED.format("ann@example.com")),
        *WHOM,
    ),
    Example(
        "Zimbra",
        ZIMBRA.format("INFO ", CONTEXT, "imap - user ann@example.com authenticated, mechanism=LOGIN [TLS]"),
        *SIGNED_IN,
    ),
    Example(
        "Zimbra",
        ZIMBRA.format("INFO ", CONTEXT, "imap - user ann@example.com authenticated, mechanism=GSSAPI"),
        *SIGNED_IN,
    ),
    Example(
        "Zimbra",
        ZIMBRA.format(
            "WARN ",
            "ip=192.0.2.7;",
            AUDIT.format("ann@example.com")
            + " error=authentication failed for [ann@example.com], invalid password;",
        ),
        *WHOM,
    ),
    Example("Zimbra", ZIMBRA.format("INFO ", CONTEXT, AUDIT.format("ann@example.com")), *SIGNED_IN),
)
OTHERS = (
    DOVECOT.format("imap-login: Disconnected: Inactivity (no auth attempts in 180 secs): user=<>, rip=192.0.2.7"),
    DOVECOT.format("imap-login: Aborted login (tried to use disallowed plaintext auth): user=<>, rip=192.0.2.7"),
    DOVECOT.format("auth: passwd-file(ann,192.0.2.7): Password mismatch"),
    DOVECOT.format("imap(ann)<7><q7>: Logged out in=50 out=600"),
    EXCHANGE.format("192.0.2.7:35070", "", 'OpenSession,,"R=OK"'),
    EXCHANGE.format("198.51.100.1:26747", "ann", "authenticate,PLAIN,R=OK"),
    EXCHANGE_SMTP.format("192.0.2.7:5", "<,AUTH LOGIN"),
    EXIM.format("H=a.example.com [192.0.2.7]:35 F=<ann@example.com> rejected RCPT <bob@example.com>: No Such User"),
    EXIM.format("plain authenticator failed for (x) [192.0.2.7]:5: 435 Unable to authenticate at present (set_id=ann)"),
    EXIM.format("1raFhS-000000012Ab-3cDe <= ann@example.com H=a.example.com [192.0.2.7]:25 P=esmtps S=22"),
    "[2024-02-14 13:47:54,112] WARNING in limiter: Authentication attempt from 192.0.2.7 has been rate-limited.",
    "2024/02/14 13:47:54 [info] 8#8: *6 client logged in, client: 192.0.2.7, server: 0.0.0.0:25, upstream: x:25",
    SMTPD.format("smtpd", "1CF582025C: client=a.example.com[192.0.2.7]"),
    SMTPD.format("smtpd", "warning: SASL authentication failure: Password verification failed"),
    SMTPD.format("smtp", "1CF582025C: SASL authentication failed; server a[192.0.2.7] said: authentication failed: x"),
    ZIMBRA.format("INFO ", CONTEXT, "account - Error occurred during authentication: authentication failed for [a]."),
    ZIMBRA.format("INFO ", "ip=192.0.2.7;", "security - cmd=AdminAuth; account=ann;"),
)  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.application} {example.outcome}")
def test_a_line_says_who_from_where_and_how_it_ended(example: Example) -> None:
    holds(example)


@pytest.mark.parametrize("line", OTHERS)
def test_other_lines_are_no_attempts(line: str) -> None:
    [item] = read(line)
    assert isinstance(item, Skipped)


@pytest.mark.parametrize(
    ("line", "proved"),
    [
        (DOVECOT.format(f"imap-login: Login: {WHO.format(*WHOM)}"), ("pwd",)),
        (DOVECOT.format(f"imap-login: Login: {WHO.format(*WHOM)}").replace("PLAIN", "XOAUTH2"), ()),
        (EXCHANGE.format("192.0.2.7:3", "ann", f"login,ann *****,{PROXIED}"), ("pwd",)),
        (EXCHANGE.format("192.0.2.7:3", "ann", f"authenticate,GSSAPI,{PROXIED}"), ()),
        (EXIM_SENT.format("esmtpsa", "dovecot_login:ann"), ("pwd",)),
        (EXIM_SENT.format("esmtpsa", "external:ann"), ()),
        (TRIED.format(*WHOM, "success: password"), ("pwd",)),
        (TRIED.format(*WHOM, "success: token-3: ''"), ()),
        (SENT.format("login", "sasl_username=ann"), ("pwd",)),
        (SENT.format("EXTERNAL", "sasl_username=ann"), ()),
        (ZIMBRA.format("INFO ", CONTEXT, AUDIT.format("ann")), ()),
    ],
)  # fmt: skip
def test_a_success_says_what_it_proved(line: str, proved: tuple[str, ...]) -> None:
    assert one(line).attempt.proved == proved


def test_a_line_of_several_tries_is_one_attempt() -> None:
    """For whom the others were is not said."""
    [item] = read(DOVECOT.format(DISCONNECTED.format("imap", "auth failed, 3 attempts in 15 secs")))
    assert one(DOVECOT.format(DISCONNECTED.format("imap", "auth failed, 3 attempts in 15 secs"))) == item
