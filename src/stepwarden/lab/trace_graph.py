"""A trace drawn: time before the attempt from left to right, one lane for each place, one point for each link.

Time is logarithmic, because what matters happened minutes ago or weeks ago. Lines lead from each link to the next one
that shares something with it; the attempt itself stands at the right end.
"""

from typing import Any, Final

from stepwarden.lab import pages
from stepwarden.lab.charts import COLOURS, WIDTH, Chart, both
from stepwarden.lab.trace import RELATIONS, Link, Trace
from stepwarden.lab.trace_words import VERDICTS, before, moment, number, shared, what, who, why

OTHERS: Final = {"failed or not passed": "#CC79A7", "other": "#7A8791"}
LANE: Final = 30
"""Pixels."""
TICKS: Final = {
    10: "10 s", 60: "1 min", 600: "10 min", 3_600: "1 h", 21_600: "6 h", 86_400: "1 d", 604_800: "7 d",
    2_592_000: "30 d", 31_536_000: "1 y",
}  # fmt: skip
_FAILED: Final = ("failure", "wrong", "replayed", "locked", "cloned", "denied", "abandoned")


def draw(trace: Trace) -> Chart:
    """Raises: SettingsError: the extra that draws charts is not installed."""
    lanes = _lanes(trace)
    points = [_point(trace, link, lanes) for link in (*trace.links, trace.target)]
    labels = {number_: name for name, number_ in lanes.items()}
    axis = {
        "values": list(labels),
        "labelExpr": _words(labels),
        "labelLimit": 230,
        "grid": True,
        "title": None,
        "ticks": False,
    }
    ticks = {second: text for second, text in TICKS.items() if second <= 4 * _oldest(trace)}
    x = {
        "field": "before",
        "type": "quantitative",
        "scale": {"type": "symlog", "constant": 30, "reverse": True, "domain": [0, 1.3 * _oldest(trace)]},
        "axis": {
            "values": [0, *ticks],
            "labelExpr": _words({0: "the attempt"} | ticks),
            "grid": False,
            "title": "before the attempt",
            "labelOverlap": "greedy",
        },
    }
    y = {
        "field": "lane",
        "type": "quantitative",
        "scale": {"domain": [-0.6, len(lanes) - 0.4], "reverse": True, "nice": False, "zero": False},
        "axis": axis,
    }
    colours = {**COLOURS, **OTHERS}
    used = [name for name in colours if any(point["colour"] == name for point in points)]
    return both(
        {
            "width": WIDTH - 200,
            "height": max(2, len(lanes)) * LANE,
            "layer": [
                _lines(trace, lanes, x, y),
                _points(points, x, y, {name: colours[name] for name in used}),
            ],
        }
    )


def _lines(trace: Trace, lanes: dict[str, int], x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    rows = []
    newest: dict[tuple[str, str], Link] = {}
    for link in (trace.target, *reversed(trace.links)):
        following = _next(link, newest)
        if following is not None:
            rows.append(
                {
                    "before": _before(trace, link),
                    "lane": lanes[_lane(trace, link)],
                    "until": _before(trace, following),
                    "to": lanes[_lane(trace, following)],
                }
            )
        for relation in RELATIONS:
            token = getattr(link.subject, relation)
            if token:
                newest[relation, token] = link
    return {
        "data": {"values": rows},
        "mark": {"type": "rule", "color": "#8a97a3", "opacity": 0.45, "strokeWidth": 1},
        "encoding": {"x": x, "x2": {"field": "until"}, "y": y, "y2": {"field": "to"}},
    }


def _next(link: Link, newest: dict[tuple[str, str], Link]) -> Link | None:
    for relation in RELATIONS:
        found = newest.get((relation, getattr(link.subject, relation)))
        if found is not None:
            return found
    return None


def _points(
    points: list[dict[str, Any]], x: dict[str, Any], y: dict[str, Any], colours: dict[str, str]
) -> dict[str, Any]:
    return {
        "data": {"values": points},
        "mark": {"type": "point", "filled": True, "opacity": 1},
        "encoding": {
            "x": x,
            "y": y,
            "size": {
                "field": "count",
                "type": "quantitative",
                "scale": {"type": "log", "domain": [1, 1_000], "range": [50, 420], "clamp": True},
                "legend": None,
            },
            "shape": {
                "field": "own",
                "type": "nominal",
                "title": None,
                "scale": {
                    "domain": ["this person", "others", "the attempt"],
                    "range": ["circle", "square", "diamond"],
                },
                "legend": {"orient": "top", "symbolFillColor": "#7A8791", "symbolStrokeColor": "#7A8791"},
            },
            "color": {
                "field": "colour",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(colours), "range": list(colours.values())},
                "legend": {"orient": "top", "symbolType": "circle"},
            },
            "description": {"field": "words", "type": "nominal"},
        },
    }


def _point(trace: Trace, link: Link, lanes: dict[str, int]) -> dict[str, Any]:
    target = link is trace.target
    said = f"{moment(link.last)}, {who(trace, link)}, {what(link)}, {number(link.count)}. {why(link)}"
    return {
        "before": _before(trace, link),
        "lane": lanes[_lane(trace, link)],
        "count": 30 if target else link.count,
        "own": "the attempt" if target else "this person" if link.own else "others",
        "colour": _colour(link),
        "words": f"{said} {shared(trace, link)}",
    }


def _colour(link: Link) -> str:
    if link.verdict in ("", "allow") and link.outcome in _FAILED:
        return "failed or not passed"
    return VERDICTS[link.verdict] or "other"


def _lane(trace: Trace, link: Link) -> str:
    place = trace.names.get(("address", link.subject.address), "")
    if not place:
        return "proofs and factors" if link.subject.credential else "no address"
    return f"{'this person' if link.own or link is trace.target else 'others'}, {place}"


def _lanes(trace: Trace) -> dict[str, int]:
    """Lanes from above: the attempt's own, then as they come going back in time."""
    found: dict[str, int] = {}
    for link in (trace.target, *reversed(trace.links)):
        found.setdefault(_lane(trace, link), len(found))
    return found


def _before(trace: Trace, link: Link) -> int:
    return max(0, trace.target.last - link.last) // 1_000_000


def _oldest(trace: Trace) -> int:
    return max([60, *(_before(trace, link) for link in trace.links)])


def _words(labels: dict[int, str]) -> str:
    """A Vega expression that gives the label of a value. The texts are our own, never the log's."""
    text = "''"
    for value, label in labels.items():
        text = f"datum.value == {value} ? '{label}' : {text}"
    return text


def page(trace: Trace) -> str:
    """The trace as one HTML page. Raises: SettingsError: the extra that draws charts is not installed."""
    return pages.render(
        "trace.html",
        title=f"Before entry {trace.target.index}: {trace.target.action}",
        filters={
            "before": lambda link: before(trace, link),
            "moment": moment,
            "number": number,
            "shared": lambda link: shared(trace, link),
            "what": what,
            "who": lambda link: who(trace, link),
            "why": why,
        },
        trace=trace,
        drawn=draw(trace) if trace.links else None,
    )
