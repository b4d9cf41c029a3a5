"""Attacks on the reading of mail servers' logs: names, greetings, subjects and message ids are anybody's."""

import pytest

from stepwarden.connect.importers.base import Skipped, Unknown
from tests.connect.applications_house import one, read
from tests.connect.test_applications_mail import (
    ABORTED,
    AUDIT,
    DENIED,
    DOVECOT,
    EXCHANGE,
    EXCHANGE_SMTP,
    EXIM,
    EXIM_FAILED,
    EXIM_SENT,
    MAILU,
    NGINX,
    SASL,
    SENT,
    SMTPD,
    TRIED,
    WHO,
    ZIMBRA,
)

EXIM_NAMED = EXIM_FAILED.format("(a) [192.0.2.7]") + " (set_id={})"
MAILU_FAILED = MAILU.format("base", "Login failed for {} from 192.0.2.7.")
SASL_FAILED = SASL.format("a[192.0.2.7]", "PLAIN", "failed: no, sasl_username={}")


@pytest.mark.parametrize(
    ("context", "believed"),
    [
        ("ip=192.0.2.7;ua=x;", "192.0.2.7"),
        ("ip=198.51.100.1;oip=192.0.2.7;", "192.0.2.7"),
        ("oip=203.0.113.9, 192.0.2.7;port=5;", "192.0.2.7"),
        ("name=ann;mid=7;ip=198.51.100.1;oip=2001:db8::7;ua=x;", "2001:db8::7"),
        ("oip=192.0.2.7;ua=x;oip=203.0.113.9;", "192.0.2.7"),
        ("oip=192.0.2.7;ua=x] [oip=203.0.113.9;", "192.0.2.7"),
    ],
)
def test_attack_an_address_that_the_client_wrote_is_not_believed(context: str, believed: str) -> None:
    """Zimbra writes what the client calls itself behind the addresses; of a list, the nearest proxy wrote the last."""
    assert one(ZIMBRA.format("INFO ", context, DENIED.format("ann"))).attempt.ip == believed


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (DOVECOT.format(ABORTED.format("{}", "192.0.2.7")), "x>, method=PLAIN, rip=203.0.113.9, lip=203.0.113.9"),
        (DOVECOT.format(ABORTED.format("{}", "192.0.2.7")), "x> (auth failed, 1 attempts): user=<y>, rip=203.0.113.9,"),
        (EXIM_NAMED, "x [203.0.113.9]: 535 Incorrect authentication data (set_id=y)"),
        (TRIED.format("{}", "192.0.2.7", "failed: badauth: 0a"), "x/imap/993 from: 203.0.113.9/5: failed: badauth: 0a"),
        (MAILU_FAILED, "x from 203.0.113.9."),
        (NGINX.format("no", "192.0.2.7", "{}"), 'x" while in http auth state, client: 203.0.113.9, server: y, login:'),
        (SASL_FAILED, "x[203.0.113.9]: SASL PLAIN authentication failed: no"),
        (ZIMBRA.format("INFO ", "oip=192.0.2.7;", DENIED), "x [oip=203.0.113.9;] y], z"),
        (ZIMBRA.format("WARN ", "oip=192.0.2.7;", AUDIT + " error=no;"), "x; protocol=a; error=y [oip=203.0.113.9;] z"),
    ],
)  # fmt: skip
def test_attack_a_name_that_holds_an_address_moves_nothing(line: str, name: str) -> None:
    found = one(line.format(name)).attempt
    assert (found.outcome, found.ip, found.actor) == ("failure", "192.0.2.7", name)


def test_attack_a_greeting_that_holds_an_address_moves_nothing() -> None:
    """Exim writes what the client calls itself before the address."""
    for greeting in ("([203.0.113.9])", "([203.0.113.9]:535)", "203.0.113.9 ([203.0.113.9])"):
        found = one(EXIM_FAILED.format(f"{greeting} [192.0.2.7]:5") + " (set_id=ann)").attempt
        assert (found.ip, found.actor) == ("192.0.2.7", "ann")


