"""OpenSSH and PAM in syslog: ``/var/log/auth.log``, ``/var/log/secure``, ``journalctl`` output.

>>> log = ["Dec 10 09:32:20 web sshd[7]: Accepted password for fztu from 192.0.2.7 port 49116 ssh2\\n"]
>>> [item] = OpenSSH(year=2015).read(log, "auth.log")
>>> item.attempt.actor, item.attempt.ip, item.attempt.outcome, item.attempt.proved
('fztu', '192.0.2.7', 'success', ('pwd',))

Attempts are ``Failed``/``Accepted``/``Partial METHOD for USER``, ``Invalid user``, users who are refused by name, and
connections that end while authenticating without any of these having been said. ``pam`` has the lines of PAM, su and
sudo; ``processes`` how the several lines of one attempt are counted once; ``syslog`` times and the missing year.

**Names are the attacker's.** A user may be called ``x from 192.0.2.1 port 22 ssh2``. In a failure the *last*
``from`` is sshd's own; in a success the *first* (accounts have no spaces, a certificate's name may). A failed
certificate has both: then, if they differ, no address is believed, and the two together count as malformed.
"""

import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from stepwarden.connect.importers import pam
from stepwarden.connect.importers.applications.reader import read_line
from stepwarden.connect.importers.applications.stamps import Stamps
from stepwarden.connect.importers.base import Item, Skipped, Unknown, shorten
from stepwarden.connect.importers.processes import CONVERSATION, NAMED, SAME, Processes, Said, login
from stepwarden.connect.importers.reading import lines
from stepwarden.connect.importers.syslog import Clock, Head, parse_head
from stepwarden.events.attempt import Method

_ORIGIN = re.compile(r" from (\S{1,256})(?: port \d+)?(?: ssh\d)?(?:: .*)?$")
_NAMED_END = re.compile(r"(?:authenticating|invalid) user (.*) (\S+) port \d+(?::.*)?(?: \[preauth\])?$")
_REFUSED_NAME = re.compile(r"User (.*) from (\S+) not allowed because")
_PAM_ERROR = re.compile(r"error: PAM: .* for (?:illegal user )?(.*) from (\S+)$")
_REPEATED = re.compile(r"message repeated (\d{1,6}) times: \[ ?(.*)\]$")
_LAST_REPEATED = re.compile(r"message repeated (\d{1,6}) times?")
_OLD_PAM = re.compile(r"([\w.-]{1,64})\(pam_\w{1,32}\)$")

_BLANK = Skipped("an empty line")
_OTHER = Skipped("a program that signs nobody in")
_NO_SIGN_IN = Skipped("a connection without a sign-in")
_DETAIL = Skipped("a detail of sshd's work")
_END = Skipped("end of a session")
_NO_CREDENTIAL = Skipped("a question for the methods on offer (none)")

_METHODS: dict[str, tuple[Method, ...]] = {
    "password": ("pwd",),
    "publickey": ("pop",),
    "hostbased": ("pop",),
    "gssapi-with-mic": ("pop",),
}
_SSHD = frozenset(("sshd", "sshd-session", "sshd-auth"))
SYSTEM = _SSHD | {"su", "sudo"}
"""Programs whose own lines are read here."""
_NO_SIGN_IN_WORDS = frozenset(
    ("Did", "Unable", "Bad", "kex_exchange_identification:", "banner", "ssh_dispatch_run_fatal:", "Could",
     "Protocol", "drop", "refused", "beginning", "warning:", "srclimit_penalise:", "penalty:", "Not", "scanned",
     "kex_protocol_error:", "exited", "no")
)  # fmt: skip
_DETAIL_WORDS = frozenset(
    ("reverse", "Address", "input_userauth_request:", "Postponed", "Server", "subsystem", "Starting", "Received",
     "maximum", "Nasty", "userauth_pubkey:", "Authentication", "Exiting", "Transferred", "Closing", "debug1:",
     "debug2:", "debug3:", "Session", "Authenticated", "Certificate", "Accepted", "Found", "Authorized", "Set",
     "socket:", "syslogin_perform_logout:", "rexec", "RESTART", "Restart", "SSH:", "Timeout", "main:", "Close",
     "User", "Environment", "AuthorizedKeysCommand", "trying", "Set", "PAM:", "pam_systemd(sshd:session):",
     "chroot_path", "Changed", "do_exec_pty:", "channel", "chan_read_failed", "packet_write_wait:", "mm_log_handler:",
     "lastlog_openseek:", "lastlog_filetype:", "rekeying", "ssh_packet_write_poll:", "cipher_init:", "lost",
     "Sent", "Terminating", "Attempt", "server_input_channel_req:", "dispatch_protocol_error:", "Killed",
     "process_output:", "SELinux", "Write", "syslogin_perform_logout:", "monitor_read_log:", "bind", "Generating",
     "hostbased", "Port", "Remote", "X11", "Missing", "Allocated", "Child", "auth_log_verbose", "Deprecated",
     "Disconnect", "Unknown")
)  # fmt: skip


