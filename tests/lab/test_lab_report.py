"""The summary counts right in little memory; the report stands alone and lets no text of a log act."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.errors import InputError
from stepwarden.events.entries import Verdict
from stepwarden.lab.replay import Replayed
from stepwarden.lab.report import WIDTHS as WORDS
from stepwarden.lab.report import render, write
from stepwarden.lab.summary import MINUTE, MOST_BUCKETS, RISKIEST, WIDTHS, FileSummary, Summary, Timeline, iso
from tests.lab.lab_house import NOON, SECOND, check_that_nothing_is_fetched, new_replay, sign_in, summarise

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> {{ 7*7 }} \u202egnp.exe"


def replayed(
    number: int, score: int = 0, *, decision: Verdict = "allow", actor: str = "ann", reason: str = "because"
) -> Replayed:
    reasons = () if decision == "allow" else (reason,)
    return Replayed(
        time=NOON + number * SECOND,
        actor=actor,
        ip="192.0.2.7",
        action="login",
        outcome="success",
        decision=decision,
        score=score,
        risk=0.5,
        reasons=reasons,
        rules=reasons,
        source="a.log",
        source_line=number + 1,
    )


@given(
    st.lists(st.tuples(st.integers(0, 7 * 10**9), st.sampled_from(["allow", "step_up", "deny"])), max_size=60)
)
def test_the_timeline_loses_nothing_and_stays_narrow_enough(events: list[tuple[int, str]]) -> None:
    """Whatever the span, from seconds to two centuries: at most 400 buckets wide, and every decision in one."""
    line = Timeline()
    for second, decision in events:
        line.add(second * SECOND, decision)
    counted: Counter[str] = Counter()
    for counts in line.buckets.values():
        counted.update(counts)
    assert +counted == Counter(decision for _, decision in events)
    assert not line.buckets or max(line.buckets) - min(line.buckets) < MOST_BUCKETS
    width = line.width // SECOND
    assert set(line.buckets) == {second // width for second, _ in events}


def test_each_width_of_the_timeline_is_made_of_the_one_before_and_has_a_name() -> None:
    """Otherwise widening would split a bucket."""
    assert all(wide % narrow == 0 for narrow, wide in pairwise(WIDTHS))
    assert [width // MINUTE for width in WIDTHS] == list(WORDS)


@given(st.lists(st.integers(-5, 5), max_size=40))
def test_the_ten_riskiest_are_those_of_a_sort(scores: list[int]) -> None:
    """The riskiest first; of equals the earliest."""
    results = [replayed(number, score) for number, score in enumerate(scores)]
    naive = sorted(results, key=lambda one: (-one.score, one.time))[:RISKIEST]
    assert summarise(results).riskiest.sorted() == naive


def test_counts_add_up() -> None:
    """Totals, shares by outcome and reasons are sums over the same attempts."""
    results = list(
        new_replay().results(sign_in(second, f"u{second % 20}", "203.0.113.9") for second in range(60))
    )
    summary = summarise(results)
    found = summary.as_dict()
    assert summary.attempts == 60
    assert summary.decisions == Counter(one.decision for one in results)
    assert found["failures"] == 60
    assert found["by_outcome"]["failure"] == summary.decisions  # type: ignore[index]
    counted = Counter(rule for one in results if one.decision != "allow" for rule in one.rules)
    assert [(rule, count) for rule, _, count in summary.top_reasons()] == counted.most_common(10)
    assert summary.most_refused() == [("203.0.113.9", summary.decisions["deny"])]
    assert len(summary.actors) == 20


def test_times_are_iso_8601_in_utc() -> None:
    """With microseconds only where there are any, also before 1970."""
    assert iso(NOON) == "2026-01-01T12:00:00Z"
    assert iso(NOON + 1) == "2026-01-01T12:00:00.000001Z"
    assert iso(-1) == "1969-12-31T23:59:59.999999Z"


def page(actor: str = "ann", source: str = "auth.log", title: str = "Replay of auth.log") -> str:
    items = [
        sign_in(second, actor if second % 2 else f"u{second}", "203.0.113.9", source=source)
        for second in range(80)
    ]
    summary = summarise(new_replay().results(items))
    summary.files.append(FileSummary(source=source, format="openssh", attempts=80, skipped=3, unknown=1))
    summary.skipped["end of a session"] = 3
    summary.not_understood(source, 7, actor, "no syslog line")
    return render(summary, title=title)


def test_the_page_needs_nothing_else() -> None:
    """No script, no address of anything to fetch: it can be mailed and opened in a train."""
    text = page()
    check_that_nothing_is_fetched(text)
    assert text.count("<svg") == 4


def test_hostile_text_of_the_log_is_shown_and_does_nothing() -> None:
    """Log injection: names, files and lines with markup, template code and text that runs backwards."""
    text = page(actor=HOSTILE, source=HOSTILE, title=HOSTILE)
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert "{{ 7*7 }}" in text
    assert "\u202e" not in text


def test_the_page_shows_what_the_summary_holds() -> None:
    """Counts, reasons, the riskiest with their place in the log, and what was not understood."""
    text = page()
    for shown in (
        "The ten riskiest attempts",
        "203.0.113.9",
        "auth.log",
        "no syslog line",
        "end of a session (3)",
    ):
        assert shown in text
    assert "Passwords of many accounts are being tried from this address" in text


def test_a_page_about_no_attempts_says_so() -> None:
    """A log without attempts has no charts and no empty tables."""
    text = render(Summary(policy="0" * 64), title="Replay of nothing")
    assert "<svg" not in text
    assert "No attempts" in text
    assert "riskiest" not in text


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What was there stays where the new one cannot be written, and no draft is left."""
    target = tmp_path / "report.html"
    write(summarise([replayed(1)]), target, title="one")
    before = target.read_text()
    assert before.startswith("<!doctype html>")
    directory = tmp_path / "directory.html"
    directory.mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write(summarise([replayed(1)]), directory, title="two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory.html", "report.html"]
