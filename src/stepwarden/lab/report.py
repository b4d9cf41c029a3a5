"""The report of a replay: one HTML file that needs nothing else, and fetches nothing.

Texts of the log stand in it escaped; they come from whoever attacked.
"""

import os
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from stepwarden import __version__
from stepwarden.errors import InputError
from stepwarden.lab import charts
from stepwarden.lab.summary import Summary, iso


def render(summary: Summary, *, title: str) -> str:
    """The page as text.

    Raises:
        SettingsError: the extra that draws charts is not installed.
    """
    environment = Environment(
        loader=PackageLoader("stepwarden.lab"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["iso"] = iso
    environment.filters["thousands"] = "{:,}".format
    environment.filters["percent"] = _percent
    drawn = summary.attempts > 0
    return environment.get_template("replay.html").render(
        title=title,
        summary=summary,
        timeline=charts.timeline(summary) if drawn else None,
        risks=charts.risks(summary) if drawn else None,
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


def _percent(part: int, whole: int) -> str:
    """``part`` of ``whole`` in percent; small shares are not rounded to nothing."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %" if share >= 0.1 else "< 0.1 %"
