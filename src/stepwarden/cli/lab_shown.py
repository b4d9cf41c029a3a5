"""What ``stepwarden lab report`` and ``stepwarden lab gate`` print on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from stepwarden.lab.accuracy import tables, words
from stepwarden.lab.accuracy.figures import Figures

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
