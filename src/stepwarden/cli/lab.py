"""``stepwarden lab``: simulate people and attackers, measure accuracy, tune from history, trace attempts."""

import typer

from stepwarden.cli.later import Later, later

COMMANDS = {
    "trace": Later(
        "stepwarden.cli.lab_trace:trace",
        "Show the chain of steps before an attempt: same person, session, device, address, network, credentials.",
    ),
}
app = typer.Typer(
    help="The lab: simulate people and attackers, measure accuracy, tune from history, trace attempts.",
    no_args_is_help=True,
    cls=later(COMMANDS),
)


@app.callback()
def _lab() -> None:
    pass
