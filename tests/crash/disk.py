"""A disk that fails, and one whose power goes: an SQLite VFS over the real one.

While installed it is SQLite's default, so the store under test knows nothing of it. It keeps, for each file, what
was last synced; a power cut leaves any mixture, by sectors, of that and of what was written since.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

SECTOR = 512
Image = dict[str, bytes]


class Disk:
    """What the operations of all files go through."""

    def __init__(self) -> None:
        self.synced: Image = {}
        self.before: Callable[[str, str], None] = lambda operation, name: None
        """Called before each operation (write, sync, truncate, delete) on a file; may raise."""
        self.after: Callable[[str, str], None] = lambda operation, name: None
        """Called when it is done; may raise: it failed, and yet it happened."""

    def run(self, operation: str, path: str, action: Callable[[], None]) -> None:
        name = Path(path).name
        self.before(operation, name)
        action()
        if operation == "sync":
            self.synced[path] = Path(path).read_bytes()
        elif operation == "delete":
            self.synced.pop(path, None)
        self.after(operation, name)

    def cut(self, chance: random.Random) -> Image:
        """What is on the disk if the power goes now: every sector written since the last sync may be lost."""
        return {Path(path).name: _torn(data, Path(path), chance) for path, data in self.synced.items()}


def _torn(synced: bytes, path: Path, chance: random.Random) -> bytes:
    written = path.read_bytes() if path.exists() else b""
    size = len(chance.choice([synced, written]))
    share = chance.choice([0.0, 0.1, 0.5, 0.9, 1.0])
    image = bytearray(synced[:size].ljust(size, b"\0"))
    for at in range(0, size, SECTOR):
        if chance.random() < share:
            image[at : at + SECTOR] = written[at : at + SECTOR].ljust(min(SECTOR, size - at), b"\0")
    return bytes(image)


@contextmanager
def installed() -> Iterator[Disk]:
    """Put the disk under every SQLite file that is opened inside the ``with``."""
    disk = Disk()

    class File(apsw.VFSFile):
        def __init__(self, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
            super().__init__("unix", name, flags)
            self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

        def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 SQLite's name
            disk.run("write", self._name, lambda: super(File, self).xWrite(data, offset))

        def xSync(self, flags: int) -> None:  # noqa: N802
            disk.run("sync", self._name, lambda: super(File, self).xSync(flags))

        def xTruncate(self, newsize: int) -> None:  # noqa: N802
            disk.run("truncate", self._name, lambda: super(File, self).xTruncate(newsize))

    class System(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("faulty", "unix", makedefault=True)

        def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
            return File(name, flags)

        def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
            disk.run("delete", filename, lambda: super(System, self).xDelete(filename, syncdir))

    system = System()
    try:
        yield disk
    finally:
        system.unregister()
