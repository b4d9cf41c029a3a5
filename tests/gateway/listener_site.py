"""What the listener's tests serve and how they look at what comes back: a small site, a peer in memory, raw sockets."""

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from math import inf
from typing import Any, NamedTuple

from stepwarden.errors import StepwardenError
from stepwarden.gateway import problems, wire
from stepwarden.gateway.exchange import Reply, Request, Site
from stepwarden.gateway.listener_connection import Connection, Limits
from stepwarden.gateway.listener_reply import CONTINUE

LIMITS = Limits(connections=8, body=0.3, head=0.3, idle=0.7, write=0.5, linger=0.3)
PATIENT = Limits(connections=8, body=30, head=30, idle=30, write=30)
"""Deadlines that nobody misses."""
DATE = b"date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
FIRST = b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Echo:
    """A site that says what it was asked.

    ``/slow?0.2`` takes so long, ``/big?1000`` answers so much, ``/boom`` raises, ``/inject`` puts a line break into a
    header, ``/none`` wants no body and ``/none?0.2`` takes its time over that, ``/raise`` fails before the body.
    ``done`` is what was handled to its end.
    """

    body_timeout = LIMITS.body

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.done: list[str] = []
        self.refused: list[str] = []

    def open(self, request: Request, peer: str) -> "Echoed":
        """Every head is good here."""
        path = request.path.decode()
        if path == "/raise":
            raise RuntimeError("before the body")
        self.opened.append(path)
        return Echoed(self, request)

    def refusal(self, code: str, detail: str) -> Reply:
        """As the gateway does."""
        self.refused.append(code)
        problem = problems.problem(code, detail)
        return Reply(wire.encode(problem), problem.status, problems.MEDIA_TYPE)


class Echoed:
    """One request to the echo."""

    def __init__(self, site: Echo, request: Request) -> None:
        self._site = site
        self._request = request
        self._error: Exception | None = None
        self.limit = 0 if request.path == b"/none" else 1000

    def refuse(self, error: Exception) -> None:
        """The answer will say so."""
        self._error = error

    async def answer(self, body: bytes) -> Reply:
        """What came."""
        path, query = self._request.path.decode(), self._request.query.decode()
        if self._error is not None:
            assert isinstance(self._error, StepwardenError)
            return self._site.refusal(self._error.code, str(self._error))
        if path == "/slow" or (path == "/none" and query):
            await asyncio.sleep(float(query))
        self._site.done.append(path)
        if path == "/boom":
            raise RuntimeError("in the handler")
        if path == "/inject":
            return Reply(b"", headers=((b"location", b"x\r\nset-cookie: a=b"),))
        if path == "/big":
            return Reply(bytes(int(query)))
        return Reply(
            json.dumps(
                {"method": self._request.method, "path": path, "query": query, "body": body.decode("latin-1")}
            ).encode()
        )


class Answer(NamedTuple):
    """One reply as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, str]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


def answers(data: bytes) -> list[Answer]:
    """All replies in these bytes; fails if they are anything but whole replies. None of them is to HEAD."""
    found = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, head
        start, *lines = head.decode("ascii").split("\r\n")
        version, status, _ = start.split(" ", 2)
        assert version == "HTTP/1.1"
        pairs = [line.split(": ", 1) for line in lines]
        headers = {name: value for name, value in pairs}  # noqa: C416  # lists are no pairs to a type checker
        assert len(headers) == len(pairs), "a header stands twice"
        length = int(headers.get("content-length", "0"))
        assert len(data) >= length
        found.append(Answer(int(status), headers, data[:length]))
        data = data[length:]
    return found


def post(body: bytes, *lines: bytes, path: bytes = b"/echo", length: bool = True) -> bytes:
    """A request with a body."""
    announced = [b"Content-Length: %d" % len(body)] if length else []
    return b"\r\n".join([b"POST %b HTTP/1.1" % path, b"Host: x", *announced, *lines, b"", body])


def dial(url: str) -> socket.socket:
    """A connection; silent for five seconds, it fails."""
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=5)


def hear(sock: socket.socket) -> bytes:
    """Everything until the server closes."""
    return b"".join(pieces(sock))


def pieces(sock: socket.socket) -> Iterator[bytes]:
    """What comes until the server closes; a reset after the last reply is an end too."""
    while True:
        try:
            data = sock.recv(65536)
        except ConnectionResetError:
            return
        if not data:
            return
        yield data


def talk(url: str, data: bytes) -> list[Answer]:
    """Say this, and hear everything until the server closes."""
    with closing(dial(url)) as sock:
        sock.sendall(data)
        return answers(hear(sock))


def run(work: Coroutine[Any, Any, None]) -> None:
    """What a test of connections in memory does, in a loop of its own."""
    asyncio.run(work)


class Wire:
    """A transport in memory. ``full`` is called at each write: it may say that the peer does not read."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.writes = 0
        self.closed = False
        self.aborted = False
        self.finished = False
        self.paused = False
        self.unsent = 0
        self.full: Callable[[], None] = lambda: None

    def get_extra_info(self, name: str) -> object:
        return ("192.0.2.9", 50_000) if name == "peername" else None

    def write(self, data: bytes) -> None:
        assert not self.closed
        assert not self.finished
        self.writes += data != CONTINUE
        self.sent += data
        self.full()

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def write_eof(self) -> None:
        self.finished = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False


class House:
    """What connections share, without a listener."""

    def __init__(self, site: Site, limits: Limits = LIMITS) -> None:
        self.site = site
        self.limits = limits
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.stopping = False
        self.now = 100.0
        self.date = DATE
        self.lost: list[asyncio.Task[None] | None] = []

    def gone(self, connection: Connection, task: asyncio.Task[None] | None) -> None:
        self.connections.discard(connection)
        self.lost.append(task)


class Peer:
    """One connection in memory."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.wire = Wire()
        self.connection = Connection(house)
        self.connection.connection_made(self.wire)  # type: ignore[arg-type]  # a transport by its shape

    def say(self, data: bytes) -> None:
        """The bytes arrive, if anybody is there to take them."""
        if not self.wire.closed:
            self.connection.data_received(data)

    async def turn(self, times: int = 8) -> None:
        """Let the loop run until nothing more happens by itself."""
        for _ in range(times):
            await asyncio.sleep(0)

    def later(self, seconds: float) -> None:
        """Time passes, and the sweep comes by."""
        self.house.now += seconds
        if self.connection.deadline <= self.house.now:
            self.connection.expire()

    @property
    def waiting(self) -> bool:
        """Whether there is a deadline."""
        return self.connection.deadline < inf

    def heard(self) -> list[Answer]:
        """The replies so far."""
        return answers(bytes(self.wire.sent).replace(CONTINUE, b""))
