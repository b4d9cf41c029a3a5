"""Two policies held against each other: what changes, what it catches, what it costs, and how sure that is."""

import re
from typing import Any

import numpy as np
import polars as pl
import pytest

from stepwarden.events.entries import Demand, Verdict
from stepwarden.lab.backtest import page, words
from stepwarden.lab.backtest.compare import Side, compare
from stepwarden.lab.backtest.deciding import VERDICTS, Decided
from stepwarden.lab.backtest.figures import Comparison
from stepwarden.lab.backtest.history import narrowed
from stepwarden.lab.backtest.later import Later
from stepwarden.lab.backtest.resample import Draws
from tests.lab.lab_house import shipped

DAY = 86_400_000_000
NOW = 1_800_000_000_000_000


def attempt(
    person: str = "ann", was: Verdict = "allow", now: Verdict = "allow", **more: Any
) -> dict[str, Any]:
    """One row, and what both sides answer to it."""
    return {
        "actor": person, "was": was, "now": now, "day": 0, "action": "login", "outcome": "success", "label": "",
        "reliability": 0, "kind": "residential", "logins": 9, "risk": (1_000, 1_000), "technique": "",
        "campaign": "", "rules": ((), ()),
    } | more  # fmt: skip


def compared(rows: list[dict[str, Any]], seed: int = 1) -> Comparison:
    """The figures of these rows."""
    frame = pl.DataFrame(
        {
            "entry": list(range(len(rows))),
            "id": ["abcdefgh"] * len(rows),
            "time": [NOW + row["day"] * DAY for row in rows],
            "actor": [row["actor"] for row in rows],
            "action": [row["action"] for row in rows],
            "address_kind": [row["kind"] for row in rows],
            "first_seen": [row["logins"] == 0 for row in rows],
            "actor_logins": [row["logins"] for row in rows],
            "outcome": [row["outcome"] for row in rows],
            "ended": [""] * len(rows),
            "label": [row["label"] for row in rows],
            "label_source": [""] * len(rows),
            "label_reliability": [row["reliability"] for row in rows],
            "campaign": [row["campaign"] for row in rows],
            "technique": [row["technique"] for row in rows],
            "policy": [shipped().hash] * len(rows),
            "decision": [row["was"] for row in rows],
        },
        schema_overrides={**Later.TYPES, "technique": pl.Categorical, "action": pl.Categorical},
    )

    def side(name: str, place: int) -> Side:
        decided = Decided(
            verdict=np.array([VERDICTS.index(row[name]) for row in rows], np.int8),
            score=np.zeros(len(rows), np.int32),
            risk=np.array([row["risk"][place] for row in rows], np.int32),
            demand=np.zeros(len(rows), np.int32),
            demands=(Demand(),),
        )
        return Side(
            policy=shipped(),
            decided=decided,
            evidence=lambda places: [rows[at]["rules"][place] for at in places],
        )

    return compare(narrowed(frame), side("was", 0), side("now", 1), mode="columns", seed=seed)


def test_every_way_in_which_an_answer_may_change_is_counted_once_and_shown() -> None:
    rows = [
        attempt("ann", "allow", "step_up", rules=((), ("new-device",)), risk=(1_000, 300_000)),
        attempt("ann", "allow", "step_up", rules=((), ("new-device",)), risk=(1_000, 200_000)),
        attempt("bob", "step_up", "allow", rules=(("unusual-hour",), ())),
        attempt("cyd", "allow", "deny"),
        attempt("cyd", "step_up", "deny"),
        attempt("dan", "deny", "step_up"),
        attempt("eve", "step_up", "step_up"),
        attempt(""),
    ]
    found = compared(rows)
    assert {turn.name: (turn.attempts, turn.people) for turn in found.turns} == {
        "challenges added": (2, 1),
        "challenges removed": (1, 1),
        "refusals added": (2, 1),
        "refusals removed": (1, 1),
    }
    assert found.answers == ((1, 2, 1), (1, 1, 1), (0, 1, 0))
    added, removed = found.turns[:2]
    assert added.rules == (("new-device", 2),)
    assert [one.entry for one in added.examples] == ["0-abcdefgh", "1-abcdefgh"]
    assert added.examples[0].reasons == ("You have not used this device before",)
    assert removed.examples[0].reasons == ("You are not usually active at this hour",)
    assert "the same rules hold" in found.turns[2].examples[0].reasons[0].lower()
    assert found.recorded == (8, 8)
    assert found.people == 5


