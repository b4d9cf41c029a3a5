r"""Cosignatures (c2sp.org/tlog-cosignature): "at this time, I saw this checkpoint, and it fits what I saw before".

A cosignature is one more signature line under a checkpoint. Its bytes are the time (seconds since 1970, 64 bits,
big endian) and the signature. There are two kinds:

    type  key                       the signed message
    0x04  Ed25519, 32 bytes         b"cosignature/v1\ntime <decimal>\n" + the whole text of the checkpoint
    0x06  ML-DSA-44, 1,312 bytes    b"subtree/v1\n\0" + short(name) + u64(time) + short(origin)
                                    + u64(0) + u64(size) + root, where short() puts one byte of length before

ML-DSA-44 is FIPS 204 in its pure form with an empty context; it stays hard to forge for whoever has a quantum
computer. It covers the cosigner's name, so one key may serve under several names, and it does *not* cover a
checkpoint's extension lines. The Ed25519 kind covers those and not the name, so each name needs its own key.

    >>> seen = "log.example/demo\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    >>> witness = Ed25519Cosigner.from_seed("witness.example/w1", bytes(32))
    >>> line = witness.cosign(seen, 1679315147)
    >>> len(line.signature), cosigned_at(line)
    (72, 1679315147)
    >>> witness.verifier.verify(seen.encode(), line.signature)
    True
    >>> witness.verifier.format()[:40]
    'witness.example/w1+e42b2f2c+BDtqJ7zOtqQt'

Key texts are those of ``note`` with another type byte; the secret of an ML-DSA-44 key is its seed of 32 bytes. A
time of 0 says nothing about when: the format allows it to logs, and ``witness_policy`` does not count it as a
witness's word.

This module is *not* the witness: it signs what it is given. Whether a checkpoint fits the ones before is the
caller's to know before it asks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from stepwarden.errors import MalformedNoteError
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.note import Signature, decode_base64, derive_key_id, encode_base64, is_key_name

ED25519_COSIGNATURE: Final = b"\x04"
"""The signature type of Ed25519 cosignatures."""

ML_DSA_44_COSIGNATURE: Final = b"\x06"
"""The signature type of ML-DSA-44 cosignatures."""

PREFIX: Final = "PRIVATE+KEY+"
"""How a secret key's text begins."""

SEED_SIZE: Final = 32
"""Bytes of the seed that either kind of key is made from."""

MAX_TIME: Final = 2**63 - 1
"""Seconds at most, by the specification."""

_TIME_SIZE: Final = 8
_ED25519_SIGNATURE: Final = 64
_ML_DSA_44_SIGNATURE: Final = 2_420
_MAX_NAME: Final = 255


def cosigned_at(signature: Signature) -> int:
    """Return the time that a cosignature states, in seconds since 1970. Trust it only once it is verified.

    Raises:
        MalformedNoteError: the bytes have the length of no cosignature, or the time is above 2**63 - 1.
    """
    found = _taken_apart(signature.signature, _ED25519_SIGNATURE) or _taken_apart(
        signature.signature, _ML_DSA_44_SIGNATURE
    )
    if found is None:
        raise MalformedNoteError(f"the line by {signature.name} is no cosignature: it states no time")
    return found[0]


def _taken_apart(data: bytes, length: int) -> tuple[int, bytes] | None:
    """The time and the signature of ``length`` bytes; None for what is no such cosignature."""
    time = int.from_bytes(data[:_TIME_SIZE], "big")
    if len(data) != _TIME_SIZE + length or time > MAX_TIME:
        return None
    return time, data[_TIME_SIZE:]


