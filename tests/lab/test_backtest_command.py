"""``stepwarden policy backtest`` and ``stepwarden lab history`` as a person meets them."""

import re
from hashlib import sha256
from pathlib import Path

import msgspec
import polars as pl
import pytest

from stepwarden.app.node import Node
from stepwarden.events.encoding import decode
from stepwarden.events.entries import PolicyStepped
from stepwarden.lab.backtest.running import over_history
from stepwarden.lab.backtest.simulated import read as read_simulation
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from tests.flow.flow_house import House
from tests.flow.test_flow_replay import busy_day
from tests.lab.commands_house import Run, runner
from tests.lab.test_backtest_modes import STRICTER, with_own


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The whole command line, entry point included, in this process."""
    monkeypatch.setenv("COLUMNS", "100")

    return runner(monkeypatch, capfd)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A log of a busy day."""
    found = House(tmp_path / "data")

    async def day(node: Node) -> None:
        await busy_day(found, node, 11, 120)

    found.live(day)
    return found


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    path = tmp_path / "stricter.yaml"
    path.write_text(STRICTER)
    return path


def test_a_candidate_is_held_against_the_live_policy_in_a_hundred_columns(
    run: Run, house: House, stricter: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    done = run("policy", "backtest", stricter, "--data", house.data, "--mode", "both", "--report", report)
    assert done.code == 0, done.err
    assert "both agree in every score, risk, demand and decision" in " ".join(done.out.split())
    assert "decides all 120 attempts" in done.out
    for title in ("What changes", "Friction", "By action", "Attacks that are stopped", "Challenges added"):
        assert title in done.out
    assert max(map(len, done.out.splitlines())) <= 100
    page = report.read_text()
    assert "<svg" in page
    assert "<script" not in page


def test_all_ways_give_the_same_figures(run: Run, house: House, stricter: Path, tmp_path: Path) -> None:
    """Folded, over the log's recorded signals, and over a Parquet file of them; byte for byte but for the mode."""
    parquet = tmp_path / "history.parquet"
    written = run("lab", "history", "--data", house.data, "--out", parquet)
    assert "120 attempts" in written.out
    given = (
        ("--data", house.data, "--mode", "fold"),
        ("--data", house.data, "--mode", "columns"),
        ("--history", parquet),
    )
    found = []
    for options in given:
        done = run("policy", "backtest", stricter, "--json", *options)
        assert done.code == 0, done.err
        found.append(msgspec.json.decode(done.out) | {"mode": ""})
    assert found[0] == found[1] == found[2]
    assert found[0]["attempts"] == 120


def test_a_history_holds_tokens_and_no_name(house: House, run: Run, tmp_path: Path) -> None:
    parquet = tmp_path / "history.parquet"
    run("lab", "history", "--data", house.data, "--out", parquet)
    frame = pl.read_parquet(parquet)
    content = parquet.read_bytes()
    for name in (b"person1", b"198.51", b"device3", b"Firefox/130"):
        assert name not in content
    assert {"actor", "new_device", "country", "standing_aal", "decision", "outcome", "label"} <= set(
        frame.columns
    )
    texts = frame.select(pl.col(pl.String)).to_dicts()
    assert not any("person" in str(value) for row in texts for value in row.values())


def test_recorded_it_is_a_step_of_the_candidates_life(run: Run, house: House, stricter: Path) -> None:
    """The entry has the digest of the figures as ``--json`` prints them, and a summary in one line."""
    done = run(
        "policy", "backtest", stricter, "--data", house.data, "--json", "--record", "--reason", "fewer thefts"
    )
    assert done.code == 0, done.err
    steps = [entry for entry in map(decode, house.leaves()) if isinstance(entry, PolicyStepped)]
    assert [step.step for step in steps] == ["draft", "back-tested"]
    assert steps[1].policy == load(STRICTER).hash
    assert steps[1].reason == "fewer thefts"
    printed = done.out[done.out.index("{") : done.out.rindex("}") + 1] + "\n"
    assert steps[1].digest == sha256(printed.encode()).hexdigest()
    assert "120 attempts" in steps[1].summary


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--history", "nowhere.parquet"), "cannot be read"),
        (("--simulated", "nowhere"), "simulate first"),
        (("--history", "x", "--simulated", "y"), "name one of"),
        (("--history", "x", "--mode", "fold"), "only a log can be folded"),
        (("--data", "nowhere"), "there is no log in nowhere"),
        (("--report", "no/such/directory/r.html"), "there is no such directory"),
    ],
)
def test_errors_say_what_to_do(run: Run, stricter: Path, options: tuple[str, ...], said: str) -> None:
    done = run("policy", "backtest", stricter, *options)
    assert done.code == 1
    assert said in " ".join(done.err.split())


