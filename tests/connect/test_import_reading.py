"""Files as they come: packed, in any coding, with any line ends; and JSON in any arrangement, in constant memory."""

import doctest
import gzip
import importlib
import json
import pkgutil
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect import importers
from stepwarden.connect.detect import FORMATS, detect, open_log
from stepwarden.connect.importers.base import Imported, Unknown, shorten
from stepwarden.connect.importers.jsonrecords import read_records
from stepwarden.connect.importers.reading import MAX_LINE, lines, members
from stepwarden.errors import InputError, UnknownFormatError

LINE = "Dec 10 06:55:46 web sshd[7]: Failed password for müller from 192.0.2.7 port 1 ssh2\r\n"


def actors(path: Path) -> list[str]:
    """The actors in a file."""
    return [item.attempt.actor for item in open_log(path, year=2015) if isinstance(item, Imported)]


@pytest.mark.parametrize(
    "coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]
)
@pytest.mark.parametrize("packing", ["plain", "gzip", "zip"])
def test_a_log_reads_the_same_in_every_coding_and_packing(tmp_path: Path, coding: str, packing: str) -> None:
    """The name with an umlaut arrives."""
    data = (LINE * 3).encode(coding)
    file = tmp_path / "log"
    if packing == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a/auth.log", data)
            archive.writestr("b.log", data)
    else:
        file.write_bytes(gzip.compress(data) if packing == "gzip" else data)
    assert detect(file) == "openssh"
    assert actors(file) == ["müller"] * (6 if packing == "zip" else 3)


def test_a_damaged_byte_costs_that_byte(tmp_path: Path) -> None:
    """Far behind the beginning, where the coding is settled."""
    file = tmp_path / "log"
    file.write_bytes(LINE.encode() * 2000 + LINE.encode().replace(b"m\xc3\xbcller", b"m\xffller"))
    assert actors(file)[-1] == "m\\xffller"


@pytest.mark.parametrize(
    "broken", [b"\x1f\x8b\x08broken", b"PK\x03\x04broken", gzip.compress(LINE.encode() * 99, mtime=0)[:-20]]
)
def test_a_broken_archive_is_an_input_error(tmp_path: Path, broken: bytes) -> None:
    """Never an exception of the library that unpacks."""
    file = tmp_path / "log"
    file.write_bytes(broken)
    with pytest.raises(InputError):
        list(open_log(file, format="openssh"))


def test_missing_empty_and_unknown_files_say_what_to_do(tmp_path: Path) -> None:
    """The message names the formats and the option."""
    with pytest.raises(InputError, match="No such file"):
        detect(tmp_path / "missing")
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "other").write_text("a,b,c\n1,2,3\n")
    for name in ("empty", "other"):
        with pytest.raises(UnknownFormatError):
            detect(tmp_path / name)
    with pytest.raises(UnknownFormatError, match="--format") as caught:
        detect(tmp_path / "other")
    assert all(name in str(caught.value) for name in FORMATS)
    with pytest.raises(UnknownFormatError):
        open_log(tmp_path / "other", format="nonsense")
    with pytest.raises(InputError, match="year"):
        open_log(tmp_path / "other", format="openssh", year=3)


