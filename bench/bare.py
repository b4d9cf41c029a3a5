"""The bare server: uvicorn as the gateway runs it, with a handler that reads the body and answers 200."""

import sys

import uvicorn

from stepwarden.gateway.server import config

BODY = b'{"decision":"allow"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    """Answer 200 to everything."""
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    uvicorn.Server(config(app, host="127.0.0.1", port=int(sys.argv[1]), grace=1, connections=2_000)).run()
