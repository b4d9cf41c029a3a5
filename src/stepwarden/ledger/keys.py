"""Keys on disk: the log's secret key, and the public keys that a verifier is given.

A secret key file holds one line, the key's ``skey`` text. Only its owner may read or write it (mode 0600 or
less): a key that others can read signs nothing, so such a file is refused, not warned about.

A public key file is a ``keyring``: one ``vkey`` text per line, ``#`` before what is said about the next one.

Messages say what to do and never show a key. How a file is written whole is in ``durable``. This module
makes *no* keys: a key needs entropy, which is its maker's argument.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from stepwarden.errors import KeyFileError, MalformedNoteError
from stepwarden.ledger.cosignature import MlDsaCosigner
from stepwarden.ledger.durable import write_whole
from stepwarden.ledger.keyring import Keyring, RetiredVerifier
from stepwarden.ledger.note import Ed25519Signer
from stepwarden.ledger.vkey import PublicKey

MAX_FILE: Final = 65_536
"""Bytes of a key file at most: reading a wrong path must not fill the memory."""


def read_signer(path: Path) -> Ed25519Signer:
    """Return the key in a secret key file.

    Raises:
        KeyFileError: it is missing, open to others, or holds anything but one secret key.
    """
    text = _read(path, secret=True)
    try:
        return Ed25519Signer.parse(text.removesuffix("\n"))
    except MalformedNoteError as exc:
        raise KeyFileError(f"{path} holds no secret key ({exc}): restore it from its copy") from exc


def write_signer(path: Path, signer: Ed25519Signer) -> None:
    """Write a secret key to a new file, mode 0600, durable on return.

    Raises:
        KeyFileError: the file exists, or cannot be written.
    """
    _write(path, signer.format() + "\n", mode=0o600)


def read_secret(path: Path, length: int) -> bytes:
    """Return the secret of ``length`` bytes that a file holds as one line of lower-case hex.

    Raises:
        KeyFileError: it is missing, open to others, or holds anything else.
    """
    text = _read(path, secret=True).removesuffix("\n")
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != length or secret.hex() != text:
        raise KeyFileError(f"{path} does not hold {length} bytes in hex: restore it from its copy")
    return secret


def write_secret(path: Path, secret: bytes) -> None:
    """Write a secret to a new file, mode 0600, durable on return.

    Raises:
        KeyFileError: the file exists, or cannot be written.
    """
    _write(path, secret.hex() + "\n", mode=0o600)


def read_cosigner(path: Path) -> MlDsaCosigner:
    """Return the ML-DSA-44 key in a secret key file.

    Raises:
        KeyFileError: it is missing, open to others, or holds anything else.
    """
    text = _read(path, secret=True)
    try:
        return MlDsaCosigner.parse(text.removesuffix("\n"))
    except MalformedNoteError as exc:
        raise KeyFileError(
            f"{path} holds no cosigner's secret key ({exc}): restore it from its copy"
        ) from exc


def write_cosigner(path: Path, cosigner: MlDsaCosigner) -> None:
    """Write a secret key to a new file, mode 0600, durable on return.

    Raises:
        KeyFileError: the file exists, or cannot be written.
    """
    _write(path, cosigner.format() + "\n", mode=0o600)


def read_keyring(path: Path) -> Keyring:
    """Return the public keys in a file, with what each is good for.

    Raises:
        KeyFileError: it is missing, or a line is no public key.
    """
    try:
        return Keyring.parse(_read(path, secret=False))
    except MalformedNoteError as exc:
        raise KeyFileError(f"{path}: {exc}") from exc


def replace_keyring(path: Path, ring: Keyring) -> None:
    """Write a public key file, over the one that is there; whole or not at all, durable on return.

    Raises:
        KeyFileError: it cannot be written.
    """
    _write(path, ring.format(), mode=0o644, over=True)


def read_verifiers(path: Path) -> list[PublicKey | RetiredVerifier]:
    """Return the keys in a public key file, in its order. A retired key verifies what it may have signed.

    Raises:
        KeyFileError: it is missing, holds no key, or a line that is none.
    """
    found = read_keyring(path).verifiers()
    if not found:
        raise KeyFileError(f"{path} holds no public key: put one on a line, as name+id+key")
    return found


def write_verifiers(path: Path, verifiers: Iterable[PublicKey]) -> None:
    """Write public keys to a new file, durable on return.

    Raises:
        KeyFileError: the file exists, or cannot be written.
    """
    _write(path, "".join(verifier.format() + "\n" for verifier in verifiers), mode=0o644)


def _read(path: Path, *, secret: bool) -> str:
    try:
        # Non-blocking, so that a pipe in the file's place cannot hang us.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            # The open file is asked, not the path: the path may mean another file by now.
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileError(f"{path} is not a file")
            if secret and status.st_mode & 0o077:
                raise KeyFileError(
                    f"others may read the secret key {path}: run `chmod 600 {path}`, "
                    "and make a new key if anyone may have"
                )
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError as exc:
        raise KeyFileError(f"there is no key file {path}: make one, or set the path of yours") from exc
    except OSError as exc:
        raise KeyFileError(f"the key file {path} cannot be read: {exc.strerror}") from exc
    if len(data) > MAX_FILE:
        raise KeyFileError(f"{path} is too long for a key file: is the path right?")
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise KeyFileError(f"{path} is not text: is the path right?") from exc


def _write(path: Path, text: str, *, mode: int, over: bool = False) -> None:
    try:
        # Whole or not at all: whoever is killed here must not leave half a key, which would stop every later start.
        write_whole(path, text.encode(), mode=mode, over=over)
    except FileExistsError as exc:
        raise KeyFileError(f"{path} exists: move it away first, a key is never overwritten") from exc
    except OSError as exc:
        raise KeyFileError(f"the key file {path} cannot be written: {exc.strerror}") from exc
