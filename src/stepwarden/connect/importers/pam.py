"""What PAM modules, su and sudo say, of any service.

======================================================  ==========================================================
line                                                    read as
======================================================  ==========================================================
``pam_unix(svc:auth): authentication failure; ...``     ``login`` failure of ``user=`` from ``rhost=``, unless a
                                                        better line of the process follows (see ``processes``)
``PAM 5 more authentication failures; ...``             as many ``login`` failures, unless counted already
``pam_unix(svc:session): session opened for user X``    ``login`` success, unless the process has said so already
``FAILED SU (to root) bob on pts/0``                    ``ssh.su`` of bob, failure; the resource is ``root``
``pam_unix(su:session): session opened for user X``     ``ssh.su`` success of the one it was opened ``by``
``bob : TTY=...; USER=root ; COMMAND=/bin/ls``          ``ssh.sudo`` success; the command is a parameter
``bob : 3 incorrect password attempts ; ...``           three ``ssh.sudo`` failures
``bob : user NOT in sudoers ; ...``                     ``ssh.sudo`` failure
======================================================  ==========================================================

The sessions of cron, systemd and at are no attempts: nobody signs in. A PAM failure that the same process follows up
with a success (``pam_unix`` refuses, ``pam_sss`` accepts) was none.
"""

import re

from stepwarden.connect.importers.base import Item, Skipped, Unknown, shorten
from stepwarden.connect.importers.clean import text
from stepwarden.connect.importers.processes import MODULE, SAME, Process, Processes, Said, login
from stepwarden.connect.importers.syslog import Head
from stepwarden.events.attempt import Attempt

MOST_REPEATS = 1000
"""A line that claims more repetitions than this counts as so many."""

_MODULE = re.compile(r"pam_\w{1,32}\(([\w.-]{1,64}):(\w{1,16})\): ")
_FAILURE = re.compile(r"authentication failure; .*? ?ruser=(.*?) rhost=(\S*)\s*(?: ?user=(.*))?$")
_MORE = re.compile(
    r"PAM (\d{1,6}) more authentication failures?; .*? ?ruser=(.*?) rhost=(\S*)\s*(?: ?user=(.*))?$"
)
_OPENED = re.compile(r"session opened for user ([^\s(]+)(?:\(uid=\d+\))?(?: by ([^\s(]*)(?:\(uid=(\d+)\))?)?")
_SU_OLD = re.compile(r"(FAILED SU )?\(to (\S+)\) (\S+) on ")
_SU_NEW = re.compile(r"(Successful|FAILED) su for (\S+) by (\S+)")
_SU_SIGN = re.compile(r"([+-]) \S+ (\S+?):(\S+)$")
_SUDO = re.compile(r"\s*(\S+) : (.*)$", re.DOTALL)
_SUDO_WRONG = re.compile(r"(\d{1,6}) incorrect password attempts?")
_SUDO_USER = re.compile(r"(?:^|; )USER=(\S+)")

_UNATTENDED = frozenset(
    (
        "cron",
        "crond",
        "CRON",
        "atd",
        "anacron",
        "systemd-user",
        "systemd",
        "runuser",
        "runuser-l",
        "polkit-1",
        "lxdm-greeter",
        "gdm-launch-environment",
        "sddm-greeter",
        "lightdm-greeter",
    )
)
_NO_PERSON = Skipped("a session that nobody signed in to (cron, systemd)")
_CLOSED = Skipped("end of a session")
_DETAIL = Skipped("a detail of PAM's work")
_DETAILS = (
    "check pass; user unknown",
    "authentication success",
    "password changed for",
    "account ",
    "user [",
    "could not ",
    "unrecognized ",
    "received for user",
    "auth could not identify",
    "conversation failed",
    "bad username",
    "Cannot create session",
    "Failed to create session",
    "pam_",
    "requirement ",
    "unexpected response",
    "(",
    "User not known",
    "Failed to release",
    "couldn't ",
    "gkr-pam",
)


def pam_line(
    processes: Processes, head: Head, line: int, service: str, message: str, *, phase: str = ""
) -> list[Item]:
    """A message of a PAM module about a service. ``phase`` is ``auth`` or ``session``, or ``""`` in old logs."""
    privileged = service in ("su", "su-l", "sudo", "sudo-i")
    if message.startswith("authentication failure"):
        return _refused(processes, head, line, service, message, privileged)
    if message.startswith("session opened"):
        return _opened(processes, head, line, service, message, privileged)
    if message.startswith("session closed"):
        return [_NO_PERSON if service in _UNATTENDED else _CLOSED]
    if message.startswith("password changed for ") and phase in ("chauthtok", ""):
        process, given = processes.of((head.host, service, head.pid), head.time)
        user = text(message[21:].strip())
        done = Attempt(action="password.change", actor=user, resource=text(head.host, 512), outcome="success")
        return [*given, processes.give(process, done, head, line)]
    if message.startswith(_DETAILS):
        return [_DETAIL]
    return [Unknown(line, shorten(head.message), "a PAM message that is not known")]


def _action(service: str, privileged: bool) -> str:
    if not privileged:
        return "login"
    return "ssh.sudo" if service.startswith("sudo") else "ssh.su"


