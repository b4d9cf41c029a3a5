"""What a simulation leaves behind: the columns that others count on, the same for the same run, nothing half done."""

import dataclasses
import io
from pathlib import Path

import msgspec
import polars as pl
import pytest

from stepwarden.errors import InputError, StepwardenError
from stepwarden.events.entries import Evidence
from stepwarden.lab.accuracy.results import read as read_results
from stepwarden.lab.simulate import feed, output
from stepwarden.lab.simulate.engine import Engine
from stepwarden.lab.simulate.life import life as real_life
from stepwarden.lab.simulate.offline import Here
from stepwarden.lab.simulate.output import ATTEMPTS, CAMPAIGNS, Writer, specs_of
from stepwarden.lab.simulate.people import People
from stepwarden.lab.simulate.plan import Campaign, Person
from stepwarden.lab.simulate.run import (
    QUICK,
    Asked,
    Plan,
    attacks_of,
    offline,
    run,
    simulate_offline,
    start_of,
)
from stepwarden.lab.simulate.tally import Tally
from stepwarden.lab.simulate.world import World
from stepwarden.policy.loader import load
from stepwarden.signals.catalogue import CATALOGUE
from stepwarden.signals.limits import STANDARD
from tests.lab.lab_house import NoAgents, shipped
from tests.lab.simulate_house import DAY, START, guesses, life, new_site, takeover

COLUMNS = (
    "time", "person", "login", "campaign", "probe", "action", "right", "reply", "decision", "score", "risk",
    "asked_aal", "passed", "open", "address_kind", "rules", "actor_failures_1h", "actor_failures_24h", "first_seen",
    "new_device", "place_surprise", "agent_surprise", "login_surprise", "site_spraying",
)  # fmt: skip
ASKED = Asked(seed=3, people=40, days=12, start=START, attacks=("guessing", "takeover-naive"), probes=True)


def written(directory: Path, *, signals: bool = False, days: int = 4) -> pl.DataFrame:
    """The attempts of a small run."""
    with Writer(directory, specs_of(), signals=signals) as writer:
        for row in Engine[Here](new_site()).run(
            life(6, days, 1), [takeover(1, 2 * DAY), guesses(6, 3 * DAY)]
        ):
            writer.add(row)
    return pl.read_parquet(directory / ATTEMPTS)


def test_each_row_says_what_was_decided_and_what_came_of_it(tmp_path: Path) -> None:
    """All columns of the contract are there, and nothing else."""
    frame = written(tmp_path)
    assert set(frame.columns) == set(COLUMNS)
    assert frame["time"].is_sorted()
    assert frame["campaign"].unique().sort().to_list() == [-1, 0, 1]
    assert frame.filter(pl.col("decision") == "step_up", pl.col("passed"))["open"].all()
    assert not frame.filter(pl.col("decision") == "deny")["open"].any()
    assert not frame.filter(~pl.col("right"))["open"].any()
    assert frame.filter(pl.col("decision") == "step_up")["asked_aal"].min() == 2


def test_rules_stand_with_their_weights(tmp_path: Path) -> None:
    """The evidence can be counted from the text, and adds up to the score."""
    frame = written(tmp_path)
    for rules, score in frame.select(pl.col("rules").cast(pl.String), "score").iter_rows():
        terms = [term.rpartition(":") for term in rules.split()]
        assert shipped().prior + sum(int(weight.rstrip("!")) for _, _, weight in terms) == score


def test_a_rule_that_failed_is_marked(tmp_path: Path) -> None:
    """Nobody takes its weight for one that held."""
    writer = Writer(tmp_path, specs_of(), signals=False)
    assert writer._spell((Evidence("a", 100), Evidence("b", 0, failed=True))) == "a:100 b:0!"


