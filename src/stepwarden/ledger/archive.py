"""The archive: a copy of the log elsewhere, in the files of c2sp.org/tlog-tiles, that only ever grows.

    checkpoint                      the newest exported one, a signed note; replaced by each export
    checkpoints/<size>              every exported one: the history that a later log must agree with
    tile/entries/<N>[.p/<W>]        entries; tile/<L>/<N>[.p/<W>] hashes

Any tool for tlog-tiles logs reads it without us; ``checkpoints/`` is our addition, and nothing else needs it.

``export`` brings an archive up to a note, in this order, which is what makes it safe to kill at any moment:

1. *Look before writing.* The archive's own checkpoint, and each that it has kept beyond that, must be of our origin,
   signed by our keys, not longer than our log, and have the root that our tree had at that size. Otherwise
   ArchiveForkError, and nothing has been written: either this log was rolled back, or it is not the archive's log.
2. *Files*: what the archive lacks, entries then tiles, full and partial. Then wait until all of it is durable.
3. *checkpoints/<size>*, then *checkpoint*: only now does a reader see the longer log, whose files are all there.
4. *Tidy*: partial tiles whose full tile is there now are removed, where the store allows it. Readers fall back to the
   full one, so nothing depends on this.

Each step may be done again with the same result: an export that was killed is simply run again, and goes on from the
last checkpoint that the archive has. Two at once do no harm: they write the same bytes.

    >>> file_path(300)
    'checkpoints/300'
    >>> kept_size("checkpoints/300"), kept_size("checkpoints/0300"), kept_size("checkpoint")
    (300, None, None)

An archive is *not* a backup: it has no keys, no openings of personal fields, no factors' secrets. What was erased
from the service was never here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from stepwarden.errors import ArchiveForkError, CorruptLogError, LedgerError, MalformedNoteError
from stepwarden.ledger.checkpoint import Checkpoint, open_checkpoint, parse_size
from stepwarden.ledger.compare import History
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.publish import files_between
from stepwarden.ledger.tiles import HEIGHT, WIDTH, TilePath
from stepwarden.ledger.verify import LogReader

CHECKPOINT: Final = "checkpoint"
KEPT: Final = "checkpoints/"

Progress = Callable[[int, int], None]
"""Told how many files are written, and how many there will be."""


class Archive(Protocol):
    """A place for files that keeps them. Paths are relative, with ``/`` between plain ASCII parts.

    Promises: ``put`` is all or nothing, also after a crash; what was put before ``flush`` returned survives a loss of
    power; an immutable file never changes again through this object. May be used by one thread at a time.
    """

    def fetch(self, path: str) -> bytes | None:
        """Return a file's bytes, None where there is none.

        Raises:
            ArchiveError: it cannot be read.
        """
        ...

    def put(self, path: str, data: bytes, *, immutable: bool) -> None:
        """Write a file; equal bytes again change nothing. May return before it is durable: see ``flush``.

        Args:
            immutable: never to change again; a store that can lock files locks it.

        Raises:
            ArchiveForkError: immutable, and there are other bytes already.
            ArchiveError: it cannot be written.
        """
        ...

    def flush(self) -> None:
        """Wait until everything that was put is durable.

        Raises:
            ArchiveError: some of it is not.
        """
        ...

    def names(self, folder: str) -> Iterator[str]:
        """Yield the paths below a folder (given with its ``/``), in any order, hidden ones too."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file that is not immutable, if the store allows; a file that stays is no error."""
        ...

    def describe(self) -> str:
        """Return where this is, for people and for the log; never with a secret."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export did: the archive had ``before`` entries and has ``size``. ``bytes`` is what was offered to it."""

    before: int
    size: int
    files: int
    bytes: int
    removed: int


def file_path(size: int) -> str:
    """Return where the checkpoint over ``size`` entries is kept."""
    return f"{KEPT}{size}"


def kept_size(path: str) -> int | None:
    """Return the size that such a path names, None for any other path."""
    name = path.removeprefix(KEPT)
    if name == path:
        return None
    try:
        return parse_size(name)
    except MalformedNoteError:
        return None


def export(
    reader: LogReader,
    archive: Archive,
    note: str,
    *,
    verifiers: Collection[Verifier],
    origin: str,
    history: bool = True,
    progress: Progress | None = None,
) -> Exported:
    """Bring the archive up to ``note``, a signed checkpoint of this log; see the module. Blocking.

    An archive that is further already, and agrees with this log, is left as it is.

    Args:
        history: compare with the kept checkpoints too, not only with the newest. Whoever exports again and again may
            leave it out after the first time: the list of them grows.

    Raises:
        ArchiveForkError: the archive is another log's, or is ahead of this one; nothing was written.
        ArchiveError: it cannot be read or written; run it again.
        LedgerError: the log does not have the root that the note claims, or lacks what the archive needs
            (PrunedError: it was pruned before it was archived).
    """
    before = agreed_size(reader, archive, verifiers=verifiers, origin=origin, history=history)
    target = open_checkpoint(note, origin, verifiers)
    if _past(reader).find(target).contradicts:
        raise CorruptLogError(
            f"the checkpoint over {target.size} entries is not this log's: run `ledger verify`"
        )
    files = total = 0
    if before < target.size:
        end = _count(before, target.size)
        for path, data in files_between(reader, before, target.size):
            archive.put(path, data, immutable=TilePath.parse(path).width == WIDTH)
            files, total = files + 1, total + len(data)
            if progress is not None:
                progress(files, max(end, files))
        archive.flush()
    if before <= target.size:
        _seal(archive, target, note)
    removed = _tidy(archive, before, target.size)
    return Exported(before=before, size=max(before, target.size), files=files, bytes=total, removed=removed)


