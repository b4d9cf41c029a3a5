"""Charts of a replay as SVG text, drawn without a browser and without anything fetched.

Each is drawn twice, for light and for dark pages; the page shows the one that fits. Colours are told apart by people
with colour-vision deficiencies (Okabe and Ito), and the order of stacking is that of the legend.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stepwarden.errors import SettingsError
from stepwarden.lab.summary import RISK_BINS, Summary

DECISIONS = ("allow", "step_up", "deny")
LABELS = {"allow": "allowed", "step_up": "stepped up", "deny": "refused"}
COLOURS = {"allowed": "#009E73", "stepped up": "#E69F00", "refused": "#D55E00"}
OUTCOME_COLOURS = {"failure": "#D55E00", "success": "#0072B2", "unknown": "#999999"}
WIDTH, HEIGHT = 820, 240


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart in both themes; SVG text."""

    light: str
    dark: str


def timeline(summary: Summary) -> Chart:
    """Attempts over time, stacked by what would have been decided."""
    line = summary.timeline
    rows = [
        {
            "from": _moment(number * line.width),
            "to": _moment((number + 1) * line.width),
            "decision": LABELS[decision],
            "attempts": count,
            "order": DECISIONS.index(decision),
        }
        for number, counts in sorted(line.buckets.items())
        for decision, count in counts.items()
    ]
    spec = _bars(
        rows,
        x={"field": "from", "type": "temporal", "title": "time (UTC)", "bandPosition": 0},
        colour=_colour("decision", list(COLOURS), list(COLOURS.values()), "would have been"),
    )
    spec["encoding"]["x2"] = {"field": "to"}
    return _both(spec)


def risks(summary: Summary) -> Chart:
    """How many attempts had which risk, by how they really ended."""
    rows = [
        {
            "from": bin_ / RISK_BINS,
            "to": (bin_ + 1) / RISK_BINS,
            "outcome": outcome,
            "attempts": count,
            "order": 0,
        }
        for (bin_, outcome), count in sorted(summary.risks.items())
    ]
    spec = _bars(
        rows,
        x={"field": "from", "type": "quantitative", "title": "risk", "scale": {"domain": [0, 1]}},
        colour=_colour("outcome", list(OUTCOME_COLOURS), list(OUTCOME_COLOURS.values()), "really ended in"),
    )
    spec["encoding"]["x2"] = {"field": "to"}
    spec["encoding"]["y"]["scale"] = {"type": "sqrt"}
    spec["encoding"]["y"]["title"] = "attempts (square-root scale)"
    return _both(spec)


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time / 1_000_000, UTC).isoformat()


def _bars(rows: Sequence[dict[str, object]], *, x: dict[str, Any], colour: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": list(rows)},
        "mark": {"type": "bar", "stroke": None},
        "encoding": {
            "x": x,
            "y": {"field": "attempts", "type": "quantitative", "title": "attempts", "stack": "zero"},
            "color": colour,
            "order": {"field": "order", "type": "quantitative"},
        },
    }


def _colour(field: str, domain: list[str], colours: list[str], title: str) -> dict[str, Any]:
    return {
        "field": field,
        "type": "nominal",
        "title": title,
        "scale": {"domain": domain, "range": colours},
        "legend": {"orient": "top", "direction": "horizontal"},
    }


def _both(spec: dict[str, Any]) -> Chart:
    return Chart(_draw(spec, "#1f2933", "#d9dee3"), _draw(spec, "#dfe5ea", "#3b4650"))


def _draw(spec: dict[str, Any], ink: str, grid: str) -> str:
    try:
        import vl_convert
    except ImportError as exc:
        raise SettingsError("reports need the extra `lab`: pip install 'stepwarden[lab]'") from exc
    axis = {"labelColor": ink, "titleColor": ink, "gridColor": grid, "domainColor": grid, "tickColor": grid}
    config = {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": axis | {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
        "legend": {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontWeight": "normal"},
    }
    return str(vl_convert.vegalite_to_svg(spec | {"config": config}))
