"""The keys that sign grants and identity tokens: ``keys/tokens.pem`` (mode 0600), private keys one after the other.

The first of each kind signs; those after it are still shown to whoever verifies, until what they signed is over. A
new one is put in front by ``rotate``; of each kind ``KEPT`` are kept. An RSA key is made only where there are
clients that want identity tokens: OpenID Connect makes RS256 the one algorithm that all of them know.
"""

import re
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from stepwarden.errors import KeyFileError
from stepwarden.flow.jose import Jose, SigningKey
from stepwarden.ledger.durable import write_whole

KEPT: Final = 2
RSA_BITS: Final = 2_048
MODE: Final = 0o600
_PEM = re.compile(rb"-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n")
Private = Ed25519PrivateKey | RSAPrivateKey


def open_jose(path: Path, issuer: str, *, identities: bool) -> Jose:
    """Read the keys, and make what is missing.

    Args:
        issuer: our public URL.
        identities: there are clients that want identity tokens.

    Raises:
        KeyFileError: the file is open to others, holds something else, or cannot be written.
    """
    found = _read(path) if path.exists() else []
    made: list[Private] = []
    if not any(isinstance(key, Ed25519PrivateKey) for key in found):
        made.append(Ed25519PrivateKey.generate())
    if identities and not any(isinstance(key, RSAPrivateKey) for key in found):
        made.append(generate_private_key(public_exponent=65_537, key_size=RSA_BITS))
    if made:
        found = made + found
        _write(path, found)
    keys = [SigningKey.of(key) for key in found]
    return Jose(
        issuer,
        grants=[key for key in keys if key.algorithm == "EdDSA"],
        identities=[key for key in keys if key.algorithm == "RS256"],
    )


def rotate(path: Path) -> list[str]:
    """Put a new key in front for each kind that is there, for the next start; the ids of all that are kept.

    Raises:
        KeyFileError: as ``open_jose`` does, or there is no such file.
    """
    found = _read(path)
    edwards = [key for key in found if isinstance(key, Ed25519PrivateKey)]
    rsa = [key for key in found if isinstance(key, RSAPrivateKey)]
    kept: list[Private] = [*[Ed25519PrivateKey.generate(), *edwards][:KEPT]]
    if rsa:
        kept += [generate_private_key(public_exponent=65_537, key_size=RSA_BITS), *rsa][:KEPT]
    _write(path, kept)
    return [SigningKey.of(key).kid for key in kept]


def _read(path: Path) -> list[Private]:
    try:
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"{path} can be read by others: chmod 600 {path}")
        data = path.read_bytes()
    except OSError as exc:
        raise KeyFileError(f"{path} cannot be read: {exc.strerror}") from exc
    keys: list[Private] = []
    for block in _PEM.findall(data):
        try:
            key = load_pem_private_key(block, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
            raise KeyFileError(f"{path} holds something that is no private key") from exc
        if not isinstance(key, Ed25519PrivateKey | RSAPrivateKey):
            raise KeyFileError(f"{path} holds a key that is neither Ed25519 nor RSA")
        keys.append(key)
    if not keys or b"".join(_PEM.findall(data)) != data:
        raise KeyFileError(f"{path} holds something that is no private key: restore it, or move it away")
    return keys


def _write(path: Path, keys: list[Private]) -> None:
    text = b"".join(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in keys)
    try:
        write_whole(path, text, mode=MODE, over=True)
    except OSError as exc:
        raise KeyFileError(f"{path} cannot be written: {exc.strerror}") from exc
