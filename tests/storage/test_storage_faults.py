"""Each thing that goes wrong with the disk gives its own error, which says what to do; the log stays
whole."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from stepwarden.errors import StorageCorruptError, StorageError
from stepwarden.ledger.store import Submission
from stepwarden.storage.sqlite.log import SqliteLogReader, SqliteLogStore
from tests.storage.conformance import group

NOBODY = 65_534
FILL = """
import pathlib, resource, sys
from stepwarden.errors import StorageError
from stepwarden.ledger.store import Group, Head, Submission
from stepwarden.storage.sqlite.log import SqliteLogStore

store = SqliteLogStore.open(pathlib.Path(sys.argv[1]), checkpoint_seconds=60)
if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
epoch, size = store.take_over(), 0
while True:
    head = Head(size=size + 1, root=bytes(32), checkpoint="c", epoch=epoch)
    try:
        store.commit(Group(first=size, submissions=[Submission(bytes(20_000))], tiles=[], head=head))
    except StorageError as exc:
        print(size, exc.code, exc, flush=True)
        break
    size += 1
try:
    store.commit(Group(first=size, submissions=[Submission(b"")], tiles=[], head=head))
except StorageError as exc:
    print(size, exc.code, exc, flush=True)
"""


def fill(path: Path, how: str, *wrapper: str) -> tuple[int, list[str]]:
    """Commit in another process until it fails; the number that it had acknowledged, and what it said."""
    command = [*wrapper, sys.executable, "-c", FILL, str(path), how]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    lines = ended.stdout.splitlines()
    return int(lines[0].split()[0]), lines


def test_a_file_size_limit_is_a_full_disk(tmp_path: Path) -> None:
    """A quota or limit gives a full disk's error; nothing acknowledged is lost, nothing is tried again."""
    size, lines = fill(tmp_path / "log.db", "limit")
    assert size > 5
    assert len(lines) == 2
    assert all(" storage.full no space left for " in line and "make room" in line for line in lines)
    reader = SqliteLogStore.open(tmp_path / "log.db")
    head = reader.load()
    assert head is not None
    assert head.size == len(list(reader.leaves(0, 1_000))) >= size
    reader.close()


