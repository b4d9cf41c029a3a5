"""OpenSSH, PAM, su and sudo: each attempt is counted once, by its best line, whatever a user calls himself."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.importers.base import Imported, Item, Skipped, Unknown
from stepwarden.connect.importers.openssh import OpenSSH
from stepwarden.connect.importers.pam import MOST_REPEATS
from stepwarden.events.attempt import Attempt


def read(*messages: str, program: str = "sshd[7]") -> list[Item]:
    """The messages as lines of one process, a second apart."""
    text = "".join(
        f"Dec 10 06:{number // 60:02}:{number % 60:02} web {program}: {message}\n"
        for number, message in enumerate(messages)
    )
    return list(OpenSSH(year=2015).read([text], "auth.log"))


def attempts(*messages: str, program: str = "sshd[7]") -> list[Attempt]:
    """Only the attempts."""
    return [item.attempt for item in read(*messages, program=program) if isinstance(item, Imported)]


INVALID = "Invalid user bob from 192.0.2.7"
INPUT = "input_userauth_request: invalid user bob [preauth]"
UNKNOWN = "pam_unix(sshd:auth): check pass; user unknown"
PAM = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7 "
FAILED = "Failed password for invalid user bob from 192.0.2.7 port 38926 ssh2"
SUDO_PAM = (
    "pam_unix(sudo:auth): authentication failure; logname= uid=1 euid=0 tty=pts ruser=ann rhost=  user=ann"
)
CLOSED = "Connection closed by 192.0.2.7 [preauth]"


@pytest.mark.parametrize(
    "messages",
    [
        [INVALID, INPUT, UNKNOWN, PAM, FAILED, CLOSED],
        [INVALID, INPUT, CLOSED],
        [INVALID, FAILED],
        [PAM + " user=bob", FAILED],
        [PAM + " user=bob", CLOSED],
        [FAILED],
        [
            INVALID,
            UNKNOWN,
            PAM,
            "error: PAM: Authentication failure for illegal user bob from 192.0.2.7",
            CLOSED,
        ],
        ["User bob from 192.0.2.7 not allowed because not listed in AllowUsers", PAM + " user=bob", FAILED],
        ["Disconnected from authenticating user bob 192.0.2.7 port 59402 [preauth]"],
        ["Connection closed by invalid user bob 192.0.2.7 port 59402 [preauth]"],
        [INVALID, "Connection closed by invalid user bob 192.0.2.7 port 59402 [preauth]"],
    ],
)
def test_one_wrong_password_is_one_failure_however_many_lines_tell_of_it(messages: list[str]) -> None:
    """Invalid user, PAM's failure, sshd's failure and the end of the connection are one attempt of bob."""
    [attempt] = attempts(*messages)
    assert (attempt.action, attempt.actor, attempt.ip, attempt.outcome) == (
        "login",
        "bob",
        "192.0.2.7",
        "failure",
    )


def test_every_line_becomes_exactly_one_thing() -> None:
    """Lines of one attempt are one attempt, and the others counted once each: nothing vanishes or doubles."""
    items = read(INVALID, INPUT, UNKNOWN, PAM, FAILED, CLOSED)
    assert Counter(type(item) for item in items) == {Imported: 1, Skipped: 5}
    assert Counter(type(item) for item in read(PAM, CLOSED)) == {Imported: 1, Skipped: 1}
    assert Counter(type(item) for item in read(PAM, FAILED)) == {Imported: 1, Skipped: 1}


def test_the_second_password_of_a_connection_is_a_second_failure() -> None:
    """PAM tells only the first at once and the rest at the end: sshd's own lines are what counts."""
    more = (
        "PAM 1 more authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root"
    )
    failed = "Failed password for root from 192.0.2.7 port 1 ssh2"
    assert len(attempts(PAM + " user=root", failed, failed, CLOSED, more)) == 2


