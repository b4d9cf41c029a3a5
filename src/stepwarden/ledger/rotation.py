r"""Rotation: a log changes its signing key and stays the same log.

Old and new key sign one statement, which stands in the log as an entry:

    stepwarden key rotation v1
    <origin>
    <old public key, a vkey text>
    <new public key>
    <index of the entry>
    <when the overlap ends, microseconds since 1970 UTC>

Each line ends in a newline. No checkpoint reads like it, because an origin holds no spaces; so neither can be passed
off as the other. The old key's signature says who follows it, the new key's that its owner wanted that.

    >>> from stepwarden.ledger.note import Ed25519Signer, encode_base64
    >>> old, new = (Ed25519Signer.from_seed("log.example/demo", bytes([n]) * 32) for n in (1, 2))
    >>> done = Rotation(old=old.verifier.format(), new=new.verifier.format(), index=7, until=60_000_000)
    >>> history = KeyHistory(old.verifier.format())
    >>> history.rotate(done, by_old=encode_base64(old.sign(done.statement())),
    ...                by_new=encode_base64(new.sign(done.statement())), time=1)
    >>> history.retire(old.verifier.format(), index=20, time=60_000_000)
    >>> [(key.since, key.until) for key in history.keys]
    [(0, 20), (8, None)]

A history holds from which size to which each key signs. During the overlap *both* sign every head: a forged
head by a stolen old key alone is no head of this log. After the retirement at index 20 the old key is good for
checkpoints of at most 20 entries.

Rules: a rotation is from the newest key to one that was never used, of the same origin; there is no second one
before the first has ended; a key is retired once, by an entry after its rotation. This module makes no keys and reads
no entries: its caller takes them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from stepwarden.errors import BadSignatureError, CorruptLogError, MalformedNoteError
from stepwarden.ledger.keyring import RetiredVerifier
from stepwarden.ledger.note import Ed25519Verifier, decode_base64

HEADER: Final = "stepwarden key rotation v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One key follows another in the entry at ``index``; both sign until ``until`` (microseconds)."""

    old: str
    new: str
    index: int
    until: int

    def statement(self) -> bytes:
        """Return what both keys sign.

        Raises:
            MalformedNoteError: the keys are no Ed25519 keys of one origin, or the same.
        """
        old, new = Ed25519Verifier.parse(self.old), Ed25519Verifier.parse(self.new)
        if old.name != new.name:
            raise MalformedNoteError(f"a log keeps its name: {old.name} cannot go on as {new.name}")
        if old.public_key == new.public_key:
            raise MalformedNoteError("a key cannot follow itself")
        lines = [HEADER, old.name, self.old, self.new, str(self.index), str(self.until)]
        return ("\n".join(lines) + "\n").encode()

    def verify(self, by_old: str, by_new: str) -> None:
        """Return only if both keys signed this.

        Raises:
            MalformedNoteError: a key or a signature cannot be read.
            BadSignatureError: a signature is not by its key, or not over this.
        """
        statement = self.statement()
        for name, key, signature in (("old", self.old, by_old), ("new", self.new, by_new)):
            if not Ed25519Verifier.parse(key).verify(statement, decode_base64(signature)):
                raise BadSignatureError(f"the {name} key did not sign the rotation in entry {self.index}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPeriod:
    """One key of a log, and the sizes of the checkpoints that it signs: ``since`` to ``until``, both included.

    ``ends`` is when its retirement is due (None while no key follows it), ``began`` and ``ended`` when it was the log's
    time to begin and end with it (0: with the log; None: not yet). Microseconds. ``keep``: see ``KeyRotated``.
    """

    vkey: str
    since: int
    until: int | None = None
    began: int = 0
    ends: int | None = None
    ended: int | None = None
    keep: bool = False

    @property
    def verifier(self) -> Ed25519Verifier | RetiredVerifier:
        """What verifies checkpoints that this key signed, as far as it may have."""
        key = Ed25519Verifier.parse(self.vkey)
        return key if self.until is None else RetiredVerifier(key, self.until)


class KeyHistory:
    """Which key signed which part of a log; grows by its entries, in their order."""

    def __init__(self, first: str) -> None:
        """Begin with the key (vkey text) that the log began with."""
        self.keys: tuple[KeyPeriod, ...] = (KeyPeriod(vkey=first, since=0),)

    @property
    def main(self) -> KeyPeriod:
        """The newest key."""
        return self.keys[-1]

    @property
    def leaving(self) -> KeyPeriod | None:
        """The key before it, while it still signs."""
        before = self.keys[-2] if len(self.keys) > 1 else None
        return before if before is not None and before.until is None else None

    def rotate(self, done: Rotation, *, by_old: str, by_new: str, time: int, keep: bool = False) -> None:
        """Take in a rotation; ``time`` is its entry's.

        Raises:
            BadSignatureError, MalformedNoteError: it is not signed by both keys.
            CorruptLogError: it breaks a rule.
        """
        done.verify(by_old, by_new)
        if done.old != self.main.vkey:
            raise CorruptLogError(f"the rotation in entry {done.index} is not from the key that the log had")
        if self.leaving is not None:
            raise CorruptLogError(f"the rotation in entry {done.index} comes before the last one has ended")
        if any(known.vkey == done.new for known in self.keys):
            raise CorruptLogError(f"the rotation in entry {done.index} is to a key that was used before")
        if done.index < self.main.since:
            raise CorruptLogError(f"the rotation in entry {done.index} comes before the key it is from")
        leaving = replace(self.main, ends=done.until, keep=keep)
        new = KeyPeriod(vkey=done.new, since=done.index + 1, began=time)
        self.keys = (*self.keys[:-1], leaving, new)

    def retire(self, vkey: str, *, index: int, time: int) -> None:
        """Take in a retirement in the entry at ``index``. It may come before its time.

        Raises:
            CorruptLogError: this key is not the one that is leaving.
        """
        leaving = self.leaving
        if leaving is None or leaving.vkey != vkey or index < self.main.since:
            raise CorruptLogError(f"entry {index} retires a key that was not about to leave")
        self.keys = (*self.keys[:-2], replace(leaving, until=index, ended=time), self.main)

    def needed(self, size: int) -> tuple[KeyPeriod, ...]:
        """Return the keys that have to sign a checkpoint of this size."""
        return tuple(
            key for key in self.keys if key.since <= size and (key.until is None or size <= key.until)
        )
