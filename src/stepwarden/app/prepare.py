"""The making of what is missing in a data directory: folders, keys, the policy.

Except where making it would hide a loss: a log whose keys are gone is not opened.
"""

from pathlib import Path

from stepwarden.app.keys import Keys, prepare_keys
from stepwarden.app.paths import Paths
from stepwarden.app.settings import Settings
from stepwarden.app.stores import is_begun
from stepwarden.errors import PolicyError, SettingsError
from stepwarden.policy.default import default_text


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
