"""Servers that answer a verifier with what HTTP's own library would follow for ever, or with what it trips over."""

import gzip
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from stepwarden.errors import StorageError
from stepwarden.ledger.publish import MAX_BUNDLE
from stepwarden.ledger.sources import MAX_HEADS, UrlSource

BLOCK = bytes(65_536)
MOST = 4 * MAX_BUNDLE
"""What a server sends at most in these tests, so that they end."""


class Stream:
    """A server that sends the pieces of one answer, one after the other, to each who connects."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]], pause: float = 0.0) -> None:
        self.sent = 0
        self._pieces, self._pause = pieces, pause
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/log"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            for piece in self._pieces():
                connection.sendall(piece)
                self.sent += len(piece)
                if self.sent > MOST:
                    return
                if self._pause:
                    time.sleep(self._pause)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stream]]:
    """Start servers. Waiting before a retry is skipped."""
    monkeypatch.setattr("stepwarden.ledger.sources.TRIES", 1)
    running: list[Stream] = []

    def start(pieces: Callable[[], Iterator[bytes]], pause: float = 0.0) -> Stream:
        running.append(Stream(pieces, pause))
        return running[-1]

    yield start
    for stream in running:
        stream.close()


def endless(head: bytes, block: bytes) -> Callable[[], Iterator[bytes]]:
    """An answer that begins and does not end."""
    return lambda: itertools.chain([head], itertools.repeat(block))


ENDLESS = {
    "a redirect's body": endless(b"HTTP/1.1 302 Found\r\nLocation: /log/x\r\n\r\n", BLOCK),
    "what follows gzip": endless(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"one file"), BLOCK
    ),
    "what follows the last chunk": endless(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n" * 10_000
    ),
    "100 Continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000),
    "empty chunks' extensions": endless(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 60_000 + b"\r\n\0\r\n"
    ),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_no_part_of_an_answer_is_followed_without_end(serve: Callable[..., Stream], what: str) -> None:
    """It is given up for its length or its time, and nothing of it is kept in memory until then."""
    stream = serve(ENDLESS[what])
    with pytest.raises(StorageError, match=r"too slow|more than any file|longer than"):
        UrlSource(stream.url, timeout=1.0).fetch("checkpoint")
    # Some megabytes are under way in the machine's own buffers.
    assert stream.sent < MAX_BUNDLE + MAX_HEADS + 16_000_000


DRIPPED = {
    "the status line": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
    "the length of a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"0" * 500
    + b"2\r\nab",
}


@pytest.mark.parametrize("what", DRIPPED)
def test_what_drips_is_given_up_wherever_it_drips(serve: Callable[..., Stream], what: str) -> None:
    """The time is for the whole file, its head included."""
    stream = serve(lambda: (bytes([byte]) for byte in DRIPPED[what]), pause=0.02)
    with pytest.raises(StorageError, match="too slow"):
        UrlSource(stream.url, timeout=0.2).fetch("checkpoint")
    assert stream.sent < len(DRIPPED[what])


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:port/x", "http://[::1/x", "//[", "http://127.0.0.1:99999/x", "\x00", "//é:1"]
)
def test_a_redirect_to_no_address_is_a_failure_and_no_crash(
    serve: Callable[..., Stream], target: str
) -> None:
    """Whatever stands in ``Location``, the verifier says so in its own words."""
    answer = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
    stream = serve(lambda: iter([answer]))
    with pytest.raises(StorageError):
        UrlSource(stream.url, timeout=1.0).fetch("checkpoint")


@pytest.mark.parametrize("url", ["http://host:port/log", "http://[::1/log", "https://h:99999/log"])
def test_an_address_that_cannot_be_read_is_refused(url: str) -> None:
    """As for every other one, by our own error."""
    with pytest.raises(StorageError, match="no address"):
        UrlSource(url)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00" * 100,
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_no_answer_raises_anything_else(serve: Callable[..., Stream], answer: bytes) -> None:
    """Nonsense is a file that cannot be read."""
    stream = serve(lambda: iter([answer]))
    with pytest.raises(StorageError):
        UrlSource(stream.url, timeout=1.0).fetch("checkpoint")
