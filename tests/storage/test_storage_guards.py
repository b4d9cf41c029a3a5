"""What the triggers and the lock refuse, whichever program holds the file."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from stepwarden.errors import FencedError, StorageError, StorageLockedError, StorageTooOldError
from stepwarden.ledger.store import Submission
from stepwarden.storage.sqlite.connection import require_sound_library
from stepwarden.storage.sqlite.log import SqliteLogReader, SqliteLogStore
from tests.storage.conformance import entries, group


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A closed log of five entries in two blocks, with a tile."""
    path = tmp_path / "log.db"
    store = SqliteLogStore.open(path)
    epoch = store.take_over()
    store.commit(group(0, entries(0, 3), epoch))
    store.commit(group(3, entries(3, 5), epoch, [(0, 0, bytes(8192))]))
    store.close()
    return path


@pytest.fixture(params=[True, False], ids=["recursive", "plain"])
def shell(log: Path, request: pytest.FixtureRequest) -> Iterator[apsw.Connection]:
    """Another program on the same file, with and without the pragma that shows REPLACE to DELETE triggers."""
    connection = apsw.Connection(str(log))
    connection.pragma("recursive_triggers", request.param)
    yield connection
    connection.close()


def contents(connection: apsw.Connection) -> list[object]:
    tables = ("blocks", "tiles", "head", "openings", "side")
    return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]  # noqa: S608


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE blocks SET leaves = x'00' WHERE first = 0",
        "UPDATE blocks SET first = 7 WHERE first = 3",
        "DELETE FROM blocks WHERE first = 3",
        "DELETE FROM blocks",
        "INSERT OR REPLACE INTO blocks VALUES (0, 3, x'00')",
        "INSERT OR REPLACE INTO blocks VALUES (3, 2, x'00')",
        "REPLACE INTO blocks VALUES (3, 9, x'00')",
        "INSERT INTO blocks VALUES (4, 1, x'0000')",
        "INSERT INTO blocks VALUES (6, 1, x'0000')",
        "INSERT INTO blocks VALUES (NULL, 1, x'0000')",
        "INSERT INTO blocks VALUES (5, 1, x'0000'); INSERT OR REPLACE INTO blocks VALUES (5, 1, x'000161')",
        "INSERT INTO blocks VALUES (5, 1, x'0000'); INSERT INTO blocks VALUES (6, 1, x'0000')",
        "UPDATE tiles SET hashes = zeroblob(8192)",
        "DELETE FROM tiles",
        "INSERT OR REPLACE INTO tiles VALUES (0, 0, zeroblob(8192))",
        "INSERT INTO tiles VALUES (0, 2, zeroblob(8192))",
        "INSERT INTO tiles VALUES (0, 1, zeroblob(8191))",
        "DELETE FROM openings",
        "UPDATE openings SET first = 9",
        "INSERT OR REPLACE INTO openings VALUES (3, 2, x'00')",
        "INSERT OR REPLACE INTO head VALUES (1, 0, 0, x'', '', 0)",
        "INSERT INTO head VALUES (2, 0, 0, x'', '', 0)",
        "UPDATE head SET floor = 256",
        "UPDATE head SET floor = 1",
        "UPDATE head SET floor = -256",
        "DELETE FROM head",
        "UPDATE head SET size = 4",
        "UPDATE head SET size = 6",
        "UPDATE head SET epoch = epoch - 1",
    ],
)
def test_history_cannot_be_rewritten_by_accident(shell: apsw.Connection, attack: str) -> None:
    """UPDATE, DELETE, REPLACE, gaps and a head that goes back are refused, and leave everything as it was."""
    before = contents(shell)
    with pytest.raises(apsw.ConstraintError), shell:
        shell.execute(attack)
    assert contents(shell) == before


@pytest.fixture
def pruned(tmp_path: Path) -> Iterator[apsw.Connection]:
    """Another program on a log of 1,030 entries in blocks of 103, whose floor is 512, and nothing deleted yet."""
    path = tmp_path / "pruned.db"
    store = SqliteLogStore.open(path)
    epoch = store.take_over()
    for first in range(0, 1_030, 103):
        store.commit(group(first, entries(first, first + 103), epoch))
    store.close()
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE head SET floor = 512")
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM blocks",
        "DELETE FROM openings",
        "DELETE FROM blocks WHERE first = 412",  # it reaches over the floor
        "DELETE FROM blocks WHERE first >= 412",
        "DELETE FROM openings WHERE first = 412",
        "INSERT OR REPLACE INTO blocks VALUES (0, 103, x'00')",
        "UPDATE blocks SET leaves = x'00' WHERE first = 0",
        "DELETE FROM blocks WHERE first = 0; INSERT INTO blocks VALUES (0, 1, x'0000')",
        "UPDATE head SET floor = 256",
        "UPDATE head SET floor = 0",
        "UPDATE head SET floor = 513",
        "UPDATE head SET floor = 1024",
        "UPDATE head SET floor = NULL",
    ],
)
def test_pruning_is_no_way_around_the_guards(pruned: apsw.Connection, attack: str) -> None:
    """With a floor, exactly the blocks wholly before it may go, and the floor may only rise to the last full tile."""
    before = contents(pruned)
    with pytest.raises(apsw.ConstraintError), pruned:
        pruned.execute(attack)
    assert contents(pruned) == before
    pruned.execute("DELETE FROM openings WHERE first < 412; DELETE FROM blocks WHERE first < 412")
    pruned.execute("UPDATE head SET floor = 768")


