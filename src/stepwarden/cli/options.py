"""Options that several commands share, and the log of a data directory for those that only read it."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from stepwarden.app.paths import Paths
from stepwarden.app.settings import environment, load_settings
from stepwarden.app.stores import LogReader, open_reader
from stepwarden.errors import NotFoundError

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        "-d",
        envvar="STEPWARDEN_DATA",
        help="The data directory: log, keys, policy, settings.",
    ),
]
DATA = Path("stepwarden-data")
Report = Callable[[str, int, int], None]
"""Told what is being done, how far it is, and the end (0: unknown)."""


def existing(data: Path) -> None:
    """Do nothing where there is a log.

    Raises:
        NotFoundError: there is none, nor keys of one, in this directory, and its settings name no database.
    """
    paths = Paths(data)
    if paths.log.exists() or paths.ledger_vkey.exists() or load_settings(data, environment(), {}).log.store:
        return
    raise NotFoundError(f"there is no log in {data}: name its data directory by --data or STEPWARDEN_DATA")


def open_log(data: Path) -> LogReader:
    """The log of a data directory, wherever the settings say it is, for reading; the caller closes it.

    Raises:
        NotFoundError: there is none.
    """
    existing(data)
    return open_reader(Paths(data).log, load_settings(data, environment(), {}).log)


class Bars:
    """Progress on standard error, one bar for each thing being done; nothing where it is not a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Report:
        self._progress.start()
        return self._report

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _report(self, what: str, done: int, end: int) -> None:
        task = self._tasks.get(what)
        if task is None:
            task = self._tasks[what] = self._progress.add_task(what, total=end or None)
        self._progress.update(task, completed=done)


class Counter:
    """Counts what is being done on standard error, now and then; nothing where it is not a terminal."""

    EVERY = 2_000

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._console = Console(stderr=True)
        self._status = self._console.status("starting") if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def step(self, what: str) -> None:
        """One more is done."""
        if self._status is None:
            return
        count = self._counts[what] = self._counts.get(what, 0) + 1
        if count % self.EVERY == 0:
            self._status.update(", ".join(f"{name} {done:,}" for name, done in self._counts.items()))
