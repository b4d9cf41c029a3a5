"""``stepwarden ledger export``: bring an archive up to date, and read it back.

The log is read beside a running service, which says what it publishes and records who exports; where none runs, the
log is opened for that moment. Exit code 1: something failed, or the archive is not as it should be.
"""

import random
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from stepwarden.app.archiving import AnyArchive, locks_of, opened
from stepwarden.app.commands import ExportLog
from stepwarden.app.paths import Paths
from stepwarden.app.pruning import parse_keep
from stepwarden.app.settings import environment, load_settings
from stepwarden.app.stores import LogReader
from stepwarden.cli.keys import run
from stepwarden.cli.options import DATA, Bars, Data, open_log
from stepwarden.errors import InputError
from stepwarden.ledger.archive import agreed_size
from stepwarden.ledger.archive import export as export_log
from stepwarden.ledger.archive_check import Checked, check
from stepwarden.ledger.keys import read_verifiers

MEGA = 1_000_000


def export(
    to: Annotated[
        str, typer.Option(help="A directory, or s3://bucket/prefix [default: archive.to in the settings].")
    ] = "",
    endpoint: Annotated[
        str, typer.Option(help="Of an object store other than AWS, like https://s3.example.com.")
    ] = "",
    retain: Annotated[
        str,
        typer.Option(
            help="Lock full tiles and checkpoints for so long (Object Lock, COMPLIANCE): 400d, 60w, 7y."
        ),
    ] = "",
    verify_remote: Annotated[
        bool, typer.Option("--verify-remote", help="Then read everything back: bytes, locks and dates.")
    ] = False,
    sample: Annotated[
        int, typer.Option(min=0, help="Read back only so many files, chosen at random; 0 for all.")
    ] = 0,
    data: Data = DATA,
) -> None:
    """Copy what an archive lacks of the log. Can be stopped at any time and run again.

    Refuses, before it writes, an archive that is of another log, or knows a longer or another past of this one.
    Credentials of an object store come from where AWS's own tools look for them. See docs/archive.md.
    """
    settings = load_settings(data, environment(), {}).archive
    where, endpoint = to or settings.to, endpoint or settings.endpoint
    if not where:
        raise InputError("say where the archive is (--to), or set archive.to", field="to")
    if not where.startswith("s3:"):
        where = str(Path(where).resolve())
    seconds = parse_keep(retain) if retain else settings.retain_days * 86_400 if not to else 0
    console = Console(highlight=False)
    reader = open_log(data)
    try:
        with opened(where, endpoint=endpoint, retain=seconds) as archive:
            _export(data, reader, archive, console)
            if verify_remote:
                found = _verify(data, reader, archive, seconds, sample)
                _show(console, found)
                if not found.ok:
                    sys.exit(1)
    finally:
        reader.close()


def _export(data: Path, reader: LogReader, archive: AnyArchive, console: Console) -> None:
    verifiers = read_verifiers(Paths(data).ledger_vkey)
    origin = verifiers[0].name
    before = agreed_size(reader, archive, verifiers=verifiers, origin=origin)
    note = str(run(data, ExportLog(where=archive.describe(), before=before))["note"])
    began = time.perf_counter()
    with Bars() as report:
        done = export_log(
            reader,
            archive,
            note,
            verifiers=verifiers,
            origin=origin,
            history=False,  # just looked at
            progress=lambda files, end: report("exporting", files, end),
        )
    console.print(
        f"{archive.describe()}: {done.size:,} entries, {done.size - done.before:,} of them new; "
        f"{done.files:,} files, {done.bytes / MEGA:,.1f} MB in {time.perf_counter() - began:.1f} s",
        markup=False,
    )


def _verify(data: Path, reader: LogReader, archive: AnyArchive, retain: int, sample: int) -> Checked:
    verifiers = read_verifiers(Paths(data).ledger_vkey)
    with Bars() as report:
        return check(
            reader,
            archive,
            verifiers=verifiers,
            origin=verifiers[0].name,
            retain=retain or None,
            choose=_sampled(sample) if sample else None,
            locks=locks_of(archive),
            progress=lambda done, end: report("reading back", done, end),
        )


def _sampled(count: int) -> Callable[[int], Collection[int]]:
    # The system's own randomness: whoever keeps the archive must not be able to guess what will be looked at.
    return lambda all_of_them: random.SystemRandom().sample(range(all_of_them), min(count, all_of_them))


def _show(console: Console, found: Checked) -> None:
    table = Table("files", "count", "which")
    for words, places in found.troubles():
        table.add_row(words, f"[red]{places.count:,}" if places.count else "[green]0", str(places))
    console.print(table)
    console.print(
        f"read back {found.files:,} of {found.expected:,} files, {found.bytes / MEGA:,.1f} MB: "
        + ("as they should be" if found.ok else "NOT as they should be"),
    )
