"""Signed notes (c2sp.org/signed-note): text that one or more keys have signed.

A note is its text, a blank line, and one line per signature: an em dash, the key's name, base64 of the key id
(4 bytes) and the signature. The text ends in a newline, is UTF-8 and holds no control characters but
newlines; where it holds blank lines itself, the last one separates.

    >>> signer = Ed25519Signer.from_seed("log.example/demo", bytes(32))
    >>> signer.verifier.format()
    'log.example/demo+4e8adc87+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop'
    >>> note = sign_note("the door is open\\n", [signer])
    >>> print(note[:42])
    the door is open
    <BLANKLINE>
    — log.example/demo Torch
    >>> open_note(note, [signer.verifier])
    'the door is open\\n'

A key is known by its name and its id together. A line by an unknown key is ignored (so that keys can rotate
and witnesses can sign beside us); a line by a known key must verify or the whole note is refused; at least
one line must be by a known key. Where several keys are known by one name and id (anybody can make a key that has
another one's id), or one key with several limits, a line must verify under each of them. The text of a note
must not be looked at before.

Key texts, one line each:

    public   name+hex8+base64(0x01 || 32 bytes)                     ("vkey")
    secret   PRIVATE+KEY+name+hex8+base64(0x01 || 32 byte seed)     ("skey")

where hex8 is the key id, SHA-256(name || 0x0A || 0x01 || public key)[:4]. Every text has one spelling:
parsers format again what they read and compare.

This module is *not* about logs: what a checkpoint says is in ``checkpoint``; keys on disk are in ``keys``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stepwarden.errors import BadSignatureError, MalformedNoteError

MAX_NOTE: Final = 1_000_000
"""Characters of a note at most. Post-quantum signatures take 5,000 each."""

MAX_SIGNATURES: Final = 64
"""Signature lines of a note at most; the specification wants 16 or more."""

_UNCLEAN: Final = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")
"""Control characters but the newline; and lone surrogates, which cannot be written as UTF-8."""

ED25519: Final = b"\x01"
"""The signature type of plain Ed25519 signatures over the text."""


class Verifier(Protocol):
    """A public key that may have signed a note."""

    @property
    def name(self) -> str:
        """The key's name: not empty, no spaces, no plus sign."""
        ...

    @property
    def key_id(self) -> bytes:
        """Four bytes; with the name they say which key and which algorithm."""
        ...

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key signed the message. Raises nothing, whatever the signature's bytes."""
        ...


class Signer(Protocol):
    """A key that signs notes."""

    @property
    def name(self) -> str:
        """The key's name: not empty, no spaces, no plus sign."""
        ...

    @property
    def key_id(self) -> bytes:
        """Four bytes; with the name they say which key and which algorithm."""
        ...

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over the message."""
        ...


def is_key_name(name: str) -> bool:
    """Tell whether a key, or a log, may have this name: printable UTF-8, no spaces, no plus sign."""
    return name != "" and "+" not in name and not any(c.isspace() for c in name) and is_clean(name)


def is_clean(text: str) -> bool:
    """Tell whether text is UTF-8 without control characters other than newlines."""
    return _UNCLEAN.search(text) is None


def encode_base64(data: bytes) -> str:
    """Return standard base64, padded: the spelling that every C2SP text uses."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Return what ``encode_base64`` was given.

    Raises:
        MalformedNoteError: for any other text.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as exc:
        raise MalformedNoteError("not base64") from exc
    # The decoder ignores set bits after the last byte: refuse that second spelling.
    if encode_base64(data) != text:
        raise MalformedNoteError("base64 is not in its canonical spelling")
    return data


