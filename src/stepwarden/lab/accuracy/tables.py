"""The tables of an accuracy report, the same on the page, in Markdown and on a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stepwarden.lab.accuracy.detection import Cell
from stepwarden.lab.accuracy.drawing import CLASS_NAMES, METHOD_NAMES, kinds
from stepwarden.lab.accuracy.figures import ByClass, Figures
from stepwarden.lab.accuracy.friction import Group
from stepwarden.lab.accuracy.results import CLASSES
from stepwarden.lab.accuracy.targets import LITERATURE
from stepwarden.lab.accuracy.words import NOTHING, duration, estimate, limit, number, share, verdict

MOST_RULES: Final = 16
MOST_ROWS: Final = 16
"""Longer tables are folded on a page."""
COMPARED: Final = 0.99
"""The detection at which Freeman's ratio alone is compared in the table of methods."""


@dataclass(frozen=True, slots=True)
class Table:
    """``left``: so many columns hold words, the others figures. ``verdict``: the last column is one."""

    title: str
    about: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    verdict: bool = False

    @property
    def folded(self) -> bool:
        """Whether a page shows it only when asked to."""
        return len(self.rows) > MOST_ROWS

    def markdown(self) -> str:
        """As a table of GitHub's Markdown, with its title above it."""
        rules = ["---"] * self.left + ["---:"] * (len(self.head) - self.left)
        lines = [self.head, tuple(rules), *self.rows]
        rows = "\n".join(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
        )
        return f"### {self.title}\n\n{self.about}\n\n{rows}\n"


def targets(figures: Figures) -> Table:
    """What is promised and what was measured."""
    return Table(
        "Targets",
        "For takeovers: the median over people of the share of their first sign-ins that is challenged at the "
        "threshold that detects so many. Intervals of 95 % in brackets. “Not for sure”: the figure meets its target, "
        "the worse end of its interval does not.",
        ("", "measured", "target", "literature", "verdict"),
        tuple(
            (
                one.name + (f" ({one.note})" if one.note else ""),
                estimate(one.measured, one.unit),
                limit(one),
                share(one.literature) if one.literature is not None else NOTHING,
                verdict(one),
            )
            for one in figures.targets
        ),
        verdict=True,
    )


def detection(figures: Figures) -> Table:
    """What a wanted detection costs people, by class and length of history."""
    return Table(
        "What a detection costs",
        "The share of a person's first sign-ins that is challenged at the threshold that detects so much. “Reached” is "
        "more than was asked for where many scores are equal. “Literature” and “Freeman alone” are medians, too.",
        (
            "attacker",
            "after",
            "detection",
            "reached",
            "median",
            "mean",
            "90th percentile",
            "Freeman alone",
            "literature",
        ),
        tuple(
            _cell(one, cell, freeman)
            for one in figures.classes
            for cell, freeman in zip(one.cells, one.freeman_cells, strict=True)
        ),
        left=2,
    )


def _cell(one: ByClass, cell: Cell, freeman: Cell) -> tuple[str, ...]:
    literature = LITERATURE.get((one.takeover, one.logins), {}).get(cell.wanted)
    return (
        CLASS_NAMES[one.takeover],
        _after(one.logins),
        share(cell.wanted),
        share(cell.detected),
        estimate(cell.challenged.median),
        estimate(cell.challenged.mean),
        share(cell.challenged.p90.value),
        share(freeman.challenged.median.value),
        NOTHING if literature is None else share(literature),
    )


def _after(logins: int) -> str:
    return f"{logins} sign-in{'' if logins == 1 else 's'}"


