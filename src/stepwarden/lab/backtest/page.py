"""A back-test as one HTML page that needs nothing else, and as plain values for JSON."""

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from stepwarden.lab import pages
from stepwarden.lab.backtest import words
from stepwarden.lab.backtest.figures import Comparison, Pair
from stepwarden.lab.charts import Chart, both

BEFORE, AFTER = "#8794A0", "#0072B2"
ROW: Final = 26
"""Pixels of one row."""
COLOURS: Final = {
    "challenges added": "step_up",
    "challenges removed": "allow",
    "refusals added": "deny",
    "refusals removed": "allow",
}


def page(found: Comparison) -> str:
    """Raises: SettingsError: the extra that draws charts is not installed."""
    return pages.render(
        "backtest.html",
        title=words.title(found),
        about=words.about(found),
        found=found,
        colours=COLOURS,
        charts=charts(found),
        tables=words.tables(found),
        shown=words.examples(found),
        said=words.SAID,
        no_rule=words.NO_RULE,
        moment=words.moment,
    )


def encoded(found: Comparison) -> bytes:
    """Every figure as JSON; the same figures are the same bytes, and their SHA-256 may be recorded."""
    return msgspec.json.format(msgspec.json.encode(found)) + b"\n"


def charts(found: Comparison) -> list[tuple[str, str, Chart]]:
    """The charts that there is anything for: name, words, drawing."""
    drawn = []
    cohorts = [(f"{one.kind}: {one.name}", one.stopped) for one in found.cohorts]
    if cohorts:
        drawn.append(
            (
                "Who is stopped how often",
                "Share of attempts that are challenged or refused, with intervals; known attacks are left out.",
                both(_dumbbells(cohorts)),
            )
        )
    attacks = [(one.name, one.stopped) for one in found.attacks]
    if attacks:
        drawn.append(
            (
                "Which attacks are stopped",
                "Share of labelled or simulated attacks that are challenged or refused, with intervals.",
                both(_dumbbells(attacks)),
            )
        )
    return drawn


def _dumbbells(pairs: Sequence[tuple[str, Pair]]) -> dict[str, Any]:
    """Of each row two points with their intervals: before above, after below."""
    rows = [
        {
            "name": name,
            "policy": policy,
            "value": 100 * one.value,
            # Of too few people there is no interval: it is drawn as wide as the point.
            "low": 100 * (one.low if math.isfinite(one.low) else one.value),
            "high": 100 * (one.high if math.isfinite(one.high) else one.value),
        }
        for name, pair in pairs
        for policy, one in (("before", pair.before), ("after", pair.after))
        if one is not None
    ]
    y = {
        "field": "name",
        "type": "nominal",
        "sort": [name for name, _ in pairs],
        "title": None,
        "axis": {"labelLimit": 260, "grid": True},
    }
    x = {
        "field": "value",
        "type": "quantitative",
        "title": "percent of attempts",
        "scale": {"domainMin": 0},
        "axis": {"tickCount": 6},
    }
    colour = {
        "field": "policy",
        "type": "nominal",
        "title": None,
        "scale": {"domain": ["before", "after"], "range": [BEFORE, AFTER]},
        "legend": {"orient": "top", "direction": "horizontal"},
    }
    place = {"y": y, "yOffset": {"field": "policy", "sort": ["before", "after"]}, "color": colour}
    return {
        "width": 560,
        "height": ROW * len(pairs),
        "data": {"values": rows},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.5},
                "encoding": place | {"x": x | {"field": "low"}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
                "encoding": place | {"x": x},
            },
        ],
    }
