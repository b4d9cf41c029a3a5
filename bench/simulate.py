"""Simulated attempts per second: people made, described, judged, folded and written to Parquet, in one run.

A site of 20,000 people for 30 days, about 200,000 attempts, by the shipped policy, as ``stepwarden lab simulate`` runs
them offline; people are made by a second process, as there. The limit beside is making the same people and deciding
nothing, in this process. A million attempts have to take less than a minute.
"""

import tempfile
import time
from pathlib import Path

from bench.table import Row
from stepwarden.app.settings import Settings
from stepwarden.connect.lookups.agents import Agents
from stepwarden.lab.simulate.life import life
from stepwarden.lab.simulate.people import People
from stepwarden.lab.simulate.run import Asked, Plan, simulate_offline, start_of
from stepwarden.lab.simulate.world import World
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load

PEOPLE, DAYS = 20_000, 30
FLOOR = 16_667
"""Attempts per second: a million in a minute."""


def rows() -> list[Row]:
    """One figure: this takes long enough to be its own average."""
    start = start_of("2026-01-05")
    asked = Asked(seed=1, people=PEOPLE, days=DAYS, start=start, attacks=(), probes=False)
    limits, agents = Settings().memory.limits(), Agents(remembered=65_536)
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        tally = simulate_offline(
            Plan(asked), load(default_text()), limits, agents, Path(name), signals=False, progress=_nothing
        )
        value = tally.attempts / (time.perf_counter() - began)
    world = World(1)
    people = People(world, PEOPLE, 1)
    began = time.perf_counter()
    made = sum(1 for _ in life(world, people, start, DAYS, 1))
    limit = made / (time.perf_counter() - began)
    return [Row("simulate people", value, "attempts/s", "only making people", limit, FLOOR)]


def _nothing(what: str, done: int, end: int) -> None:
    pass
