"""One run from its numbers to its files: the world, its people, who attacks them, and what came of it.

The same seed, people, days, start, attacks and policy give the same ``attempts.parquet``, column by column to the byte.

Not here: how it is asked for and shown (``cli``), starting servers (``cli.own_server``).
"""

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from stepwarden import __version__
from stepwarden.errors import InputError
from stepwarden.flow.facts import Describer
from stepwarden.flow.lookups import AgentLookup
from stepwarden.lab.attackers.campaigns import campaigns
from stepwarden.lab.attackers.probes import MILESTONES, probe_campaigns, takeover_probes
from stepwarden.lab.attackers.registry import ATTACKERS
from stepwarden.lab.attackers.terrain import Ground
from stepwarden.lab.replay import PlainTokens
from stepwarden.lab.simulate import feed
from stepwarden.lab.simulate.addresses import SimulatedAddresses
from stepwarden.lab.simulate.engine import Engine, Probes
from stepwarden.lab.simulate.life import life
from stepwarden.lab.simulate.offline import Here, OfflineSite
from stepwarden.lab.simulate.output import Writer, specs_of, write_run
from stepwarden.lab.simulate.people import DAY, People
from stepwarden.lab.simulate.plan import Campaign, Planned, Script
from stepwarden.lab.simulate.site import D, Site
from stepwarden.lab.simulate.tally import Tally
from stepwarden.lab.simulate.world import World
from stepwarden.policy.policy import Policy
from stepwarden.signals.limits import Limits
from stepwarden.signals.travel import Places

ENROLLED: Final = 30 * DAY
"""How long before the start everybody enrolled their authenticator: the change of a factor has been forgotten."""
REMEMBERED: Final = 65_536
QUICK: Final = (
    "guessing",
    "spraying-fast",
    "stuffing",
    "takeover-naive",
    "takeover-vpn",
    "takeover-targeted",
    "takeover-very-targeted",
    "session-theft",
    "code-guessing",
    "push-bombing",
)
"""Attackers whose tempo fits minutes: what ``all`` means against a server, whose clock is the clock on the wall."""
Progress = Callable[[str, int, int], None]
"""Told what is done, how many days of it, and of how many."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be simulated. ``start`` in microseconds since 1970; ``attacks`` are names of attackers."""

    seed: int
    people: int
    days: int
    start: int
    attacks: Sequence[str]
    probes: bool


