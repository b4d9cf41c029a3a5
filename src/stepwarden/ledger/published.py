"""A published log (c2sp.org/tlog-tiles) as a ``LogReader``: what ``verify`` needs to check a copy, or another's log.

The checkpoint that ``load`` gave first says how long the log is; what was published beyond it since is not looked at,
because whoever publishes writes the files first and the checkpoint last. Later calls of ``load`` read it anew.

A partial file may be gone when the full one is there: the full one is read then, and cut to the size. So a log may
grow, and tidy up, while it is read.

    tile/entries/001.p/44  missing ->  tile/entries/001, of which the first 44 entries count

**Pruned logs.** A log may have dropped its oldest entries. ``floor`` is the first index from which bundles are there.
It is found by halving, not by asking for each bundle: when bundles are missing in several places, it is the start of
one run of them, and reading from there fails at the next hole. Nothing says that entries before the floor were
dropped *rightly*: that takes the log's word (its retention policy) and the archive that they went to. Hence
``verify`` reports a floor, and never hides it.

    >>> parse_bundle(b"\\x00\\x03abc\\x00\\x00", 2)
    [b'abc', b'']

Nothing that is read here has been checked; hashes and signatures are ``verify``'s. This is *not* for serving.
"""

from collections.abc import Iterator
from typing import Final

from stepwarden.errors import CorruptLogError, MalformedNoteError, PrunedError
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.merkle import HASH_SIZE
from stepwarden.ledger.note import SignedNote
from stepwarden.ledger.sources import Source
from stepwarden.ledger.store import Head
from stepwarden.ledger.tiles import HEIGHT, WIDTH, TilePath

CHECKPOINT: Final = "checkpoint"


def parse_bundle(data: bytes, width: int) -> list[bytes]:
    """Return the ``width`` entries of a bundle.

    Raises:
        CorruptLogError: it holds more, fewer, or half an entry.
    """
    entries: list[bytes] = []
    at, last = 0, len(data) - 1
    while at < last and len(entries) < width:
        stop = at + 2 + (data[at] << 8 | data[at + 1])
        entries.append(data[at + 2 : stop])
        at = stop
    # An entry that is cut short leaves `at` behind the end.
    if at != len(data) or len(entries) != width:
        raise CorruptLogError(f"the bundle does not hold {width} whole entries and nothing else")
    return entries


class PublishedLog:
    """A log in files. A ``verify.LogReader`` and a ``tiles.TileReader``; not for two threads."""

    def __init__(self, source: Source) -> None:
        """Read from a source. Nothing is fetched yet."""
        self.head: Head | None = None
        """What ``load`` returned first: the log as it is read here."""
        self._source = source
        self._floor: int | None = None

    def load(self) -> Head | None:
        """Return what the checkpoint claims, None when there is none. Nothing is verified; the epoch is 0.

        Raises:
            MalformedNoteError: the file is no checkpoint.
            StorageError: from the source.
        """
        data = self._source.fetch(CHECKPOINT)
        if data is None:
            return None
        try:
            note = data.decode()
        except UnicodeDecodeError as exc:
            raise MalformedNoteError("the checkpoint is not text") from exc
        claim = Checkpoint.parse(SignedNote.parse(note).text)
        head = Head(size=claim.size, root=claim.root, checkpoint=note, epoch=0)
        self.head = self.head or head
        return head

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        """Yield the entries ``first`` to ``stop - 1``, fewer where the checkpoint counts fewer. Bundle by bundle.

        Raises:
            PrunedError: an entry lies before the floor.
            CorruptLogError: a bundle is missing, or is none.
            StorageError: from the source.
        """
        stop = min(stop, self._known_size())
        at = first
        while at < stop:
            index = at >> HEIGHT
            start = index << HEIGHT
            entries = self._bundle(index)
            if entries is None:
                raise self._missing(index)
            yield from entries[at - start : stop - start]
            at = start + WIDTH

    def tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile, None when the source lacks it or the checkpoint's tree has none there.

        Raises:
            StorageError: from the source.
        """
        if index >= self._known_size() >> (HEIGHT * (level + 1)):
            return None
        return self._source.fetch(TilePath(level=level, index=index, width=WIDTH).format())

    def partial_tile(self, path: TilePath) -> bytes | None:
        """Return a partial tile, cut from the full one where it is gone; None when both are.

        Raises:
            StorageError: from the source.
        """
        found = self._source.fetch(path.format())
        if found is not None:
            return found
        full = self._source.fetch(TilePath(level=path.level, index=path.index, width=WIDTH).format())
        return None if full is None else full[: path.width * HASH_SIZE]

    def goes_on(self) -> bool:
        """Tell whether there is a full bundle where the checkpoint has none: files of a longer log.

        Raises:
            StorageError: from the source.
        """
        path = TilePath(level=None, index=self._known_size() >> HEIGHT, width=WIDTH)
        return self._source.fetch(path.format()) is not None

    def floor(self) -> int:
        """Return the index of the first entry that is there: 0, or where the bundles of a pruned log begin.

        Raises:
            CorruptLogError, StorageError: from reading bundles.
        """
        if self._floor is None:
            self._floor = self._find_floor()
        return self._floor

    def _find_floor(self) -> int:
        bundles = -(-self._known_size() // WIDTH)
        if bundles == 0 or self._bundle(0) is not None:
            return 0
        missing, present = 0, bundles - 1
        # Without the last bundle there is no run that reaches the end: not a pruned log but one that lost entries.
        if self._bundle(present) is None:
            return 0
        while present - missing > 1:
            middle = (missing + present) // 2
            if self._bundle(middle) is None:
                missing = middle
            else:
                present = middle
        return present << HEIGHT

    def _bundle(self, index: int) -> list[bytes] | None:
        """The entries of a bundle that the tree has, None when the source lacks it."""
        width = min(WIDTH, self._known_size() - (index << HEIGHT))
        path = TilePath(level=None, index=index, width=width)
        data = self._source.fetch(path.format())
        held = width
        if data is None and width < WIDTH:
            path, held = TilePath(level=None, index=index, width=WIDTH), WIDTH
            data = self._source.fetch(path.format())
        if data is None:
            return None
        try:
            return parse_bundle(data, held)[:width]
        except CorruptLogError as exc:
            raise CorruptLogError(f"{path.format()}: {exc}") from exc

    def _missing(self, index: int) -> CorruptLogError | PrunedError:
        floor = self.floor()
        if index << HEIGHT < floor:
            return PrunedError(f"the entries before {floor} are not here: they are in the log's archive")
        return CorruptLogError(
            f"the entries from {index << HEIGHT} on are missing: there is no {_name(index)}"
        )

    def _known_size(self) -> int:
        if self.head is None:
            self.load()
        return self.head.size if self.head is not None else 0


def _name(index: int) -> str:
    return TilePath(level=None, index=index, width=WIDTH).format()
