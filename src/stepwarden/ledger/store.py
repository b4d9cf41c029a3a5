"""What the ledger asks of a store, and what a store promises.

The ledger is the only writer. It commits *groups*: some entries, the rows that go with them, the tiles that
they completed and the new signed head. Five promises; the conformance suite holds every adapter to them.

1. **Atomic.** After a crash at any instant, all of a group is there or none of it.
2. **Durable.** When ``commit`` returns, the group survives loss of power (it has been synced to the device).
3. **In order.** A group is taken only if ``first`` is the size of the stored head (0 for none) and the
   store's epoch is the head's: a compare-and-swap inside the transaction. Otherwise FencedError, and
   nothing changed.
4. **Append-only.** Entries and tiles, once committed, never change and never go. Openings may be rewritten
   (erasure), side rows may be replaced and deleted.
5. **Once failed, stop.** After any error from ``commit`` the state is unknown until ``load`` is called on a
   newly opened store. The ledger never tries again in place: a failed fsync may have dropped the pages it
   claims to hold.

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
        """
        ...

    def openings(self, first: int, stop: int) -> Iterator[bytes]:
        """Yield the sealed openings of the same entries, b"" where there is none (any more)."""
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

    def close(self) -> None:
        """Release the store. Closing twice is no error."""
        ...