class CosignatureVerifier(ABC):
    """The public half of a cosigner's key. A ``note.Verifier``; its two kinds are below."""

    __slots__ = ("_key_id", "_name", "_raw")

    TYPE: ClassVar[bytes]

    def __init__(self, name: str, public_key: bytes) -> None:
        """Hold a raw public key.

        Raises:
            MalformedNoteError: when the name cannot be a cosigner's, or the bytes no public key.
        """
        if not is_key_name(name):
            raise MalformedNoteError("a key's name holds no spaces, plus signs or control characters")
        if len(name.encode()) > _MAX_NAME:
            raise MalformedNoteError(f"a cosigner's name has at most {_MAX_NAME} bytes")
        self._name = name
        self._raw = public_key
        self._key_id = derive_key_id(name, self.TYPE, public_key)

    @property
    def name(self) -> str:
        """The key's name."""
        return self._name

    @property
    def key_id(self) -> bytes:
        """SHA-256(name || newline || type || public key)[:4]."""
        return self._key_id

    @property
    def public_key(self) -> bytes:
        """The raw public key."""
        return self._raw

    @abstractmethod
    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key cosigned the checkpoint ``message``. Raises nothing, whatever the bytes."""

    def format(self) -> str:
        """Return the vkey text."""
        return f"{self._name}+{self._key_id.hex()}+{encode_base64(self.TYPE + self._raw)}"

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a vkey text of this type.

        Raises:
            MalformedNoteError: for any other text, a wrong key id included.
        """
        name, raw = _read_key(vkey, cls.TYPE, "name+id+key")
        found = cls(name, raw)
        if found.format() != vkey:
            raise MalformedNoteError("the key's id does not belong to its name and bytes")
        return found


def _read_key(text: str, kind: bytes, shape: str) -> tuple[str, bytes]:
    """The name and the bytes in a key's text; the caller formats again and compares."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise MalformedNoteError(f"a key reads {shape}")
    data = decode_base64(parts[2])
    if data[:1] != kind:
        raise MalformedNoteError(f"not a key of type {kind.hex()}")
    return parts[0], data[1:]


class Ed25519CosignatureVerifier(CosignatureVerifier):
    """Verifies cosignatures of type 0x04."""

    __slots__ = ("_public",)

    TYPE = ED25519_COSIGNATURE

    def __init__(self, name: str, public_key: bytes) -> None:
        """Hold a raw public key of 32 bytes.

        Raises:
            MalformedNoteError: when the name cannot be a cosigner's, or the bytes no public key.
        """
        super().__init__(name, public_key)
        try:
            self._public = Ed25519PublicKey.from_public_bytes(public_key)
        except ValueError as exc:
            raise MalformedNoteError("not an Ed25519 public key") from exc

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key cosigned the checkpoint ``message``. Raises nothing, whatever the bytes."""
        found = _taken_apart(signature, _ED25519_SIGNATURE)
        if found is None:
            return False
        try:
            self._public.verify(found[1], _ed25519_message(message, found[0]))
        except InvalidSignature:
            return False
        return True


