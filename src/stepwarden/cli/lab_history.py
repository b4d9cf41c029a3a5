"""``stepwarden lab history``: the log's decided attempts as one Parquet file, to be asked by anything that reads it."""

import time
from pathlib import Path
from typing import Annotated

import typer

from stepwarden.cli.kept import kept_log
from stepwarden.cli.options import DATA, Bars, Data
from stepwarden.errors import InputError, SettingsError


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
    with kept_log(data) as log, Bars() as bars:
        found = read(log.leaves(), start=log.start(), progress=lambda done: bars("reading", done, log.size))
    found.write(out)
    rows, columns = found.frame.shape
    print(f"{out}: {rows:,} attempts, {columns} columns ({time.perf_counter() - began:.1f} s)")
