"""``stepwarden ledger verify --dir``: a copy that lacks entries is no whole copy, whatever they are said to be."""

import json
from pathlib import Path

from typer.testing import CliRunner

from stepwarden.cli.main import app
from tests.ledger.published_logs import VKEY, made_log

LOG = made_log(700)


def test_attack_a_copy_hides_entries_from_the_command(tmp_path: Path) -> None:
    """Exit code 1, until whoever asks says that entries before this one may be missing."""
    LOG.publish(tmp_path, 700)
    (tmp_path / "tile/entries/000").unlink()
    arguments = ["ledger", "verify", "--dir", str(tmp_path), "--vkey", VKEY, "--json"]
    hidden = CliRunner().invoke(app, arguments)
    assert hidden.exit_code == 1, hidden.output
    told = json.loads(hidden.stdout)
    assert [step["number"] for step in told["steps"] if step["result"] == "FAILED"] == [2]
    assert told["floor"] == 256
    assert CliRunner().invoke(app, [*arguments, "--floor", "255"]).exit_code == 1
    assert CliRunner().invoke(app, [*arguments, "--floor", "256"]).exit_code == 0
