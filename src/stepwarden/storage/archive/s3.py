"""The archive in an S3-compatible object store, locked against everybody for a stated time.

    immutable files     created only if the name is free (If-None-Match: *), with Object Lock in COMPLIANCE mode until
                        now + ``retain``: until then nobody can delete or replace that version, the account's owner
                        included, and the date can only be moved later
    checkpoint          overwritten; the bucket keeps its versions
    partial tiles       written plainly, and deleted when their full tile is there

A lock holds a *version*. Whoever may write to the bucket can put another version, or a delete marker, on top of it.
So what is read as immutable is looked for below a delete marker, and ``held`` reports what lies on top: the first
version is the one that counts.

Uploads run side by side; ``flush`` waits for them, and raises what went wrong. Credentials come from where AWS's own
tools look (environment, profile, role) and appear in no message.

The library (boto3) is the extra ``s3``, and is imported only when such an archive is opened.
"""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any, Self
from urllib.parse import urlsplit

from stepwarden.errors import ArchiveError, ArchiveForkError
from stepwarden.ledger.archive_check import Held
from stepwarden.storage.archive.paths import check_path
from stepwarden.storage.archive.s3_calls import Calls, S3RefusedError, connect

PARALLEL = 16
"""Uploads under way at a time."""
WAITING = 128
"""Uploads that may be under way or waiting before ``put`` waits itself: bounds the memory."""
_PREFIX = re.compile(r"[A-Za-z0-9._/-]{0,500}")
_ABSENT = ("404", "NoSuchKey", "NotFound", "NoSuchVersion", "405", "MethodNotAllowed")
_TAKEN = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")
_UNCONDITIONAL = ("501", "NotImplemented")
_NO_LOCK = ("ObjectLockConfigurationNotFoundError", "NotImplemented", "501")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """``s3://bucket/prefix`` at an endpoint; endpoint empty: AWS itself."""

    bucket: str
    prefix: str
    endpoint: str

    @classmethod
    def parse(cls, url: str, endpoint: str = "") -> Self:
        """Read ``s3://bucket/prefix``.

        Raises:
            ArchiveError: it is none, or the endpoint is no URL.
        """
        found, at = urlsplit(url), urlsplit(endpoint)
        if found.scheme != "s3" or not found.netloc or found.query or found.fragment or "@" in found.netloc:
            # It is not repeated: somebody may have written a password into it.
            raise ArchiveError("an object store is given as s3://bucket/prefix, and nothing else")
        if endpoint and (at.scheme not in ("http", "https") or not at.hostname or "@" in at.netloc):
            raise ArchiveError(
                "the endpoint is a URL like https://s3.example.com, without a user or password in it"
            )
        prefix = found.path.strip("/")
        if _PREFIX.fullmatch(prefix) is None:
            raise ArchiveError(
                f"the prefix {prefix!r} has other characters than letters, digits, and . _ - /"
            )
        return cls(bucket=found.netloc, prefix=f"{prefix}/" if prefix else "", endpoint=endpoint)

    def __str__(self) -> str:
        at = f" at {self.endpoint}" if self.endpoint else ""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/") + at


