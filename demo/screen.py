"""What the demonstration shows: decisions as they happen, and who got what.

On a terminal a live table; otherwise one plain line per decision. ``Tally`` counts for a label: an attack's name, or
empty for people. A second question with a grant belongs to the first, so it is not counted again.
"""

from collections import deque
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.bank.feed import Line

ROWS = 16
_STYLE = {"allow": "green", "step_up": "yellow", "deny": "bold red", "code": "cyan"}
_WORD = {"allow": "allowed", "step_up": "code asked", "deny": "denied"}


@dataclass(slots=True)
class Tally:
    """Counts of decisions, of answers to challenges, and of wrong passwords by those who were let try."""

    attempts: int = 0
    allow: int = 0
    step_up: int = 0
    deny: int = 0
    outage: int = 0
    codes_right: int = 0
    codes_wrong: int = 0
    wrong: int = 0

    def add(self, line: Line) -> None:
        if line.wrong:
            self.wrong += 1
        elif line.code:
            self.codes_right += line.code == "passed"
            self.codes_wrong += line.code != "passed"
        elif not line.again:
            self.attempts += 1
            self.allow += line.decision == "allow"
            self.step_up += line.decision == "step_up"
            self.deny += line.decision == "deny"
            self.outage += line.outage

    def words(self) -> str:
        return (
            f"attempts {self.attempts}   allowed {self.allow}   stepped up {self.step_up}   denied {self.deny}"
            f"   wrong passwords {self.wrong}   codes right {self.codes_right}   codes wrong {self.codes_wrong}"
            + (f"   without an answer {self.outage}" if self.outage else "")
        )


class Screen:
    """Shows lines; ``with`` it, so that a live table is put away again."""

    def __init__(self, console: Console, attack: str) -> None:
        self._console = console
        self._attack = attack
        self._lines: deque[Line] = deque(maxlen=ROWS)
        self._live: Live | None = None
        self.tallies: dict[str, Tally] = {"": Tally()}

    def __enter__(self) -> "Screen":
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=5, get_renderable=self._table)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)

    def show(self, line: Line) -> None:
        self.tallies.setdefault(line.label, Tally()).add(line)
        if self._live:
            self._lines.append(line)
        else:
            who = f"[{line.label}] " if line.label else ""
            self._console.print(Text(f"{who}{_plain(line)}"), soft_wrap=True)

    def _table(self) -> Group:
        table = Table(expand=True, box=None, header_style="dim", pad_edge=False)
        for name, ratio in (("who", 2), ("what", 3), ("from", 3), ("answer", 2), ("risk", 1), ("why", 8)):
            table.add_column(name, ratio=ratio, no_wrap=True, overflow="ellipsis")
        for line in self._lines:
            style = _STYLE[line.decision or "code"]
            risk = "" if line.code or line.wrong else f"{line.risk:.0%}"
            who = Text(line.actor, style="red" if line.label else "")
            table.add_row(
                who,
                line.action,
                line.address,
                Text(_answer(line), style=style),
                risk,
                "; ".join(line.reasons),
            )
        counts = [Text(f"people   {self.tallies[''].words()}")]
        if self._attack:
            tally = self.tallies.get(self._attack, Tally())
            counts.append(Text(f"{self._attack}   {tally.words()}", style="red"))
        return Group(Panel(table, title="decisions", border_style="dim"), *counts)


def _answer(line: Line) -> str:
    if line.wrong:
        return "wrong password"
    if line.code:
        return f"code {'right' if line.code == 'passed' else line.code}"
    return _WORD[line.decision] + (" (with code)" if line.again else "")


def _plain(line: Line) -> str:
    risk = "" if line.code or line.wrong else f" risk {line.risk:.0%}"
    why = f": {'; '.join(line.reasons)}" if line.reasons else ""
    return f"{line.actor} {line.action} from {line.address}: {_answer(line)}{risk}{why}"
