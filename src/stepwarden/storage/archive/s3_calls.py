"""Calls to an S3-compatible store, whose failures are ours to explain.

What the library raises never leaves: an ``S3RefusedError`` has the server's own code (``AccessDenied``), any other
``ArchiveError`` says that no answer came. No message holds a credential, a signature or a signed address: of the
library's errors only the code or the name of the class is repeated.
"""

import importlib
from collections.abc import Callable
from typing import Any

from stepwarden.errors import ArchiveError

CONNECT_SECONDS = 10
READ_SECONDS = 60
TRIES = 5
MAX_FILE = 256 * (2 + 65_535)
"""Bytes of a file at most: a full bundle of the longest entries."""
_ADVICE = {
    "NoCredentialsError": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role",
    "PartialCredentialsError": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together",
    "NoSuchBucket": "make the bucket first, with Object Lock enabled",
    "AccessDenied": "the credentials lack a permission for this, or a lock forbids it",
    "InvalidAccessKeyId": "the credentials are not known there",
    "SignatureDoesNotMatch": "the secret key is not the one that belongs to the access key",
    "EndpointConnectionError": "nobody answers at the endpoint",
}


class S3RefusedError(ArchiveError):
    """The store answered no; ``reason`` is its code."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Calls:
    """``calls("get_object", key)``: one request about one object of the bucket, or about the bucket (key ``""``)."""

    def __init__(self, client: Any, bucket: str, refused: type[Exception], failed: type[Exception]) -> None:
        self._client = client
        self._bucket = bucket
        self._refused = refused
        self._failed = failed

    def __call__(self, operation: str, key: str, **arguments: object) -> dict[str, Any]:
        """Return the answer, with its ``Body`` read.

        Raises:
            S3RefusedError: the store refused.
            ArchiveError: it did not answer, or not in a way that can be read.
        """
        if key:
            arguments["Key"] = key
        method: Callable[..., dict[str, Any]] = getattr(self._client, operation)
        try:
            answer = method(Bucket=self._bucket, **arguments)
            if "Body" in answer:
                answer["Body"] = answer["Body"].read(MAX_FILE + 1)
        except self._refused as exc:
            reason = str(getattr(exc, "response", {}).get("Error", {}).get("Code", "unknown"))
            raise S3RefusedError(self._words(operation, key, reason), reason) from None
        except self._failed as exc:
            raise ArchiveError(self._words(operation, key, type(exc).__name__)) from None
        if len(answer.get("Body", b"")) > MAX_FILE:
            raise ArchiveError(f"{key} in s3://{self._bucket} is longer than any file of an archive")
        return answer

    def _words(self, operation: str, key: str, reason: str) -> str:
        advice = _ADVICE.get(reason, "try again later")
        return f"{operation} of {key or 'the bucket'} in s3://{self._bucket} failed with {reason}: {advice}"


def connect(endpoint: str, bucket: str) -> Calls:
    """Return calls to a bucket; nothing is sent yet.

    Raises:
        ArchiveError: boto3 is not installed, or its configuration cannot be used.
    """
    try:
        boto3 = importlib.import_module("boto3")
        errors = importlib.import_module("botocore.exceptions")
        config = importlib.import_module("botocore.config")
    except ImportError as exc:
        raise ArchiveError(
            "archives in an object store need boto3: install it with `pip install 'stepwarden[s3]'`"
        ) from exc
    try:
        session = boto3.session.Session()
        client = session.client(
            "s3",
            endpoint_url=endpoint or None,
            region_name=session.region_name or "us-east-1",
            config=config.Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": TRIES},
                max_pool_connections=32,
                # Buckets as host names need DNS, which a server of one's own seldom has.
                s3={"addressing_style": "path" if endpoint else "auto"},
            ),
        )
    except (errors.BotoCoreError, ValueError) as exc:
        raise ArchiveError(
            f"the connection to s3://{bucket} cannot be set up ({type(exc).__name__}): check AWS's settings"
        ) from None
    return Calls(client, bucket, errors.ClientError, errors.BotoCoreError)
