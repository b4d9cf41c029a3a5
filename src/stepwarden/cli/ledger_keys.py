"""``stepwarden ledger keys``: the keys that sign the log, whether the service runs or not."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stepwarden.app.commands import ListLogKeys, RetireLogKey, RotateLogKey
from stepwarden.cli.keys import run
from stepwarden.cli.options import DATA, Data
from stepwarden.errors import InputError

app = typer.Typer(help="The keys that sign the log: list, rotate, retire.", no_args_is_help=True)
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def seconds(text: str) -> int:
    """Read ``30d``, ``12h``, ``90m`` or ``0``.

    Raises:
        InputError: anything else.
    """
    match = re.fullmatch(r"([0-9]{1,9})([dhms]?)", text)
    if match is None or (not match[2] and match[1] != "0"):
        raise InputError(f"{text!r} is no length of time: write 30d, 12h, 90m or 0", field="overlap")
    return int(match[1]) * _UNITS[match[2] or "s"]


@app.command("list")
def list_(data: Data = DATA, as_json: Json = False) -> None:
    """Show each key: active, next, leaving, retired; from which size to which it signs; where its secret is."""
    _show(run(data, ListLogKeys())["keys"], as_json=as_json)


@app.command()
def rotate(
    data: Data = DATA,
    overlap: Annotated[
        str, typer.Option(help="How long both keys sign: 30d, 12h; 0 if the old is stolen.")
    ] = "30d",
    reason: Annotated[str, typer.Option(help="Why; stands in the log.")] = "",
    to: Annotated[
        Literal["", "file", "ssh-agent"], typer.Option(help="Where the new key is [default: signer.kind].")
    ] = "",
    key: Annotated[str, typer.Option(help="Fingerprint or comment of the agent's key.")] = "",
    keep: Annotated[
        bool, typer.Option("--keep", help="Put the old secret aside at the end, not destroy it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let a new key follow. Old and new sign the change, which is an entry, and every head until the overlap ends.

    Before that, give the new public keys (keys/ledger.vkey) to whoever verifies the log.
    """
    command = RotateLogKey(overlap=seconds(overlap), reason=reason, keep=keep, kind=to, key=key)
    _show(run(data, command)["keys"], as_json=as_json)


@app.command()
def retire(data: Data = DATA, as_json: Json = False) -> None:
    """End an overlap now: the old key signs no more, and its secret is destroyed (or kept, as was asked)."""
    _show(run(data, RetireLogKey())["keys"], as_json=as_json)


def _show(rows: Any, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = Table("id", "type", "state", "sizes", "from", "to", "secret", box=None, pad_edge=False)
    for key in rows:
        since, until = key["since"], key["until"]
        sizes = "" if since is None else f"{since}-{'' if until is None else until}"
        where = key["where"] if key["where"] == "ssh-agent" or not key["where"] else Path(key["where"]).name
        style = {"active": "green", "leaving": "yellow", "retired": "dim"}.get(key["state"], "")
        table.add_row(
            key["id"],
            key["type"],
            Text(key["state"], style),
            sizes,
            _day(key["began"]),
            _day(key["ends"]),
            where,
        )
    console = Console()
    console.print(table)
    leaving = [key for key in rows if key["state"] == "leaving"]
    if leaving:
        console.print(
            "Both keys sign every head until then. Give keys/ledger.vkey to whoever verifies this log.",
            highlight=False,
        )


def _day(time: int | None) -> str:
    return f"{datetime.fromtimestamp(time / 1e6, UTC):%Y-%m-%d}" if time else ""
