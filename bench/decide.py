"""A decision in process: decoding, signals, policy, leaf; and the whole of it with everything that is personal.

Beside it stands SHA-256 over a leaf, which nothing that seals one can go below.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from bench.service import bodies
from bench.table import Row
from stepwarden.connect.lookups.addresses import Addresses
from stepwarden.connect.lookups.agents import Agents
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import encode
from stepwarden.events.entries import AttemptDecided
from stepwarden.flow.facts import Describer
from stepwarden.flow.judge import judge
from stepwarden.flow.tokens import Tokens
from stepwarden.gateway.strictjson import Reader
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from stepwarden.signals.catalogue import sparse
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.state import SignalState
from stepwarden.signals.travel import Places
from stepwarden.stepup.state import StepUpState

ROUNDS = 20_000


class Deciding:
    """Decoding, signals, policy and leaf, without keys, disk and network."""

    def __init__(self) -> None:
        self.bodies = [body.encode() for body in bodies()]
        self.decode = Reader(Attempt).read
        lookup = Addresses(databases=[], ranges=[], builtin=None, remembered=1_000)
        self.describer = Describer(
            Tokens(bytes(32)),
            lookup,
            Agents(remembered=100),
            trusted_proxies=(),
            places=Places(1_000),
            remembered=20_000,
        )
        self.policy = load(default_text())
        self.signals = SignalState(STANDARD)
        self.stepup = StepUpState()
        self.index = 0
        self.time = 1_800_000_000_000_000

    def one(self) -> bytes:
        attempt = self.decode(self.bodies[self.index % len(self.bodies)])
        self.time += 150
        facts = self.describer.describe(attempt, actor=attempt.actor[-16:], time=self.time).facts
        found = judge(
            self.signals, self.stepup, self.policy, facts, now=self.time, bind=str, grant="", doubted=False
        )
        entry = AttemptDecided(
            time=self.time,
            id="abcdefgh",
            facts=facts,
            signals=sparse(found.values),
            evidence=found.assessment.evidence,
            score=found.assessment.score,
            risk=found.assessment.risk,
            demand=found.assessment.demand,
            standing=found.standing,
            decision=found.verdict,
            policy=self.policy.hash,
        )
        leaf = encode(entry)
        self.signals.fold(entry)
        self.stepup.fold(entry, self.index)
        self.index += 1
        return leaf

    def median(self) -> float:
        """Microseconds from the facts to the answer: every signal read, every rule weighed; half take less."""
        attempts = [self.decode(body) for body in self.bodies]
        described = [
            self.describer.describe(attempt, actor=attempt.actor[-16:], time=self.time).facts
            for attempt in attempts
        ]
        times = []
        for number in range(ROUNDS):
            facts = described[number % len(described)]
            began = time.perf_counter()
            judge(
                self.signals,
                self.stepup,
                self.policy,
                facts,
                now=self.time,
                bind=str,
                grant="",
                doubted=False,
            )
            times.append(time.perf_counter() - began)
        return statistics.median(times) * 1e6


def microseconds(do: Callable[[], object], rounds: int) -> float:
    """CPU time of one call, the best of three runs."""
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        for _ in range(rounds):
            do()
        best = min(best, (time.thread_time() - began) / rounds * 1e6)
    return best


def rows() -> Iterator[Row]:
    """The figures."""
    deciding = Deciding()
    for _ in range(len(deciding.bodies)):
        deciding.one()
    leaf = deciding.one()
    hashing = microseconds(lambda: sha256(leaf).digest(), ROUNDS)
    took = microseconds(deciding.one, ROUNDS)
    yield Row(
        "decode, describe, signals, policy, leaf, fold",
        took,
        "µs CPU",
        "SHA-256 of the leaf",
        hashing,
        None,
        30,
    )
    yield Row("signals and policy, the median", deciding.median(), "µs", "", None, None, 60)
    yield Row("bytes of a leaf", len(leaf), "bytes")
    random = microseconds(lambda: os.urandom(16), ROUNDS // 4)
    with tempfile.TemporaryFile() as file:
        descriptor = file.fileno()

        def sync() -> None:
            os.pwrite(descriptor, leaf, 0)
            os.fdatasync(descriptor)

        began = time.perf_counter()
        for _ in range(300):
            sync()
        per_second = 300 / (time.perf_counter() - began)
    yield Row("a system call for 16 random bytes", random, "µs CPU")
    yield Row("raw fdatasync of one leaf", per_second, "/s", Path(tempfile.gettempdir()).as_posix())
