"""An in-memory LogStore: the contract of ``stepwarden.ledger.store`` without durability.

Several stores may share one ``Disk``: that is how a test restarts a log, or lets two writers fight for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stepwarden.errors import FencedError, PrunedError, StepwardenError
from stepwarden.ledger.store import Group, Head, check_floor


@dataclass(slots=True)
class Disk:
    """What survives a restart. Tests reach in here to play the attacker."""

    entries: list[bytes] = field(default_factory=list)
    sealed: list[bytes] = field(default_factory=list)
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    rows: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    head: Head | None = None
    epoch: int = 0
    floor: int = 0


class MemoryStore:
    """A LogStore over a ``Disk``. ``fail_next`` is raised by the next commit, before or after it has taken
    hold."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()
        self.commits: list[int] = []
        self.fail_next: StepwardenError | None = None
        self.fail_after_write = False

    def load(self) -> Head | None:
        return self.disk.head

    def take_over(self) -> int:
        self.disk.epoch += 1
        return self.disk.epoch

    def commit(self, group: Group) -> None:
        error, self.fail_next = self.fail_next, None
        if error is not None and not self.fail_after_write:
            raise error
        disk = self.disk
        size = disk.head.size if disk.head else 0
        if group.first != size or group.head.epoch != disk.epoch:
            raise FencedError("another writer has this log")
        if group.head.size != size + len(group.submissions):
            raise ValueError("the head does not count this group's entries")
        for submission in group.submissions:
            disk.entries.append(submission.leaf)
            disk.sealed.append(submission.opening)
            for space, key, value in submission.side:
                if value is None:
                    disk.rows.pop((space, key), None)
                else:
                    disk.rows[space, key] = value
        for level, index, hashes in group.tiles:
            if (level, index) in disk.tiles:
                raise ValueError("a tile is written once")
            disk.tiles[level, index] = hashes
        disk.head = group.head
        self.commits.append(len(group.submissions))
        if error is not None:
            raise error

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        return self._kept(self.disk.entries, first, stop)

    def openings(self, first: int, stop: int) -> Iterator[bytes]:
        return self._kept(self.disk.sealed, first, stop)

    def tile(self, level: int, index: int) -> bytes | None:
        return self.disk.tiles.get((level, index))

    def side(self, space: str, key: bytes) -> bytes | None:
        return self.disk.rows.get((space, key))

    def side_items(self, space: str) -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted((key, value) for (name, key), value in self.disk.rows.items() if name == space))

    def floor(self) -> int:
        return self.disk.floor

    def erase_openings(self, indices: Sequence[int]) -> int:
        sealed = self.disk.sealed
        found = [index for index in set(indices) if 0 <= index < len(sealed) and sealed[index]]
        for index in found:
            sealed[index] = b""
        return len(found)

    def prune(self, floor: int) -> int:
        disk = self.disk
        check_floor(floor, disk.head.size if disk.head else 0)
        disk.floor = max(disk.floor, floor)
        freed = sum(len(each) for each in disk.entries[: disk.floor] + disk.sealed[: disk.floor])
        # The places stay, so that indices do; what was there does not.
        disk.entries[: disk.floor] = disk.sealed[: disk.floor] = [b""] * disk.floor
        return freed

    def scrub(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _kept(self, items: list[bytes], first: int, stop: int) -> Iterator[bytes]:
        for index in range(first, min(stop, len(items))):
            if index < self.disk.floor:
                raise PrunedError(f"entry {index} was pruned")
            yield items[index]
