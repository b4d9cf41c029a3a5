"""Where the keys of a log are, and how its signing keys move when one follows another.

    keys/ledger.key        the log's Ed25519 key: signs every head                       mode 0600
    keys/ledger.next.key   its successor, until the log says that it is that             0600
    keys/ledger.old.key    its predecessor, while both sign                              0600
    keys/retired/ID.key    predecessors that were to be kept                             0600
    keys/cosigner.key      an ML-DSA-44 key: cosigns checkpoints that are published      0600
    keys/master.key        32 bytes, from which everything that seals or hides is derived  0600
    keys/tokens.pem        keys that sign grants and identity tokens (``token_keys``)    0600
    keys/ledger.vkey       the public keys, retired ones included, for whoever verifies

The log decides, not the files: which keys sign is what its entries say (``KeyHistory``), and ``settle`` moves the files
to where they then belong. It may be stopped anywhere and called again: each step leaves every secret that is still
needed in at least one file, and what is there is recognised by its public key, never by its name.
"""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from stepwarden.errors import KeyFileError
from stepwarden.ledger.durable import sync_folder
from stepwarden.ledger.keys import read_keyring, read_signer, replace_keyring
from stepwarden.ledger.note import Ed25519Signer
from stepwarden.ledger.rotation import KeyHistory
from stepwarden.ledger.vkey import parse_vkey

_DRAFT = re.compile(r"\.[a-z.]+\.(?:v?key)\.[0-9]+")
SIGNS = "signs every head of the log"


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the keys are."""

    folder: Path

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.key"

    @property
    def next(self) -> Path:
        return self.folder / "ledger.next.key"

    @property
    def old(self) -> Path:
        return self.folder / "ledger.old.key"

    @property
    def retired(self) -> Path:
        return self.folder / "retired"

    @property
    def vkey(self) -> Path:
        return self.folder / "ledger.vkey"

    @property
    def cosigner(self) -> Path:
        return self.folder / "cosigner.key"

    @property
    def tokens(self) -> Path:
        return self.folder / "tokens.pem"

    @property
    def master(self) -> Path:
        return self.folder / "master.key"

    def signing(self) -> dict[str, tuple[Path, Ed25519Signer]]:
        """The log's secret keys that are here, by vkey text."""
        found = {}
        for path in (self.next, self.old, self.ledger):
            if path.exists():
                signer = read_signer(path)
                found[signer.verifier.format()] = (path, signer)
        return found


def settle(files: KeyFiles, history: KeyHistory) -> None:
    """Bring the files to where the log says that they belong, finishing whatever was stopped half way.

    Keys that an agent holds have no file. A successor that the log does not know yet stays.

    Raises:
        KeyFileError: a file cannot be moved, or holds a key that the log does not know.
    """
    try:
        _sweep(files.folder)
        found = files.signing()
        main, leaving = history.main.vkey, history.leaving
        if leaving is not None and leaving.vkey in found and found[leaving.vkey][0] != files.old:
            # A second name first: at no moment is a key that still signs without a file.
            files.old.unlink(missing_ok=True)
            os.link(found[leaving.vkey][0], files.old)
            sync_folder(files.folder)
        if main in found and found[main][0] != files.ledger:
            _leave(files, history)
            found[main][0].replace(files.ledger)
            sync_folder(files.folder)
        elif main not in found and leaving is not None and leaving.vkey in found:
            files.ledger.unlink(
                missing_ok=True
            )  # an agent holds its successor; it lives on as ledger.old.key
            sync_folder(files.folder)
        _retire(files, history)
    except OSError as exc:
        raise KeyFileError(f"the key files in {files.folder} cannot be moved: {exc.strerror}") from exc
    _list(files, history)


def _leave(files: KeyFiles, history: KeyHistory) -> None:
    """What ``ledger.key`` holds goes on as ``ledger.old.key`` before another key takes its place."""
    if not files.ledger.exists():
        return
    vkey = read_signer(files.ledger).verifier.format()
    if not any(known.vkey == vkey for known in history.keys):
        raise _stranger(files.ledger, vkey)
    if not files.old.exists():
        os.link(files.ledger, files.old)
        sync_folder(files.folder)


def _retire(files: KeyFiles, history: KeyHistory) -> None:
    """Put aside, or destroy, the secrets of retired keys."""
    for vkey, (path, signer) in files.signing().items():
        period = next((known for known in history.keys if known.vkey == vkey), None)
        if period is None and path != files.next:
            raise _stranger(path, vkey)
        if period is None or period.until is None:
            continue
        if path == files.ledger:
            raise _stranger(path, vkey)
        if period.keep:
            files.retired.mkdir(mode=0o700, exist_ok=True)
            path.replace(files.retired / f"{signer.key_id.hex()}.key")
            sync_folder(files.retired)
        else:
            # Under a draft's name first: half a secret under a key's name would stop every later start.
            draft = path.with_name(f".{path.name}.0")
            path.replace(draft)
            destroy(draft)
        sync_folder(files.folder)


def _stranger(path: Path, vkey: str) -> KeyFileError:
    return KeyFileError(
        f"{path} holds the key {vkey}, and the log says that another one signs: either the log is an older copy than "
        "its keys (it was rolled back), or the keys are. Restore the two together"
    )


def destroy(path: Path) -> None:
    """Overwrite a secret and remove its file. Only as far as the disk overwrites in place: see docs/keys.md."""
    with path.open("r+b") as file:
        status = os.fstat(file.fileno())
        if status.st_nlink == 1:  # else another name needs what stands in it
            file.write(os.urandom(status.st_size))
            file.flush()
            os.fsync(file.fileno())
    path.unlink()


def _sweep(folder: Path) -> None:
    """Drafts of key files whose writer was killed hold secrets too."""
    for path in folder.iterdir():
        if _DRAFT.fullmatch(path.name):
            with contextlib.suppress(FileNotFoundError):
                destroy(path)


def _list(files: KeyFiles, history: KeyHistory) -> None:
    """Name the log's public keys in ``ledger.vkey``, with the last size of each that is retired."""
    ring = before = read_keyring(files.vkey)
    for known in history.keys:
        if known.until is None:
            ring = ring.with_key(parse_vkey(known.vkey), SIGNS, first=True)
        elif known.until not in [one.until for one in ring.keys if one.key.format() == known.vkey]:
            ring = ring.retired(parse_vkey(known.vkey), known.until)
    if ring != before:
        replace_keyring(files.vkey, ring)
