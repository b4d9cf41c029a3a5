"""What is promised, against what was measured; and what the literature reached.

The literature is the model of Freeman et al. with address and agent on 31.3 million sign-ins of a real service, as
Wiefling et al. (ACM TOPS 2022) report it: median challenge rates over people. Ours are from simulated people, so the
two columns say how hard each class is and are no race between the two.

A target is **met** by the figure itself. It is **sure** where the worse bound of the interval meets it, too; a figure
that was not measured is neither.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from stepwarden.lab.accuracy.alarms import FalseAlarms, Sprayed
from stepwarden.lab.accuracy.attacks import Poisoning
from stepwarden.lab.accuracy.detection import Cell
from stepwarden.lab.accuracy.friction import Group, Refusals
from stepwarden.lab.accuracy.intervals import Estimate, wilson

Unit = Literal["share", "hours", "a month", "times"]
Cells = Mapping[tuple[str, int], Sequence[Cell]]

LITERATURE: Final[Mapping[tuple[str, int], Mapping[float, float]]] = {
    ("naive", 12): {0.98: 0.08, 0.99: 0.17, 0.995: 0.25, 0.999: 0.58},
    ("naive", 39): {0.98: 0.03, 0.99: 0.03, 0.995: 0.05, 0.999: 0.15},
    ("vpn", 12): {0.98: 0.17, 0.99: 0.25, 0.995: 0.33, 0.999: 0.58},
    ("vpn", 39): {0.98: 0.05, 0.99: 0.08, 0.995: 0.08, 0.999: 0.21},
    ("targeted", 12): {0.98: 0.17, 0.99: 0.33, 0.995: 0.42, 0.999: 0.67},
    ("targeted", 39): {0.98: 0.05, 0.99: 0.08, 0.995: 0.10, 0.999: 0.23},
    ("very-targeted", 12): {0.782: 0.17, 0.828: 0.58, 0.897: 1.0, 0.943: 1.0},
    ("very-targeted", 39): {0.782: 0.03, 0.828: 0.18, 0.897: 0.67, 0.943: 1.0},
}
"""Median challenge rate by class, sign-ins and detection; the very targeted are its real takeovers."""
WANTED: Final = (
    ("naive", 12, 0.99, 0.12),
    ("naive", 39, 0.99, 0.03),
    ("vpn", 12, 0.99, 0.20),
    ("vpn", 39, 0.99, 0.06),
    ("targeted", 12, 0.99, 0.25),
    ("targeted", 39, 0.99, 0.06),
    ("very-targeted", 39, 0.90, 0.50),
)
"""Class, sign-ins, detection, and the median challenge rate that is allowed for it."""
SLOWEST: Final = "spraying-slow"
WITHIN: Final = 24.0
"""Hours."""
ALARMS: Final = 1.0
"""A month."""
REFUSED: Final = 0.0001
AS_HOME: Final = 2.0
"""Times the home cohort's challenge rate."""


_TITLES: Final = {"naive": "Naive", "vpn": "VPN", "targeted": "Targeted", "very-targeted": "Very targeted"}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One promise. ``limit``: at most this (``least``: at least). ``literature``: what it reached, at ``note``."""

    name: str
    unit: Unit
    limit: float
    measured: Estimate | None
    met: bool | None
    sure: bool | None
    least: bool = False
    literature: float | None = None
    note: str = ""


def targets(
    cells: Cells,
    sprayed: Sequence[Sprayed],
    alarms: FalseAlarms,
    refused: Refusals,
    cohorts: Sequence[Group],
    poisonings: Sequence[Poisoning],
) -> list[Target]:
    """All promises, in the order in which they are made."""
    return [
        *(_takeover(cells, *wanted) for wanted in WANTED),
        *_spraying(sprayed, alarms),
        _target("Attempts of people refused", "share", REFUSED, refused.share if refused.attempts else None),
        *(_cohort(cohorts, name) for name in ("vpn", "traveller")),
        _poisoned(poisonings),
    ]


def _takeover(cells: Cells, takeover: str, logins: int, wanted: float, limit: float) -> Target:
    found = next((cell for cell in cells.get((takeover, logins), ()) if cell.wanted == wanted), None)
    # Of the very targeted the literature has .897 and no .9.
    known = LITERATURE[takeover, logins]
    nearest = min(known, key=lambda level: abs(level - wanted))
    return _target(
        f"{_TITLES[takeover]}, {wanted:.0%} detected, after {logins} sign-ins".replace("%", " %"),
        "share",
        limit,
        found.challenged.median if found else None,
        literature=known[nearest],
        note="" if nearest == wanted else f"literature: at {nearest:.1%}".replace("%", " %"),
    )


def _spraying(sprayed: Sequence[Sprayed], alarms: FalseAlarms) -> list[Target]:
    """The slow one by its slowest campaign: a promise to find it is not one to find half of them."""
    found = next((one for one in sprayed if one.attacker == SLOWEST and one.campaigns > one.already), None)
    hours = found.hours_most if found else None
    measured = Estimate(hours, found.hours_median or hours, hours) if found and hours is not None else None
    told = _target("Spraying, one try a day: until the alarm", "hours", WITHIN, measured)
    if found and hours is None:
        told = msgspec.structs.replace(told, met=False, sure=False, note="not found in every campaign")
    elif found:
        told = msgspec.structs.replace(told, note=f"the slowest of {found.campaigns - found.already}")
    quiet = f"{alarms.alarms} in {alarms.quiet_days:.0f} quiet days"
    return [
        told,
        _target("False alarms about spraying", "a month", ALARMS, alarms.monthly, note=quiet),
    ]


def _cohort(cohorts: Sequence[Group], name: str) -> Target:
    found = next((one for one in cohorts if one.name == name), None)
    title = {"vpn": "People behind a VPN", "traveller": "Travellers"}[name]
    measured = found.to_home if found else None
    return _target(f"{title}, against people at home", "times", AS_HOME, measured)


def _poisoned(poisonings: Sequence[Poisoning]) -> Target:
    late = sum(one.late for one in poisonings)
    measured = wilson(sum(one.stopped for one in poisonings), late) if late else None
    note = f"{late} sign-ins of {len(poisonings)} campaigns" if late else ""
    return _target("Poisoned for 30 days, still challenged", "share", 1.0, measured, least=True, note=note)


def _target(
    name: str,
    unit: Unit,
    limit: float,
    measured: Estimate | None,
    *,
    least: bool = False,
    literature: float | None = None,
    note: str = "",
) -> Target:
    met = sure = None
    if measured is not None:
        met = measured.value >= limit if least else measured.value <= limit
        # A share of all can be seen and never be sure: its interval never ends at 1 from below.
        sure = met if least else measured.high <= limit
    return Target(
        name=name, unit=unit, limit=limit, measured=measured, met=met, sure=sure,
        least=least, literature=literature, note=note,
    )  # fmt: skip
