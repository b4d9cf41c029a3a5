"""The history of a log's keys, read without reading the log.

Each ``key.rotated`` and ``key.retired`` is kept once more in a side row, in the transaction of its entry:

    ledger.keys    index of the entry, 8 bytes, big endian    ->    the entry's leaf

So the start knows at once which keys sign, and the history outlives the pruning of the entries. A row is a copy and
not a source: it is compared with the hash that the tree has at its index, and the statements in it are verified.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from stepwarden.errors import CorruptLogError
from stepwarden.events.encoding import decode, encode
from stepwarden.events.entries import Entry, KeyRetired, KeyRotated
from stepwarden.ledger.merkle import HASH_SIZE, leaf_hash
from stepwarden.ledger.rotation import KeyHistory, Rotation
from stepwarden.ledger.store import SideWrite
from stepwarden.ledger.tiles import HEIGHT, WIDTH, read_tile

SPACE: Final = "ledger.keys"


class RowReader(Protocol):
    """The part of a log store that is read here; the contract is the store's."""

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        """Yield the entries ``first`` to ``stop - 1``."""
        ...

    def tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile, or None."""
        ...

    def floor(self) -> int:
        """Return the index of the first entry that was not pruned."""
        ...

    def side_items(self, space: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows of a space in the order of their keys."""
        ...


def row(index: int, entry: KeyRotated | KeyRetired) -> SideWrite:
    """The side row of an entry about keys."""
    return SideWrite(SPACE, index.to_bytes(8, "big"), encode(entry))


def take(history: KeyHistory, index: int, entry: Entry) -> None:
    """Let a history take in the entry at ``index``, whatever it is about.

    Raises:
        BadSignatureError, MalformedNoteError, CorruptLogError: it is no rotation, or retirement, of this log's keys.
    """
    if isinstance(entry, KeyRotated):
        done = Rotation(old=entry.old, new=entry.new, index=index, until=entry.until)
        history.rotate(done, by_old=entry.by_old, by_new=entry.by_new, time=entry.time, keep=entry.keep)
    elif isinstance(entry, KeyRetired):
        history.retire(entry.vkey, index=index, time=entry.time)


def read_rows(reader: RowReader) -> list[tuple[int, KeyRotated | KeyRetired]]:
    """The rows, oldest first.

    Raises:
        CorruptLogError, MalformedEntryError: a row is not the entry that the log has at its index.
    """
    found: list[tuple[int, KeyRotated | KeyRetired]] = []
    for key, leaf in reader.side_items(SPACE):
        index = int.from_bytes(key, "big")
        entry = decode(leaf)
        if (
            len(key) != 8
            or not isinstance(entry, KeyRotated | KeyRetired)
            or not _stands(reader, index, leaf)
        ):
            raise CorruptLogError(
                f"the row about the log's keys at {index} is not the entry there: restore the last copy"
            )
        found.append((index, entry))
    return found


def read_history(reader: RowReader, first: str) -> KeyHistory:
    """Which key signed when.

    Args:
        first: the key (vkey text) that signs if none was ever rotated.

    Raises:
        BadSignatureError, MalformedNoteError, CorruptLogError, MalformedEntryError: the rows are no history.
    """
    rows = read_rows(reader)
    begun = next((entry.old for _, entry in rows if isinstance(entry, KeyRotated)), first)
    history = KeyHistory(begun)
    for index, entry in rows:
        take(history, index, entry)
    return history


def _stands(reader: RowReader, index: int, leaf: bytes) -> bool:
    """Whether this is the entry at ``index``; of a pruned one only the hash is left, in its tile."""
    if index >= reader.floor():
        return next(reader.leaves(index, index + 1), None) == leaf
    at = index % WIDTH * HASH_SIZE
    return read_tile(reader, 0, index >> HEIGHT)[at : at + HASH_SIZE] == leaf_hash(leaf)
