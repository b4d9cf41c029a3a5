"""``stepwarden ledger trust`` and ``ledger anchor``: end a doubt, have the log stamped. Running or stopped."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from stepwarden.app.control import AnchorLog, Command, TrustLog, ask_running, execute
from stepwarden.app.node import open_node
from stepwarden.app.settings import environment, load_settings
from stepwarden.cli.keys import run
from stepwarden.cli.options import DATA, Bars, Data


def trust(
    reason: Annotated[
        str, typer.Option(help="Why the log may be used although something is missing from it.")
    ],
    data: Data = DATA,
) -> None:
    """Go on with a log that something outside contradicts. Who knew what, and your reason, become an entry.

    First restore the newest copy of the data directory, if there is one: what this log lost, it has forgotten, the risk
    that it knew of included.
    """
    command = TrustLog(reason=reason)
    done: Any = ask_running(data, command) or uvloop.run(_trust_here(data, command))
    print(f"The doubt is over. {len(done['known'])} claims about another log are accepted:")
    for claim in done["known"]:
        print(f"  {claim}")


def anchor(data: Data = DATA) -> None:
    """Have the newest checkpoint stamped by the authority of the settings, now."""
    done: Any = run(data, AnchorLog())
    time = datetime.fromtimestamp(done["stamped"] / 1e6, UTC)
    print(f"{done['size']} entries under root {done['root']} were stamped at {time:%Y-%m-%d %H:%M:%S} UTC.")
    print(f"The stamp is in {done['folder']} and in the log.")


async def _trust_here(data: Path, command: Command) -> dict[str, object]:
    settings = load_settings(data, environment(), {})
    with Bars() as report:
        node = open_node(data, settings, report)
    try:
        await node.begin()  # not ``start``, which would refuse
        return await execute(node, command)
    finally:
        await node.close("command done")


def register(app: typer.Typer) -> None:
    """Put the commands beside the others of ``stepwarden ledger``."""
    app.command()(trust)
    app.command()(anchor)
