"""The audit: what the entries of a log mean, checked in the pass that hashes them. Steps 7 to 12 of ``ledger verify``.

     7  personal openings   there, or erased as the log says            (``audit_openings``)
     8  challenge links     decision -> challenge -> proof -> outcome   (``audit_links``)
     9  step-up proofs      as far as the log alone shows               (``audit_proofs``)
    10  decisions           recomputed, and each policy's steps         (``audit``)
    11  keys                rotations, retirements, who signed          (``audit_keys``)
    12  time stamps         of anchored checkpoints                     (given by the caller, who knows authorities)

Each entry is looked at against the fold of the entries before it, then folded. No step stops at its first failure: it
counts them and names the first few. An entry that cannot be read, or folded, is a failure of step 10, and ends 8 to 10
there, because nothing after it has a state to be held against.

A pruned log is audited from its floor on, from the state that was kept there.

Numbers 1 to 6 are the ledger's (``ledger.verify``): they say whether these are the entries that were signed; nothing
here is worth anything without them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from stepwarden.errors import CorruptLogError, MalformedEntryError, StepwardenError
from stepwarden.events import entries as e
from stepwarden.events.encoding import decode, decode_trusted
from stepwarden.flow.audit import compare, permitted
from stepwarden.flow.audit_keys import KeyAudit
from stepwarden.flow.audit_links import Links
from stepwarden.flow.audit_openings import Openings
from stepwarden.flow.audit_proofs import Proofs
from stepwarden.flow.audit_steps import TITLES, Findings
from stepwarden.flow.state import LogState
from stepwarden.ledger.verify import Step
from stepwarden.signals.limits import STANDARD

Stamp = Callable[[e.LogAnchored], None]
"""Checks one stamp. Raises: StepwardenError: it does not hold."""


class Entries(Protocol):
    """What is read beside the entries that come in: earlier ones again, and openings."""

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        """Yield the entries ``first`` to ``stop - 1``."""
        ...


class Sealed(Protocol):
    """Where openings are."""

    def openings(self, first: int, stop: int) -> Iterator[bytes]:
        """Yield the sealed openings of the entries ``first`` to ``stop - 1``, b"" where there is none."""
        ...


class Audit:
    """Takes the entries in their order (``take``), then says what it found (``steps``)."""

    def __init__(
        self,
        reader: Entries,
        *,
        keys: KeyAudit,
        floor: tuple[int, LogState | None, str],
        openings: tuple[Openings, Sealed] | None,
        stamp: Stamp | None,
    ) -> None:
        """Make ready.

        Args:
            floor: index of the first entry, the state kept there (None: there is none) and its SHA-256 (hex).
            openings: None where they cannot be had: a published log.
            stamp: None where no authority is known.
        """
        self._reader = reader
        self._first, self._state, self._digest = floor
        self._openings = openings
        self._stamp = stamp
        self._keys = keys
        self._links = Links(self._fetch, self._first)
        self._proofs = Proofs(self._links.attempt)
        self._decisions = Findings(10)
        self._stamps = Findings(12)
        self._entries = 0
        self._decided = 0
        self._vouched = self._first == 0
        self._lost = ""
        if self._first and self._state is None:
            self._lost = "the state at the floor is not at hand"

    def take(self, first: int, leaves: Sequence[bytes]) -> None:
        """Look at the entries from ``first`` on."""
        sealed = self._openings[1].openings(first, first + len(leaves)) if self._openings else iter(())
        for index, leaf in enumerate(leaves, start=first):
            beside = next(sealed, b"")
            self._entries += 1
            try:
                entry = decode(leaf)
            except MalformedEntryError as exc:
                self._unreadable(index, exc)
                continue
            if self._openings:
                self._openings[0].check(index, entry, beside)
            self._keys.check(index, entry)
            if isinstance(entry, e.LogAnchored):
                self._stamped(index, entry)
            if not self._lost:
                self._follow(index, entry)

    def take_later(self, leaves: Iterator[bytes]) -> None:
        """Look at what a service beside us has appended since the head that is verified: erasures, no more."""
        for leaf in leaves:
            try:
                entry = decode(leaf)
            except MalformedEntryError:
                return
            if self._openings and isinstance(entry, e.SubjectErased):
                self._openings[0].erased_since(entry)

    def _follow(self, index: int, entry: e.Entry) -> None:
        """Steps 8 to 10 for one entry."""
        if self._state is None:
            if not isinstance(entry, e.ServiceStarted):
                self._unreadable(index, CorruptLogError("the log does not begin with service.started"))
                return
            self._state = LogState(STANDARD)
        state = self._state
        if entry.previous >= index:
            self._links.findings.fail(
                f"entry {index}: it follows entry {entry.previous}, which comes after it"
            )
        self._links.check(state, index, entry)
        self._proofs.check(state, index, entry)
        try:
            if isinstance(entry, e.AttemptDecided):
                self._decided += 1
                compare(index, entry, state)
            else:
                permitted(index, entry, state)
            if isinstance(entry, e.LogPruned) and entry.floor == self._first:
                self._vouched = self._vouched or entry.state == self._digest
        except StepwardenError as exc:
            self._decisions.fail(str(exc), exc)
        try:
            state.fold(index, entry)
        except StepwardenError as exc:
            self._unreadable(index, exc)

    def _unreadable(self, index: int, error: StepwardenError) -> None:
        self._decisions.fail(f"entry {index}: {error}", error)
        self._lost = self._lost or f"nothing after entry {index} could be held against a state"

    def _stamped(self, index: int, entry: e.LogAnchored) -> None:
        if self._stamp is None:
            self._stamps.unchecked = "no authority was given"
            return
        self._stamps.count += 1
        try:
            if entry.size > index:
                raise CorruptLogError(f"it stamps {entry.size} entries, more than there were")
            self._stamp(entry)
        except StepwardenError as exc:
            self._stamps.fail(f"entry {index}: {exc}", exc)

    def _fetch(self, index: int) -> e.Entry | None:
        for leaf in self._reader.leaves(index, index + 1):
            try:
                return decode_trusted(leaf)
            except MalformedEntryError:
                return None
        return None

    def steps(self, notes: Sequence[str]) -> list[Step]:
        """Steps 7 to 12; ``notes`` are the checkpoints of this log that we have, its head first."""
        for findings in (self._links.findings, self._proofs.findings, self._decisions):
            findings.unchecked = findings.unchecked or self._lost
        if not self._vouched and not self._lost:
            self._decisions.fail(
                f"no entry says that the state kept at the floor {self._first} is the right one"
            )
        self._decisions.count = self._decided
        openings = (
            self._openings[0].step() if self._openings else _unchecked(7, "a published log has no openings")
        )
        return [
            openings,
            self._links.findings.step("each follows what it says"),
            self._proofs.findings.step("each is what its challenge asked for"),
            self._decisions.step(f"all {self._decided} are what the log before them leads to"),
            self._keys.step(notes),
            self._stamps.step("each holds") if self._stamps.count or self._stamps.unchecked else _none(12),
        ]


def _unchecked(number: int, why: str) -> Step:
    return Step(number=number, title=TITLES[number], ok=True, detail=why, count=0, checked=False)


def _none(number: int) -> Step:
    return Step(number=number, title=TITLES[number], ok=True, detail="the log holds none", count=0)
