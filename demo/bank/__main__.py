"""Serve the bank: ``STEPWARDEN_KEY=... python -m demo.bank --port 8000 --stepwarden URL --pages URL --codes FILE``.

``--stepwarden`` is where the bank reaches Stepwarden, ``--pages`` where people's browsers do.

The key comes from the environment, since arguments are visible to every process of the machine.
"""

import argparse
import os
from pathlib import Path

import uvicorn

from demo.bank.app import build
from stepwarden.sdk import AsyncClient


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.bank")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--stepwarden", required=True)
    parser.add_argument("--pages", required=True)
    parser.add_argument("--codes", type=Path, required=True)
    options = parser.parse_args()
    client = AsyncClient(options.stepwarden, key=os.environ.pop("STEPWARDEN_KEY"), timeout=3.0)
    origin = f"http://localhost:{options.port}"
    app = build(client, options.codes, origin=origin, stepwarden=options.pages)
    # proxy_headers off: Stepwarden gets the peer and the header as they came, and judges itself.
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        lifespan="off",
    )


if __name__ == "__main__":
    main()
