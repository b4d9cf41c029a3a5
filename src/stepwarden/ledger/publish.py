"""The files of a log (c2sp.org/tlog-tiles), made for whoever copies or serves it.

    tile/entries/<N>[.p/<W>]   a bundle: 256 entries, or the last W; each is 16 bits of length, then its bytes
    tile/<L>/<N>[.p/<W>]       a tile: 256 hashes of level L, or the last W

A copy that ends at an older size lacks some of them: ``files_between`` makes those, entries first, then full tiles
from the lowest level up, then partial ones. Whoever writes them in this order and the checkpoint last never shows a
checkpoint whose files are not there. Partial files are for the new size; those of sizes between are not made, nobody
has their checkpoint.

    >>> format_bundle([b"abc", b""])
    b'\\x00\\x03abc\\x00\\x00'

This module writes *nothing* itself and signs nothing. It trusts its reader: what is published is checked by
``verify``, through ``published``.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from stepwarden.errors import CorruptLogError
from stepwarden.ledger.store import MAX_LEAF
from stepwarden.ledger.tiles import HEIGHT, WIDTH, Tail, TilePath, TileReader, read_tile

MAX_BUNDLE: Final = WIDTH * (2 + MAX_LEAF)
"""Bytes of a bundle at most."""


def format_bundle(entries: Iterable[bytes]) -> bytes:
    """Return the bundle of up to 256 entries.

    Raises:
        OverflowError: an entry is longer than 65,535 bytes.
    """
    parts = []
    for entry in entries:
        parts.append(len(entry).to_bytes(2, "big"))
        parts.append(entry)
    return b"".join(parts)


def files_between(reader: TileReader, old: int, new: int) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the bytes of each file that a copy of the first ``old`` entries lacks to be one of ``new``.

    In the order in which they must be written. The log has ``new`` entries or more. Memory stays constant.

    Raises:
        ValueError: when ``old`` is larger than ``new``, or negative.
        PrunedError: entries after ``old`` (to the last multiple of 256 before it) are pruned away.
        CorruptLogError: the log lacks an entry or a tile that it should hold.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a copy of {old} entries does not grow to {new}")
    if old == new:
        return
    yield from _bundles(reader, old - old % WIDTH, new)
    level = 0
    while new >> level:
        for index in range(old >> (level + HEIGHT), new >> (level + HEIGHT)):
            path = TilePath(level=level // HEIGHT, index=index, width=WIDTH)
            yield path.format(), read_tile(reader, path.level or 0, index)
        level += HEIGHT
    for path, hashes in Tail.load(reader, new).partial():
        # Unchanged where no subtree of this level was completed since.
        if old >> (HEIGHT * (path.level or 0)) != new >> (HEIGHT * (path.level or 0)):
            yield path.format(), hashes


def _bundles(reader: TileReader, first: int, stop: int) -> Iterator[tuple[str, bytes]]:
    entries = reader.leaves(first, stop)
    for start in range(first, stop, WIDTH):
        width = min(WIDTH, stop - start)
        bundle = list(islice(entries, width))
        if len(bundle) != width:
            raise CorruptLogError(
                f"entry {start + len(bundle)} of {stop} is missing: run `ledger verify`, and restore the last copy"
            )
        yield TilePath(level=None, index=start >> HEIGHT, width=width).format(), format_bundle(bundle)
