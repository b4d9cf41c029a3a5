"""Serve an ASGI application on a real socket: uvicorn with uvloop and httptools, one process, one loop.

No access log: the audit log is the record, and a line of text a request costs more than the decision. No ``Server``
header. Forwarded headers are not read here, because who may be believed is the flow's own list of trusted proxies.
On SIGINT or SIGTERM it stops accepting, gives requests under way ``grace`` seconds, and returns.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
import uvloop

from stepwarden.errors import SettingsError
from stepwarden.gateway.front import App

GRACE = 10
"""Seconds that requests under way may take after the signal."""
CONNECTIONS = 4096
"""Connections and tasks beyond which 503 is answered at once."""


def config(app: App, *, host: str, port: int, grace: int, connections: int) -> uvicorn.Config:
    """The server's settings.

    Args:
        grace: seconds that requests under way may take after the signal.
        connections: connections and tasks beyond which 503 is answered at once.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=grace,
        limit_concurrency=connections,
        backlog=1024,
    )


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


class _Server(uvicorn.Server):
    """uvicorn raises a signal once more when it has stopped, which ends the process where it stands. Here somebody
    still has a log to close."""

    def __init__(self, settings: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(settings)
        self._listening = listening

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # nobody else can listen to signals
            return
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()


class Server:
    """One server on one bound socket, inside the loop that the service lives in."""

    def __init__(
        self,
        app: App,
        sock: socket.socket,
        *,
        grace: int = GRACE,
        connections: int = CONNECTIONS,
        listening: Callable[[], None] = lambda: None,
    ) -> None:
        """``listening`` is called once requests are taken and signals are heard."""
        self._socket = sock
        self.host, self.port = sock.getsockname()[:2]
        self._server = _Server(
            config(app, host=self.host, port=self.port, grace=grace, connections=connections), listening
        )

    async def serve(self) -> None:
        """Serve until a signal comes or ``stop`` is called."""
        await self._server.serve([self._socket])

    def stop(self) -> None:
        """Stop accepting, let requests under way finish, and let ``serve`` return. From any thread."""
        self._server.should_exit = True


async def serve(
    app: App, sock: socket.socket, *, grace: int, connections: int, listening: Callable[[], None]
) -> None:
    """Serve on a bound socket until a signal comes; runs inside the loop that the service lives in."""
    await Server(app, sock, grace=grace, connections=connections, listening=listening).serve()


def run(app: App, host: str, port: int, *, grace: int = GRACE, connections: int = CONNECTIONS) -> None:
    """Serve until a signal comes, on a loop of its own."""
    server = Server(app, listen(host, port), grace=grace, connections=connections)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve())
