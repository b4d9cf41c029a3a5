"""Keyrings: the public keys of a log in one file, the retired ones included, with what each is good for.

One vkey text a line. A line that begins with ``#`` is about the next key:

    # signs every head of the log
    log.example/demo+4e8adc87+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop
    # until size 1200: retired
    log.example/demo+a32c9e7b+AYGSvMbTI9+35BUCvxQxxrl9d3lsIGBpsvCgsrWAdHgh

``until size N`` is the last size that the key may have signed. Other tools take the line for a comment; we do not:
such a key is read as one that verifies nothing but checkpoints of at most N entries. So whoever steals a key after
its retirement can forge no longer log, and not even a verifier who knows nothing of rotations believes them.

    >>> from stepwarden.ledger.note import Ed25519Signer
    >>> key = Ed25519Signer.from_seed("log.example/demo", bytes(32))
    >>> ring = Keyring().with_key(key.verifier, "signs every head of the log").retired(key.verifier, 1200)
    >>> old = Keyring.parse(ring.format()).verifiers()[0]
    >>> within, beyond = b"log.example/demo\\n1200\\nAAA=\\n", b"log.example/demo\\n1201\\nAAA=\\n"
    >>> old.verify(within, key.sign(within)), old.verify(beyond, key.sign(beyond))
    (True, False)

This module reads no files: ``keys`` does. It is *not* the history of a log's keys, which is in the log itself
(``rotation``): a keyring is what a verifier was given beforehand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Self

from stepwarden.errors import MalformedNoteError
from stepwarden.ledger.note import is_clean
from stepwarden.ledger.vkey import PublicKey, parse_vkey

_UNTIL: Final = re.compile(r"until size (0|[1-9][0-9]{0,18})(?::|\Z)")
_SIZE: Final = re.compile(rb"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class RetiredVerifier:
    """A public key that signed a log until it had ``until`` entries, and nothing after that."""

    key: PublicKey
    until: int

    @property
    def name(self) -> str:
        """The key's name."""
        return self.key.name

    @property
    def key_id(self) -> bytes:
        """The key's id."""
        return self.key.key_id

    @property
    def public_key(self) -> bytes:
        """The raw public key."""
        return self.key.public_key

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key signed a checkpoint of at most ``until`` entries."""
        lines = message.split(b"\n", 2)
        if len(lines) < 3 or not _SIZE.fullmatch(lines[1]) or int(lines[1]) > self.until:
            return False
        return self.key.verify(message, signature)

    def format(self) -> str:
        """Return the vkey text, which does not tell that the key is retired."""
        return self.key.format()


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key of a ring. ``until`` is None while it may sign; ``note`` says what it is for."""

    key: PublicKey
    note: str = ""
    until: int | None = None

    def format(self) -> str:
        """Return its lines."""
        about = self.note if self.until is None else f"until size {self.until}: {self.note}"
        return (f"# {about}\n" if about else "") + self.key.format() + "\n"

    @property
    def verifier(self) -> PublicKey | RetiredVerifier:
        """What verifies its signatures, as far as they are good."""
        return self.key if self.until is None else RetiredVerifier(self.key, self.until)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of a log, the first of which names it."""

    keys: tuple[RingKey, ...] = ()

    def verifiers(self) -> list[PublicKey | RetiredVerifier]:
        """What verifies the signatures of the keys, in the ring's order."""
        return [known.verifier for known in self.keys]

    def with_key(self, key: PublicKey, note: str, *, first: bool = False) -> Self:
        """Return the ring with this key as well; unchanged where it is known."""
        if any(known.key.format() == key.format() for known in self.keys):
            return self
        new = RingKey(key, note)
        return replace(self, keys=(new, *self.keys) if first else (*self.keys, new))

    def retired(self, key: PublicKey, until: int) -> Self:
        """Return the ring with this key good for checkpoints of at most ``until`` entries. It stays listed."""
        text = key.format()
        kept = [known for known in self.keys if known.key.format() != text]
        return replace(self, keys=(*kept, RingKey(key, "retired", until)))

    def format(self) -> str:
        """Return the file's text."""
        return "".join(known.format() for known in self.keys)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a file's text; comments and blank lines may stand anywhere.

        Raises:
            MalformedNoteError: a line is no key, or the same key stands in two lines. Says which line.
        """
        found: dict[str, RingKey] = {}
        about = ""
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
            if line.startswith("#"):
                # A limit holds for the key, whatever other remarks stand between.
                about = about if about.startswith("until size") else line.removeprefix("#").strip()
            elif line.strip():
                try:
                    known = _read(line, about)
                except MalformedNoteError as exc:
                    raise MalformedNoteError(f"line {number} is no public key: {exc}") from exc
                if line in found:
                    raise MalformedNoteError(f"line {number} holds a key that stands in the file already")
                found[line] = known
                about = ""
        return cls(tuple(found.values()))


def _read(line: str, about: str) -> RingKey:
    if not is_clean(line):
        raise MalformedNoteError("it holds control characters")
    until = _UNTIL.match(about)
    if until is None and about.startswith("until size"):
        # Never read a limit that we do not understand as none at all.
        raise MalformedNoteError(f"'# {about}' above it states no size")
    note = about[until.end() :].strip() if until else about
    return RingKey(parse_vkey(line), note, int(until[1]) if until else None)
