"""People's lives made by a process beside this one, so that a long run takes two processors and not one.

``python -m stepwarden.lab.simulate.feed SEED PEOPLE DAYS START`` writes what ``life`` gives to standard output: batches
of MessagePack, each after its length in four bytes (big-endian). It ends with the pipe that it writes to.

The attempts are the same as without it: a batch is decoded as any application's JSON would be, limits and patterns
included. Not here: what people do (``life``).
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from typing import IO, Final

import msgspec

from stepwarden.errors import StepwardenError
from stepwarden.lab.simulate.life import life
from stepwarden.lab.simulate.people import People
from stepwarden.lab.simulate.plan import Planned
from stepwarden.lab.simulate.world import World

BATCH: Final = 1_000
WORTH: Final = 200_000
"""People times days from which on a second process pays for its start."""
_LENGTH: Final = 4
_decode = msgspec.msgpack.Decoder(list[Planned]).decode


def write(file: IO[bytes], seed: int, people: int, days: int, start: int) -> None:
    """All of it, batch by batch."""
    world = World(seed)
    stream = life(world, People(world, people, seed), start, days, seed)
    while batch := list(islice(stream, BATCH)):
        data = msgspec.msgpack.encode(batch)
        file.write(len(data).to_bytes(_LENGTH, "big") + data)


def read(file: IO[bytes]) -> Iterator[Planned]:
    """What ``write`` wrote.

    Raises:
        StepwardenError: it ends in the middle of a batch.
    """
    while head := file.read(_LENGTH):
        length = int.from_bytes(head, "big")
        data = file.read(length)
        if len(head) < _LENGTH or len(data) < length:
            raise StepwardenError("the process that makes simulated people ended too early")
        yield from _decode(data)


def beside(seed: int, people: int, days: int, start: int) -> Iterator[Planned]:
    """The same from a process of its own, which ends with this iterator.

    Raises:
        StepwardenError: it failed; what it said is on standard error.
    """
    numbers = [str(number) for number in (seed, people, days, start)]
    command = [sys.executable, "-m", "stepwarden.lab.simulate.feed", *numbers]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own module
    try:
        if child.stdout is None:
            raise ValueError("a pipe was asked for")
        yield from read(child.stdout)
        if child.wait():
            raise StepwardenError("the process that makes simulated people failed")
    finally:
        child.kill()
        if child.stdout is not None:
            child.stdout.close()
        child.wait()


def main(arguments: list[str]) -> int:
    """See the module."""
    seed, people, days, start = map(int, arguments)
    try:
        write(sys.stdout.buffer, seed, people, days, start)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever asked has ended: so do we, and nobody has to hear of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
