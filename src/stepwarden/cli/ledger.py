"""``stepwarden ledger``: check the log, recompute its decisions, look at an entry. All of it offline and read-only."""

import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from stepwarden.app.node import Paths
from stepwarden.cli import ledger_keys
from stepwarden.cli.options import DATA, Bars, Data
from stepwarden.errors import (
    InputError,
    LedgerError,
    MalformedEntryError,
    NotFoundError,
    PolicyError,
    StorageError,
)
from stepwarden.flow.audit import recompute
from stepwarden.flow.snapshots import read_floor
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.verify import verify_log
from stepwarden.storage.sqlite.log import SqliteLogReader

app = typer.Typer(help="Check the log and recompute its decisions.", no_args_is_help=True)
app.add_typer(ledger_keys.app, name="keys")
Vkey = Annotated[
    Path | None,
    typer.Option(
        help="Public key file [default: keys/ledger.vkey in the data]; an auditor brings their own."
    ),
]


@app.command()
def verify(
    data: Data = DATA,
    vkey: Vkey = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint that was kept elsewhere, or a file of several; repeat for more."),
    ] = None,
) -> None:
    """Check the whole log: signatures, tree, tiles. Exits with 1 if anything does not hold.

    With checkpoints kept elsewhere it also finds a log that was rolled back, cut or forked. Works beside a running
    service: it checks what is committed at this moment.
    """
    paths = Paths(data)
    verifiers = read_verifiers(vkey or paths.ledger_vkey)
    earlier = [note for path in checkpoint or [] for note in _checkpoints(path)]
    reader = SqliteLogReader(paths.log)
    try:
        began = time.perf_counter()
        with Bars() as report:
            found = verify_log(
                reader,
                origin=verifiers[0].name,
                verifiers=verifiers,
                earlier=earlier,
                progress=lambda done, end: report("checking the tree", done, end),
            )
        seconds = time.perf_counter() - began
    finally:
        reader.close()
    table = Table("", "step", "result", "what was seen")
    for step in found.steps:
        table.add_row(str(step.number), step.title, "[green]holds" if step.ok else "[red]FAILS", step.detail)
    console = Console()
    console.print(table)
    console.print(f"{found.size:,} entries in {seconds:.1f} s", highlight=False)
    if not found.ok:
        sys.exit(1)


def _checkpoints(path: Path) -> list[str]:
    """The signed notes in a file: each ends with its signature lines, which begin with an em dash.

    Raises:
        InputError: the file cannot be read, or holds none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path} cannot be read: {exc}", field="checkpoint") from exc
    notes: list[str] = []
    note = ""
    for line in lines:
        if note and not line.startswith("\N{EM DASH}") and "\n\N{EM DASH}" in note:
            notes.append(note)
            note = ""
        note += line if note or line.strip() else ""
    notes += [note] if note else []
    if not notes:
        raise InputError(f"{path} holds no checkpoint", field="checkpoint")
    return notes


@app.command()
def replay(data: Data = DATA, vkey: Vkey = None) -> None:
    """Recompute every decision from the log alone. Exits with 1 at the first that differs.

    That these are the entries that were signed is checked as well, after it: a difference is named by its entry.
    """
    paths = Paths(data)
    verifiers = read_verifiers(vkey or paths.ledger_vkey)
    reader = SqliteLogReader(paths.log)
    try:
        head = reader.load()
        size = head.size if head is not None else 0
        began = time.perf_counter()
        with Bars() as report:
            try:
                floor = reader.floor()
                start = read_floor(paths.snapshots, floor) if floor else None
                found = recompute(reader.leaves, size, lambda done: report("recomputing", done, size), start)
                verify_log(
                    reader,
                    origin=verifiers[0].name,
                    verifiers=verifiers,
                    progress=lambda done, end: report("checking the tree", done, end),
                ).raise_failure()
            except (LedgerError, MalformedEntryError, PolicyError, StorageError) as exc:
                Console(stderr=True, markup=False, highlight=False).print(f"FAILS ({exc.code}): {exc}")
                sys.exit(1)
        seconds = time.perf_counter() - began
    finally:
        reader.close()
    print(
        f"{found.entries:,} entries, {found.decisions:,} decisions under {found.policies} "
        f"{'policy' if found.policies == 1 else 'policies'}: "
        f"all are what the log before them leads to ({seconds:.1f} s)"
    )


@app.command()
def show(index: Annotated[int, typer.Argument(min=0, help="Index of the entry.")], data: Data = DATA) -> None:
    """Print one entry as it stands in the log."""
    reader = SqliteLogReader(Paths(data).log)
    try:
        leaf = next(iter(reader.leaves(index, index + 1)), None)
    finally:
        reader.close()
    if leaf is None:
        raise NotFoundError(f"the log has no entry {index}")
    Console().print_json(msgspec.json.format(leaf).decode())
