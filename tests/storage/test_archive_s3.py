"""An object store with Object Lock: what an attacker with its credentials can do, and what reading back finds."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from stepwarden.errors import ArchiveError, ArchiveForkError
from stepwarden.ledger.archive import export
from stepwarden.ledger.archive_check import Checked, check
from stepwarden.storage.archive.s3 import Location, S3Archive
from stepwarden.storage.archive.s3_calls import Calls, S3RefusedError, connect
from tests.ledger.archived_log import KEYS, ORIGIN, GrowingLog
from tests.storage import s3_servers

DAY = 86_400
TILE = "tile/0/000"


class Store:
    """One server, one bucket with Object Lock and one without; a client of the attacker's."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client: Any = s3_servers.admin(endpoint)
        self.bucket, self.plain = f"locked-{uuid4().hex[:8]}", f"plain-{uuid4().hex[:8]}"
        self.client.create_bucket(Bucket=self.bucket, ObjectLockEnabledForBucket=True)
        self.client.create_bucket(Bucket=self.plain)

    def open(self, prefix: str, *, days: float | None, bucket: str = "") -> S3Archive:
        at = Location.parse(f"s3://{bucket or self.bucket}/{prefix}", self.endpoint)
        return S3Archive.open(at, retain=None if days is None else timedelta(days=days), clock=time.time)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with s3_servers.object_store(tmp_path_factory.mktemp("s3")) as endpoint:
        yield Store(endpoint)


class Exported:
    """A log of 300 entries in a place of its own; the attacker knows the key of everything in it."""

    def __init__(self, store: Store, days: float | None) -> None:
        self.store, self.prefix = store, uuid4().hex
        self.log = GrowingLog()
        self.log.grow_to(300)
        self.send(days)

    def send(self, days: float | None) -> None:
        archive = self.store.open(self.prefix, days=days)
        export(self.log.store, archive, self.log.grow_to(300), verifiers=KEYS, origin=ORIGIN)
        archive.close()

    def check(self, days: float | None = 1) -> Checked:
        archive = self.store.open(self.prefix, days=days)
        retain = None if days is None else int(days * DAY)
        return check(
            self.log.store, archive, verifiers=KEYS, origin=ORIGIN, retain=retain, locks=archive.held
        )

    def named(self, path: str) -> dict[str, str]:
        return {"Bucket": self.store.bucket, "Key": f"{self.prefix}/{path}"}

    def version(self, path: str) -> dict[str, str]:
        head = self.store.client.head_object(**self.named(path))
        return {**self.named(path), "VersionId": head["VersionId"]}


@pytest.fixture
def exported(store: Store) -> Exported:
    return Exported(store, 1)


def refused(call: Callable[..., object], **arguments: object) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|Access Denied"):
        call(**arguments)


def test_attack_a_locked_version_cannot_be_deleted(exported: Exported) -> None:
    """Full tiles, full bundles and kept checkpoints stay, also for whoever has the credentials and asks to bypass."""
    for path in (TILE, "tile/entries/000", "checkpoints/300"):
        locked = exported.version(path)
        refused(exported.store.client.delete_object, **locked)
        refused(exported.store.client.delete_object, **locked, BypassGovernanceRetention=True)
    assert exported.check().ok


@pytest.mark.skipif(
    s3_servers.weed() is None, reason="moto lets retention be shortened; weed is not installed"
)
def test_attack_retention_cannot_be_shortened_or_weakened(exported: Exported) -> None:
    """The date can only be moved later, and the mode not changed."""
    put = exported.store.client.put_object_retention
    locked = exported.version(TILE)
    until = exported.store.client.head_object(**locked)["ObjectLockRetainUntilDate"]
    refused(put, **locked, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until - timedelta(hours=20)})
    refused(put, **locked, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    put(**locked, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until + timedelta(days=2)})
    assert exported.check(1).ok


def test_attack_a_delete_marker_hides_nothing_from_us(exported: Exported) -> None:
    """What was hidden is found, named, and still readable; a longer export goes on over it."""
    for path in (TILE, "checkpoints/300"):
        exported.store.client.delete_object(**exported.named(path))
    found = exported.check()
    assert sorted(found.overlaid.named) == ["checkpoints/300", TILE]
    assert (found.missing.count, found.different.count) == (0, 0)
    archive = exported.store.open(exported.prefix, days=1)
    assert archive.fetch(TILE) == exported.log.store.tile(0, 0)
    assert list(archive.names("checkpoints/")) == ["checkpoints/300"]


def test_attack_a_version_on_top_is_named_and_the_first_one_counts(exported: Exported) -> None:
    """A forged tile laid over the locked one: reading back reads the locked one, and says what lies above."""
    exported.store.client.put_object(**exported.named(TILE), Body=b"forged")
    found = exported.check()
    assert (found.overlaid.named, found.different.count, found.ok) == ([TILE], 0, False)
    archive = exported.store.open(exported.prefix, days=1)
    with pytest.raises(ArchiveForkError, match="other bytes"):  # noqa: PT012  # an upload may fail when it is waited for
        archive.put(TILE, exported.log.store.tile(0, 0) or b"", immutable=True)
        archive.flush()


def test_attack_a_rolled_back_log_after_the_checkpoint_was_deleted(exported: Exported) -> None:
    """Deleting ``checkpoint`` does not make the archive forget: the kept ones are locked, also when hidden."""
    exported.store.client.delete_object(**exported.named("checkpoint"))
    exported.store.client.delete_object(**exported.named("checkpoints/300"))
    restored = GrowingLog()
    note = restored.grow_to(200)
    with pytest.raises(ArchiveForkError, match="rolled back or cut"):
        export(
            restored.store, exported.store.open(exported.prefix, days=1), note, verifiers=KEYS, origin=ORIGIN
        )


