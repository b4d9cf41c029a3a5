"""``stepwarden replay FILE...``: what would have been challenged or refused in a log that somebody already has."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stepwarden.app.lookups import make_lookups
from stepwarden.app.node import default_policy, read_policy
from stepwarden.app.settings import environment, load_settings
from stepwarden.cli.options import DATA, Counter
from stepwarden.connect.detect import FORMATS, Imported, Skipped, detect, open_log
from stepwarden.connect.importers.csvlog import parse_mapping
from stepwarden.flow.facts import Describer
from stepwarden.lab.ordering import in_order
from stepwarden.lab.replay import PlainTokens, Replay
from stepwarden.lab.report import write
from stepwarden.lab.summary import Summary, as_json, iso
from stepwarden.policy.loader import load
from stepwarden.signals.travel import Places

REMEMBERED = 65_536


def replay(
    files: Annotated[
        list[Path], typer.Argument(help="Logs, in any order; .gz and .zip are read too.", exists=True)
    ],
    format_: Annotated[
        str, typer.Option("--format", help=f"Say the format instead of detecting it: {', '.join(FORMATS)}.")
    ] = "",
    map_: Annotated[
        str, typer.Option("--map", help="Columns of a CSV file: user=...,ip=...,time=...,outcome=...")
    ] = "",
    year: Annotated[
        int | None, typer.Option(help="Year of the first line of a log that has none (syslog).")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="Policy file [default: the shipped one].")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a self-contained HTML report with plots.")
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="One JSON object per attempt on standard output, then the summary.")
    ] = False,
    data: Annotated[Path, typer.Option(help="Data directory whose settings name address files.")] = DATA,
) -> None:
    """Replay logs: had Stepwarden been there, this is what it would have challenged or refused, and why.

    Nothing is recorded and nothing leaves this machine. Attempts are decided in order of time, each before its own
    outcome is looked at.
    """
    rules = load(read_policy(policy) if policy else default_policy())
    settings = load_settings(data, environment(), {})
    addresses, agents = make_lookups(settings, data / "cache" if data.exists() else None)
    summary = Summary(policy=rules.hash)
    mapping = parse_mapping(map_) if map_ else None
    formats = {path: format_ or ("csv" if mapping else detect(path)) for path in files}
    describer = Describer(
        PlainTokens(),
        addresses,
        agents,
        trusted_proxies=settings.proxies(),
        places=Places(settings.memory.actors),
        remembered=REMEMBERED,
    )
    engine = Replay.begin(describer, rules, settings.memory.limits())
    out: TextIO | None = sys.stdout if json_ else None
    began = time.perf_counter()
    with Counter() as counter:
        imported = _attempts(formats, summary, mapping, year, counter)
        for one in engine.results(in_order(imported, dropped=summary.skipped)):
            summary.add(one)
            counter.step("decided")
            if out is not None:
                out.write(json.dumps(as_json(one), ensure_ascii=False, separators=(",", ":")) + "\n")
    seconds = time.perf_counter() - began
    if out is not None:
        out.write(json.dumps({"summary": summary.as_dict()}, ensure_ascii=False) + "\n")
        out.flush()
    _print(Console(stderr=json_), summary, seconds)
    if report is not None:
        with Console(stderr=True).status("drawing the report") if sys.stderr.isatty() else nullcontext():
            write(summary, report, title=_title(files))
        Console(stderr=True, highlight=False).print(f"report: {report}", markup=False)


def _title(files: list[Path]) -> str:
    names = [path.name for path in files]
    return f"Replay of {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _attempts(
    formats: dict[Path, str],
    summary: Summary,
    mapping: dict[str, str] | None,
    year: int | None,
    counter: Counter,
) -> Iterator[Imported]:
    """The attempts of all files; what is none is counted, file by file."""
    for path, name in formats.items():
        about: dict[str, Any] = {
            "source": path.name,
            "format": name,
            "attempts": 0,
            "skipped": 0,
            "unknown": 0,
        }
        summary.files.append(about)
        for item in open_log(path, format=name, mapping=mapping, year=year):
            counter.step("read")
            if isinstance(item, Imported):
                about["attempts"] += 1
                yield item
            elif isinstance(item, Skipped):
                about["skipped"] += 1
                summary.skipped[item.reason] += 1
            else:
                about["unknown"] += 1
                summary.not_understood(path.name, item.source_line, item.text, item.reason)


def _print(console: Console, summary: Summary, seconds: float) -> None:
    console.print(_overview(summary, seconds))
    if summary.reasons:
        reasons = Table(
            "reason", "rule", "attempts", title="Why attempts were not simply allowed", title_justify="left"
        )
        for rule, text, count in summary.top_reasons():
            reasons.add_row(escape(text), rule, f"{count:,}")
        console.print(reasons)
    if summary.attempts:
        risky = Table(
            "when",
            "who",
            "from",
            "did",
            "answer",
            "risk",
            "because",
            title="The ten riskiest",
            title_justify="left",
        )
        for one in summary.riskiest():
            risky.add_row(
                iso(one.time),
                escape(one.actor),
                escape(one.ip),
                f"{escape(one.action)} ({one.outcome})",
                _coloured(one.decision),
                f"{one.risk:.3f}",
                escape("; ".join(one.reasons[:3])),
            )
        console.print(risky)
    if summary.unknown:
        console.print(f"[bold]{summary.unknown:,} lines were not understood[/], the first of them:")
        for line in summary.unknown_shown:
            console.print(
                f"  {line['source']}:{line['source_line']}: {line['text']} ({line['reason']})", markup=False
            )


def _overview(summary: Summary, seconds: float) -> Table:
    table = Table(show_header=False, title="Had Stepwarden been there", title_justify="left")
    shares = summary.decisions
    table.add_row("attempts", f"{summary.attempts:,}")
    table.add_row(
        "people and accounts", f"{len(summary.actors):,}{' or more' if summary.actors.more else ''}"
    )
    table.add_row("addresses", f"{len(summary.addresses):,}{' or more' if summary.addresses.more else ''}")
    for name in ("success", "failure", "unknown"):
        if summary.outcomes[name]:
            table.add_row(f"really ended in {name}", f"{summary.outcomes[name]:,}")
    for name in ("allow", "step_up", "deny"):
        share = 100 * shares[name] / summary.attempts if summary.attempts else 0
        table.add_row(_coloured(name), f"{shares[name]:,} ({share:.1f} %)")
    if summary.skipped:
        table.add_row("known, but no attempt", f"{sum(summary.skipped.values()):,}")
    if summary.attempts:
        table.add_row("from", iso(summary.first))
        table.add_row("to", iso(summary.last))
    table.add_row("took", f"{seconds:.1f} s")
    return table


def _coloured(decision: str) -> str:
    shown = {"allow": "[green]allowed[/]", "step_up": "[yellow]stepped up[/]", "deny": "[red]refused[/]"}
    return shown[decision]
