"""Publishing: the checkpoint that the world sees, cosigned by ourselves and by witnesses.

The log signs a head at every commit, thousands in a second. About once a second, if the head has moved, one of them is
*published*: its signature lines, our own ML-DSA-44 cosignature, and the cosignatures of the witnesses as they come.

A *round* is one checkpoint for all witnesses, because a quorum has to sign the same tree: two witnesses that each
saw another one could have been shown a fork. A round ends when the quorum has signed, when all witnesses that were
asked have answered, or at the time-out; then it is published, and the next may begin. A witness that is late is
asked for the round of that moment when it is free, so a dead one delays nobody whom the quorum does not need it for.

What witnesses send is believed once it verifies (``Witness.cosign`` promises that). A witness counts once for a round,
by its name in the policy. One that fails is left alone for a while, longer each time, unless somebody waits.

``witnessed`` waits for a quorum over a size. While the log is in doubt nothing is published and nobody is asked: our
cosignature says "the largest consistent tree that I have seen", which would not be true.

All on the loop's thread. Not here: HTTP (``connect.witnesses``), what a quorum is (``ledger.witness_policy``), and what
is held back until it is reached (``holding``).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from stepwarden.errors import NotWitnessedError, StepwardenError
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.cosignature import Cosigner
from stepwarden.ledger.note import Signature, SignedNote
from stepwarden.ledger.proof import consistency_proof
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import Head

Prove = Callable[[int, int], list[bytes]]
"""The consistency proof between two sizes of the log."""
REST: Final = 1.0
"""Seconds that a witness which failed is left alone, doubled each time."""
LONGEST_REST: Final = 60.0
AGAIN: Final = 0.05
"""Seconds between two rounds while somebody waits for a quorum."""
_log = logging.getLogger("stepwarden")


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessFinding:
    """A witness knows our log longer than it is (``ahead``), or another one (``fork``).

    ``size`` is what it says it has signed. ``note`` is the checkpoint that it serves, "" if it gave none: only what our
    own key signed in there proves anything, for anybody can answer with a number.
    """

    source: str
    kind: Literal["ahead", "fork"]
    size: int
    note: str
    detail: str


class Witness(Protocol):
    """Somebody who can be asked to cosign. ``name`` is theirs in the policy."""

    @property
    def name(self) -> str: ...

    async def cosign(self, note: str, claim: Checkpoint, prove: Prove) -> Signature:
        """Return the witness's cosignature of a signed checkpoint, verified. Ends within a time of its own.

        Raises:
            WitnessError: it did not sign.
            CorruptLogError: from ``prove``.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessFigures:
    """How publishing goes. ``reached``: witnesses whose last answer was a cosignature.

    ``published`` and ``witnessed`` are sizes: of the newest note, and of the newest that a quorum signed (-1: none).
    """

    witnesses: int
    reached: int
    cosignatures: int
    waiting: int
    published: int
    witnessed: int


