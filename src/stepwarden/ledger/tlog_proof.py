"""Receipts (c2sp.org/tlog-proof@v1): one text that proves offline that an entry is in a log.

    c2sp.org/tlog-proof@v1
    extra <base64>                 only when there is extra data
    index <decimal>
    <base64 hash>                  the inclusion proof, leaf's sibling first; no lines for a log of one entry
    <blank>
    <the signed checkpoint, as it is>

    >>> from stepwarden.ledger.note import Ed25519Signer, sign_note
    >>> signer = Ed25519Signer.from_seed("log.example/demo", bytes(32))
    >>> claim = Checkpoint(origin="log.example/demo", size=1, root=leaf_hash(b"opened"))
    >>> receipt = TlogProof(index=0, hashes=(), checkpoint=sign_note(claim.format(), [signer]))
    >>> print(receipt.format()[:50])
    c2sp.org/tlog-proof@v1
    index 0
    <BLANKLINE>
    log.example/demo
    1
    >>> found = TlogProof.parse(receipt.format())
    >>> found.verify(b"opened", "log.example/demo", [signer.verifier]) == claim
    True

The entry itself is not in the text: whoever checks a receipt brings the entry, the log's origin and its key.
``extra`` is not covered by any signature and must not be trusted. This module does *not* count witnesses.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from stepwarden.errors import MalformedNoteError
from stepwarden.ledger.checkpoint import Checkpoint, open_checkpoint, parse_hash, parse_size
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import SignedNote, Verifier, decode_base64, encode_base64
from stepwarden.ledger.proof import verify_inclusion

HEADER: Final = "c2sp.org/tlog-proof@v1\n"

MAX_HASHES: Final = 63
"""Hashes of a proof at most: the height of the largest tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """That the entry at ``index`` is in the log of ``checkpoint``, a signed note."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    def format(self) -> str:
        """Return the text."""
        extra = f"extra {encode_base64(self.extra)}\n" if self.extra else ""
        hashes = "".join(encode_base64(each) + "\n" for each in self.hashes)
        return f"{HEADER}{extra}index {self.index}\n{hashes}\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read back what ``format`` wrote, and nothing else. Checks no hash and no signature.

        Raises:
            MalformedNoteError: for every other text, whatever is wrong with it.
        """
        head, blank, checkpoint = text.partition("\n\n")
        if not head.startswith(HEADER) or not blank:
            raise MalformedNoteError("not a c2sp.org/tlog-proof@v1 text")
        lines = head.removeprefix(HEADER).split("\n")
        extra = b""
        if lines[0].startswith("extra "):
            extra = decode_base64(lines.pop(0).removeprefix("extra "))
        if not lines or not lines[0].startswith("index ") or len(lines) > MAX_HASHES + 1:
            raise MalformedNoteError("the index is missing, or there are too many hashes")
        found = cls(
            index=parse_size(lines[0].removeprefix("index ")),
            hashes=tuple(parse_hash(line) for line in lines[1:]),
            checkpoint=checkpoint,
            extra=extra,
        )
        Checkpoint.parse(SignedNote.parse(checkpoint).text)
        if found.format() != text:
            raise MalformedNoteError("not the canonical spelling of a proof")
        return found

    def verify(self, leaf: bytes, origin: str, verifiers: Collection[Verifier]) -> Checkpoint:
        """Return the checkpoint, having shown that the entry ``leaf`` is in its tree at ``index``.

        Raises:
            MalformedNoteError: the checkpoint is another log's.
            BadSignatureError: no given key signed it, or a given key's signature does not verify.
            BadProofError: the entry is not there.
        """
        found = open_checkpoint(self.checkpoint, origin, verifiers)
        verify_inclusion(self.index, found.size, leaf_hash(leaf), self.hashes, found.root)
        return found
