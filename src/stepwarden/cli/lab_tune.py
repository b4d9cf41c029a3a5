"""``stepwarden lab tune``: a proposal of weights and a threshold, learned from history. Nothing in force is changed."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from stepwarden.app.prepare import read_policy
from stepwarden.cli.kept import kept_log
from stepwarden.cli.options import DATA, Bars, Data
from stepwarden.errors import InputError, SettingsError
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy

if TYPE_CHECKING:
    from stepwarden.lab.tuning.propose import Proposal
    from stepwarden.lab.tuning.reading import History

SHOWN_RULES, SHOWN_PATTERNS = 15, 5
GATE = (1, 600, 90, "all")
"""Seed, people, days and attackers of the simulations that a proposal is put through."""


def tune(
    data: Data = DATA,
    simulated: Annotated[
        Path | None, typer.Option(help="Learn from a simulation (the directory it wrote) instead of the log.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Whose weights are tuned [default: the policy in force]; - ships.")
    ] = None,
    budget: Annotated[str, typer.Option(help="Share of honest attempts that may be challenged.")] = "2%",
    prevalence: Annotated[
        str, typer.Option(help="Share of attacks among all attempts, which risks are calibrated to.")
    ] = "0.1%",
    out: Annotated[
        Path | None, typer.Option(help="Write the proposal here, as a policy file (only if it may be used).")
    ] = None,
    gate: Annotated[
        bool, typer.Option(help="With --out: put it through the simulator first, for a minute or two.")
    ] = True,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    seed: Annotated[int, typer.Option(help="Of the resampling that intervals come from.")] = 1,
) -> None:
    """Propose weights and a threshold from labelled history, and say what each rule is worth.

    Learns on the first part of the history and judges on the last; with --out also on simulated attackers of every
    class, as `lab gate` does. Exits with 1 where the proposal is not to be used. What may be used is a draft: put it
    through `policy backtest` and shadow before it decides anything.
    """
    share, rare = _percent(budget, "budget"), _percent(prevalence, "prevalence")
    try:
        from stepwarden.lab.tuning.page import as_dict, page
        from stepwarden.lab.tuning.propose import propose
    except ImportError as exc:
        raise SettingsError("tuning needs the extra `lab`: pip install 'stepwarden[lab]'") from exc
    chosen = _policy(policy, data, simulated)
    history = _history(chosen, data, simulated)
    try:
        found = propose(history.samples, budget=share, prevalence=rare, seed=seed)
    except ValueError as exc:
        raise InputError(str(exc)) from exc
    title = f"Tuning {chosen.name}: {len(history.samples):,} attempts"
    if report is not None:
        from stepwarden.lab.pages import write_whole

        write_whole(page(found, history.samples, history.patterns, title=title), report)
    if not as_json:
        _show(Console(highlight=False), found, history, title)
    failed = list(found.refused)
    if out is not None and not failed:
        failed = _write(chosen, found, out, gate=gate)
    if as_json:
        plain = as_dict(found, history.samples, history.patterns)
        plain["worse_in_simulation"] = failed[len(found.refused) :]
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(plain)).decode() + "\n")
    elif failed:
        Console(highlight=False).print(f"NOT TO BE USED: {'; '.join(failed)}", style="bold red", markup=False)
    elif out is not None:
        print(f"proposal: {out}\nnext: stepwarden policy backtest {out}")
    else:
        print("write it as a policy file by --out")
    if failed:
        raise typer.Exit(1)


def _history(policy: Policy, data: Path, simulated: Path | None) -> "History":
    from stepwarden.lab.tuning import reading

    with Bars() as bars:
        if simulated is not None:
            return reading.simulated(simulated, policy)
        with kept_log(data) as log:
            return reading.own_log(
                log.leaves(), policy, lambda done: bars("reading", done, log.size), first=log.floor
            )


def _write(policy: Policy, found: "Proposal", out: Path, *, gate: bool) -> list[str]:
    """Write the proposal, unless the simulator finds it worse: then say in what."""
    from stepwarden.lab.pages import write_whole
    from stepwarden.lab.tuning.propose import as_policy

    text = as_policy(policy, found)
    if gate:
        from stepwarden.cli.lab_gate import simulated
        from stepwarden.lab.accuracy.gate import Margins, compare, worse
        from stepwarden.lab.accuracy.results import read

        with simulated(policy.text, text, GATE) as (before, after):
            differences = worse(compare(read(before), read(after), Margins()))
        if differences:
            return [
                f"simulated, {one.kind} ({one.of}): {one.live:.1%} now, {one.candidate:.1%} then"
                for one in differences
            ]
    write_whole(text, out)
    return []


def _percent(text: str, field: str) -> float:
    """``2%`` or ``0.02``."""
    number = text.strip().removesuffix("%").strip()
    try:
        value = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError as exc:
        raise InputError(
            f"{field}: expected a share like 2% or 0.02, not {text[:32]!r}", field=field
        ) from exc
    if not 0 < value < 1:
        raise InputError(
            f"{field}: expected a share between 0 and 1 (or 0% and 100%), not {text[:32]!r}", field=field
        )
    return value


def _policy(given: Path | None, data: Path, simulated: Path | None) -> Policy:
    if given is not None:
        return load(default_text() if str(given) == "-" else read_policy(given))
    if simulated is not None:
        return load(read_policy(simulated / "policy.yaml"))
    from stepwarden.lab.entries import live_policy

    with kept_log(data) as log:
        return live_policy(log.leaves(), log.start(), option="--policy")


def _show(console: Console, found: "Proposal", history: "History", title: str) -> None:
    console.print(title, markup=False)
    table = Table("", "attacks detected", "95 % interval", "honest challenged", box=None, pad_edge=False)
    for name, one in (
        ("present weights", found.present),
        ("proposed weights", found.proposed),
        ("with poisoned labels", found.poisoned),
    ):
        table.add_row(
            name, f"{one.detection:.1%}", f"{one.low:.1%} - {one.high:.1%}", f"{one.challenged:.2%}"
        )
    console.print(table)
    rules = Table("rule", "now", "proposed", "interval", "bits", "lift", "false", box=None, pad_edge=False)
    place = {rule: number for number, rule in enumerate(history.samples.rules)}
    fitted = found.fitted
    for worth in found.worth[:SHOWN_RULES]:
        number = place[worth.rule]
        rules.add_row(
            worth.rule,
            f"{history.samples.weights[number]:+.2f}",
            f"{fitted.weights[number]:+.2f}",
            f"{fitted.low[number]:+.2f} .. {fitted.high[number]:+.2f}",
            f"{worth.information:.3f}",
            f"{worth.lift:.1f}",
            f"{worth.false:.1%}",
        )
    console.print(rules)
    for pattern in history.patterns[:SHOWN_PATTERNS]:
        console.print(
            f"before {pattern.attacks} attacks (honest {pattern.honest}): {' -> '.join(pattern.steps)}",
            markup=False,
        )
