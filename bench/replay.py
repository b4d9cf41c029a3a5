"""Lines of an OpenSSH log per second through ``stepwarden replay``, beside reading the same lines and doing nothing.

The log is generated: 200,000 lines over days, of people who sign in with keys from their places and of addresses
that try name after name; about one line in five is an attempt, as in real logs of sshd with PAM. The limit beside is
one pass of ``for line in file`` in the same process: reading and decoding, no more. A second row has only failures,
one a line: the most work a line of such a log can be. No floor there: it is the decisions that take the time. A third
are sign-ins of simulated people that are in memory already, with places, devices and habits: what deciding alone takes.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from bench.table import Row
from stepwarden.app.lookups import make_lookups
from stepwarden.app.settings import Settings
from stepwarden.connect.importers.base import Imported
from stepwarden.connect.lookups.agents import Agents
from stepwarden.flow.facts import Describer
from stepwarden.lab.logs import Logs
from stepwarden.lab.ordering import in_order
from stepwarden.lab.replay import PlainTokens, Replay
from stepwarden.lab.simulate.addresses import SimulatedAddresses
from stepwarden.lab.simulate.life import life
from stepwarden.lab.simulate.people import People
from stepwarden.lab.simulate.run import start_of
from stepwarden.lab.simulate.world import World
from stepwarden.lab.summary import Summary
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from stepwarden.signals.travel import Places

LINES = 200_000
FAILURES = 60_000
ROUNDS = 2
FLOOR = 30_000
"""Lines per second that a replay has to do at least."""
PEOPLE, DAYS = 2_000, 60
ATTEMPTS = 40_000
"""Attempts per second that deciding alone has to do at least."""


def _mixed(chance: random.Random) -> Iterator[tuple[int, list[str]]]:
    """Seconds since the last, and the lines of one connection."""
    homes = {f"user{number}": f"81.2.{number % 250}.{chance.randrange(1, 250)}" for number in range(300)}
    while True:
        port = chance.randrange(1024, 65_000)
        if chance.random() < 0.4:
            user = chance.choice(list(homes))
            yield (
                chance.randrange(20),
                [
                    f"Accepted publickey for {user} from {homes[user]} port {port} ssh2: RSA SHA256:abc",
                    f"pam_unix(sshd:session): session opened for user {user} by (uid=0)",
                    f"pam_unix(sshd:session): session closed for user {user}",
                ],
            )
        else:
            user, ip = f"guess{chance.randrange(300)}", f"103.99.{chance.randrange(4)}.{chance.randrange(30)}"
            yield (
                chance.randrange(20),
                [
                    f"Invalid user {user} from {ip}",
                    f"input_userauth_request: invalid user {user} [preauth]",
                    "pam_unix(sshd:auth): check pass; user unknown",
                    f"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip} ",
                    f"Failed password for invalid user {user} from {ip} port {port} ssh2",
                    f"Connection closed by {ip} [preauth]",
                ],
            )


def _failures(chance: random.Random) -> Iterator[tuple[int, list[str]]]:
    while True:
        user, ip = f"guess{chance.randrange(300)}", f"103.99.{chance.randrange(4)}.{chance.randrange(30)}"
        line = f"Failed password for {user} from {ip} port {chance.randrange(1024, 65_000)} ssh2"
        yield chance.randrange(3), [line]


def _write(path: Path, connections: Iterator[tuple[int, list[str]]], lines: int) -> Path:
    written, moment, process = 0, datetime(2026, 1, 1, tzinfo=UTC), 0
    with path.open("w") as file:
        while written < lines:
            wait, said = next(connections)
            moment += timedelta(seconds=wait)
            process += 1
            head = f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S} web sshd[{100 + process % 30_000}]: "
            file.writelines(f"{head}{text}\n" for text in said)
            written += len(said)
    return path


def _replayed(path: Path) -> float:
    """Lines per second, from opening the file to the finished summary; look-ups and policy are loaded before."""
    settings = Settings()
    addresses, agents = make_lookups(settings, path.parent)
    policy = load(default_text())
    describer = Describer(
        PlainTokens(),
        addresses,
        agents,
        trusted_proxies=(),
        places=Places(settings.memory.actors),
        remembered=65_536,
    )
    engine = Replay.begin(describer, policy, settings.memory.limits())
    summary = Summary(policy=policy.hash)
    start = time.perf_counter()
    logs = Logs.open([path], format="", mapping=None, year=2026)
    for one in engine.results(in_order(logs.attempts(summary, lambda: None), dropped=summary.skipped)):
        summary.add(one)
    return _lines(summary) / (time.perf_counter() - start)


def _lines(summary: Summary) -> int:
    return sum(file.attempts + file.skipped + file.unknown for file in summary.files)


def _read(path: Path) -> float:
    start = time.perf_counter()
    with path.open() as file:
        lines = sum(1 for _ in file)
    return lines / (time.perf_counter() - start)


def rows() -> list[Row]:
    """Each figure is the best of two rounds: the least disturbed one."""
    chance = random.Random(1)
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        for title, connections, lines, floor in (
            ("replay an OpenSSH log", _mixed(chance), LINES, FLOOR),
            ("replay failures only", _failures(chance), FAILURES, None),
        ):
            path = _write(Path(name) / "auth.log", connections, lines)
            value = max(_replayed(path) for _ in range(ROUNDS))
            limit = max(_read(path) for _ in range(3))
            found.append(Row(title, value, "lines/s", "only reading the lines", limit, floor))
    return [*found, _people()]


def _people() -> Row:
    """Attempts of simulated people per second, every signal read, decided by the shipped policy, and folded."""
    world = World(1)
    people = People(world, PEOPLE, 1)
    items = [
        Imported(
            attempt=msgspec.structs.replace(one.attempt, outcome=one.outcome),
            time=one.time,
            source="people",
            source_line=number,
        )
        for number, one in enumerate(life(world, people, start_of("2026-01-05"), DAYS, 1))
    ]
    values = []
    for _ in range(ROUNDS):
        describer = Describer(
            PlainTokens(),
            SimulatedAddresses(world),
            Agents(remembered=65_536),
            trusted_proxies=(),
            places=Places(100_000),
            remembered=65_536,
        )
        engine = Replay.begin(describer, load(default_text()), Settings().memory.limits())
        began = time.perf_counter()
        for item in items:
            engine.decide(item)
        values.append(len(items) / (time.perf_counter() - began))
    began = time.perf_counter()
    for item in items:
        _same(item)
    limit = len(items) / (time.perf_counter() - began)
    return Row(
        "replay people, all signals", max(values), "attempts/s", "a call for each, no more", limit, ATTEMPTS
    )


def _same(item: Imported) -> Imported:
    return item
