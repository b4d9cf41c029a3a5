"""The query index: finds what a naive search finds, follows the log, and is never in its way."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import StorageCorruptError, StorageError, StorageFullError
from stepwarden.events.index import EntryFilter, IndexRow
from stepwarden.storage.sqlite.index import BATCH, EntryIndex, Projector, _query

LOG = "log.example/index"

few = st.sampled_from(["", "a", "b", "'; DROP TABLE entries; --"])
rows = st.lists(
    st.builds(
        IndexRow,
        idx=st.just(0),
        kind=st.sampled_from(["attempt.decided", "exception"]),
        time=st.integers(0, 9),
        actor=few,
        address=few,
        action=few,
        outcome=few,
        decision=st.sampled_from(["", "allow", "deny", "step_up"]),
        session=few,
        id=st.just("abcdefgh"),
        previous=st.integers(-1, 3),
    ),
    max_size=30,
).map(lambda found: [row._replace(idx=place) for place, row in enumerate(found)])
filters = st.builds(
    EntryFilter,
    kind=st.sampled_from(["", "exception"]),
    actor=few,
    address=few,
    action=few,
    outcome=few,
    decision=st.sampled_from(["", "", "allow", "deny"]),
    session=few,
    since=st.none() | st.integers(0, 9),
    until=st.none() | st.integers(0, 9),
    previous=st.none() | st.integers(0, 3),
)


def row(idx: int, actor: str = "ann") -> IndexRow:
    return IndexRow(idx=idx, kind="attempt.decided", time=idx, actor=actor, decision="allow", id="abcdefgh")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EntryIndex]:
    found = EntryIndex.open(tmp_path / "index.db", log=LOG, size=0)
    yield found
    found.close()


def naive(found: Sequence[IndexRow], wanted: EntryFilter) -> list[int]:
    """The definition."""
    names = ("kind", "actor", "address", "action", "outcome", "decision", "session")
    return [
        each.idx
        for each in found
        if all(getattr(wanted, name) in ("", getattr(each, name)) for name in names)
        and (wanted.since is None or each.time >= wanted.since)
        and (wanted.until is None or each.time < wanted.until)
        and wanted.previous in (None, each.previous)
    ]


@settings(max_examples=30, deadline=None)
@given(rows, st.lists(filters, max_size=8), st.integers(-1, 30), st.integers(1, 10))
def test_finds_what_a_naive_search_finds(
    tmp_path_factory: pytest.TempPathFactory,
    found: list[IndexRow],
    wanted: list[EntryFilter],
    after: int,
    limit: int,
) -> None:
    """Any filter, in both directions, page by page."""
    index = EntryIndex.open(tmp_path_factory.mktemp("index") / "index.db", log=LOG, size=0)
    index.extend(found)
    for each in [EntryFilter(), *wanted]:
        right = naive(found, each)
        forward = [idx for idx in right if idx > after][:limit]
        assert index.find(each, after=after, limit=limit) == forward
        backward = [idx for idx in reversed(right) if after < 0 or idx < after][:limit]
        assert index.find(each, after=after, limit=limit, newest_first=True) == backward
    index.close()


def test_survives_a_restart_and_goes_on(tmp_path: Path) -> None:
    """What was indexed is there again; the rest is made up from the log."""
    path = tmp_path / "index.db"
    index = EntryIndex.open(path, log=LOG, size=0)
    index.extend(map(row, range(2 * BATCH + 7)))
    index.close()
    index.close()
    index = EntryIndex.open(path, log=LOG, size=5_000)
    assert index.size == 2 * BATCH + 7
    index.extend(map(row, range(index.size, 5_000)))
    assert index.find(EntryFilter(actor="ann"), after=4_995, limit=99) == [4_996, 4_997, 4_998, 4_999]
    index.close()


def test_a_token_is_found_in_every_part(tmp_path: Path) -> None:
    """Searches cross the parts of the index, in both directions and from any place."""
    index = EntryIndex.open(tmp_path / "index.db", log=LOG, size=0)
    index.extend(row(idx, "bob" if idx % 1_000 == 7 else "ann") for idx in range(40_000))
    everywhere = list(range(7, 40_000, 1_000))
    wanted = EntryFilter(actor="bob")
    assert index.find(wanted, after=-1, limit=99) == everywhere
    assert index.find(wanted, after=-1, limit=99, newest_first=True) == everywhere[::-1]
    assert index.find(wanted, after=16_384, limit=3) == [17_007, 18_007, 19_007]
    assert index.find(wanted, after=16_384, limit=3, newest_first=True) == [16_007, 15_007, 14_007]
    index.close()


def test_rows_that_do_not_follow_are_our_mistake(index: EntryIndex) -> None:
    """No gap and no repetition: a hole would hide entries from a search."""
    index.add([row(0)])
    for wrong in ([row(0)], [row(2)], [row(1), row(3)]):
        with pytest.raises(ValueError, match="do not follow"):
            index.add(wrong)
    index.add([])
    assert index.size == 1


def test_clear_begins_again(index: EntryIndex) -> None:
    """The index can be made anew from the log while it is open."""
    index.extend(map(row, range(10)))
    index.clear()
    assert index.size == 0
    assert index.find(EntryFilter(), after=-1, limit=99) == []
    index.extend(row(idx, "bob") for idx in range(3))
    assert index.find(EntryFilter(actor="bob"), after=-1, limit=99) == [0, 1, 2]


@pytest.mark.parametrize(
    "case", ["another log", "ahead of its log", "damaged", "not a database", "another version"]
)
def test_an_index_of_no_use_is_put_aside_and_begun_again(tmp_path: Path, case: str) -> None:
    """The index never keeps the service from starting."""
    path = tmp_path / "index.db"
    index = EntryIndex.open(path, log=LOG, size=0)
    index.extend(map(row, range(100)))
    index.close()
    if case == "damaged":
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 4096)
    elif case == "not a database":
        path.write_bytes(b"no database at all, just text" * 50)
    elif case == "another version":
        connection = apsw.Connection(str(path))
        connection.pragma("user_version", 99)
        connection.close()
    log = "log.example/another" if case == "another log" else LOG
    index = EntryIndex.open(path, log=log, size=50 if case == "ahead of its log" else 100)
    assert index.size == 0
    index.extend(map(row, range(10)))
    assert len(index.find(EntryFilter(actor="ann"), after=-1, limit=99)) == 10
    assert path.with_name("index.db.damaged").exists()
    index.close()


def test_a_page_damaged_later_is_named_with_its_remedy(tmp_path: Path) -> None:
    """The log's advice, to restore a copy, would be wrong here."""
    path = tmp_path / "index.db"
    index = EntryIndex.open(path, log=LOG, size=0)
    index.extend(map(row, range(5_000)))
    index.close()
    with path.open("r+b") as file:
        file.seek(20 * 4096)
        file.write(b"\xff" * (path.stat().st_size - 20 * 4096))
    index = EntryIndex.open(path, log=LOG, size=5_000)
    with pytest.raises(StorageCorruptError, match="the log is not: stop, delete it"):
        index.find(EntryFilter(), after=-1, limit=5_000)
    index.close()


