"""What signals cost: microseconds for each attempt that is read and folded, and bytes for each actor remembered.

An ordinary person here has two devices, each with its own address, network and user agent, and ten attempts that
ended well: over a month (what a site remembers of its people), or all within one day (the worst a day can do); or
over a month with two sessions as well.
Memory is the growth of the resident set, each figure from a process of its own. Beside it stands a bare dict of sets
that knows each actor's devices and addresses and nothing else.

``rows`` is what ``make bench`` prints; ``python -m bench.signals memory MODE ACTORS`` prints one figure of memory,
MODE being month, sessions, day or bare.
"""

import gc
import random
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from stepwarden.events.facts import Facts
from stepwarden.signals.catalogue import sparse
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.state import SignalState

Row = tuple[str, float, str, str, float]

T0 = 1_700_000_000
DAY = 86_400
GOOD = 10
"""Good attempts of each actor."""


def token(kind: int, number: int) -> str:
    """16 characters, as the log has them."""
    return urlsafe_b64encode((kind << 80 | number * 0x9E3779B97F4A7C15 % 2**80).to_bytes(12, "big")).decode()


def person(actor: int, device: int, second: float, *, sessions: bool = True) -> Facts:
    own = 2 * actor + device
    return Facts(
        time=int(second * 1_000_000),
        action="login",
        actor=token(1, actor),
        session=token(2, own) if sessions else "",
        address=token(3, own),
        network=token(4, own),
        device=token(5, own),
        agent=token(6, own % 500),
        address_kind="residential",
        country=("NO", "SE", "DE", "FR")[actor % 4],
        asn=f"AS{actor % 300}",
        browser="Firefox",
        os="Linux",
        travel_km=0,
        travel_s=3600,
        outcome="success",
    )


def attempts(actors: int, span: float, *, sessions: bool) -> Iterator[Facts]:
    """Everybody's attempts in time order, evenly over ``span`` seconds, the two devices by turns."""
    step = span / (actors * GOOD)
    for turn in range(GOOD):
        for actor in range(actors):
            yield person(actor, turn % 2, T0 + (turn * actors + actor) * step, sessions=sessions)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def memory(mode: str, actors: int) -> float:
    """Bytes of resident set for each actor."""
    limits = STANDARD.changed_by(dict.fromkeys(STANDARD.as_dict(), 4 * actors))
    state = SignalState(limits)
    bare: dict[str, tuple[set[str], set[str]]] = {}
    gc.collect()
    before = resident()
    span = DAY * 5 / 6 if mode == "day" else 30 * DAY
    for facts in attempts(actors, span, sessions=mode == "sessions"):
        if mode == "bare":
            known = bare.setdefault(facts.actor, (set(), set()))
            known[0].add(facts.device)
            known[1].add(facts.address)
        else:
            state.attempted(facts)
            state.ended(facts, learn=True)
    gc.collect()
    return (resident() - before) / actors


def apart(mode: str, actors: int) -> float:
    """``memory`` in a process of its own."""
    command = [sys.executable, "-m", "bench.signals", "memory", mode, str(actors)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def best(call: Callable[[Facts], object], streams: list[list[Facts]]) -> float:
    """Microseconds of processor for each of the facts, in the quickest of the streams: the least disturbed one."""
    found = []
    for stream in streams:
        start = time.process_time()
        for facts in stream:
            call(facts)
        found.append((time.process_time() - start) / len(stream) * 1e6)
    return min(found)


def streams(rounds: int, length: int, actors: int) -> list[list[Facts]]:
    """Attempts of random people, a thousand an hour; the rounds follow each other in time."""
    choice = random.Random(1)
    return [
        [
            person(choice.randrange(actors), choice.randrange(2), T0 + (number * length + i) * 3.6)
            for i in range(length)
        ]
        for number in range(rounds)
    ]


def rows() -> Iterator[Row]:
    """Name, value, unit, what stands beside it, and its value; about a minute."""
    state = SignalState(STANDARD)
    bare: dict[str, set[str]] = {}

    def whole(facts: Facts) -> None:
        state.read(facts)
        state.attempted(facts)
        state.ended(facts, learn=True)

    def known(facts: Facts) -> None:
        bare.setdefault(facts.actor, set()).add(facts.device)
        bare.setdefault(facts.address, set()).add(facts.actor)

    # Short rounds: on a shared machine only a short one goes by undisturbed.
    work = streams(160, 400, 2_000)
    gc.collect()
    gc.freeze()
    peer = best(known, work)
    noop = best(lambda facts: facts, work)
    best(whole, work[:80])
    yield "signals, read and folded", best(whole, work[80:]), "us/attempt", "dict of sets, us", peer
    last = work[-1:] * 20
    yield "signals, read", best(state.read, last), "us/attempt", "no-op loop, us", noop
    yield "signals, attempt folded", best(state.attempted, last), "us/attempt", "no-op loop, us", noop
    end = partial(state.ended, learn=True)
    yield "signals, outcome folded", best(end, last), "us/attempt", "no-op loop, us", noop
    values = state.read(work[0][0])
    yield "signals, made sparse", best(lambda _: sparse(values), last), "us/attempt", "no-op loop, us", noop
    sets = apart("bare", 100_000)
    for mode, words in (
        ("month", "a month"),
        ("sessions", "and two sessions each"),
        ("day", "all in one day"),
    ):
        yield (
            f"signals, 100,000 actors, {words}",
            apart(mode, 100_000),
            "bytes/actor",
            "dict of sets, bytes",
            sets,
        )


def main(words: list[str]) -> None:
    if words[:1] == ["memory"]:
        print(memory(words[1], int(words[2])))
        return
    for name, value, unit, beside, figure in rows():
        print(f"{name:40} {value:10.1f} {unit:12} {beside}: {figure:.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
