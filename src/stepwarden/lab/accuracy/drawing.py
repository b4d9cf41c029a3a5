"""The charts of an accuracy report, as Vega-Lite specifications.

Detection is drawn by what is missed, on a logarithmic scale: between 99 % and 99.9 % lies as much as between 90 % and
99 %. Challenge rates are on a square-root scale, because the first hundredth matters more to people than the last
tenth. Classes of attackers and methods have colours of Okabe and Ito, and shapes of their own beside them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from stepwarden.connect.importers.base import shorten
from stepwarden.lab.accuracy.detection import Point
from stepwarden.lab.accuracy.figures import ByClass, Figures, compared
from stepwarden.lab.accuracy.friction import Group
from stepwarden.lab.accuracy.intervals import Estimate
from stepwarden.lab.accuracy.targets import LITERATURE, WANTED
from stepwarden.lab.charts import COLOURS, LABELS

Spec = dict[str, Any]
Row = dict[str, str | float]

GREY: Final = "#8794a0"
CLASS_NAMES: Final = {
    "naive": "naive",
    "vpn": "VPN",
    "targeted": "targeted",
    "very-targeted": "very targeted",
}
CLASS_COLOURS: Final = {
    "naive": "#009E73", "VPN": "#2E8FCB", "targeted": "#E69F00", "very targeted": "#D55E00",
}  # fmt: skip
COHORT_NAMES: Final = {
    "home": "at home", "mobile": "on the move", "office": "in an office", "vpn": "behind a VPN",
    "traveller": "travellers", "night": "night workers",
}  # fmt: skip
BAND_NAMES: Final = {"daily": "daily", "weekly": "weekly", "monthly": "monthly", "rare": "rarely"}
METHOD_NAMES: Final = {
    "stepwarden": "Stepwarden's score",
    "freeman": "Freeman alone",
    "policy": "the policy as it is",
    "new-device": "new device",
    "three-failures": "three failures",
    "always": "always",
    "never": "never",
}
METHOD_COLOURS: Final = {
    "stepwarden": "#2E8FCB", "freeman": "#E69F00", "policy": "#2E8FCB", "new-device": "#009E73",
    "three-failures": "#CC79A7", "always": GREY, "never": GREY,
}  # fmt: skip
METHOD_SHAPES: Final = {
    "stepwarden": "stroke", "freeman": "stroke", "policy": "circle", "new-device": "square",
    "three-failures": "triangle-up", "always": "cross", "never": "diamond",
}  # fmt: skip
LEAST: Final = 0.0005
"""Missed shares below it are drawn here: a finite number of probes cannot show less."""
SMALL: Final = 0.0004
CHALLENGED: Final = (0, 0.01, 0.03, 0.06, 0.12, 0.25, 0.5, 1)
WIDE: Final = 380
ABOVE: Final[Spec] = {"orient": "top", "offset": 6}
"""Where legends are."""


def charts(figures: Figures) -> dict[str, Spec]:
    """The charts for which there are figures, by name."""
    found: dict[str, Spec] = {}
    by_logins = compared(figures.classes)
    if by_logins:
        found["detection"] = {
            "hconcat": [_detection(logins, classes) for logins, classes in by_logins.items()],
            "spacing": 24,
        }
        found["methods"] = {
            "concat": [_methods(one) for one in by_logins[max(by_logins)]],
            "columns": 2,
            "spacing": 24,
        }
    if figures.scripts:
        found["scripts"] = _scripts(figures)
    if figures.cohorts:
        found["cohorts"] = _cohorts(kinds(figures))
    if figures.calibrations:
        found["calibration"] = _calibration(figures)
    return found


def kinds(figures: Figures) -> list[tuple[str, Group]]:
    """People by cohort and by how often they sign in, each kind under the name that people read."""
    return [
        *((COHORT_NAMES.get(one.name, one.name), one) for one in figures.cohorts),
        *((f"signs in {BAND_NAMES.get(one.name, one.name)}", one) for one in figures.bands),
    ]


def _missed(detected: float) -> float:
    return max(LEAST, round(1 - detected, 6))


def _x(title: str) -> Spec:
    return {
        "field": "challenged",
        "type": "quantitative",
        "title": title,
        "scale": {"type": "sqrt", "domain": [0, 1], "nice": False},
        "axis": {"values": list(CHALLENGED), "labelExpr": _PERCENT, "grid": True, "labelOverlap": False},
    }


_PERCENT: Final = "format(100 * datum.value, '~g') + ' %'"
_DETECTED: Final = "datum.value < 0.0006 ? 'all' : format(100 * (1 - datum.value), '.3~g') + ' %'"


_Y: Final[Spec] = {
    "field": "missed",
    "type": "quantitative",
    "title": "detected",
    "scale": {"type": "log", "domain": [SMALL, 1], "reverse": True, "nice": False, "clamp": True},
    "axis": {
        "values": [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, LEAST],
        "labelExpr": _DETECTED,
    },
}


def _colour(colours: Mapping[str, str], legend: Spec) -> Spec:
    return {
        "field": "name",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(colours), "range": list(colours.values())},
        "legend": legend,
    }


def _detection(logins: int, classes: Iterable[ByClass]) -> Spec:
    """Curves of the classes with bands, the literature's points, and what is promised."""
    curve, marks = [], []
    for one in classes:
        name = CLASS_NAMES[one.takeover]
        curve += _curve(name, one.curve, median=True)
        known = LITERATURE.get((one.takeover, logins), {})
        marks += [_mark(name, "literature", rate, level) for level, rate in known.items()]
        marks += [
            _mark(name, "promised", rate, level)
            for takeover, after, level, rate in WANTED
            if (takeover, after) == (one.takeover, logins)
        ]
    legend = ABOVE | {"direction": "horizontal", "symbolOpacity": 1}
    colour = _colour(CLASS_COLOURS, legend)
    shape = {
        "field": "kind",
        "type": "nominal",
        "title": None,
        "scale": {"domain": ["literature", "promised"], "range": ["diamond", "cross"]},
        "legend": legend | {"symbolFillColor": GREY, "symbolStrokeColor": GREY},
    }
    band = {"type": "rule", "strokeWidth": 5, "opacity": 0.22}
    return {
        "title": f"after {logins} sign-ins",
        "width": WIDE,
        "height": 300,
        "layer": _layers(curve, marks, _x("median challenge rate"), colour, shape, band=band, size=85),
    }


