"""``stepwarden keys``: API keys, whether the service runs or not."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from stepwarden.app.control import SECONDS, Command, CreateKey, ListKeys, RevokeKey, ask_running, execute
from stepwarden.app.node import open_node
from stepwarden.app.settings import environment, load_settings
from stepwarden.cli.options import DATA, Bars, Data

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for; shown in lists.")],
    scopes: Annotated[
        str, typer.Option(help="Comma-separated: decide, report, read, administer, audit.")
    ] = "decide,report",
    data: Data = DATA,
) -> None:
    """Make a key and print it, once. Only its hash is kept."""
    done = run(data, CreateKey(name=name, scopes=tuple(scopes.split(","))))
    print(done["token"])
    Console(stderr=True).print("This is the only time the key is shown: keep it like a password.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id, as `keys list` shows it.")], data: Data = DATA
) -> None:
    """End a key at once."""
    run(data, RevokeKey(id=key_id))


@app.command("list")
def list_(data: Data = DATA) -> None:
    """Show all keys; never anything of their secrets."""
    table = Table("id", "name", "scopes", "made")
    rows: Any = run(data, ListKeys())["keys"]
    for key in rows:
        made = datetime.fromtimestamp(key["created"] / 1e6, UTC)
        table.add_row(key["id"], key["name"], " ".join(key["scopes"]), f"{made:%Y-%m-%d %H:%M}")
    Console().print(table)


def run(data: Path, command: Command, *, seconds: float = SECONDS) -> dict[str, object]:
    """Have the running service do it, within ``seconds``, or open the log and do it here."""
    return ask_running(data, command, seconds=seconds) or uvloop.run(_here(data, command))


async def _here(data: Path, command: Command) -> dict[str, object]:
    settings = load_settings(data, environment(), {})
    with Bars() as report:
        node = open_node(data, settings, report)
    try:
        await node.start()
        return await execute(node, command)
    finally:
        await node.close("command done")
