"""A data directory: where its parts are, and the making of what is missing.

    data directory
    ├── keys/ledger.key     signs every checkpoint (Ed25519, mode 0600); ledger.vkey beside it is public
    ├── keys/master.key     32 random bytes (hex, mode 0600): seals personal openings and factors' secrets
    ├── log.db              the log (SQLite)
    ├── index.db            what it is searched by; may be deleted at any time
    ├── snapshots/          what the log amounted to, so that a start is quick; state-* may be deleted, floor-* not
    ├── policy.yaml         the live policy; edit it, and it is read again within a second
    ├── stepwarden.toml     settings, optional (docs/settings.md)
    └── cache/              compiled address data, where the user has no cache directory; may be deleted

What is missing is made, except where making it would hide a loss: a log whose keys are gone is not opened.
"""

from dataclasses import dataclass
from pathlib import Path

from stepwarden.app.keys import KeyFiles, Keys, prepare_keys
from stepwarden.app.settings import Settings
from stepwarden.app.stores import is_begun
from stepwarden.errors import PolicyError, SettingsError
from stepwarden.flow.snapshots import FOLDER
from stepwarden.policy.default import default_text


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
        return self.data / FOLDER

    @property
    def cache(self) -> Path:
        return self.data / "cache"


def prepare(data: Path, settings: Settings) -> Keys:
    """Make what is missing of a data directory: keys and policy.

    Raises:
        KeyFileError: a log is there and a key of it is not.
        SettingsError: the directory cannot be made, or another origin is set than the log was begun with.
    """
    paths = Paths(data)
    try:
        for folder in (data, paths.keys.folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError(f"the data directory {data} cannot be made: {exc.strerror}") from exc
    keys = prepare_keys(paths.keys, settings, begun=is_begun(paths.log, settings.log))
    if not settings.policy and not paths.policy.exists():
        _write_policy(paths.policy)
    return keys


def _write_policy(path: Path) -> None:
    """All of it or nothing: half a policy would stop every later start."""
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(default_text(), encoding="utf-8")
        new.replace(path)
    except OSError as exc:
        raise SettingsError(f"the policy {path} cannot be written: {exc.strerror}") from exc


def read_policy(path: Path) -> str:
    """Raises: PolicyError: the file cannot be read, or is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise PolicyError(f"the policy {path} cannot be read: {exc}") from exc
