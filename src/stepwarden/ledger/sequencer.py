"""The sequencer: gives each entry its place, and says when it is there for good.

    submit -> waiting -> (end of this turn of the loop) -> one group -> hash, sign, commit -> receipts

Entries stand in the log in the order of ``submit``. What is submitted in one turn of the event loop (with no
await between) is committed in one group, up to 4,096 entries. There is no linger: a group starts as soon as
the writer's thread is free, with what is there. One group is in flight at a time. A receipt is given only
when the store's ``commit`` has returned.

Any error of a commit is the end: nobody knows whether the group is on disk, so it is never tried again. All
who wait get the error, every later ``submit`` raises it, and opening the log anew finds out what is there.

At the start the log is checked, not believed (``Sequencer.open``):

1. become the writer, so that a former one cannot commit any more;
2. the head's signature, by our own key, and its origin, size and root;
3. the end of the tree from the stored tiles and the last entries, whose root must be the signed one;
4. the entries of the last full tile, whose hashes must be the stored ones;
5. no entry after the head.

Used from one event loop's thread; the commits run in a thread of its own. It is *not* the verifier: tiles and
entries further back are read by ``verify``.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, Self

from stepwarden.errors import BusyError, CorruptLogError, LedgerError, StepwardenError
from stepwarden.ledger.checkpoint import Checkpoint, check_origin, open_checkpoint
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import Signer, sign_note
from stepwarden.ledger.proof import NodeReader
from stepwarden.ledger.store import MAX_LEAF, Group, Head, LogStore, Submission
from stepwarden.ledger.tiles import WIDTH, StoredNodes, Tail

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
_Done = Callable[[Sequence[_Batch], Head, Tail], None]
_Broken = Callable[[Sequence[_Batch], StepwardenError], None]
_NOTHING: Final[_Batch] = []
"""Stands for: no batch left over."""


class Sequencer:
    """The one place where a log grows. ``open`` makes one."""

    def __init__(
        self, store: LogStore, *, origin: str, signer: Signer, limit: int, epoch: int, head: Head, tail: Tail
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
            signer=signer,
            epoch=epoch,
            tail=tail,
            done=self._committed,
            broken=self._broken,
        )

    @classmethod
    def open(cls, store: LogStore, *, origin: str, signer: Signer, limit: int) -> Self:
        """Take the log over and check its end. A new log gets its first signed head, of size 0.

        Args:
            limit: entries that may wait, those in flight included, before ``submit`` refuses.

        Raises:
            MalformedNoteError, BadSignatureError: the head is not one that this key signed for this origin.
            CorruptLogError: head, tiles and entries disagree.
            StorageError: from the store.
        """
        check_origin(origin)
        epoch = store.take_over()
        stored = store.load()
        if stored is None:
            tail = Tail()
            head = _sign(origin, signer, epoch, tail)
            _check_end(store, 0)
            store.commit(Group(first=0, submissions=(), tiles=(), head=head))
        else:
            head = stored
            tail = _check(store, stored, origin, signer)
        return cls(store, origin=origin, signer=signer, limit=limit, epoch=epoch, head=head, tail=tail)

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

    def submit(
        self, submission: Submission, future: asyncio.Future[Receipt] | None = None
    ) -> asyncio.Future[Receipt]:
        """Append an entry; its index is ``next_index`` as it was before the call. Loop thread only.

        The future may be dropped or cancelled: the entry is committed all the same.

        Args:
            future: the one to give the receipt to; by default a new one. It is returned.

        Raises:
            BusyError: ``limit`` entries are waiting. Nothing was taken.
            StepwardenError: the log has failed (``failed``), or is closed.
            ValueError: the leaf is too long.
        """
        self.check_open()
        if self._open >= self._limit:
            raise BusyError(f"{self._open} entries wait to be written")
        if len(submission.leaf) > MAX_LEAF:
            raise ValueError(f"a leaf of {len(submission.leaf)} bytes")
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
            self._writer.start(loop)
        fresh = self._fresh
        if not fresh:
            # At the end of this turn of the loop, when everybody who could run has submitted.
            loop.call_soon(self._publish)
        given: asyncio.Future[Receipt] = loop.create_future() if future is None else future
        fresh.append((submission, given))
        self._open += 1
        self.next_index += 1
        return given

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
        signer: Signer,
        epoch: int,
        tail: Tail,
        done: _Done,
        broken: _Broken,
    ) -> None:
        self._store = store
        self._origin = origin
        self._signer = signer
        self._epoch = epoch
        self._tail = tail
        self._done = done
        self._broken = broken
        self._queue: SimpleQueue[_Batch | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        # A daemon: a process that ends without close() must not hang. What it cuts short was not answered.
        self._thread = threading.Thread(target=self._run, args=(loop,), name="ledger writer", daemon=True)
        self._thread.start()

    def put(self, batch: _Batch) -> None:
        self._queue.put(batch)

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
            batch = self._queue.get()
            if batch is not None:
                batches.append(batch)
        return batches

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._queue.get()
        while batch is not None:
            batches, batch = self._gather(batch)
            try:
                head = self._commit(batches)
            except Exception as exc:  # noqa: BLE001 a thread that dies in silence leaves everybody waiting
                error = (
                    exc if isinstance(exc, StepwardenError) else LedgerError(f"the writer failed: {exc!r}")
                )
                if error is not exc:
                    error.__cause__ = exc
                _tell(loop, self._broken, batches if batch is None else [*batches, batch], error)
                return
            _tell(loop, self._done, batches, head, self._tail)
            if batch is _NOTHING:
                batch = self._queue.get()

    def _gather(self, batch: _Batch) -> tuple[list[_Batch], _Batch | None]:
        """What is there now, up to a full group, and the first batch that did not fit (or the end, None)."""
        batches = [batch]
        count = len(batch)
        while not self._queue.empty():
            following = self._queue.get()
            if following is None or count + len(following) > MAX_GROUP:
                return batches, following
            batches.append(following)
            count += len(following)
        return batches, _NOTHING

    def _commit(self, batches: Sequence[_Batch]) -> Head:
        submissions = [submission for batch in batches for submission, _ in batch]
        tail = self._tail.copy()
        append = tail.append
        for leaf, _, _ in submissions:
            append(leaf_hash(leaf))
        head = _sign(self._origin, self._signer, self._epoch, tail)
        first = head.size - len(submissions)
        self._store.commit(Group(first=first, submissions=submissions, tiles=tail.take_full(), head=head))
        self._tail = tail
        return head


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    # The loop may be closed already when a process ends without close(): then nobody waits any more.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)


def _sign(origin: str, signer: Signer, epoch: int, tail: Tail) -> Head:
    root = tail.root()
    text = Checkpoint(origin=origin, size=tail.size, root=root).format()
    return Head(size=tail.size, root=root, checkpoint=sign_note(text, [signer]), epoch=epoch)


def _check(store: LogStore, head: Head, origin: str, signer: Signer) -> Tail:
    """Steps 2 to 5 of the start."""
    signed = open_checkpoint(head.checkpoint, origin, [signer.verifier])
    if (signed.size, signed.root) != (head.size, head.root):
        raise CorruptLogError(
            f"the stored head says {head.size} entries, its signature is over {signed.size}: restore the "
            "last copy"
        )
    tail = Tail.load(store, head.size)
    if tail.root() != head.root:
        raise CorruptLogError(
            f"the last entries or tiles do not lead to the signed root of {head.size} entries: run "
            "`ledger verify` to find which, and restore the last copy"
        )
    _check_last_tile(store, head.size)
    _check_end(store, head.size)
    return tail


def _check_last_tile(store: LogStore, size: int) -> None:
    full = size // WIDTH
    if not full:
        return
    hashes = b"".join([leaf_hash(leaf) for leaf in store.leaves((full - 1) * WIDTH, full * WIDTH)])
    if store.tile(0, full - 1) != hashes:
        raise CorruptLogError(
            f"the entries {(full - 1) * WIDTH} to {full * WIDTH - 1} do not have the hashes in their "
            "tile: restore the last copy"
        )


def _check_end(store: LogStore, size: int) -> None:
    if any(True for _ in store.leaves(size, size + 1)):
        raise CorruptLogError(
            f"there are entries after the signed end of the log at {size}: restore the last copy"
        )
