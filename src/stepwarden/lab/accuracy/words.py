"""Figures as people read them.

>>> share(0.0769), share(0.00012), share(0), share(1), share(0.99949)
('7.7 %', '0.012 %', '0 %', '100 %', '99.95 %')
>>> estimate(Estimate(0.0769, 0.05, 0.128)), estimate(None)
('7.7 % (5 – 12.8)', '–')
>>> estimate(Estimate(1.51, 1.287, 1.7817), "times"), estimate(Estimate(9.0042, 9, 9.0042), "hours")
('1.51 (1.29 – 1.78)', '9 h (9 – 9)')
"""

from typing import Final

from stepwarden.lab.accuracy.drawing import CLASS_NAMES
from stepwarden.lab.accuracy.figures import Figures, compared
from stepwarden.lab.accuracy.intervals import Estimate
from stepwarden.lab.accuracy.targets import Target, Unit

NOTHING: Final = "–"
_SUFFIX: Final[dict[Unit, str]] = {"share": " %", "hours": " h", "a month": " a month", "times": ""}


def share(value: float) -> str:
    """In percent, with as many digits as tell it from 0 and from all."""
    return f"{_number(100 * value, edge=value > 0.9)} %"


def number(value: float | None, suffix: str = "") -> str:
    """A number of two or three digits."""
    return NOTHING if value is None else f"{_number(value)}{suffix}"


def duration(hours: float | None) -> str:
    """A time in its largest unit.

    >>> duration(0), duration(0.0005), duration(0.1), duration(21.8), duration(72), duration(None)
    ('at once', '1.8 s', '6 min', '21.8 h', '3 d', '–')
    """
    if hours is None:
        return NOTHING
    for unit, length, least in (("d", 24.0, 48.0), ("h", 1.0, 1.0), ("min", 1 / 60, 1 / 60)):
        if hours >= least:
            return f"{_number(hours / length)} {unit}"
    seconds = 3_600 * hours
    return f"{_number(seconds)} s" if seconds >= 1 else "at once"


def estimate(found: Estimate | None, unit: Unit = "share") -> str:
    """A figure, and its interval in brackets."""
    if found is None:
        return NOTHING
    value, low, high = (
        _figure(one, unit, edge=found.value > 0.9) for one in (found.value, found.low, found.high)
    )
    return f"{value}{_SUFFIX[unit]} ({low} – {high})"


def change(found: Estimate) -> str:
    """A difference of shares in percentage points, with its interval.

    >>> change(Estimate(-0.0123, -0.02, -0.0046)), change(Estimate(0.0, 0.0, 0.0))
    ('-1.2 pp (-2 … -0.46)', '0 pp (0 … 0)')
    """
    value, low, high = (_number(100 * one) for one in (found.value, found.low, found.high))
    return f"{'+' if found.value > 0 else ''}{value} pp ({low} … {high})"


def limit(target: Target) -> str:
    """What is promised."""
    times = 100 if target.unit == "share" else 1
    return f"{'≥' if target.least else '≤'} {_number(times * target.limit)}{_SUFFIX[target.unit]}"


def verdict(target: Target) -> str:
    """Whether a promise is kept."""
    if target.met is None:
        return "not measured"
    if not target.met:
        return "missed"
    return "met" if target.sure else "met, not for sure"


def title(figures: Figures) -> str:
    """What the report is about."""
    return f"Accuracy on {figures.people:,} simulated people over {figures.days:.0f} days"


def summary(figures: Figures) -> str:
    """One paragraph: what was done, what is kept of the promises, and the figures that matter most."""
    scripts = len({one.attacker for one in figures.scripts})
    attacked = (
        f"while {_count(scripts, 'kind')} of attackers made {figures.attacks:,} attempts"
        if scripts
        else "and nobody attacked them"
    )
    weighed = f"; {figures.probes:,} takeovers were weighed without a trace" if figures.probes else ""
    said = [
        f"{figures.people:,} people signed in {figures.sign_ins:,} times over {figures.days:.0f} days, "
        f"{attacked}{weighed}."
    ]
    measured = [one for one in figures.targets if one.met is not None]
    met = sum(1 for one in measured if one.met)
    missed = (
        f", {_count(len(figures.targets) - len(measured), 'more')} not measured"
        if len(measured) < len(figures.targets)
        else ""
    )
    said.append(f"Of {_count(len(measured), 'target')}, {met} are met{missed}.")
    said += _at_work(figures)
    return " ".join(said)


def _at_work(figures: Figures) -> list[str]:
    """The policy as it is, against people with a long history."""
    said = []
    if by_logins := compared(figures.classes):
        logins = max(by_logins)
        found = [
            f"{share(one.fixed['policy'].detected.value)} of the {CLASS_NAMES[one.takeover]}"
            for one in by_logins[logins]
        ]
        said.append(
            f"As it is, the policy stops {_and(found)} takeovers of people with {logins} sign-ins behind them."
        )
    if (warm := figures.everybody.warm) is not None:
        said.append(
            f"It challenges {share(warm.value)} of the sign-ins of people whom it knows, and refuses "
            f"{share(figures.refused.share.value)} of what they do."
        )
    return said


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 or noun == 'more' else 's'}"


def _figure(value: float, unit: Unit, *, edge: bool) -> str:
    """A ratio has two decimals: what is promised of it is a whole number, and must be told from 2.03."""
    if unit == "times":
        return f"{value:.2f}"
    return _number(100 * value, edge=edge) if unit == "share" else _number(value)


def _number(value: float, *, edge: bool = False) -> str:
    """Two significant digits below 10, whole tenths above; near 100 % as many as tell it from that."""
    if edge and 99.9 < value < 100:
        return f"{min(value, 99.99):.2f}".removesuffix("0")
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 1 or value == 0:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2g}" if abs(value) >= 0.0001 else f"{value:.1e}"
