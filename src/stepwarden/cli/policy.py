"""``stepwarden policy``: check a policy, run cases against it, compare two, print the one that ships.

Exit codes: 0 all is well; 1 the policy or a case is wrong; 2 the file cannot be read or the command is not understood.
Its life in a log (draft, shadow, canary, promotion, rollback, emergency) is in ``policy_life``; only ``test --record``
and what names a policy by its hash ask a log here.
"""

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from stepwarden.cli import policy_life
from stepwarden.cli.options import DATA, Data
from stepwarden.cli.policy_backtest import backtest
from stepwarden.cli.policy_life import record_report
from stepwarden.cli.policy_texts import read_file, text_of
from stepwarden.errors import PolicyError
from stepwarden.policy.cases import Result, load_cases, run
from stepwarden.policy.default import default_cases, default_text
from stepwarden.policy.difference import differences
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy

app = typer.Typer(
    name="policy",
    help="Policies: check, test, compare; draft, try out, promote, roll back.",
    no_args_is_help=True,
)
_HASH = re.compile(r"[0-9a-f]{6,64}|live|candidate|shadow|canary")

PolicyFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A policy in YAML; - is the one that ships.")
]
CasesFile = Annotated[
    Path | None,
    typer.Argument(metavar="[CASES]", help="Cases in YAML; default: FILE with .cases.yaml as its ending."),
]

Compared = Annotated[
    str,
    typer.Argument(
        metavar="POLICY", help="A file, the beginning of a hash, live, shadow, canary or default."
    ),
]


@app.command()
def check(file: PolicyFile) -> None:
    """Read and compile a policy; an error says line, column and what was expected."""
    policy = _policy(file)
    print(f"{file}: ok: {policy.name}, {len(policy.rules)} rules, {len(policy.actions)} actions")
    print(f"sha256 {policy.hash}")


@app.command("test")
def run_cases(
    file: PolicyFile,
    cases: CasesFile = None,
    record: Annotated[bool, typer.Option("--record", help="Write into the log that all cases pass.")] = False,
    reason: Annotated[str, typer.Option(help="With --record: why; it stands in the log.")] = "",
    data: Data = DATA,
) -> None:
    """Run cases (attempt, signals, standing -> decision, demand, rules) against a policy.

    FILE may be the beginning of a hash in the log; then CASES must be named.
    """
    named = str(file) != "-" and not file.is_file() and _HASH.fullmatch(str(file)) is not None
    if named and cases is None:
        raise typer.BadParameter("a policy of the log needs its cases named")
    policy = load(text_of(data, str(file))) if named else _policy(file)
    place = _cases_of(file) if cases is None else cases
    text = default_cases() if str(place) == "-" else read_file(place)
    try:
        results = run(policy, load_cases(text, policy))
    except PolicyError as exc:
        raise _refuse(place, exc) from exc
    failed = [result for result in results if result.failures]
    for result in failed:
        _show(place, result)
    said = f"{len(results) - len(failed)} of {len(results)} cases pass"
    print(said)
    if failed:
        raise typer.Exit(1)
    if record:
        done = record_report(data, str(file), policy, "tested", _report(policy, text, results), said, reason)
        print(f"recorded: entry {done}")


@app.command()
def diff(old: Compared, new: Compared, data: Data = DATA) -> None:
    """Say what two policies differ in: actions, bands, rules, weights. Exits with 1 if they do."""
    before, after = load(text_of(data, old)), load(text_of(data, new))
    found = differences(before, after)
    print(f"{before.name} ({before.hash[:12]}) -> {after.name} ({after.hash[:12]})")
    print("\n".join(found) or "they say the same")
    if found:
        raise typer.Exit(1)


@app.command()
def show_default() -> None:
    """Print the policy that ships with Stepwarden, to start from."""
    print(default_text(), end="")


for _command in (
    backtest,
    policy_life.draft,
    policy_life.shadow,
    policy_life.canary,
    policy_life.promote,
    policy_life.withdraw,
    policy_life.rollback,
    policy_life.retire,
    policy_life.show,
    policy_life.results,
):
    app.command()(_command)
app.command("list")(policy_life.list_)
app.add_typer(policy_life.emergency, name="emergency")


def _report(policy: Policy, cases: str, results: Sequence[Result]) -> bytes:
    """What was tested, byte for byte the same for the same: its SHA-256 stands in the log."""
    told = {
        "policy": policy.hash,
        "cases": sha256(cases.encode()).hexdigest(),
        "results": [[one.case.name, one.decision, one.risk, list(one.rules)] for one in results],
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def _cases_of(file: Path) -> Path:
    return file if str(file) == "-" else file.with_suffix(".cases.yaml")


def _policy(file: Path) -> Policy:
    text = default_text() if str(file) == "-" else read_file(file)
    try:
        return load(text)
    except PolicyError as exc:
        raise _refuse(file, exc) from exc


def _refuse(file: Path, exc: PolicyError) -> typer.Exit:
    place = f"{file}:{exc.line}:{exc.column}" if exc.line else str(file)
    typer.echo(f"{place}: {exc}", err=True)
    return typer.Exit(1)


def _show(place: Path, result: Result) -> None:
    print(f"{place}:{result.case.line}: {result.case.name}")
    for failure in result.failures:
        print(f"    {failure}")
    held = ", ".join(result.rules) or "none"
    print(f"    found {result.decision} at risk {result.risk / 1e6:.4f}; rules that hold: {held}")
