"""``stepwarden ledger disclose`` and ``check-disclosure``: chosen fields of chosen entries, for somebody outside."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stepwarden.app.commands import Disclose
from stepwarden.app.paths import Paths
from stepwarden.cli.documents import fetch, read_with, written
from stepwarden.cli.options import DATA, Data
from stepwarden.errors import LedgerError, MalformedEntryError
from stepwarden.flow.proved import Checked, check_disclosure
from stepwarden.ledger.keys import read_verifiers

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file to check.")]
Vkey = Annotated[
    Path | None,
    typer.Option(help="The log's public key, as you got it [default: keys/ledger.vkey in the data]."),
]


def disclose(
    entries: Annotated[str, typer.Option(help="Which entries, like 5,7-9.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the log and in the file.")],
    out: Annotated[Path, typer.Option(help="The file to write (mode 0600).")],
    fields: Annotated[
        str, typer.Option(help="Personal fields to show, like ip,actor; none: leaves and proofs only.")
    ] = "",
    data: Data = DATA,
) -> None:
    """Write a file with entries, their proofs and only the chosen personal fields. It verifies offline."""
    with written(out) as write:
        fetch(data, Disclose(entries, fields, reason), write)
    print(
        f"{out}: entries {entries}, fields {fields or 'none'}. Check it: stepwarden ledger check-disclosure {out}"
    )


def check(file: File, vkey: Vkey = None, data: Data = DATA) -> None:
    """Check a disclosed file with the log's public key alone. Exits with 1 if anything in it does not hold."""
    verifiers = read_verifiers(vkey or Paths(data).ledger_vkey)
    origin = verifiers[0].name
    try:
        found = read_with(file, lambda lines: check_disclosure(lines, origin, verifiers))
    except (LedgerError, MalformedEntryError) as exc:
        fail(file, exc)
    print(f"{file}: holds. {summary(found)}")
    print(f"Fields chosen: {', '.join(found.fields) or 'none'}. Reason given: {found.reason}")


def summary(found: Checked) -> str:
    """What a checked file holds, in one line."""
    sizes = ", ".join(f"{size:,}" for size in sorted(found.sizes)) or "no"
    erased = f", {found.erased:,} with erased fields" if found.erased else ""
    return (
        f"{found.entries:,} entries of {found.log}{erased}, {found.values:,} personal values, "
        f"proved under signed checkpoints over {sizes} entries."
    )


def fail(file: Path, exc: LedgerError | MalformedEntryError) -> None:
    """Say what does not hold, and end with 1."""
    console = Console(stderr=True, markup=False, highlight=False)
    console.print(f"{file}: DOES NOT HOLD ({exc.code}): {exc}")
    sys.exit(1)
