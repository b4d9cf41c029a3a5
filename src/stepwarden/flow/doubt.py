"""Doubt: what is known of this log outside of it, and what follows when that is more, or other, than is in it.

A log that was put back to yesterday's copy is a perfect log by itself: signed, whole, every decision recomputes. Only
somebody else's memory shows that something is missing. So at the start, before anything is served, and then on a
timer, everything that keeps checkpoints of this log is asked (``survey``): our own note outside the database, an
archive, files that were carried away, witnesses, anchors. Each is compared by recomputing (``ledger.compare``).

    agrees        same, or behind: it is how this log began
    contradicts   ahead, or fork: this log was rolled back, cut, replaced or forked
    says nothing  out of reach, no checkpoint yet, or none that proves anything: unknown, never agreement

What follows a contradiction is the operator's setting: ``refuse`` (nothing is decided any more, and the message says
who knows what), or ``raise``: a ``log.doubted`` entry, and from it on every demand is the highest (``policy.demand``),
until a ``log.trusted`` entry. Both entries are folded, so replay recomputes the decisions of a doubted time as well.

``log.trusted`` names the claims that it accepts. These contradict for ever, for two logs have grown from one key, and
are no reason to doubt again; any other claim is. A database that is put back to before that entry is in doubt again.

Order matters: first everybody outside is asked, then our head is read. The other way round a log that grows meanwhile
would look rolled back.

Not here: where checkpoints are kept and how they are fetched (``Outside``), and the timer.
"""

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal, Protocol

from stepwarden.errors import InputError, RollbackError, StepwardenError
from stepwarden.events.entries import LogDoubted, LogTrusted
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.state import LogState
from stepwarden.ledger.compare import Claim, Finding, History
from stepwarden.ledger.note import Verifier, encode_base64
from stepwarden.ledger.store import Head
from stepwarden.ledger.verify import LogReader

Then = Literal["refuse", "raise"]
MAX_REASON = 1_024
MAX_KNOWN = 500
"""Claims that one ``log.trusted`` accepts at most: as many as fit into a leaf."""
DETAIL = 512
AT_ONCE = 16
NOTHING = "knows no checkpoint of this log"
TO_DO = (
    "Restore the newest copy of the data directory. If what is missing is known and accepted, go on with "
    '`stepwarden ledger trust --reason "..."`: it records who knew what, and why you go on'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A checkpoint that was kept. ``when`` it was last known to be true, microseconds, 0 where nobody knows."""

    note: str
    when: int = 0


class Outside(Protocol):
    """Something that keeps checkpoints of this log where the log's database does not reach."""

    @property
    def name(self) -> str:
        """Who or where this is, for people."""
        ...

    @property
    def ours(self) -> bool:
        """Whether only this service writes there: then a note that proves nothing is a contradiction too."""
        ...

    def kept(self) -> Sequence[Kept]:
        """Return what is kept there; nothing where there is none yet. Blocking.

        Raises:
            StepwardenError: out of reach; the message says why.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one source knows, beside our log. ``contradicts`` is the verdict."""

    source: str
    finding: Finding
    claim: Claim
    when: int
    contradicts: bool

    def __str__(self) -> str:
        seen = f", {datetime.fromtimestamp(self.when / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC" if self.when else ""
        known = f"{self.claim.size} entries under root {encode_base64(self.claim.root)}"
        return f"{self.source}: {self.finding.kind}, {known}{seen}: {self.finding.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What everybody outside knows. ``unknown`` are those who said nothing, and why."""

    head: Head
    seen: tuple[Sighting, ...]
    unknown: tuple[tuple[str, str], ...]
    agreeing: frozenset[str]

    def against(self, state: LogState) -> tuple[Sighting, ...]:
        """The contradictions that nobody has accepted, one for each claim."""
        found: dict[str, Sighting] = {}
        for sighting in self.seen:
            if sighting.contradicts and sighting.claim.name not in state.trusted:
                found.setdefault(sighting.claim.name, sighting)
        return tuple(found.values())

    def telling(self) -> tuple[tuple[str, str], ...]:
        """Those of ``unknown`` that are worth a line: of a log without entries nobody can know anything yet."""
        return self.unknown if self.head.size else tuple(one for one in self.unknown if one[1] != NOTHING)

    def check(self, state: LogState) -> None:
        """Do nothing where nobody contradicts.

        Raises:
            RollbackError: who knows what, what this log holds, and what to do.
        """
        against = self.against(state)
        if against:
            ours = f"{self.head.size} entries under root {encode_base64(self.head.root)}"
            known = "\n  ".join(map(str, against))
            raise RollbackError(
                f"this log was rolled back, cut or forked. It holds {ours}, and outside is known:\n  {known}\n{TO_DO}"
            )

    def require(self, count: int, state: LogState) -> None:
        """Do nothing where so many sources outside agree. A new log, of which nobody can know, needs none.

        Raises:
            RollbackError: too few do, so nobody can say whether this log was rolled back.
        """
        accepted = {one.source for one in self.seen if one.claim.name in state.trusted}
        if self.head.size and len(self.agreeing | accepted) < count:
            silent = "\n  ".join(f"{name}: {why}" for name, why in self.unknown) or "nobody else is asked"
            raise RollbackError(
                f"{len(self.agreeing | accepted)} sources outside agree with this log of {self.head.size} entries, "
                f"doubt.require asks for {count}, so nobody can say whether it was rolled back. Of the others:\n  "
                f"{silent}\nBring them back, or lower doubt.require"
            )


def survey(
    outside: Iterable[Outside], reader: LogReader, verifiers: Collection[Verifier], origin: str
) -> Survey:
    """Ask everybody, then compare. Blocking.

    Raises:
        CorruptLogError: our own tiles do not hold together.
        StorageError: our own log cannot be read.
    """
    told: list[tuple[Outside, Sequence[Kept]]] = []
    unknown: list[tuple[str, str]] = []
    # All at once: ten witnesses that are down must not cost a start ten times the patience for one.
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="doubt") as pool:
        for source, kept in pool.map(_asked, outside):
            if isinstance(kept, StepwardenError):
                unknown.append((source.name, f"out of reach: {kept}"))
                continue
            told.append((source, kept))
            if not kept:
                unknown.append((source.name, NOTHING))
    head = reader.load()
    if head is None:
        raise RollbackError("there is no log to compare")
    history = History(reader, head)
    seen: list[Sighting] = []
    agreeing = set()
    for source, kept in told:
        for one in kept:
            finding = history.compare(one.note, verifiers, origin)
            sighting = _sighting(source, one, finding)
            if sighting is None:
                unknown.append((source.name, f"unusable: {finding.detail}"))
                continue
            seen.append(sighting)
            if not source.ours:
                agreeing.add(source.name)
    disagreeing = {sighting.source for sighting in seen if sighting.contradicts}
    return Survey(
        head=head, seen=tuple(seen), unknown=tuple(unknown), agreeing=frozenset(agreeing - disagreeing)
    )


