"""Requests that race: each on a connection of its own, all of them sent but for the last byte, then let go at once.

That is how races are provoked over a network ("last-byte synchronisation"): whatever the network and the schedulers do,
when the last bytes come every request is already there, on its own connection.
"""

import json
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

Sent = tuple[str, object]
"""Path, and the body that goes there as JSON."""


class Racers:
    """So many connections, kept open from race to race."""

    def __init__(self, url: str, key: str, number: int) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._head = (
            f"Host: {parts.netloc}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        )
        self._sockets = [socket.create_connection((parts.hostname, parts.port), 60) for _ in range(number)]
        for one in self._sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._sockets:
            one.close()

    def race(self, requests: Sequence[Sent]) -> list[tuple[int, dict[str, Any]]]:
        """One request on each connection; what each was answered."""
        assert len(requests) == len(self._sockets)
        whole = [self._bytes(path, body) for path, body in requests]
        for sock, data in zip(self._sockets, whole, strict=True):
            sock.sendall(data[:-1])
        for sock, data in zip(self._sockets, whole, strict=True):
            sock.sendall(data[-1:])
        return [_read(sock) for sock in self._sockets]

    def _bytes(self, path: str, body: object) -> bytes:
        data = json.dumps(body).encode()
        return f"POST {path} HTTP/1.1\r\n{self._head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def _read(sock: socket.socket) -> tuple[int, dict[str, Any]]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
    while len(body) < length:
        body += _more(sock)
    assert len(body) == length
    return int(lines[0].split(" ")[1]), json.loads(body)


def _more(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    assert data, "the service closed a connection in a race"
    return data
