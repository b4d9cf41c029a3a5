"""Moves the write-ahead log (WAL) into the database file, about once a second, on a connection of its own.

A commit only appends to the WAL. If nobody moves it, it grows for ever; if the committing connection moves
it, somebody waits for that. Each round copies without stopping the writer until little is left, then copies
the rest while the writer is held off (``pause``), so that the next commit starts the WAL file at its
beginning again.

A checkpoint on a connection that has never read is a silent no-op, so the connection reads first.

After an erasure the WAL is emptied: all of it is moved, and the file is cut to nothing (``empty``).

A round that fails is remembered (``failure``) and tried again: the data is in the WAL, nothing is lost.
This is *not* what makes commits durable; that is the sync of the WAL inside each commit.
"""

import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import apsw

from stepwarden.errors import StorageError, StorageLockedError
from stepwarden.storage.sqlite.connection import connect
from stepwarden.storage.sqlite.faults import explain, explained

FEW_FRAMES = 256
"""Pages that may be copied while the writer waits: about a megabyte."""

PASSES = 4

TRY_MS = 100
"""How long emptying waits for readers at a time, with the writer held off."""

PATIENCE = 10.0
"""Seconds until emptying gives up."""


class Checkpointer:
    """A thread that runs from construction until ``close``."""

    def __init__(self, path: Path, pause: AbstractContextManager[object], *, seconds: float = 1.0) -> None:
        """``pause``: the lock that the writer holds during a commit."""
        self.failure: StorageError | None = None
        self._path = path
        self._pause = pause
        self._seconds = seconds
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._connection = connect(path, write=True)
        self._connection.set_busy_timeout(TRY_MS)
        self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        self._thread = threading.Thread(target=self._run, name=f"checkpoint {path.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the running round. Twice is no error."""
        self._stop.set()
        self._thread.join()
        self._connection.close()

    def attempt(self) -> None:
        """Move what is there now; ``failure`` says how it went."""
        try:
            with self._turn:
                self._round()
        except apsw.Error as exc:
            self.failure = explain(exc, self._path, self._connection)
        else:
            self.failure = None

    def empty(self) -> None:
        """Move everything and cut the write-ahead log to nothing, so that no old page is left in it.

        Raises:
            StorageLockedError: somebody has been reading for too long.
            StorageError: see ``faults``.
        """
        wal = self._path.with_name(self._path.name + "-wal")
        deadline = time.monotonic() + PATIENCE
        while True:
            with self._turn, self._pause, explained(self._path, self._connection):
                try:
                    self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                except apsw.BusyError:
                    emptied = False
                else:
                    emptied = wal.stat().st_size == 0
            if emptied:
                return
            if time.monotonic() > deadline:
                raise StorageLockedError(
                    f"{wal} cannot be emptied, because a program has been reading {self._path} for {PATIENCE:.0f} "
                    "seconds: end it and try again; what was erased is gone from the database already"
                )
            time.sleep(0.01)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self.attempt()

    def _round(self) -> None:
        before = 0
        for _ in range(PASSES):
            logged, copied = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            # A pass with little to copy was short, so little was written during it.
            if logged - before <= FEW_FRAMES:
                break
            before = copied
        with self._pause:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
