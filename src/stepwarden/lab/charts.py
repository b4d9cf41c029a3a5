"""Charts of a replay as SVG text, drawn without a browser and without anything fetched.

Each is drawn twice, for light and for dark pages; the page shows the one that fits. Colours are told apart by people
with colour-vision deficiencies (Okabe and Ito), and the order of stacking is that of the legend, from below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from stepwarden.errors import SettingsError
from stepwarden.lab.summary import DECISIONS, OUTCOMES, RISK_BINS, Summary

LABELS: Final = {"allow": "allowed", "step_up": "stepped up", "deny": "refused"}
COLOURS: Final = {"allowed": "#009E73", "stepped up": "#E69F00", "refused": "#D55E00"}
OUTCOME_COLOURS: Final = {"success": "#0072B2", "failure": "#CC79A7", "unknown": "#999999"}
"""Other hues than those of the decisions: a failed attempt is not a refused one."""
WIDTH, HEIGHT = 840, 220
TIMES: Final = {
    "milliseconds": "%H:%M:%S",
    "seconds": "%H:%M:%S",
    "minutes": "%H:%M",
    "hours": "%H:%M",
    "day": "%-d %b",
    "date": "%-d %b",
    "week": "%-d %b",
    "month": "%b %Y",
    "quarter": "%b %Y",
    "year": "%Y",
}
"""Labels of the time axis, by what a tick falls on."""
SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
LIGHT: Final = ("#46525c", "#dfe4e8")
"""Colours of what is written and of lines, on a light page."""
DARK: Final = ("#b4bfc9", "#303a44")
FONT: Final = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


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
            "colour": LABELS[decision],
            "attempts": count,
            "order": DECISIONS.index(decision),
        }
        for number, counts in sorted(line.buckets.items())
        for decision, count in counts.items()
        if count
    ]
    axis = {"tickCount": 8, "grid": False, "format": TIMES, "labelOverlap": True}
    x: dict[str, Any] = {"type": "temporal", "scale": {"type": "utc"}, "axis": axis}
    return both(_bars(rows, x, COLOURS, {}))


def risks(summary: Summary) -> Chart:
    """How many attempts had which risk, stacked by how they really ended."""
    rows = [
        {
            "from": 100 * bin_ / RISK_BINS,
            "to": 100 * (bin_ + 1) / RISK_BINS,
            "colour": outcome,
            "attempts": count,
            "order": OUTCOMES.index(outcome),
        }
        for (bin_, outcome), count in sorted(summary.risks.items())
    ]
    axis = {"values": list(range(0, 101, 10)), "labelExpr": "datum.value + ' %'", "grid": False}
    x: dict[str, Any] = {"type": "quantitative", "scale": {"domain": [0, 100]}, "axis": axis}
    colours = {name: OUTCOME_COLOURS[name] for name in OUTCOMES if summary.outcomes[name]}
    return both(_bars(rows, x, colours, {"title": "risk"}))


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time / 1_000_000, UTC).isoformat()


def _bars(
    rows: Sequence[dict[str, object]], x: dict[str, Any], colours: dict[str, str], titles: dict[str, str]
) -> dict[str, Any]:
    """Stacked bars between ``from`` and ``to``."""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": list(rows)},
        # A log of months with a busy minute: the bar must be seen, so it is never thinner than this.
        "mark": {"type": "bar", "binSpacing": 0.5, "minBandSize": 2},
        "encoding": {
            "x": {"field": "from", "bin": {"binned": True}, "title": titles.get("title")} | x,
            "x2": {"field": "to"},
            "y": {
                "field": "attempts",
                "type": "quantitative",
                "title": "attempts",
                "stack": "zero",
                "axis": {"tickCount": 4, "tickMinStep": 1, "format": ",d"},
            },
            "color": {
                "field": "colour",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(colours), "range": list(colours.values())},
                "legend": {"orient": "top", "direction": "horizontal", "offset": 8},
            },
            "order": {"field": "order", "type": "quantitative"},
        },
    }


def both(spec: dict[str, Any]) -> Chart:
    """A Vega-Lite specification drawn in both themes.

    Raises:
        SettingsError: the extra that draws charts is not installed.
    """
    return Chart(_draw(spec, *LIGHT), _draw(spec, *DARK))


def png(spec: dict[str, Any], *, scale: float) -> bytes:
    """A Vega-Lite specification drawn as PNG, as on a light page that is white; ``scale`` times as large.

    Raises:
        SettingsError: the extra that draws charts is not installed.
    """
    drawn = _draw({**spec, "background": "#ffffff"}, *LIGHT)
    import vl_convert  # there, or nothing would be drawn yet

    return bytes(vl_convert.svg_to_png(drawn, scale=scale))


def _draw(spec: dict[str, Any], ink: str, line: str) -> str:
    try:
        import vl_convert
    except ImportError as exc:
        raise SettingsError("reports need the extra `lab`: pip install 'stepwarden[lab]'") from exc
    axis = {
        "labelColor": ink,
        "titleColor": ink,
        "gridColor": line,
        "domainColor": line,
        "tickColor": line,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelFont": FONT,
        "titleFont": FONT,
    }
    legend = {
        "labelColor": ink,
        "titleColor": ink,
        "labelFontSize": 13,
        "labelFont": FONT,
        "titleFont": FONT,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "symbolType": "square",
        "columnPadding": 18,
        "layout": {"top": {"direction": "horizontal", "anchor": "start", "margin": 18}},
    }
    config = {
        "background": None,
        "padding": 2,
        "view": {"stroke": None},
        "axis": axis,
        "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
        "legend": legend,
        "title": {"color": ink, "font": FONT, "fontSize": 13, "fontWeight": 600, "anchor": "start"},
    }
    return str(vl_convert.vegalite_to_svg(spec | {"$schema": SCHEMA, "config": config}))