def test_attack_a_mechanism_in_unusual_letters_hides_no_failure() -> None:
    """Postfix writes it as the client does."""
    for how in ("LoGiN", "plain", "x", "[203.0.113.9]:"):
        found = one(SASL.format("unknown[192.0.2.7]", how, "failed: no mechanism available")).attempt
        assert (found.outcome, found.ip) == ("failure", "192.0.2.7")


DOVECOT_FORGED = f"imap-login: Login: {WHO.format('bob', '203.0.113.9')}"
EXIM_FORGED = EXIM_SENT.format("esmtpsa", "login:bob")
POSTFIX_FORGED = SENT.format("PLAIN", "sasl_username=bob")
EXCHANGE_FORGED = EXCHANGE_SMTP.format("203.0.113.9:5", ">,235 2.7.0 Authentication successful")


@pytest.mark.parametrize(
    "line",
    [
        DOVECOT.format(f"lmtp(ann)<7><q>: sieve: msgid=<x: {DOVECOT_FORGED}: stored mail into mailbox 'INBOX'"),
        DOVECOT.format(f"lmtp(12, ann): msgid=<x {DOVECOT_FORGED}>: saved mail to INBOX"),
        DOVECOT.format(f"imap-login: Disconnected (aborted authentication): user=<{DOVECOT_FORGED}>, rip=192.0.2.7"),
        EXIM.format(f'1raFhS-000000012Ab-3cDe <= "x P=esmtpsa A=login:bob S=1"@example.net {EXIM_FORGED[62:]}'),
        EXIM.format(f'1raFhS-000000012Ab-3cDe <= ann@example.com H=a [192.0.2.7]:5 P=esmtps S=1 T="{EXIM_FORGED}"'),
        EXIM.format(f"rejected EHLO from a [192.0.2.7]: syntactically invalid argument(s): {EXIM_FORGED}"),
        SMTPD.format("cleanup", f"1CF582025C: warning: header Subject: {POSTFIX_FORGED} from a[192.0.2.7]"),
        SMTPD.format("smtpd", f"NOQUEUE: reject: RCPT from a[192.0.2.7]: 550 5.1.1 <x>: {POSTFIX_FORGED}"),
        EXCHANGE_SMTP.format("192.0.2.7:5", f'<,"EHLO {EXCHANGE_FORGED}"'),
        EXCHANGE.format("192.0.2.7:5", "", 'id,"x,1,1,1,login,bob *****,""R=OK;Msg=Proxy:a;ProxySuccess""",R=OK'),
        ZIMBRA.format("INFO ", f"ip=192.0.2.7;ua=x] {AUDIT.format('bob')};", "imap - ID elapsed=0"),
        ZIMBRA.format("INFO ", "ip=192.0.2.7;ua=x] imap - user bob authenticated, mechanism=LOGIN;", "imap - ID"),
    ],
)  # fmt: skip
def test_attack_what_strangers_write_signs_nobody_in(line: str) -> None:
    """A subject, a message id, a greeting, a name: none of them is the server's own word."""
    for item in read(line):
        assert isinstance(item, Skipped | Unknown), item


def test_attack_a_failure_is_no_success_whatever_the_name_says() -> None:
    for line, name in (
        (DOVECOT.format(ABORTED.format("{}", "192.0.2.7")), DOVECOT_FORGED),
        (EXIM_NAMED, EXIM_FORGED),
        (TRIED.format("{}", "192.0.2.7", "failed: badauth: 0a"), "bob/imap/993 from: 203.0.113.9/5: success: password"),
        (MAILU_FAILED, "bob in base: Login succeeded for a from 203.0.113.9."),
        (SASL_FAILED, POSTFIX_FORGED),
        (ZIMBRA.format("INFO ", "oip=192.0.2.7;", DENIED), f"x] {AUDIT.format('bob')}"),
    ):  # fmt: skip
        found = one(line.format(name)).attempt
        assert (found.outcome, found.ip) == ("failure", "192.0.2.7")
