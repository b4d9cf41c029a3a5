"""The write-ahead log is moved into the database behind the writer, and starts over."""

import threading
import time
from pathlib import Path

from stepwarden.errors import StorageError
from stepwarden.ledger.store import Submission
from stepwarden.storage.sqlite.log import SqliteLogStore
from tests.storage.conformance import group


def test_the_write_ahead_log_stops_growing(tmp_path: Path) -> None:
    """Much is written while a reader looks on: the WAL stays small, the database gets the data."""
    path = tmp_path / "log.db"
    store = SqliteLogStore.open(path, checkpoint_seconds=0.01)
    epoch = store.take_over()
    wal = path.with_name("log.db-wal")
    reading = store.leaves(0, 1 << 40)
    written = largest = size = 0
    while written < 40_000_000:
        store.commit(group(size, [Submission(bytes(60_000))] * 4, epoch))
        size, written = size + 4, written + 240_000
        if written == 240_000:
            next(reading)
        largest = max(largest, wal.stat().st_size)
        time.sleep(0.001)
    assert largest < 20_000_000
    deadline = time.monotonic() + 10
    while path.stat().st_size < written and time.monotonic() < deadline:
        time.sleep(0.01)
    assert path.stat().st_size >= written
    assert store.checkpoint_failure is None
    store.close()
    assert not wal.exists()


def test_reads_from_many_threads_go_on_during_commits(tmp_path: Path) -> None:
    """Readers see whole groups only, never an entry beyond the head or a gap."""
    store = SqliteLogStore.open(tmp_path / "log.db", checkpoint_seconds=0.01)
    epoch = store.take_over()
    wrong: list[object] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                head = store.load()
                size = head.size if head else 0
                leaves = list(store.leaves(0, 1_000_000))
                if len(leaves) < size or len(leaves) % 3 or leaves != [b"%d" % n for n in range(len(leaves))]:
                    wrong.append((size, len(leaves)))
            except StorageError as exc:
                wrong.append(exc)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for first in range(0, 300, 3):
        store.commit(group(first, [Submission(b"%d" % n) for n in range(first, first + 3)], epoch))
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    store.close()
