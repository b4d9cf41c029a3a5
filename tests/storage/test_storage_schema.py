"""A log that an older version wrote is brought to this version's schema in place, and loses nothing."""

import shutil
from pathlib import Path

import apsw
import pytest

from stepwarden.ledger.store import SideWrite
from stepwarden.storage.sqlite.connection import connect
from stepwarden.storage.sqlite.log import SqliteLogReader, SqliteLogStore, _values
from stepwarden.storage.sqlite.schema import prepare
from stepwarden.storage.sqlite.statements import statement
from tests.storage.conformance import entries, group

OLD_SQL = Path(__file__).with_name("log_schema_1.sql").read_text()
"""As schema 1 was released."""


def old_log(path: Path, count: int = 600) -> Path:
    """A log as schema 1's code wrote it: the same statements, on a connection set up as then."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "WAL")
    connection.wal_autocheckpoint(0)
    with connection:
        connection.execute(OLD_SQL)
        connection.pragma("application_id", 0x5354574C)
        connection.pragma("user_version", 1)
    epoch = connection.execute(statement("take_over")).get
    wanted = entries(0, count)
    wanted[1] = wanted[1]._replace(
        side=(SideWrite("keys", b"k", b"v"), SideWrite("keys", b"gone", b"secret-1"))
    )
    wanted[60] = wanted[60]._replace(side=(SideWrite("keys", b"gone", None),))
    for first in range(0, count, 50):
        tiles = [(0, first // 250, bytes(8192))] if first % 250 == 0 else []
        connection.execute(
            statement("commit"), _values(group(first, wanted[first : first + 50], epoch, tiles))
        )
    connection.close()
    return path


def schema(path: Path) -> tuple[object, ...]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found = connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()
    columns = connection.execute("SELECT * FROM pragma_table_xinfo('head')").fetchall()
    pragmas = [connection.pragma(name) for name in ("user_version", "application_id", "auto_vacuum")]
    connection.close()
    triggers = [row for row in found if row[1] != "head"]
    return triggers, columns, pragmas


def test_an_old_log_is_migrated_in_place_and_goes_on(tmp_path: Path) -> None:
    """Head, entries, openings, tiles and side rows are as they were; schema and guards are those of a new file."""
    path = old_log(tmp_path / "log.db")
    reader = SqliteLogReader(path)
    assert reader.floor() == 0
    before = (reader.load(), list(reader.leaves(0, 999)), list(reader.openings(0, 999)))
    assert before[1] == [each.leaf for each in entries(0, 600)]
    reader.close()
    store = SqliteLogStore.open(path)
    assert (store.load(), list(store.leaves(0, 999)), list(store.openings(0, 999))) == before
    assert [store.tile(0, n) for n in range(4)] == [bytes(8192)] * 3 + [None]
    assert list(store.side_items("keys")) == [(b"k", b"v")]
    assert store.prune(256) > 0
    store.commit(group(600, entries(600, 601), store.take_over()))
    store.close()
    SqliteLogStore.open(tmp_path / "new.db").close()
    assert schema(path) == schema(tmp_path / "new.db")


def test_an_old_log_leaves_no_traces(tmp_path: Path) -> None:
    """Schema 1 did not overwrite what it deleted: the migration does."""
    path = old_log(tmp_path / "log.db")
    assert b"secret-1" in path.read_bytes()
    SqliteLogStore.open(path).close()
    assert b"secret-1" not in path.read_bytes()


def test_a_migration_that_was_cut_off_is_done_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the commit there is the old schema, after it the new; a crash in between is neither."""
    path = old_log(tmp_path / "log.db")

    def fails(connection: apsw.Connection, path: Path) -> None:
        prepare(_Failing(connection), path)  # type: ignore[arg-type]

    monkeypatch.setattr("stepwarden.storage.sqlite.log.prepare", fails)
    with pytest.raises(KeyboardInterrupt):
        SqliteLogStore.open(path)
    monkeypatch.undo()
    reader = SqliteLogReader(path)
    assert reader._schema == 1
    reader.close()
    store = SqliteLogStore.open(path)
    assert len(list(store.leaves(0, 999))) == 600
    store.close()


class _Failing:
    """A connection that is interrupted just before the new schema's number is written."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def __enter__(self) -> object:
        return self._connection.__enter__()

    def __exit__(self, *error: object) -> object:
        return self._connection.__exit__(*error)  # type: ignore[arg-type]

    def pragma(self, name: str, *value: object) -> object:
        if name == "user_version" and value:
            raise KeyboardInterrupt
        return self._connection.pragma(name, *value)


def test_too_little_space_to_rewrite_an_old_log_does_not_keep_it_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works with the new schema, prunes, and is written anew at a later start."""
    path = old_log(tmp_path / "log.db")

    def on_a_full_disk(path: Path, *, write: bool) -> apsw.Connection:
        connection = connect(path, write=write)

        def tracer(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
            if sql == "VACUUM":
                raise apsw.FullError("the disk of this test is full")
            return True

        connection.exec_trace = tracer
        return connection

    monkeypatch.setattr("stepwarden.storage.sqlite.log.connect", on_a_full_disk)
    store = SqliteLogStore.open(path)
    assert store.prune(256) == 0
    assert store.floor() == 256
    store.commit(group(600, entries(600, 601), store.take_over()))
    store.close()
    monkeypatch.undo()
    size = path.stat().st_size
    SqliteLogStore.open(path).close()
    assert path.stat().st_size < size


def test_a_copy_of_an_old_log_can_be_read_where_nobody_may_write(tmp_path: Path) -> None:
    """An auditor's copy of schema 1 is read as it is."""
    path = old_log(tmp_path / "log.db")
    copy = Path(shutil.copy(path, tmp_path / "copy.db"))
    before = copy.read_bytes()
    reader = SqliteLogReader(copy)
    assert len(list(reader.leaves(0, 999))) == 600
    reader.close()
    assert copy.read_bytes() == before
