"""The archive in a directory: modes, links, drafts, full disks; what others may do to it meanwhile."""

import os
import stat
from pathlib import Path

import pytest

from stepwarden.errors import ArchiveError, ArchiveForkError
from stepwarden.storage.archive.directory import DirectoryArchive


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_can_be_read_by_all_and_kept_ones_written_by_none(tmp_path: Path) -> None:
    """Whatever the umask of the service, an auditor can read; a kept file is read-only."""
    before = os.umask(0o077)
    try:
        archive = DirectoryArchive.open(tmp_path / "a" / "b")
        archive.put("tile/0/000", b"x", immutable=True)
        archive.put("checkpoint", b"x", immutable=False)
        archive.flush()
    finally:
        os.umask(before)
    assert mode(tmp_path / "a/b/tile/0/000") == 0o444
    assert mode(tmp_path / "a/b/checkpoint") == 0o644


@pytest.mark.parametrize("planted", ["tile", "tile/0", "tile/0/000", "checkpoint"])
def test_attack_a_symbolic_link_in_the_archive_is_not_followed(tmp_path: Path, planted: str) -> None:
    """Neither a folder nor a file of it leads elsewhere, for reading or writing."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    root = tmp_path / "archive"
    (root / planted).parent.mkdir(parents=True)
    is_file = planted in ("tile/0/000", "checkpoint")
    (root / planted).symlink_to(outside / "secret" if is_file else outside)
    archive = DirectoryArchive.open(root)
    path = "checkpoint" if planted == "checkpoint" else "tile/0/000"
    with pytest.raises(ArchiveError):
        archive.fetch(path)
    with pytest.raises(ArchiveError):
        archive.put(path, b"ours", immutable=True)
    assert [one.name for one in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"


def test_attack_a_pipe_or_a_folder_in_a_files_place(tmp_path: Path) -> None:
    """Neither hangs us, nor is it read as a file."""
    archive = DirectoryArchive.open(tmp_path)
    os.mkfifo(tmp_path / "checkpoint")
    (tmp_path / "tile" / "0").mkdir(parents=True)
    (tmp_path / "tile" / "0" / "000").mkdir()
    for path in ("checkpoint", "tile/0/000"):
        with pytest.raises(ArchiveError, match=r"not a file|directory"):
            archive.fetch(path)


def test_old_drafts_go_and_young_ones_stay(tmp_path: Path) -> None:
    """A killed run's leavings are removed; another run's draft of this minute is not."""
    for name, age in ((".draft-old", 4_000), (".draft-young", 10)):
        (tmp_path / name).write_bytes(b"x")
        then = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (then, then))
    DirectoryArchive.open(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [".draft-young"]


def test_no_draft_is_left(tmp_path: Path) -> None:
    """After writing, rewriting and a refused fork: only named files."""
    archive = DirectoryArchive.open(tmp_path)
    for data in (b"one", b"one", b"two"):
        archive.put("checkpoint", data, immutable=False)
    archive.put("tile/0/000", b"x", immutable=True)
    with pytest.raises(ArchiveForkError):
        archive.put("tile/0/000", b"y", immutable=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["checkpoint", "tile"]


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """Opened for reading, a missing directory is an error and not made."""
    with pytest.raises(ArchiveError, match="No such file"):
        DirectoryArchive.open(tmp_path / "missing", make=False)
    assert not (tmp_path / "missing").exists()


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    """The message says what it is."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArchiveError, match="file"):
        DirectoryArchive.open(tmp_path / "file")


def test_every_folder_on_the_way_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when everything was there already: whoever made it may have been killed before its sync."""
    DirectoryArchive.open(tmp_path).put("tile/0/x001/000", b"x", immutable=True)
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    archive = DirectoryArchive.open(tmp_path)
    archive.put("tile/0/x001/000", b"x", immutable=True)
    archive.flush()
    assert synced == [str(tmp_path / part) for part in ("tile/0/x001", "tile/0", "tile", "")]
