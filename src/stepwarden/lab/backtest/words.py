"""A back-test in words and tables, the same on a page and on a terminal of 100 columns."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from stepwarden.lab.accuracy.intervals import Estimate
from stepwarden.lab.accuracy.tables import Table
from stepwarden.lab.backtest.figures import Caught, Comparison, Example, Group, Pair

NOTHING: Final = "–"
SAID: Final = {"allow": "allowed", "step_up": "challenged", "deny": "refused"}
NO_RULE: Final = "No rule: what the action needs by itself"
SHORT: Final = 14


def title(found: Comparison) -> str:
    """What was done, in one line."""
    return f"Back-test of {found.candidate.name} ({found.candidate.hash[:12]})"


def about(found: Comparison) -> list[str]:
    """What it rests on, a sentence each."""
    same, own = found.recorded
    lines = [
        f"{found.attempts:,} attempts of {found.people:,} people, {day(found.first)} to {day(found.last)}, "
        f"against {found.before.name} ({found.before.hash[:12]}).",
        {
            "fold": "Every attempt was decided anew from a fold of the log.",
            "columns": "Every attempt was decided anew over its recorded signals.",
            "both": "Every attempt was decided anew from a fold of the log and over its recorded signals: "
            "both agree in every score, risk, demand and decision.",
        }[found.mode],
    ]
    if own and same < own:
        lines.append(
            f"Of the {own:,} attempts that {found.before.name} had decided itself it decides {same:,} as it then did: "
            "a canary, a session's own demand or an older version decided the others."
        )
    elif own:
        lines.append(
            f"{found.before.name} decides all {own:,} attempts that it had decided itself as it then did."
        )
    return lines


def tables(found: Comparison) -> list[Table]:
    """All tables that hold anything."""
    every = [
        answers(found),
        friction(found),
        *(
            _groups(heading, "", [one for one in found.cohorts if one.kind == kind])
            for kind, heading in (
                ("signs in", "By how often somebody signs in"),
                ("address", "By kind of address"),
                ("knows", "By how well somebody is known"),
            )
        ),
        _groups("By action", "", found.actions),
        attacks(found),
        rules(found),
    ]
    return [one for one in every if one.rows]


def answers(found: Comparison) -> Table:
    """What becomes of what."""
    names = list(SAID.values())
    return Table(
        "What changes",
        "Attempts by the answer of the policy before (rows) and of the candidate (columns).",
        ("", *(f"now {name}" for name in names)),
        tuple(
            (f"was {name}", *(f"{number:,}" for number in row))
            for name, row in zip(names, found.answers, strict=True)
        ),
    )


def friction(found: Comparison) -> Table:
    """What it costs people."""
    one = found.friction
    rows = [("stops per 100 sessions", one.per_100_sessions)]
    rows += [(f"stops of a person, {words}", pair) for words, pair in (
        ("half have at most", one.p50), ("95 % have at most", one.p95), ("99 % have at most", one.p99),
    )]  # fmt: skip
    return Table(
        "Friction",
        "Challenges and refusals of attempts that neither failed nor are known as attacks; over all of the history. "
        f"{one.sessions:,} sessions of {one.people:,} people.",
        _HEAD,
        tuple((words, *_cells(pair, share=False)) for words, pair in rows),
    )


_HEAD: Final = ("", "before", "after", "change")


def attacks(found: Comparison) -> Table:
    """What is caught."""
    every = [*found.attacks, *([found.labelled] if found.labelled else [])]
    return Table(
        "Attacks that are stopped",
        "By technique, or simulated campaign; weighted by how reliable the label is.",
        ("", "attempts", "before", "after", "change", "won", "lost"),
        tuple(_caught(one) for one in every),
    )


def _caught(one: Caught) -> tuple[str, ...]:
    return (one.name, f"{one.attempts:,}", *_cells(one.stopped), f"{one.won:,}", f"{one.lost:,}")


def rules(found: Comparison) -> Table:
    """Which rules are behind the changes."""
    rows = [
        (turn.name if place == 0 else "", rule, f"{count:,}")
        for turn in found.turns
        for place, (rule, count) in enumerate(turn.rules[:5])
    ]
    return Table(
        "Rules behind the changes",
        "How often a rule is evidence for one of the two policies and not for the other, where the answer changes.",
        ("", "rule", "attempts"),
        tuple(rows),
        left=2,
    )


def _groups(heading: str, words: str, groups: Iterable[Group]) -> Table:
    return Table(
        heading,
        words or "Share of attempts that are challenged or refused.",
        ("", "attempts", "people", "before", "after", "change", "refused"),
        tuple(
            (
                one.name,
                f"{one.attempts:,}",
                f"{one.people:,}",
                *_cells(one.stopped),
                f"{one.refused_before:,} → {one.refused_after:,}"
                if one.refused_before != one.refused_after
                else f"{one.refused_after:,}",
            )
            for one in groups
        ),
    )


def _cells(pair: Pair, *, share: bool = True) -> tuple[str, str, str]:
    say = percent if share else number
    return (
        say(pair.before.value) if pair.before else NOTHING,
        say(pair.after.value) if pair.after else NOTHING,
        change(pair.change, share=share),
    )


def change(one: Estimate | None, *, share: bool = True) -> str:
    """A difference with its interval: ``+1.2 (+0.8 to +1.6)``, of shares in points of percent."""
    if one is None:
        return NOTHING
    if one.value == one.low == one.high == 0:
        return "0"
    factor = 100 if share else 1
    value, low, high = (f"{factor * part:+.2f}" for part in (one.value, one.low, one.high))
    return (
        f"{value} ({low} to {high})" if math.isfinite(one.low) else f"{value if one.value else 0} (too few)"
    )


def percent(value: float) -> str:
    """A share as percent.

    >>> percent(0.0213), percent(1), percent(0.00012), percent(0)
    ('2.13 %', '100 %', '0.012 %', '0 %')
    """
    points = 100 * value
    if points == int(points):
        return f"{points:.0f} %"
    return f"{points:.2f} %" if points >= 0.1 else f"{points:.2g} %"


def number(value: float) -> str:
    """A figure that is no share."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def day(time: int) -> str:
    """The day of a time in microseconds."""
    return f"{datetime.fromtimestamp(time / 1_000_000, UTC):%Y-%m-%d}"


def moment(time: int) -> str:
    """A time in microseconds, to the second."""
    return f"{datetime.fromtimestamp(time / 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def examples(found: Comparison) -> list[tuple[str, int, tuple[Example, ...]]]:
    """Of each kind of example its name, how many attempts there are of it, and those that are shown."""
    kinds = [("attacks that are not stopped any more", len(found.missed), found.missed)]
    return kinds + [(turn.name, turn.attempts, turn.examples) for turn in found.turns]


def example(one: Example) -> str:
    """An attempt in one line."""
    said = [
        f"{SAID[one.before]} → {SAID[one.after]}",
        f"risk {one.risk_before / 1e6:.3f} → {one.risk_after / 1e6:.3f}",
    ]
    ended = f", ended in {one.outcome}" if one.outcome != "unknown" else ""
    ended += f", challenge {one.ended}" if one.ended else ""
    label = f", labelled {one.label}" if one.label else ""
    return (
        f"{one.entry}  {moment(one.time)}  {one.actor[:SHORT]}  {one.action}: {', '.join(said)}{ended}{label}"
    )
