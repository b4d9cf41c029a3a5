"""What ``stepwarden lab report`` and ``stepwarden lab gate`` print on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from stepwarden.lab.accuracy import tables, words
from stepwarden.lab.accuracy.figures import Figures
from stepwarden.lab.accuracy.gate import Difference

STYLES = {
    "met": "green",
    "met, not for sure": "yellow",
    "missed": "red",
    "not measured": "dim",
    "worse": "bold red",
    "better": "green",
    "as good": "dim",
}


def show_report(console: Console, figures: Figures) -> None:
    """The summary in words, then the targets."""
    console.print(Text(words.title(figures), style="bold"))
    console.print(Text(words.summary(figures)))
    console.print()
    grid = _grid(("target", "measured", "at most", "verdict"), left=1)
    for one in figures.targets:
        name = Text.assemble(one.name, (f" ({one.note})" if one.note else "", "dim"))
        said = words.verdict(one)
        found = words.estimate(one.measured, one.unit)
        grid.add_row(name, found, words.limit(one).removeprefix("≤ "), Text(said, style=STYLES[said]))
    console.print(grid)


def show_table(console: Console, table: tables.Table) -> None:
    """One table; the last column is coloured where it is a verdict."""
    grid = _grid(table.head, left=table.left)
    for row in table.rows:
        style = STYLES.get(row[-1], "") if table.verdict else ""
        grid.add_row(*(Text(cell) for cell in row[:-1]), Text(row[-1], style=style))
    console.print(grid)


def _grid(head: Sequence[str], *, left: int) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, name in enumerate(head):
        grid.add_column(
            name, justify="left" if number < left else "right", overflow="fold", no_wrap=number >= left
        )
    return grid


def show_differences(console: Console, found: Sequence[Difference]) -> None:
    """Every figure of both policies, then in words what got worse."""
    for kind in dict.fromkeys(one.kind for one in found):
        own = [one for one in found if one.kind == kind]
        grid = _grid((kind, "live", "candidate", "change", ""), left=1)
        for one in own:
            change = words.change(one.change)
            shares = words.share(one.live), words.share(one.candidate)
            grid.add_row(one.of, *shares, change, Text(one.verdict, style=STYLES[one.verdict]))
        console.print(grid)
        console.print()
    failed = [one for one in found if one.verdict == "worse"]
    if not failed:
        console.print(Text("The candidate is as good as the live policy, or better.", style="green"))
        return
    console.print(Text(f"The candidate is worse in {len(failed)} of {len(found)} figures:", style="bold red"))
    for one in failed:
        said = f"{one.kind}, {one.of}: {words.share(one.live)} before, {words.share(one.candidate)} now"
        console.print(Text(f"  {said} ({words.change(one.change)})"), soft_wrap=True)
