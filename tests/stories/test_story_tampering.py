"""Somebody who owns the file changes it: both commands say so, and what it is."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwarden.ledger.note import Ed25519Signer, sign_note
from tests.stories.asking import FIREFOX, Browser
from tests.stories.running import Server, run, run_inside, words

Tamper = Callable[[sqlite3.Connection], None]
GROUPS = 300
"""Attempts asked for one after another, so that each is a row of its own; more than one full tile."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A log with a few hundred entries, left in order; nobody changes this one."""
    server = Server(tmp_path_factory.mktemp("tampering") / "data", STEPWARDEN_ADDRESSES_BUILTIN="false")
    with server, server.client(server.make_key()) as http:
        home = Browser(http, "198.51.100.7", FIREFOX, "laptop")
        for number in range(GROUPS):
            home.ask("balance.read", f"person-{number % 7}", session=f"s-{number % 5}")
        assert server.stop() == 0
    return server


@pytest.fixture
def copy(original: Server, tmp_path: Path) -> Server:
    shutil.copytree(original.data, tmp_path / "data")
    return Server(tmp_path / "data", STEPWARDEN_ADDRESSES_BUILTIN="false")


def unguarded(path: Path) -> sqlite3.Connection:
    """The log as somebody opens it who means harm: the guards are the first to go."""
    connection = sqlite3.connect(path, isolation_level=None)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]
    for name in names:
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def replaced(connection: sqlite3.Connection, first: int, old: bytes, new: bytes) -> None:
    (leaves,) = connection.execute("SELECT leaves FROM blocks WHERE first = ?", (first,)).fetchone()
    assert leaves.count(old) >= 1
    assert len(old) == len(new)
    connection.execute("UPDATE blocks SET leaves = ? WHERE first = ?", (leaves.replace(old, new), first))


def block(connection: sqlite3.Connection, like: bytes, number: int) -> int:
    """The first index of the ``number``-th block that holds these bytes."""
    rows = connection.execute("SELECT first, leaves FROM blocks ORDER BY first").fetchall()
    return [int(first) for first, leaves in rows if like in leaves][number]


def edit_a_decision(connection: sqlite3.Connection) -> None:
    """One digit of one risk."""
    first = block(connection, b'"kind":"attempt.decided"', 100)
    (leaves,) = connection.execute("SELECT leaves FROM blocks WHERE first = ?", (first,)).fetchone()
    at = leaves.index(b'"risk":') + 7
    digit = b"1" if leaves[at : at + 1] != b"1" else b"2"
    replaced(connection, first, leaves[at - 7 : at + 1], b'"risk":' + digit)


