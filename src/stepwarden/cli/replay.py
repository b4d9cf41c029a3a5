"""``stepwarden replay FILE...``: what would have been challenged or refused in a log that somebody already has."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from rich.console import Console

from stepwarden.app.lookups import make_lookups
from stepwarden.app.prepare import read_policy
from stepwarden.app.settings import environment, load_settings
from stepwarden.cli.options import DATA, Counter
from stepwarden.cli.replayed import show
from stepwarden.connect.detect import FORMATS
from stepwarden.connect.importers.csvlog import parse_mapping
from stepwarden.errors import InputError
from stepwarden.flow.facts import Describer
from stepwarden.lab.logs import STDIN, Logs, kept
from stepwarden.lab.ordering import in_order
from stepwarden.lab.replay import PlainTokens, Replay
from stepwarden.lab.report import write
from stepwarden.lab.summary import Summary, as_json
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from stepwarden.signals.travel import Places

REMEMBERED = 65_536


def replay(
    files: Annotated[
        list[Path],
        typer.Argument(help="Logs, in any order; .gz and .zip are read too, and - is standard input."),
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
    rules = load(read_policy(policy) if policy else default_text())
    settings = load_settings(data, environment(), {})
    mapping = parse_mapping(map_) if map_ else None
    if report is not None and not report.absolute().parent.is_dir():
        raise InputError(f"the report {report} cannot be written: there is no such directory", field="report")
    addresses, agents = make_lookups(settings, data / "cache")
    describer = Describer(
        PlainTokens(),
        addresses,
        agents,
        trusted_proxies=settings.proxies(),
        places=Places(settings.memory.actors),
        remembered=REMEMBERED,
    )
    engine = Replay.begin(describer, rules, settings.memory.limits())
    summary = Summary(policy=rules.hash)
    with _paths(files) as paths, _pipe():
        logs = Logs.open(paths, format=format_, mapping=mapping, year=year)
        began = time.perf_counter()
        _run(logs, engine, summary, sys.stdout.buffer if json_ else None)
        seconds = time.perf_counter() - began
        if report is not None:
            with Console(stderr=True).status("drawing the report") if sys.stderr.isatty() else nullcontext():
                write(summary, report, title=_title(files))
            Console(stderr=True, highlight=False).print(f"report: {report}", markup=False, soft_wrap=True)
        show(_Console(stderr=json_, highlight=False), summary, seconds)
        sys.stdout.flush()


def _run(logs: Logs, engine: Replay, summary: Summary, out: BinaryIO | None) -> None:
    """Decide everything; write each result to ``out`` as it comes."""
    encode = msgspec.json.Encoder().encode
    with Counter() as counter:
        ordered = in_order(logs.attempts(summary, lambda: counter.step("read")), dropped=summary.skipped)
        for one in engine.results(ordered):
            summary.add(one)
            counter.step("decided")
            if out is not None:
                out.write(encode(as_json(one)) + b"\n")
    if out is not None:
        out.write(encode({"summary": summary.as_dict()}) + b"\n")
        out.flush()


@contextmanager
def _paths(files: list[Path]) -> Iterator[list[Path]]:
    """The files to read; what comes through a pipe is kept in a temporary one meanwhile."""
    with tempfile.TemporaryDirectory(prefix="stepwarden-replay-") as name:
        found = []
        for number, path in enumerate(files):
            if path == STDIN or path.is_fifo():
                directory = Path(name) / str(number)
                directory.mkdir()
                with nullcontext(sys.stdin.buffer) if path == STDIN else path.open("rb") as stream:
                    path = kept(stream, directory)
            found.append(path)
        yield found


class _Console(Console):
    """Lets a reader's going away be handled where all of it is."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@contextmanager
def _pipe() -> Iterator[None]:
    """Whoever reads our output may stop (``| head``): that is no error, and ends us in silence."""
    try:
        yield
    except BrokenPipeError:
        # What is still buffered must not be written, and complained about, at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def _title(files: list[Path]) -> str:
    names = ["standard input" if path == STDIN else path.name for path in files]
    return f"Replay of {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