def test_all_signals_are_columns_where_they_are_asked_for(tmp_path: Path) -> None:
    """Each by its name in the catalogue, with the value that the decision rested on."""
    frame = written(tmp_path, signals=True)
    assert {spec.name for spec in CATALOGUE} <= set(frame.columns)
    assert set(COLUMNS) <= set(frame.columns)
    assert (frame["first_seen"] == (frame["actor_logins"] == 0)).all()


CUSTOM = """
version: 1
name: own signals
prior: -4
actions: {"*": {sensitivity: 1, demand: none}}
bands: []
signals:
  score: {primitive: count, key: [actor], window: 7d, doc: "Attempts in a week."}
rules: []
"""


def test_signals_of_the_policy_itself_are_columns_too(tmp_path: Path) -> None:
    """Counted as in the service; one that is called like a column of ours is told from it."""
    policy = load(CUSTOM)
    with Writer(tmp_path, specs_of(policy.signals), signals=True) as writer:
        for row in Engine[Here](new_site(policy)).run(life(6, 4, 1), []):
            writer.add(row)
    frame = pl.read_parquet(tmp_path / ATTEMPTS)
    mine = frame.filter(pl.col("person") == 0)["signal.score"].to_list()
    assert mine == list(range(len(mine)))
    assert frame["score"].max() == -4_000


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    """Column for column, and the file as well."""
    first, second = written(tmp_path / "a"), written(tmp_path / "b")
    assert first.equals(second)
    assert (tmp_path / "a" / ATTEMPTS).read_bytes() == (tmp_path / "b" / ATTEMPTS).read_bytes()


