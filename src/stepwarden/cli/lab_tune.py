"""``stepwarden lab tune``: a proposal of weights and a threshold, learned from history. Nothing in force is changed."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from stepwarden.app.prepare import read_policy
from stepwarden.cli.options import DATA, Bars, Data, open_log
from stepwarden.errors import InputError, SettingsError
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import PolicyChanged
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy


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
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    seed: Annotated[int, typer.Option(help="Of the resampling that intervals come from.")] = 1,
) -> None:
    """Propose weights and a threshold from labelled history, and say what each rule is worth.

    Learns on the first part of the history and judges on the last. Exits with 1 where the proposal is not to be used.
    What may be used is a draft: put it through `lab gate`, `policy backtest` and shadow before it decides anything.
    """
    share, rare = _percent(budget, "budget"), _percent(prevalence, "prevalence")
    try:
        from stepwarden.lab.tuning.page import as_dict, page
        from stepwarden.lab.tuning.propose import propose
        from stepwarden.lab.tuning.reading import own_log
        from stepwarden.lab.tuning.reading import simulated as read_simulation
    except ImportError as exc:
        raise SettingsError("tuning needs the extra `lab`: pip install 'stepwarden[lab]'") from exc
    chosen = _policy(policy, data, simulated)
    with Bars() as bars:
        if simulated is not None:
            history = read_simulation(simulated, chosen)
        else:
            reader = open_log(data)
            try:
                head = reader.load()
                size = head.size if head is not None else 0
                history = own_log(
                    reader.leaves(reader.floor(), size), chosen, lambda done: bars("reading", done, size)
                )
            finally:
                reader.close()
    try:
        found = propose(history.samples, budget=share, prevalence=rare, seed=seed)
    except ValueError as exc:
        raise InputError(str(exc)) from exc
    plain = as_dict(found, history.samples, history.patterns)
    title = f"Tuning {chosen.name}: {len(history.samples):,} attempts"
    if report is not None:
        from stepwarden.lab.pages import write_whole

        write_whole(page(found, history.samples, history.patterns, title=title), report)
    if out is not None and not found.refused:
        from stepwarden.lab.pages import write_whole
        from stepwarden.lab.tuning.propose import as_policy

        write_whole(as_policy(chosen, found), out)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(plain)).decode() + "\n")
    else:
        _show(Console(highlight=False), plain, title, out)
    if found.refused:
        raise typer.Exit(1)


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
    reader = open_log(data)
    try:
        head = reader.load()
        text = ""
        for leaf in reader.leaves(reader.floor(), head.size if head is not None else 0):
            if b'"policy.changed"' in leaf:
                entry = decode_trusted(leaf)
                if isinstance(entry, PolicyChanged):
                    text = entry.text
    finally:
        reader.close()
    if not text:
        raise InputError("the log holds no policy in force: name one by --policy")
    return load(text)


def _show(console: Console, plain: dict[str, object], title: str, out: Path | None) -> None:
    found = msgspec.convert(plain, _Shown)
    console.print(title, markup=False)
    table = Table("", "attacks detected", "95 % interval", "honest challenged", box=None, pad_edge=False)
    for name, one in (
        ("present weights", found.present),
        ("proposed weights", found.proposed),
        ("with poisoned labels", found.poisoned),
    ):
        table.add_row(
            name,
            f"{one['detection']:.1%}",
            f"{one['low']:.1%} - {one['high']:.1%}",
            f"{one['challenged']:.2%}",
        )
    console.print(table)
    rules = Table("rule", "now", "proposed", "interval", "bits", "lift", "false", box=None, pad_edge=False)
    for worth in found.worth[:15]:
        weight = found.weights[str(worth["rule"])]
        rules.add_row(
            str(worth["rule"]),
            f"{weight['present']:+.2f}",
            f"{weight['proposed']:+.2f}",
            f"{weight['low']:+.2f} .. {weight['high']:+.2f}",
            f"{worth['information']:.3f}",
            f"{worth['lift']:.1f}",
            f"{worth['false']:.1%}",
        )
    console.print(rules)
    for pattern in found.patterns[:5]:
        console.print(
            f"before {pattern.attacks} attacks (honest {pattern.honest}): {' -> '.join(pattern.steps)}",
            markup=False,
        )
    if found.refused:
        console.print(f"NOT TO BE USED: {'; '.join(found.refused)}", style="bold red")
    elif out is not None:
        console.print(
            f"proposal: {out}\nnext: stepwarden lab gate --candidate {out}, then policy backtest {out}",
            markup=False,
            soft_wrap=True,
        )
    else:
        console.print("write it as a policy file by --out", markup=False)


class _Pattern(msgspec.Struct):
    steps: list[str]
    attacks: int
    honest: int


class _Shown(msgspec.Struct):
    """What is printed of the whole."""

    present: dict[str, float]
    proposed: dict[str, float]
    poisoned: dict[str, float]
    worth: list[dict[str, float | str]]
    weights: dict[str, dict[str, float]]
    patterns: list[_Pattern]
    refused: list[str]