def test_attack_a_file_of_somebody_elses_columns_is_not_taken_for_a_history(
    run: Run, stricter: Path, tmp_path: Path
) -> None:
    """A candidate must not pass its back-test over a file that was made to please it."""
    other = tmp_path / "other.parquet"
    pl.DataFrame({"action": ["login"], "decision": ["allow"]}).write_parquet(other)
    done = run("policy", "backtest", stricter, "--history", other)
    assert done.code == 1
    assert "is no history of ours" in " ".join(done.err.split())


def test_attack_a_back_test_over_another_file_than_the_log_is_not_recorded_in_it(
    run: Run, house: House, stricter: Path, tmp_path: Path
) -> None:
    """Whoever wants a policy promoted could else bring a history in which nothing ever happened."""
    parquet = tmp_path / "history.parquet"
    run("lab", "history", "--data", house.data, "--out", parquet)
    done = run("policy", "backtest", stricter, "--data", house.data, "--history", parquet, "--record")
    assert done.code == 1
    assert "only a back-test over the log itself" in " ".join(done.err.split())
    assert not any(isinstance(entry, PolicyStepped) for entry in map(decode, house.leaves()))


def test_signals_that_nobody_recorded_are_folded_and_not_guessed(
    run: Run, house: House, tmp_path: Path
) -> None:
    candidate = tmp_path / "own.yaml"
    candidate.write_text(with_own(default_text()))
    refused = run("policy", "backtest", candidate, "--data", house.data, "--mode", "columns")
    assert (refused.code, "exports_24h" in refused.err, "--mode fold" in " ".join(refused.err.split())) == (
        1,
        True,
        True,
    )
    done = run("policy", "backtest", candidate, "--data", house.data)
    assert done.code == 0, done.err


def test_a_simulation_is_decided_as_it_was_and_its_attacks_are_counted(run: Run, tmp_path: Path) -> None:
    """The policy that decided a simulation decides it over columns in the same way, probes and grants included."""
    simulated = tmp_path / "simulated"
    asked = (
        "--people",
        "25",
        "--days",
        "8",
        "--attacks",
        "guessing,takeover-naive,push-bombing",
        "--signals",
    )
    assert run("lab", "simulate", *asked, "--out", simulated).code == 0
    history = read_simulation(simulated)
    policy = load(STRICTER)
    found = over_history(history, policy, None, seed=1, progress=lambda *_: None)
    assert found.recorded == (found.attempts, found.attempts)
    assert any("takeover-naive" in one.name for one in found.attacks)
    assert found.labelled is not None
    assert found.labelled.lost == 0
    plain = tmp_path / "plain"
    assert run("lab", "simulate", *asked[:-1], "--out", plain).code == 0
    done = run("policy", "backtest", "-", "--simulated", plain)
    assert done.code == 1
    assert "with --signals" in " ".join(done.err.split())


def test_every_attack_and_option_of_the_page_is_there(run: Run) -> None:
    """What docs/backtest.md names is a test that exists, and an option that the command has."""
    root = Path(__file__).resolve().parents[2]
    page = (root / "docs/backtest.md").read_text(encoding="utf-8")
    written = "\n".join(path.read_text(encoding="utf-8") for path in (root / "tests/lab").glob("test_*.py"))
    named = re.findall(r"`(test_attack_\w+)`", page)
    assert named
    assert all(f"def {name}(" in written for name in named)
    helped = run("policy", "backtest", "--help").out
    options = set(re.findall(r"^\| `(--[a-z]+)", page, re.M)) | set(re.findall(r"`, `(--[a-z]+)`", page))
    assert len(options) >= 8
    assert all(option in helped for option in options)