def cut_the_tail(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM blocks WHERE first > (SELECT max(first) FROM blocks) - 10")


def cut_the_tail_and_the_count(connection: sqlite3.Connection) -> None:
    cut_the_tail(connection)
    connection.execute("UPDATE head SET size = (SELECT max(first + count) FROM blocks)")


def swap_two_entries(connection: sqlite3.Connection) -> None:
    one = block(connection, b'"kind":"attempt.decided"', 50)
    other = block(connection, b'"kind":"attempt.decided"', 51)
    rows = dict(connection.execute("SELECT first, leaves FROM blocks WHERE first IN (?, ?)", (one, other)))
    connection.execute("UPDATE blocks SET leaves = ? WHERE first = ?", (rows[other], one))
    connection.execute("UPDATE blocks SET leaves = ? WHERE first = ?", (rows[one], other))


def extend_without_a_signature(connection: sqlite3.Connection) -> None:
    (first, count, leaves) = connection.execute(
        "SELECT first, count, leaves FROM blocks ORDER BY first DESC LIMIT 1"
    ).fetchone()
    connection.execute("INSERT INTO blocks VALUES (?, ?, ?)", (first + count, count, leaves))


def forge_the_head(connection: sqlite3.Connection) -> None:
    """The same claim, signed by a key that is not the log's: nobody who checks may believe it."""
    (text,) = connection.execute("SELECT checkpoint FROM head").fetchone()
    claim = text[: text.index("\n\n") + 1]
    forger = Ed25519Signer.from_seed(text.split("\n")[0], bytes(32))
    connection.execute("UPDATE head SET checkpoint = ?", (sign_note(claim, [forger]),))


CASES: list[tuple[Tamper, str, str]] = [
    (edit_a_decision, "3 the tree FAILS", "ledger.decision_differs"),
    (cut_the_tail, "2 the entries FAILS entries", "ledger.corrupt"),
    (cut_the_tail_and_the_count, "1 the head FAILS the store says", "ledger.corrupt"),
    (swap_two_entries, "3 the tree FAILS", "ledger.corrupt"),
    (
        extend_without_a_signature,
        "2 the entries FAILS there are entries after the head's last",
        "ledger.corrupt",
    ),
    (forge_the_head, "1 the head FAILS", "ledger.bad_signature"),
]


@pytest.mark.parametrize(("tamper", "verified", "replayed"), CASES, ids=[case[0].__name__ for case in CASES])
def test_tampering_is_found_and_named_by_both_commands(
    copy: Server, tamper: Tamper, verified: str, replayed: str
) -> None:
    """Exit code 1, and the step or the entry that does not hold."""
    connection = unguarded(copy.data / "log.db")
    tamper(connection)
    connection.close()
    data = ["--data", str(copy.data)]
    checked, recomputed = run_inside("ledger", "verify", *data), run_inside("ledger", "replay", *data)
    assert checked.returncode == 1
    assert verified in words(checked.stdout)
    assert recomputed.returncode == 1
    assert replayed in recomputed.stderr
    assert "Traceback" not in checked.stderr + recomputed.stderr


def test_a_tampered_log_is_not_served(copy: Server) -> None:
    """At the start its end is checked: a changed tail is refused with what to do."""
    connection = unguarded(copy.data / "log.db")
    cut_the_tail_and_the_count(connection)
    connection.close()
    copy.begin()
    assert copy.ended() == 1
    assert "ledger.corrupt" in copy.said()
    assert "restore the last copy" in words(copy.said())


def test_the_guards_stop_a_careless_tool(original: Server) -> None:
    """Without dropping them first, no entry can be changed, removed, replaced or added out of order."""
    connection = sqlite3.connect(original.data / "log.db", isolation_level=None)
    try:
        for statement in (
            "UPDATE blocks SET leaves = x'00'",
            "DELETE FROM blocks",
            "INSERT OR REPLACE INTO blocks VALUES (0, 1, x'0000')",
            "DELETE FROM head",
            "UPDATE head SET size = 1",
        ):
            with pytest.raises(sqlite3.DatabaseError, match=r"guard|constraint"):
                connection.execute(statement)
    finally:
        connection.close()


def test_a_rolled_back_log_is_found_by_a_kept_checkpoint(original: Server, tmp_path: Path) -> None:
    """Yesterday's copy verifies by itself; against a checkpoint that was kept elsewhere it does not."""
    old = Server(tmp_path / "data", STEPWARDEN_ADDRESSES_BUILTIN="false")
    shutil.copytree(original.data, old.data)
    yesterday = tmp_path / "log.db"
    shutil.copy(old.data / "log.db", yesterday)
    kept = tmp_path / "checkpoint"
    with old, old.client(old.make_key()) as http:
        Browser(http, "198.51.100.7", FIREFOX, "laptop").ask("balance.read", "person-1", session="s-1")
        kept.write_text(http.get("/v1/log/checkpoint").text, encoding="utf-8")
        assert old.stop() == 0
    command = ("ledger", "verify", "--data", str(old.data), "--checkpoint", str(kept))
    assert run(*command).returncode == 0
    for name in ("log.db-wal", "log.db-shm"):
        (old.data / name).unlink(missing_ok=True)
    shutil.copy(yesterday, old.data / "log.db")
    # Our own newest checkpoint lies outside the database; whoever can restore the one can remove the other.
    assert "counts" in run(*command[:4]).stdout
    (old.data / "published.checkpoint").unlink()
    assert run(*command[:4]).returncode == 0
    found = run(*command)
    assert found.returncode == 1
    assert "FAILS" in found.stdout
