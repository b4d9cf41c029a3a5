"""``stepwarden ledger verify|replay|show``: what only reads the log, and works beside a running service."""

import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from stepwarden.app.paths import Paths
from stepwarden.cli.options import DATA, Bars, Data, existing, open_log
from stepwarden.errors import (
    LedgerError,
    MalformedEntryError,
    NotFoundError,
    PolicyError,
    StorageError,
)
from stepwarden.ledger.keys import read_verifiers

Vkey = Annotated[
    Path | None,
    typer.Option(
        help="Public key file [default: keys/ledger.vkey in the data]; an auditor brings their own."
    ),
]


def verify(
    data: Data = DATA,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Another log, or a copy: its directory of tlog-tiles files.")
    ] = None,
    url: Annotated[str, typer.Option(help="The same at an address, without /checkpoint.")] = "",
    bearer: Annotated[
        Path | None, typer.Option(help="With --url: a file with the API key that the server asks for.")
    ] = None,
    vkey: Annotated[
        str,
        typer.Option(
            help="Public key, or file of keys [default: keys/ledger.vkey in the data]; bring your own."
        ),
    ] = "",
    origin: Annotated[str, typer.Option(help="The log's name, if it is not its key's.")] = "",
    policy: Annotated[
        Path | None, typer.Option(help="Whose signatures a checkpoint needs (c2sp.org/tlog-policy).")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            help="A checkpoint or receipt that was kept elsewhere, or a file of several; repeat for more."
        ),
    ] = None,
    events: Annotated[
        bool,
        typer.Option("--events", help="With --dir or --url: it is a log of ours, check what entries mean."),
    ] = False,
    floor: Annotated[
        int,
        typer.Option(
            min=0, help="With --dir or --url: entries before this one may have been pruned; 0: none."
        ),
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check everything that can be checked of a log, in numbered steps. Exits with 1 if anything does not hold.

    Signatures, tree, tiles, witnesses, and (of our own log) openings, step-ups, decisions, keys, stamps. With
    checkpoints kept elsewhere it also finds a log that was rolled back, cut or forked. Works beside a running service.
    """
    from stepwarden.cli import ledger_verify

    holds = ledger_verify.verify(
        data=data,
        directory=directory,
        url=url,
        bearer=bearer,
        vkey=vkey,
        origin=origin,
        policy=policy,
        checkpoint=checkpoint or [],
        events=events,
        floor=floor,
        as_json=as_json,
    )
    if not holds:
        sys.exit(1)


def replay(data: Data = DATA, vkey: Vkey = None) -> None:
    """Recompute every decision from the log alone. Exits with 1 at the first that differs.

    That these are the entries that were signed is checked as well, after it: a difference is named by its entry.
    """
    from stepwarden.flow.audit import recompute
    from stepwarden.flow.snapshots import read_floor
    from stepwarden.ledger.verify import verify_log

    existing(data)
    paths = Paths(data)
    verifiers = read_verifiers(vkey or paths.ledger_vkey)
    reader = open_log(data)
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


def show(index: Annotated[int, typer.Argument(min=0, help="Index of the entry.")], data: Data = DATA) -> None:
    """Print one entry as it stands in the log."""
    reader = open_log(data)
    try:
        leaf = next(iter(reader.leaves(index, index + 1)), None)
    finally:
        reader.close()
    if leaf is None:
        raise NotFoundError(f"the log has no entry {index}")
    Console().print_json(msgspec.json.format(leaf).decode())