def test_chunks_are_one_file_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by the chunk; the file is the same however small chunks are, and no part is left."""
    whole = written(tmp_path / "whole")
    monkeypatch.setattr(output, "CHUNK", 7)
    parts = written(tmp_path / "parts")
    assert parts.equals(whole)
    assert [path.name for path in (tmp_path / "parts").iterdir()] == [ATTEMPTS]


def broken_off(directory: Path, rows: int) -> None:
    """A run that fails after so many rows."""
    with Writer(directory, specs_of(), signals=False) as writer:
        for number, row in enumerate(Engine[Here](new_site()).run(life(3, 2, 1), [])):
            if number == rows:
                raise RuntimeError("the run failed")
            writer.add(row)


def test_a_run_that_fails_leaves_no_attempts_and_no_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a run would give wrong answers; what somebody keeps beside it stays."""
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.setattr(output, "CHUNK", 2)
    with pytest.raises(RuntimeError):
        broken_off(tmp_path, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_run_that_fails_leaves_the_results_of_the_one_before_as_they_were(tmp_path: Path) -> None:
    """The file changes only with a good end."""
    before = written(tmp_path)
    with pytest.raises(RuntimeError):
        broken_off(tmp_path, 1)
    assert pl.read_parquet(tmp_path / ATTEMPTS).equals(before)


def test_a_whole_run_is_read_back_by_whoever_measures(tmp_path: Path) -> None:
    """World, people, attackers, probes, files: and the reader of results takes them."""
    tally = simulate_offline(
        Plan(ASKED), shipped(), STANDARD, NoAgents(), tmp_path, signals=False, progress=lambda *_: None
    )
    found = read_results(tmp_path)
    assert len(found.people) == ASKED.people
    assert found.run["policy"]["hash"] == shipped().hash
    assert found.run["counts"]["attempts"] == len(found.attempts) == tally.attempts
    assert (tmp_path / "policy.yaml").read_text(encoding="utf-8") == shipped().text
    campaigns = msgspec.json.decode((tmp_path / CAMPAIGNS).read_bytes(), type=list[Campaign])
    assert {one.attacker for one in campaigns} >= {"guessing", "takeover-naive", "probe-vpn"}
    assert len(found.probes) > 0
    assert len(found.attacks) > 0


def test_probes_do_not_change_a_whole_run(tmp_path: Path) -> None:
    """With and without them people and attackers are answered the same."""
    rows = []
    for probes in (True, False):
        plan = Plan(dataclasses.replace(ASKED, probes=probes))
        site = offline(plan, shipped(), STANDARD, NoAgents())
        engine = Engine[Here](site, plan.probes)
        rows.append(
            [
                (row.time, row.planned.campaign, row.decided.decision, row.decided.score, row.open)
                for row in engine.run(plan.people(), plan.scripts)
                if not row.planned.probe
            ]
        )
    assert rows[0] == rows[1]


def test_people_from_another_process_are_the_same() -> None:
    """Byte for byte what would have been made here."""
    world = World(5)
    here = list(real_life(world, People(world, 20, 5), START, 10, 5))
    assert list(feed.beside(5, 20, 10, START)) == here


def test_a_feed_that_breaks_off_is_an_error_and_not_an_end() -> None:
    """A run must not end early and look finished."""
    whole = io.BytesIO()
    feed.write(whole, 5, 20, 10, START)
    for cut in (2, 100, len(whole.getvalue()) - 1):
        with pytest.raises(StepwardenError):
            list(feed.read(io.BytesIO(whole.getvalue()[:cut])))


def test_the_tally_counts_by_attacker() -> None:
    """Campaigns, attempts, answers, and how long until somebody noticed."""
    campaigns = [
        Campaign(index=0, attacker="takeover", technique="T1078", began=START, about=""),
        Campaign(index=1, attacker="guesses", technique="T1110", began=START, about=""),
        Campaign(index=2, attacker="never", technique="T1110", began=START, about=""),
    ]
    tally = Tally(campaigns)
    for row in Engine[Here](new_site()).run(life(6, 4, 1), [takeover(1, 2 * DAY), guesses(6, 3 * DAY, 1)]):
        tally.add(row)
    lines = {line.name: line for line in tally.lines()}
    assert list(lines) == ["takeover", "guesses", "never"]
    assert (lines["takeover"].attempts, lines["takeover"].noticed, lines["takeover"].campaigns) == (3, 1, 1)
    assert lines["takeover"].found_after == 0
    assert (lines["never"].campaigns, lines["never"].attempts, lines["never"].found_after) == (0, 0, None)
    assert tally.attempts == tally.people.attempts + sum(line.attempts for line in lines.values())


def test_attackers_are_named_or_all_or_none() -> None:
    """A misspelt name is refused with the names that there are."""
    assert attacks_of("none", live=False) == ()
    assert attacks_of("guessing, guessing,stuffing", live=False) == ("guessing", "stuffing")
    assert set(attacks_of("all", live=True)) == set(QUICK) < set(attacks_of("all", live=False))
    for text in ("gessing", "", ",", "all,guessing"):
        with pytest.raises(InputError, match="guessing, "):
            attacks_of(text, live=False)


def test_a_start_is_a_date() -> None:
    """Midnight UTC."""
    assert start_of("2026-01-01") == START
    for text in ("", "2026", "01.01.2026", "1969-12-31", "2026-13-01", "9999-01-01"):
        with pytest.raises(InputError):
            start_of(text)


def test_people_of_a_plan_are_those_of_the_results() -> None:
    """Numbered from 0, as the report counts them."""
    plan = Plan(ASKED)
    assert [one.index for one in plan.persons] == list(range(ASKED.people))
    assert all(isinstance(one, Person) for one in plan.persons)
    assert [one.index for one in plan.campaigns] == list(range(len(plan.campaigns)))


def test_progress_is_told_by_the_day() -> None:
    """So that a bar can be drawn."""
    told: list[int] = []
    plan = Plan(Asked(seed=3, people=60, days=8, start=START, attacks=(), probes=False))
    site = offline(plan, shipped(), STANDARD, NoAgents())
    run(Engine[Here](site), plan, lambda what, done, end: told.append(done), None)
    assert told == sorted(told)
    assert told[-1] in (6, 7)