def _methods(one: ByClass) -> Spec:
    """Stepwarden's score and Freeman's as curves, everything that has no threshold as a point."""
    curves = _curve(METHOD_NAMES["stepwarden"], one.curve, median=False)
    curves += _curve(METHOD_NAMES["freeman"], one.freeman_curve, median=False)
    points = [
        _mark(METHOD_NAMES[name], "", found.challenged.mean.value, found.detected.value)
        for name, found in one.fixed.items()
    ]
    legend = ABOVE | {"direction": "horizontal", "columns": 7, "symbolOpacity": 1}
    colour = _colour({METHOD_NAMES[name]: METHOD_COLOURS[name] for name in METHOD_NAMES}, legend)
    shapes = {"domain": list(METHOD_NAMES.values()), "range": [METHOD_SHAPES[name] for name in METHOD_NAMES]}
    shape = {"field": "name", "type": "nominal", "title": None, "scale": shapes, "legend": legend}
    band = {"type": "area", "opacity": 0.15, "line": False}
    return {
        "title": CLASS_NAMES[one.takeover],
        "width": WIDE,
        "height": 230,
        "layer": _layers(curves, points, _x("mean challenge rate"), colour, shape, band=band, size=95),
    }


def _layers(
    curves: list[Row], points: list[Row], x: Spec, colour: Spec, shape: Spec, *, band: Spec, size: int
) -> list[Spec]:
    """Curves over their bands, which are drawn as the mark ``band``, and above both the points."""
    place = {"x": x, "y": _Y, "color": colour}
    return [
        {
            "data": {"values": curves},
            "mark": band,
            "encoding": place | {"y": _Y | {"field": "least"}, "y2": {"field": "most"}},
        },
        {
            "data": {"values": curves},
            "mark": {"type": "line", "strokeWidth": 2.5, "point": {"filled": True, "size": 22}},
            "encoding": place | {"order": {"field": "order"}},
        },
        {
            "data": {"values": points},
            "mark": {"type": "point", "size": size, "filled": True, "opacity": 1},
            "encoding": place | {"shape": shape},
        },
    ]


def _curve(name: str, points: Sequence[Point], *, median: bool) -> list[Row]:
    return [
        {
            "name": name,
            "challenged": point.median if median else point.mean,
            "missed": _missed(point.detected.value),
            "least": _missed(point.detected.high),
            "most": _missed(point.detected.low),
            "order": number,
        }
        for number, point in enumerate(points)
    ]


def _mark(name: str, kind: str, challenged: float, detected: float) -> Row:
    return {"name": name, "kind": kind, "challenged": challenged, "missed": _missed(detected)}