def methods(figures: Figures) -> Table:
    """Every method, on the same probes and sign-ins; two that need no figures are left out."""
    fixed = ("policy", "new-device", "three-failures")
    rows = []
    for one in figures.classes:
        cells = [
            next(cell for cell in cells if cell.wanted == COMPARED)
            for cells in (one.cells, one.freeman_cells)
        ]
        chosen = [f"{share(cell.detected)} at {share(cell.challenged.mean.value)}" for cell in cells]
        found = [one.fixed[name] for name in fixed]
        given = [f"{share(each.detected.value)} at {share(each.challenged.mean.value)}" for each in found]
        rows.append((CLASS_NAMES[one.takeover], _after(one.logins), *chosen, *given))
    return Table(
        "Methods beside each other",
        "The share of takeovers that each detects, at the mean share of sign-ins that it challenges. The first two at "
        f"the threshold that detects {COMPARED:.0%}; the others have no threshold to choose.".replace(
            "%", " %"
        ),
        (
            "attacker",
            "after",
            METHOD_NAMES["stepwarden"],
            METHOD_NAMES["freeman"],
            *(METHOD_NAMES[name] for name in fixed),
        ),
        tuple(rows),
        left=2,
    )


def named(figures: Figures) -> Table:
    """What rests on devices that have a name."""
    return Table(
        "Devices with and without a name",
        "What the policy, as it is, challenges of known people (three sign-ins and more), and what it stops of "
        "takeovers of people with twelve sign-ins and more: for people whose devices the application names by an id, "
        "and for others.",
        ("people", "number", "challenged", *(CLASS_NAMES[name] for name in CLASSES)),
        tuple(
            (
                "with named devices" if one.named else "without",
                number(one.people),
                share(one.challenged),
                *(share(one.detected[name]) if name in one.detected else NOTHING for name in CLASSES),
            )
            for one in figures.devices
        ),
    )


def scripts(figures: Figures) -> Table:
    """How the attempts of each script were answered."""
    return Table(
        "Attacks by script",
        "Of the attempts, those with a right password or session in brackets. “Got in”: attempts that reached what "
        "they wanted, and campaigns with at least one.",
        (
            "script",
            "technique",
            "campaigns",
            "attempts",
            "allowed",
            "challenged",
            "refused",
            "got in",
            "campaigns in",
        ),
        tuple(
            (
                one.attacker,
                one.technique,
                f"{one.campaigns:,}",
                f"{one.answers.attempts:,} ({one.right.attempts:,})",
                f"{one.answers.allowed:,}",
                f"{one.answers.challenged:,}",
                f"{one.answers.refused:,}",
                f"{one.answers.got_in:,}",
                f"{one.reached:,}",
            )
            for one in figures.scripts
        ),
        left=2,
    )


def takeovers(figures: Figures) -> Table:
    """How the policy as it is answered the probes."""
    return Table(
        "Takeovers weighed, by class",
        "Each is somebody with the right password at one moment of one account; nothing is remembered of it. A "
        "challenge stops whoever cannot pass it.",
        ("attacker", "after", "takeovers", "allowed", "challenged", "refused", "stopped"),
        tuple(
            (
                CLASS_NAMES[one.takeover],
                _after(one.login),
                f"{one.answers.attempts:,}",
                f"{one.answers.allowed:,}",
                f"{one.answers.challenged:,}",
                f"{one.answers.refused:,}",
                share(1 - one.answers.allowed / one.answers.attempts),
            )
            for one in figures.takeovers
        ),
        left=2,
    )


def noticed(figures: Figures) -> Table:
    """How long until the first challenge or refusal, and until the alarm."""
    alarm = {one.attacker: one for one in figures.sprayed}
    rows = []
    for one in figures.scripts:
        found = alarm.get(one.attacker)
        rows.append(
            (
                one.attacker,
                estimate(one.noticed),
                f"{number(one.attempts_median)} / {number(one.attempts_p90)}",
                f"{duration(one.hours_median)} / {duration(one.hours_p90)}",
                f"{duration(found.hours_median)} / {duration(found.hours_most)}" if found else NOTHING,
            )
        )
    false = figures.false_alarms
    return Table(
        "Time to notice",
        "From a campaign's first attempt to the first that was challenged or refused: median and 90th percentile over "
        "campaigns (– where so many were never noticed). The alarm is about spraying: median and longest. False "
        f"alarms: {false.alarms} in {false.quiet_days:.0f} quiet days, {estimate(false.monthly, 'a month')}.",
        ("script", "campaigns noticed", "attempts until then", "time until then", "time until the alarm"),
        tuple(rows),
    )


