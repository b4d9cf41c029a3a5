"""Key files: what is written reads back, and what others can read is refused."""

import os
from pathlib import Path

import pytest

from stepwarden.errors import KeyFileError
from stepwarden.ledger.keys import read_signer, read_verifiers, write_signer, write_verifiers
from stepwarden.ledger.note import Ed25519Signer

SIGNER = Ed25519Signer.from_seed("log.example/ours", bytes(range(32)))
OTHER = Ed25519Signer.from_seed("witness.example", bytes(32))
SECRET = SIGNER.format().rsplit("+", 1)[1]


def test_a_secret_key_reads_back_and_is_the_owner_s_alone(tmp_path: Path) -> None:
    """The file has mode 0600 whatever the umask, and holds the key."""
    path = tmp_path / "log.key"
    before = os.umask(0)
    try:
        write_signer(path, SIGNER)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_signer(path).format() == SIGNER.format()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601, 0o644, 0o777])
def test_a_secret_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """Any right for group or others refuses it, and the message says what to run."""
    path = tmp_path / "log.key"
    write_signer(path, SIGNER)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600") as caught:
        read_signer(path)
    assert SECRET not in str(caught.value)


def test_a_stricter_mode_is_fine(tmp_path: Path) -> None:
    """A read-only secret is accepted."""
    path = tmp_path / "log.key"
    write_signer(path, SIGNER)
    path.chmod(0o400)
    assert read_signer(path).name == SIGNER.name


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """Writing where a file exists is refused, and leaves it."""
    path = tmp_path / "log.key"
    write_signer(path, SIGNER)
    with pytest.raises(KeyFileError, match="never overwritten"):
        write_signer(path, OTHER)
    assert read_signer(path).name == SIGNER.name


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        SIGNER.format().encode() + b"\n\n",
        b" " + SIGNER.format().encode(),
        SIGNER.format()[:-4].encode(),
        SIGNER.verifier.format().encode(),
        b"\xff\xfe",
        b"x" * 70_000,
    ],
)
def test_what_holds_no_secret_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """Empty, cut, padded, binary and endless files raise our error and show nothing of the key."""
    path = tmp_path / "log.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as caught:
        read_signer(path)
    assert SECRET[:20] not in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder, a pipe and a path through a file: our error, and no hanging."""
    os.mkfifo(tmp_path / "pipe", mode=0o600)
    (tmp_path / "file").touch(mode=0o600)
    for path in (tmp_path / "none", tmp_path, tmp_path / "pipe", tmp_path / "file" / "below"):
        with pytest.raises(KeyFileError):
            read_signer(path)
    with pytest.raises(KeyFileError, match="not a file"):
        read_signer(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x" * 70_000)
    with pytest.raises(KeyFileError, match="too long"):
        read_signer(tmp_path / "file")
    for path in (tmp_path / "none" / "key", tmp_path / "file" / "key"):
        with pytest.raises(KeyFileError):
            write_signer(path, SIGNER)


def test_public_keys_read_back_with_comments_between(tmp_path: Path) -> None:
    """Comments and blank lines are left out; the order stays."""
    path = tmp_path / "keys.txt"
    write_verifiers(path, [SIGNER.verifier, OTHER.verifier])
    path.write_text("# ours, since January\n\n" + path.read_text())
    assert [key.format() for key in read_verifiers(path)] == [
        SIGNER.verifier.format(),
        OTHER.verifier.format(),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no public key"),
        ("# only a comment\n", "no public key"),
        (SIGNER.verifier.format() + "\nrubbish\n", "line 2"),
        (" " + SIGNER.verifier.format(), "line 1"),
    ],
)
def test_what_is_no_public_key_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """A wrong line is named: one that were skipped could be the key that matters."""
    path = tmp_path / "keys.txt"
    path.write_text(content)
    with pytest.raises(KeyFileError, match=message):
        read_verifiers(path)


@pytest.mark.parametrize("planted", ["file", "link"])
def test_attack_a_draft_that_others_can_read_is_planted(tmp_path: Path, planted: str) -> None:
    """What stands where a key is drafted, or where it leads to, never becomes the key's file nor sees the key."""
    path = tmp_path / "ledger.key"
    draft, elsewhere = tmp_path / f".ledger.key.{os.getpid()}", tmp_path / "elsewhere"
    elsewhere.touch(mode=0o666)
    if planted == "file":
        draft.touch(mode=0o666)
    else:
        draft.symlink_to(elsewhere)
    signer = Ed25519Signer.from_seed("log.example/ours", bytes(32))
    write_signer(path, signer)
    assert path.stat().st_mode & 0o777 == 0o600
    assert elsewhere.read_bytes() == b""
    assert read_signer(path).format() == signer.format()
