"""A data directory: where its parts are. ``prepare`` makes what is missing.

data directory
├── keys/ledger.key     signs every checkpoint (Ed25519, mode 0600); ledger.vkey beside it is public
├── keys/master.key     32 random bytes (hex, mode 0600): seals personal openings and factors' secrets
├── log.db              the log (SQLite)
├── index.db            what it is searched by; may be deleted at any time
├── snapshots/          what the log amounted to, so that a start is quick; state-* may be deleted, floor-* not
├── published.checkpoint   our newest checkpoint; witnessed.checkpoint: the newest that a quorum signed
├── policy.yaml         the live policy; edit it, and it is read again within a second
├── stepwarden.toml     settings, optional (docs/settings.md)
└── cache/              compiled address data, where the user has no cache directory; may be deleted
"""

from dataclasses import dataclass
from pathlib import Path

from stepwarden.app.key_files import KeyFiles


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the parts of a data directory are."""

    data: Path

    @property
    def log(self) -> Path:
        return self.data / "log.db"

    @property
    def index(self) -> Path:
        return self.data / "index.db"

    @property
    def keys(self) -> KeyFiles:
        return KeyFiles(self.data / "keys")

    @property
    def ledger_key(self) -> Path:
        return self.keys.ledger

    @property
    def ledger_vkey(self) -> Path:
        return self.keys.vkey

    @property
    def master_key(self) -> Path:
        return self.keys.master

    @property
    def policy(self) -> Path:
        return self.data / "policy.yaml"

    @property
    def snapshots(self) -> Path:
        return self.data / "snapshots"

    @property
    def cache(self) -> Path:
        return self.data / "cache"
