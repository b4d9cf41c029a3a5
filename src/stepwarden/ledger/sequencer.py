"""The sequencer: gives each entry its place, and says when it is there for good.

    submit -> waiting -> (end of this turn of the loop) -> one group -> hash, sign, commit -> receipts

Entries stand in the log in the order of ``submit``. What is submitted in one turn of the event loop (with no
await between) is committed in one group, up to 4,096 entries. There is no linger: a group starts as soon as
the writer's thread is free, with what is there. One group is in flight at a time. A receipt is given only
when the store's ``commit`` has returned.

Any error of a commit is the end: nobody knows whether the group is on disk, so it is never tried again. All
who wait get the error, every later ``submit`` raises it, and opening the log anew finds out what is there.

At the start the log is checked, not believed (``Sequencer.open``): this process becomes the writer, so that a former
one cannot commit any more; then ``start.check`` reads head, tiles and last entries.

Each head is signed by every key that is active, so that a key can be replaced while verifiers know one of them
(``replace_signers``, between two groups). A key that cannot sign is an error of the commit like any other: the log
stops, and is never signed by fewer keys than it should be.

Used from one event loop's thread; the commits run in a thread of its own. It is *not* the verifier: tiles and
entries further back are read by ``verify``.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from queue import SimpleQueue
from typing import Final, Self

from stepwarden.errors import BusyError, LedgerError, StepwardenError
from stepwarden.ledger.checkpoint import Checkpoint, check_origin
from stepwarden.ledger.note import Signer, Verifier, sign_note
from stepwarden.ledger.proof import NodeReader
from stepwarden.ledger.start import check, check_end
from stepwarden.ledger.store import MAX_LEAF, Group, Head, LogStore, Submission
from stepwarden.ledger.tiles import StoredNodes, Tail

MAX_GROUP: Final = 4_096
"""Entries of one commit at most, so that nobody waits behind an endless one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Every entry with an index below ``size`` is in the log that ``checkpoint`` (a signed note) commits
    to."""

    size: int
    checkpoint: str


_Waiting = tuple[Submission, "asyncio.Future[Receipt]"]
_Batch = list[_Waiting]


@dataclass(frozen=True, slots=True)
class _NewSigners:
    """In the writer's queue: every group behind it is signed by these."""

    signers: tuple[Signer, ...]


_Item = _Batch | _NewSigners | None
_Done = Callable[[Sequence[_Batch], Head, Tail], None]
_Broken = Callable[[Sequence[_Batch], StepwardenError], None]
_NOTHING: Final[_Batch] = []
"""Stands for: no batch left over."""


