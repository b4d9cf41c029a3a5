"""Checkpoints (c2sp.org/tlog-checkpoint): the claim "this log holds N entries under this root".

The text is three lines, each ended by a newline: origin, size in decimal, root in standard base64.
One checkpoint has exactly one text, so auditors may compare bytes.

    >>> claim = Checkpoint(origin="log.example/demo", size=0, root=bytes.fromhex(EMPTY))
    >>> claim.format()
    'log.example/demo\\n0\\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\\n'
    >>> Checkpoint.parse(claim.format()) == claim
    True

Other logs may add extension lines. They are read, kept and written again, because a signature covers them; we
write none of our own, and nobody should: monitors cannot audit them.

Signing lives in ``note``. A checkpoint is *not* a promise that an earlier one was its prefix: that takes a
consistency proof.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from stepwarden.errors import MalformedNoteError
from stepwarden.ledger.merkle import HASH_SIZE
from stepwarden.ledger.note import Verifier, decode_base64, encode_base64, is_clean, is_key_name, open_note

EMPTY: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of nothing, in hex: the root of an empty log."""

MAX_SIZE: Final = 2**63 - 1
"""Entries of a log at most: a signed 64-bit number, as other tools and databases read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How long a log is, and the hash that commits to every entry in it."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def format(self) -> str:
        """Return the text, which ends in a newline."""
        lines = [self.origin, str(self.size), encode_base64(self.root), *self.extensions]
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read back what ``format`` wrote, and nothing else.

        Raises:
            MalformedNoteError: for every other text, whatever is wrong with it.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() != "" or not all(lines) or not is_clean(text):
            raise MalformedNoteError("a checkpoint is three or more lines, none of them empty")
        found = cls(
            origin=lines[0],
            size=parse_size(lines[1]),
            root=parse_hash(lines[2]),
            extensions=tuple(lines[3:]),
        )
        if found.format() != text:
            raise MalformedNoteError("not the canonical spelling of a checkpoint")
        return found


def parse_size(text: str) -> int:
    """Read a number of entries, or an index: decimal digits, no leading zeros.

    Raises:
        MalformedNoteError: for any other text, or a number above 2**63 - 1.
    """
    # int() reads "+42", "4_2", " 42" and other alphabets' digits: refuse second spellings.
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or (text[0] == "0" and text != "0"):
        raise MalformedNoteError("not a number in its canonical spelling")
    size = int(text)
    if size > MAX_SIZE:
        raise MalformedNoteError("not a number of 63 bits")
    return size


def parse_hash(text: str) -> bytes:
    """Read the base64 of a SHA-256 hash.

    Raises:
        MalformedNoteError: for any other text.
    """
    root = decode_base64(text)
    if len(root) != HASH_SIZE:
        raise MalformedNoteError("a hash has 32 bytes")
    return root


def check_origin(origin: str) -> None:
    """Refuse an origin that our own log must not have.

    Raises:
        MalformedNoteError: it is empty, or holds spaces, plus signs or control characters.
    """
    if not is_key_name(origin):
        raise MalformedNoteError(
            f"{origin!r} cannot name a log: give a URL without scheme, like log.example.com/audit"
        )


def open_checkpoint(note: str, origin: str, verifiers: Collection[Verifier]) -> Checkpoint:
    """Return the checkpoint in a note, verified and for the log of that origin.

    Raises:
        MalformedNoteError: not a note, not a checkpoint, or another log's.
        BadSignatureError: no given key signed it, or a given key's signature does not verify.
    """
    found = Checkpoint.parse(open_note(note, verifiers))
    if found.origin != origin:
        raise MalformedNoteError(f"a checkpoint of the log {found.origin!r}, not of {origin!r}")
    return found