def test_labelled_attacks_count_by_how_reliable_their_label_is() -> None:
    rows = [
        attempt("ann", "step_up", "allow", label="attack", reliability=100, technique="T1110"),
        attempt("bob", "allow", "step_up", label="attack", reliability=50, technique="T1078"),
        attempt("bob", "deny", "deny", label="attack", reliability=50, technique="T1110"),
        attempt("cyd", "allow", "step_up", label="benign", reliability=90),
        attempt("cyd", "allow", "allow"),
    ]
    found = compared(rows)
    whole = found.labelled
    assert whole is not None
    assert (whole.attempts, whole.weight, whole.won, whole.lost) == (3, 2.0, 1, 1)
    assert whole.stopped.before is not None
    assert whole.stopped.after is not None
    assert (whole.stopped.before.value, whole.stopped.after.value) == (0.75, 0.5)
    assert {one.name: one.attempts for one in found.attacks} == {"T1078": 1, "T1110": 2}
    assert [one.entry for one in found.missed] == ["0-abcdefgh"]
    assert found.benign is not None
    assert found.benign.stopped.after is not None
    assert found.benign.stopped.after.value == 1


def test_people_are_not_bothered_by_what_failed_or_was_an_attack() -> None:
    rows = [attempt(f"p{n}", "allow", "allow", day=n) for n in range(9)]
    rows += [attempt("p0", "allow", "step_up"), attempt("p0", "allow", "step_up", outcome="failure")]
    rows += [attempt("p0", "allow", "step_up", label="attack", reliability=90)]
    rows += [attempt("p1", "step_up", "step_up", label="attack", reliability=20)]
    friction = compared(rows).friction
    assert (friction.people, friction.sessions) == (9, 11)
    before, after = friction.per_100_sessions.before, friction.per_100_sessions.after
    assert before is not None
    assert after is not None
    assert before.value == pytest.approx(100 / 11, abs=1e-6)
    assert after.value == pytest.approx(200 / 11, abs=1e-6)
    assert friction.p50.after is not None
    assert friction.p99.after is not None
    assert (friction.p50.after.value, friction.p99.after.value) == (0, 1)


def test_cohorts_are_derived_from_the_history() -> None:
    rows = [attempt("often", day=n % 14) for n in range(60)]
    rows += [attempt("weekly", day=day) for day in (0, 7, 13)]
    rows += [attempt("rare", day=3, logins=0, kind="vpn", was="step_up"), attempt("", was="step_up")]
    found = {(one.kind, one.name): one for one in compared(rows).cohorts}
    assert found["signs in", "daily"].attempts == 60
    assert found["signs in", "weekly"].attempts == 3
    assert found["signs in", "monthly"].people == 1
    assert found["address", "vpn"].attempts == 1
    assert found["knows", "nobody yet"].people == 1
    assert found["knows", "well"].attempts == 63
    stopped = found["knows", "nobody yet"].stopped.before
    assert stopped is not None
    assert stopped.value == 1


def test_the_difference_is_of_the_same_people_so_a_change_that_all_have_is_sure() -> None:
    """Rates differ widely between people; that each has one stop more of ten is as sure as can be."""
    rows = []
    for person in range(20):
        rows += [
            attempt(
                f"p{person}",
                "step_up" if n < person % 9 else "allow",
                "step_up" if n <= person % 9 else "allow",
            )
            for n in range(10)
        ]
    (login,) = compared(rows).actions
    assert login.stopped.before is not None
    assert login.stopped.change is not None
    assert (login.stopped.change.low, login.stopped.change.high) == (0.1, 0.1)
    assert login.stopped.before.high - login.stopped.before.low > 0.1
    assert compared(rows).actions == (login,)
    assert compared(rows, seed=2).actions != (login,)


def test_of_too_few_people_no_interval_is_made_up() -> None:
    """One person drawn four hundred times is still one person."""
    rows = [attempt(f"p{number}", kind="vpn" if number == 0 else "residential") for number in range(9)]
    rows.append(attempt("p0", "allow", "step_up", kind="vpn"))
    found = {one.name: one.stopped for one in compared(rows).cohorts if one.kind == "address"}
    assert words.change(found["vpn"].change) == "+50.00 (too few)"
    assert words.change(found["residential"].change) == "0"


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Of 95 % intervals over 40 people each, more than four in five hold the rate that they were drawn with."""
    chance, held = np.random.default_rng(4), 0
    for number in range(60):
        draws = Draws(40, seed=number, replicates=200)
        tries = chance.integers(1, 20, 40)
        draws.ratio("rate", chance.binomial(tries, 0.3), tries)
        one = draws.estimates()["rate"]
        held += one.low <= 0.3 <= one.high
    assert held >= 50


def test_attack_names_and_reasons_of_the_log_are_text_on_the_page() -> None:
    """Tokens and ids cannot hold markup, actions and sources can: whoever named them is not believed."""
    hostile = "<script>alert(1)</script>"
    rows = [
        attempt("ann", "allow", "step_up", action=hostile, label="attack", reliability=90, technique="T1110")
    ]
    found = compared(rows)
    drawn = page.page(found)
    assert hostile not in drawn
    assert "&lt;script&gt;" in drawn
    assert "http://" not in re.sub(r'xmlns(:\w+)?="http://[^"]*"', "", drawn)
    assert page.encoded(found) == page.encoded(compared(rows))
    assert "1 challenges added" in found.summary()
    assert any(table.title == "Attacks that are stopped" for table in words.tables(found))