class Plan:
    """Everything that is planned; ``people`` and ``scripts`` can be run once."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.world = World(asked.seed)
        self.residents = People(self.world, asked.people, asked.seed)
        self.persons = self.residents.persons
        ground = Ground(self.residents)
        attacks = campaigns(ground, self.persons, asked.start, asked.days, asked.attacks, asked.seed)
        self.campaigns: list[Campaign] = [campaign for campaign, _ in attacks]
        self.scripts: list[Script] = [script for _, script in attacks]
        self.probes: Probes | None = None
        if asked.probes:
            first, persons = len(self.campaigns), self.persons
            self.campaigns += probe_campaigns(first, asked.start)

            def probes(person: int, logins: int, now: int) -> Sequence[Planned]:
                if logins not in MILESTONES:
                    return ()
                return takeover_probes(ground, persons[person], now, asked.seed, first)

            self.probes = probes

    def people(self) -> Iterator[Planned]:
        """What people do, in order of time."""
        asked = self.asked
        if asked.people * asked.days >= feed.WORTH:
            return feed.beside(asked.seed, asked.people, asked.days, asked.start)
        return life(self.world, self.residents, asked.start, asked.days, asked.seed)


def attacks_of(text: str, *, live: bool) -> tuple[str, ...]:
    """The attackers that ``--attacks`` names: ``all``, ``none``, or names with commas between.

    Raises:
        InputError: there is no attacker of this name.
    """
    if text == "none":
        return ()
    if text == "all":
        return QUICK if live else tuple(ATTACKERS)
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in ATTACKERS]
    if unknown or not names:
        raise InputError(
            f"there is no attacker {', '.join(unknown) or 'without a name'}; there are all, none, "
            f"{', '.join(ATTACKERS)}",
            field="attacks",
        )
    return names


def start_of(text: str) -> int:
    """Midnight UTC of a date, in microseconds since 1970.

    Raises:
        InputError: it is no date, or one from which no months can be simulated.
    """
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as exc:
        raise InputError(f"{text!r} is not a date like 2026-01-05", field="start") from exc
    if not 2000 <= day.year < 2100:
        raise InputError("simulations begin between 2000 and 2099", field="start")
    return int(day.timestamp()) * 1_000_000


def offline(
    plan: Plan, policy: Policy, limits: Limits, agents: AgentLookup, *, whole: bool = True
) -> OfflineSite:
    """A site in this process where everybody of the plan has an authenticator. ``whole``: see there."""
    before = plan.asked.start - ENROLLED
    describer = Describer(
        PlainTokens(),
        SimulatedAddresses(plan.world),
        agents,
        trusted_proxies=(),
        places=Places(limits.actors),
        remembered=REMEMBERED,
    )
    site = OfflineSite(describer, policy, limits, before, whole=whole)
    site.enrol((person.actor for person in plan.persons), before)
    return site


def simulate_offline(
    plan: Plan,
    policy: Policy,
    limits: Limits,
    agents: AgentLookup,
    out: Path,
    *,
    signals: bool,
    progress: Progress,
) -> Tally:
    """Run a plan in this process and write its results to ``out``."""
    began = time.perf_counter()
    with steady():
        site = offline(plan, policy, limits, agents, whole=signals)
        engine = Engine[Here](site, plan.probes)
        with Writer(out, specs_of(policy.signals), signals=signals) as writer:
            tally = run(engine, plan, progress, writer)
    seconds = time.perf_counter() - began
    write_results(out, plan, policy, tally, engine.skipped, seconds, live=False)
    return tally


def run(engine: Engine[D], plan: Plan, progress: Progress, writer: Writer | None) -> Tally:
    """Live through a plan; each row goes to the writer and is counted."""
    tally = Tally(plan.campaigns)
    start, days = plan.asked.start, plan.asked.days
    next_day = start
    for row in engine.run(plan.people(), plan.scripts):
        tally.add(row)
        if writer is not None:
            writer.add(row)
        if row.time >= next_day:
            progress("days", (row.time - start) // DAY, days)
            next_day = row.time + DAY
    return tally


def write_results(
    out: Path, plan: Plan, policy: Policy, tally: Tally, skipped: int, seconds: float, *, live: bool
) -> None:
    """Everything but the attempts."""
    asked = plan.asked
    facts: Mapping[str, Any] = {
        "seed": asked.seed,
        "people": asked.people,
        "days": asked.days,
        "start": f"{datetime.fromtimestamp(asked.start / 1_000_000, UTC):%Y-%m-%d}",
        "attacks": list(asked.attacks),
        "probes": asked.probes,
        "live": live,
        "policy": {"name": policy.name, "hash": policy.hash, "file": "policy.yaml"},
        "version": __version__,
        "counts": {"attempts": tally.attempts, "by_people": tally.people.attempts, "not_done": skipped},
        "attackers": [line.as_dict() for line in tally.lines()],
        "seconds": round(seconds, 3),
    }
    write_run(out, facts, policy=policy.text, people=plan.persons, campaigns=plan.campaigns)


def run_live(site: Site[D], plan: Plan, progress: Progress, writer: Writer | None) -> tuple[Tally, int]:
    """Run a plan against a site that has a clock of its own; the tally, and how much was not done."""
    engine = Engine[D](site)
    return run(engine, plan, progress, writer), engine.skipped


@contextmanager
def steady() -> Iterator[None]:
    """Without the cyclic garbage collector: it would walk over all that is remembered of people, again and again.

    Nothing that the engine makes for an attempt refers to itself, so counting references frees all of it.
    """
    was = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was:
            gc.enable()