MODULES = [
    "stepwarden.connect.detect",
    *(f"stepwarden.connect.importers.{module.name}" for module in pkgutil.iter_modules(importers.__path__)),
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_documentation_of_the_modules_hold(name: str) -> None:
    """A module's docstring is its specification."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_format_has_its_section_in_the_documentation() -> None:
    """And the documentation has no other."""
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    assert [line.split("`")[1] for line in text.splitlines() if line.startswith("## `")] == list(FORMATS)


def test_a_mapping_alone_means_csv(tmp_path: Path) -> None:
    """There is nothing else that it could be for."""
    file = tmp_path / "log.csv"
    file.write_text("when;who\n2021-01-01;ann\n")
    assert actors_of(open_log(file, mapping={"time": "when", "user": "who"})) == ["ann"]


def actors_of(items: Iterator[object]) -> list[str]:
    """The actors of items."""
    return [item.attempt.actor for item in items if isinstance(item, Imported)]


@given(st.text(alphabet="ab\r\n\x0b\x85\u2028", max_size=30), st.integers(1, 7))
def test_lines_end_with_a_line_feed_and_nothing_else(text: str, size: int) -> None:
    """However the text is cut into blocks."""
    blocks = [text[at : at + size] for at in range(0, len(text), size)]
    expected = text.split("\n")
    if not expected[-1]:
        expected.pop()
    assert list(lines(blocks)) == [line.removesuffix("\r") for line in expected]


def test_a_file_without_line_ends_does_not_fill_the_memory() -> None:
    """It is cut into lines of the greatest length."""
    found = [len(line) for line in lines("x" * 1_000_000 for _ in range(40))]
    assert max(found) == MAX_LINE
    assert sum(found) == 40_000_000


RECORDS = st.lists(
    st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(0, 9) | st.lists(st.booleans()), max_size=3),
    min_size=1, max_size=6,
)  # fmt: skip


@given(
    RECORDS, st.sampled_from(["lines", "array", "pretty", "apart", "records", "items"]), st.integers(1, 40)
)
def test_records_are_the_same_in_every_arrangement(
    records: list[dict[str, object]], how: str, size: int
) -> None:
    """JSON lines, an array, objects on several lines, wrappers with members before and after; in any blocks."""
    text = {
        "lines": "\n".join(json.dumps(record) for record in records),
        "array": json.dumps(records),
        "pretty": json.dumps(records, indent=1),
        "apart": "".join(json.dumps(record, indent=1) + "\n" for record in records),
        "records": json.dumps({"Records": records}),
        "items": json.dumps(
            {"kind": "a#b", "count": 5, "items": records, "next": {"page": ["}", 1]}}, indent=2
        ),
    }[how]
    if how == "apart" and {} in records:
        records = [record for record in records if record]
        text = "".join(json.dumps(record, indent=1) + "\n" for record in records)
    found = list(read_records(text[at : at + size] for at in range(0, len(text), size)))
    assert [record for _, record in found] == records
    if how != "lines":
        assert [number for number, _ in found] == list(range(1, len(records) + 1))


def test_a_line_that_is_no_json_costs_that_line_and_a_broken_array_the_rest() -> None:
    """Both are shown."""
    assert [record for _, record in read_records(['{"a":1}\n{"b":\n{"c":3}\n'])] == [
        {"a": 1},
        '{"b":',
        {"c": 3},
    ]
    assert [record for _, record in read_records(['[{"a":1},{"b":}, {"c":3}]'])] == [
        {"a": 1},
        '{"b":}, {"c":3}]',
    ]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "[" + '{"a":' * 100_000, '{"a":' + "9" * 10_000 + "}"]
)
def test_deep_nesting_and_great_numbers_are_no_crash(text: str) -> None:
    """Neither parser's limit escapes."""
    list(read_records([text]))


def test_a_great_array_streams() -> None:
    """Sixty megabytes of records on one line need a few."""
    record = json.dumps({"eventName": "x" * 1000})

    def blocks() -> Iterator[str]:
        yield '{"Records":['
        for _ in range(20_000):
            yield record + ","
        yield record + "]}"

    tracemalloc.start()
    try:
        count = sum(1 for _ in read_records(blocks()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 20_001
    assert peak < 3_000_000


def test_what_is_shown_of_an_unknown_line_cannot_trick_a_terminal(tmp_path: Path) -> None:
    """Escape sequences are shown, not obeyed."""
    assert shorten("a\x1b[2J") == "a\\x1b[2J"
    assert len(shorten("x" * 5000)) == 201
    file = tmp_path / "log"
    file.write_text(LINE + "\x1b]0;owned\x07\n")
    [shown] = [item.text for item in open_log(file, year=2015) if isinstance(item, Unknown)]
    assert shown.isprintable()


def test_members_of_an_archive_are_named_in_the_source(tmp_path: Path) -> None:
    """So that a line can be found again."""
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.writestr("a/auth.log", LINE)
    assert [member.name for member in members(tmp_path / "logs.zip")] == ["logs.zip/a/auth.log"]
