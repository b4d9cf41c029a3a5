"""What the tests of applications' logs share: an example of a line and what it says, and how it is read."""

from typing import NamedTuple

from stepwarden.connect.detect import importer
from stepwarden.connect.importers.base import Imported, Item
from stepwarden.events.attempt import Outcome


class Example(NamedTuple):
    """A line of an application's log, and the attempt that it is."""

    application: str
    line: str
    user: str
    ip: str
    outcome: Outcome = "failure"
    action: str = "login"


def read(*lines: str, year: int = 2024) -> list[Item]:
    """The lines as a log of their own."""
    return list(importer("applications", year=year).read(["".join(line + "\n" for line in lines)], "app.log"))


def one(line: str) -> Imported:
    """The only attempt of a line."""
    [item] = read(line)
    assert isinstance(item, Imported), item
    return item


def holds(example: Example) -> None:
    """The line is read as the example says, and has a time."""
    found = one(example.line)
    attempt = found.attempt
    assert (attempt.resource, attempt.actor, attempt.ip) == (example.application, example.user, example.ip)
    assert (attempt.outcome, attempt.action) == (example.outcome, example.action)
    assert found.time > 0