class Sequencer:
    """The one place where a log grows. ``open`` makes one."""

    def __init__(
        self,
        store: LogStore,
        *,
        origin: str,
        signers: tuple[Signer, ...],
        limit: int,
        epoch: int,
        head: Head,
        tail: Tail,
    ) -> None:
        self.head = head
        """The newest durable head. Changes on the loop's thread, before the receipts are given."""
        self.next_index = head.size
        """The index that the next ``submit`` will get."""
        self.failed: StepwardenError | None = None
        """Why the log does not go on; None while it does."""
        self._limit = limit
        self._open = 0
        self._fresh: _Batch = []
        self._closing = False
        self._idle: asyncio.Future[None] | None = None
        self._nodes = StoredNodes(store, tail)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer = _Writer(
            store,
            origin=origin,
            signers=signers,
            epoch=epoch,
            tail=tail,
            done=self._committed,
            broken=self._broken,
        )

    @classmethod
    def open(
        cls,
        store: LogStore,
        *,
        origin: str,
        signer: Signer,
        limit: int,
        beside: Sequence[Signer] = (),
        accepted: Collection[Verifier] = (),
    ) -> Self:
        """Take the log over and check its end. A new log gets its first signed head, of size 0.

        Args:
            signer: the main key; its signature stands first on every head.
            limit: entries that may wait, those in flight included, before ``submit`` refuses.
            beside: keys that sign every head as well.
            accepted: keys that may have signed the stored head, those of ``signer`` and ``beside`` aside.

        Raises:
            MalformedNoteError, BadSignatureError: the head is not one that this key signed for this origin.
            CorruptLogError: head, tiles and entries disagree.
            StorageError: from the store.
            SignerError: a key did not sign the first head.
        """
        check_origin(origin)
        signers = (signer, *beside)
        epoch = store.take_over()
        stored = store.load()
        if stored is None:
            tail = Tail()
            head = _sign(origin, signers, epoch, tail)
            check_end(store, 0)
            store.commit(Group(first=0, submissions=(), tiles=(), head=head))
        else:
            head = stored
            tail = check(store, stored, origin, [*(known.verifier for known in signers), *accepted])
        return cls(store, origin=origin, signers=signers, limit=limit, epoch=epoch, head=head, tail=tail)

    @property
    def room(self) -> int:
        """How many more entries may wait."""
        return self._limit - self._open

    def check_open(self) -> None:
        """Raises: StepwardenError: the log has failed (``failed``), or is closed."""
        if self.failed is not None:
            raise self.failed
        if self._closing:
            raise LedgerError("the log is closed")

    def submit(self, submission: Submission) -> asyncio.Future[Receipt]:
        """Append an entry; its index is ``next_index`` as it was before the call. Loop thread only.

        The future may be dropped or cancelled: the entry is committed all the same.

        Raises:
            BusyError: ``limit`` entries are waiting. Nothing was taken.
            StepwardenError: the log has failed (``failed``), or is closed.
            ValueError: the leaf is too long.
        """
        given: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.submit_all([(submission, given)])
        return given

    def submit_all(self, waiting: Sequence[tuple[Submission, asyncio.Future[Receipt]]]) -> None:
        """Append entries in order, all or none of them; each future gets the receipt of its entry. As ``submit``.

        Raises:
            BusyError, StepwardenError, ValueError: as ``submit``; nothing was taken.
        """
        self.check_open()
        if len(waiting) > self.room:
            raise BusyError(f"{self._open} entries wait to be written")
        longest = max((len(submission.leaf) for submission, _ in waiting), default=0)
        if longest > MAX_LEAF:
            raise ValueError(f"a leaf of {longest} bytes")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._writer.start(self._loop)
        if not self._fresh:
            # At the end of this turn of the loop, when everybody who could run has submitted.
            self._loop.call_soon(self._publish)
        self._fresh += waiting
        self._open += len(waiting)
        self.next_index += len(waiting)

    def replace_signers(self, signer: Signer, *beside: Signer) -> None:
        """Sign with these keys from here on: what was submitted before ends a group that the keys before sign,
        what is submitted after begins one that these sign. Loop thread only.

        Raises:
            StepwardenError: the log has failed (``failed``), or is closed.
            ValueError: two of the keys are one.
        """
        self.check_open()
        signers = (signer, *beside)
        if len({(known.name, known.key_id) for known in signers}) < len(signers):
            raise ValueError("each key signs once")
        if self._fresh:
            self._publish()
        self._writer.put(_NewSigners(signers))

    def proof_reader(self) -> NodeReader:
        """What proofs of any size up to ``head.size`` are made from. Loop thread only."""
        return self._nodes

    async def close(self) -> None:
        """Commit what waits, then stop the writer's thread. Twice is no error; the store stays open.

        Does not raise what stopped the log: that is in ``failed``.
        """
        self._closing = True
        if self._loop is None:
            return
        if self._open:
            self._idle = self._idle or self._loop.create_future()
            await self._idle
        self._writer.stop()
        await self._loop.run_in_executor(None, self._writer.join)

    def _publish(self) -> None:
        batch, self._fresh = self._fresh, []
        if self.failed is not None:
            self._refuse(batch, self.failed)
            return
        for start in range(0, len(batch), MAX_GROUP):
            self._writer.put(batch[start : start + MAX_GROUP])

    def _committed(self, batches: Sequence[_Batch], head: Head, tail: Tail) -> None:
        """On the loop: a group is durable."""
        self.head = head
        self._nodes.advance(tail)
        receipt = Receipt(size=head.size, checkpoint=head.checkpoint)
        for batch in batches:
            for _, future in batch:
                if not future.done():
                    future.set_result(receipt)
            self._settled(len(batch))

    def _broken(self, batches: Sequence[_Batch], error: StepwardenError) -> None:
        """On the loop: a commit failed. ``batches`` is what was in flight; the rest waits behind it."""
        self.failed = error
        for batch in (*batches, *self._writer.left()):
            self._refuse(batch, error)

    def _refuse(self, batch: _Batch, error: StepwardenError) -> None:
        for _, future in batch:
            if not future.done():
                future.set_exception(error)
                # Whoever dropped the future reads `failed`: no complaint about an error nobody fetched.
                future.exception()
        self._settled(len(batch))

    def _settled(self, count: int) -> None:
        self._open -= count
        if self._open == 0 and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)