def test_what_was_exported_without_a_lock_is_named_and_locked_when_it_is_met_again(store: Store) -> None:
    """No lock, a lock that is too short, a lock as asked: told apart."""
    loose = Exported(store, None)
    found = loose.check(1)
    assert sorted(found.unlocked.named) == ["checkpoints/300", TILE, "tile/entries/000"]
    assert not found.short.count
    archive = store.open(loose.prefix, days=1)
    archive.put(TILE, loose.log.store.tile(0, 0) or b"", immutable=True)
    archive.flush()
    assert TILE not in loose.check(1).unlocked.named
    assert loose.check(30).short.named == [TILE]
    assert loose.check(None).ok


def test_a_bucket_without_object_lock_is_refused_where_retention_is_asked(store: Store) -> None:
    """Nothing is written that would not be kept; without retention it does."""
    with pytest.raises(ArchiveError, match="no Object Lock"):
        store.open("x", days=1, bucket=store.plain)
    log = GrowingLog()
    archive = store.open("x", days=None, bucket=store.plain)
    export(log.store, archive, log.grow_to(300), verifiers=KEYS, origin=ORIGIN)
    assert check(log.store, archive, verifiers=KEYS, origin=ORIGIN, retain=None).ok
    with pytest.raises(ArchiveError, match=r"NoSuchBucket.*make the bucket"):
        store.open("x", days=1, bucket="nobody-made-this")


def test_the_lock_ends_when_it_was_asked_to(exported: Exported) -> None:
    """Retention counts from the writing of each file, in whole seconds."""
    for path in (TILE, "tile/entries/000", "checkpoints/300"):
        head = exported.store.client.head_object(**exported.named(path))
        assert head["ObjectLockMode"] == "COMPLIANCE"
        rest = head["ObjectLockRetainUntilDate"] - datetime.now(UTC)
        assert timedelta(hours=23) < rest <= timedelta(days=1)
    for path in ("checkpoint", "tile/entries/001.p/44"):
        assert "ObjectLockMode" not in exported.store.client.head_object(**exported.named(path))


def test_attack_no_secret_stands_in_a_message(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong keys, no keys, nobody there: what to do, and nothing of the credentials."""
    if s3_servers.weed() is not None:  # moto takes any credentials
        with (
            s3_servers.credentials(AWS_SECRET_ACCESS_KEY="another-secret"),
            pytest.raises(ArchiveError, match=r"SignatureDoesNotMatch|AccessDenied") as wrong,
        ):
            store.open("x", days=1)
        assert "secret" not in str(wrong.value).replace("the secret key is not the one", "")
        assert s3_servers.KEY not in str(wrong.value)
    with s3_servers.credentials(AWS_CONFIG_FILE="/nowhere", AWS_SHARED_CREDENTIALS_FILE="/nowhere"):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(ArchiveError, match="NoCredentialsError: set AWS_ACCESS_KEY_ID"):
            store.open("x", days=1)


def test_nobody_at_the_endpoint(store: Store) -> None:
    """It says so."""
    monkey = connect(f"http://127.0.0.1:{s3_servers.free_ports(1)[0]}", "bucket")
    with pytest.raises(ArchiveError, match="EndpointConnectionError: nobody answers"):
        monkey("head_bucket", "")


def test_without_boto3_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is asked for only here."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ArchiveError, match=r"pip install 'stepwarden\[s3\]'"):
        connect("", "bucket")


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("s3://", ""), ("http://bucket/x", ""), ("s3://user:password@bucket/x", ""), ("s3://bucket/a b", ""),
        ("s3://bucket/x?y", ""), ("s3://bucket/x", "ftp://host"), ("s3://bucket", "https://user:password@host"),
        ("s3://bucket/x#y", ""), ("s3://bucket/ü", ""),
    ],
)  # fmt: skip
def test_a_place_that_is_none_is_refused(url: str, endpoint: str) -> None:
    """Bad addresses are refused before anything is sent; a password in one is not repeated."""
    with pytest.raises(ArchiveError) as found:
        Location.parse(url, endpoint)
    assert "password" not in str(found.value).replace("without a user or password in it", "")


class Unconditional:
    """A store that knows no If-None-Match, in front of a real one."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.asked = 0

    def __call__(self, operation: str, key: str, **arguments: object) -> dict[str, Any]:
        if "IfNoneMatch" in arguments:
            self.asked += 1
            raise S3RefusedError("not implemented", "NotImplemented")
        return self._calls(operation, key, **arguments)


def test_a_server_without_conditional_writes_is_asked_first(store: Store) -> None:
    """Where names cannot be claimed, each is looked at before it is written; forks are refused all the same."""
    at = Location.parse(f"s3://{store.bucket}/{uuid4().hex}", store.endpoint)
    calls = Unconditional(connect(at.endpoint, at.bucket))
    archive = S3Archive(calls, at, retain=timedelta(days=1), clock=time.time)  # type: ignore[arg-type]  # same shape
    log = GrowingLog()
    export(log.store, archive, log.grow_to(600), verifiers=KEYS, origin=ORIGIN)
    assert calls.asked
    assert check(log.store, archive, verifiers=KEYS, origin=ORIGIN, retain=DAY, locks=archive.held).ok
    with pytest.raises(ArchiveForkError):  # noqa: PT012  # an upload may fail when it is waited for
        archive.put(TILE, b"other", immutable=True)
        archive.flush()
