"""One suite for every home of an archive: a directory, and S3-compatible stores with and without Object Lock."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from stepwarden.errors import ArchiveError, ArchiveForkError
from stepwarden.ledger.archive import Archive, export
from stepwarden.ledger.archive_check import check
from stepwarden.storage.archive.directory import DirectoryArchive
from stepwarden.storage.archive.s3 import Location, S3Archive
from tests.ledger.archived_log import KEYS, ORIGIN, GrowingLog
from tests.storage import s3_servers

Maker = Callable[[], Archive]


@pytest.fixture(scope="module", params=["directory", "object store"])
def home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Maker]]:
    """Makes new, empty places; each place gives an archive as often as it is asked."""
    with contextlib.ExitStack() as stack:
        if request.param == "directory":
            yield lambda: partial(DirectoryArchive.open, tmp_path_factory.mktemp("place"))
            return
        endpoint = stack.enter_context(s3_servers.object_store(tmp_path_factory.mktemp("s3")))
        bucket = f"archive-{uuid4().hex[:8]}"
        s3_servers.admin(endpoint).create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)

        def place() -> Maker:
            at = Location.parse(f"s3://{bucket}/{uuid4().hex}/Log", endpoint)
            return lambda: S3Archive.open(at, retain=timedelta(days=1), clock=time.time)

        yield place


@pytest.fixture
def make(home: Callable[[], Maker]) -> Maker:
    return home()


def test_what_was_put_is_fetched(make: Maker) -> None:
    """Any bytes, once durable, by any object of the same place; what is not there is None."""
    archive = make()
    assert archive.fetch("checkpoint") is None
    archive.put("tile/0/x001/234", bytes(range(256)), immutable=True)
    archive.put("checkpoint", b"", immutable=False)
    archive.flush()
    assert make().fetch("tile/0/x001/234") == bytes(range(256))
    assert make().fetch("checkpoint") == b""
    assert archive.fetch("tile/0/x001/235") is None


def test_equal_bytes_again_change_nothing(make: Maker) -> None:
    """Putting is idempotent, within one run and after it."""
    for _ in range(2):
        archive = make()
        for immutable in (True, False):
            archive.put(f"tile/{int(immutable)}/000", b"same", immutable=immutable)
            archive.put(f"tile/{int(immutable)}/000", b"same", immutable=immutable)
        archive.flush()
    assert make().fetch("tile/1/000") == b"same"


def test_attack_an_immutable_file_is_never_replaced(make: Maker) -> None:
    """Other bytes under a kept name are a fork, and what was kept stays."""
    archive = make()
    archive.put("tile/0/000", b"kept", immutable=True)
    archive.flush()
    other = make()
    with pytest.raises(ArchiveForkError, match="other bytes"):  # noqa: PT012  # an upload may fail when it is waited for
        other.put("tile/0/000", b"forged", immutable=True)
        other.flush()
    assert make().fetch("tile/0/000") == b"kept"


def test_a_mutable_file_is_replaced(make: Maker) -> None:
    """The checkpoint moves on."""
    archive = make()
    for text in (b"one", b"two"):
        archive.put("checkpoint", text, immutable=False)
        archive.flush()
        assert make().fetch("checkpoint") == text


def test_names_are_those_below_a_folder(make: Maker) -> None:
    """Only that folder's, and whole paths; an empty place has none."""
    archive = make()
    assert list(archive.names("checkpoints/")) == []
    for path in ("checkpoints/1", "checkpoints/12", "tile/0/000.p/3", "tile/0/000.p/44", "tile/0/000"):
        archive.put(path, b"x", immutable="p/" not in path)
    archive.flush()
    assert sorted(archive.names("checkpoints/")) == ["checkpoints/1", "checkpoints/12"]
    assert sorted(archive.names("tile/0/000.p/")) == ["tile/0/000.p/3", "tile/0/000.p/44"]


def test_partial_files_go_when_they_are_removed(make: Maker) -> None:
    """What is not locked can be removed; what is not there is no error."""
    archive = make()
    archive.put("tile/0/000.p/3", b"x", immutable=False)
    archive.put("tile/0/000.p/4", b"x", immutable=False)
    archive.flush()
    archive.remove("tile/0/000.p/3")
    archive.remove("tile/0/000.p/9")
    assert list(make().names("tile/0/000.p/")) == ["tile/0/000.p/4"]
    archive.remove("tile/0/000.p/4")
    assert list(make().names("tile/0/000.p/")) == []


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a//b", "tile/../x", ".draft-1", "", "a/", "ü", "a\n"]
)
def test_attack_no_path_leads_out_of_the_archive(make: Maker, path: str) -> None:
    """Reading and writing take an archive's own paths and no others."""
    archive = make()
    with pytest.raises(ArchiveError, match="not the path of a file"):
        archive.fetch(path)
    with pytest.raises(ArchiveError, match="not the path of a file"):
        archive.put(path, b"x", immutable=False)


def test_a_log_is_exported_in_steps_and_read_back(make: Maker) -> None:
    """The whole procedure on this home: three exports, each complete, the last checked byte for byte."""
    log = GrowingLog()
    for size in (10, 300, 1_030):
        note = log.grow_to(size)
        done = export(log.store, make(), note, verifiers=KEYS, origin=ORIGIN)
        assert done.size == size
        archive = make()
        locks = getattr(archive, "held", None)
        retain = 86_400 if locks else None
        found = check(log.store, archive, verifiers=KEYS, origin=ORIGIN, retain=retain, locks=locks)
        assert found.ok, found.troubles()
    assert not list(make().names("tile/0/000.p/")), "partial tiles go when they are full"
    assert sorted(make().names("checkpoints/")) == ["checkpoints/10", "checkpoints/1030", "checkpoints/300"]
