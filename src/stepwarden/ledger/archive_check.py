"""Reading an archive back: is everything there, is it what our tree says, and is it locked?

    the checkpoint     by a known key, of our origin, and our tree went through it
    each file          entries are hashed and compared with the hashes in *our* tiles; tiles are compared with ours
    each kept file     full tiles, full bundles, ``checkpoints/<size>``: locked in COMPLIANCE mode for as long as
                       asked, with nothing put on top of it

Entries are compared by their hashes, so a log that has pruned them can still check its archive.

    >>> [path.format() for path in expected(300)]
    ['tile/entries/000', 'tile/entries/001.p/44', 'tile/0/000', 'tile/0/001.p/44', 'tile/1/000.p/1']

A sample shows little about any one file: 100 of 100,000 files find damage to one in a hundred with 63%. Say so to
whoever relies on it. This is *not* the verifier, which needs no log of ours: ``stepwarden.ledger.verify`` reads the
archive by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from stepwarden.errors import ArchiveError, CorruptLogError, LedgerError
from stepwarden.ledger.archive import CHECKPOINT, KEPT, Archive, agreed_size, kept_size
from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.compare import History
from stepwarden.ledger.merkle import HASH_SIZE, leaf_hash
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.tiles import HEIGHT, TILE_SIZE, WIDTH, StoredNodes, Tail, TilePath
from stepwarden.ledger.verify import LogReader

SLACK = 3_600
"""Seconds by which a lock may be shorter than asked: the store's clock is not ours."""
NAMED = 10
"""Paths that a finding names; more are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a store keeps under an immutable name. Times in seconds since 1970; ``locked_until`` 0: not locked.

    ``overlaid``: another version, or a delete marker, lies on top of it.
    """

    data: bytes
    written: int
    locked_until: int
    overlaid: bool


Locks = Callable[[str], Held | None]
"""What is kept under the name of an immutable file, None where nothing is."""


