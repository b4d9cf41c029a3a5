"""The accuracy report: it stands alone, shows what was measured, and lets no text of a file act."""

import doctest
import importlib
import json
import re
import sys
from pathlib import Path

import msgspec
import polars as pl
import pytest

from stepwarden.cli.main import main
from stepwarden.errors import InputError
from stepwarden.lab.accuracy import page, tables, words
from stepwarden.lab.accuracy.drawing import charts
from stepwarden.lab.accuracy.figures import Figures, measure
from stepwarden.lab.accuracy.results import Results, read
from tests.lab.accuracy_house import campaign, results, row, write
from tests.lab.lab_house import check_that_nothing_is_fetched

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> {{ 7*7 }} \u202egnp | x"


def simulated(attacker: str = "spraying-slow", rule: str = "new-device") -> Results:
    """Two classes of probes, one attack, two cohorts: something in every section."""
    campaigns = [
        campaign(0, attacker, technique="T1110.003"),
        campaign(1, "probe-naive", takeover="naive"),
        campaign(2, "probe-very-targeted", takeover="very-targeted"),
        campaign(3, "poisoning"),
    ]
    rows = []
    for who in range(4):
        for n in range(40):
            stopped = n in (0, 7 + who)
            rows.append(
                row(
                    who, n + who / 10, login=n, decision="step_up" if stopped else "allow",
                    score=-1000 if stopped else -4000, risk=270_000 if stopped else 18_000,
                    rules=f"{rule}:2700" if stopped else "habitual:-500", open=True,
                )
            )  # fmt: skip
        for login in (12, 39):
            for index, score in ((1, 2000), (2, -4000)):
                rows.append(
                    row(who, login + 0.5, login=login, campaign=index, probe=True, score=score, risk=880_000)
                )
    rows += [row(0, 20 + n / 10, campaign=0, right=False, site_spraying=n > 5) for n in range(10)]
    rows += [row(1, 24 * day, campaign=3, decision="step_up") for day in (0, 31)]
    return results(rows, cohorts=("home", "home", "vpn", "traveller"), campaigns=campaigns)


@pytest.fixture(scope="module")
def figures() -> Figures:
    return measure(simulated())


def test_the_page_needs_nothing_else(figures: Figures) -> None:
    """No script, no address of anything to fetch; each chart for light and for dark."""
    text = page.render(figures)
    check_that_nothing_is_fetched(text)
    assert text.count("<svg") == 2 * len(charts(figures)) == 10


def test_attack_names_in_the_files_are_shown_and_do_nothing() -> None:
    """Whoever hands over a directory of results chooses names of attackers and rules."""
    found = measure(simulated(attacker=HOSTILE, rule=HOSTILE.replace(" ", "_")))
    text = page.render(found)
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert "{{ 7*7 }}" in text
    assert "\u202e" not in text
    row_ = next(line for line in page.markdown(found).splitlines() if "T1110.003" in line)
    assert "\\| x" in row_


def test_the_page_says_first_what_matters(figures: Figures) -> None:
    """Title, a paragraph, the targets with their verdicts, then charts and tables."""
    text = page.render(figures)
    places = [
        text.index(part) for part in ("<h1>", words.summary(figures)[:40], ">Targets<", "<svg", "Calibration")
    ]
    assert places == sorted(places)
    for verdict in ("met", "missed", "met, not for sure", "not measured"):
        assert f">{verdict}</b>" in text, verdict


def test_every_table_is_as_wide_as_its_heading(figures: Figures) -> None:
    """On the page, in Markdown and on a terminal."""
    made = tables.every(figures)
    assert len(made) == 12
    for table in made:
        assert {len(line) for line in table.rows} == {len(table.head)}, table.title
    assert page.markdown(figures).count("\n### ") == len(made)


