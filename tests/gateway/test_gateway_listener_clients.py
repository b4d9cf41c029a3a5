"""Ordinary clients: httpx, curl, wrk, and Python's own."""

import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from stepwarden.gateway.listener_connection import Limits
from tests.gateway.conftest import running
from tests.gateway.listener_site import Echo


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with running(Echo(), limits=Limits(connections=200, body=5)) as url:
        yield url


def tool(name: str) -> str:
    """Where it is; skips, and says so, where it is not."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (apt-get install {name})")
    return found


def test_httpx_keeps_its_connections(echo: str) -> None:
    """Bodies of known length and in pieces, many at once, each gets its own answer."""
    with httpx.Client(base_url=echo) as client, ThreadPoolExecutor(8) as pool:

        def ask(number: int) -> bool:
            text = f"number {number}"
            body: object = text.encode() if number % 2 else iter([text[:3].encode(), text[3:].encode()])
            reply = client.post(f"/echo?{number}", content=body)  # type: ignore[arg-type]
            return bool(
                reply.json() == {"method": "POST", "path": "/echo", "query": str(number), "body": text}
            )

        assert all(pool.map(ask, range(200)))


def test_curl_sends_uploads_and_waits_to_be_asked(echo: str) -> None:
    """A GET, a POST, one with Expect, one in chunks, HTTP/1.0, HEAD: over one connection where it can be."""
    curl = [tool("curl"), "--silent", "--show-error", "--max-time", "10"]

    def ask(*options: str, text: str = "") -> str:
        done = subprocess.run([*curl, *options, f"{echo}/echo"], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(ask())["method"] == "GET"
    assert json.loads(ask("--data-binary", "hello"))["body"] == "hello"
    assert json.loads(ask("--http1.0", "--data-binary", "hello"))["body"] == "hello"
    assert json.loads(ask("-H", "Expect: 100-continue", "--data-binary", "hello"))["body"] == "hello"
    chunked = ask("-H", "Transfer-Encoding: chunked", "--data-binary", "@-", text="in chunks")
    assert json.loads(chunked)["body"] == "in chunks"
    assert "HTTP/1.1 200 OK" in ask("--head")
    twice = ask("--write-out", "%{num_connects}", f"{echo}/other", "--output", "-")
    assert twice.endswith("0"), "the second request of one command reuses the connection"


def test_wrk_gets_nothing_but_answers(echo: str) -> None:
    """Many connections, kept open, for a second: no error of any kind."""
    done = subprocess.run(
        [tool("wrk"), "-t", "1", "-c", "32", "-d", "1s", f"{echo}/echo"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Socket errors" not in done.stdout
    assert "Non-2xx" not in done.stdout
    assert "requests in" in done.stdout


def test_the_standard_library_reads_one_answer_after_the_other(echo: str) -> None:
    """http.client, kept alive."""
    host, port = echo.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    for number in range(3):
        connection.request("POST", f"/echo?{number}", body=b"hello")
        reply = connection.getresponse()
        assert (reply.status, json.loads(reply.read())["query"]) == (200, str(number))
        assert reply.getheader("date")
    connection.close()
