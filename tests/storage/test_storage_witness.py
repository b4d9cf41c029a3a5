"""A witness's memory on disk: durable, one winner, and nothing that is ever forgotten."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from stepwarden.errors import StorageError, StorageLockedError, StorageTooOldError
from stepwarden.ledger.witness import Seen, origin_hash
from stepwarden.storage.sqlite.log import SqliteLogStore
from stepwarden.storage.sqlite.witness import SqliteWitnessStore

ORIGIN = "log.example/doors"
KEY = "log.example/doors+00000000+AAAA"


def seen(size: int, mark: int = 0) -> Seen:
    return Seen(size=size, root=bytes([mark]) * 32, note=f"note over {size}\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "witness.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteWitnessStore]:
    opened = SqliteWitnessStore.open(path)
    yield opened
    opened.close()


def test_what_was_signed_is_there_after_a_restart(path: Path, store: SqliteWitnessStore) -> None:
    """The newest of each log, by its origin and by the hash of it; the file is its owner's alone."""
    assert store.latest(ORIGIN) is None
    assert store.advance(ORIGIN, None, seen(3))
    assert store.advance(ORIGIN, seen(3), seen(5))
    store.close()
    again = SqliteWitnessStore.open(path)
    try:
        assert again.latest(ORIGIN) == seen(5)
        assert again.latest_by_hash(origin_hash(ORIGIN)) == seen(5)
        assert again.latest("log.example/other") is None
    finally:
        again.close()
    assert path.stat().st_mode & 0o077 == 0


def test_only_the_one_who_saw_the_newest_goes_on(store: SqliteWitnessStore) -> None:
    """A compare-and-swap over size and root: everybody else is told no, and nothing changes."""
    assert store.advance(ORIGIN, None, seen(3))
    assert not store.advance(ORIGIN, None, seen(4))
    assert not store.advance(ORIGIN, seen(2), seen(4))
    assert not store.advance(ORIGIN, seen(3, mark=1), seen(4))
    assert store.latest(ORIGIN) == seen(3)
    assert not store.advance("log.example/other", seen(3), seen(4))
    assert store.latest("log.example/other") is None


def test_logs_are_followed_once_and_beside_a_running_witness(path: Path, store: SqliteWitnessStore) -> None:
    """Another process adds a log, and this one knows it at once."""
    other = SqliteWitnessStore.open(path)
    try:
        assert other.follow(ORIGIN, KEY)
        assert not store.follow(ORIGIN, KEY)
        assert store.keys(ORIGIN) == [KEY]
        assert store.keys("log.example/other") == []
        assert store.advance(ORIGIN, None, seen(7))
        assert other.logs() == [(ORIGIN, KEY, 7)]
        assert other.unfollow(KEY)
        assert not store.unfollow(KEY)
        assert store.keys(ORIGIN) == []
        assert store.latest(ORIGIN) == seen(7)
    finally:
        other.close()


def contents(shell: apsw.Connection) -> list[object]:
    return [shell.execute(sql).fetchall() for sql in ("SELECT * FROM seen", "SELECT * FROM followed")]


@pytest.mark.parametrize("recursive", [True, False])
@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM seen",
        "UPDATE seen SET size = 4",
        "UPDATE seen SET root = zeroblob(32)",
        "UPDATE seen SET origin = 'log.example/other'",
        "UPDATE seen SET digest = 'x'",
        "INSERT OR REPLACE INTO seen SELECT origin, digest, 0, zeroblob(32), '' FROM seen",
        "INSERT OR REPLACE INTO seen SELECT 'other', digest, 0, zeroblob(32), '' FROM seen",
        "UPDATE followed SET origin = 'log.example/other'",
        "INSERT OR REPLACE INTO followed SELECT vkey, 'log.example/other' FROM followed",
    ],
)
def test_what_was_signed_cannot_be_forgotten_by_accident(
    path: Path, store: SqliteWitnessStore, attack: str, recursive: bool
) -> None:
    """Whatever program holds the file: rows do not go, do not go back, and get no other root."""
    store.advance(ORIGIN, None, seen(5, mark=1))
    store.follow(ORIGIN, KEY)
    shell = apsw.Connection(str(path))
    shell.pragma("recursive_triggers", recursive)
    before = contents(shell)
    with pytest.raises(apsw.ConstraintError), shell:
        shell.execute(attack)
    assert contents(shell) == before
    shell.close()


