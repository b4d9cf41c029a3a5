"""``stepwarden``: the command line. Every error says what happened and what to do; its code goes to scripts.

Exit codes: 0 done, 1 it failed (the message says why), 2 wrong usage.
"""

import sys

import typer
from rich.console import Console

from stepwarden import __version__
from stepwarden.cli import (
    keys,
    ledger,
    ledger_disclose,
    ledger_doubt,
    ledger_export,
    ledger_prune,
    subject,
    witness,
)
from stepwarden.cli.ledger_verifier import verifier
from stepwarden.cli.policy import app as policy
from stepwarden.cli.replay import replay
from stepwarden.cli.serve import serve
from stepwarden.errors import PolicyError, StepwardenError

app = typer.Typer(
    name="stepwarden",
    help="The audit log that decides who gets through the door.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("serve")(serve)
app.command("replay")(replay)
app.add_typer(keys.app, name="keys")
app.add_typer(ledger.app, name="ledger")
app.add_typer(subject.app, name="subject")
ledger_disclose.register(ledger.app)
ledger_doubt.register(ledger.app)
ledger_export.register(ledger.app)
ledger_prune.register(ledger.app)
ledger.app.command("verifier")(verifier)
app.add_typer(policy, name="policy")
app.add_typer(witness.app, name="witness")


@app.command()
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
        Console(stderr=True, highlight=False, markup=False).print(str(exc))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
