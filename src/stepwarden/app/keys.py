"""The keys of a data directory: what signs the log, what cosigns its published checkpoints, what seals.

Where they are is in ``key_files``. What is missing is made, with one exception: a log without its signing key or its
master key is never given new ones, because nobody could verify or read it any more.

A signing key is a file or a key of an ssh-agent. ``signer.kind`` says which it is to be for a log that begins here, and
for a rotation; a key that signs already is looked for in the files, then asked for from the agent.
"""

import os
from dataclasses import dataclass, replace

from stepwarden.app.key_files import SIGNS, KeyFiles, settle
from stepwarden.app.settings import Settings
from stepwarden.connect.ssh_agent import AgentSigner, SshAgent, agent_signer
from stepwarden.errors import KeyFileError, SettingsError
from stepwarden.flow.key_rows import RowReader, read_history
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
from stepwarden.ledger.note import Ed25519Signer, Ed25519Verifier, Signer
from stepwarden.ledger.rotation import KeyHistory
from stepwarden.ledger.vkey import parse_vkey

__all__ = ["KeyFiles", "Keys", "agent_of", "new_signer", "prepare_keys", "sign_with"]


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets of one log. The first of ``signers`` is the main one; all of them sign every head.

    ``first`` is the key (vkey text) that signs if the log tells of no rotation.
    """

    first: str
    cosigner: MlDsaCosigner
    master: bytes
    signers: tuple[Signer, ...] = ()

    @property
    def origin(self) -> str:
        """The log's name, which all its keys have."""
        return self.cosigner.name

    def __repr__(self) -> str:
        return f"Keys({self.origin})"


def prepare_keys(files: KeyFiles, settings: Settings, *, begun: bool) -> Keys:
    """Read the keys, and make what is missing. Which of them sign is for ``sign_with`` to find out from the log.

    Raises:
        KeyFileError: a log is there and a key of it is not.
        SettingsError: another origin is set than the log was begun with.
        SignerError: the agent does not have the key that the log is to begin with.
    """
    if begun:
        for key in (files.vkey, files.master) if files.vkey.exists() else (files.ledger, files.master):
            if not key.exists():
                raise KeyFileError(
                    f"the log is there and {key} is not: restore the key from its backup. "
                    "A new key would make the log unverifiable and its personal data unreadable"
                )
    ring = read_keyring(files.vkey) if files.vkey.exists() else Keyring()
    first = _first(files, ring) or _begin(files, settings)
    if not files.master.exists():
        write_secret(files.master, os.urandom(KEY_BYTES))
    if settings.log.origin and settings.log.origin != first.name:
        raise SettingsError(
            f"log.origin is {settings.log.origin!r}, this log was begun as {first.name!r}: a log keeps its origin"
        )
    if not files.cosigner.exists():
        write_cosigner(files.cosigner, MlDsaCosigner.from_seed(first.name, os.urandom(SEED_SIZE)))
    cosigner = read_cosigner(files.cosigner)
    if cosigner.name != first.name:
        raise KeyFileError(
            f"{files.cosigner} belongs to {cosigner.name}, this log is {first.name}: restore its own"
        )
    longer = ring if files.ledger.exists() and ring.keys else ring.with_key(first, SIGNS)
    longer = longer.with_key(
        parse_vkey(cosigner.verifier.format()), "cosigns published checkpoints (ML-DSA-44)"
    )
    if longer != ring:
        replace_keyring(files.vkey, longer)
    return Keys(first.format(), cosigner, read_secret(files.master, KEY_BYTES))


def _first(files: KeyFiles, ring: Keyring) -> Ed25519Verifier | None:
    """The key that signs a log without rotations: of the key file, else (an agent has it) of the keyring."""
    if files.ledger.exists():
        return read_signer(files.ledger).verifier
    for known in ring.keys:
        if isinstance(known.key, Ed25519Verifier) and known.until is None:
            return known.key
    return None


def _begin(files: KeyFiles, settings: Settings) -> Ed25519Verifier:
    """The key of a log that begins here."""
    origin = settings.log.origin or f"stepwarden.local/{os.urandom(6).hex()}"
    if settings.signer.kind == "ssh-agent":
        return agent_signer(agent_of(settings), origin, settings.signer.key).verifier
    made = Ed25519Signer.from_seed(origin, os.urandom(32))
    write_signer(files.ledger, made)
    return made.verifier


def agent_of(settings: Settings) -> SshAgent:
    """Raises: SignerError: neither ``signer.socket`` nor SSH_AUTH_SOCK is set."""
    return SshAgent(settings.signer.socket or os.environ.get("SSH_AUTH_SOCK", ""))


def new_signer(files: KeyFiles, settings: Settings, origin: str, kind: str, key: str) -> Signer:
    """The key that is to follow: of the agent, or made; one that an interrupted rotation left is used.

    Raises:
        SignerError: the agent does not have it.
        KeyFileError: it cannot be written.
    """
    if kind == "ssh-agent":
        return agent_signer(agent_of(settings), origin, key)
    if not files.next.exists():
        write_signer(files.next, Ed25519Signer.from_seed(origin, os.urandom(32)))
    return read_signer(files.next)


def sign_with(files: KeyFiles, keys: Keys, reader: RowReader, settings: Settings) -> tuple[Keys, KeyHistory]:
    """The keys with those that sign now, by what the log says. Finishes a rotation that was stopped half way.

    Raises:
        KeyFileError, SignerError: a key that has to sign is not there.
        LedgerError, MalformedEntryError: what the log says of its keys does not hold.
    """
    history = read_history(reader, keys.first)
    settle(files, history)
    needed = [history.main, *([history.leaving] if history.leaving else [])]
    held = {vkey: signer for vkey, (_, signer) in files.signing().items()}
    signers = tuple(held.get(known.vkey) or _from_agent(settings, known.vkey, files) for known in needed)
    return replace(keys, signers=signers), history


def _from_agent(settings: Settings, vkey: str, files: KeyFiles) -> AgentSigner:
    key = Ed25519Verifier.parse(vkey)
    agent = (
        SshAgent(path) if (path := settings.signer.socket or os.environ.get("SSH_AUTH_SOCK", "")) else None
    )
    if agent is not None:
        for known in agent.identities():
            if known.public_key == key.public_key:
                return AgentSigner(agent, key.name, key.public_key)
    raise KeyFileError(
        f"the log is signed by {vkey}, and neither a file in {files.folder} nor the ssh-agent "
        f"({agent.path if agent else 'none is set'}) has it: restore the key from its backup, or unlock the agent"
    )
