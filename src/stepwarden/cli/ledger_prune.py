"""``stepwarden ledger prune``: remove the oldest entries under a stated rule, after their archive was read back."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from stepwarden.app.commands import PruneLog
from stepwarden.app.pruning import parse_keep
from stepwarden.app.settings import environment, load_settings
from stepwarden.app.world import wall_clock
from stepwarden.cli.keys import run
from stepwarden.cli.options import DATA, Data, open_log
from stepwarden.errors import InputError
from stepwarden.flow.pruning import Plan, plan

HOURS = 24
"""Of waiting for a running service at most: it reads the whole archive back."""


def prune(
    keep: Annotated[str, typer.Option(help="Keep what is younger than this: 400d, 60w, 7y.")] = "",
    before: Annotated[
        str, typer.Option(help="Or: remove what is older than this date (UTC), 2026-01-31.")
    ] = "",
    index: Annotated[int | None, typer.Option(min=0, help="Or: remove the entries before this one.")] = None,
    rule: Annotated[
        str, typer.Option(help="The retention rule, as it is stated in the log [default: retention.rule].")
    ] = "",
    archive: Annotated[
        str,
        typer.Option(
            help="Where the entries are sealed: a directory or s3://bucket/prefix "
            "[default: retention.archive, or archive.to]."
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = DATA,
) -> None:
    """Remove the oldest entries for good. Proofs, and recomputing every later decision, go on.

    Only what an archive holds is removed: it is read back and compared first, byte by byte. Works with the service
    running or stopped. What was personal of these entries is in no archive and is gone. See docs/retention.md.
    """
    settings = load_settings(data, environment(), {})
    rule, archive = (
        rule or settings.retention.rule,
        archive or settings.retention.archive or settings.archive.to,
    )
    reader = open_log(data)
    try:
        found = plan(
            reader,
            **_wanted(
                keep or ("" if before or index is not None else settings.retention.keep), before, index
            ),
        )
    finally:
        reader.close()
    console = Console(highlight=False)
    _show(console, found)
    if not found.count or dry_run:
        return
    if not rule or not archive:
        raise InputError(
            "state the rule (--rule) and the archive (--archive) under which entries are removed"
        )
    where = archive if archive.startswith("s3:") else str(Path(archive).resolve())
    if not yes and not typer.confirm(f"Remove {found.count:,} entries, which {where} must hold?"):
        sys.exit(1)
    command = PruneLog(floor=found.floor, rule=rule, archive=where)
    done: Any = run(data, command, seconds=HOURS * 3_600)
    console.print(
        f"Read back {done['files']:,} files of the archive: all as in this log.\n"
        f"Removed {done['count']:,} entries; the log begins at {done['floor']:,} as entry {done['entry']:,} says.\n"
        f"Freed {done['freed']:,} bytes."
    )


def _wanted(keep: str, before: str, index: int | None) -> dict[str, int]:
    """What the options say, for ``plan``.

    Raises:
        InputError: not exactly one of them is given, or it cannot be read.
    """
    if sum((bool(keep), bool(before), index is not None)) != 1:
        raise InputError("say what goes, by one of --keep, --before and --index")
    if keep:
        return {"time": wall_clock() - parse_keep(keep) * 1_000_000}
    if before:
        return {"time": parse_date(before)}
    return {"index": index or 0}


def parse_date(text: str) -> int:
    """Microseconds since 1970 at the beginning of a day (UTC), written ``2026-01-31``.

    Raises:
        InputError: it is none.
    """
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as exc:
        raise InputError(f"{text!r} is no date: write 2026-01-31", field="before") from exc
    if f"{day:%Y-%m-%d}" != text:
        raise InputError(f"{text!r} is no date: write 2026-01-31", field="before")
    return int(day.timestamp()) * 1_000_000


def _show(console: Console, found: Plan) -> None:
    if not found.count:
        console.print(
            f"Nothing to remove: the log begins at {found.before:,} and has {found.size:,} entries."
        )
        return
    since = datetime.fromtimestamp(found.since / 1e6, UTC)
    console.print(
        f"Entries {found.before:,} to {found.floor - 1:,} would go, {found.count:,} of {found.size - found.before:,}; "
        f"the first that stays is of {since:%Y-%m-%d %H:%M:%S} UTC."
    )
