"""The accuracy report: one HTML file, its main charts as PNG beside it, and every figure as JSON.

The page needs nothing else and fetches nothing; like every report it shows each chart twice, for light and for dark.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from stepwarden.errors import InputError
from stepwarden.lab import charts, pages
from stepwarden.lab.accuracy import tables, words
from stepwarden.lab.accuracy.drawing import charts as specs_of
from stepwarden.lab.accuracy.figures import Figures

SCALE: Final = 2.0
"""Of the PNG: sharp on a dense screen, and in print."""
VERDICTS: Final = {"met": "allow", "met, not for sure": "step_up", "missed": "deny", "not measured": "soft"}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what belongs under it. ``chart`` is the name of one, "" for none."""

    title: str
    about: str
    chart: str
    tables: tuple[tables.Table, ...]


def sections(figures: Figures) -> list[Section]:
    """The page in its order; what has no figures is left out."""
    found = [
        Section("Targets", "", "", (tables.targets(figures),)),
        Section(
            "Detection against challenges",
            "What share of takeovers is detected, when people are challenged at so many of their first sign-ins. Up "
            "and left is better. A diamond is what Freeman's model reached on 31 million real sign-ins, a cross what "
            "is promised here; pale bars are intervals.",
            "detection",
            (tables.detection(figures),),
        ),
        Section(
            "Against simpler methods",
            "The same takeovers and sign-ins, judged by Stepwarden's score, by Freeman's likelihood ratio alone, and "
            "by rules that many sites have. People with the longer history.",
            "methods",
            (tables.methods(figures),),
        ),
        Section(
            "Attacks",
            "How the attempts of each script were answered. Most of them try wrong passwords, which get nobody in "
            "whatever the answer; the tick is the share that got in.",
            "scripts",
            (
                tables.scripts(figures),
                tables.takeovers(figures),
                tables.noticed(figures),
                tables.poisonings(figures),
            ),
        ),
        Section(
            "People",
            "Sign-ins with the right password that are challenged or refused by the policy as it is.",
            "cohorts",
            (tables.people(figures), tables.burden(figures), tables.rules(figures)),
        ),
        Section(
            "Calibration",
            "Whether a stated risk means what it says. On the dashed line it does; below it, attacks are rarer than "
            "stated.",
            "calibration",
            (tables.calibrations(figures),),
        ),
    ]
    return [one for one in found if any(table.rows for table in one.tables)]


def render(figures: Figures) -> str:
    """The page as text.

    Raises:
        SettingsError: the extra that draws charts is not installed.
    """
    return pages.render(
        "accuracy.html",
        title=words.title(figures),
        summary=words.summary(figures),
        figures=figures,
        sections=sections(figures),
        drawn={name: charts.both(spec) for name, spec in specs_of(figures).items()},
        verdicts=VERDICTS,
        tiles=_tiles(figures),
        facts=_facts(figures),
    )


def write(figures: Figures, page: Path) -> list[Path]:
    """Write the page and the charts beside it (``NAME-CHART.png``); gives what was written, the page first.

    Raises:
        InputError: something cannot be written.
        SettingsError: the extra that draws charts is not installed.
    """
    pages.write_whole(render(figures), page)
    written = [page]
    for name, spec in specs_of(figures).items():
        path = page.with_name(f"{page.stem}-{name}.png")
        _write(path, charts.png(spec, scale=SCALE))
        written.append(path)
    return written


def write_figures(figures: Figures, path: Path) -> None:
    """Write every figure as JSON.

    Raises:
        InputError: it cannot be written.
    """
    _write(path, msgspec.json.format(msgspec.json.encode(figures)) + b"\n")


def markdown(figures: Figures) -> str:
    """The summary and all tables in Markdown."""
    return "\n".join([words.summary(figures), "", *(table.markdown() for table in tables.every(figures))])


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as exc:
        raise InputError(f"{path} cannot be written: {exc.strerror}", field="report") from exc


def _facts(figures: Figures) -> list[tuple[str, str]]:
    """What the simulation says of itself, as far as it is a word or a number."""
    run = {
        name: value
        for name, value in figures.run.items()
        if name in ("seed", "people", "days", "start", "version")
    }
    policy = figures.run.get("policy")
    if isinstance(policy, dict):
        run |= {"policy": f"{policy.get('name', '')} {str(policy.get('hash', ''))[:16]}"}
    return [(name, str(value)) for name, value in run.items()]


def _tiles(figures: Figures) -> list[tuple[str, str, str]]:
    """The figures at the top: number, words, colour."""
    met = sum(1 for one in figures.targets if one.met)
    measured = sum(1 for one in figures.targets if one.met is not None)
    warm = figures.everybody.warm
    campaigns = sum(one.campaigns for one in figures.scripts)
    inside = sum(one.reached for one in figures.scripts)
    return [
        (f"{met} of {measured}", "targets met", "allow" if met == measured else "step_up"),
        (f"{figures.people:,}", "people", ""),
        (f"{figures.benign:,}", "attempts of theirs", ""),
        (words.share(warm.value) if warm else words.NOTHING, "of sign-ins challenged", "step_up"),
        (f"{figures.attacks:,}", "attempts of attackers", ""),
        (f"{inside:,}", f"of {campaigns:,} attacks got in", "deny" if inside else ""),
    ]