@dataclass(slots=True)
class Places:
    """Paths with one kind of trouble: the first of them, and how many in all."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, path: str) -> None:
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(path)

    def __str__(self) -> str:
        more = f" and {self.count - len(self.named)} more" if self.count > len(self.named) else ""
        return ", ".join(self.named) + more


@dataclass(slots=True, kw_only=True)
class Checked:
    """What was found. ``files`` were read of ``expected``; the rest are those in trouble."""

    size: int
    expected: int = 0
    files: int = 0
    bytes: int = 0
    missing: Places = field(default_factory=Places)
    different: Places = field(default_factory=Places)
    unlocked: Places = field(default_factory=Places)
    short: Places = field(default_factory=Places)
    overlaid: Places = field(default_factory=Places)

    @property
    def ok(self) -> bool:
        """Whether all that was looked at is there, right, and locked as asked."""
        return not any(places.count for _, places in self.troubles())

    def troubles(self) -> list[tuple[str, Places]]:
        """Each kind of trouble in words, with the paths that have it."""
        return [
            ("missing", self.missing),
            ("with other bytes than this log's", self.different),
            ("not locked", self.unlocked),
            ("locked for less than was asked", self.short),
            ("with another version or a delete marker on top", self.overlaid),
        ]


Progress = Callable[[int, int], None]
"""Told how many files were read, and how many will be."""


def expected(size: int) -> Iterator[TilePath]:
    """Yield what the log of ``size`` entries consists of: bundles, then tiles from the lowest level up."""
    for level in (None, *range(max(size.bit_length() - 1, 0) // HEIGHT + 1)):
        width = size >> (HEIGHT * (level or 0))
        for index in range(width // WIDTH):
            yield TilePath(level=level, index=index, width=WIDTH)
        if width % WIDTH:
            yield TilePath(level=level, index=width // WIDTH, width=width % WIDTH)


def check(
    reader: LogReader,
    archive: Archive,
    *,
    verifiers: Collection[Verifier],
    origin: str,
    retain: int | None,
    choose: Callable[[int], Collection[int]] | None = None,
    upto: int | None = None,
    locks: Locks | None = None,
    progress: Progress | None = None,
) -> Checked:
    """Read the archive back. Raises nothing for files that are missing or wrong: they are in the result.

    Args:
        retain: seconds that each kept file must be locked from its writing on; None where no lock is asked for.
        choose: given how many files there are, the numbers of those to read; None for all.
        upto: look only at what the first ``upto`` entries need; None for all that the archive claims to have.
        locks: the archive's ``held``, where it can lock; without it nothing is known of locks.

    Raises:
        ArchiveForkError: its checkpoint is not one that this log went through.
        ArchiveError: it has none, or cannot be read.
        LedgerError: our own log is damaged.
    """
    # The kept checkpoints are looked at one by one below: a damaged one is a finding, and does not end the reading.
    archived = agreed_size(reader, archive, verifiers=verifiers, origin=origin, history=False)
    if archive.fetch(CHECKPOINT) is None or (upto is not None and archived < upto):
        raise ArchiveError(f"{archive.describe()} has {archived} entries: export to it first")
    size = archived if upto is None else upto
    look = _Look(reader, archive, size=size, retain=retain, locks=locks)
    wanted: list[TilePath | str] = [path for path in expected(size) if upto is None or path.width == WIDTH]
    wanted += sorted(path for path in archive.names(KEPT) if kept_size(path) is not None)
    found = look.found
    found.expected = len(wanted)
    picked = range(len(wanted)) if choose is None else sorted(choose(len(wanted)))
    for done, number in enumerate(picked, start=1):
        target = wanted[number]
        if isinstance(target, str):
            look.at_kept(target, verifiers, origin)
        else:
            look.at_tile(target)
        if progress is not None:
            progress(done, len(picked))
    return found


class _Look:
    """One reading of an archive."""

    def __init__(
        self, reader: LogReader, archive: Archive, *, size: int, retain: int | None, locks: Locks | None
    ) -> None:
        head = reader.load()
        if head is None:
            raise CorruptLogError("there is no log to compare the archive with")
        self.found = Checked(size=size)
        self._reader = reader
        self._archive = archive
        self._past = History(reader, head)
        self._nodes = StoredNodes(reader, Tail.load(reader, head.size), cached_tiles=16)
        self._retain = retain
        self._locks = locks

    def at_tile(self, path: TilePath) -> None:
        """Compare a tile with ours, or a bundle of entries with the hashes in ours."""
        name = path.format()
        data = self._get(name, kept=path.width == WIDTH)
        if data is None:
            return
        hashes = _hashes(data) if path.level is None else data
        if hashes != self._tile(path.level or 0, path.index, path.width):
            self.found.different.add(name)

    def at_kept(self, name: str, verifiers: Collection[Verifier], origin: str) -> None:
        """Compare a kept checkpoint with the root that our log had then."""
        data = self._get(name, kept=True)
        if data is None:
            return
        try:
            claim = open_checkpoint(data.decode(), origin, verifiers)
            agrees = claim.size == kept_size(name) and not self._past.find(claim).contradicts
        except (LedgerError, UnicodeDecodeError):
            agrees = False
        if not agrees:
            self.found.different.add(name)

    def _get(self, name: str, *, kept: bool) -> bytes | None:
        """Read a file, and look at its lock if it has to have one."""
        found = self.found
        found.files += 1
        if kept and self._locks is not None:
            held = self._locks(name)
            data = None if held is None else held.data
            if held is not None:
                self._judge_lock(name, held)
        else:
            data = self._archive.fetch(name)
        if data is None:
            found.missing.add(name)
            return None
        found.bytes += len(data)
        return data

    def _judge_lock(self, name: str, held: Held) -> None:
        if held.overlaid:
            self.found.overlaid.add(name)
        if self._retain is None:
            return
        if not held.locked_until:
            self.found.unlocked.add(name)
        elif held.locked_until < held.written + self._retain - SLACK:
            self.found.short.add(name)

    def _tile(self, level: int, index: int, width: int) -> bytes:
        full = self._reader.tile(level, index)
        if full is not None and len(full) == TILE_SIZE:
            return full[: width * HASH_SIZE]
        first = index * WIDTH
        return b"".join([self._nodes.node(level * HEIGHT, first + at) for at in range(width)])


def _hashes(bundle: bytes) -> bytes:
    """The hashes of the entries in a bundle; whatever follows a bundle that is cut short hashes to nothing of ours."""
    found, at = [], 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2])
        if end > len(bundle):
            return b""
        found.append(leaf_hash(bundle[at + 2 : end]))
        at = end
    return b"".join(found)
