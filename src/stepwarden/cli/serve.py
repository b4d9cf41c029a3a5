"""``stepwarden serve``."""

import logging
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from stepwarden.app.serve import serve as serve_until_stopped
from stepwarden.app.settings import environment, load_settings
from stepwarden.cli.options import DATA, Bars, Data


def serve(
    data: Data = DATA,
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on, 0 for a free one [default: 8700].")
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="Name of a new log in its checkpoints, like log.example.com/doors.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="Policy file [default: policy.yaml in the data directory].")
    ] = None,
    queue_limit: Annotated[
        int | None, typer.Option(help="Entries that may wait for the disk before 503 is answered.")
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None, typer.Option(help="A network whose X-Forwarded-For is believed; repeat for more.")
    ] = None,
) -> None:
    """Decide, record and answer over HTTP, until stopped.

    Everything it needs is made in the data directory at the first start: keys, log, the shipped policy.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each second's question to each witness
    given = {
        "server.host": host,
        "server.port": port,
        "server.queue_limit": queue_limit,
        "server.trusted_proxies": trusted_proxy or None,
        "log.origin": origin,
        "policy": policy,
    }
    settings = load_settings(data, environment(), given)
    console = Console(stderr=True, highlight=False)
    bars = Bars()

    def started(at: str, number: int) -> None:
        bars.__exit__()
        shown = f"[{at}]" if ":" in at else at
        console.print(
            f"Stepwarden answers on http://{shown}:{number} (API: /docs). Data: {data}", markup=False
        )

    report = bars.__enter__()
    try:
        uvloop.run(serve_until_stopped(data, settings, report, started))
    finally:
        bars.__exit__()
