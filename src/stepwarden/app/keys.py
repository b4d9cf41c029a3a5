"""The keys of a data directory: what signs the log, what cosigns its published checkpoints, what seals.

    keys/ledger.key      the log's Ed25519 key: signs every head
    keys/cosigner.key    an ML-DSA-44 key: cosigns checkpoints that are published
    keys/master.key      32 bytes, from which everything that seals or hides is derived
    keys/ledger.vkey     the public keys, for whoever verifies

All but the last have mode 0600. What is missing is made, with one exception: a log without its signing key or its
master key is never given new ones, because nobody could verify or read it any more.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from stepwarden.app.settings import Settings
from stepwarden.errors import KeyFileError, SettingsError
from stepwarden.flow.people import KEY_BYTES
from stepwarden.ledger.cosignature import SEED_SIZE, MlDsaCosigner
from stepwarden.ledger.keyring import Keyring
from stepwarden.ledger.keys import (
    read_cosigner,
    read_keyring,
    read_secret,
    read_signer,
    replace_keyring,
    write_cosigner,
    write_secret,
    write_signer,
)
from stepwarden.ledger.note import Ed25519Signer, Signer


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the keys are."""

    folder: Path

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.key"

    @property
    def vkey(self) -> Path:
        return self.folder / "ledger.vkey"

    @property
    def cosigner(self) -> Path:
        return self.folder / "cosigner.key"

    @property
    def master(self) -> Path:
        return self.folder / "master.key"


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets of one log. The first of ``signers`` is the main one; all of them sign every head."""

    signers: tuple[Signer, ...]
    cosigner: MlDsaCosigner
    master: bytes

    @property
    def origin(self) -> str:
        """The log's name, which all its keys have."""
        return self.signers[0].name

    def __repr__(self) -> str:
        return f"Keys({self.origin})"


def prepare_keys(files: KeyFiles, log: Path, settings: Settings) -> Keys:
    """Read the keys, and make what is missing.

    Raises:
        KeyFileError: a log is there and a key of it is not.
        SettingsError: another origin is set than the log was begun with.
    """
    for key in (files.ledger, files.master):
        if log.exists() and not key.exists():
            raise KeyFileError(
                f"{log} is there and {key} is not: restore the key from its backup. "
                "A new key would make the log unverifiable and its personal data unreadable"
            )
    if not files.ledger.exists():
        origin = settings.log.origin or f"stepwarden.local/{os.urandom(6).hex()}"
        write_signer(files.ledger, Ed25519Signer.from_seed(origin, os.urandom(32)))
    if not files.master.exists():
        write_secret(files.master, os.urandom(KEY_BYTES))
    signer = read_signer(files.ledger)
    if settings.log.origin and settings.log.origin != signer.name:
        raise SettingsError(
            f"log.origin is {settings.log.origin!r}, this log was begun as {signer.name!r}: a log keeps its origin"
        )
    if not files.cosigner.exists():
        write_cosigner(files.cosigner, MlDsaCosigner.from_seed(signer.name, os.urandom(SEED_SIZE)))
    keys = Keys((signer,), read_cosigner(files.cosigner), read_secret(files.master, KEY_BYTES))
    _list_public(files.vkey, signer, keys.cosigner)
    return keys


def _list_public(path: Path, signer: Ed25519Signer, cosigner: MlDsaCosigner) -> None:
    """Name the public keys in ``ledger.vkey``; what it says already stays as it is."""
    ring = read_keyring(path) if path.exists() else Keyring()
    longer = ring.with_key(signer.verifier, "signs every head of the log")
    longer = longer.with_key(cosigner.verifier, "cosigns published checkpoints (ML-DSA-44)")
    if longer != ring:
        replace_keyring(path, longer)
