"""``stepwarden keys``: API keys, whether the service runs or not."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from stepwarden.app.commands import (
    SECONDS,
    Command,
    CreateKey,
    ListKeys,
    RevokeKey,
    RotateTokens,
    ask_running,
)
from stepwarden.cli.options import DATA, Data, existing

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
    print(f"revoked: {key_id}")


@app.command("list")
def list_(data: Data = DATA) -> None:
    """Show all keys; never anything of their secrets."""
    table = Table("id", "name", "scopes", "made")
    rows: Any = run(data, ListKeys())["keys"]
    for key in rows:
        made = datetime.fromtimestamp(key["created"] / 1e6, UTC)
        table.add_row(key["id"], key["name"], " ".join(key["scopes"]), f"{made:%Y-%m-%d %H:%M}")
    Console().print(table)


@app.command("rotate-tokens")
def rotate_tokens(data: Data = DATA) -> None:
    """Put a new key in front of those that sign grants and identity tokens. It signs from the next start on."""
    kept: Any = run(data, RotateTokens())["keys"]
    print(f"new key: {kept[0]}")
    Console(stderr=True).print(
        "It signs from the next start of the service on. What the key before it signed stays good until it is over."
    )


def run(data: Path, command: Command, *, seconds: float = SECONDS) -> dict[str, object]:
    """Have the running service do it, within ``seconds``, or open the log and do it here.

    Only making a key makes a log where there is none: a mistyped directory must not become a new, empty one.
    """
    done = ask_running(data, command, seconds=seconds)
    if done is not None:
        return done
    if not isinstance(command, CreateKey):
        existing(data)
    from stepwarden.cli.stopped import carry_out

    return asyncio.run(carry_out(data, command))
