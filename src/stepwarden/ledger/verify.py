"""The verifier of a whole log: reads it from its first entry and says, step by step, what holds.

    1  the head       a signed note by a given key, for this origin, that says what the store says
    2  the entries    as many as the head counts, none after it, none too long
    3  the tree       the root over these entries is the one that was signed
    4  the tiles      each full tile is stored and holds the hashes of these entries; none is stored beyond
    5  the past       each earlier checkpoint that we were given is how this log began
    6  the witnesses  a quorum has signed one of the checkpoints (``check_witnesses``, where a policy is given)

A log that was pruned has a floor: of the entries before it only the hashes are there, in the tiles. They go into the
tree as they stand, which proves that the rest is what was signed, and nothing about what the pruned entries said. The
report says how many they are.

It trusts nothing in the store: hashes are computed from the entries' bytes. It checks the log as it is at the start;
what a running service appends meanwhile is no failure. It needs constant memory, hashes each entry once, and goes on
after a failure. A bad log raises nothing: ``Report.raise_failure`` is there for those who want an exception.

    >>> print(Step(number=3, title="the tree", ok=True, detail="root 3q2+7w==...", count=12))
    3. the tree: ok, root 3q2+7w==... (12)

This is *not* a check of what the entries mean: who knows that is given them on the way (``entries``). And a log that
was cut at its end, with a head that was signed back then, is a good log here: only steps 5 and 6 can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Final, Protocol

from stepwarden.errors import CorruptLogError, PrunedError, RollbackError, StepwardenError, WitnessError
from stepwarden.ledger.checkpoint import Checkpoint, open_checkpoint
from stepwarden.ledger.merkle import HASH_SIZE
from stepwarden.ledger.note import Verifier, encode_base64
from stepwarden.ledger.store import MAX_LEAF, Head
from stepwarden.ledger.tiles import HEIGHT, WIDTH, Tail, read_tile
from stepwarden.ledger.witness_policy import WitnessPolicy

BATCH: Final = 16 * WIDTH
"""Entries hashed between two progress reports."""

NAMED: Final = 5
"""Damaged places named in a detail; more are counted."""

Progress = Callable[[int, int], None]
"""Called with the entries read so far, and how many the head counts."""

Entries = Callable[[int, Sequence[bytes]], None]
"""Called with the index of the first of some entries, and these entries, all in order; not those before the floor."""


class LogReader(Protocol):
    """The part of a log store that a verifier reads; the contract is the store's."""

    def load(self) -> Head | None:
        """Return the head of the last committed group."""
        ...

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        """Yield the entries ``first`` to ``stop - 1``."""
        ...

    def tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile, or None."""
        ...

    def floor(self) -> int:
        """Return the index of the first entry that was not pruned, a multiple of 256."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was checked. ``count`` is how many items; ``error`` is why it failed.

    ``checked`` is False where nothing was looked at; the detail then says why. That is no failure.
    """

    number: int
    title: str
    ok: bool
    detail: str
    count: int
    error: StepwardenError | None = None
    checked: bool = True

    @property
    def result(self) -> str:
        """``ok``, ``FAILED`` or ``not checked``."""
        return "FAILED" if not self.ok else "ok" if self.checked else "not checked"

    def __str__(self) -> str:
        return f"{self.number}. {self.title}: {self.result}, {self.detail} ({self.count})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found: ``size`` entries under ``root``, of which only the hashes were there before ``floor``."""

    origin: str
    size: int
    root: bytes
    steps: tuple[Step, ...]
    floor: int = 0

    @property
    def ok(self) -> bool:
        """Whether every step holds."""
        return all(step.ok for step in self.steps)

    def raise_failure(self) -> None:
        """Do nothing for a good log.

        Raises:
            StepwardenError: of the first step that failed.
        """
        for step in self.steps:
            if not step.ok:
                raise step.error or CorruptLogError(str(step))

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps))


def verify_log(
    reader: LogReader,
    *,
    origin: str,
    verifiers: Collection[Verifier],
    earlier: Sequence[str] = (),
    progress: Progress | None = None,
    entries: Entries | None = None,
) -> Report:
    """Check a log against its head, its tiles and earlier checkpoints (signed notes) that were kept
    elsewhere.

    Args:
        entries: is given every entry on the way, before anything is known of it; what it raises passes through.

    Raises nothing for a bad log. A store that cannot be read fails the step that needed it.
    """
    past, head_step, head = _Past(), None, None
    for number, note in enumerate(earlier, start=1):
        past.add(number, note, origin, verifiers)
    try:
        head = reader.load()
        head_step = _check_head(head, origin, verifiers)
    except StepwardenError as exc:
        head_step = _failed(1, "the head", exc, count=1)
    scan = _Scan(size=head.size if head else 0, past=past, taken=entries)
    try:
        scan.run(reader, progress)
    except StepwardenError as exc:
        scan.error = exc
    root = scan.tail.root()
    steps = (head_step, scan.entries(), _check_tree(head, scan.tail.size, root), scan.tiles(), past.step())
    return Report(origin=origin, size=scan.tail.size, root=root, steps=steps, floor=scan.floor)


