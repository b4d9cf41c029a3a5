"""The report of a replay: one HTML file that needs nothing else, and fetches nothing.

Texts of the log stand in it escaped; they come from whoever attacked.
"""

import os
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from stepwarden import __version__
from stepwarden.connect.importers.base import shorten
from stepwarden.errors import InputError
from stepwarden.lab import charts
from stepwarden.lab.summary import MINUTE, Summary, alike, iso

WIDTHS = {
    1: "per minute",
    5: "per 5 minutes",
    15: "per quarter of an hour",
    60: "per hour",
    180: "per 3 hours",
    360: "per 6 hours",
    1440: "per day",
    10_080: "per week",
    40_320: "per 4 weeks",
    322_560: "per 32 weeks",
}
"""Widths of the timeline's buckets in minutes, in words."""


def render(summary: Summary, *, title: str) -> str:
    """The page as text.

    Raises:
        SettingsError: the extra that draws charts is not installed.
    """
    environment = Environment(
        loader=PackageLoader("stepwarden.lab"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {
        "alike": alike,
        "moment": _moment,
        "percent": _percent,
        "plain": shorten,
        "risk": _risk,
        "thousands": "{:,}".format,
    }
    drawn = summary.attempts > 0
    return environment.get_template("replay.html").render(
        title=title,
        summary=summary,
        timeline=charts.timeline(summary) if drawn else None,
        risks=charts.risks(summary) if drawn else None,
        width=WIDTHS[summary.timeline.width // MINUTE],
        labels=charts.LABELS,
        version=__version__,
    )


def write(summary: Summary, path: Path, *, title: str) -> None:
    """Write the page to a file, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    text = render(summary, title=title)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as exc:
        draft.unlink(missing_ok=True)
        raise InputError(f"the report {path} cannot be written: {exc.strerror}", field="report") from exc


def _moment(time: int) -> str:
    """To the second, and without the letters that machines need."""
    return iso(time // 1_000_000 * 1_000_000).replace("T", " ").removesuffix("Z")


def _risk(risk: float) -> str:
    """In percent; certainty is never claimed."""
    return "> 99.9 %" if risk > 0.999 else _percent(round(risk * 1_000_000), 1_000_000)


def _percent(part: int, whole: int) -> str:
    """``part`` of ``whole`` in percent; neither small shares nor small remainders are rounded away.

    >>> _percent(1, 3), _percent(1, 300), _percent(1, 30_000), _percent(299, 300), _percent(0, 0)
    ('33 %', '0.3 %', '< 0.1 %', '99.7 %', '–')
    """
    if not whole:
        return "–"
    share = 100 * part / whole
    if share == 0 or 10 <= share <= 99 or share == 100:
        return f"{share:.0f} %"
    if share < 0.1:
        return "< 0.1 %"
    return f"{min(share, 99.9):.1f} %"
