"""A log in memory to be archived, and an archive in memory that counts, fails and forgets on demand."""

from collections.abc import Iterator

from stepwarden.errors import ArchiveError, ArchiveForkError
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import Ed25519Signer, sign_note
from stepwarden.ledger.store import Group, Head, Submission
from stepwarden.ledger.tiles import Tail
from tests.fakes_ledger import MemoryStore

ORIGIN = "log.example/archived"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(range(32)))
KEYS = [SIGNER.verifier]


class GrowingLog:
    """Appends what it is told; ``notes`` has the signed checkpoint of every size it has had."""

    def __init__(
        self, mark: bytes = b"entry", *, origin: str = ORIGIN, signer: Ed25519Signer = SIGNER
    ) -> None:
        self.store = MemoryStore()
        self.notes: dict[int, str] = {}
        self._tail = Tail()
        self._mark = mark
        self._origin = origin
        self._signer = signer
        self.store.take_over()
        self.grow_to(0)

    def grow_to(self, size: int, mark: bytes | None = None) -> str:
        """The signed checkpoint at that size."""
        tail = self._tail
        first = tail.size
        entries = [b"%s %d" % (mark or self._mark, number) for number in range(first, size)]
        tail.extend([leaf_hash(entry) for entry in entries])
        text = Checkpoint(origin=self._origin, size=tail.size, root=tail.root()).format()
        note = self.notes[tail.size] = sign_note(text, [self._signer])
        head = Head(size=tail.size, root=tail.root(), checkpoint=note, epoch=self.store.disk.epoch)
        submissions = [Submission(entry) for entry in entries]
        self.store.commit(Group(first=first, submissions=submissions, tiles=tail.take_full(), head=head))
        return note


class MemoryArchive:
    """The contract of ``ledger.archive.Archive``; ``fail_at`` is how many more writes go well."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.fixed: set[str] = set()
        self.fail_at: int | None = None
        self.writes: list[str] = []

    def fetch(self, path: str) -> bytes | None:
        return self.files.get(path)

    def put(self, path: str, data: bytes, *, immutable: bool) -> None:
        if self.fail_at is not None:
            if self.fail_at == 0:
                raise ArchiveError("the disk is gone")
            self.fail_at -= 1
        if path in self.fixed and self.files[path] != data:
            raise ArchiveForkError(path)
        if immutable:
            self.fixed.add(path)
        self.writes.append(path)
        self.files[path] = data

    def flush(self) -> None:
        self.writes.append("flush")

    def names(self, folder: str) -> Iterator[str]:
        return iter([path for path in self.files if path.startswith(folder)])

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def describe(self) -> str:
        return "memory"
