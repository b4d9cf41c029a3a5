"""``stepwarden policy``: check a policy file, run cases against it, print the policy that ships.

Exit codes: 0 all is well; 1 the policy or a case is wrong; 2 the file cannot be read or the command is not understood.
Nothing here touches a running service: a policy becomes live by ``serve`` and its settings.
"""

from pathlib import Path
from typing import Annotated

import typer

from stepwarden.errors import PolicyError
from stepwarden.policy.cases import Result, load_cases, run
from stepwarden.policy.default import default_cases, default_text
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy

app = typer.Typer(name="policy", help="Check, test and show policies.", no_args_is_help=True)

PolicyFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A policy in YAML; - is the one that ships.")
]
CasesFile = Annotated[
    Path | None,
    typer.Argument(metavar="[CASES]", help="Cases in YAML; default: FILE with .cases.yaml as its ending."),
]


@app.command()
def check(file: PolicyFile) -> None:
    """Read and compile a policy; an error says line, column and what was expected."""
    policy = _policy(file)
    print(f"{file}: ok: {policy.name}, {len(policy.rules)} rules, {len(policy.actions)} actions")
    print(f"sha256 {policy.hash}")


@app.command("test")
def run_cases(file: PolicyFile, cases: CasesFile = None) -> None:
    """Run cases (attempt, signals, standing -> decision, demand, rules) against a policy."""
    policy = _policy(file)
    place = _cases_of(file) if cases is None else cases
    text = default_cases() if str(place) == "-" else _read(place)
    try:
        results = run(policy, load_cases(text, policy))
    except PolicyError as exc:
        raise _refuse(place, exc) from exc
    failed = [result for result in results if result.failures]
    for result in failed:
        _show(place, result)
    print(f"{len(results) - len(failed)} of {len(results)} cases pass")
    if failed:
        raise typer.Exit(1)


@app.command()
def show_default() -> None:
    """Print the policy that ships with Stepwarden, to start from."""
    print(default_text(), end="")


def _cases_of(file: Path) -> Path:
    return file if str(file) == "-" else file.with_suffix(".cases.yaml")


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as exc:
        typer.echo(f"{file}: cannot be read: {exc}", err=True)
        raise typer.Exit(2) from exc


def _policy(file: Path) -> Policy:
    text = default_text() if str(file) == "-" else _read(file)
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
