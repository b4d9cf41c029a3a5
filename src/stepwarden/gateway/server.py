"""Serve a site on a real socket until a signal comes: one process, one loop.

No access log: the audit log is the record, and a line of text a request costs more than the decision. No ``Server``
header. Forwarded headers are not read here, because who may be believed is the flow's own list of trusted proxies.
No TLS: a proxy in front has the certificate.

The first SIGINT or SIGTERM stops in order, the second one at once; both only when called from the main thread.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvloop

from stepwarden.errors import SettingsError
from stepwarden.gateway.exchange import Site
from stepwarden.gateway.listener import Listener
from stepwarden.gateway.listener_connection import Limits

GRACE = 10
"""Seconds that requests under way may take after the signal."""
CONNECTIONS = 4096
"""Connections beyond which 503 is answered at once."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def listen(host: str, port: int) -> socket.socket:
    """Bind the address; port 0 lets the system choose one.

    Raises:
        SettingsError: the address cannot be bound; the message says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as exc:
        sock.close()
        raise SettingsError(f"cannot listen on {host} port {port}: {exc.strerror or exc}") from exc
    # Nagle and delayed acknowledgements together cost 40 ms on a kept connection; accepted sockets inherit this.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Server:
    """One listener on one bound socket, inside the loop that the service lives in."""

    def __init__(
        self,
        site: Site,
        sock: socket.socket,
        *,
        grace: float = GRACE,
        connections: int = CONNECTIONS,
        limits: Limits | None = None,
        listening: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing happens yet.

        Args:
            grace: seconds that requests under way may take after the signal.
            connections: how many there may be; beyond them 503 is answered at once.
            limits: all limits, instead of the standard ones with this number of connections.
            listening: called once requests are taken and signals are heard.
        """
        self._site = site
        self._socket = sock
        self._grace = grace
        self._limits = limits or Limits(connections=connections, body=site.body_timeout)
        self._listening = listening
        self._asked = asyncio.Event()
        self._listener: Listener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.host, self.port = sock.getsockname()[:2]

    async def serve(self) -> None:
        """Serve until a signal comes or ``stop`` is called."""
        self._loop = asyncio.get_running_loop()
        self._listener = Listener(self._site, self._limits)
        await self._listener.start(self._socket)
        with self._signals(self._loop):
            self._listening()
            await self._asked.wait()
            await self._listener.stop(self._grace)
        self._loop = None

    def stop(self) -> None:
        """Stop accepting, let requests under way finish, and let ``serve`` return. From any thread."""
        if self._loop is None:
            self._asked.set()
        else:
            self._loop.call_soon_threadsafe(self._asked.set)

    @contextmanager
    def _signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # nobody else can listen to signals
            return
        before = {one: signal.getsignal(one) for one in SIGNALS}
        for one in SIGNALS:
            loop.add_signal_handler(one, self._signalled)
        try:
            yield
        finally:
            for one, handler in before.items():
                loop.remove_signal_handler(one)
                signal.signal(one, handler)

    def _signalled(self) -> None:
        if self._asked.is_set() and self._listener is not None:
            self._listener.cut()
        self._asked.set()


async def serve(
    site: Site, sock: socket.socket, *, grace: float, connections: int, listening: Callable[[], None]
) -> None:
    """Serve on a bound socket until a signal comes; runs inside the loop that the service lives in."""
    await Server(site, sock, grace=grace, connections=connections, listening=listening).serve()


def run(site: Site, host: str, port: int, *, grace: float = GRACE, connections: int = CONNECTIONS) -> None:
    """Serve until a signal comes, on a loop of its own."""
    server = Server(site, listen(host, port), grace=grace, connections=connections)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve())
