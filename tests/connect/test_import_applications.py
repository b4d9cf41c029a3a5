"""What all messages of applications owe: one meaning, an example, a documented name, and an end on any line."""

import importlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.detect import detect, importer, open_log
from stepwarden.connect.importers.applications.messages import GROUPS, MOST, Message
from stepwarden.connect.importers.applications.reader import MESSAGES
from stepwarden.connect.importers.base import Imported, Skipped, Unknown
from tests.connect import records_house
from tests.connect.applications_house import Example, one, read

KINDS = ("identity", "collaboration", "media", "mail", "stores", "network")
EXAMPLES: list[Example] = [
    example
    for kind in KINDS
    for example in importlib.import_module(f"tests.connect.test_applications_{kind}").EXAMPLES
]
ONE_EACH = list({example.application: example for example in EXAMPLES}.values())
FIRST = EXAMPLES[0]
SSHD = "Dec 10 09:32:20 web sshd[7]: Failed password for ann from 192.0.2.9 port 4 ssh2"


def said(message: Message, line: str) -> bool:
    return message.hint in line and message.pattern.search(line) is not None


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: f"{one.application}: {one.hint}")
def test_a_message_has_an_example_and_says_only_what_is_read(message: Message) -> None:
    assert set(message.pattern.groupindex) <= GROUPS
    assert {"user", "ip"} & set(message.pattern.groupindex)
    assert len(message.hint) >= 8, "a hint that many lines hold makes them unknown"
    assert any(
        example.application == message.application and said(message, example.line) for example in EXAMPLES
    )


def test_attack_a_name_that_is_a_whole_line_of_another_application_moves_nothing() -> None:
    """Whoever signs in may call themselves anything: no name makes an attempt from an address of its choice.

    Once without quotes, and once with escaped ones: what becomes of quotes that nobody escapes is a test of its own.
    """
    forged = "203.0.113.250"
    for example in EXAMPLES:
        if not example.user or example.user not in example.line:
            continue
        for other in (some for some in ONE_EACH if some.application != example.application):
            name = other.line.replace(other.ip or "192.0.2.7", forged)
            names = (re.sub(r"[\"'\\]", "", name), re.sub(r"([\"'\\])", r"\\\1", name))
            for item in read(*(example.line.replace(example.user, some) for some in names)):
                if isinstance(item, Imported):
                    assert item.attempt.ip != forged, (example.line, name)
                    assert item.attempt.resource == example.application, (example.line, name)


def test_no_line_is_a_message_of_two_applications() -> None:
    """What is Jellyfin's must not be Emby's, whichever stands first in the table."""
    for example in EXAMPLES:
        names = {message.application for message in MESSAGES if said(message, example.line)}
        assert names == {example.application}, example.line


def test_every_application_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "formats-applications.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    told = [row.split(" | ")[0].removeprefix("| ") for row in rows[1:]]
    known = {message.application for message in MESSAGES}
    known |= {example.application for example in records_house.EXAMPLES}
    assert sorted(told) == sorted(known)
    assert told == sorted(told, key=str.lower)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: f"{one.application}: {one.hint}")
def test_attack_a_line_that_is_made_to_be_searched_for_ever_is_read_at_once(message: Message) -> None:
    """A name may be all hint, quotes, addresses or blanks: whatever it is, there is an end to it."""
    head = "2024-05-02T10:00:00Z "
    for filling in (message.hint, "' \" ( [ : , ", "1.2.3.4 from ", "192.0.2.7:1 ip=", " ", "a", "=", '\\"'):
        line = head + message.hint + filling * (MOST // len(filling))
        [item] = read(line)
        assert isinstance(item, Imported | Unknown | Skipped)


@given(st.text(max_size=300), st.sampled_from(MESSAGES), st.text(max_size=300))
def test_any_text_around_a_hint_is_read_or_named(before: str, message: Message, behind: str) -> None:
    for item in read(f"{before}{message.hint}{behind}"):
        assert isinstance(item, Imported | Unknown | Skipped)


def test_a_message_in_another_shape_is_shown(tmp_path: Path) -> None:
    """An application that changes its words must not go unheard."""
    message = MESSAGES[0]
    [item] = read(f"2024-05-02T10:00:00Z {message.hint} and then something else")
    assert isinstance(item, Unknown)
    assert item.reason == "a message about a sign-in in another shape"


def test_a_message_without_a_time_is_shown_and_not_guessed() -> None:
    [item] = read(FIRST.line.replace("2024-02-14T13:47:54+02:00", "-"))
    assert isinstance(item, Unknown)
    assert item.reason == "no time that can be read"


def test_the_last_of_a_long_line_is_not_looked_at() -> None:
    """It is cut, and shown: an endless name hides nobody."""
    [item] = read(FIRST.line.replace("'ann'", f"'{'a' * MOST}'"))
    assert isinstance(item, Unknown)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.application} {example.outcome}")
def test_beside_lines_of_sshd_the_same_is_read(example: Example, tmp_path: Path) -> None:
    """A file of the system holds both: neither hides the other, and the format is still the system's."""
    path = tmp_path / "syslog"
    path.write_text(f"{SSHD}\n{example.line}\n")
    found = [item for item in open_log(path, year=2023) if isinstance(item, Imported)]
    assert detect(path) == "openssh"
    assert [item.attempt.ip for item in found] == ["192.0.2.9", example.ip]
    assert found[1].attempt.actor == example.user


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.application} {example.outcome}")
def test_its_own_log_is_told_from_one_line(example: Example, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(f"some first line\n{example.line}\n")
    assert detect(path) == "applications"


def test_pieces_of_any_size_are_read_alike() -> None:
    """Also where a text begins with a bracket, as JSON does."""
    for example in (FIRST, next(some for some in EXAMPLES if some.line.startswith("["))):
        found = list(importer("applications", year=2024).read(list(example.line), "app.log"))
        assert found == [one(example.line)]
