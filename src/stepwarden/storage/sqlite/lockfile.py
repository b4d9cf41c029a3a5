"""One writer: a file beside the log that its writer holds locked (flock) and writes its process id into.

The lock goes with the process, however it ends; the file stays, and its contents mean nothing while nobody
holds it. It is *not* a protection against another machine on a network file system: the epoch in the head
is.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

from stepwarden.errors import StorageError, StorageLockedError


class LockFile:
    """The lock, held from ``take`` until ``release``."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, what: Path) -> Self:
        """Lock ``path``, the lock file of ``what``, or say who holds it.

        Raises:
            StorageLockedError: another process, or another part of this one, holds it.
            StorageError: the file cannot be made.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise StorageError(
                f"{path} cannot be made ({exc.strerror}): check that {path.parent} is a directory and "
                "that this user may write there"
            ) from exc
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as exc:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise StorageLockedError(
                f"{what} is in use by {holder}: one log has one writer; end that process, or give this one "
                "another directory"
            ) from exc
        except OSError as exc:
            os.close(descriptor)
            raise StorageError(f"{path} cannot be locked: {exc.strerror}") from exc
        return cls(descriptor)

    def release(self) -> None:
        """Let go. Twice is no error."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _holder(descriptor: int) -> str:
    """Who says that they hold the file; the file is other people's text."""
    pid = os.pread(descriptor, 16, 0).strip()
    return f"process {int(pid)}" if pid.isascii() and pid.isdigit() else "another process"
