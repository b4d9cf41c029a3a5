"""``stepwarden lab label``: say what an attempt really was, or read a file of such labels into the log."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from stepwarden.app.commands import ApplyLabel, ask_running
from stepwarden.cli.options import DATA, Bars, Data, existing, open_log
from stepwarden.errors import InputError, NotFoundError
from stepwarden.events.encoding import decode_trusted
from stepwarden.lab.labels import Label, read


def label(
    attempt: Annotated[
        str, typer.Argument(metavar="ATTEMPT|FILE", help="An attempt's id or index; or a file, - for stdin.")
    ],
    what: Annotated[str, typer.Argument(metavar="[attack|benign]", help="Not with a file.")] = "",
    source: Annotated[str, typer.Option(help="Who or what says so.")] = "analyst",
    reliability: Annotated[
        int, typer.Option(min=1, max=100, help="In percent, where the file does not say it.")
    ] = 90,
    data: Data = DATA,
) -> None:
    """Say what attempts really were. Each label is an entry; the history is tuned by them. Running or not.

    A file is CSV with the columns attempt, label and, if you like, source and reliability; or JSON lines.
    """
    existing(data)
    if what:
        labels = list(read(["attempt,label", f"{attempt},{what}"], source=source, reliability=reliability))
    else:
        with _lines(attempt) as lines:
            labels = list(read(lines, source=source, reliability=reliability))
    commands = [_command(one) for one in _named(data, labels)]
    done = 0
    with Bars() as report:
        for command in commands:
            if ask_running(data, command) is None:
                break
            done += 1
            report("labelling", done, len(commands))
    if done < len(commands):
        from stepwarden.cli.stopped import carry_out_all

        asyncio.run(carry_out_all(data, commands[done:]))
    print(f"{len(commands):,} {'attempt' if len(commands) == 1 else 'attempts'} labelled")


@contextmanager
def _lines(name: str) -> Iterator[Iterator[str]]:
    if name == "-":
        yield iter(sys.stdin)
        return
    try:
        with Path(name).open(encoding="utf-8", newline="") as file:
            yield iter(file)
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(
            f"{name} is no file that can be read ({exc}); for one attempt say attack or benign after it",
            field="file",
        ) from exc


def _command(one: Label) -> ApplyLabel:
    return ApplyLabel(attempt=one.attempt, label=one.label, source=one.source, reliability=one.reliability)


def _named(data: Path, labels: list[Label]) -> list[Label]:
    """The labels with whole ids, where a file gives only indexes."""
    if all("-" in one.attempt for one in labels):
        return labels
    reader = open_log(data)
    try:
        return [
            one if "-" in one.attempt else one._replace(attempt=_id_of(reader.leaves, int(one.attempt)))
            for one in labels
        ]
    finally:
        reader.close()


def _id_of(leaves: Callable[[int, int], Iterator[bytes]], index: int) -> str:
    for leaf in leaves(index, index + 1):
        return f"{index}-{decode_trusted(leaf).id}"
    raise NotFoundError(f"the log has no entry {index}")
