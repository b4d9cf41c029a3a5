"""A proposal as one HTML page, and as plain values for JSON."""

from dataclasses import asdict
from typing import Any, Final

from stepwarden.lab import pages
from stepwarden.lab.charts import Chart, both
from stepwarden.lab.tuning.patterns import Pattern
from stepwarden.lab.tuning.propose import Proposal
from stepwarden.lab.tuning.samples import Samples

PROPOSED, PRESENT, LINE = "#0072B2", "#8794A0", "#8794A0"
ROW: Final = 19
"""Pixels of one rule."""


def page(found: Proposal, samples: Samples, patterns: list[Pattern], *, title: str) -> str:
    """Raises: SettingsError: the extra that draws charts is not installed."""
    return pages.render(
        "tune.html",
        title=title,
        filters={"share": share},
        found=found,
        patterns=patterns,
        sources=samples.sources,
        weights=weights(found, samples),
        calibration=calibration(found),
    )


def share(value: float) -> str:
    """A share (0..1) in percent.

    >>> share(0.0213), share(0.5), share(1.0), share(0.0001), share(0)
    ('2.1 %', '50 %', '100 %', '0.01 %', '0 %')
    """
    percent = 100 * value
    if percent == 0 or percent >= 10:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.1 else f"{percent:.2g} %"


def weights(found: Proposal, samples: Samples) -> Chart:
    """Present and proposed weight of each rule that ever held, with intervals."""
    held = {one.rule for one in found.worth if one.attacks or one.honest}
    rows = [
        {
            "rule": rule,
            "present": float(samples.weights[number]),
            "proposed": float(found.fitted.weights[number]),
            "low": float(found.fitted.low[number]),
            "high": float(found.fitted.high[number]),
        }
        for number, rule in enumerate(samples.rules)
        if rule in held
    ]
    order = [row["rule"] for row in sorted(rows, key=lambda row: -float(str(row["proposed"])))]
    y = {
        "field": "rule",
        "type": "nominal",
        "sort": order,
        "title": None,
        "axis": {"labelLimit": 240, "grid": True},
    }
    x = {"field": "proposed", "type": "quantitative", "title": "nats", "axis": {"grid": True}}
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "rule", "color": PROPOSED, "strokeWidth": 2, "opacity": 0.5},
            "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y},
        },
        {
            "mark": {"type": "point", "filled": True, "color": PRESENT, "size": 55, "opacity": 1},
            "encoding": {"x": x | {"field": "present"}, "y": y},
        },
        {
            "mark": {"type": "point", "filled": True, "color": PROPOSED, "size": 55, "opacity": 1},
            "encoding": {"x": x, "y": y},
        },
    ]
    return both({"width": 560, "height": {"step": ROW}, "data": {"values": rows}, "layer": layers})


def calibration(found: Proposal) -> Chart:
    """Expected risk against the share of attacks found, both on logarithmic scales: attacks are rare."""
    least = 1e-6
    rows = [
        {"expected": max(least, expected), "found": max(least, seen)}
        for expected, seen in zip(found.calibration.expected, found.calibration.found, strict=True)
    ]
    scale = {"type": "log", "domain": [least, 1], "clamp": True}
    axis = {"values": [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1], "format": "~%", "grid": True}
    x = {"field": "expected", "type": "quantitative", "title": "risk given", "scale": scale, "axis": axis}
    y = {"field": "found", "type": "quantitative", "title": "attacks found", "scale": scale, "axis": axis}
    ends = [{"expected": least, "found": least}, {"expected": 1, "found": 1}]
    return both(
        {
            "width": 620,
            "height": 240,
            "layer": [
                {"data": {"values": ends}, "mark": {"type": "line", "color": LINE, "strokeDash": [4, 4]},
                 "encoding": {"x": x, "y": y}},
                {"data": {"values": rows}, "mark": {"type": "point", "filled": True, "color": PROPOSED, "size": 70},
                 "encoding": {"x": x, "y": y}},
            ],
        }
    )  # fmt: skip


def as_dict(found: Proposal, samples: Samples, patterns: list[Pattern]) -> dict[str, Any]:
    """Plain values; weights by rule, in nats."""
    fitted = found.fitted
    return {
        "budget": found.budget,
        "prevalence": found.prevalence,
        "refused": list(found.refused),
        "prior": found.prior,
        "threshold": found.threshold,
        "risk": found.risk / 1_000_000,
        "weights": {
            rule: {
                "present": float(samples.weights[number]),
                "proposed": float(fitted.weights[number]),
                "low": float(fitted.low[number]),
                "high": float(fitted.high[number]),
            }
            for number, rule in enumerate(samples.rules)
        },
        "present": asdict(found.present),
        "proposed": asdict(found.proposed),
        "poisoned": asdict(found.poisoned),
        "calibration": asdict(found.calibration),
        "worth": [asdict(one) for one in found.worth],
        "patterns": [asdict(one) for one in patterns],
        "sources": samples.sources,
        "learned": found.learned,
        "held_out": found.held_out,
        "attacks": found.attacks,
    }
