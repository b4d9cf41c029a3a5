"""Reports as HTML: one file each that needs nothing else, and fetches nothing.

Templates extend ``page.html``. Texts of the log stand in a page escaped; they come from whoever attacked.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from stepwarden import __version__
from stepwarden.connect.importers.base import shorten
from stepwarden.errors import InputError

Filters = Mapping[str, Any]


def render(template: str, *, title: str, filters: Filters | None = None, **values: Any) -> str:
    """The page as text. ``values`` are what the template names; ``plain``, ``percent``, ``thousands`` are filters."""
    environment = Environment(
        loader=PackageLoader("stepwarden.lab"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {
        "plain": shorten,
        "percent": percent,
        "thousands": "{:,}".format,
        **(filters or {}),
    }
    return environment.get_template(template).render(title=title, version=__version__, **values)


def write_whole(text: str, path: Path) -> None:
    """Write a page to a file, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as exc:
        draft.unlink(missing_ok=True)
        raise InputError(f"the report {path} cannot be written: {exc.strerror}", field="report") from exc


def percent(part: int, whole: int) -> str:
    """``part`` of ``whole`` in percent; neither small shares nor small remainders are rounded away.

    >>> percent(1, 3), percent(1, 300), percent(1, 30_000), percent(299, 300), percent(0, 0)
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
