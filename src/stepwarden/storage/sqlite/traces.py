"""Looking for bytes in a database file, as somebody who has the file would.

The file is kept open from the beginning to the end: closing it would, by the rules of POSIX, let go of every lock that
this process holds on it, SQLite's too. So ``close`` comes after the last connection's.
"""

import mmap
import os
from pathlib import Path

from stepwarden.errors import StorageError

PIECE = 16 << 20


class Traces:
    """The raw bytes of one file. Safe to use from any thread, not while it is closed."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            StorageError: it cannot be opened.
        """
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as exc:
            raise StorageError(f"{path} cannot be opened: {exc.strerror}") from exc

    def find(self, data: bytes) -> bool:
        """Whether the bytes are anywhere in the file; what is only in the write-ahead log is not."""
        size = os.fstat(self._descriptor).st_size
        if not size:
            return False
        with mmap.mmap(self._descriptor, size, prot=mmap.PROT_READ) as content:
            # A piece at a time: nobody else gets the interpreter during one.
            pieces = range(0, size, PIECE)
            return any(content.find(data, at, at + PIECE + len(data) - 1) >= 0 for at in pieces)

    def close(self) -> None:
        """Twice is no error."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
