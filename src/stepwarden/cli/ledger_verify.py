"""``stepwarden ledger verify``: everything that can be checked of a log, numbered, each step reported.

Texts of a log are an attacker's: they are printed with control characters escaped, and never as markup.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stepwarden.app.settings import environment, load_settings
from stepwarden.app.verification import verify_data, verify_source
from stepwarden.cli.options import Bars, existing
from stepwarden.errors import InputError, MalformedNoteError
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.note import MAX_NOTE, Verifier, encode_base64
from stepwarden.ledger.sources import DirectorySource, Source, UrlSource
from stepwarden.ledger.tlog_proof import HEADER, TlogProof
from stepwarden.ledger.verify import Report, Step
from stepwarden.ledger.vkey import parse_vkey
from stepwarden.ledger.witness_policy import WitnessPolicy

RESULTS = {
    "ok": ("holds", "green"),
    "FAILED": ("FAILS", "bold red"),
    "not checked": ("not checked", "yellow"),
}


def verify(
    *,
    data: Path,
    directory: Path | None,
    url: str,
    bearer: Path | None,
    vkey: str,
    origin: str,
    policy: Path | None,
    checkpoint: Sequence[Path],
    events: bool,
    floor: int,
    as_json: bool,
) -> bool:
    """Verify what the options name, and print the report; whether every step holds.

    Raises:
        StepwardenError: an option cannot be used, or there is no log to read.
    """
    if directory is not None and url:
        raise InputError("give --dir or --url, not both", field="url")
    if directory is None and not url:
        existing(data)
    rules = _policy(policy)
    earlier = [note for path in checkpoint for note in checkpoints(path)]
    published = _source(directory, url, bearer)
    keys = _keys(vkey, data, published is not None, rules)
    began = time.perf_counter()
    with Bars() as bars:
        if published is None:
            report = verify_data(
                data,
                load_settings(data, environment(), {}),
                verifiers=keys,
                earlier=earlier,
                policy=rules,
                progress=lambda done, end: bars("checking", done, end),
            )
        else:
            report = verify_source(
                published,
                origin=origin or keys[0].name,
                verifiers=keys,
                earlier=earlier,
                policy=rules,
                events=events,
                floor=floor,
                progress=lambda done, end: bars("checking", done, end),
            )
    show(report, time.perf_counter() - began, as_json=as_json)
    return report.ok


def _source(directory: Path | None, url: str, bearer: Path | None) -> Source | None:
    if directory is not None:
        if not directory.is_dir():
            raise InputError(f"{directory} is no directory", field="dir")
        return DirectorySource(directory)
    if not url:
        return None
    return UrlSource(url, bearer="" if bearer is None else _read(bearer, "bearer").strip())


def _policy(path: Path | None) -> WitnessPolicy | None:
    if path is None:
        return None
    try:
        return WitnessPolicy.parse(_read(path, "policy"))
    except MalformedNoteError as exc:
        raise InputError(f"{path}: {exc}", field="policy") from exc


def _keys(vkey: str, data: Path, published: bool, policy: WitnessPolicy | None) -> list[Verifier]:
    """The keys to believe: a file's, a text's, the policy's logs', or those of the data directory."""
    if not vkey and policy is not None and policy.logs:
        return [log.verifier for log in policy.logs]
    if not vkey and published:
        raise InputError("give --vkey: the log's public key, or a file with it", field="vkey")
    path = Path(vkey) if vkey else data / "keys" / "ledger.vkey"
    if vkey and "+" in vkey and not path.exists():
        try:
            return [parse_vkey(vkey)]
        except MalformedNoteError as exc:
            raise InputError(
                f"{vkey[:80]!r} is neither a file nor a public key: {exc}", field="vkey"
            ) from exc
    return list(read_verifiers(path))


def _read(path: Path, field: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path} cannot be read: {exc}", field=field) from exc


def checkpoints(path: Path) -> list[str]:
    """The signed notes in a file, or the one in a receipt. A note ends with lines that begin with an em dash.

    Raises:
        InputError: the file cannot be read, or holds none.
    """
    text = _read(path, "checkpoint")
    if text.startswith(HEADER) and len(text) <= 2 * MAX_NOTE:
        try:
            return [TlogProof.parse(text).checkpoint]
        except MalformedNoteError as exc:
            raise InputError(f"{path} is a broken receipt: {exc}", field="checkpoint") from exc
    notes: list[str] = []
    note = ""
    for line in text.splitlines(keepends=True):
        if note and not line.startswith("\N{EM DASH}") and "\n\N{EM DASH}" in note:
            notes.append(note)
            note = ""
        note += line if note or line.strip() else ""
    notes += [note] if note else []
    if not notes:
        raise InputError(f"{path} holds no checkpoint", field="checkpoint")
    return notes


def show(report: Report, seconds: float, *, as_json: bool) -> None:
    """Print a report: as a table, or as JSON on one line."""
    steps = sorted(report.steps, key=lambda step: step.number)
    if as_json:
        print(json.dumps(_as_json(report, steps)))
        return
    table = Table(box=None, pad_edge=False, show_header=True, padding=(0, 1))
    table.add_column("", justify="right")
    table.add_column("step", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("what was seen", overflow="fold")
    table.add_column("count", justify="right", no_wrap=True)
    for step in steps:
        table.add_row(
            str(step.number),
            step.title,
            Text(*RESULTS[step.result]),
            Text(_plain(step.detail)),
            f"{step.count:,}" if step.checked else "",
        )
    console = Console()
    console.print(table)
    failed = [step for step in steps if not step.ok]
    skipped = [str(step.number) for step in steps if not step.checked]
    verdict = Text(*RESULTS["FAILED" if failed else "ok"])
    rest = f" (not checked: {', '.join(skipped)})" if skipped else ""
    console.print()
    console.print(
        Text(_plain(report.origin)),
        "",
        verdict,
        Text(f"{rest}: {report.size:,} entries in {seconds:.1f} s"),
        sep=" ",
    )
    # Once more in one piece: in the table a narrow terminal cuts it in two, and then nobody can compare or copy it.
    console.print(f"root {encode_base64(report.root)}", markup=False, highlight=False)


def _as_json(report: Report, steps: Sequence[Step]) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "origin": report.origin,
        "size": report.size,
        "floor": report.floor,
        "root": encode_base64(report.root),
        "steps": [
            {
                "number": step.number,
                "title": step.title,
                "ok": step.ok,
                "checked": step.checked,
                "result": step.result,
                "count": step.count,
                "detail": step.detail,
                "error": step.error.code if step.error else None,
            }
            for step in steps
        ],
    }


def _plain(text: str) -> str:
    """What a log says of itself must not steer the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
