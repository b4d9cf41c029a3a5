"""A load generator that sends each of many prepared requests once: for what can be asked only once, as an answer can.

``python -m bench.once PORT CONNECTIONS FILE REPLIES`` reads whole HTTP/1.1 requests (a MessagePack list of byte
strings) and sends them over so many keep-alive connections, on each the next one as soon as the reply is there. It
prints what it saw as JSON, and writes the replies' bodies to REPLIES in the order of the requests.

A process of its own, on bare sockets and epoll, without an event loop or an HTTP library: about 10 µs of CPU a request,
so that it takes little from the server with which it shares the machine. (wrk repeats requests for a time, and cannot
send each of a list exactly once.)
"""

import gc
import json
import select
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

_LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it: milliseconds, requests per second, replies other than 200, and all bodies."""

    p50: float
    p99: float
    per_second: float
    bad: int
    bodies: list[bytes]


@dataclass(slots=True)
class _Connection:
    sock: socket.socket
    number: int = -1
    began: float = 0.0
    got: bytes = b""


@dataclass(slots=True)
class _Run:
    requests: list[bytes]
    bodies: list[bytes] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    next: int = 0
    bad: int = 0


def post(path: str, body: bytes, key: str) -> bytes:
    """A whole request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str, key: str) -> bytes:
    """A whole request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def send(url: str, requests: list[bytes], connections: int) -> Sent:
    """Send them all from another process."""
    with tempfile.TemporaryDirectory(prefix="stepwarden-once-") as name:
        asked, replies = Path(name) / "requests", Path(name) / "replies"
        asked.write_bytes(msgspec.msgpack.encode(requests))
        command = [
            sys.executable,
            "-m",
            "bench.once",
            url.rpartition(":")[2],
            str(connections),
            asked,
            replies,
        ]
        done = subprocess.run([str(part) for part in command], check=True, capture_output=True)
        found = json.loads(done.stdout)
        return Sent(**found, bodies=msgspec.msgpack.decode(replies.read_bytes(), type=list[bytes]))


def _whole(got: bytes) -> bytes | None:
    """The body of a reply that is all there."""
    head, found, body = got.partition(b"\r\n\r\n")
    if not found:
        return None
    at = head.lower().index(_LENGTH) + len(_LENGTH)
    return body if len(body) >= int(head[at:].split(b"\r\n", 1)[0]) else None


def _next(one: _Connection, run: _Run) -> bool:
    """Send the next request, if there is one."""
    if run.next >= len(run.requests):
        return False
    one.number, one.got = run.next, b""
    run.next += 1
    one.began = time.perf_counter()
    one.sock.sendall(run.requests[one.number])
    return True


def _take(one: _Connection, run: _Run) -> bool:
    """Read what came; whether more is to come."""
    data = one.sock.recv(65_536)
    if not data:
        raise ConnectionError("the server ended a connection")
    one.got += data
    body = _whole(one.got)
    if body is None:
        return True
    run.latencies.append(time.perf_counter() - one.began)
    run.bodies[one.number] = body
    run.bad += not one.got.startswith(b"HTTP/1.1 200 ")
    return _next(one, run)


def main(port: int, connections: int, asked: Path, replies: Path) -> None:
    """Send, and say what came of it."""
    run = _Run(msgspec.msgpack.decode(asked.read_bytes(), type=list[bytes]))
    run.bodies = [b""] * len(run.requests)
    gc.disable()
    poll, known = select.epoll(), {}
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        known[sock.fileno()] = _Connection(sock)
    began = time.perf_counter()
    busy = 0
    for descriptor, one in known.items():
        if _next(one, run):
            poll.register(descriptor, select.EPOLLIN)
            busy += 1
    while busy:
        for descriptor, _ in poll.poll():
            if not _take(known[descriptor], run):
                poll.unregister(descriptor)
                busy -= 1
    took = time.perf_counter() - began
    replies.write_bytes(msgspec.msgpack.encode(run.bodies))
    ordered = sorted(run.latencies)
    found = {
        "p50": ordered[len(ordered) // 2] * 1e3,
        "p99": ordered[len(ordered) * 99 // 100] * 1e3,
        "per_second": len(ordered) / took,
        "bad": run.bad,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