@dataclass(slots=True)
class _Round:
    """One checkpoint, and who has signed it. ``base``: the lines of the log and our own."""

    claim: Checkpoint
    base: SignedNote
    signed: dict[str, Signature] = field(default_factory=dict)
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class Publisher:
    """``run`` it as a task, or call ``step`` about once a second."""

    def __init__(
        self,
        sequencer: Sequencer,
        *,
        cosigner: Cosigner,
        witnesses: Sequence[Witness],
        satisfied: Callable[[frozenset[str]], bool],
        doubted: Callable[[], bool],
        clock: Callable[[], int],
        timeout: float,
    ) -> None:
        """Publish the log's head as it is now; from then on ``step`` does.

        Args:
            satisfied: whether these witnesses are a quorum.
            doubted: whether the log is in doubt.
            clock: microseconds since 1970 UTC.
            timeout: seconds that a round may take.
        """
        self._sequencer = sequencer
        self._cosigner = cosigner
        self._witnesses = {witness.name: witness for witness in witnesses}
        self._satisfied = satisfied
        self._doubted = doubted
        self._clock = clock
        self._timeout = timeout
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, int] = {}
        self._rest: dict[str, float] = {}
        self._reached: set[str] = set()
        self._cosignatures = 0
        self._waiters: dict[asyncio.Future[tuple[int, tuple[str, ...]]], int] = {}
        self._wake = asyncio.Event()
        self._stepping = asyncio.Lock()
        self._round = self._begun(sequencer.head)
        self._best: tuple[int, tuple[str, ...]] = (-1, ())
        self.note = ""
        """The newest published checkpoint, a signed note."""
        self.size = 0
        """Its size."""
        self.witnessed_note = ""
        """The newest published checkpoint that a quorum of witnesses has signed; "" before there is one."""
        self._publish(self._round)

    # -- what others ask -------------------------------------------------------------------------

    async def witnessed(self, size: int, *, within: float) -> tuple[int, tuple[str, ...]]:
        """Wait until a quorum has signed one checkpoint of at least ``size`` entries.

        Args:
            within: seconds to wait at most.

        Returns:
            The size of that checkpoint and the names of those who signed it.

        Raises:
            NotWitnessedError: too few signed in time.
        """
        if self._best[0] >= size:
            return self._best
        waiter: asyncio.Future[tuple[int, tuple[str, ...]]] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = size
        self._wake.set()
        try:
            async with asyncio.timeout(within):
                return await waiter
        except TimeoutError:
            raise NotWitnessedError(
                "too few witnesses have signed in time, so nothing was granted: ask for the action again"
            ) from None
        finally:
            self._waiters.pop(waiter, None)

    def figures(self) -> WitnessFigures:
        """How it goes."""
        return WitnessFigures(
            witnesses=len(self._witnesses),
            reached=len(self._reached),
            cosignatures=self._cosignatures,
            waiting=len(self._waiters),
            published=self.size,
            witnessed=self._best[0],
        )

    # -- rounds ----------------------------------------------------------------------------------

    async def run(self, every: float) -> None:
        """Publish every so many seconds, and at once when somebody waits for a quorum. Until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.step()
            except StepwardenError as exc:
                # The next round tries again; a log that has failed stops the process elsewhere.
                _log.error("the checkpoint could not be published: %s", exc)
            if self._waiters:
                await asyncio.sleep(min(AGAIN, every))
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), every)

    async def step(self) -> None:
        """One round: publish the head if it has moved, and ask those who have not signed it.

        One at a time: an older round that ends late must not take the place of a newer one.

        Raises:
            StepwardenError: the head cannot be read or cosigned.
        """
        async with self._stepping:
            await self._step()

    async def _step(self) -> None:
        if self._doubted():
            return
        head = self._sequencer.head
        if head.size != self._round.claim.size:
            self._round = await asyncio.to_thread(self._begun, head)
        current = self._round
        self._ask(current)
        try:
            async with asyncio.timeout(self._timeout):
                while not self._over(current):
                    current.moved.clear()
                    await current.moved.wait()
        except TimeoutError:
            _log.debug("a round over %d entries ends without some witnesses", current.claim.size)
        self._publish(current)

    async def close(self) -> None:
        """Ask nobody any more."""
        tasks = tuple(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begun(self, head: Head) -> _Round:
        """A round over this head, with our own cosignature. In a thread: ML-DSA takes a millisecond."""
        base = SignedNote.parse(head.checkpoint)
        if not self._doubted():
            own = self._cosigner.cosign(base.text, self._clock() // 1_000_000)
            base = SignedNote(text=base.text, signatures=(*base.signatures, own))
        return _Round(Checkpoint.parse(base.text), base)

    def _over(self, current: _Round) -> bool:
        return not self._busy or self._is_quorum(current)

    def _is_quorum(self, current: _Round) -> bool:
        return bool(self._witnesses) and self._satisfied(frozenset(current.signed))

    def _publish(self, current: _Round) -> None:
        lines = tuple(current.signed[name] for name in self._witnesses if name in current.signed)
        note = SignedNote(text=current.base.text, signatures=(*current.base.signatures, *lines))
        self.note, self.size = note.format(), current.claim.size
        if self._is_quorum(current):
            self.witnessed_note = self.note

    # -- asking ----------------------------------------------------------------------------------

    def _ask(self, current: _Round) -> None:
        """Ask those who are free and have not signed; who failed lately only if somebody waits."""
        now = asyncio.get_running_loop().time()
        if current.claim.size == 0:
            return
        for name, witness in self._witnesses.items():
            rests = self._rest.get(name, 0.0) > now and not self._waiters
            if name not in self._busy and name not in current.signed and not rests:
                self._busy[name] = asyncio.create_task(self._work(witness), name=f"witness {name}")

    async def _work(self, witness: Witness) -> None:
        """Have one witness sign the newest round, until it has or fails."""
        name = witness.name
        try:
            while name not in (current := self._round).signed and not self._doubted():
                line = await witness.cosign(current.base.format(), current.claim, self._prove)
                self._signed(current, name, line)
        except StepwardenError as exc:
            self._failed(name, exc)
        finally:
            del self._busy[name]
            self._round.moved.set()

    def _prove(self, old: int, new: int) -> list[bytes]:
        return consistency_proof(old, new, self._sequencer.proof_reader())

    def _signed(self, current: _Round, name: str, line: Signature) -> None:
        current.signed[name] = line
        self._cosignatures += 1
        self._reached.add(name)
        self._failures.pop(name, None)
        self._rest.pop(name, None)
        size = current.claim.size
        if self._is_quorum(current) and size >= self._best[0]:
            self._best = (size, tuple(sorted(current.signed)))
            for waiter, wanted in self._waiters.items():
                if wanted <= size and not waiter.done():
                    waiter.set_result(self._best)
        if size == self.size:
            self._publish(current)
        current.moved.set()

    def _failed(self, name: str, why: StepwardenError) -> None:
        count = self._failures[name] = self._failures.get(name, 0) + 1
        self._rest[name] = asyncio.get_running_loop().time() + min(LONGEST_REST, REST * 2 ** min(count, 10))
        if name in self._reached or count == 1:
            _log.warning("the witness %s did not sign: %s", name, why)
        self._reached.discard(name)
