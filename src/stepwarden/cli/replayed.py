"""What ``stepwarden replay`` prints on a terminal: counts, reasons, the riskiest attempts. Fits into 80 columns.

Texts of the log are an attacker's: they are printed with control characters escaped, and never as markup.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stepwarden.connect.importers.base import shorten
from stepwarden.lab.replay import Replayed
from stepwarden.lab.summary import DECISIONS, OUTCOMES, Summary, alike, iso

SHOWN_REASONS = 3
STYLES = {"allow": "green", "step_up": "yellow", "deny": "red"}
LABELS = {"allow": "allowed", "step_up": "stepped up", "deny": "refused"}


def show(console: Console, summary: Summary, seconds: float) -> None:
    """Print everything. ``seconds``: how long it took."""
    _heading(console, "Had Stepwarden been there")
    console.print(_overview(summary, seconds))
    if summary.top_reasons():
        _heading(console, "Why attempts were not simply allowed")
        console.print(_reasons(summary))
    if summary.attempts:
        _heading(console, "The ten riskiest attempts")
        _attempts(console, summary.riskiest.sorted())
    if stopped := summary.stopped.sorted():
        _heading(console, "Really succeeded, and would have been stopped")
        _attempts(console, stopped)
    if summary.unknown:
        count = "1 line was" if summary.unknown == 1 else f"{summary.unknown:,} lines were"
        _heading(console, f"{count} not understood, the first of them")
        for line in summary.unknown_shown:
            text = f"{shorten(str(line['source']))}:{line['source_line']}: {line['text']}"
            console.print(Text(f"  {text} ({line['reason']})"))


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _overview(summary: Summary, seconds: float) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    attempts = summary.attempts
    if attempts:
        table.add_row("from", iso(summary.first))
        table.add_row("to", iso(summary.last))
    table.add_row("attempts", f"{attempts:,}")
    table.add_row("people and accounts", f"{len(summary.actors):,}{'+' if summary.actors.more else ''}")
    table.add_row("addresses", f"{len(summary.addresses):,}{'+' if summary.addresses.more else ''}")
    for name in OUTCOMES:
        if summary.outcomes[name]:
            table.add_row(
                f"really ended in {name}",
                f"{summary.outcomes[name]:,}",
                _share(summary.outcomes[name], attempts),
            )
    for name in DECISIONS:
        count = summary.decisions[name]
        table.add_row(Text(LABELS[name], style=STYLES[name]), f"{count:,}", _share(count, attempts))
    if summary.skipped:
        table.add_row("known, but no attempt", f"{summary.skipped.total():,}")
    table.add_row("took", f"{seconds:.1f} s")
    return table


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _reasons(summary: Summary) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(ratio=1)
    for rule, text, count in summary.top_reasons():
        table.add_row(f"{count:,}", Text.assemble(text, " ", (rule, "dim")))
    return table


def _attempts(console: Console, attempts: Sequence[Replayed]) -> None:
    """One heading for attempts in a row that differ in nothing but their time and place in the log."""
    for group in alike(attempts):
        one = group[0]
        again = f" and {len(group) - 1} more like it" if len(group) > 1 else ""
        console.print(
            Text.assemble(
                (LABELS[one.decision], f"bold {STYLES[one.decision]}"),
                f" at risk {one.risk:.3f}: ",
                (shorten(one.actor) or "(nobody named)", "bold"),
                f" from {shorten(one.ip) or '(no address)'}, {shorten(one.action)}, really ended in {one.outcome}",
            )
        )
        lines = [(f"{iso(one.time)}, {shorten(one.source)}:{one.source_line}{again}", "dim")]
        lines += [(f"- {text}", "") for text in one.reasons[:SHOWN_REASONS]]
        if len(one.reasons) > SHOWN_REASONS:
            lines.append((f"- and {len(one.reasons) - SHOWN_REASONS} more", "dim"))
        for text, style in lines:
            console.print(Padding(Text(text, style=style), (0, 0, 0, 4)))
