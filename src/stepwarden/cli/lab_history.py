"""``stepwarden lab history``: the log's decided attempts as one Parquet file, to be asked by anything that reads it."""

import time
from pathlib import Path
from typing import Annotated

import typer

from stepwarden.app.paths import Paths
from stepwarden.cli.options import DATA, Bars, Data, open_log
from stepwarden.errors import InputError, SettingsError
from stepwarden.flow.snapshots import read_floor


def history(
    out: Annotated[Path, typer.Option(help="The Parquet file to write.")],
    data: Data = DATA,
) -> None:
    """Write the log's decided attempts to a Parquet file: facts, signals, standings, decisions, outcomes, labels.

    People, sessions, devices and addresses stand there as tokens, as in the log. `policy backtest --history` reads it.
    """
    try:
        from stepwarden.lab.backtest.history import read
    except ImportError as exc:
        raise SettingsError("histories need the extra `lab`: pip install 'stepwarden[lab]'") from exc
    if not out.absolute().parent.is_dir():
        raise InputError(f"the history {out} cannot be written: there is no such directory", field="out")
    began = time.perf_counter()
    reader = open_log(data)
    try:
        head, floor = reader.load(), reader.floor()
        size = head.size if head is not None else 0
        start = read_floor(Paths(data).snapshots, floor)[0] if floor else None
        with Bars() as bars:
            found = read(
                reader.leaves(floor, size), start=start, progress=lambda done: bars("reading", done, size)
            )
    finally:
        reader.close()
    found.write(out)
    rows, columns = found.frame.shape
    print(f"{out}: {rows:,} attempts, {columns} columns ({time.perf_counter() - began:.1f} s)")