def people(figures: Figures) -> Table:
    """Challenges by kind of people."""
    groups = [("everybody", figures.everybody), *kinds(figures)]
    return Table(
        "Whom it challenges",
        "The share of sign-ins with the right password that is challenged or refused, each person counting the same. "
        "The last column compares with people at home, beyond the first three sign-ins.",
        ("people", "how many", "sign-ins", "first 3 sign-ins", "later", "times that at home"),
        tuple(_group(name, one) for name, one in groups),
    )


def _group(name: str, one: Group) -> tuple[str, ...]:
    to_home = estimate(one.to_home, "times") if one.name != "home" else NOTHING
    return (name, f"{one.people:,}", f"{one.sign_ins:,}", estimate(one.cold), estimate(one.warm), to_home)


def burden(figures: Figures) -> Table:
    """Friction in single numbers."""
    found, all_, right = figures.burden, figures.refused, figures.refused_right
    return Table(
        "What it costs people",
        "Of everything that people do, also what takes a proof by itself. Sessions are sign-ins that succeeded. A "
        "person's attempts are not independent, so the intervals of refusals are a little too narrow.",
        ("", "figure"),
        (
            ("challenges per person and 30 days, median", number(found.median)),
            ("95th percentile", number(found.p95)),
            ("99th percentile", number(found.p99)),
            ("mean", number(found.mean)),
            ("challenges per 100 sessions", estimate(found.per_100_sessions, "times")),
            (f"attempts refused, {all_.refused:,} of {all_.attempts:,}", estimate(all_.share)),
            (
                f"sign-ins with the right password refused, {right.refused:,} of {right.attempts:,}",
                estimate(right.share),
            ),
        ),
    )


def rules(figures: Figures) -> Table:
    """What is behind the challenges of people."""
    total = sum(one.share for one in figures.rules) or 1.0
    return Table(
        "Rules behind challenged sign-ins of people",
        "How often each was among the evidence, and its part of all positive evidence: the challenges that it stands "
        "for.",
        ("rule", "held", "challenges", "of all"),
        tuple(
            (one.rule, f"{one.held:,}", number(one.share), share(one.share / total))
            for one in figures.rules[:MOST_RULES]
        ),
    )


def poisonings(figures: Figures) -> Table:
    """Campaigns that poison habits for a month, by script."""
    rows = []
    for name in sorted({one.attacker for one in figures.poisonings}):
        own = [one for one in figures.poisonings if one.attacker == name]
        late, stopped = sum(one.late for one in own), sum(one.stopped for one in own)
        inside = sum(one.got_in for one in own)
        rows.append((name, f"{len(own):,}", f"{late:,}", f"{stopped:,}", f"{inside:,}"))
    return Table(
        "Poisoned habits",
        "Whoever gets an account used to them for 30 days: their sign-ins from the 30th day on.",
        ("script", "campaigns", "sign-ins since", "challenged or refused", "got in"),
        tuple(rows),
    )


def calibrations(figures: Figures) -> Table:
    """How well a stated risk agrees with the truth."""
    return Table(
        "Calibration",
        "Weighed anew, as if the stated share of sign-ins were takeovers: a simulation holds far more than the world. "
        "The first is what the shipped policy's prior says. Skill: 1 is best, below 0 is worse than always saying the "
        "prevalence.",
        ("attacks among sign-ins", "Brier score", "skill", "expected calibration error"),
        tuple(
            (f"1 in {round(1 / one.prevalence):,}", f"{one.brier:.3g}", f"{one.skill:.3g}", f"{one.ece:.3g}")
            for one in figures.calibrations
        ),
    )


def every(figures: Figures) -> Sequence[Table]:
    """All tables that have rows, in the order of the report."""
    makers = (
        targets, detection, methods, named, scripts, takeovers, noticed, people, burden, rules, poisonings,
        calibrations,
    )  # fmt: skip
    return [table for make in makers if (table := make(figures)).rows]
