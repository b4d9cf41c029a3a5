"""``stepwarden subject``: what is held about a person, erasing it, their factors and sessions. Running or not."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from stepwarden.app.commands import (
    DOCUMENT_SECONDS,
    EndSessions,
    EraseSubject,
    ExportSubject,
    ResetFactors,
)
from stepwarden.app.paths import Paths
from stepwarden.cli.documents import fetch, read_with, written
from stepwarden.cli.keys import run
from stepwarden.cli.ledger_disclose import File, Vkey, fail, summary
from stepwarden.cli.options import DATA, Data
from stepwarden.errors import InputError, LedgerError, MalformedEntryError
from stepwarden.events.disclosure import parse_entry
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.subject import Tally
from stepwarden.flow.proved import check_subject
from stepwarden.ledger.keys import read_verifiers

app = typer.Typer(help="A person: what is held, erasing it, factors and sessions.", no_args_is_help=True)
Who = Annotated[str, typer.Argument(metavar="[ID]", help="The person, by the id that the application uses.")]
Address = Annotated[
    str, typer.Option(help="Instead of an id: what comes from this address and names nobody.")
]


@app.command()
def export(
    actor: Who = "",
    address: Address = "",
    out: Annotated[
        Path | None, typer.Option(help="The file to write (mode 0600) [default: print it].")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it stands in the log.")] = "",
    data: Data = DATA,
) -> None:
    """Give out every entry about a person, in clear and with proofs; factors (never secrets) and sessions.

    The document is one JSON text. A summary goes to standard error. That it was made is an entry of the log.
    """
    show = _Summary()
    with ExitStack() as stack:
        write = stack.enter_context(written(out)) if out is not None else sys.stdout.write

        def keep(line: str) -> None:
            write(line)
            show.line(line)

        fetch(data, ExportSubject(actor, address, reason), keep)
    show.print(out)


@app.command()
def check(file: File, vkey: Vkey = None, data: Data = DATA) -> None:
    """Check an export with the log's public key alone. Exits with 1 if anything in it does not hold."""
    verifiers = read_verifiers(vkey or Paths(data).ledger_vkey)
    try:
        found = read_with(file, lambda lines: check_subject(lines, verifiers[0].name, verifiers))
    except (LedgerError, MalformedEntryError) as exc:
        fail(file, exc)
    print(f"{file}: holds. {summary(found)}")
    print(f"Factors enrolled: {found.factors}. Sessions: {found.sessions}.")


@app.command()
def erase(
    reason: Annotated[
        str, typer.Option(help="Why, without naming the person: it stands in the log for good.")
    ],
    actor: Who = "",
    address: Address = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = DATA,
) -> None:
    """Destroy a person's key, and with it everything personal that the log holds about them.

    The entries stay, and every proof and decision still holds; nobody can read from them whom they were about.
    """
    whom = actor or f"what names nobody from {address}"
    if not yes and not typer.confirm(f"Erase {whom}? It cannot be undone."):
        raise InputError("nothing was erased")
    done = run(data, EraseSubject(actor, address, reason), seconds=DOCUMENT_SECONDS)
    print(
        f"erased: entry {done['id']}; personal fields of {done['openings']} entries and "
        f"{done['factors']} secrets of factors are gone from every file of {data}"
    )
    Console(stderr=True).print("Backups and earlier exports are yours to erase: see docs/privacy.md.")


@app.command()
def reset_factors(
    actor: Annotated[
        str, typer.Argument(metavar="ID", help="The person, by the id that the application uses.")
    ],
    reason: Annotated[
        str, typer.Option(help="Why, without naming the person: it stands in the log for good.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = DATA,
) -> None:
    """Take all factors of a person away, when everything is lost: what they enrol next is a first factor again.

    Make sure who is asking, by means of your own: whoever calls for this could be anybody.
    """
    if not yes and not typer.confirm(f"Take all factors of {actor} away?"):
        raise InputError("nothing was taken away")
    done = run(data, ResetFactors(actor, reason))
    print(f"{done['factors']} factors of {actor} are gone; sessions stay (stepwarden subject end-sessions)")


@app.command()
def end_sessions(
    actor: Annotated[
        str, typer.Argument(metavar="ID", help="The person, by the id that the application uses.")
    ],
    reason: Annotated[
        str, typer.Option(help="Why, without naming the person: it stands in the log for good.")
    ],
    data: Data = DATA,
) -> None:
    """End all sessions of a person: nothing is allowed in them any more."""
    run(data, EndSessions(actor, reason))
    print(f"all sessions of {actor} are over")


class _Summary:
    """Works out, while the lines go by, what a reader wants to know first."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._count = 0

    def line(self, line: str) -> None:
        if line.startswith('{"index":'):
            self._tally.add(decode_trusted(parse_entry(line).leaf.encode()))
            self._count += 1

    def print(self, out: Path | None) -> None:
        console = Console(stderr=True, highlight=False)
        table = Table("entries", "kind")
        for kind, count in sorted(self._tally.kinds.items()):
            table.add_row(f"{count:,}", kind)
        console.print(table)
        for factor in self._tally.factors():
            console.print(f"factor {factor.factor}, since {factor.since}")
        console.print(f"{len(self._tally.sessions()):,} sessions, {self._count:,} entries in all")
        if out is not None:
            console.print(f"{out}: check it with stepwarden subject check {out}", markup=False)
