"""What the ledger asks of a store, and what a store promises.

The ledger is the only writer. It commits *groups*: some entries, the rows that go with them, the tiles that
they completed and the new signed head. Five promises; the conformance suite holds every adapter to them.

1. **Atomic.** After a crash at any instant, all of a group is there or none of it.
2. **Durable.** When ``commit`` returns, the group survives loss of power (it has been synced to the device).
3. **In order.** A group is taken only if ``first`` is the size of the stored head (0 for none) and the
   store's epoch is the head's: a compare-and-swap inside the transaction. Otherwise FencedError, and
   nothing changed.
4. **Append-only.** Entries and tiles, once committed, never change. Tiles never go; entries go only by ``prune``,
   those before the floor. Openings may be erased, side rows may be replaced and deleted.
5. **Once failed, stop.** After any error from ``commit`` the state is unknown until ``load`` is called on a
   newly opened store. The ledger never tries again in place: a failed fsync may have dropped the pages it
   claims to hold.

The *floor* is the index of the first entry that is kept, 0 at first. It only rises, to a multiple of 256 (whole
level 0 tiles) that leaves at least the last full tile's entries: with these and the tiles, the log can go on, prove
and be verified from the floor on. To a reader, entries and openings before it are gone as soon as it has risen:
``leaves`` and ``openings`` raise PrunedError for any range that begins before it (an empty range never raises).

*Gone* has two degrees. What ``erase_openings``, ``prune`` and a side row's deletion remove is gone from the data when
they return, and unreadable through the store. Its bytes are gone from every file of the store when ``scrub`` has
returned after that. (What the file system or the device keeps of overwritten blocks, and backups, are beyond a store.)

A store hashes and signs nothing and trusts its caller for the contents: the verifier reads it back and
checks. It is used from two threads: ``commit`` from the ledger's writer, the reading methods from any.
Readers see whole groups only.

A store is *not* the query index: that is a projection, which may be dropped and rebuilt from the entries.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

MAX_LEAF: Final = 65_535
"""Bytes of one entry at most: its length is stored in 16 bits (tlog-tiles)."""

FLOOR_STEP: Final = 256
"""The floor is a multiple of this: the entries of one full tile."""


def highest_floor(size: int) -> int:
    """How far a log of that size may be pruned: the beginning of its last full tile.

    >>> [highest_floor(size) for size in (0, 511, 512, 767, 768)]
    [0, 0, 256, 256, 512]
    """
    return max((size // FLOOR_STEP - 1) * FLOOR_STEP, 0)


def check_floor(floor: int, size: int) -> None:
    """For stores: refuse a floor that a log of that size cannot have.

    Raises:
        ValueError: it is negative, not a multiple of 256, or after the beginning of the last full tile.
    """
    if floor % FLOOR_STEP or not 0 <= floor <= highest_floor(size):
        raise ValueError(f"a log of {size} entries cannot begin at {floor}")


class SideWrite(NamedTuple):
    """A key-value row written in the transaction of its entry: secrets and keys, which never enter the log.

    ``value`` None deletes the row; deleting what is not there is no error. Later writes of a group win.
    """

    space: str
    key: bytes
    value: bytes | None


class Submission(NamedTuple):
    """An entry to append: its bytes (at most 65,535), its sealed opening (b"" for none), its side rows."""

    leaf: bytes
    opening: bytes = b""
    side: tuple[SideWrite, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The latest state of the log. ``checkpoint`` is the signed note over (origin, size, root)."""

    size: int
    root: bytes
    checkpoint: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one commit writes.

    ``first`` is the index of the first submission, so ``head.size == first + len(submissions)``. ``tiles``
    are the full tiles that these entries completed: level, index, 8,192 bytes (256 hashes). ``head.epoch``
    is the writer's.
    """

    first: int
    submissions: Sequence[Submission]
    tiles: Sequence[tuple[int, int, bytes]]
    head: Head


class LogStore(Protocol):
    """A durable home for one log. The module's docstring is the contract."""

    def load(self) -> Head | None:
        """Return the head of the last committed group, None for a log without any.

        Raises:
            StorageCorruptError: when what is stored cannot be read.
        """
        ...

    def take_over(self) -> int:
        """Become the writer: raise the stored epoch by one, durably, and return it. Earlier writers are
        fenced.
        """
        ...

    def commit(self, group: Group) -> None:
        """Write a group, all or nothing, durable on return.

        Raises:
            FencedError: another writer took over, or the log is not ``group.first`` entries long.
            StorageFullError: no space left.
            StorageCorruptError: the store is damaged.
            StorageError: anything else that the store met.
        """
        ...

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        """Yield the entries ``first`` to ``stop - 1`` in order; fewer where the log is shorter.

        Reads as it goes: memory does not grow with the number asked for.

        Raises:
            PrunedError: on the way, if ``first`` lies before the floor, or the floor overtakes the reading.
        """
        ...

    def openings(self, first: int, stop: int) -> Iterator[bytes]:
        """Yield the sealed openings of the same entries, b"" where there is none (any more). Raises as ``leaves``."""
        ...

    def tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile, 8,192 bytes, or None when that tile is not complete."""
        ...

    def side(self, space: str, key: bytes) -> bytes | None:
        """Return a side row's value, None when there is none."""
        ...

    def side_items(self, space: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows of a space in the order of their keys."""
        ...

    def floor(self) -> int:
        """Return the index of the first entry that is kept; 0 where nothing was pruned."""
        ...

    def erase_openings(self, indices: Sequence[int]) -> int:
        """Remove the openings of these entries, durably, in any order; the entries stay.

        Indices without an opening (erased before, pruned, beyond the end) are passed over, so it may be done again.
        In steps, between which commits go on: after an error some may be erased, and some not.

        Returns:
            How many openings were there and are not any more.

        Raises:
            StorageError: as from ``commit``, and the store is as stopped as after a failed commit.
        """
        ...

    def prune(self, floor: int) -> int:
        """Raise the floor, durably, then delete the entries and openings before it; never tiles.

        In steps, between which commits go on. What an interruption leaves over is unreadable already, and deleted by
        the next call, also with the same floor. A floor below the present one leaves it where it is.

        Returns:
            The bytes that the store's files are smaller by; what is appended meanwhile counts against it.

        Raises:
            ValueError: not a multiple of 256, or after ``highest_floor`` of the log's size.
            StorageError: as from ``erase_openings``.
        """
        ...

    def scrub(self) -> None:
        """Overwrite in every file of the store what was erased, pruned or deleted from the side rows before.

        Costs time by the number of side rows. May be called at any time, also again after it failed.

        Raises:
            StorageLockedError: somebody reads the old data and does not end.
            StorageError: as from ``erase_openings``.
        """
        ...

    def close(self) -> None:
        """Release the store. Closing twice is no error."""
        ...
