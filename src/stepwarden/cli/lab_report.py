"""``stepwarden lab report DIR``: accuracy measured on the results of a simulation, as a page, as tables, as JSON."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stepwarden.errors import SettingsError

FIGURES = "report.json"
PAGE = "report.html"


def report(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Where `stepwarden lab simulate --out DIR` left its results."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html", help="The page; charts as PNG go beside it [default: DIR/report.html]."
        ),
    ] = None,
    markdown: Annotated[
        bool,
        typer.Option("--markdown", help="Print all tables in Markdown, and write nothing but the figures."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws that intervals are made from.")] = 2_022,
) -> None:
    """Measure accuracy on the results of a simulation: detection at a challenge rate, by class of attacker.

    Writes DIR/report.json with every figure, and one self-contained page with its charts.
    """
    try:
        from stepwarden.cli.lab_shown import show_report
        from stepwarden.lab.accuracy import page
        from stepwarden.lab.accuracy.figures import measure
        from stepwarden.lab.accuracy.results import read
    except ImportError as exc:
        raise SettingsError("the lab needs the extra `lab`: pip install 'stepwarden[lab]'") from exc
    errors = Console(stderr=True, highlight=False)
    with errors.status("measuring") if sys.stderr.isatty() else nullcontext():
        figures = measure(read(directory), seed=seed)
        page.write_figures(figures, directory / FIGURES)
        written = [directory / FIGURES]
        if not markdown:
            written = [*page.write(figures, out or directory / PAGE), *written]
    if markdown:
        sys.stdout.write(page.markdown(figures))
        sys.stdout.flush()
        return
    show_report(Console(highlight=False), figures)
    for path in written:
        errors.print(f"written: {path}", markup=False, soft_wrap=True)