def test_pam_alone_counts_the_failures_that_it_tells_at_the_end() -> None:
    """Without sshd's lines, one failure and three more are four."""
    more = (
        "PAM 3 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root"
    )
    assert len(attempts(PAM + " user=root", more)) == 4


def test_a_refusal_of_one_module_before_another_accepts_is_no_failure() -> None:
    """pam_unix refuses a directory's user, pam_sss accepts him: nobody failed."""
    [attempt] = attempts(
        PAM + " user=ann",
        "pam_sss(sshd:auth): authentication success; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7 user=ann",
        "Accepted password for ann from 192.0.2.7 port 4 ssh2",
        "pam_unix(sshd:session): session opened for user ann(uid=1000) by (uid=0)",
    )
    assert (attempt.outcome, attempt.proved) == ("success", ("pwd",))


def test_a_wrong_password_before_the_right_one_stays_a_failure() -> None:
    """sshd's own failure is the last word about that try."""
    outcomes = [
        attempt.outcome
        for attempt in attempts(
            "Failed password for ann from 192.0.2.7 port 4 ssh2",
            "Accepted password for ann from 192.0.2.7 port 4 ssh2",
        )
    ]
    assert outcomes == ["failure", "success"]


@pytest.mark.parametrize(
    ("message", "user", "ip"),
    [
        ("Failed password for invalid user x from 9.9.9.9 port 1 ssh2 from 192.0.2.7 port 22 ssh2",
         "x from 9.9.9.9 port 1 ssh2", "192.0.2.7"),
        ("Failed password for x from 9.9.9.9 from 192.0.2.7 port 22 ssh2", "x from 9.9.9.9", "192.0.2.7"),
        ("Invalid user x from 9.9.9.9 port 1 from 192.0.2.7 port 22", "x from 9.9.9.9 port 1", "192.0.2.7"),
        ("Invalid user  from 192.0.2.7", "", "192.0.2.7"),
        ("Invalid user from from 192.0.2.7", "from", "192.0.2.7"),
        ("Failed password for invalid user  0101 from 192.0.2.7 port 1 ssh2", " 0101", "192.0.2.7"),
        ("Disconnected from invalid user x 9.9.9.9 port 1 192.0.2.7 port 22 [preauth]", "x 9.9.9.9 port 1",
         "192.0.2.7"),
        ("Failed password for root from 2001:db8::7 port 22 ssh2", "root", "2001:db8::7"),
    ],
)  # fmt: skip
def test_an_address_injected_into_a_user_name_is_not_believed(message: str, user: str, ip: str) -> None:
    """sshd's own address is the last one in a failure."""
    [attempt] = attempts(message)
    assert (attempt.actor, attempt.ip) == (user, ip)


def test_a_certificate_named_like_an_address_is_not_believed_on_success() -> None:
    """The id of a certificate is free text after sshd's own words."""
    [attempt] = attempts(
        "Accepted publickey for ann from 192.0.2.7 port 4 ssh2: RSA-CERT SHA256:x ID a from 9.9.9.9 port 1 ssh2: y CA"
    )
    assert (attempt.ip, attempt.proved) == ("192.0.2.7", ("pop",))


def test_a_failed_certificate_that_names_an_address_counts_as_malformed() -> None:
    """Nobody can tell which of the two is sshd's: both together are no address."""
    [attempt] = attempts(
        "Failed publickey for x from 192.0.2.7 port 4 ssh2: RSA-CERT SHA256:x ID a from 9.9.9.9 port 1 ssh2: y CA RSA"
    )
    assert attempt.ip == "192.0.2.7|9.9.9.9"


def test_the_first_of_two_methods_decides_nothing() -> None:
    """sshd accepts a key and asks for another method: nobody is in yet."""
    [attempt] = attempts("Partial publickey for ann from 192.0.2.7 port 4 ssh2: RSA SHA256:x")
    assert (attempt.outcome, attempt.proved) == ("unknown", ("pop",))


