"""``stepwarden lab tune``: what is written, and what is not."""

import contextlib
from pathlib import Path

import msgspec
import pytest
import typer

from stepwarden.cli import lab_tune
from stepwarden.connect.lookups.agents import Agents
from stepwarden.errors import InputError
from stepwarden.lab.simulate import run
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from stepwarden.signals.limits import STANDARD


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small site with attackers of every kind."""
    out = tmp_path_factory.mktemp("simulation")
    asked = run.Asked(
        seed=3,
        people=150,
        days=60,
        start=run.start_of("2026-01-05"),
        attacks=run.attacks_of("all", live=False),
        probes=False,
    )
    run.simulate_offline(
        run.Plan(asked),
        load(default_text()),
        STANDARD,
        Agents(remembered=1_000),
        out,
        signals=False,
        progress=lambda what, done, end: None,
    )
    return out


def test_a_proposal_from_a_simulation_is_a_policy_and_changes_nothing_else(
    simulation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report = tmp_path / "candidate.yaml", tmp_path / "tune.html"
    with contextlib.suppress(typer.Exit):
        lab_tune.tune(
            simulated=simulation, budget="10%", out=out, report=report, gate=False, as_json=True, policy=None
        )
    found = msgspec.json.decode(capsys.readouterr().out)
    assert out.exists() == (not found["refused"])
    if out.exists():
        made = load(out.read_text())
        assert [rule.id for rule in made.rules] == [rule.id for rule in load(default_text()).rules]
    assert "<svg" in report.read_text()
    assert list(found["sources"]) == ["simulation"]


def test_attack_a_proposal_that_lets_takeovers_through_is_not_written(
    simulation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever got the history to say that new devices mean nothing gets no policy out of it: the simulator says no."""
    weak = default_text().replace(
        "    when: new_device\n    weight: 2.7", "    when: new_device\n    weight: 0.1"
    )
    assert weak != default_text()
    monkeypatch.setattr(lab_tune, "GATE", (1, 80, 60, "takeover-naive"))
    monkeypatch.setattr("stepwarden.lab.tuning.propose.as_policy", lambda policy, found: weak)
    monkeypatch.setattr("stepwarden.lab.tuning.propose._refused", lambda *_: ())
    out = tmp_path / "candidate.yaml"
    with pytest.raises(typer.Exit):
        lab_tune.tune(simulated=simulation, budget="10%", out=out)
    assert not out.exists()
    assert "NOT TO BE USED: simulated, takeovers stopped" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("given", ["", "x", "0", "100%", "-1%", "2", "nan"])
def test_a_budget_that_is_no_share_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="budget: expected a share"):
        lab_tune.tune(budget=given)
