"""The published log as files: checkpoint, tiles, bundles of entries, receipts.

What is served ends where the *published* checkpoint ends (see ``publishing``), which may be a second, or a quorum of
witnesses, behind the log. A tile that is full in the log and partial in what is published is served up to the
published width: nobody sees a hash that no published checkpoint covers.

Each file that is handed out is counted for its reader (see ``audited``), a receipt is one entry.

Bytes from the store are read in a thread, at most ``READERS`` at a time, so that neither a cold disk nor many readers
hold up a decision; what comes from the tree's tail in memory is read at once.
"""

import asyncio
from typing import Final, Protocol

from stepwarden.errors import NotFoundError, PrunedError
from stepwarden.ledger.merkle import HASH_SIZE
from stepwarden.ledger.proof import inclusion_proof
from stepwarden.ledger.publish import format_bundle
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import LogStore
from stepwarden.ledger.tiles import HEIGHT, TILE_SIZE, WIDTH, TilePath
from stepwarden.ledger.tlog_proof import TlogProof

READERS: Final = 2
"""Reads from the store at a time, for all readers together."""


class Published(Protocol):
    """The newest published checkpoint: the signed note, and its size."""

    @property
    def note(self) -> str: ...

    @property
    def size(self) -> int: ...


class Counter(Protocol):
    """Hears of every file that was handed out, and to whom."""

    def count(self, what: str, *, by: str, files: int = 1) -> None: ...


class PublishedFiles:
    """All calls on the loop's thread. ``by`` is the id of the reader's key, "" for anybody."""

    def __init__(self, sequencer: Sequencer, store: LogStore, published: Published, reads: Counter) -> None:
        self._sequencer = sequencer
        self._store = store
        self._published = published
        self._reads = reads
        self._room = asyncio.Semaphore(READERS)

    def checkpoint(self, *, by: str) -> str:
        """The newest published checkpoint."""
        self._reads.count("checkpoint", by=by)
        return self._published.note

    async def fetch(self, path: TilePath, *, by: str) -> bytes | None:
        """The bytes of a tile, or of a bundle; None where what is published has none, or it was pruned."""
        level = path.level or 0
        if path.index * WIDTH + path.width > self._published.size >> (level * HEIGHT):
            return None
        data = await (self._bundle(path) if path.level is None else self._tile(path))
        if data is not None:
            self._reads.count("entries" if path.level is None else "tile", by=by)
        return data

    async def receipt(self, index: int, *, by: str) -> str:
        """The proof that entry ``index`` is in what is published, as c2sp.org/tlog-proof@v1.

        Raises:
            NotFoundError: what is published does not reach so far (yet).
        """
        note, size = self._published.note, self._published.size
        if index >= size:
            raise NotFoundError(f"the published checkpoint covers {size} entries: ask again in some seconds")
        hashes = inclusion_proof(index, size, self._sequencer.proof_reader())
        self._reads.count("receipt", by=by)
        return TlogProof(index=index, hashes=tuple(hashes), checkpoint=note).format()

    async def _tile(self, path: TilePath) -> bytes:
        level, first = path.level or 0, path.index * WIDTH
        if first + WIDTH <= self._sequencer.head.size >> (level * HEIGHT):
            async with self._room:
                full = await asyncio.to_thread(self._store.tile, level, path.index)
            if full is not None and len(full) == TILE_SIZE:
                return full[: path.width * HASH_SIZE]
        nodes = self._sequencer.proof_reader()
        return b"".join([nodes.node(level * HEIGHT, first + at) for at in range(path.width)])

    async def _bundle(self, path: TilePath) -> bytes | None:
        first = path.index * WIDTH
        try:
            async with self._room:
                return await asyncio.to_thread(self._pack, first, first + path.width)
        except PrunedError:
            return None

    def _pack(self, first: int, stop: int) -> bytes:
        return format_bundle(self._store.leaves(first, stop))