class S3Archive:
    """An ``Archive`` in a bucket. ``open`` makes one, ``close`` ends its threads."""

    def __init__(
        self, calls: Calls, location: Location, *, retain: timedelta | None, clock: Callable[[], float]
    ) -> None:
        self._calls = calls
        self._location = location
        self._retain = retain
        self._clock = clock
        self._conditional = True
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="archive")
        self._uploads: list[Future[None]] = []

    @classmethod
    def open(cls, location: Location, *, retain: timedelta | None, clock: Callable[[], float]) -> Self:
        """Connect, and see that the bucket can do what is asked of it.

        Args:
            retain: how long each immutable file is locked from its writing on; None for no lock.
            clock: seconds since 1970 UTC.

        Raises:
            ArchiveError: boto3 is not installed, the bucket is not there or not ours, or it has no Object Lock.
        """
        calls = connect(location.endpoint, location.bucket)
        found = cls(calls, location, retain=retain, clock=clock)
        if retain is not None:
            found._check_lockable()
        return found

    def _check_lockable(self) -> None:
        try:
            answer = self._calls("get_object_lock_configuration", "")
        except S3RefusedError as exc:
            if exc.reason not in _NO_LOCK:
                raise
            answer = {}
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise ArchiveError(
                f"{self._location} has no Object Lock, so nothing could be retained there: make a bucket with Object "
                "Lock enabled, or export without a retention time"
            )

    def fetch(self, path: str) -> bytes | None:
        key = self._key(path)
        try:
            return self._body("get_object", key)
        except S3RefusedError as exc:
            if exc.reason not in _ABSENT:
                raise
        if path == "checkpoint" or ".p/" in path:
            return None
        first = self._first_version(key)  # a delete marker hides what a lock keeps
        return None if first is None else self._body("get_object", key, VersionId=first)

    def held(self, path: str) -> Held | None:
        """What is kept under an immutable file's name: its first version, and how it is locked."""
        key = self._key(path)
        try:
            versions = self._versions(key)
        except S3RefusedError as exc:
            if exc.reason not in _ABSENT:
                raise
            versions = []
        if not versions:
            return None
        first = versions[0]
        answer = self._calls("get_object", key, VersionId=first["VersionId"])
        until = answer.get("ObjectLockRetainUntilDate")
        if answer.get("ObjectLockMode") != "COMPLIANCE":
            until = None  # an administrator may lift any other lock
        return Held(
            data=answer["Body"],
            written=int(first["LastModified"].timestamp()),
            locked_until=0 if until is None else int(until.timestamp()),
            overlaid=not first["IsLatest"],
        )

    def put(self, path: str, data: bytes, *, immutable: bool) -> None:
        key = self._key(path)
        if len(self._uploads) >= WAITING:
            self._uploads.pop(0).result()
        self._uploads.append(self._pool.submit(self._create if immutable else self._replace, key, data))

    def flush(self) -> None:
        uploads, self._uploads = self._uploads, []
        errors = [error for upload in uploads if (error := upload.exception()) is not None]
        if errors:
            raise errors[0]

    def names(self, folder: str) -> Iterator[str]:
        prefix = self._key(folder.rstrip("/")) + "/"
        cut = len(self._location.prefix)
        yield from {version["Key"][cut:]: None for version in self._all_versions(prefix)}

    def remove(self, path: str) -> None:
        key = self._key(path)
        try:
            for version in self._versions(key):
                self._calls("delete_object", key, VersionId=version["VersionId"])
        except ArchiveError:
            return  # it is locked, or we may not delete: it stays, and does no harm

    def describe(self) -> str:
        return str(self._location)

    def close(self) -> None:
        """Wait for what is under way, and end the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _key(self, path: str) -> str:
        return self._location.prefix + check_path(path)

    def _body(self, operation: str, key: str, **more: object) -> bytes:
        data: bytes = self._calls(operation, key, **more)["Body"]
        return data

    def _lock(self) -> dict[str, object]:
        if self._retain is None:
            return {}
        # Whole seconds, as some servers cut them off: a date must come back as it was set.
        until = datetime.fromtimestamp(int(self._clock()), UTC) + self._retain
        return {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}

    def _replace(self, key: str, data: bytes) -> None:
        self._calls("put_object", key, Body=data, ChecksumAlgorithm="SHA256", **_headers(key))

    def _create(self, key: str, data: bytes) -> None:
        if not self._conditional and self._is_there(key, data):
            return
        condition = {"IfNoneMatch": "*"} if self._conditional else {}
        more = {**condition, **self._lock(), **_headers(key)}
        try:
            self._calls("put_object", key, Body=data, ChecksumAlgorithm="SHA256", **more)
        except S3RefusedError as exc:
            if exc.reason in _UNCONDITIONAL and self._conditional:
                self._conditional = False
                self._create(key, data)
            elif exc.reason not in _TAKEN or not self._is_there(key, data):
                raise

    def _is_there(self, key: str, data: bytes) -> bool:
        """Whether the object exists, with these bytes and its lock.

        Raises:
            ArchiveForkError: it has others.
        """
        try:
            answer = self._calls("get_object", key)
        except S3RefusedError as exc:
            if exc.reason in _ABSENT:
                return False
            raise
        if answer["Body"] != data:
            raise ArchiveForkError(
                f"{key} in {self._location} is there with other bytes: it was changed, or is of another log. "
                "It stays as it is"
            )
        if self._retain is not None and answer.get("ObjectLockMode") != "COMPLIANCE":
            lock = self._lock()
            retention = {"Mode": lock["ObjectLockMode"], "RetainUntilDate": lock["ObjectLockRetainUntilDate"]}
            self._calls("put_object_retention", key, VersionId=answer["VersionId"], Retention=retention)
        return True

    def _first_version(self, key: str) -> str | None:
        versions = self._versions(key)
        return str(versions[0]["VersionId"]) if versions else None

    def _versions(self, key: str) -> list[dict[str, Any]]:
        """The versions of one object, oldest first; delete markers are none."""
        # What begins with the same key is listed too, after it.
        found = list(takewhile(lambda version: version["Key"] == key, self._all_versions(key, page=32)))
        # Servers list the newest first, but within one second some do not: the one that is latest comes last.
        found.reverse()
        return sorted(found, key=lambda version: version["LastModified"])

    def _all_versions(self, prefix: str, page: int = 1_000) -> Iterator[dict[str, Any]]:
        markers: dict[str, object] = {}
        while True:
            found = self._calls("list_object_versions", "", Prefix=prefix, MaxKeys=page, **markers)
            yield from found.get("Versions", [])
            if not found.get("IsTruncated"):
                return
            before = markers
            markers = {"KeyMarker": found.get("NextKeyMarker")}
            if found.get("NextVersionIdMarker"):
                markers["VersionIdMarker"] = found["NextVersionIdMarker"]
            if markers["KeyMarker"] is None or markers == before:
                raise ArchiveError(
                    f"{self._location} lists its files without end: this is no store to rely on"
                )


def _headers(key: str) -> dict[str, object]:
    if key.endswith("checkpoint") or "/checkpoints/" in f"/{key}":
        return {"ContentType": "text/plain; charset=utf-8", "CacheControl": "no-cache"}
    return {"ContentType": "application/octet-stream", "CacheControl": "public, max-age=31536000, immutable"}