def test_another_programs_database_is_not_put_aside(tmp_path: Path) -> None:
    """A wrong path is an error."""
    path = tmp_path / "index.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    with pytest.raises(StorageError, match="another program"):
        EntryIndex.open(path, log=LOG, size=0)
    assert path.exists()


@pytest.mark.parametrize(
    ("wanted", "used"),
    [
        (EntryFilter(actor="a"), "entries_by_actor"),
        (EntryFilter(address="a", since=3), "entries_by_address"),
        (EntryFilter(session="a"), "entries_by_session"),
        (EntryFilter(previous=3), "entries_by_previous"),
        (EntryFilter(since=3, until=4), "entries_by_time"),
        (EntryFilter(since=3), "INTEGER PRIMARY KEY"),
    ],
)
def test_usual_questions_are_answered_by_an_index(tmp_path: Path, wanted: EntryFilter, used: str) -> None:
    """A search for a person must not read the whole log."""
    path = tmp_path / "index.db"
    EntryIndex.open(path, log=LOG, size=0).close()
    connection = apsw.Connection(str(path))
    sql, values = _query(wanted, 5, 10, newest_first=False)
    plan = " ".join(str(each[3]) for each in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))
    assert used in plan
    assert "TEMP B-TREE" not in plan or wanted.until is not None, (
        "matches would be sorted before the first is told"
    )
    connection.close()


def test_the_projector_indexes_only_what_is_durable(index: EntryIndex) -> None:
    """An entry whose commit may still fail is not to be found."""
    durable = 0
    projector = Projector(index, durable=lambda: durable, seconds=0.01)
    for idx in range(2 * BATCH + 5):
        projector.offer(row(idx))
    projector.flush()
    assert index.size == 0
    durable = 3
    projector.flush()
    assert index.find(EntryFilter(), after=-1, limit=99) == [0, 1, 2]
    durable = 2 * BATCH + 5
    projector.close()
    projector.close()
    assert index.size == durable
    assert projector.failure is None


def test_a_failing_index_stops_itself_and_nothing_else(
    index: EntryIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk under the index is kept as its failure; offers go on without effect, and do not pile up."""
    full = threading.Event()

    def fail(rows: Sequence[IndexRow]) -> None:
        full.set()
        raise StorageFullError("no space")

    monkeypatch.setattr(index, "add", fail)
    projector = Projector(index, durable=lambda: 100, seconds=0.01)
    projector.offer(row(0))
    assert full.wait(10)
    projector.flush()
    projector.offer(row(1))
    assert isinstance(projector.failure, StorageFullError)
    assert len(projector._waiting) == 0
    projector.close()


def test_an_index_that_cannot_keep_up_is_given_up(index: EntryIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded: the next start completes the index from the log."""
    monkeypatch.setattr("stepwarden.storage.sqlite.index.MAX_WAITING", 10)
    projector = Projector(index, durable=lambda: 0, seconds=0.01)
    for idx in range(20):
        projector.offer(row(idx))
    projector.flush()
    assert projector.failure is not None
    assert "next start" in str(projector.failure)
    projector.close()