def test_the_question_for_methods_is_no_attempt() -> None:
    """``none`` offers no credential; the unknown user who asked is one attempt."""
    assert len(attempts(INVALID, "Failed none for invalid user bob from 192.0.2.7 port 5 ssh2", CLOSED)) == 1
    assert attempts("Failed none for ann from 192.0.2.7 port 5 ssh2") == []


def test_repetitions_are_expanded_and_bounded() -> None:
    """Both spellings of a repetition, and one that claims too much."""
    line = "Failed password for root from 192.0.2.7 port 42393 ssh2"
    assert len(attempts(f"message repeated 5 times: [ {line}]")) == 5
    assert len(attempts(f"message repeated 999999 times: [ {line}]")) == MOST_REPEATS
    text = f"Dec 10 06:00:00 web sshd[7]: {line}\nDec 10 06:00:09 web last message repeated 3 times\n"
    items = list(OpenSSH(year=2015).read([text], "auth.log"))
    assert [item.source_line for item in items if isinstance(item, Imported)] == [1, 2, 2, 2]


def test_each_user_named_by_one_process_is_an_attempt() -> None:
    """A scanner that names three users on one connection made three attempts, each at its own time and line."""
    items = read(*(f"Invalid user u{n} from 192.0.2.7 port 5" for n in range(3)))
    found = [item for item in items if isinstance(item, Imported)]
    assert [(item.attempt.actor, item.source_line) for item in found] == [("u0", 1), ("u1", 2), ("u2", 3)]
    assert found[1].time - found[0].time == 1_000_000


def test_a_reused_process_id_is_another_attempt() -> None:
    """An hour later the same number belongs to somebody else."""
    text = f"Dec 10 06:00:00 web sshd[7]: {INVALID}\nDec 10 07:00:00 web sshd[7]: {FAILED}\n"
    items = list(OpenSSH(year=2015).read([text], "auth.log"))
    assert sum(isinstance(item, Imported) for item in items) == 2


def test_a_host_that_is_known_by_name_only_is_the_device() -> None:
    """A name is no address, and not a malformed one either."""
    [attempt] = attempts(PAM.replace("192.0.2.7", "ec2-52-80-34-196.example.com") + " user=root", CLOSED)
    assert attempt.ip == ""
    assert attempt.device is not None
    assert attempt.device.id == "ec2-52-80-34-196.example.com"


def test_old_pam_lines_carry_the_module_in_the_program_name() -> None:
    """``sshd(pam_unix)`` of 2005."""
    [attempt] = attempts(PAM.partition(": ")[2] + " user=root", program="sshd(pam_unix)[19939]")
    assert (attempt.actor, attempt.outcome) == ("root", "failure")
    [opened] = attempts("session opened for user test by (uid=509)", program="sshd(pam_unix)[2]")
    assert (opened.actor, opened.outcome, opened.action) == ("test", "success", "login")


@pytest.mark.parametrize(
    ("program", "message", "action", "actor", "resource", "outcomes"),
    [
        ("su[5]", "pam_unix(su:session): session opened for user root(uid=0) by ann(uid=1000)", "ssh.su", "ann", "root",
         ["success"]),
        ("su[5]", "FAILED SU (to root) ann on pts/0", "ssh.su", "ann", "root", ["failure"]),
        ("su[5]", "(to root) ann on pts/0", "ssh.su", "ann", "root", ["success"]),
        ("su", "- /dev/pts/0 ann:root", "ssh.su", "ann", "root", ["failure"]),
        ("su(pam_unix)[5]", "session opened for user news by (uid=0)", "ssh.su", "root", "news", ["success"]),
        ("sudo", "     ann : TTY=pts/0 ; PWD=/home/ann ; USER=root ; COMMAND=/bin/ls", "ssh.sudo", "ann", "root",
         ["success"]),
        ("sudo[5]", "ann : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh", "ssh.sudo",
         "ann", "root", ["failure"] * 3),
        ("sudo", "ann : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh", "ssh.sudo", "ann",
         "root", ["failure"]),
    ],
)  # fmt: skip
def test_the_use_of_privileges_is_an_attempt(
    program: str, message: str, action: str, actor: str, resource: str, outcomes: list[str]
) -> None:
    """su and sudo, in the spellings of Debian, Red Hat and old systems."""
    found = attempts(message, program=program)
    assert [attempt.outcome for attempt in found] == outcomes
    assert {(attempt.action, attempt.actor, attempt.resource) for attempt in found} == {
        (action, actor, resource)
    }


