"""A log whose beginning was pruned: what the lab reads of it is what it read before, as far as that is still there."""

from pathlib import Path

import msgspec
import polars as pl
import pytest

from stepwarden.app.node import Node
from stepwarden.cli.kept import kept_log
from stepwarden.lab.backtest.history import read
from stepwarden.lab.entries import live_policy
from stepwarden.lab.tuning.reading import own_log
from tests.flow.flow_house import House
from tests.flow.pruning_house import filled, pruned
from tests.lab.commands_house import Run, runner
from tests.lab.lab_house import shipped
from tests.lab.test_backtest_modes import STRICTER

FLOOR = 512


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("COLUMNS", "100")
    return runner(monkeypatch, capfd)


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    """The ids of the attempts of a log that is pruned; two that are still there, and one that is not, have labels."""
    house = House(tmp_path / "data")
    made = filled(house, tmp_path / "archive")

    async def label(node: Node) -> None:
        for name, said in ((made[100], "attack"), (made[700], "attack"), (made[750], "benign")):
            await node.service.label(name, said, source="analyst", reliability=90, by="k")

    house.live(label)
    with kept_log(house.data) as log:
        read(log.leaves()).write(tmp_path / "before.parquet")
    pruned(house, tmp_path / "archive", FLOOR)
    return made


def index(name: str) -> int:
    return int(name.partition("-")[0])


def test_labels_reach_the_attempts_that_they_are_about(names: list[str], tmp_path: Path) -> None:
    """They name entries by their place in the whole log, not among those that are left."""
    with kept_log(tmp_path / "data") as log:
        assert log.floor == FLOOR
        found = own_log(log.leaves(), shipped(), lambda done: None, first=log.floor).samples
    told = {
        int(entry): bool(attack)
        for entry, attack, trust in zip(found.entry, found.attack, found.trust, strict=True)
        if trust > 0.8
    }
    assert told == {index(names[700]): True, index(names[750]): False}


def test_the_live_policy_is_known_though_its_entry_was_pruned(names: list[str], tmp_path: Path) -> None:
    with kept_log(tmp_path / "data") as log:
        assert live_policy(log.leaves(), log.start(), option="--policy").text == shipped().text


def test_a_back_test_agrees_in_both_ways_on_what_is_left(names: list[str], run: Run, tmp_path: Path) -> None:
    stricter = tmp_path / "stricter.yaml"
    stricter.write_text(STRICTER)
    done = run("policy", "backtest", stricter, "--data", tmp_path / "data", "--mode", "both", "--json")
    assert done.code == 0, done.err
    found = msgspec.json.decode(done.out)
    assert found["attempts"] == sum(index(name) >= FLOOR for name in names)
    assert found["labelled"]["attempts"] == 1


def test_a_written_history_begins_at_the_floor(names: list[str], run: Run, tmp_path: Path) -> None:
    done = run("lab", "history", "--data", tmp_path / "data", "--out", tmp_path / "history.parquet")
    assert done.code == 0, done.err
    frame = pl.read_parquet(tmp_path / "history.parquet")
    assert frame["entry"].to_list() == [index(name) for name in names if index(name) >= FLOOR]
    whole = pl.read_parquet(tmp_path / "before.parquet").filter(pl.col("entry") >= FLOOR)
    assert frame.select(whole.columns).equals(whole)
    assert frame.filter(pl.col("label") == "attack")["entry"].to_list() == [index(names[700])]


def test_a_trace_follows_what_is_left_and_says_that_what_was_pruned_is_gone(
    names: list[str], run: Run, tmp_path: Path
) -> None:
    done = run("lab", "trace", names[700], "--data", tmp_path / "data", "--json")
    assert done.code == 0, done.err
    found = msgspec.json.decode(done.out)
    assert (found["read"], found["floor"]) == (index(names[700]) - FLOOR, FLOOR)
    assert found["links"][0]["entry"] >= FLOOR
    assert (
        "What was before entry 512 was pruned."
        in run("lab", "trace", names[700], "--data", tmp_path / "data").out
    )
    gone = run("lab", "trace", names[100], "--data", tmp_path / "data")
    assert gone.code == 1
    assert "Traceback" not in gone.err
    assert f"entry {index(names[100])}" in gone.err