def _refused(
    processes: Processes, head: Head, line: int, service: str, message: str, privileged: bool
) -> list[Item]:
    found = _FAILURE.match(message)
    if found is None:
        return [Unknown(line, shorten(head.message), "a PAM failure in another shape")]
    process, given = processes.of((head.host, service, head.pid), head.time)
    user, target = (found[3] or "").strip(), ""
    if privileged and found[1]:
        # ruser is who asks; user is whose password was asked for, or who they want to become
        target, user = user, found[1]
    said = Said(
        head, line, _action(service, privileged), user, found[2], MODULE, doubtful=True, target=target
    )
    processes.wait(process, said, given)
    return given


def more_failures(processes: Processes, head: Head, line: int, service: str, message: str) -> list[Item]:
    """``PAM 5 more authentication failures``: those that PAM had not told when they happened."""
    found = _MORE.match(message)
    if found is None:
        return [_DETAIL]
    process, given = processes.of((head.host, service, head.pid), head.time)
    if process.counted:
        return [*given, SAME]
    processes.flush(process, given)
    attempt = login((found[4] or "").strip(), found[3], head.host, failed=True)
    times = min(int(found[1]), MOST_REPEATS)
    return given + [processes.give(process, attempt, head, line) for _ in range(times)]


def _opened(
    processes: Processes, head: Head, line: int, service: str, message: str, privileged: bool
) -> list[Item]:
    if service in _UNATTENDED:
        return [_NO_PERSON]
    found = _OPENED.match(message)
    if found is None:
        return [Unknown(line, shorten(head.message), "a PAM session in another shape")]
    process, given = processes.of((head.host, service, head.pid), head.time)
    if process.done:
        return [*given, SAME]
    user, by = found[1], found[2] or ""
    if privileged:
        who = by or ("root" if found[3] == "0" else f"uid={found[3] or ''}")
        processes.replace(process, who, given)
        return [
            *given,
            _became(processes, process, head, line, _action(service, privileged), who, user, False),
        ]
    processes.replace(process, user, given, only_pam=True)
    process.done = True
    return [*given, processes.give(process, login(user, "", head.host, failed=False), head, line)]


def _became(
    processes: Processes,
    process: Process,
    head: Head,
    line: int,
    action: str,
    who: str,
    target: str,
    failed: bool,
) -> Item:
    process.done = not failed
    attempt = login(who, "", target, failed=failed, action=action)
    return processes.give(process, attempt, head, line)


def su_line(processes: Processes, head: Head, line: int) -> list[Item]:
    """What su itself says."""
    message = head.message
    if (module := _MODULE.match(message)) is not None:
        return pam_line(processes, head, line, module[1], message[module.end() :], phase=module[2])
    if (old := _SU_OLD.match(message)) is not None:
        failed, target, who = bool(old[1]), old[2], old[3]
    elif (new := _SU_NEW.match(message)) is not None:
        failed, target, who = new[1] == "FAILED", new[2], new[3]
    elif (sign := _SU_SIGN.match(message)) is not None:
        failed, target, who = sign[1] == "-", sign[3], sign[2]
    else:
        return [_DETAIL if message.startswith(("pam_", "No passwd entry")) else _unknown(head, line, "su")]
    process, given = processes.of((head.host, "su", head.pid), head.time)
    if process.done or (failed and process.counted and process.waiting is None):
        return [*given, SAME]
    processes.replace(process, who, given)
    return [*given, _became(processes, process, head, line, "ssh.su", who, target, failed)]


def sudo_line(processes: Processes, head: Head, line: int) -> list[Item]:
    """What sudo itself says."""
    message = head.message
    if (module := _MODULE.match(message)) is not None:
        return pam_line(processes, head, line, module[1], message[module.end() :], phase=module[2])
    found = _SUDO.match(message)
    if found is None:
        return [_unknown(head, line, "sudo")]
    who, rest = found[1], found[2]
    details, separator, command = rest.partition("COMMAND=")
    if not separator:
        return [_DETAIL]
    process, given = processes.of((head.host, "sudo", head.pid), head.time)
    target = named[1] if (named := _SUDO_USER.search(details)) is not None else ""
    failed = not details.lstrip().startswith(("TTY=", "PWD=", "HOST=", "USER=", "CHROOT=", "GROUP="))
    times = min(int(wrong[1]), MOST_REPEATS) if (wrong := _SUDO_WRONG.match(details)) is not None else 1
    if failed:
        processes.replace(process, who, given)
    else:
        # a wrong password before the right one is told by PAM alone, and was a failure of its own
        processes.flush(process, given)
    process.done = not failed
    attempt = Attempt(
        action="ssh.sudo",
        actor=text(who),
        resource=text(target, 512),
        parameters={"command": text(command, 512)},
        outcome="failure" if failed else "success",
    )
    return given + [processes.give(process, attempt, head, line) for _ in range(times)]


def other_line(processes: Processes, head: Head, line: int, otherwise: Item) -> list[Item]:
    """A line of any other program: PAM's, or ``otherwise``."""
    module = _MODULE.match(head.message)
    if module is None:
        return [otherwise]
    return pam_line(processes, head, line, module[1], head.message[module.end() :], phase=module[2])


def _unknown(head: Head, line: int, program: str) -> Unknown:
    return Unknown(line, shorten(head.message), f"a message of {program} that is not known")
