"""``stepwarden lab simulate``: simulated people and attackers, through the code that decides or against a server."""

import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from stepwarden.app.prepare import read_policy
from stepwarden.app.settings import Settings
from stepwarden.cli.options import Bars, Report
from stepwarden.errors import InputError, SettingsError
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy

if TYPE_CHECKING:
    from stepwarden.lab.simulate.run import Plan
    from stepwarden.lab.simulate.tally import Tally

PEOPLE, DAYS = 1_000, 60
LIVE_PEOPLE, LIVE_DAYS, LIVE_MINUTES = 100, 30, 2.0
"""Defaults against a server: what its clock has room for."""
START = "2026-01-05"
AGENTS = 65_536
"""User agents whose description is kept: more than there are in any simulation."""


def simulate(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the results here, for `stepwarden lab report`.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same world, people and attacks.")
    ] = 1,
    people: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help=f"How many [default: {PEOPLE}; live: {LIVE_PEOPLE}]."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3_650, help=f"How long [default: {DAYS}; live: {LIVE_DAYS}].")
    ] = None,
    attacks: Annotated[
        str, typer.Option(metavar="all|none|NAME,...", help="Which attackers there are besides.")
    ] = "all",
    policy: Annotated[Path | None, typer.Option(help="Policy file [default: the shipped one].")] = None,
    start: Annotated[str, typer.Option(metavar="DATE", help="The first day, UTC.")] = START,
    signals: Annotated[
        bool, typer.Option("--signals", help="Write all signals of each attempt, for back-tests.")
    ] = False,
    probes: Annotated[
        bool, typer.Option(help="Weigh takeovers of each account at points of its history, without a trace.")
    ] = True,
    live: Annotated[
        bool,
        typer.Option("--live", help="Against a real server, started for it and gone afterwards, over HTTP."),
    ] = False,
    minutes: Annotated[
        float, typer.Option(min=0.05, max=1_440, help="Live: how long the whole of it takes by the clock.")
    ] = LIVE_MINUTES,
    server: Annotated[str, typer.Option(metavar="URL", help="Live: against this server instead.")] = "",
    key: Annotated[
        str,
        typer.Option(
            envvar="STEPWARDEN_KEY",
            help="An API key of that server: decide, report, administer.",
            show_envvar=True,
        ),
    ] = "",
    own: Annotated[
        bool, typer.Option("--i-own-this-server", help="Needed with --server: its log will hold the attacks.")
    ] = False,
) -> None:
    """Simulate people and attackers, and write down what was decided of each attempt.

    Offline by default: the code that decides runs in this process, over months in minutes, and nothing leaves it.
    """
    try:
        from stepwarden.lab.simulate.run import Asked, Plan, attacks_of, start_of
    except ImportError as exc:
        raise SettingsError("the lab needs the extra `lab`: pip install 'stepwarden[lab]'") from exc
    live = live or bool(server)
    if out is None and not live:
        raise InputError("say where the results go: --out DIR", field="out")
    if server and not (own and key):
        raise InputError(
            "attacking a server takes --i-own-this-server and a key of it (--key, or STEPWARDEN_KEY): "
            "every attempt stays in its log for good",
            field="server",
        )
    asked = Asked(
        seed=seed,
        people=people or (LIVE_PEOPLE if live else PEOPLE),
        days=days or (LIVE_DAYS if live else DAYS),
        start=start_of(start),
        attacks=attacks_of(attacks, live=live),
        probes=probes and not live,
    )
    if out is not None:
        _make(out)
    rules = load(read_policy(policy) if policy else default_text())
    plan = Plan(asked)
    began = time.perf_counter()
    if live:
        tally = _live(plan, rules, out, minutes=minutes, server=server, key=key)
    else:
        with Bars() as bars:
            tally = offline(plan, rules, out or Path(), signals=signals, progress=bars)
    seconds = time.perf_counter() - began
    _show(tally, seconds, out)


def _make(out: Path) -> None:
    """The directory for the results, before hours of work are done for it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as exc:
        raise InputError(f"results cannot be written to {out}: {exc.strerror}", field="out") from exc


def offline(plan: "Plan", policy: Policy, out: Path, *, signals: bool, progress: Report) -> "Tally":
    """In this process, by as much memory as a server has."""
    from stepwarden.connect.lookups.agents import Agents
    from stepwarden.lab.simulate.run import simulate_offline

    limits, agents = Settings().memory.limits(), Agents(remembered=AGENTS)
    return simulate_offline(plan, policy, limits, agents, out, signals=signals, progress=progress)


def _live(
    plan: "Plan", policy: Policy, out: Path | None, *, minutes: float, server: str, key: str
) -> "Tally":
    from stepwarden.cli.lab_live import against, against_own

    speed = plan.asked.days * 1_440 / minutes
    suffix = f".{secrets.token_hex(4)}"
    with Bars() as progress:
        if server:
            return against(server, key, plan, policy, out, speed=speed, suffix=suffix, progress=progress)
        return against_own(plan, policy, out, speed=speed, suffix=suffix, progress=progress)


def _show(tally: "Tally", seconds: float, out: Path | None) -> None:
    from stepwarden.cli.lab_simulated import show

    show(Console(highlight=False), tally, seconds)
    if out is not None:
        errors = Console(stderr=True, highlight=False)
        errors.print(f"written: {out}; next: stepwarden lab report {out}", markup=False, soft_wrap=True)
    sys.stdout.flush()
