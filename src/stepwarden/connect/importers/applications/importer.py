"""Logs of applications that people host themselves: each line that says how a sign-in ended is an attempt.

>>> log = ["[2022-02-03 16:10:11.219][vaultwarden::api::identity][ERROR] Username or password is incorrect. "
...        "Try again. IP: 2001:db8::7. Username: ann@example.com.\\n"]
>>> [item] = Applications().read(log, "vaultwarden.log")
>>> item.attempt.actor, item.attempt.ip, item.attempt.outcome, item.attempt.resource
('ann@example.com', '2001:db8::7', 'failure', 'Vaultwarden')

What is no such line is skipped: applications write about everything. Lines of sshd, PAM, su and sudo in between are
read as by ``openssh``, which reads lines of applications in a system log as they are read here.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from stepwarden.connect.importers.applications.messages import OTHER
from stepwarden.connect.importers.applications.records import convert
from stepwarden.connect.importers.base import Item
from stepwarden.connect.importers.jsonlog import read_json
from stepwarden.connect.importers.openssh import read_system_log
from stepwarden.connect.importers.reading import SPACE
from stepwarden.connect.importers.syslog import Clock


class Applications:
    """The importer ``applications``. ``year`` is that of the first line; ``modified`` the file's mtime in seconds."""

    name = "applications"

    def __init__(self, *, year: int | None = None, modified: float = 0.0) -> None:
        self._year = year
        self._modified = modified

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Each line or record of the log; see the module."""
        json, whole = _is_json(blocks)
        if json:
            return read_json(whole, source, convert)
        clock = Clock(year=self._year, modified=self._modified)
        return read_system_log(whole, source, clock, OTHER)


def _is_json(blocks: Iterable[str]) -> tuple[bool, Iterator[str]]:
    """Whether the text is JSON, and the whole text again: a line of text, too, may begin with a bracket."""
    rest = iter(blocks)
    start = head = ""
    for block in rest:
        start += block
        head = start.lstrip(SPACE)
        if head not in ("", "["):
            break
    json = head[:1] == "{" or (head[:1] == "[" and head[1:].lstrip(SPACE)[:1] in ("{", "[", "]", ""))
    return json, chain((start,), rest)
