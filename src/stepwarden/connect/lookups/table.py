"""The compact table of networks: sorted starts in an mmapped file, searched by bisection.

The file, all numbers little-endian, each part padded to 8 bytes:

    magic        b"stepwarden networks 1\\n\\n\\n"  (24 bytes)
    sizes        6 x u64: v4 rows, v6 rows, bytes of countries, number of names, bytes of names, bytes of
    origin origin       UTF-8: what the data says of itself countries    two letters each; number 0 is "  ",
    unknown offsets      u32 x (names + 1): where each name begins names        UTF-8, one after another;
    number 0 is empty, unknown v4 starts    u32; a row goes up to the next row's start v4 values    u32:
    country << 20 | name v6 starts    u64: the upper half of the address; longer prefixes than /64 are not
    told apart v6 values    u32 digest       SHA-256 of everything before it

A look-up touches some twenty numbers; the rest of the file stays on disk or in the page cache, shared by
processes.

Not here: where the data comes from (``compile_builtin``).
"""

import mmap
import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import BinaryIO

from stepwarden.errors import LookupDataError

MAGIC = b"stepwarden networks 1\n\n\n"
NAME_BITS = 20
_SIZES = struct.Struct("<6Q")
_DIGEST = 32
Row = tuple[int, int]
"""Where a network begins, and the value that holds from there on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a table is made of: rows sorted by start, and the texts that their values point to."""

    v4: Sequence[Row]
    v6: Sequence[Row]
    countries: Sequence[str]
    names: Sequence[str]
    origin: str


def value_of(country: int, name: int) -> int:
    """A row's value from the numbers of its country and its name."""
    if not (0 <= country < 1 << (32 - NAME_BITS) and 0 <= name < 1 << NAME_BITS):
        raise LookupDataError("the address data has more countries or networks than this version can hold")
    return country << NAME_BITS | name


def write(path: Path, contents: Contents) -> None:
    """Write a table, so that at any moment there is a whole one under ``path`` or none.

    Raises:
        LookupDataError: the file cannot be written.
    """
    whole = _format(contents)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(whole)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise LookupDataError(f"cannot write {path}: {exc.strerror}") from exc


def _format(contents: Contents) -> bytes:
    texts = [name.encode() for name in contents.names]
    offsets = array("I", [0])
    for text in texts:
        offsets.append(offsets[-1] + len(text))
    countries = "".join(contents.countries).encode("ascii")
    names, origin = b"".join(texts), contents.origin.encode()
    sizes = _SIZES.pack(
        len(contents.v4), len(contents.v6), len(countries), len(texts), len(names), len(origin)
    )
    parts = [
        MAGIC + sizes,
        origin,
        countries,
        offsets.tobytes(),
        names,
        array("I", [start for start, _ in contents.v4]).tobytes(),
        array("I", [value for _, value in contents.v4]).tobytes(),
        array("Q", [start for start, _ in contents.v6]).tobytes(),
        array("I", [value for _, value in contents.v6]).tobytes(),
    ]
    body = b"".join(part + bytes(-len(part) % 8) for part in parts)
    return body + sha256(body).digest()


class Table:
    """An open table."""

    def __init__(self, path: Path) -> None:
        """Open and check a table.

        Raises:
            LookupDataError: it is missing, damaged, or of another version.
        """
        try:
            with path.open("rb") as file:
                _check(file, path)
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as exc:
            raise LookupDataError(f"cannot read {path}: {exc.strerror}") from exc
        sizes = _SIZES.unpack_from(self._map, len(MAGIC))
        v4, v6, countries, names, name_bytes, origin = sizes
        view = memoryview(self._map)
        place = len(MAGIC) + _SIZES.size

        def part(length: int) -> memoryview:
            nonlocal place
            taken = view[place : place + length]
            place += length + -length % 8
            return taken

        self.origin = bytes(part(origin)).decode()
        codes = bytes(part(countries)).decode("ascii")
        self._countries = [codes[at : at + 2].strip() for at in range(0, len(codes), 2)]
        self._offsets = part(4 * (names + 1)).cast("I")
        self._names = part(name_bytes)
        self._v4, self._v4_values = part(4 * v4).cast("I"), part(4 * v4).cast("I")
        self._v6, self._v6_values = part(8 * v6).cast("Q"), part(4 * v6).cast("I")
        if place + _DIGEST != len(self._map):
            raise LookupDataError(f"{path} is damaged: delete it, it will be made again")

    def lookup(self, address: IPv4Address | IPv6Address) -> tuple[str, str]:
        """Country and name of the network; empty where not known."""
        if address.version == 4:
            row = bisect_right(self._v4, int(address)) - 1
            value = self._v4_values[row] if row >= 0 else 0
        else:
            row = bisect_right(self._v6, int(address) >> 64) - 1
            value = self._v6_values[row] if row >= 0 else 0
        name = value & ((1 << NAME_BITS) - 1)
        first, stop = self._offsets[name], self._offsets[name + 1]
        return self._countries[value >> NAME_BITS], str(self._names[first:stop], "utf-8")


def _check(file: BinaryIO, path: Path) -> None:
    """Read the file once in pieces: a digest over the map would make all of it resident."""
    damaged = LookupDataError(f"{path} is damaged or of another version: delete it, it will be made again")
    left = os.fstat(file.fileno()).st_size - _DIGEST
    if left < len(MAGIC) + _SIZES.size or file.read(len(MAGIC)) != MAGIC:
        raise damaged
    hashed = sha256(MAGIC)
    left -= len(MAGIC)
    while left:
        piece = file.read(min(left, 1 << 16))
        if not piece:
            raise damaged
        hashed.update(piece)
        left -= len(piece)
    if file.read(_DIGEST) != hashed.digest():
        raise damaged