class MlDsaCosignatureVerifier(CosignatureVerifier):
    """Verifies cosignatures of type 0x06."""

    __slots__ = ("_public",)

    TYPE = ML_DSA_44_COSIGNATURE

    def __init__(self, name: str, public_key: bytes) -> None:
        """Hold a raw public key of 1,312 bytes.

        Raises:
            MalformedNoteError: when the name cannot be a cosigner's, or the bytes no public key.
        """
        super().__init__(name, public_key)
        try:
            self._public = MLDSA44PublicKey.from_public_bytes(public_key)
        except ValueError as exc:
            raise MalformedNoteError("not an ML-DSA-44 public key") from exc

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key cosigned the checkpoint ``message``. Raises nothing, whatever the bytes."""
        found = _taken_apart(signature, _ML_DSA_44_SIGNATURE)
        if found is None:
            return False
        try:
            claim = Checkpoint.parse(message.decode())
            self._public.verify(found[1], _ml_dsa_message(claim, self._name, found[0]))
        except (UnicodeDecodeError, MalformedNoteError, InvalidSignature):
            return False
        return True


def _ed25519_message(text: bytes, time: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time + text


def _ml_dsa_message(claim: Checkpoint, name: str, time: int) -> bytes:
    """The ``cosigned_message`` structure over the whole tree of a checkpoint.

    Raises:
        MalformedNoteError: the origin is too long for it.
    """
    origin = claim.origin.encode()
    if len(origin) > _MAX_NAME:
        raise MalformedNoteError(f"an origin of more than {_MAX_NAME} bytes cannot be cosigned with ML-DSA")
    return b"".join(
        (
            b"subtree/v1\n\0",
            _short(name.encode()),
            time.to_bytes(8, "big"),
            _short(origin),
            (0).to_bytes(8, "big"),
            claim.size.to_bytes(8, "big"),
            claim.root,
        )
    )


def _short(data: bytes) -> bytes:
    return bytes([len(data)]) + data


class Cosigner(ABC):
    """A key pair for cosignatures. Its text form is a secret; its ``repr`` is not. Its two kinds are below."""

    __slots__ = ("_verifier",)

    TYPE: ClassVar[bytes]

    def __init__(self, verifier: CosignatureVerifier) -> None:
        """Hold the public half; the kinds hold the private one."""
        self._verifier = verifier

    @classmethod
    @abstractmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """Make a key from 32 random bytes.

        Raises:
            MalformedNoteError: when the name cannot be a cosigner's, or the seed has another length.
        """

    @property
    def name(self) -> str:
        """The key's name."""
        return self._verifier.name

    @property
    def key_id(self) -> bytes:
        """The id of the public half."""
        return self._verifier.key_id

    @property
    def verifier(self) -> CosignatureVerifier:
        """The public half."""
        return self._verifier

    def cosign(self, checkpoint_text: str, time: int) -> Signature:
        """Return the line that says: at ``time`` (seconds since 1970) I saw this checkpoint.

        Ed25519 makes the same line each time; ML-DSA makes another one, from the system's entropy.

        Raises:
            MalformedNoteError: the text is no checkpoint, or its origin is too long for ML-DSA (255 bytes).
            ValueError: the time is negative, or above 2**63 - 1.
        """
        if not 0 <= time <= MAX_TIME:
            raise ValueError(f"a cosignature cannot state the time {time}")
        signature = self._sign(checkpoint_text, Checkpoint.parse(checkpoint_text), time)
        return Signature(name=self.name, key_id=self.key_id, signature=time.to_bytes(8, "big") + signature)

    @abstractmethod
    def _sign(self, text: str, claim: Checkpoint, time: int) -> bytes: ...

    @abstractmethod
    def _seed(self) -> bytes: ...

    def format(self) -> str:
        """Return the skey text: a secret."""
        secret = encode_base64(self.TYPE + self._seed())
        return f"{PREFIX}{self.name}+{self.key_id.hex()}+{secret}"

    @classmethod
    def parse(cls, skey: str) -> Self:
        """Read an skey text.

        Raises:
            MalformedNoteError: for any other text, a wrong key id included. Never shows what it read.
        """
        if not skey.startswith(PREFIX):
            raise MalformedNoteError("a secret key reads PRIVATE+KEY+name+id+key")
        name, seed = _read_key(skey.removeprefix(PREFIX), cls.TYPE, "PRIVATE+KEY+name+id+key")
        found = cls.from_seed(name, seed)
        if found.format() != skey:
            raise MalformedNoteError("the key's id does not belong to its name and bytes")
        return found


class Ed25519Cosigner(Cosigner):
    """A key pair for cosignatures of type 0x04: what a witness should have, beside an ML-DSA one."""

    __slots__ = ("_key",)

    TYPE = ED25519_COSIGNATURE

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Hold a private key.

        Raises:
            MalformedNoteError: when the name cannot be a cosigner's.
        """
        super().__init__(Ed25519CosignatureVerifier(name, key.public_key().public_bytes_raw()))
        self._key = key

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """Make a key from 32 random bytes.

        Raises:
            MalformedNoteError: when the name cannot be a cosigner's, or the seed has another length.
        """
        if len(seed) != SEED_SIZE:
            raise MalformedNoteError("an Ed25519 seed has 32 bytes")
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    def _sign(self, text: str, claim: Checkpoint, time: int) -> bytes:
        return self._key.sign(_ed25519_message(text.encode(), time))

    def _seed(self) -> bytes:
        return self._key.private_bytes_raw()


class MlDsaCosigner(Cosigner):
    """A key pair for cosignatures of type 0x06."""

    __slots__ = ("_key",)

    TYPE = ML_DSA_44_COSIGNATURE

    def __init__(self, name: str, key: MLDSA44PrivateKey) -> None:
        """Hold a private key.

        Raises:
            MalformedNoteError: when the name cannot be a cosigner's.
        """
        super().__init__(MlDsaCosignatureVerifier(name, key.public_key().public_bytes_raw()))
        self._key = key

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """Make a key from 32 random bytes.

        Raises:
            MalformedNoteError: when the name cannot be a cosigner's, or the seed has another length.
        """
        if len(seed) != SEED_SIZE:
            raise MalformedNoteError("an ML-DSA-44 seed has 32 bytes")
        return cls(name, MLDSA44PrivateKey.from_seed_bytes(seed))

    def _sign(self, text: str, claim: Checkpoint, time: int) -> bytes:
        return self._key.sign(_ml_dsa_message(claim, self.name, time))

    def _seed(self) -> bytes:
        return self._key.private_bytes_raw()
