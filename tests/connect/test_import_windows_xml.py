"""Windows events as XML: the same attempts as from JSON, and nothing that XML can do beyond it."""

from html import escape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.detect import detect, importer, open_log
from stepwarden.connect.importers.base import Imported, Item, Skipped, Unknown
from stepwarden.connect.importers.windowsxml import MOST, read_events
from tests.connect.importer_house import one as one_record

HEAD = '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event">'


def event(
    user: str = "ann", *, kind: int = 4625, keywords: str = "0x8010000000000000", data: str = ""
) -> str:
    """An event in the shape that ``EvtRender`` and ``wevtutil`` write; ``user`` stands there as given."""
    return (
        f"{HEAD}<System><Provider Name='Microsoft-Windows-Security-Auditing' Guid='{{5484}}'/>"
        f'<EventID Qualifiers="">{kind}</EventID><Version>0</Version><Keywords>{keywords}</Keywords>'
        "<TimeCreated SystemTime='2024-05-02T10:00:00.2500000Z'/><EventRecordID>2559</EventRecordID><Correlation/>"
        "<Channel>Security</Channel><Computer>dc1.example.com</Computer><Security/></System><EventData>"
        "<Data Name='SubjectUserName'>admin</Data><Data Name='SubjectDomainName'>EXAMPLE</Data>"
        f"<Data Name='TargetUserName'>{user}</Data><Data Name='TargetDomainName'>EXAMPLE</Data>"
        "<Data Name='LogonType'>3</Data><Data Name='WorkstationName'>PC-7</Data>"
        f"<Data Name='IpAddress'>192.0.2.7</Data>{data}</EventData></Event>"
    )


def read(text: str) -> list[Item]:
    return list(importer("windows").read([text], "security.xml"))


def one(text: str) -> Imported:
    [item] = read(text)
    assert isinstance(item, Imported), item
    return item


def test_an_event_says_what_the_same_event_says_as_json() -> None:
    record = {
        "Event": {
            "System": {
                "EventID": 4625,
                "Channel": "Security",
                "Computer": "dc1.example.com",
                "EventRecordID": 2559,
                "Keywords": "0x8010000000000000",
                "TimeCreated": {"#attributes": {"SystemTime": "2024-05-02T10:00:00.250000Z"}},
            },
            "EventData": {
                "SubjectUserName": "admin",
                "TargetUserName": "ann",
                "TargetDomainName": "EXAMPLE",
                "WorkstationName": "PC-7",
                "IpAddress": "192.0.2.7",
            },
        }
    }
    found, same = one(event()), one_record("windows", record)
    assert (found.attempt, found.time, found.event_id) == (same.attempt, same.time, same.event_id)
    assert found.attempt.outcome == "failure"
    assert found.time == 1_714_644_000_250_000


def test_whether_a_password_was_changed_stands_in_the_keywords() -> None:
    assert one(event(kind=4723)).attempt.outcome == "failure"
    assert one(event(kind=4723, keywords="0x8020000000000000")).attempt.outcome == "success"
    assert one(event(kind=4723, keywords="0xZZ")).attempt.outcome == "unknown"


def test_events_stand_on_lines_of_their_own_or_on_several_and_in_a_document_or_none(tmp_path: Path) -> None:
    several = event().replace("><", ">\r\n  <")
    declared = "<?xml version='1.0' encoding='utf-8' standalone='yes'?>"
    whole = f"{declared}\n<Events>\n{event()}{event('bob')}\n{several}</Events>\n"
    for text, lines in ((f"{event()}\n{event('bob')}\n\n{several}\n", [1, 2, 4]), (whole, [3, 3, 4])):
        log = tmp_path / "security.xml"
        log.write_bytes(text.encode("utf-16"))
        assert detect(log) == "windows"
        items = [item for item in open_log(log) if isinstance(item, Imported)]
        assert [item.attempt.actor for item in items] == ["ann", "bob", "ann"]
        assert [item.source_line for item in items] == lines


def test_other_channels_and_events_are_skipped() -> None:
    assert isinstance(read(event().replace("Security</Channel>", "System</Channel>"))[0], Skipped)
    assert isinstance(read(event(kind=5156))[0], Skipped)


def test_an_event_that_is_cut_off_costs_itself_only() -> None:
    cut = event()[:300]
    items = read(f"{event()}\n{cut}\n{event('bob')}\nnonsense\n{event('eve')}\n{cut}")
    assert [type(item) for item in items] == [Imported, Unknown, Imported, Unknown, Imported, Unknown]
    assert [item.source_line for item in items if isinstance(item, Unknown)] == [2, 4, 6]
    assert [item.source_line for item in items if isinstance(item, Imported)] == [1, 3, 5]


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_where_the_text_is_cut_into_blocks_does_not_matter(size: int) -> None:
    text = f"<Events>\n{event()}\nx\n{event('b&#10;b')}</Events>"
    blocks = [text[at : at + size] for at in range(0, len(text), size)]
    assert list(read_events(blocks)) == list(read_events([text]))
    assert len(list(read_events(blocks))) == 3


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "'
    + "&a;" * 10
    + '"><!ENTITY c "'
    + "&b;" * 10
    + '">]>\n'
)


