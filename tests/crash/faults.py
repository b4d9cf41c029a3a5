"""One operation of a scene fails, or the process is killed before it: SQLite's files and all others alike.

Operations are counted in the order in which they happen: writes, syncs, truncations and deletions under SQLite
(``disk``), and the calls of ``os`` that change files or promise that they are durable.
"""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import apsw

from tests.crash.disk import installed

CALLS = ("open", "fsync", "ftruncate", "pwrite", "link", "replace", "unlink", "mkdir", "rmdir")


class Faults:
    """Counts operations; ``before`` and ``after`` each are told their number and may raise."""

    def __init__(self) -> None:
        self.count = 0
        self.names: list[str] = []
        self.before: Callable[[int], bool] = lambda number: False
        self.after: Callable[[int], bool] = lambda number: False
        self.lock = threading.RLock()

    def begin(self, name: str) -> int:
        with self.lock:
            self.count += 1
            self.names.append(name)
            return self.count


@contextmanager
def counted() -> Iterator[Faults]:
    """Everything inside goes through the counter."""
    faults = Faults()

    def wrapped(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*arguments: Any, **named: Any) -> Any:
            # One at a time, so that a photograph of the folder is of one moment.
            with faults.lock:
                number = faults.begin(name)
                if faults.before(number):
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                result = real(*arguments, **named)
                if faults.after(number):
                    if name == "open":
                        os.close(result)
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                return result

        return call

    with installed() as disk, _patched(wrapped):
        number = 0

        def before(operation: str, name: str) -> None:
            nonlocal number
            faults.lock.acquire()
            try:
                number = faults.begin(f"sqlite {operation} {name}")
                if faults.before(number):
                    raise apsw.IOError("the disk of this test fails")
            except BaseException:
                faults.lock.release()
                raise

        def after(operation: str, name: str) -> None:
            try:
                if faults.after(number):
                    raise apsw.IOError("the disk of this test fails, and did it")
            finally:
                faults.lock.release()

        disk.before, disk.after = before, after
        yield faults


@contextmanager
def _patched(wrapped: Callable[[str], Callable[..., Any]]) -> Iterator[None]:
    """``os`` as it is, but for the counted calls."""
    with ExitStack() as stack:
        for name in CALLS:
            stack.enter_context(mock.patch.object(os, name, wrapped(name)))
        yield


def photograph(folder: Path, copy: Path) -> None:
    """What a killed process leaves: everything written, synced or not. SQLite makes the shared memory again."""
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*-shm"))