def derive_key_id(name: str, signature_type: bytes, public_key: bytes) -> bytes:
    """Return SHA-256(name || newline || type || key)[:4], the recommended key id."""
    return sha256(name.encode() + b"\n" + signature_type + public_key).digest()[:4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes

    def format(self) -> str:
        """Return the line, newline included."""
        return f"— {self.name} {encode_base64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line, newline included.

        Raises:
            MalformedNoteError: when it is no signature line.
        """
        parts = line.removesuffix("\n").split(" ")
        if len(parts) != 3 or not is_key_name(parts[1]):
            raise MalformedNoteError("not a signature line")
        data = decode_base64(parts[2])
        found = cls(name=parts[1], key_id=data[:4], signature=data[4:])
        if not found.signature or found.format() != line:
            raise MalformedNoteError("not a signature line")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedNote:
    """A note taken apart. Nothing in it is verified: ``open_note`` is the way to its text."""

    text: str
    signatures: tuple[Signature, ...]

    def format(self) -> str:
        """Return the whole note."""
        return self.text + "\n" + "".join(line.format() for line in self.signatures)

    @classmethod
    def parse(cls, note: str) -> Self:
        """Read back what ``format`` wrote, and nothing else.

        Raises:
            MalformedNoteError: for every other text, whatever is wrong with it.
        """
        if len(note) > MAX_NOTE:
            raise MalformedNoteError(f"longer than {MAX_NOTE} characters")
        if not is_clean(note):
            raise MalformedNoteError("control characters, or not UTF-8")
        text, blank, block = note.rpartition("\n\n")
        lines = block.splitlines(keepends=True) if blank else []
        if not lines:
            raise MalformedNoteError("no signature lines after a blank line")
        if len(lines) > MAX_SIGNATURES:
            raise MalformedNoteError(f"more than {MAX_SIGNATURES} signatures")
        found = cls(text=text + "\n", signatures=tuple(Signature.parse(line) for line in lines))
        if found.format() != note:
            raise MalformedNoteError("not the canonical spelling")
        return found


def check_text(text: str) -> None:
    """Refuse what cannot be the text of a note.

    Raises:
        ValueError: it does not end in a newline or holds control characters.
    """
    if not text.endswith("\n") or not is_clean(text):
        raise ValueError("the text of a note ends in a newline and holds no control characters")


def sign_note(text: str, signers: Iterable[Signer]) -> str:
    """Return the note: the text, signed by each of the signers, in their order.

    Raises:
        ValueError: the text cannot be signed, or there is no signer.
    """
    check_text(text)
    message = text.encode()
    lines = tuple(
        Signature(name=signer.name, key_id=signer.key_id, signature=signer.sign(message))
        for signer in signers
    )
    if not lines:
        raise ValueError("a note needs a signer")
    return SignedNote(text=text, signatures=lines).format()


def open_note(note: str, verifiers: Collection[Verifier]) -> str:
    """Return the text of a note that at least one of the given keys has signed.

    Raises:
        MalformedNoteError: not a note in its canonical spelling.
        BadSignatureError: no given key signed it, or a given key's signature does not verify.
    """
    found = SignedNote.parse(note)
    if not verified(found, verifiers):
        names = ", ".join(f"{line.name}+{line.key_id.hex()}" for line in found.signatures)
        raise BadSignatureError(f"no known key signed this note (it carries signatures by {names})")
    return found.text


def verified(note: SignedNote, verifiers: Collection[Verifier]) -> Sequence[Signature]:
    """Return the signatures by the given keys, all of which verify; those by unknown keys are left out.

    Raises:
        BadSignatureError: a given key's signature does not verify.
    """
    known: dict[tuple[str, bytes], list[Verifier]] = {}
    for verifier in verifiers:
        known.setdefault((verifier.name, verifier.key_id), []).append(verifier)
    message = note.text.encode()
    good = []
    for line in note.signatures:
        keys = known.get((line.name, line.key_id))
        if keys is None:
            continue
        if not all(key.verify(message, line.signature) for key in keys):
            raise BadSignatureError(f"the signature by {line.name} does not verify")
        good.append(line)
    return good


class Ed25519Verifier:
    """The public half of an Ed25519 key with a name."""

    __slots__ = ("_name", "_public", "_raw")

    def __init__(self, name: str, public_key: bytes) -> None:
        """Hold a raw public key of 32 bytes.

        Raises:
            MalformedNoteError: when the name cannot be a key's, or the bytes no public key.
        """
        if not is_key_name(name):
            raise MalformedNoteError("a key's name holds no spaces, plus signs or control characters")
        try:
            self._public = Ed25519PublicKey.from_public_bytes(public_key)
        except ValueError as exc:
            raise MalformedNoteError("not an Ed25519 public key") from exc
        self._name = name
        self._raw = public_key

    @property
    def name(self) -> str:
        """The key's name."""
        return self._name

    @property
    def key_id(self) -> bytes:
        """SHA-256(name || newline || 0x01 || public key)[:4]."""
        return derive_key_id(self._name, ED25519, self._raw)

    @property
    def public_key(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self._raw

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key signed the message."""
        try:
            self._public.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def format(self) -> str:
        """Return the vkey text."""
        return f"{self._name}+{self.key_id.hex()}+{encode_base64(ED25519 + self._raw)}"

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a vkey text.

        Raises:
            MalformedNoteError: for any other text, a wrong key id included.
        """
        parts = vkey.split("+", 2)
        if len(parts) != 3:
            raise MalformedNoteError("a public key reads name+id+key")
        data = decode_base64(parts[2])
        if data[:1] != ED25519:
            raise MalformedNoteError("not an Ed25519 key")
        found = cls(parts[0], data[1:])
        if found.format() != vkey:
            raise MalformedNoteError("the key's id does not belong to its name and bytes")
        return found


class Ed25519Signer:
    """An Ed25519 key pair with a name. Its text form is a secret; its ``repr`` is not."""

    __slots__ = ("_key", "_key_id", "_verifier")

    PREFIX: Final = "PRIVATE+KEY+"

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Hold a private key.

        Raises:
            MalformedNoteError: when the name cannot be a key's.
        """
        self._key = key
        self._verifier = Ed25519Verifier(name, key.public_key().public_bytes_raw())
        self._key_id = self._verifier.key_id

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """Make a key from 32 random bytes.

        Raises:
            MalformedNoteError: when the name cannot be a key's, or the seed has another length.
        """
        if len(seed) != 32:
            raise MalformedNoteError("an Ed25519 seed has 32 bytes")
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def name(self) -> str:
        """The key's name."""
        return self._verifier.name

    @property
    def key_id(self) -> bytes:
        """The id of the public half."""
        return self._key_id

    @property
    def verifier(self) -> Ed25519Verifier:
        """The public half."""
        return self._verifier

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes (RFC 8032: the same every time)."""
        return self._key.sign(message)

    def format(self) -> str:
        """Return the skey text: a secret."""
        secret = encode_base64(ED25519 + self._key.private_bytes_raw())
        return f"{self.PREFIX}{self.name}+{self.key_id.hex()}+{secret}"

    @classmethod
    def parse(cls, skey: str) -> Self:
        """Read an skey text.

        Raises:
            MalformedNoteError: for any other text, a wrong key id included. Never shows what it read.
        """
        parts = skey.removeprefix(cls.PREFIX).split("+", 2)
        if not skey.startswith(cls.PREFIX) or len(parts) != 3:
            raise MalformedNoteError("a secret key reads PRIVATE+KEY+name+id+key")
        data = decode_base64(parts[2])
        if data[:1] != ED25519:
            raise MalformedNoteError("not an Ed25519 key")
        found = cls.from_seed(parts[0], data[1:])
        if found.format() != skey:
            raise MalformedNoteError("the key's id does not belong to its name and bytes")
        return found
