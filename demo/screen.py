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
_STYLE = {"allow": "green", "step_up": "yellow", "deny": "bold red"}
_WORD = {"allow": "allowed", "step_up": "step-up", "deny": "denied"}
_STEPS = {
    "opened": "page opened",
    "passed": "passed with {}",
    "wrong": "wrong answer: {}",
    "replayed": "used before: {}",
    "locked": "locked: {}",
    "exhausted": "too many wrong answers",
    "denied": "this wasn't me",
    "cancelled": "went back",
    "expired": "nobody answered",
    "enrolled": "added {}",
    "removed": "removed {}",
    "remembered": "device remembered",
    "forgotten": "device forgotten",
    "revoked": "sessions ended",
}
_NOTES = {
    "replayed": "each code works once",
    "locked": "too many wrong answers lately",
    "exhausted": "this challenge is over",
    "denied": "it is over, and the next attempts on this account are trusted less",
    "remembered": "their browser keeps a signed cookie, which is a signal and nothing more",
}
_WRONG = {"wrong", "replayed", "locked", "exhausted"}


@dataclass(slots=True)
class Tally:
    """Counts of decisions, of answers on the challenge page, and of wrong passwords by those who were let try."""

    attempts: int = 0
    allow: int = 0
    step_up: int = 0
    deny: int = 0
    outage: int = 0
    proved: int = 0
    not_proved: int = 0
    wrong: int = 0

    def add(self, line: Line) -> None:
        if line.wrong:
            self.wrong += 1
        elif line.step:
            self.proved += line.step == "passed"
            self.not_proved += line.step in _WRONG
        elif not line.again:
            self.attempts += 1
            self.allow += line.decision == "allow"
            self.step_up += line.decision == "step_up"
            self.deny += line.decision == "deny"
            self.outage += line.outage

    def words(self) -> str:
        return (
            f"attempts {self.attempts}   allowed {self.allow}   stepped up {self.step_up}   denied {self.deny}"
            f"   wrong passwords {self.wrong}   proofs right {self.proved}   wrong {self.not_proved}"
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
        for name, ratio in (("who", 2), ("what", 3), ("from", 3), ("answer", 3), ("risk", 1), ("why", 8)):
            table.add_column(name, ratio=ratio, no_wrap=True, overflow="ellipsis")
        for line in self._lines:
            style = _STYLE.get(line.decision, "cyan")
            risk = f"{line.risk:.0%}" if line.decision else ""
            who = Text(line.actor, style="red" if line.label else "")
            table.add_row(
                who,
                line.action,
                line.address,
                Text(_answer(line), style=style),
                risk,
                _why(line),
            )
        counts = [Text(f"people   {self.tallies[''].words()}")]
        if self._attack:
            tally = self.tallies.get(self._attack, Tally())
            counts.append(Text(f"{self._attack}   {tally.words()}", style="red"))
        return Group(Panel(table, title="decisions", border_style="dim"), *counts)


def _answer(line: Line) -> str:
    if line.wrong:
        return "wrong password"
    if line.step:
        return _STEPS[line.step].format(line.how)
    return _WORD[line.decision] + (" (with proof)" if line.again else "")


def _why(line: Line) -> str:
    return "; ".join(line.reasons) or _NOTES.get(line.step, "")


def _plain(line: Line) -> str:
    risk = f" risk {line.risk:.0%}" if line.decision else ""
    where = f" from {line.address}" if line.address else ""
    why = f": {said}" if (said := _why(line)) else ""
    return f"{line.actor} {line.action}{where}: {_answer(line)}{risk}{why}"
