"""Byte strings in a row: each after its length, big-endian, in 16 bits (entries) or 32 bits (openings).

>>> pack_entries([b"ab", b""])
b'\\x00\\x02ab\\x00\\x00'
>>> unpack_entries(b"\\x00\\x02ab\\x00\\x00", 2)
[b'ab', b'']

The 16-bit form is the entry bundle of c2sp.org/tlog-tiles. It is *not* self-delimiting: the number of
strings is stored beside it, and every byte must be used.
"""

from collections.abc import Sequence

from stepwarden.errors import StorageCorruptError


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
    return _unpack(data, count, 2)


def unpack_openings(data: bytes, count: int) -> list[bytes]:
    """Read back what ``pack_openings`` wrote.

    Raises:
        StorageCorruptError: not ``count`` strings.
    """
    return _unpack(data, count, 4)


def _unpack(data: bytes, count: int, width: int) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    end = len(data)
    while at < end:
        start = at + width
        at = start + int.from_bytes(data[at:start])
        found.append(data[start:at])
    if at != end or len(found) != count:
        raise StorageCorruptError(
            f"a block of {end} bytes does not hold {count} entries: restore the file from its last copy"
        )
    return found