def test_attack_entities_are_not_expanded() -> None:
    """A document type is refused, and so is each event that names an entity of it; the others are read."""
    items = read(
        BOMB + event("&c;") + "\n" + event("&c;&c;", data="<Data Name='x'>&b;</Data>") + "\n" + event() + "\n"
    )
    assert [type(item) for item in items] == [Unknown, Unknown, Unknown, Imported]
    assert all(len(item.text) <= 201 for item in items if isinstance(item, Unknown))


@pytest.mark.parametrize(
    "user",
    [
        "&xxe;",
        "&",
        "&#xZZ;",
        "&amp",
        "<![CDATA[ann]]>",
        "<!-- x -->ann",
        '<!DOCTYPE x [<!ENTITY xxe SYSTEM "file:///etc/passwd">]>&xxe;',
        '<?php echo "x"?>',
        "<b",
        "</Data></EventData>",
    ],
)
def test_attack_what_windows_does_not_write_is_refused(user: str) -> None:
    """An external entity, a section, a comment, a broken element: the event is unknown, and not read in part."""
    items = read(event(user) + "\n" + event("bob"))
    assert {type(item) for item in items[:-1]} == {Unknown}
    assert isinstance(items[-1], Imported)
    assert items[-1].attempt.actor == "bob"


def test_attack_no_name_makes_an_event_another() -> None:
    """A name that holds XML is escaped by Windows, and is a name again."""
    for name in (
        "x</Data><Data Name='IpAddress'>198.51.100.1</Data>",
        "</Event><Event>",
        "<!DOCTYPE x>",
        "&c;",
        "&amp;",
    ):
        found = one(event(escape(name))).attempt
        assert (found.actor, found.ip, found.outcome) == (name.lower(), "192.0.2.7", "failure")


def test_attack_a_name_with_characters_that_xml_forbids_does_not_hide_its_failure() -> None:
    for written, name in (
        ("a\x01b", "a\\x01b"),
        ("a&#1;b", "a\\x01b"),
        ("a&#x0;b", "a\\x00b"),
        ("a&#xD800;b", "a\ufffdb"),
    ):
        assert one(event(written)).attempt.actor == name
    assert one(event("a&#x110000;b")).attempt.actor == "a\ufffdb"


def test_attack_a_second_value_of_a_name_changes_nothing() -> None:
    more = (
        "<Data Name='TargetUserName'>eve</Data><Data Name='EventID'>4624</Data><Data Name='Computer'>x</Data>"
    )
    assert one(event(data=more)) == one(event())
    twice = event().replace("<Version>0</Version>", '<EventID Qualifiers="">4624</EventID>')
    assert one(twice).attempt.outcome == "failure"


def test_attack_elements_within_elements_have_an_end() -> None:
    [item] = read(event(data="<a>" * 100_000 + "</a>" * 100_000))
    assert isinstance(item, Unknown)


@pytest.mark.parametrize("filling", ["x", " ", "\n", "<a ", "<Event ", "&", "a='", "<a a='b'", "&amp;"])
def test_attack_an_event_without_an_end_does_not_fill_the_memory_or_the_day(filling: str) -> None:
    blocks = [HEAD, *([filling * ((1 << 18) // len(filling))] * 12), "\n", event("bob")]
    items = list(importer("windows").read(blocks, "security.xml"))
    assert all(isinstance(item, Unknown | Imported) for item in items)
    assert max(len(text) for _, text in read_events(blocks) if isinstance(text, str)) <= MOST + (1 << 18)


def test_attack_a_name_in_syslog_does_not_make_it_xml(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text(
        f"<38>1 2024-05-02T10:00:00Z web sshd 7 - - Failed password for invalid user {HEAD} from 192.0.2.7 port 4\n"
    )
    assert detect(log) == "openssh"


@given(
    st.text()
    | st.lists(st.sampled_from([*"<>/&;='\" \n", "Event", "Data", HEAD, event(), "</Event>", "<!"])).map(
        "".join
    )
)
def test_any_text_is_read(text: str) -> None:
    for item in read("<" + text):
        assert isinstance(item, Imported | Unknown | Skipped)


@given(st.text(), st.text())
def test_any_name_that_is_escaped_is_the_name_that_is_read(user: str, host: str) -> None:
    text = event(escape(user)).replace("PC-7", escape(host))
    [(_, found)] = read_events([text])
    assert isinstance(found, dict)
    data = found["Event"]
    assert isinstance(data, dict)
    assert data["EventData"].get("TargetUserName", "") == user
    assert data["EventData"].get("WorkstationName", "") == host