RACER = """
import sys
from pathlib import Path
from stepwarden.ledger.witness import Seen
from stepwarden.storage.sqlite.witness import SqliteWitnessStore
store, mark = SqliteWitnessStore.open(Path(sys.argv[1])), int(sys.argv[2])
won = 0
while (before := store.latest("log")) is None or before.size < 60:
    size = 1 if before is None else before.size + 1
    won += store.advance("log", before, Seen(size=size, root=bytes([mark]) * 32, note=""))
print(won)
"""


def test_processes_that_race_win_each_size_once(path: Path) -> None:
    """Four processes offer their own tree for each of 60 sizes: each size has one winner."""
    SqliteWitnessStore.open(path).close()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(path), str(mark)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for mark in range(4)
    ]
    wins = []
    for racer in racers:
        out, err = racer.communicate(timeout=60)
        assert racer.returncode == 0, err
        wins.append(int(out))
    assert sum(wins) == 60


def test_after_a_failed_write_nothing_is_signed(path: Path, store: SqliteWitnessStore) -> None:
    """Whether it is on disk is unknown then: neither read nor written until it is opened anew."""
    store.advance(ORIGIN, None, seen(3))
    shell = apsw.Connection(str(path))
    shell.execute("CREATE TRIGGER broken BEFORE UPDATE ON seen BEGIN SELECT RAISE(ABORT, 'broken'); END")
    with pytest.raises(StorageError):
        store.advance(ORIGIN, seen(3), seen(5))
    shell.execute("DROP TRIGGER broken")
    shell.close()
    assert store.failed is not None
    with pytest.raises(StorageError):
        store.advance(ORIGIN, seen(3), seen(5))
    with pytest.raises(StorageError):
        store.latest(ORIGIN)
    again = SqliteWitnessStore.open(path)
    try:
        assert again.latest(ORIGIN) == seen(3)
        assert again.advance(ORIGIN, seen(3), seen(5))
    finally:
        again.close()


def test_a_file_that_somebody_holds_is_tried_again_later(
    path: Path, store: SqliteWitnessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was begun, so nothing is unknown: the next request is signed."""
    store._connection.set_busy_timeout(10)
    shell = apsw.Connection(str(path))
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageLockedError):
        store.advance(ORIGIN, None, seen(3))
    shell.execute("ROLLBACK")
    shell.close()
    assert store.failed is None
    assert store.advance(ORIGIN, None, seen(3))


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A log is no witness's memory, and a newer version's memory is not touched."""
    log = tmp_path / "log.db"
    SqliteLogStore.open(log).close()
    with pytest.raises(StorageError, match="another program"):
        SqliteWitnessStore.open(log)
    newer = tmp_path / "newer.db"
    SqliteWitnessStore.open(newer).close()
    shell = apsw.Connection(str(newer))
    shell.pragma("user_version", 99)
    shell.close()
    with pytest.raises(StorageTooOldError):
        SqliteWitnessStore.open(newer)


KILLED = """
import os, sys
from pathlib import Path
from stepwarden.ledger.witness import Seen
from stepwarden.storage.sqlite.witness import SqliteWitnessStore
store = SqliteWitnessStore.open(Path(sys.argv[1]))
assert store.advance("log", None, Seen(size=7, root=bytes(32), note="signed"))
os.kill(os.getpid(), 9)
"""


def test_killed_between_persisting_and_answering_nothing_is_forgotten(path: Path) -> None:
    """kill -9 right after the compare-and-swap: the next start knows what was about to be answered."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, env=dict(os.environ))
    assert done.returncode == -9
    store = SqliteWitnessStore.open(path)
    try:
        assert store.latest("log") == Seen(size=7, root=bytes(32), note="signed")
        assert not store.advance("log", None, seen(3))
    finally:
        store.close()