class OpenSSH:
    """The importer ``openssh``. ``year`` is that of the first line; ``modified`` the file's mtime in seconds."""

    name = "openssh"

    def __init__(self, *, year: int | None = None, modified: float = 0.0) -> None:
        self._year = year
        self._modified = modified

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Each line of the log; see the module."""
        yield from read_system_log(blocks, source, Clock(year=self._year, modified=self._modified))


def read_system_log(
    blocks: Iterable[str], source: str, clock: Clock, otherwise: Skipped | None = None
) -> Iterator[Item]:
    """Each line of a log that may hold lines of sshd, PAM, su, sudo and ``applications``.

    Args:
        otherwise: what a line is that is none of syslog's, nor of an application; None: unknown.
    """
    reading = _Reading(clock, source, otherwise)
    for number, line in enumerate(lines(iter(blocks)), start=1):
        yield from reading.line(number, line)
    yield from reading.processes.rest()


class _Reading:
    """One file being read. Each method takes a line apart and returns what it became."""

    def __init__(self, clock: Clock, source: str, otherwise: Skipped | None) -> None:
        self._clock = clock
        self._stamps = Stamps(clock)
        self._source = source
        self._otherwise = otherwise
        self._line = ""
        self.processes = Processes(source)
        self._before: Head | None = None
        self._words: dict[str, Callable[[Head, int], list[Item]]] = {
            "Failed": self._failed,
            "Accepted": self._accepted,
            "Partial": self._accepted,
            "Invalid": self._invalid,
            "Illegal": self._invalid,
            "User": self._refused_name,
            "ROOT": self._root,
            "Access": self._denied,
            "Connection": self._end,
            "Disconnected": self._end,
            "Disconnecting": self._end,
            "Disconnecting:": self._end,
            "Received": self._end,
            "PAM": self._pam,
            "error:": self._error,
            "fatal:": self._error,
            "message": self._repeated,
        }

    def line(self, number: int, line: str) -> list[Item]:
        head = parse_head(line, self._clock)
        if head is None:
            if not line or line.isspace():
                return [_BLANK]
            said = read_line(line, self._source, number, self._stamps)
            return [said or self._otherwise or Unknown(number, shorten(line), "no syslog line")]
        self._line = line
        return self.message(head, number)

    def message(self, head: Head, number: int) -> list[Item]:
        program = head.program
        if program == "last" and (times := _LAST_REPEATED.match(head.message)) is not None:
            return self._again(head, number, int(times[1]))
        self._before = head
        if program in _SSHD:
            message = head.message
            word = message[: message.find(" ")] if " " in message else message
            handler = self._words.get(word)
            return self._sshd(head, number, word) if handler is None else handler(head, number)
        if program == "sudo":
            return pam.sudo_line(self.processes, head, number)
        if program == "su":
            return pam.su_line(self.processes, head, number)
        if program[-1:] == ")" and (old := _OLD_PAM.match(program)) is not None:
            return pam.pam_line(self.processes, head, number, old[1], head.message)
        if head.message.startswith("pam_"):
            return pam.other_line(self.processes, head, number, _OTHER)
        return [read_line(self._line, self._source, number, self._stamps, head.time) or _OTHER]

    def _sshd(self, head: Head, number: int, word: str) -> list[Item]:
        if word.startswith("pam_"):
            return pam.other_line(self.processes, head, number, _DETAIL)
        if word in _DETAIL_WORDS:
            return [_DETAIL]
        if word in _NO_SIGN_IN_WORDS:
            return [_NO_SIGN_IN]
        return [Unknown(number, shorten(head.message), "a message of sshd that is not known")]

    def _failed(self, head: Head, number: int) -> list[Item]:
        method, for_, rest = head.message[7:].partition(" for ")
        if method == "none":
            return [_NO_CREDENTIAL]
        user, remote = _user_and_remote(rest, last=True)
        if not for_ or remote is None:
            return [Unknown(number, shorten(head.message), "a failure in another shape")]
        user = user.removeprefix("invalid user ").removeprefix("illegal user ")
        if "-CERT " in rest and _user_and_remote(rest, last=False)[1] != remote:
            remote = f"{_user_and_remote(rest, last=False)[1]}|{remote}"
        process, given = self.processes.of((head.host, "sshd", head.pid), head.time)
        self.processes.replace(process, user, given)
        given.append(self.processes.give(process, login(user, remote, head.host, failed=True), head, number))
        return given

    def _accepted(self, head: Head, number: int) -> list[Item]:
        verb, _, rest = head.message.partition(" ")
        method, for_, rest = rest.partition(" for ")
        user, remote = _user_and_remote(rest, last=False)
        if not for_ or remote is None:
            return [_DETAIL]
        process, given = self.processes.of((head.host, "sshd", head.pid), head.time)
        self.processes.replace(process, user, given, only_pam=True)
        proved = _METHODS.get(method.partition("/")[0], ())
        attempt = login(user, remote, head.host, failed=False, proved=proved)
        if verb == "Partial":
            # the first of several methods that sshd asks for; whether it lets them in is not said yet
            attempt = msgspec.structs.replace(attempt, outcome="unknown")
        else:
            process.done = True
        given.append(self.processes.give(process, attempt, head, number))
        return given

    def _invalid(self, head: Head, number: int) -> list[Item]:
        if head.message[7:13] != " user ":
            return [_DETAIL]
        user, remote = _user_and_remote(head.message[13:], last=True)
        if remote is None:
            return [Unknown(number, shorten(head.message), "an invalid user in another shape")]
        return self._wait(head, number, user, remote)

    def _refused_name(self, head: Head, number: int) -> list[Item]:
        found = _REFUSED_NAME.match(head.message)
        return [_DETAIL] if found is None else self._wait(head, number, found[1], found[2])

    def _root(self, head: Head, number: int) -> list[Item]:
        _, _, remote = head.message.partition(" FROM ")
        return self._wait(head, number, "root", remote.partition(" ")[0])

    def _denied(self, head: Head, number: int) -> list[Item]:
        process = self.processes.peek((head.host, "sshd", head.pid))
        if process is not None and process.counted and process.waiting is None:
            return [SAME]
        user = head.message.removeprefix("Access denied for user ").partition(" by PAM")[0]
        return self._wait(head, number, user, "", CONVERSATION)

    def _wait(self, head: Head, number: int, user: str, remote: str, rank: int = NAMED) -> list[Item]:
        process, given = self.processes.of((head.host, "sshd", head.pid), head.time)
        self.processes.wait(process, Said(head, number, "login", user, remote, rank), given)
        return given

    def _end(self, head: Head, number: int) -> list[Item]:
        key = (head.host, "sshd", head.pid)
        process = self.processes.peek(key)
        given: list[Item] = []
        if process is not None and process.waiting is not None:
            process, given = self.processes.of(key, head.time)
            self.processes.flush(process, given)
        elif (process is None or not (process.counted or process.done)) and " user " in head.message:
            found = _NAMED_END.search(head.message)
            if found is not None:
                process, given = self.processes.of(key, head.time)
                attempt = login(found[1], found[2], head.host, failed=True)
                return [*given, self.processes.give(process, attempt, head, number)]
        given.append(_END if process is not None and process.counted else _NO_SIGN_IN)
        return given

    def _pam(self, head: Head, number: int) -> list[Item]:
        return pam.more_failures(self.processes, head, number, "sshd", head.message)

    def _error(self, head: Head, number: int) -> list[Item]:
        if (found := _PAM_ERROR.match(head.message)) is not None:
            return self._wait(head, number, found[1], found[2], CONVERSATION)
        if "Access denied for user " in head.message:
            inner = head.message[head.message.index("Access denied for user ") :]
            return self._denied(Head(head.time, head.host, head.program, head.pid, inner), number)
        return self._end(head, number)

    def _repeated(self, head: Head, number: int) -> list[Item]:
        found = _REPEATED.match(head.message)
        if found is None or found[2].startswith("message "):
            return [Unknown(number, shorten(head.message), "a repetition in another shape")]
        inner = Head(head.time, head.host, head.program, head.pid, found[2])
        return self._times(inner, number, int(found[1]))

    def _again(self, head: Head, number: int, times: int) -> list[Item]:
        before = self._before
        if before is None or before.host != head.host:
            return [_DETAIL]
        return self._times(
            Head(head.time, head.host, before.program, before.pid, before.message), number, times
        )

    def _times(self, head: Head, number: int, times: int) -> list[Item]:
        if not head.message.startswith(
            ("Failed ", "Accepted ", "Invalid user", "pam_", "authentication failure")
        ):
            self._line = head.message
            return self.message(head, number)
        given: list[Item] = []
        for _ in range(min(times, pam.MOST_REPEATS)):
            given += self.message(head, number)
        return given or [SAME]


def _user_and_remote(rest: str, *, last: bool) -> tuple[str, str | None]:
    """``USER from REMOTE port 1 ssh2``: by sshd's own ``from``, the last or the first; ``None`` if there is none."""
    at = -1
    while True:
        at = rest.rfind(" from ", 0, at if at >= 0 else len(rest)) if last else rest.find(" from ", at + 1)
        if at < 0:
            return rest, None
        found = _ORIGIN.match(rest, at)
        if found is not None:
            return rest[:at], found[1]
