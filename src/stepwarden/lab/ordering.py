"""Putting imported attempts into one order of time, whatever order and however many files they come in.

A chunk is sorted in memory; when there are more, each is written to a temporary file and all are merged, so memory
stays that of one chunk. Equal times keep the order in which they were read.

Duplicates: a record whose vendor id was seen among the records of the same moment is dropped. Formats without ids
may rightly hold the same line twice (two failures within a second), so there only a repetition in *another* source
is one: of overlapping files each line counts as often as in the file that has it most often.

>>> from stepwarden.events.attempt import Attempt
>>> one = Imported(attempt=Attempt(action="login"), time=2, source="a", source_line=1, event_id="x")
>>> two = Imported(attempt=Attempt(action="login"), time=1, source="a", source_line=2, event_id="y")
>>> [item.source_line for item in in_order([one, two, one], chunk=2)]
[2, 1]
"""

import heapq
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from itertools import islice
from operator import attrgetter
from typing import IO

import msgspec

from stepwarden.connect.importers.base import Imported

CHUNK = 200_000
"""Attempts that are sorted in memory: about 150 MB."""
_by_time = attrgetter("time")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Imported).decode


def in_order(
    items: Iterable[Imported], *, chunk: int = CHUNK, dropped: Counter[str] | None = None
) -> Iterator[Imported]:
    """The items by time, without duplicates; ``dropped`` counts those left out under ``duplicate``."""
    source = iter(items)
    first = sorted(islice(source, chunk), key=_by_time)
    with ExitStack() as files:
        runs: list[Iterator[Imported]] = []
        run = first
        while following := list(islice(source, chunk)):
            runs.append(_spilled(run, files))
            following.sort(key=_by_time)
            run = following
        runs.append(iter(run))
        merged = heapq.merge(*runs, key=_by_time) if len(runs) > 1 else runs[0]
        yield from _without_duplicates(merged, dropped if dropped is not None else Counter())


def _spilled(run: list[Imported], files: ExitStack) -> Iterator[Imported]:
    """The run, from a temporary file that is gone when ``files`` closes."""
    file = files.enter_context(tempfile.TemporaryFile(prefix="stepwarden-replay-"))  # noqa: SIM115 - closed by ``files``
    for item in run:
        data = _encode(item)
        file.write(len(data).to_bytes(4, "big") + data)
    file.seek(0)
    return _read_back(file)


def _read_back(file: IO[bytes]) -> Iterator[Imported]:
    while head := file.read(4):
        yield _decode(file.read(int.from_bytes(head, "big")))


class _Moment:
    """What was seen with one time stamp: vendor ids, and how often each record without one, by source."""

    __slots__ = ("ids", "kept", "seen", "time")

    def __init__(self, time: int) -> None:
        self.time = time
        self.ids: set[str] = set()
        self.seen: Counter[tuple[str, bytes]] = Counter()
        self.kept: Counter[bytes] = Counter()

    def is_new(self, item: Imported) -> bool:
        if item.event_id:
            new = item.event_id not in self.ids
            self.ids.add(item.event_id)
            return new
        record = blake2b(_encode(item.attempt), digest_size=16).digest()
        self.seen[(item.source, record)] += 1
        new = self.seen[(item.source, record)] > self.kept[record]
        self.kept[record] += new
        return new


def _without_duplicates(items: Iterator[Imported], dropped: Counter[str]) -> Iterator[Imported]:
    moment: _Moment | None = None
    waiting: Imported | None = None
    for item in items:
        if waiting is not None and item.time == waiting.time:
            # Only where two records share a moment is there anything to compare.
            if moment is None:
                moment = _Moment(item.time)
                moment.is_new(waiting)
            yield waiting
            waiting = None
        elif waiting is not None:
            yield waiting
            moment = waiting = None
        if moment is not None and moment.time == item.time:
            if moment.is_new(item):
                yield item
            else:
                dropped["duplicate"] += 1
        else:
            moment, waiting = None, item
    if waiting is not None:
        yield waiting
