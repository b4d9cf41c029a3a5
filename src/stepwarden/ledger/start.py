"""The start of a log: its end is checked, not believed, before anything is appended.

1. the head's signature, by a key that we know, and its origin, size and root;
2. the end of the tree from the stored tiles and the last entries, whose root must be the signed one;
3. the entries of the last full tile, whose hashes must be the stored ones;
4. no entry after the head.

This is *not* the verifier: tiles and entries further back are read by ``verify``.
"""

from collections.abc import Collection

from stepwarden.errors import CorruptLogError
from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.store import Head, LogStore
from stepwarden.ledger.tiles import WIDTH, Tail


def check(store: LogStore, head: Head, origin: str, known: Collection[Verifier]) -> Tail:
    """Return the end of the tree under a stored head.

    Args:
        known: the keys that may have signed the head; each of their signatures on it must verify.

    Raises:
        MalformedNoteError, BadSignatureError: the head is not one that a known key signed for this origin.
        CorruptLogError: head, tiles and entries disagree.
    """
    signed = open_checkpoint(head.checkpoint, origin, known)
    if (signed.size, signed.root) != (head.size, head.root):
        raise CorruptLogError(
            f"the stored head says {head.size} entries, its signature is over {signed.size}: restore the "
            "last copy"
        )
    tail = Tail.load(store, head.size)
    if tail.root() != head.root:
        raise CorruptLogError(
            f"the last entries or tiles do not lead to the signed root of {head.size} entries: run "
            "`ledger verify` to find which, and restore the last copy"
        )
    _check_last_tile(store, head.size)
    check_end(store, head.size)
    return tail


def _check_last_tile(store: LogStore, size: int) -> None:
    full = size // WIDTH
    if not full:
        return
    hashes = b"".join([leaf_hash(leaf) for leaf in store.leaves((full - 1) * WIDTH, full * WIDTH)])
    if store.tile(0, full - 1) != hashes:
        raise CorruptLogError(
            f"the entries {(full - 1) * WIDTH} to {full * WIDTH - 1} do not have the hashes in their "
            "tile: restore the last copy"
        )


def check_end(store: LogStore, size: int) -> None:
    """Raises: CorruptLogError: there are entries from ``size`` on."""
    if any(True for _ in store.leaves(size, size + 1)):
        raise CorruptLogError(
            f"there are entries after the signed end of the log at {size}: restore the last copy"
        )
