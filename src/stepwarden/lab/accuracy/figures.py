"""Every figure of a simulation, in one structure: what the page, the tables and ``report.json`` show."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from stepwarden.lab.accuracy import alarms, calibration, detection, friction
from stepwarden.lab.accuracy.attacks import Poisoning, Script, Takeover, poisonings, scripts, takeovers
from stepwarden.lab.accuracy.devices import Devices, devices
from stepwarden.lab.accuracy.intervals import CONFIDENCE, REPLICATES, SEED, Draws
from stepwarden.lab.accuracy.methods import BASELINES, FREEMAN, POLICY, STEPWARDEN, History, Scored, SignIns
from stepwarden.lab.accuracy.results import CLASSES, Results
from stepwarden.lab.accuracy.targets import LITERATURE, Target, targets

FIXED: Final = (POLICY, *BASELINES)
"""Methods that have no threshold to choose."""


class ByClass(msgspec.Struct, frozen=True, kw_only=True):
    """One class of takeover attacker after so many sign-ins of the person.

    ``cells`` and ``curve`` are of Stepwarden's score, ``freeman_...`` of the likelihood ratio alone; ``fixed`` by name.
    """

    takeover: str
    logins: int
    probes: int
    people: int
    cells: tuple[detection.Cell, ...]
    curve: tuple[detection.Point, ...]
    freeman_cells: tuple[detection.Cell, ...]
    freeman_curve: tuple[detection.Point, ...]
    fixed: Mapping[str, detection.Operating]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. ``run`` is what the simulation says of itself; intervals are of ``confidence``."""

    run: Mapping[str, Any]
    seed: int
    replicates: int
    confidence: float
    people: int
    days: float
    attempts: int
    benign: int
    sign_ins: int
    attacks: int
    probes: int
    targets: tuple[Target, ...]
    classes: tuple[ByClass, ...]
    takeovers: tuple[Takeover, ...]
    scripts: tuple[Script, ...]
    sprayed: tuple[alarms.Sprayed, ...]
    false_alarms: alarms.FalseAlarms
    poisonings: tuple[Poisoning, ...]
    refused: friction.Refusals
    refused_right: friction.Refusals
    everybody: friction.Group
    cohorts: tuple[friction.Group, ...]
    bands: tuple[friction.Group, ...]
    devices: tuple[Devices, ...]
    burden: friction.Burden
    rules: tuple[friction.RuleCost, ...]
    calibrations: tuple[calibration.Calibration, ...]


def measure(results: Results, *, seed: int = SEED, replicates: int = REPLICATES) -> Figures:
    """Measure everything. The seed is that of the intervals alone."""
    draws = Draws(len(results.people), seed=seed, replicates=replicates)
    classes = by_class(results, draws)
    sprayed, false = alarms.sprayed(results), alarms.false_alarms(results)
    refused = friction.refusals(results, right_only=False)
    cohorts = friction.groups(results, draws, "cohort")
    poisoned = poisonings(results)
    cells = {(one.takeover, one.logins): one.cells for one in classes}
    return Figures(
        run=results.run,
        seed=seed,
        replicates=replicates,
        confidence=CONFIDENCE,
        people=len(results.people),
        days=round(results.days, 2),
        attempts=len(results.attempts) - int(results.attempts["probe"].sum()),
        benign=len(results.benign),
        sign_ins=len(results.sign_ins),
        attacks=len(results.attacks),
        probes=len(results.probes),
        targets=tuple(targets(cells, sprayed, false, refused, cohorts, poisoned)),
        classes=tuple(classes),
        takeovers=tuple(takeovers(results)),
        scripts=tuple(scripts(results)),
        sprayed=tuple(sprayed),
        false_alarms=false,
        poisonings=tuple(poisoned),
        refused=refused,
        refused_right=friction.refusals(results, right_only=True),
        everybody=friction.everybody(results, draws),
        cohorts=tuple(cohorts),
        bands=tuple(friction.groups(results, draws, "band")),
        devices=tuple(devices(results)),
        burden=friction.burden(results, draws),
        rules=tuple(friction.rule_costs(results)),
        calibrations=tuple(calibration.calibrations(results)),
    )


def compared(classes: Sequence[ByClass]) -> dict[int, list[ByClass]]:
    """The classes by length of history, for those that the literature has; or else for the longest."""
    known = sorted({one.logins for one in classes})
    named = [logins for logins in known if logins in {logins for _, logins in LITERATURE}]
    return {logins: [one for one in classes if one.logins == logins] for logins in named or known[-1:]}


def by_class(results: Results, draws: Draws) -> list[ByClass]:
    """Each class at each number of sign-ins that was probed and that somebody reached."""
    sign_ins = SignIns(results.sign_ins, (STEPWARDEN, FREEMAN, *FIXED))
    # One after the other the histories are large, so each is made once, for all classes.
    found = []
    for logins in sorted(one for one in results.probes["login"].unique().to_list() if one > 0):
        histories = {one.name: sign_ins.first(logins, one) for one in (STEPWARDEN, FREEMAN, *FIXED)}
        there = {name: one for name, one in histories.items() if one is not None}
        probed = results.probes.filter(pl.col("login") == logins) if there else results.probes.clear()
        for takeover in CLASSES:
            probes = probed.filter(pl.col("takeover") == takeover)
            if not probes.is_empty():
                found.append(_by_class(takeover, logins, probes, there, draws))
    return sorted(found, key=lambda one: (CLASSES.index(one.takeover), one.logins))


def _by_class(
    takeover: str, logins: int, probes: pl.DataFrame, histories: Mapping[str, History], draws: Draws
) -> ByClass:
    levels = sorted({*detection.LEVELS, *(detection.VERY_TARGETED if takeover == CLASSES[-1] else ())})
    own, freeman = Scored.of(probes, STEPWARDEN), Scored.of(probes, FREEMAN)
    of_own, of_freeman = histories[STEPWARDEN.name], histories[FREEMAN.name]
    return ByClass(
        takeover=takeover,
        logins=logins,
        probes=len(probes),
        people=len(of_own.people),
        cells=tuple(detection.at_detection(own, of_own, levels, draws)),
        curve=tuple(detection.curve(own, of_own, draws)),
        freeman_cells=tuple(detection.at_detection(freeman, of_freeman, levels, draws)),
        freeman_curve=tuple(detection.curve(freeman, of_freeman, draws)),
        fixed={
            one.name: detection.operating(Scored.of(probes, one), histories[one.name], 1, draws)
            for one in FIXED
        },
    )