def agreed_size(
    reader: LogReader, archive: Archive, *, verifiers: Collection[Verifier], origin: str, history: bool = True
) -> int:
    """Return how many entries the archive has, 0 for a new one; all that it claims is how this log began.

    Raises:
        ArchiveForkError: it is not.
        CorruptLogError: our own log is damaged.
    """
    # The archive first: if another export runs meanwhile, what it wrote must not look longer than the log.
    before, claims = _claims(archive, verifiers, origin, history)
    if claims:
        past = _past(reader)
        for claim in claims:
            _agree(archive, claim, past)
    return before


def _past(reader: LogReader) -> History:
    head = reader.load()
    if head is None:
        raise CorruptLogError("there is no log here: check the data directory")
    return History(reader, head)


def _claims(
    archive: Archive, verifiers: Collection[Verifier], origin: str, history: bool
) -> tuple[int, list[Checkpoint]]:
    """Step 1: how long the archive is, and what it claims about our log."""
    before, claims = 0, []
    current = archive.fetch(CHECKPOINT)
    if current is not None:
        claims.append(_open(archive, CHECKPOINT, current, verifiers, origin))
        before = claims[0].size
    # Whoever can replace `checkpoint` can wind it back; the kept ones still tell how far the archive has been.
    paths = archive.names(KEPT) if history else iter(())
    kept = {found for path in paths if (found := kept_size(path)) is not None}
    for number in sorted(kept):
        if number <= before and number != max(kept):
            continue
        data = archive.fetch(file_path(number))
        if data is None:
            continue
        claim = _open(archive, file_path(number), data, verifiers, origin)
        if claim.size != number:
            raise ArchiveForkError(f"{file_path(number)} in {archive.describe()} counts {claim.size} entries")
        claims.append(claim)
    return before, claims


def _open(
    archive: Archive, path: str, data: bytes, verifiers: Collection[Verifier], origin: str
) -> Checkpoint:
    try:
        return open_checkpoint(data.decode(), origin, verifiers)
    except (LedgerError, UnicodeDecodeError) as exc:
        raise ArchiveForkError(
            f"{path} in {archive.describe()} is not a checkpoint of {origin} by a known key ({exc}): "
            "this is another log's archive, or it was changed; nothing was written"
        ) from exc


def _agree(archive: Archive, claim: Checkpoint, past: History) -> None:
    """Our tree went through this checkpoint."""
    found = past.find(claim)
    if found.kind == "ahead":
        raise ArchiveForkError(
            f"{archive.describe()} holds {claim.size} entries, this log has {past.head.size}: this log was rolled "
            "back or cut. Nothing was written; find out what was lost before you go on"
        )
    if found.contradicts:
        raise ArchiveForkError(
            f"{archive.describe()} is not the past of this log ({found.detail}): one of the two was rewritten. "
            "Nothing was written; keep both and compare them with what witnesses have signed"
        )


def _seal(archive: Archive, target: Checkpoint, note: str) -> None:
    """Step 3. The same checkpoint may come again with other cosignatures: the first one kept stays."""
    data = note.encode()
    kept = file_path(target.size)
    if archive.fetch(kept) is None:
        archive.put(kept, data, immutable=True)
        archive.flush()
    if archive.fetch(CHECKPOINT) != data:
        archive.put(CHECKPOINT, data, immutable=False)
        archive.flush()


def _tidy(archive: Archive, before: int, after: int) -> int:
    """Step 4: partial tiles of the log of ``before`` entries that became full since."""
    removed = 0
    for level in (None, *range(before.bit_length() // HEIGHT + 1)):
        shift = HEIGHT * (level or 0)
        index = before >> (shift + HEIGHT)
        if (before >> shift) % WIDTH and index < after >> (shift + HEIGHT):
            full = TilePath(level=level, index=index, width=WIDTH).format()
            for path in list(archive.names(f"{full}.p/")):
                archive.remove(path)
                removed += 1
    return removed


def _count(before: int, after: int) -> int:
    """About how many files lie between two sizes: what the progress is measured against."""
    total = -(-after // WIDTH) - before // WIDTH
    for level in range(after.bit_length() // HEIGHT + 1):
        shift = HEIGHT * level
        total += -(-(after >> shift) // WIDTH) - (before >> shift) // WIDTH
    return total
