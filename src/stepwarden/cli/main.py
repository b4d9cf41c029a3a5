"""``stepwarden``: the command line. Every error says what happened and what to do; its code goes to scripts.

Exit codes: 0 done, 1 it failed (the message says why), 2 wrong usage.
"""

import sys

import typer
from rich.console import Console

from stepwarden import __version__
from stepwarden.cli.later import MARKUP, Later, later
from stepwarden.errors import PolicyError, StepwardenError

COMMANDS = {
    "serve": Later("stepwarden.cli.serve:serve", "Decide, record and answer over HTTP, until stopped."),
    "replay": Later(
        "stepwarden.cli.replay:replay",
        "Replay logs: had Stepwarden been there, this is what it would have challenged or refused, and why.",
    ),
    "keys": Later("stepwarden.cli.keys:app", "Make, list and revoke API keys."),
    "ledger": Later(
        "stepwarden.cli.ledger:app",
        "The log: check it, recompute its decisions, archive, prune, show parts of it; its keys.",
    ),
    "subject": Later(
        "stepwarden.cli.subject:app", "A person: what is held, erasing it, factors and sessions."
    ),
    "policy": Later(
        "stepwarden.cli.policy:app", "Policies: check, test, compare; draft, try out, promote, roll back."
    ),
    "lab": Later(
        "stepwarden.cli.lab:app",
        "The lab: simulate people and attackers, measure accuracy, tune from history, trace attempts.",
    ),
    "witness": Later(
        "stepwarden.cli.witness:app",
        "Be a witness: cosign the checkpoints of logs that only ever grow.",
    ),
    "version": Later("stepwarden.cli.main:version", "Print the version."),
}
app = typer.Typer(
    name="stepwarden",
    help="The audit log that decides who gets through the door.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=MARKUP,
    cls=later(COMMANDS),
)


@app.callback()
def _stepwarden() -> None:
    pass


def version() -> None:
    """Print the version."""
    print(__version__)


def main() -> None:
    """The entry point: turns the errors of the world into one line and an exit code."""
    try:
        app()
    except StepwardenError as exc:
        where = (
            f" (line {exc.line}, column {exc.column})" if isinstance(exc, PolicyError) and exc.line else ""
        )
        Console(stderr=True).print(f"[bold red]error[/] [dim]{exc.code}[/]{where}: ", end="")
        # Not wrapped: a hash or a path that is cut in two can be neither copied nor searched for.
        Console(stderr=True, highlight=False, markup=False).print(str(exc), soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