class _Writer:
    """Commits groups in a thread of its own, one after another, until it is stopped or a commit fails."""

    def __init__(
        self,
        store: LogStore,
        *,
        origin: str,
        signers: tuple[Signer, ...],
        epoch: int,
        tail: Tail,
        done: _Done,
        broken: _Broken,
    ) -> None:
        self._store = store
        self._origin = origin
        self._signers = signers
        self._epoch = epoch
        self._tail = tail
        self._done = done
        self._broken = broken
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        # A daemon: a process that ends without close() must not hang. What it cuts short was not answered.
        self._thread = threading.Thread(target=self._run, args=(loop,), name="ledger writer", daemon=True)
        self._thread.start()

    def put(self, item: _Batch | _NewSigners) -> None:
        self._queue.put(item)

    def stop(self) -> None:
        """End after what was put before."""
        self._queue.put(None)

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def left(self) -> list[_Batch]:
        """What was put and not taken, once the thread has given up."""
        batches = []
        while not self._queue.empty():
            item = self._queue.get()
            if isinstance(item, list):
                batches.append(item)
        return batches

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        item = self._queue.get()
        while item is not None:
            if isinstance(item, _NewSigners):
                self._signers = item.signers
                item = self._queue.get()
                continue
            batches, item = self._gather(item)
            try:
                head = self._commit(batches)
            except Exception as exc:  # noqa: BLE001 a thread that dies in silence leaves everybody waiting
                error = (
                    exc if isinstance(exc, StepwardenError) else LedgerError(f"the writer failed: {exc!r}")
                )
                if error is not exc:
                    error.__cause__ = exc
                _tell(loop, self._broken, [*batches, item] if isinstance(item, list) else batches, error)
                return
            _tell(loop, self._done, batches, head, self._tail)
            if item is _NOTHING:
                item = self._queue.get()

    def _gather(self, batch: _Batch) -> tuple[list[_Batch], _Item]:
        """What is there now, up to a full group, and what did not go into it: a batch, other keys, the end."""
        batches = [batch]
        count = len(batch)
        while not self._queue.empty():
            following = self._queue.get()
            if not isinstance(following, list) or count + len(following) > MAX_GROUP:
                return batches, following
            batches.append(following)
            count += len(following)
        return batches, _NOTHING

    def _commit(self, batches: Sequence[_Batch]) -> Head:
        submissions = [submission for batch in batches for submission, _ in batch]
        tail = self._tail.copy()
        tail.extend([sha256(b"\x00" + leaf).digest() for leaf, _, _ in submissions])
        head = _sign(self._origin, self._signers, self._epoch, tail)
        first = head.size - len(submissions)
        self._store.commit(Group(first=first, submissions=submissions, tiles=tail.take_full(), head=head))
        self._tail = tail
        return head


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    # The loop may be closed already when a process ends without close(): then nobody waits any more.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)


def _sign(origin: str, signers: Sequence[Signer], epoch: int, tail: Tail) -> Head:
    root = tail.root()
    text = Checkpoint(origin=origin, size=tail.size, root=root).format()
    return Head(size=tail.size, root=root, checkpoint=sign_note(text, signers), epoch=epoch)