def test_sudo_and_its_pam_lines_are_one_failure_each() -> None:
    """PAM tells the first wrong password, sudo's own line tells them all."""
    found = attempts(
        SUDO_PAM,
        "ann : 2 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
        program="sudo[9]",
    )
    assert len(found) == 2


def test_a_wrong_sudo_password_before_the_right_one_is_counted() -> None:
    """Only PAM tells of it; the session that follows the command is not a second success."""
    found = attempts(
        SUDO_PAM,
        "ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
        "pam_unix(sudo:session): session opened for user root(uid=0) by ann(uid=1000)",
        "pam_unix(sudo:session): session closed for user root",
        program="sudo[9]",
    )
    assert [attempt.outcome for attempt in found] == ["failure", "success"]


def test_sessions_of_cron_and_systemd_are_no_attempts() -> None:
    """Nobody signs in there."""
    assert (
        attempts("pam_unix(cron:session): session opened for user root by (uid=0)", program="CRON[5]") == []
    )
    assert (
        attempts(
            "pam_unix(systemd-user:session): session opened for user a(uid=1) by (uid=0)", program="systemd"
        )
        == []
    )


def test_unknown_messages_of_sshd_are_shown_and_other_programs_are_counted() -> None:
    """What sshd says and we do not know must not be silent; what named says is not about signing in."""
    assert [type(item) for item in read("Frobnicated the quux")] == [Unknown]
    assert [type(item) for item in read("notify question section contains no SOA", program="named[9]")] == [
        Skipped
    ]


def test_memory_is_bounded_by_the_number_of_processes() -> None:
    """Ten thousand waiting processes: the oldest are counted and forgotten, none is lost."""
    text = "".join(
        f"Dec 10 06:00:00 web sshd[{pid}]: Invalid user u from 192.0.2.7\n" for pid in range(10_000)
    )
    items = OpenSSH(year=2015).read([text], "auth.log")
    assert sum(isinstance(item, Imported) for item in items) == 10_000


PIECES = st.sampled_from(
    ["Failed ", "Accepted ", "Invalid user ", "password", " for ", " from ", "192.0.2.7", " port 1", " ssh2", ": ",
     "pam_unix(sshd:auth): ", "authentication failure; ", "ruser= rhost=", "user=", "session opened for user ", " by ",
     "(uid=0)", "message repeated 3 times: [ ", "]", "PAM 2 more authentication failures; ", "COMMAND=", " : ",
     "\x1b[31m", "\u2028", "\ud800", "é", "x" * 300, "error: PAM: ", "User ", "invalid user ", " [preauth]"]
)  # fmt: skip


@given(st.lists(st.lists(PIECES | st.text(max_size=4), max_size=12).map("".join), max_size=6), st.data())
def test_no_line_crashes_the_reader_or_makes_an_attempt_that_the_log_refuses(
    messages: list[str], data: st.DataObject
) -> None:
    """Whatever is in the lines, each becomes something, and every attempt is one that the API would take."""
    program = data.draw(st.sampled_from(["sshd[7]", "sudo", "su[1]", "sshd(pam_unix)[3]", "last", "x"]))
    items = read(*messages, program=program)
    assert len(items) >= sum(message.count("\n") + 1 for message in messages)
    for item in items:
        if isinstance(item, Imported):
            assert msgspec.convert(msgspec.to_builtins(item.attempt), Attempt) == item.attempt
