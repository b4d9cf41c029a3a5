"""One attempt, many lines: what each process has said so far, so that nothing is counted twice.

OpenSSH with PAM writes up to four lines about one wrong password::

    sshd[7]: Invalid user bob from 192.0.2.7
    sshd[7]: input_userauth_request: invalid user bob [preauth]
    sshd[7]: pam_unix(sshd:auth): authentication failure; ... rhost=192.0.2.7
    sshd[7]: Failed password for invalid user bob from 192.0.2.7 port 50122 ssh2

The last is the best (method, user and address), but other set-ups stop after any of them. So the weaker lines wait:
they are replaced by a better one of the same process and user, and are counted themselves, with their own time and
line, when the process ends, names somebody else, says nothing for ``PATIENCE``, or when the file ends. What was
replaced is given as ``Skipped`` with the reason ``SAME``.

Bounded: the last ``PROCESSES`` processes are remembered, by host, service and process id.
"""

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from stepwarden.connect.importers.base import Imported, Item, Skipped
from stepwarden.connect.importers.clean import address, text
from stepwarden.connect.importers.syslog import Head
from stepwarden.events.attempt import Attempt, Device, Method

PROCESSES = 4096
PATIENCE = 600 * 1_000_000
"""Microseconds; sshd itself gives up after 120 s (LoginGraceTime)."""

NAMED, MODULE, CONVERSATION = range(3)
"""Ranks: sshd names the user; a PAM module refuses; the whole PAM conversation has failed."""

SAME = Skipped("another line about an attempt that is counted")
Key = tuple[str, str, str]


class Said(msgspec.Struct, gc=False):
    """A failure that waits for a better line.

    ``rank``: which line of an attempt this is; a later one adds to an earlier one, the same one again is another
    attempt. ``doubtful``: only a PAM module says so, and another module may yet accept.
    """

    head: Head
    line: int
    action: str
    user: str
    remote: str
    rank: int
    doubtful: bool = False
    target: str = ""


class Process(msgspec.Struct):
    """What one process has said. ``counted``: attempts given for it so far; ``done``: it let somebody in."""

    time: int
    waiting: Said | None = None
    counted: int = 0
    done: bool = False


@lru_cache(maxsize=8192)
def login(
    user: str, remote: str, host: str, *, failed: bool, proved: tuple[Method, ...] = (), action: str = "login"
) -> Attempt:
    """An attempt at a host. ``remote`` is an address, or a host name: that is kept as the device's id.

    Remembered, because attackers repeat themselves, and attempts never change.
    """
    where = address(remote)
    if where and not _is_address(where):
        return Attempt(
            action=action,
            actor=text(user),
            resource=text(host, 512),
            device=Device(id=text(where)),
            outcome="failure" if failed else "success",
            proved=proved,
        )
    return Attempt(
        action=action,
        actor=text(user),
        resource=text(host, 512),
        ip=where,
        outcome="failure" if failed else "success",
        proved=proved,
    )


def _is_address(where: str) -> bool:
    """An address, or something malformed that claims to be one; a host name has a letter and no colon."""
    return ":" in where or "|" in where or not any(map(str.isalpha, where))


class Processes:
    """The processes of one file."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._known: dict[Key, Process] = {}

    def of(self, key: Key, time: int) -> tuple[Process, list[Item]]:
        """The process, and what has to be counted because somebody else's patience ended."""
        given: list[Item] = []
        found = self._known.pop(key, None)
        if found is not None and not -PATIENCE <= time - found.time <= PATIENCE:
            self.flush(found, given)
            found = None
        if found is None:
            if len(self._known) >= PROCESSES:
                self.flush(self._known.pop(next(iter(self._known))), given)
            found = Process(time)
        found.time = time
        self._known[key] = found
        return found, given

    def peek(self, key: Key) -> Process | None:
        """The process, if it has said anything."""
        return self._known.get(key)

    def give(self, process: Process, attempt: Attempt, head: Head, line: int) -> Imported:
        """Count an attempt of this process."""
        process.counted += 1
        return Imported(attempt, head.time, self._source, line)

    def flush(self, process: Process, given: list[Item]) -> None:
        """Count what waits."""
        said = process.waiting
        if said is None:
            return
        process.waiting = None
        attempt = login(
            said.user, said.remote, said.target or said.head.host, failed=True, action=said.action
        )
        given.append(self.give(process, attempt, said.head, said.line))

    def replace(self, process: Process, user: str, given: list[Item], *, only_pam: bool = False) -> None:
        """A better line about ``user`` is here: what waits is either about the same attempt, or counted."""
        said = process.waiting
        if said is None:
            return
        if said.user in ("", user) and (said.doubtful or not only_pam):
            process.waiting = None
            given.append(SAME)
        else:
            self.flush(process, given)

    def wait(self, process: Process, said: Said, given: list[Item]) -> None:
        """A weaker line: it waits. Said before by another line of the same attempt, it only adds what was missing."""
        before = process.waiting
        if before is not None:
            if before.rank < said.rank and (not said.user or not before.user or said.user == before.user):
                said.user = before.user or said.user
                if before.remote and not _is_address(address(said.remote)):
                    said.remote = before.remote
                said.doubtful = said.doubtful and before.doubtful
                given.append(SAME)
            else:
                self.flush(process, given)
        process.waiting = said

    def rest(self) -> Iterator[Item]:
        """What still waits at the end of the file, oldest first."""
        given: list[Item] = []
        for process in self._known.values():
            self.flush(process, given)
        self._known.clear()
        yield from given