def _asked(source: Outside) -> tuple[Outside, Sequence[Kept] | StepwardenError]:
    try:
        return source, source.kept()
    except StepwardenError as exc:
        return source, exc


def _sighting(source: Outside, kept: Kept, finding: Finding) -> Sighting | None:
    claim, contradicts = finding.claim, finding.contradicts
    if claim is None:
        if not source.ours:
            return None
        # Only we write there, and whole notes only: what proves nothing was put there by somebody else. Size 0 with
        # this root is what no log claims.
        claim, contradicts = Claim(size=0, root=sha256(kept.note.encode()).digest()), True
    return Sighting(source=source.name, finding=finding, claim=claim, when=kept.when, contradicts=contradicts)


class Doubts:
    """What follows from a survey: on the loop's thread, with the log that the recorder writes."""

    def __init__(self, recorder: Recorder, then: Then) -> None:
        self._recorder = recorder
        self._then = then
        self._last: tuple[Sighting, ...] = ()

    @property
    def last(self) -> tuple[Sighting, ...]:
        """The contradictions that the last survey with any brought."""
        return self._last

    def hear(self, found: Survey) -> tuple[Sighting, ...]:
        """Draw the consequences of a survey made while serving; what contradicts and was not known before.

        ``refuse``: from here on nothing can be appended, so nothing is decided. ``raise``: ``log.doubted``.

        Raises:
            StepwardenError: the log cannot be written.
        """
        against = found.against(self._recorder.state)
        if not against:
            return ()
        self._last = against
        if self._then == "refuse":
            try:
                found.check(self._recorder.state)
            except RollbackError as exc:
                fresh = self._recorder.refused is None
                self._recorder.refused = exc
                return against if fresh else ()
        return self.record(against)

    def record(self, against: Iterable[Sighting]) -> tuple[Sighting, ...]:
        """A ``log.doubted`` entry for each claim that has none yet; returns those."""
        recorder = self._recorder
        fresh = tuple(one for one in against if one.claim.name not in recorder.state.doubts)
        for one in fresh:
            entry = LogDoubted(
                time=recorder.now(),
                id=recorder.new_id(),
                source=one.source[:DETAIL],
                finding="ahead" if one.finding.kind == "ahead" else "fork",
                size=one.claim.size,
                root=one.claim.root.hex(),
                detail=one.finding.detail[:DETAIL],
            )
            recorder.append(entry)
        return fresh

    async def trust(self, reason: str, *, by: str, against: Iterable[Sighting]) -> tuple[str, ...]:
        """End the doubt: a ``log.trusted`` entry that accepts what is known outside; returns the claims.

        Args:
            against: what a survey found just now; doubts in the log and what was heard before are added.

        Raises:
            InputError: no reason, or there is nothing to be trusted about.
        """
        if not reason.strip() or not reason.isprintable() or len(reason) > MAX_REASON:
            raise InputError(f"a reason is needed, at most {MAX_REASON} printable characters", field="reason")
        recorder = self._recorder
        claims = [one.claim.name for one in (*against, *self._last)]
        known = tuple(dict.fromkeys([*claims, *recorder.state.doubts]))[:MAX_KNOWN]
        if not known:
            raise InputError("nothing outside contradicts this log: there is no doubt to end", field="reason")
        entry = LogTrusted(time=recorder.now(), id=recorder.new_id(), by=by, reason=reason, known=known)
        refused, recorder.refused = recorder.refused, None
        try:
            durable = recorder.append(entry).durable
        except StepwardenError:
            recorder.refused = refused
            raise
        self._last = ()
        await durable
        return known
