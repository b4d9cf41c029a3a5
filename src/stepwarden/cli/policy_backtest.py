"""``stepwarden policy backtest``: what a candidate would have answered to the installation's own history."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from stepwarden.cli.kept import kept_log
from stepwarden.cli.options import DATA, Bars, Data, Report
from stepwarden.cli.policy_life import record_report
from stepwarden.cli.policy_texts import text_of
from stepwarden.errors import InputError, SettingsError
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy

if TYPE_CHECKING:
    from stepwarden.lab.backtest.figures import Comparison
    from stepwarden.lab.backtest.history import History

Mode = Literal["fold", "columns", "both"]
SHOWN = 5
"""Examples of each kind on a terminal; JSON and the report have more."""


def backtest(
    candidate: Annotated[
        str,
        typer.Argument(help="A policy file, or one in the log by its hash, shadow, canary; default: ships."),
    ],
    against: Annotated[
        str, typer.Option(help="What to compare with: live, a file, or a hash in the log.")
    ] = "live",
    data: Data = DATA,
    history: Annotated[
        Path | None, typer.Option(help="Over a Parquet file made by `lab history`, instead of the log.")
    ] = None,
    simulated: Annotated[
        Path | None,
        typer.Option(help="Over a simulation made by `lab simulate --signals`, instead of the log."),
    ] = None,
    mode: Annotated[
        Mode | None,
        typer.Option(help="Fold the log anew, use the recorded signals, or do both and see that they agree."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report.")] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write into the log that the candidate was back-tested.")
    ] = False,
    reason: Annotated[str, typer.Option(help="With --record: why; it stands in the log.")] = "",
    seed: Annotated[int, typer.Option(help="Of the draws that intervals come from.")] = 1,
) -> None:
    """Run a candidate over the own history, and show what it would change against the live policy.

    Challenges and refusals added and removed, with examples; by action, address and kind of person; labelled attacks
    won and lost; what it costs people. Works beside a running service, and changes nothing unless --record is given.
    """
    if report is not None and not report.absolute().parent.is_dir():
        raise InputError(f"the report {report} cannot be written: there is no such directory", field="report")
    try:
        from stepwarden.lab.backtest import page, running
    except ImportError as exc:
        raise SettingsError("back-tests need the extra `lab`: pip install 'stepwarden[lab]'") from exc
    offline = history if history is not None else simulated
    if history is not None and simulated is not None:
        raise InputError("name one of --history and --simulated", field="history")
    if offline is not None and mode not in (None, "columns"):
        raise InputError(
            "only a log can be folded: leave --history and --simulated out, or use --mode columns",
            field="mode",
        )
    if offline is not None and record:
        raise InputError(
            "only a back-test over the log itself is recorded in it: name no other file", field="record"
        )
    tested = _policy(data, candidate)
    other = None if against == "live" else _policy(data, against)
    with Bars() as bars:
        if offline is not None:
            found = running.over_history(
                _history(history, simulated), tested, other, seed=seed, progress=bars
            )
        else:
            found = _over_log(data, tested, other, mode or "fold", seed, bars)
    if report is not None:
        from stepwarden.lab.pages import write_whole

        write_whole(page.page(found), report)
        Console(stderr=True, highlight=False).print(f"report: {report}", markup=False, soft_wrap=True)
    if as_json:
        sys.stdout.buffer.write(page.encoded(found))
        sys.stdout.buffer.flush()
    else:
        show(Console(highlight=False), found)
    if record:
        done = record_report(
            data, candidate, tested, "back-tested", page.encoded(found), found.summary(), reason
        )
        Console(stderr=True, highlight=False).print(f"recorded: entry {done}", markup=False)


def _policy(data: Path, word: str) -> Policy:
    return load(text_of(data, "default" if word == "-" else word))


def _history(history: Path | None, simulated: Path | None) -> "History":
    if history is not None:
        from stepwarden.lab.backtest.history import load as load_history

        return load_history(history)
    assert simulated is not None  # noqa: S101 - the caller has looked
    from stepwarden.lab.backtest.simulated import read

    return read(simulated)


def _over_log(
    data: Path, tested: Policy, other: Policy | None, mode: Mode, seed: int, bars: Report
) -> "Comparison":
    from stepwarden.lab.backtest.running import over_log

    with kept_log(data) as log:
        return over_log(
            log.leaves, log.size, tested, other, start=log.start, mode=mode, seed=seed, progress=bars
        )


def show(console: Console, found: "Comparison") -> None:
    """The tables, and some examples of each kind."""
    from stepwarden.cli.lab_shown import show_table
    from stepwarden.lab.backtest import words

    console.print(Text(words.title(found), style="bold"))
    for line in words.about(found):
        console.print(Text(line))
    for table in words.tables(found):
        console.print()
        console.print(Text(table.title, style="bold"))
        show_table(console, table)
    for name, count, examples in words.examples(found):
        if not examples:
            continue
        console.print()
        console.print(Text(f"{name.capitalize()}: {min(SHOWN, len(examples))} of {count:,}", style="bold"))
        for one in examples[:SHOWN]:
            console.print(Text(words.example(one)))
            for reason in one.reasons[:3] or (words.NO_RULE,):
                console.print(Padding(Text(f"- {reason}", style="dim"), (0, 0, 0, 4)))