def _failed(number: int, title: str, error: StepwardenError, *, count: int) -> Step:
    return Step(number=number, title=title, ok=False, detail=str(error), count=count, error=error)


def _check_head(head: Head | None, origin: str, verifiers: Collection[Verifier]) -> Step:
    """Step 1.

    Raises:
        LedgerError: whatever is wrong with it.
    """
    if head is None:
        raise CorruptLogError("there is no head, so there is no log to verify")
    claim = open_checkpoint(head.checkpoint, origin, verifiers)
    if (claim.size, claim.root) != (head.size, head.root):
        raise CorruptLogError(
            f"the store says {head.size} entries under {encode_base64(head.root)}, "
            f"what was signed is {claim.size} under {encode_base64(claim.root)}"
        )
    return Step(number=1, title="the head", ok=True, detail=f"signed for {origin}", count=1)


def _check_tree(head: Head | None, size: int, root: bytes) -> Step:
    """Step 3."""
    found = f"root {encode_base64(root)} over {size} entries"
    if head is not None and (head.size, head.root) == (size, root):
        return Step(number=3, title="the tree", ok=True, detail=found, count=size)
    wanted = "no head" if head is None else f"the head says {encode_base64(head.root)} over {head.size}"
    return _failed(3, "the tree", CorruptLogError(f"{found}, {wanted}"), count=size)


