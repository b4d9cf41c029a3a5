"""From a file to text in blocks, whatever wrote it: gzip, zip, UTF-8 with or without BOM, UTF-16, Latin-1.

The coding is told from the first 64 KiB: a BOM; else NUL bytes at every other place (UTF-16 without BOM, as
PowerShell redirections write); else UTF-8 if it decodes; else Windows-1252, which reads Latin-1. A byte that does not
fit later on is written as ``\\xNN``: a damaged byte costs that byte, not the file.

A line ends with ``\\n`` (``\\r\\n`` too) and nothing else, so that line numbers are those of other tools:

>>> list(lines(iter(["a\\r\\nb\\x0bc", "\\nd"])))
['a', 'b\\x0bc', 'd']

A line longer than ``MAX_LINE`` characters is cut there and goes on as the next line, so that a file without line
ends cannot fill the memory. Of a zip archive each member is a file of its own.
"""

import codecs
import gzip
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from stepwarden.errors import InputError

BLOCK = 1 << 18
SAMPLE = 1 << 16
MAX_LINE = 1 << 24
SPACE = "\ufeff \r\n\t"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_READ_ERRORS = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError)


@dataclass(frozen=True, slots=True)
class Member:
    """One stream of text in a file: the file itself, unpacked, or a member of a zip archive."""

    path: Path
    name: str
    inside: str = ""
    modified: float = 0.0

    def blocks(self, size: int = BLOCK) -> Iterator[str]:
        """The text in blocks.

        Raises:
            InputError: the file cannot be read or unpacked.
        """
        try:
            with self._open() as stream:
                yield from _decoded(stream, size)
        except _READ_ERRORS as exc:
            raise InputError(f"cannot read {self.name}: {_why(exc)}", field=self.name) from exc

    def sample(self, size: int = SAMPLE) -> str:
        """The beginning of the text, about ``size`` characters of it.

        Raises:
            InputError: the file cannot be read or unpacked.
        """
        found = ""
        for block in self.blocks(SAMPLE):
            found += block
            if len(found) >= size:
                break
        return found

    def _open(self) -> AbstractContextManager[IO[bytes]]:
        if self.inside:
            return _zip_member(self.path, self.inside)
        with self.path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        return _unpacked(self.path) if packed else self.path.open("rb")


def _why(exc: BaseException) -> str:
    return exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc) or type(exc).__name__


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with gzip.open(path, "rb") as stream:
        yield stream  # type: ignore[misc]  # a GzipFile reads like any other binary file


@contextmanager
def _zip_member(path: Path, inside: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive, archive.open(inside) as stream:
        yield stream


def members(path: str | os.PathLike[str]) -> list[Member]:
    """The texts in a file.

    Raises:
        InputError: there is no such file, or it is no readable archive.
    """
    file = Path(path)
    try:
        modified = file.stat().st_mtime
        with file.open("rb") as stream:
            start = stream.read(4)
        if start != b"PK\x03\x04":
            return [Member(file, file.name, modified=modified)]
        with zipfile.ZipFile(file) as archive:
            return [
                Member(file, f"{file.name}/{entry.filename}", entry.filename, modified)
                for entry in archive.infolist()
                if not entry.is_dir()
            ]
    except _READ_ERRORS as exc:
        raise InputError(f"cannot read {file.name}: {_why(exc)}", field=file.name) from exc


def encoding_of(start: bytes) -> str:
    """The coding of a text, from its first bytes."""
    for bom, name in _BOMS:
        if start.startswith(bom):
            return name
    even, odd = start[0:512:2].count(0), start[1:512:2].count(0)
    if max(even, odd) * 4 > min(len(start), 512):
        return "utf-16-be" if even > odd else "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _decoded(stream: IO[bytes], size: int) -> Iterator[str]:
    data = stream.read(SAMPLE)
    decoder = codecs.getincrementaldecoder(encoding_of(data))("backslashreplace")
    while data:
        if text := decoder.decode(data):
            yield text
        data = stream.read(size)
    if text := decoder.decode(b"", final=True):
        yield text


def begun(blocks: Iterable[str]) -> tuple[str, Iterator[str]]:
    """The text up to its first character that is no space, and the whole text again."""
    source = iter(blocks)
    start = ""
    for block in source:
        start += block
        if start.strip(SPACE):
            break
    return start.lstrip(SPACE)[:1], chain((start,), source)


def lines(blocks: Iterable[str]) -> Iterator[str]:
    """The lines of a text, without their ends."""
    rest = ""
    for block in blocks:
        found = (rest + block).split("\n")
        rest = found.pop()
        for line in found:
            yield line[:-1] if line[-1:] == "\r" else line
        while len(rest) > MAX_LINE:
            yield rest[:MAX_LINE]
            rest = rest[MAX_LINE:]
    if rest:
        yield rest[:-1] if rest[-1:] == "\r" else rest
