"""``make bench``: one table of speed and memory, each figure beside a peer or a physical limit of the same run.

``python -m bench service`` runs one part. On a shared machine compare only within the table, and prefer CPU per
decision to decisions per second.
"""

import importlib
import os
import platform
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.table import Row

PARTS = {
    "ledger_core": "the tree",
    "ledger_store": "the log on disk",
    "ledger_growth": "a growing log",
    "postgres": "the log in PostgreSQL",
    "signals": "signals",
    "policy": "policy",
    "decide": "a decision in process",
    "replay": "replay of logs",
    "backtest": "back-test",
    "simulate": "simulation",
    "accuracy": "accuracy",
    "start": "start and pruning",
    "service": "over HTTP",
    "stepup": "step-up over HTTP",
}


def number(value: float | None) -> str:
    """Readable, with about three digits that matter."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 10 else f"{value:.1f}"


def main(wanted: list[str]) -> int:
    """Run the parts; 1 if a floor or ceiling was missed."""
    console = Console(width=max(120, Console().width))
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        console.print(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
        return 2
    model = next(
        (line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    console.print(
        f"{os.cpu_count()} x {model.partition(':')[2].strip()}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC"
    )
    table = Table("part", "figure", "value", "", "beside it, same run", "value", "floor", "")
    missed = 0
    for name in wanted or PARTS:
        console.print(f"[dim]measuring {PARTS[name]} ...[/]")
        found: Iterable[tuple[object, ...]] = importlib.import_module(f"bench.{name}").rows()
        for one in found:
            row = Row(*one)  # type: ignore[arg-type]
            verdict = row.verdict()
            missed += verdict not in ("", "ok")
            limit = row.floor if row.floor is not None else row.ceiling
            sign = "" if limit is None else "≥ " if row.floor is not None else "≤ "
            table.add_row(
                PARTS[name],
                row.name,
                number(row.value),
                row.unit,
                row.beside,
                number(row.beside_value),
                sign + number(limit),
                f"[green]{verdict}[/]" if verdict == "ok" else f"[red]{verdict}[/]",
            )
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
