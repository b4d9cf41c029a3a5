"""Public keys of any kind that a log or a witness may have: their texts, and the key behind a text.

    0x01   Ed25519 over a note's text           what a log signs with
    0x04   Ed25519 cosignature                  what a witness signs with
    0x06   ML-DSA-44 cosignature                either, and hard to forge for quantum computers too

    >>> key = parse_vkey("log.example/demo+4e8adc87+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop")
    >>> type(key).__name__, key.name
    ('Ed25519Verifier', 'log.example/demo')
    >>> parse_vkey(key.format()).key_id == key.key_id
    True

Two texts may hold the same key under two names or two kinds: ``public_key`` of the verifiers tells. This module
reads *no* files (``keys`` does) and no secret keys.
"""

from collections.abc import Callable
from typing import Final

from stepwarden.errors import MalformedNoteError
from stepwarden.ledger.cosignature import (
    ED25519_COSIGNATURE,
    ML_DSA_44_COSIGNATURE,
    Ed25519CosignatureVerifier,
    MlDsaCosignatureVerifier,
)
from stepwarden.ledger.note import ED25519, Ed25519Verifier, decode_base64

PublicKey = Ed25519Verifier | Ed25519CosignatureVerifier | MlDsaCosignatureVerifier
"""Each is a ``note.Verifier`` that also has ``public_key`` and ``format``."""

_KINDS: Final[dict[bytes, Callable[[str], PublicKey]]] = {
    ED25519: Ed25519Verifier.parse,
    ED25519_COSIGNATURE: Ed25519CosignatureVerifier.parse,
    ML_DSA_44_COSIGNATURE: MlDsaCosignatureVerifier.parse,
}


def parse_vkey(text: str) -> PublicKey:
    """Read a public key's text, name+id+key, of any of the three kinds.

    Raises:
        MalformedNoteError: for any other text, a wrong key id included.
    """
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise MalformedNoteError("a public key reads name+id+key")
    kind = decode_base64(parts[2])[:1]
    parse = _KINDS.get(kind)
    if parse is None:
        raise MalformedNoteError(f"a key of type {kind.hex() or 'none'}: known are 01, 04 and 06")
    return parse(text)
