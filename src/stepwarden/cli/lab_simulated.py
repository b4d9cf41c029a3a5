"""What ``stepwarden lab simulate`` prints at its end: one line for people, one for each attacker."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stepwarden.lab.simulate.tally import Line, Tally

HEAD = ("", "attempts", "let in", "asked", "refused", "noticed", "after")


def show(console: Console, tally: Tally, seconds: float) -> None:
    """The table. ``seconds`` is how long the run took."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, name in enumerate(HEAD):
        table.add_column(name, justify="left" if number == 0 else "right", overflow="fold")
    people = tally.people
    table.add_row(*_row(people), "", "")
    for line in tally.lines():
        noticed = f"{line.noticed} of {line.campaigns}" if line.campaigns else "none began"
        after = spelled(line.found_after) if line.found_after is not None else ""
        table.add_row(*_row(line), noticed, after)
    console.print(table)
    if people.attempts:
        asked, refused = (100 * count / people.attempts for count in (people.challenged, people.refused))
        console.print(
            f"People were asked in {asked:.2f} % of their attempts, and refused in {refused:.2f} %."
        )
    rate = tally.attempts / seconds if seconds > 0 else 0
    console.print(Text(f"{tally.attempts:,} attempts in {seconds:,.1f} s: {rate:,.0f} a second", style="dim"))


def _row(line: Line) -> tuple[str, ...]:
    counts = (line.attempts, line.took_place, line.challenged, line.refused)
    return (line.name, *(f"{count:,}" for count in counts))


def spelled(seconds: float) -> str:
    """A duration in its largest whole unit, with one decimal from minutes on.

    >>> spelled(0), spelled(42), spelled(5_400), spelled(200_000)
    ('at once', '42 s', '1.5 h', '2.3 d')
    """
    if seconds < 1:
        return "at once"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
