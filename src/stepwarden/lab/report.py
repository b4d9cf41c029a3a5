"""The report of a replay: one HTML file that needs nothing else, and fetches nothing.

Texts of the log stand in it escaped; they come from whoever attacked.
"""

from pathlib import Path

from stepwarden.lab import charts, pages
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
    drawn = summary.attempts > 0
    return pages.render(
        "replay.html",
        title=title,
        filters={"alike": alike, "moment": _moment, "risk": _risk},
        summary=summary,
        timeline=charts.timeline(summary) if drawn else None,
        risks=charts.risks(summary) if drawn else None,
        width=WIDTHS[summary.timeline.width // MINUTE],
        labels=charts.LABELS,
    )


def write(summary: Summary, path: Path, *, title: str) -> None:
    """Write the page to a file, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    pages.write_whole(render(summary, title=title), path)


def _moment(time: int) -> str:
    """To the second, and without the letters that machines need."""
    return iso(time // 1_000_000 * 1_000_000).replace("T", " ").removesuffix("Z")


def _risk(risk: float) -> str:
    """In percent; certainty is never claimed."""
    return "> 99.9 %" if risk > 0.999 else pages.percent(round(risk * 1_000_000), 1_000_000)