def _scripts(figures: Figures) -> Spec:
    """How the attempts of each script were answered, as shares; and the share that got in."""
    rows: list[Row] = []
    inside: list[Row] = []
    for one in figures.scripts:
        answers, script = one.answers, shorten(one.attacker)
        counts = {"allow": answers.allowed, "step_up": answers.challenged, "deny": answers.refused}
        whole = max(1, answers.attempts)
        rows += [
            {"script": script, "name": LABELS[decision], "share": count / whole, "order": number}
            for number, (decision, count) in enumerate(counts.items())
        ]
        inside.append({"script": script, "name": "got in", "share": answers.got_in / whole})
    colour = _colour({**COLOURS, "got in": "#CC79A7"}, ABOVE)
    y = {"field": "script", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 200}}
    x = {
        "field": "share",
        "type": "quantitative",
        "title": None,
        "axis": {"tickCount": 5, "labelExpr": _PERCENT},
    }
    return {
        "width": 640,
        "height": {"step": 24},
        "layer": [
            {
                "data": {"values": rows},
                "mark": {"type": "bar", "height": 14},
                "encoding": {
                    "y": y,
                    "x": x | {"stack": "normalize"},
                    "color": colour,
                    "order": {"field": "order"},
                },
            },
            {
                "data": {"values": inside},
                "mark": {"type": "tick", "thickness": 3, "size": 22, "opacity": 1},
                "encoding": {"y": y, "x": x, "color": colour},
            },
        ],
    }


def _cohorts(groups: Sequence[tuple[str, Group]]) -> Spec:
    """Challenge rates of kinds of people, cold start apart, with intervals."""
    colours = {"first 3 sign-ins": "#E69F00", "later": "#2E8FCB"}
    rows = [
        {"group": group, "name": name, "share": found.value, "low": found.low, "high": found.high}
        for group, one in groups
        for name, found in (("first 3 sign-ins", one.cold), ("later", one.warm))
        if isinstance(found, Estimate)
    ]
    y = {"field": "group", "type": "nominal", "title": None, "sort": None, "axis": {"grid": True}}
    x = {
        "type": "quantitative",
        "title": "sign-ins challenged, mean over people",
        "axis": {"labelExpr": _PERCENT},
    }
    colour = _colour(colours, ABOVE)
    return {
        "width": 720,
        "height": {"step": 24},
        "data": {"values": rows},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.5},
                "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"}, "color": colour},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {"y": y, "x": x | {"field": "share"}, "color": colour},
            },
        ],
    }


SHARES: Final = (1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.1, 0.5, 1)
DRAWN: Final = 2
"""Prevalences; at a third, far from what the policy's prior says, every point lies at the bottom."""


def _calibration(figures: Figures) -> Spec:
    """Observed share of attacks by stated risk, both as odds; the diagonal is a risk that means what it says."""
    names = {f"1 in {round(1 / one.prevalence):,}": one for one in figures.calibrations[:DRAWN]}
    palette = ("#2E8FCB", "#E69F00")
    rows = [
        {"name": name, "risk": one.risk, "observed": one.observed, "weight": one.weight}
        for name, found in names.items()
        for one in found.bins
        if one.observed > 0 and one.risk > 0
    ]
    least = min([0.001, *(float(str(row["observed"])) for row in rows)])
    scale = {"type": "log", "nice": False, "clamp": True}
    ticks = {"values": [one for one in SHARES if one >= least], "labelExpr": _PERCENT}
    x = {
        "field": "risk",
        "type": "quantitative",
        "title": "stated risk",
        "scale": scale | {"domain": [0.001, 1]},
    }
    y = {"field": "observed", "type": "quantitative", "title": "observed share of attacks"}
    colour = _colour(dict(zip(names, palette, strict=False)), ABOVE | {"title": "attacks among sign-ins"})
    line = [{"risk": 0.001, "observed": 0.001}, {"risk": 1, "observed": 1}]
    axes = {
        "x": x | {"axis": ticks | {"values": SHARES[3:]}},
        "y": y | {"axis": ticks, "scale": scale | {"domain": [least, 1]}},
    }
    return {
        "width": 740,
        "height": 300,
        "layer": [
            {
                "data": {"values": line},
                "mark": {"type": "line", "strokeDash": [4, 4], "color": GREY, "strokeWidth": 1.5},
                "encoding": axes,
            },
            {
                "data": {"values": rows},
                "mark": {"type": "line", "strokeWidth": 2, "point": {"filled": True, "size": 50}},
                "encoding": axes | {"color": colour},
            },
        ],
    }