@dataclass(slots=True)
class _Places:
    """Where damage was seen: the first few, and how many in all."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(place)

    def __str__(self) -> str:
        more = f" and {self.count - len(self.named)} more" if self.count > len(self.named) else ""
        return ", ".join(self.named) + more


class _Past:
    """Step 5: earlier checkpoints, compared with the root that this log had at their size."""

    def __init__(self) -> None:
        self._claims: dict[int, list[tuple[int, Checkpoint]]] = {}
        self._bad = _Places()
        self._count = 0
        self._error: StepwardenError | None = None

    def add(self, number: int, note: str, origin: str, verifiers: Collection[Verifier]) -> None:
        self._count += 1
        try:
            claim = open_checkpoint(note, origin, verifiers)
        except StepwardenError as exc:
            self._fail(exc, f"number {number} is unusable: {exc}")
        else:
            self._claims.setdefault(claim.size, []).append((number, claim))

    def sizes(self) -> list[int]:
        """Where the scan must stop and look."""
        return sorted(self._claims)

    def compare(self, size: int, root: bytes) -> None:
        """Hear the root of the first ``size`` entries."""
        for number, claim in self._claims.pop(size, ()):
            if claim.root != root:
                self._fail(None, f"number {number} has another root over {size} entries")

    def _fail(self, error: StepwardenError | None, place: str) -> None:
        self._bad.add(place)
        self._error = self._error or error

    def step(self) -> Step:
        """Return the step; what the scan never reached is a log that lost entries."""
        for size, claims in sorted(self._claims.items()):
            for number, _ in claims:
                self._fail(None, f"number {number} counts {size} entries, which this log does not reach")
        self._claims.clear()
        if self._bad.count:
            error = self._error or RollbackError(f"this log has another past: {self._bad}")
            return Step(
                number=5, title="the past", ok=False, detail=str(self._bad), count=self._count, error=error
            )
        detail = "every earlier checkpoint agrees" if self._count else "no earlier checkpoint was given"
        return Step(number=5, title="the past", ok=True, detail=detail, count=self._count)


class _Scan:
    """Steps 2 and 4: one pass over the entries."""

    def __init__(self, *, size: int, past: _Past, taken: Entries | None) -> None:
        self.tail = Tail()
        self.error: StepwardenError | None = None
        self._size = size
        self._past = past
        self._taken = taken
        self.floor = 0
        self._entries: Iterator[bytes] = iter(())
        self._too_long = _Places()
        self._beyond = False
        self._bad_tiles = _Places()
        self._tiles = 0

    def run(self, reader: LogReader, progress: Progress | None) -> None:
        """Read everything; what is found is kept, what the store raises passes through."""
        self._open(reader)
        stops = [size for size in self._past.sizes() if size <= self._size]
        for stop in [*stops, self._size]:
            while self.tail.size < stop and self._read(reader, stop):
                if progress is not None:
                    progress(self.tail.size, self._size)
            if self.tail.size == stop:
                self._past.compare(stop, self.tail.root())
        self._beyond = next(self._entries, None) is not None
        self._look_beyond(reader)

    def _open(self, reader: LogReader) -> None:
        """Read on from where we are, or from the floor where that is further on."""
        self.floor = reader.floor()
        if not 0 <= self.floor <= self._size or self.floor % WIDTH:
            raise CorruptLogError(f"a log of {self._size} entries cannot begin at {self.floor}")
        # One entry more than the head counts, to see that there is none.
        self._entries = reader.leaves(max(self.floor, self.tail.size), self._size + 1)

    def _read(self, reader: LogReader, stop: int) -> bool:
        """Hash the next entries up to ``stop``; tell whether there were any."""
        first = self.tail.size
        # Batches end at tile boundaries: whole tiles are hashed faster.
        end = min(stop, (first // BATCH + 1) * BATCH)
        try:
            if first < self.floor:
                hashes = self._pruned(reader, first, min(end, self.floor))
            else:
                hashes = self._hash(first, list(islice(self._entries, end - first)))
        except PrunedError:
            before = self.floor
            self._open(reader)
            if self.floor == before:
                raise
            return True  # somebody pruned while we read: go on from the tiles
        self.tail.extend(hashes)
        for level, index, tile in self.tail.take_full():
            self._tiles += 1
            if reader.tile(level, index) != tile:
                self._bad_tiles.add(f"tile {index} of level {level}")
        return bool(hashes)

    def _hash(self, first: int, batch: Sequence[bytes]) -> list[bytes]:
        if batch and max(map(len, batch)) > MAX_LEAF:
            for index, entry in enumerate(batch, start=first):
                if len(entry) > MAX_LEAF:
                    self._too_long.add(f"entry {index}")
        if batch and self._taken is not None:
            self._taken(first, batch)
        return [sha256(b"\x00" + entry).digest() for entry in batch]

    def _pruned(self, reader: LogReader, first: int, stop: int) -> list[bytes]:
        """The hashes of entries before the floor, from the tile that holds them."""
        index = first >> HEIGHT
        tile = read_tile(reader, 0, index)
        start, end = first % WIDTH, min(WIDTH, stop - (index << HEIGHT))
        return [tile[at * HASH_SIZE : (at + 1) * HASH_SIZE] for at in range(start, end)]

    def _look_beyond(self, reader: LogReader) -> None:
        """No full tile may stand where the tree has none: it would be a trace of cut entries."""
        ends = [
            (level, self._size >> (HEIGHT * (level + 1)))
            for level in range(self._size.bit_length() // HEIGHT + 1)
        ]
        found = [(level, index) for level, index in ends if reader.tile(level, index) is not None]
        # Asked for after looking: what a running service has appended since is counted by the head of now.
        head = reader.load()
        size = head.size if head is not None else 0
        self._beyond = self._beyond and size <= self._size
        for level, index in found:
            if index >= size >> (HEIGHT * (level + 1)):
                self._bad_tiles.add(f"tile {index} of level {level}, beyond the end")

    def entries(self) -> Step:
        """Step 2."""
        size, title = self.tail.size, "the entries"
        if self.error is not None:
            return _failed(2, title, self.error, count=size)
        if size < self._size:
            text = f"entries {size} to {self._size - 1} are missing"
            return _failed(2, title, CorruptLogError(text), count=size)
        if self._beyond:
            return _failed(2, title, CorruptLogError("there are entries after the head's last"), count=size)
        if self._too_long.count:
            text = f"longer than {MAX_LEAF} bytes: {self._too_long}"
            return _failed(2, title, CorruptLogError(text), count=size)
        detail = "all there, none after the head"
        if self.floor:
            detail = f"those before {self.floor} were pruned (only their hashes count), the rest is all there"
        return Step(number=2, title=title, ok=True, detail=detail, count=size)

    def tiles(self) -> Step:
        """Step 4."""
        if self._bad_tiles.count or self.error is not None or self.tail.size < self._size:
            text = f"missing, or not over these entries: {self._bad_tiles}"
            if not self._bad_tiles.count:
                text = "not all could be checked"
            return _failed(4, "the tiles", CorruptLogError(text), count=self._tiles)
        return Step(number=4, title="the tiles", ok=True, detail="all stored, all right", count=self._tiles)


def check_witnesses(
    notes: Sequence[str], *, policy: WitnessPolicy | None, verifiers: Collection[Verifier], size: int
) -> Step:
    """Step 6: the newest of these checkpoints that a quorum has signed, in a log of ``size`` entries.

    That each is a checkpoint of this very log is step 5's to say: hand the same notes to ``verify_log``.
    """
    title = "the witnesses"
    if policy is None:
        return Step(number=6, title=title, ok=True, detail="no policy was given", count=0, checked=False)
    best: tuple[int, frozenset[str]] | None = None
    error: StepwardenError = WitnessError("no checkpoint that they could have signed was given")
    for note in notes:
        try:
            claim, names = policy.open(note, verifiers)
        except StepwardenError as exc:
            error = exc
            continue
        if best is None or claim.size > best[0]:
            best = (claim.size, names)
    if best is None:
        return _failed(6, title, error, count=len(notes))
    who = ", ".join(sorted(best[1])) or "nobody, and that is the quorum"
    detail = f"{who} signed the first {best[0]} of {size} entries"
    return Step(number=6, title=title, ok=True, detail=detail, count=len(best[1]))
