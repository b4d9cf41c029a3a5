"""``stepwarden lab``: simulate people and attackers, measure accuracy, tune from history, trace attempts."""

import typer

from stepwarden.cli.later import Later, later

COMMANDS = {
    "simulate": Later(
        "stepwarden.cli.lab_simulate:simulate",
        "Simulate people and attackers, and write down what was decided of each attempt.",
    ),
    "report": Later(
        "stepwarden.cli.lab_report:report",
        "Measure accuracy on the results of a simulation: detection at a challenge rate, by class of attacker.",
    ),
    "tune": Later(
        "stepwarden.cli.lab_tune:tune",
        "Propose weights and a threshold from labelled history, and say what each rule is worth.",
    ),
    "gate": Later(
        "stepwarden.cli.lab_gate:gate",
        "Fail when a candidate policy is worse than the live one, beyond the interval, on the same people and attacks.",
    ),
    "history": Later(
        "stepwarden.cli.lab_history:history",
        "Write the log's decided attempts to a Parquet file: facts, signals, standings, decisions, outcomes, labels.",
    ),
    "label": Later(
        "stepwarden.cli.lab_label:label",
        "Say what attempts really were. Each label is an entry; the history is tuned by them.",
    ),
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