def test_openings_may_be_rewritten(log: Path, shell: apsw.Connection) -> None:
    """Erasure replaces what is sealed and leaves the entries alone."""
    leaves = [each.leaf for each in entries(0, 5)]
    with shell:
        shell.execute("UPDATE openings SET sealed = x'000000000000000000000000' WHERE first = 0")
    reader = SqliteLogReader(log)
    assert list(reader.openings(0, 5)) == [b"", b"", b"", b"", entries(4, 5)[0].opening]
    assert list(reader.leaves(0, 5)) == leaves
    reader.close()


def test_a_second_writer_is_told_who_holds_the_log(log: Path) -> None:
    """In this process and in another, the message names the process; afterwards the log is free."""
    store = SqliteLogStore.open(log)
    with pytest.raises(StorageLockedError, match=f"in use by process {os.getpid()}: .*end that process"):
        SqliteLogStore.open(log)
    code = "import sys, pathlib, stepwarden.storage.sqlite.log as l; "
    code += "l.SqliteLogStore.open(pathlib.Path(sys.argv[1]))"
    ended = subprocess.run(
        [sys.executable, "-c", code, str(log)], capture_output=True, text=True, check=False
    )
    assert f"StorageLockedError: {log} is in use by process {os.getpid()}" in ended.stderr
    store.close()
    SqliteLogStore.open(log).close()


def test_a_lock_file_that_a_dead_process_left_is_no_lock(log: Path) -> None:
    """Only a living holder counts, not what the file says."""
    log.with_name("log.db.lock").write_text("1\n")
    SqliteLogStore.open(log).close()


def test_a_log_in_use_by_an_sqlite_shell_is_reported(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program that holds a write transaction gives a message, and the store stops."""
    monkeypatch.setattr("stepwarden.storage.sqlite.connection.BUSY_MS", 20)
    store = SqliteLogStore.open(log)
    epoch = store.take_over()
    shell = apsw.Connection(str(log))
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageLockedError, match="held by another program"):
        store.commit(group(5, entries(5, 6), epoch))
    shell.execute("ROLLBACK")
    shell.close()
    with pytest.raises(StorageLockedError):
        store.commit(group(5, entries(5, 6), epoch))
    assert len(list(store.leaves(0, 10))) == 5
    store.close()


def test_a_writer_on_another_machine_is_fenced(log: Path) -> None:
    """Where file locks do not reach, the epoch does: the former writer's next commit fails."""
    store = SqliteLogStore.open(log)
    epoch = store.take_over()
    elsewhere = apsw.Connection(str(log))
    elsewhere.execute("UPDATE head SET epoch = epoch + 1")
    elsewhere.close()
    with pytest.raises(FencedError, match="taken over"):
        store.commit(group(5, [Submission(b"late")], epoch))
    assert len(list(store.leaves(0, 10))) == 5
    store.close()


def test_an_auditor_reads_beside_the_writer_and_cannot_write(log: Path) -> None:
    """A reader takes no lock, and sees the commits of the writer as they come."""
    store = SqliteLogStore.open(log)
    reader = SqliteLogReader(log)
    store.commit(group(5, entries(5, 7), store.take_over()))
    assert list(reader.leaves(0, 10)) == [each.leaf for each in entries(0, 7)]
    with reader._pool.use() as connection, pytest.raises(apsw.ReadOnlyError):
        connection.execute("UPDATE head SET epoch = 9")
    reader.close()
    with pytest.raises(StorageError, match="closed"):
        reader.load()
    store.close()


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.7.0", "2.8.17"])
def test_an_sqlite_library_that_damages_logs_is_refused(version: str) -> None:
    """Up to 3.51.2 a checkpoint beside a writer may corrupt the file."""
    with pytest.raises(StorageTooOldError, match="install apsw"):
        require_sound_library(version)


@pytest.mark.parametrize("version", ["3.51.3", "3.54.1", "3.100.0", "4.0.0"])
def test_a_sound_sqlite_library_is_accepted(version: str) -> None:
    """Versions compare as numbers, not as text."""
    require_sound_library(version)


def test_a_log_of_a_newer_version_is_refused(log: Path) -> None:
    """Its schema may mean something else."""
    connection = apsw.Connection(str(log))
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(StorageTooOldError, match="schema 99"):
        SqliteLogStore.open(log)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """A wrong path never makes us write into somebody's file."""
    path = tmp_path / "theirs.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES (1)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="another program"):
        SqliteLogStore.open(path)
    assert path.read_bytes() == before


def test_the_files_are_the_owners_alone(log: Path) -> None:
    """The database holds secrets: nobody else may read it, its write-ahead log or its lock."""
    store = SqliteLogStore.open(log)
    store.commit(group(5, entries(5, 6), store.take_over()))
    assert {path.name: path.stat().st_mode & 0o777 for path in log.parent.iterdir()} == dict.fromkeys(
        ("log.db", "log.db-wal", "log.db-shm", "log.db.lock"), 0o600
    )
    store.close()