def can_mount() -> bool:
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small tmpfs")
def test_a_full_disk_says_so(tmp_path: Path) -> None:
    """ENOSPC from a real, very small file system. The copy made while it was full is whole."""
    small, copy = tmp_path / "small", tmp_path / "copy"
    small.mkdir()
    copy.mkdir()
    script = f'mount -t tmpfs -o size=1m none "{small}" && "$@" && cp "{small}"/* "{copy}"/'
    size, lines = fill(small / "log.db", "disk", "unshare", "-m", "sh", "-ec", script, "sh")
    assert size > 5
    assert all(" storage.full no space left for " in line for line in lines)
    reader = SqliteLogReader(copy / "log.db")
    assert len(list(reader.leaves(0, 1_000))) >= size
    reader.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A closed log with blocks that fill many pages."""
    path = tmp_path / "log.db"
    store = SqliteLogStore.open(path)
    epoch = store.take_over()
    for first in range(0, 200, 20):
        leaves = [Submission(b"leaf %d " % n + bytes(1_000)) for n in range(first, first + 20)]
        store.commit(group(first, leaves, epoch))
    store.close()
    return path


def damage(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_corrupted_page_is_named(log: Path) -> None:
    """Garbage over the pages of the entries: reading them says that the page is damaged and what to do."""
    size = log.stat().st_size
    for at in range(size // 2 // 4096 * 4096, size, 4096):
        damage(log, at, os.urandom(4096))
    store = SqliteLogStore.open(log)
    with pytest.raises(StorageCorruptError, match=r"(damaged page|does not hold|lacks entries).*restore"):
        list(store.leaves(0, 200))
    store.close()


def test_a_block_that_lost_its_shape_is_named(log: Path) -> None:
    """Lengths that do not add up are found, even where SQLite sees nothing wrong."""
    data = log.read_bytes()
    damage(log, data.index(b"leaf 40 ") - 2, b"\x00\x01")
    reader = SqliteLogReader(log)
    assert len(list(reader.leaves(0, 40))) == 40
    with pytest.raises(StorageCorruptError, match="does not hold 20 entries"):
        list(reader.leaves(40, 60))
    reader.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: damage(path, 0, b"x" * 4096),
        lambda path: path.write_bytes(b"this is a text file, and a longer one than SQLite's header\n" * 20),
    ],
    ids=["first page", "text"],
)
def test_what_is_not_a_database_is_named(log: Path, spoil: Callable[[Path], None]) -> None:
    """A file of another kind is refused, not overwritten."""
    spoil(log)
    before = log.read_bytes()
    with pytest.raises(StorageCorruptError, match="is not an SQLite database"):
        SqliteLogStore.open(log)
    with pytest.raises(StorageCorruptError, match="is not an SQLite database"):
        SqliteLogReader(log)
    assert log.read_bytes() == before


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """The message names the directory to make."""
    with pytest.raises(StorageError, match=r"check that .*nowhere is a directory"):
        SqliteLogStore.open(tmp_path / "nowhere" / "log.db")
    with pytest.raises(StorageError, match=r"cannot be opened.*: check that its directory exists"):
        SqliteLogReader(tmp_path / "nowhere" / "log.db")


def test_a_directory_in_place_of_the_log_is_named(tmp_path: Path) -> None:
    """Also what is there, but no file."""
    (tmp_path / "log.db").mkdir()
    with pytest.raises(StorageError, match="cannot be opened for writing"):
        SqliteLogStore.open(tmp_path / "log.db")


def as_nobody(path: Path, call: str) -> str:
    """What another user, without rights, is told."""
    code = (
        f"import os, pathlib, sys\nfrom stepwarden.storage.sqlite import log\n"
        f"path = pathlib.Path({str(path)!r})\n"
        f"if os.getuid() == 0: os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"log.{call}(path)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return ended.stderr.strip().splitlines()[-1]


@pytest.fixture
def foreign(log: Path) -> Path:
    """The log where everybody may go, but it belongs to somebody else (or to nobody who may write)."""
    folder = log.parent
    for place in (folder, *folder.parents):
        if "pytest" in str(place):
            place.chmod(place.stat().st_mode | 0o055)
    return log


def test_an_unreadable_file_is_named(foreign: Path) -> None:
    """Another user's log: the message speaks of rights."""
    foreign.chmod(0o000)
    foreign.with_name("log.db.lock").chmod(0o666)
    assert "check that" in as_nobody(foreign, "SqliteLogStore.open")
    assert "may read" in as_nobody(foreign, "SqliteLogStore.open")
    assert "cannot be opened" in as_nobody(foreign, "SqliteLogReader")


def test_a_read_only_directory_is_named(foreign: Path) -> None:
    """A file that may be written, in a directory that may not: SQLite could not keep its write-ahead log."""
    foreign.chmod(0o666)
    foreign.with_name("log.db.lock").chmod(0o666)
    foreign.parent.chmod(0o555)
    try:
        told = as_nobody(foreign, "SqliteLogStore.open")
    finally:
        foreign.parent.chmod(0o755)
    assert "StorageError" in told
    assert "director" in told
    assert str(foreign) in told


def test_a_directory_without_write_permission_is_named(foreign: Path) -> None:
    """Nothing is there yet, and nothing can be made."""
    told = as_nobody(foreign.with_name("other.db"), "SqliteLogStore.open")
    assert "cannot be made" in told
    assert "may write there" in told


def test_a_block_that_somebody_removed_is_missed(log: Path) -> None:
    """Who owns the file can drop the guards; a reader says where entries are lacking instead of going on."""
    shell = apsw.Connection(str(log))
    shell.execute("DROP TRIGGER blocks_stay; DELETE FROM blocks WHERE first = 100")
    shell.close()
    reader = SqliteLogReader(log)
    assert len(list(reader.leaves(20, 100))) == 80
    for first, stop in ((0, 200), (90, 130), (100, 121), (110, 200)):
        with pytest.raises(StorageCorruptError, match="lacks entries before 120"):
            list(reader.leaves(first, stop))
    reader.close()
