"""``stepwarden lab trace ENTRY``: the chain of steps that led to an attempt."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stepwarden.cli.kept import kept_log
from stepwarden.cli.options import DATA, Bars, Data
from stepwarden.errors import InputError
from stepwarden.lab.trace import Link, Trace, collect
from stepwarden.lab.trace_words import as_dict, before, moment, number, shared, what, who, why

_STYLES = {"allow": "green", "step_up": "yellow", "deny": "red", "": ""}


def trace(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="Index of the attempt, or its id (12-abc).")],
    data: Data = DATA,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far back.")] = 30,
    most: Annotated[int, typer.Option(min=1, max=1000, help="Links that are shown, at most.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    graph: Annotated[Path | None, typer.Option(help="Write it as an HTML page with a drawn graph.")] = None,
) -> None:
    """Show the chain of steps before an attempt: same person, session, device, address, network, credentials.

    Reads the log beside a running service. Tokens are numbered as they are met; nothing personal is opened.
    """
    number_, _, _ = entry.partition("-")
    if not number_.isdecimal():
        raise InputError(f"an entry is named by its index or its id, not by {entry[:64]!r}", field="entry")
    index = int(number_)
    with kept_log(data) as log, Bars() as report:
        found = collect(
            log.reader.leaves,
            index,
            first=log.floor,
            size=log.size,
            days=days,
            most=most,
            progress=lambda done: report("reading backwards", done, index),
        )
    if graph is not None:
        from stepwarden.lab.pages import write_whole
        from stepwarden.lab.trace_graph import page

        write_whole(page(found), graph)
        Console(stderr=True, highlight=False).print(f"graph: {graph}", markup=False, soft_wrap=True)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(as_dict(found))).decode() + "\n")
        return
    _show(Console(highlight=False), found)


def _show(console: Console, found: Trace) -> None:
    target = found.target
    said = f", labelled {target.label}" if target.label else ""
    console.print(Text(f"Before entry {target.index}, {moment(target.last)} UTC: {what(target)}{said}"))
    if why(target):
        console.print(Text(f"because of {why(target, 6)}", style="dim"))
    if not found.links:
        console.print(f"Nothing before it shares anything with it.{_pruned(found)}")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("before", "entry", "who", "what", "shares", "because"):
        table.add_column(name, overflow="fold")
    for link in found.links:
        table.add_row(*_row(found, link))
    console.print(table)
    more = f" {found.left_out:,} more ordinary links are not shown (--most)." if found.left_out else ""
    read = f"{found.read:,} entries read, back to {moment(found.since)} UTC at most."
    console.print(Text(f"{read}{_pruned(found)}{more}", style="dim"))


def _pruned(found: Trace) -> str:
    return f" What was before entry {found.floor:,} was pruned." if found.floor else ""


def _row(found: Trace, link: Link) -> tuple[Text | str, ...]:
    said = what(link) + (f", {number(link.count)}" if link.count > 1 else "")
    text = Text(said, style=_STYLES.get(link.verdict, ""))
    if link.label:
        text.append(f" [labelled {link.label}]", style="bold red" if link.label == "attack" else "bold green")
    return (
        before(found, link), str(link.index), who(found, link), text, shared(found, link), Text(why(link), style="dim"),
    )  # fmt: skip
