"""The bare servers: a handler that takes the body and answers 200, and no service behind it.

``python -m bench.bare PORT`` is our own listener, ``python -m bench.bare PORT uvicorn`` the peer: uvicorn on uvloop and
httptools, without access log, with a raw ASGI handler.
"""

import sys

import uvicorn

from stepwarden.gateway.exchange import Reply, Request
from stepwarden.gateway.server import run

BODY = b'{"decision":"allow"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


class Allow:
    """Takes any body, answers 200."""

    limit = 64 * 1024

    def refuse(self, error: Exception) -> None:
        """It does so even then."""

    async def answer(self, body: bytes) -> Reply:
        """The fixed answer."""
        return Reply(BODY)


class Bare:
    """A site where everything is allowed."""

    body_timeout = 10.0

    def open(self, request: Request, peer: str) -> Allow:
        """Judge nothing."""
        return Allow()

    def refusal(self, code: str, detail: str) -> Reply:
        """Not HTTP."""
        return Reply(b"", 400)


async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    """The same for uvicorn."""
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    port = int(sys.argv[1])
    if sys.argv[2:] == ["uvicorn"]:
        uvicorn.run(
            app,
            host="127.0.0.1",
            port=port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
        )
    else:
        run(Bare(), "127.0.0.1", port)
