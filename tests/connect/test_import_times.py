"""Times, with and without a year, and the head of a syslog line."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.importers.syslog import Clock, parse_head
from stepwarden.connect.importers.times import from_datetime, parse_time


def seconds(text: str) -> int:
    """Microseconds of an ISO time."""
    found = from_datetime(datetime.fromisoformat(text))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2021-03-24T12:52:56", "2021-03-24T12:52:56"),
        ("2021-03-24T12:52:56Z", "2021-03-24T12:52:56"),
        ("2021-03-24T14:52:56+02:00", "2021-03-24T12:52:56"),
        ("2021-03-24 12:52:56.123456789", "2021-03-24T12:52:56.123456"),
        ("2021-03-24 12:52:56 UTC", "2021-03-24T12:52:56"),
        ("3/24/2021 12:52:56 PM", "2021-03-24T12:52:56"),
        ("3/24/2021 12:52:56 AM", "2021-03-24T00:52:56"),
        ("3/24/2021 1:02 pm", "2021-03-24T13:02:00"),
        ("/Date(1616590376000)/", "2021-03-24T12:52:56"),
        (1616590376, "2021-03-24T12:52:56"),
        (1616590376000, "2021-03-24T12:52:56"),
        (1616590376000000, "2021-03-24T12:52:56"),
        (1616590376000000000, "2021-03-24T12:52:56"),
        ("1616590376.5", "2021-03-24T12:52:56.5"),
        (1616590376.5, "2021-03-24T12:52:56.5"),
    ],
)
def test_times_as_logs_write_them(value: object, expected: str) -> None:
    """ISO, American, .NET and numbers of any unit."""
    assert parse_time(value) == seconds(expected)


@pytest.mark.parametrize(
    "value", ["", "yesterday", "13/45/2021 1:00:00 AM", "3/24/2021 13:00:00 PM", None, True, -1, 1e300, float("nan"),
              "9999-12-31T00:00:00", "1234", [], "٣" * 10, 10**30]
)  # fmt: skip
def test_what_is_no_time_is_none(value: object) -> None:
    """Never an error, never a time in the year 9999."""
    assert parse_time(value) is None


@given(st.text() | st.integers() | st.floats() | st.datetimes(timezones=st.just(UTC)).map(str))
def test_parse_time_never_raises(value: object) -> None:
    """Any value is a time in 1970..2199 or none."""
    found = parse_time(value)
    assert found is None or 0 <= found < 7_258_118_400 * 1_000_000


def clock(modified: str) -> Clock:
    """A clock of a file that was last written at this time."""
    return Clock(year=None, modified=seconds(modified) / 1_000_000)


@pytest.mark.parametrize(
    ("stamp", "modified", "year"),
    [
        ("Dec 10 06:55:46", "2026-11-23T00:00:00", 2025),
        ("Nov 22 06:55:46", "2026-11-23T00:00:00", 2026),
        ("Nov 24 06:55:46", "2026-11-23T00:00:00", 2026),
        ("Dec 31 23:59:59", "2026-01-01T00:10:00", 2025),
        ("Feb 29 06:55:46", "2025-06-01T00:00:00", 2024),
    ],
)
def test_the_year_is_the_last_one_that_is_not_after_the_file(stamp: str, modified: str, year: int) -> None:
    """A log does not hold lines of the future, clocks that are two days off aside."""
    found = clock(modified).read(stamp)
    assert found is not None
    assert datetime.fromtimestamp(found / 1_000_000, UTC).year == year


def test_the_year_turns_at_new_year_and_back_for_late_lines() -> None:
    """31 December, 1 January, and a late line of 31 December."""
    reading = Clock(year=2015, modified=0)
    stamps = ["Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:58", "Jan  1 00:00:02"]
    years = [datetime.fromtimestamp((reading.read(stamp) or 0) / 1_000_000, UTC).year for stamp in stamps]
    assert years == [2015, 2016, 2015, 2016]


@pytest.mark.parametrize(
    "line",
    [
        "Dec 10 06:55:46 web sshd[7]: hello: world",
        "<38>Dec 10 06:55:46 web sshd[7]: hello: world",
        "2015-12-10T06:55:46+00:00 web sshd[7]: hello: world",
        "2015-12-10T07:55:46.000000+01:00 web sshd[7]: hello: world",
        "2015-12-10T06:55:46+0000 web sshd[7]: hello: world",
        "<38>1 2015-12-10T06:55:46Z web sshd 7 - - hello: world",
        '<38>1 2015-12-10T06:55:46Z web sshd 7 id [x@1 a="]"] hello: world'.replace('"]"', '"b"'),
        "1 2015-12-10T06:55:46Z web sshd 7 - - hello: world",
    ],
)
def test_the_same_line_in_every_spelling_of_syslog(line: str) -> None:
    """RFC 3164, rsyslog's and journald's ISO times, RFC 5424."""
    head = parse_head(line, Clock(year=2015, modified=0))
    assert head is not None
    assert (head.time, head.host, head.program, head.pid) == (
        seconds("2015-12-10T06:55:46"),
        "web",
        "sshd",
        "7",
    )
    assert head.message == "hello: world"


@given(st.text(max_size=80) | st.from_regex(r"[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d .{0,30}", fullmatch=True))
def test_no_line_crashes_the_head_parser(line: str) -> None:
    """A head or none."""
    parse_head(line, Clock(year=2015, modified=0))
