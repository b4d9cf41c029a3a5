"""Putting imported attempts into one order of time, whatever order and however many files they come in.

A chunk is sorted in memory; when there are more, each is written to a temporary file and all are merged, so memory
stays that of one chunk however long the logs are. Equal times keep the order in which they were read, and the
opposite one in a file that runs backwards (newest first), so that such a file gives what it would the other way round.

Duplicates: a record is dropped whose vendor id was seen before with the same time, actor, action and outcome; other
fields may differ, as exports add to them later. Formats without ids may rightly hold the same line twice (two
failures within a second), so there only a repetition in *another* file is one: of overlapping files each line counts
as often as in the file that has it most often.

>>> from stepwarden.events.attempt import Attempt
>>> one = Imported(attempt=Attempt(action="login"), time=2, source="a", source_line=1, event_id="x")
>>> two = Imported(attempt=Attempt(action="login"), time=1, source="a", source_line=2, event_id="y")
>>> [item.source_line for item in in_order([[one, two, one]], chunk=2)]
[2, 1]

Not here: reading files (``connect``), and any decision (``replay``). Temporary files hold personal data of the log;
they have no name on the disk and are gone when the iterator is, or the process.
"""

import heapq
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from itertools import chain, islice, pairwise
from typing import IO, Final

import msgspec

from stepwarden.connect.importers.base import Imported
from stepwarden.errors import StorageError

CHUNK: Final = 50_000
"""Attempts that are sorted in memory: about 60 MB."""
MERGED: Final = 128
"""Temporary files that are open at once, at most; before there are more, they are merged into one."""
LOOKED_AT: Final = 2_000
"""Attempts at the beginning of a file that tell in which direction it runs."""

_LONGEST: Final = 1 << 48
"""More attempts than a file holds."""

Placed = tuple[int, int, Imported]
"""Time, place among equal times (``file * _LONGEST`` + number in the file), attempt. Places are unique, so that
comparing two never comes to comparing attempts."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Placed).decode


def in_order(
    files: Iterable[Iterable[Imported]], *, chunk: int = CHUNK, dropped: Counter[str] | None = None
) -> Iterator[Imported]:
    """The attempts of all files by time, without duplicates.

    Args:
        chunk: how many are held in memory.
        dropped: counts those left out, under ``a duplicate``.

    Raises:
        StorageError: there is no room for temporary files.
    """
    source = chain.from_iterable(_placed(number, items) for number, items in enumerate(files))
    with ExitStack() as opened:
        runs: list[IO[bytes]] = []
        run = sorted(islice(source, chunk))
        while following := list(islice(source, chunk)):
            if len(runs) >= MERGED:
                runs = [_spilled(heapq.merge(*map(_read_back, runs)), opened)]
            runs.append(_spilled(run, opened))
            following.sort()
            run = following
        merged = heapq.merge(*map(_read_back, runs), run) if runs else iter(run)
        yield from _without_duplicates(merged, dropped if dropped is not None else Counter())


def _placed(number: int, items: Iterable[Imported]) -> Iterator[Placed]:
    """The attempts of one file, each with its place."""
    source = iter(items)
    beginning = list(islice(source, LOOKED_AT))
    steps = [later.time - earlier.time for earlier, later in pairwise(beginning)]
    backwards = sum(step < 0 for step in steps) > sum(step > 0 for step in steps)
    step = -1 if backwards else 1
    place = number * _LONGEST + (_LONGEST - 1 if backwards else 0)
    for item in chain(beginning, source):
        yield item.time, place, item
        place += step


def _spilled(run: Iterable[Placed], opened: ExitStack) -> IO[bytes]:
    """The run in a temporary file that is gone when ``opened`` closes."""
    try:
        file = opened.enter_context(tempfile.TemporaryFile(prefix="stepwarden-replay-"))  # noqa: SIM115 - ``opened`` closes it
        for item in run:
            data = _encode(item)
            file.write(len(data).to_bytes(4, "big") + data)
        file.seek(0)
    except OSError as exc:
        where = tempfile.gettempdir()
        raise StorageError(f"no room to sort in {where}: {exc.strerror}; TMPDIR names another place") from exc
    return file


def _read_back(file: IO[bytes]) -> Iterator[Placed]:
    while head := file.read(4):
        yield _decode(file.read(int.from_bytes(head, "big")))
    file.close()


class _Moment:
    """What was seen with one time stamp: vendor ids, and how often each record without one, by file."""

    __slots__ = ("ids", "kept", "seen")

    def __init__(self) -> None:
        self.ids: set[tuple[str, ...]] = set()
        self.seen: Counter[tuple[int, str, bytes]] = Counter()
        self.kept: Counter[bytes] = Counter()

    def is_new(self, place: int, item: Imported) -> bool:
        if item.event_id:
            attempt = item.attempt
            copied = (item.event_id, attempt.action, attempt.actor, attempt.outcome)
            new = copied not in self.ids
            self.ids.add(copied)
            return new
        record = blake2b(_encode(item.attempt), digest_size=16).digest()
        # The members of an archive are files of their own, told apart by their names.
        key = (place // _LONGEST, item.source, record)
        self.seen[key] += 1
        new = self.seen[key] > self.kept[record]
        self.kept[record] += new
        return new


def _without_duplicates(items: Iterable[Placed], dropped: Counter[str]) -> Iterator[Imported]:
    moment: _Moment | None = None
    before: Placed | None = None
    for placed in items:
        time, place, item = placed
        if before is None or time != before[0]:
            moment = None
            new = True
        else:
            # Only where two records share a moment is there anything to compare.
            if moment is None:
                moment = _Moment()
                moment.is_new(before[1], before[2])
            new = moment.is_new(place, item)
        before = placed
        if new:
            yield item
        else:
            dropped["a duplicate"] += 1
