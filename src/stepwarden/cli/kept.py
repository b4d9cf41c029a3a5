"""What a log still holds, for commands that read it from its floor on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from stepwarden.app.paths import Paths
from stepwarden.app.stores import LogReader
from stepwarden.cli.options import open_log
from stepwarden.flow.snapshots import read_floor
from stepwarden.flow.state import LogState


class Kept(NamedTuple):
    """``size`` is how long the log is by its newest checkpoint; entries before ``floor`` were pruned."""

    reader: LogReader
    snapshots: Path
    floor: int
    size: int

    def leaves(self) -> Iterator[bytes]:
        """The leaves from the floor on, each time anew."""
        return self.reader.leaves(self.floor, self.size)

    def start(self) -> LogState | None:
        """The state at the floor, each time anew; None where nothing was pruned.

        Raises:
            StorageError: it cannot be read.
        """
        return read_floor(self.snapshots, self.floor)[0] if self.floor else None


@contextmanager
def kept_log(data: Path) -> Iterator[Kept]:
    """The log of a data directory, read-only and open until the end.

    Raises:
        NotFoundError: there is none.
    """
    reader = open_log(data)
    try:
        head = reader.load()
        yield Kept(reader, Paths(data).snapshots, reader.floor(), head.size if head is not None else 0)
    finally:
        reader.close()
