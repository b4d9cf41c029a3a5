"""Attempts come out by time, each once, whatever order, chunks and files they came in."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.importers.base import Imported
from stepwarden.errors import StorageError
from stepwarden.lab import ordering
from stepwarden.lab.ordering import in_order
from tests.lab.lab_house import sign_in

times = st.lists(st.integers(0, 30), max_size=40)
actors = st.sampled_from(["ann", "bob"])


def numbered(seconds: list[int], *, source: str = "a") -> list[Imported]:
    """One attempt for each second, all different, with their lines in the order given."""
    return [
        sign_in(second, f"user{line}", line=line, source=source)
        for line, second in enumerate(seconds, start=1)
    ]


def lines(items: Iterator[Imported]) -> list[tuple[str, int]]:
    return [(item.source, item.source_line) for item in items]


@given(seconds=times, chunk=st.integers(1, 50))
def test_one_file_comes_out_sorted_whatever_the_chunk(seconds: list[int], chunk: int) -> None:
    """The order is that of time, the same for every size of chunk, and nothing is lost."""
    items = numbered(seconds)
    found = list(in_order([items], chunk=chunk))
    assert [item.time for item in found] == sorted(item.time for item in items)
    assert Counter(item.source_line for item in found) == Counter(item.source_line for item in items)
    assert found == list(in_order([items], chunk=1_000))


@given(seconds=times, chunk=st.integers(1, 50))
def test_a_file_that_runs_backwards_gives_what_it_would_forwards(seconds: list[int], chunk: int) -> None:
    """Newest first is how exports come: also attempts of one second are then in the opposite order."""
    forwards = numbered(sorted(seconds))
    backwards = list(reversed(forwards))
    if len(set(seconds)) > 1:
        assert lines(in_order([backwards], chunk=chunk)) == lines(in_order([forwards], chunk=chunk))


@given(first=times, second=times, chunk=st.integers(1, 50))
def test_equal_times_keep_the_order_in_which_files_were_read(
    first: list[int], second: list[int], chunk: int
) -> None:
    """Merging is stable: within a file lines stay in order, and the file named first goes first."""
    one, two = numbered(sorted(first), source="a"), numbered(sorted(second), source="b")
    two = [
        sign_in(
            (item.time - sign_in(0).time) // 1_000_000,
            f"b{item.source_line}",
            line=item.source_line,
            source="b",
        )
        for item in two
    ]
    naive = sorted([*one, *two], key=lambda item: item.time)
    assert lines(in_order([one, two], chunk=chunk)) == lines(iter(naive))


@given(st.lists(st.lists(st.tuples(st.integers(0, 4), actors), max_size=12), max_size=4), st.integers(1, 20))
def test_overlapping_files_count_each_line_as_often_as_the_one_that_has_it_most(
    files: list[list[tuple[int, str]]], chunk: int
) -> None:
    """Two equal lines in one file are two attempts; the same two in another file are the same two."""
    given_files = [
        [
            sign_in(second, actor, source=f"log.{number}", line=line)
            for line, (second, actor) in enumerate(file, 1)
        ]
        for number, file in enumerate(files)
    ]
    dropped: Counter[str] = Counter()
    found = list(in_order(given_files, chunk=chunk, dropped=dropped))
    most: Counter[tuple[int, str]] = Counter()
    for file in given_files:
        most |= Counter((item.time, item.attempt.actor) for item in file)
    assert Counter((item.time, item.attempt.actor) for item in found) == most
    assert len(found) + dropped["a duplicate"] == sum(map(len, files))


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["x", "y"]), actors), max_size=20),
    st.integers(1, 20),
)
def test_a_vendor_id_counts_once_even_within_one_file(
    records: list[tuple[int, str, str]], chunk: int
) -> None:
    """Exports repeat records, later ones with more fields: the id tells. One id for two people is two attempts."""
    items = [
        sign_in(second, actor, f"192.0.2.{line}", event_id=name, line=line)
        for line, (second, name, actor) in enumerate(records, 1)
    ]
    found = [(item.time, item.event_id, item.attempt.actor) for item in in_order([items], chunk=chunk)]
    assert Counter(found) == Counter({(item.time, item.event_id, item.attempt.actor) for item in items})


def test_two_files_of_one_name_are_two_files() -> None:
    """Copies of ``auth.log`` from two directories: a line of the second is a duplicate, not a second failure."""
    one = [sign_in(1), sign_in(1)]
    assert len(list(in_order([one, one]))) == 2


def test_more_runs_than_files_may_be_open_are_merged_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of hundreds of chunks never holds more temporary files open than it says."""
    opened: list[IO[bytes]] = []
    make = tempfile.TemporaryFile

    def counting(prefix: str) -> IO[bytes]:
        file = make(prefix=prefix)
        opened.append(file)
        assert sum(not one.closed for one in opened) <= ordering.MERGED + 1
        return file

    monkeypatch.setattr(ordering, "MERGED", 4)
    monkeypatch.setattr("tempfile.TemporaryFile", counting)
    items = numbered([(7 * number) % 101 for number in range(101)])
    assert [item.time for item in in_order([items], chunk=3)] == sorted(item.time for item in items)
    assert len(opened) > 4
    assert all(one.closed for one in opened)


def test_no_room_for_temporary_files_says_where_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk ends the replay with a message, not with a traceback."""

    def full(**_: str) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(StorageError, match="No space left on device; TMPDIR"):
        list(in_order([numbered([3, 2, 1])], chunk=1))
