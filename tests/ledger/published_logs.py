"""Published logs for tests: made from entries, written into a directory, with notes signed as asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import Ed25519Signer, Signature, SignedNote, sign_note
from stepwarden.ledger.publish import files_between
from stepwarden.ledger.store import Group, Head, Submission
from stepwarden.ledger.tiles import Tail
from tests.fakes_ledger import MemoryStore

ORIGIN = "log.example/ours"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(range(32)))
VKEY = SIGNER.verifier.format()
TIME = 1_679_315_147


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeLog:
    """A log in memory that can be published at any of its sizes."""

    store: MemoryStore
    entries: list[bytes]
    origin: str = ORIGIN

    def claim(self, size: int) -> Checkpoint:
        tail = Tail()
        tail.extend([leaf_hash(entry) for entry in self.entries[:size]])
        return Checkpoint(origin=self.origin, size=size, root=tail.root())

    def note(self, size: int, signer: Ed25519Signer = SIGNER, lines: Sequence[Signature] = ()) -> str:
        note = SignedNote.parse(sign_note(self.claim(size).format(), [signer]))
        return SignedNote(text=note.text, signatures=(*note.signatures, *lines)).format()

    def publish(self, folder: Path, size: int, *, old: int = 0) -> str:
        """Write the files from ``old`` to ``size``, the checkpoint last; return the checkpoint."""
        for path, data in files_between(self.store, old, size):
            put(folder / path, data)
        note = self.note(size)
        put(folder / "checkpoint", note.encode())
        return note


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def made_log(size: int, mark: bytes = b"entry") -> MadeLog:
    store, tail = MemoryStore(), Tail()
    entries = [b"%s %d" % (mark, number) for number in range(size)]
    tail.extend([leaf_hash(entry) for entry in entries])
    head = Head(size=size, root=tail.root(), checkpoint="", epoch=0)
    store.commit(
        Group(first=0, submissions=[Submission(e) for e in entries], tiles=tail.take_full(), head=head)
    )
    return MadeLog(store=store, entries=entries)
