"""Byte strings in a row: each after its length, big-endian, in 16 bits (entries) or 32 bits (openings).

>>> pack_entries([b"ab", b""])
b'\\x00\\x02ab\\x00\\x00'
>>> unpack_entries(b"\\x00\\x02ab\\x00\\x00", 2)
[b'ab', b'']

The 16-bit form is the entry bundle of c2sp.org/tlog-tiles. It is *not* self-delimiting: the number of
strings is stored beside it, and every byte must be used.

An opening is erased in place: its length gets the highest bit, its bytes become zeros.

>>> packed = pack_openings([b"ab", b"cde"])
>>> erased_openings(packed, 2, {1})
[(6, b'\\x80\\x00\\x00\\x03\\x00\\x00\\x00')]
>>> unpack_openings(packed[:6] + b"\\x80\\x00\\x00\\x03\\x00\\x00\\x00", 2)
[b'ab', b'']
"""

from collections.abc import Collection, Sequence

from stepwarden.errors import StorageCorruptError

ERASED = 1 << 31
"""Marks the length of an opening that was overwritten."""


def pack_entries(entries: Sequence[bytes]) -> bytes:
    """Entries of at most 65,535 bytes each; a longer one is our mistake (OverflowError)."""
    return b"".join([piece for entry in entries for piece in (len(entry).to_bytes(2), entry)])


def pack_openings(openings: Sequence[bytes]) -> bytes:
    return b"".join([piece for opening in openings for piece in (len(opening).to_bytes(4), opening)])


def unpack_entries(data: bytes, count: int) -> list[bytes]:
    """Read back what ``pack_entries`` wrote.

    Raises:
        StorageCorruptError: not ``count`` strings.
    """
    found: list[bytes] = []
    at = 0
    end = len(data)
    while at < end:
        start = at + 2
        at = start + int.from_bytes(data[at:start])
        found.append(data[start:at])
    _check(at, end, len(found), count)
    return found


def unpack_openings(data: bytes, count: int) -> list[bytes]:
    """Read back what ``pack_openings`` wrote, b"" for what was erased.

    Raises:
        StorageCorruptError: not ``count`` strings.
    """
    return [b"" if erased else data[start:stop] for start, stop, erased in _places(data, count)]


def erased_openings(data: bytes, count: int, places: Collection[int]) -> list[tuple[int, bytes]]:
    """What to write, and where, to erase the openings at these places; nothing for those that are empty or erased.

    Raises:
        StorageCorruptError: not ``count`` strings.
    """
    found = list(enumerate(_places(data, count)))
    return [
        (start - 4, (ERASED | stop - start).to_bytes(4) + bytes(stop - start))
        for place, (start, stop, erased) in found
        if place in places and not erased and start < stop
    ]


def _places(data: bytes, count: int) -> list[tuple[int, int, bool]]:
    """Where each opening's bytes begin and end, and whether they were erased."""
    found: list[tuple[int, int, bool]] = []
    at = 0
    end = len(data)
    while at < end:
        start = at + 4
        length = int.from_bytes(data[at:start])
        at = start + (length & ~ERASED)
        found.append((start, at, length >= ERASED))
    _check(at, end, len(found), count)
    return found


def _check(at: int, end: int, found: int, count: int) -> None:
    if at != end or found != count:
        raise StorageCorruptError(
            f"a block of {end} bytes does not hold {count} entries: restore the file from its last copy"
        )
