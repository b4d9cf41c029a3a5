"""``stepwarden ledger``: check the log, recompute its decisions, keep it elsewhere, prune it, show parts of it."""

import typer

from stepwarden.cli.later import Later, later

COMMANDS = {
    "verify": Later(
        "stepwarden.cli.ledger_read:verify",
        "Check everything that can be checked of a log, in numbered steps. Exits with 1 if anything does not hold.",
    ),
    "replay": Later(
        "stepwarden.cli.ledger_read:replay",
        "Recompute every decision from the log alone. Exits with 1 at the first that differs.",
    ),
    "show": Later("stepwarden.cli.ledger_read:show", "Print one entry as it stands in the log."),
    "export": Later(
        "stepwarden.cli.ledger_export:export",
        "Copy what an archive lacks of the log. Can be stopped at any time and run again.",
    ),
    "prune": Later(
        "stepwarden.cli.ledger_prune:prune",
        "Remove the oldest entries for good. Proofs, and recomputing every later decision, go on.",
    ),
    "keys": Later("stepwarden.cli.ledger_keys:app", "The keys that sign the log: list, rotate, retire."),
    "trust": Later(
        "stepwarden.cli.ledger_doubt:trust",
        "Go on with a log that something outside contradicts. Who knew what, and your reason, become an entry.",
    ),
    "anchor": Later(
        "stepwarden.cli.ledger_doubt:anchor",
        "Have the newest checkpoint stamped by the authority of the settings, now.",
    ),
    "disclose": Later(
        "stepwarden.cli.ledger_disclose:disclose",
        "Write a file with entries, their proofs and only the chosen personal fields. It verifies offline.",
    ),
    "check-disclosure": Later(
        "stepwarden.cli.ledger_disclose:check",
        "Check a disclosed file with the log's public key alone. Exits with 1 if anything in it does not hold.",
    ),
    "verifier": Later(
        "stepwarden.cli.ledger_verifier:verifier",
        "Write the stand-alone verifier, which checks logs and receipts without Stepwarden.",
    ),
}
app = typer.Typer(
    help="The log: check it, recompute its decisions, archive, prune, show parts of it; its keys.",
    no_args_is_help=True,
    cls=later(COMMANDS),
)


@app.callback()
def _ledger() -> None:
    pass
