"""An HTTP/1.1 listener: accepts connections, watches their deadlines, ends in order.

What one connection does is in ``listener_connection``; here is what all of them share. A connection holds its next
deadline as a number, and one sweep every ``TICK`` seconds looks at all of them, so a request costs no timer; the same
sweep makes the Date header. Deadlines are therefore met up to two ticks late.

To stop: nothing new is accepted, idle connections are closed, and requests under way get ``grace`` seconds. A request
whose caller hung up meanwhile is under way too: its entry is being written.

Not here: TLS, HTTP/2, compression, WebSocket, replies in pieces. A proxy in front does the first two.
"""

import asyncio
import logging
import socket
import time
from typing import Final

from stepwarden.gateway.exchange import Site
from stepwarden.gateway.listener_connection import Connection, Limits
from stepwarden.gateway.listener_reply import date_line

TICK: Final = 0.25
BACKLOG: Final = 1024
_log = logging.getLogger(__name__)


class Listener:
    """All connections of one socket, in one loop: the ``Home`` of each."""

    def __init__(self, site: Site, limits: Limits) -> None:
        self.site = site
        self.limits = limits
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.stopping = False
        self.now = 0.0
        self.date = b""
        self._orphans: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._second = 0

    async def start(self, sock: socket.socket) -> None:
        """Accept connections from here on."""
        self._tick()
        self._server = await self.loop.create_server(lambda: Connection(self), sock=sock, backlog=BACKLOG)

    def _tick(self) -> None:
        self._timer = self.loop.call_later(TICK, self._tick)
        self.now = self.loop.time()
        second = int(time.time())
        if second != self._second:
            self._second = second
            self.date = date_line(second)
        for connection in tuple(self.connections):
            if connection.deadline <= self.now:
                self._expire(connection)

    def _expire(self, connection: Connection) -> None:
        try:
            connection.expire()
        except Exception:  # noqa: BLE001  # the sweep goes on to the next one
            _log.exception("internal error at a deadline")
            connection.cut()

    def gone(self, connection: Connection, task: asyncio.Task[None] | None) -> None:
        """A connection is lost. What it asked for goes on: it may be in the log already."""
        self.connections.discard(connection)
        if task is not None:
            self._orphans.add(task)
            task.add_done_callback(self._orphan_done)
        self._look()

    def _orphan_done(self, task: asyncio.Task[None]) -> None:
        self._orphans.discard(task)
        self._look()

    def _look(self) -> None:
        if self.stopping and not self.connections and not self._orphans:
            self._ended.set()

    async def stop(self, grace: float) -> None:
        """Accept nothing more, let requests under way finish, and cut off what is left after ``grace`` seconds."""
        self.stopping = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.retire()
        self._look()
        try:
            async with asyncio.timeout(grace):
                await self._ended.wait()
        except TimeoutError:
            _log.warning("%d connections were cut off", len(self.connections))
        if self._timer is not None:
            self._timer.cancel()
        self.cut()
        await asyncio.sleep(0)  # for the transports to be told

    def cut(self) -> None:
        """Wait no longer."""
        for connection in tuple(self.connections):
            connection.cut()
        self._ended.set()