def test_numbers_read_as_what_they_are() -> None:
    """Nothing small is rounded to nothing, and nothing short of all to all."""
    assert words.share(0.00004) == "0.004 %"
    assert words.share(0.9999) == "99.99 %"
    assert words.share(0.999999) == "99.99 %"
    assert words.share(1.0) == "100 %"
    assert words.number(None) == "–"


def test_figures_can_be_read_back(tmp_path: Path, figures: Figures) -> None:
    """``report.json`` is every figure under its name."""
    page.write_figures(figures, tmp_path / "report.json")
    assert msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Figures) == figures


def run(monkeypatch: pytest.MonkeyPatch, *given: object) -> int:
    """``stepwarden lab ...`` in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["stepwarden", "lab", *map(str, given)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_writes_page_charts_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Beside each other, and says where; the terminal has the summary and the targets in 80 columns."""
    directory = write(tmp_path / "one", simulated())
    assert run(monkeypatch, "report", directory, "--out", tmp_path / "page.html") == 0
    shown = capfd.readouterr()
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    names = {path.name for path in tmp_path.glob("*.png")}
    assert names == {
        f"page-{name}.png" for name in ("detection", "methods", "scripts", "cohorts", "calibration")
    }
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.glob("*.png"))
    assert json.loads((directory / "report.json").read_bytes())["people"] == 4
    assert "4 people signed in 160 times" in " ".join(shown.out.split())
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "page.html" in shown.err


def test_markdown_goes_to_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """All tables, and no page."""
    directory = write(tmp_path / "one", simulated())
    assert run(monkeypatch, "report", directory, "--markdown") == 0
    assert "### What a detection costs" in capfd.readouterr().out
    assert not (directory / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("people.parquet", b"PAR1 this is none"),
        ("attempts.parquet", b""),
        ("run.json", b"[1]"),
        ("run.json", b"\xff"),
        ("campaigns.json", b'[{"index": 0}]'),
    ],
)
def test_what_is_no_simulation_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    """One error that says which file, and no traceback."""
    directory = write(tmp_path / "one", simulated())
    (directory / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(name)):
        read(directory)
    (directory / name).unlink()
    with pytest.raises(InputError, match=re.escape(name)):
        read(directory)


def test_columns_that_are_missing_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    """A figure is never made of what is not there."""
    found = simulated()
    for changed in (
        found.attempts.drop("score"),
        found.attempts.with_columns(pl.lit("high").alias("score")),
        found.attempts.with_columns(pl.lit(99).alias("person")),
    ):
        directory = write(tmp_path / "one", Results(found.run, found.people, found.campaigns, changed))
        with pytest.raises(InputError):
            read(directory)


def test_without_the_alarm_nothing_is_said_of_it(tmp_path: Path) -> None:
    """A server attacked over HTTP tells no signals: no false alarms is then no figure."""
    found = simulated()
    blind = write(
        tmp_path / "a",
        Results(found.run, found.people, found.campaigns, found.attempts.drop("site_spraying")),
    )
    live = write(
        tmp_path / "b", Results({**found.run, "live": True}, found.people, found.campaigns, found.attempts)
    )
    for directory in (blind, live):
        measured = measure(read(directory))
        assert measured.false_alarms.monthly is None
        assert measured.sprayed == ()
    assert measure(found).false_alarms.monthly is not None


def test_a_simulation_of_nobody_is_reported_as_such() -> None:
    """No attempts at all: a page without charts, and no division by nothing."""
    found = measure(results([], cohorts=()))
    assert "0 people signed in 0 times" in words.summary(found)
    assert "<svg" not in page.render(found)


@pytest.mark.parametrize("name", ["attacks", "detection", "intervals", "methods", "words"])
def test_examples_hold(name: str) -> None:
    """Each example in a docstring gives what stands below it."""
    tried = doctest.testmod(importlib.import_module(f"stepwarden.lab.accuracy.{name}"))
    assert tried.attempted > 0
    assert tried.failed == 0
