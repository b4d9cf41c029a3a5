"""The sequencer on SQLite against a list of hashes, in whatever order things happen: a Hypothesis state machine."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from stepwarden.errors import PrunedError
from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.merkle import Edge, leaf_hash
from stepwarden.ledger.proof import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import Submission, highest_floor
from stepwarden.storage.sqlite.log import SqliteLogStore
from tests.crash.faults import photograph
from tests.crash.scenes import ORIGIN, SIGNER, leaf, opening

# Small steps around the size of a tile, and now and then several tiles at once.
counts = st.one_of(st.integers(1, 9), st.sampled_from([127, 128, 255, 256, 257, 600, 1_100]))


class LedgerMachine(RuleBasedStateMachine):
    """What ought to be there: how many entries, which openings were erased, the floor, the newest acknowledged size."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="stepwarden-machine-"))
        self._lives = 0
        self._runner = asyncio.Runner()
        self._naive = Edge()
        self._roots = [self._naive.root()]
        self._erased: set[int] = set()
        self._floor = 0
        (self._folder / "0").mkdir()
        self._open()

    @property
    def size(self) -> int:
        return len(self._roots) - 1

    def _open(self) -> None:
        path = self._folder / str(self._lives) / "log.db"
        self._store = SqliteLogStore.open(path, checkpoint_seconds=0.01)
        self._sequencer = Sequencer.open(self._store, origin=ORIGIN, signer=SIGNER, limit=10_000)

    def _close(self) -> None:
        self._runner.run(self._sequencer.close())
        self._store.close()

    @rule(groups=st.lists(counts, min_size=1, max_size=3))
    def append(self, groups: list[int]) -> None:
        """Each receipt is over a tree that the naive one agrees with."""

        async def submit(count: int) -> None:
            first = self._sequencer.next_index
            waiting = [
                self._sequencer.submit(Submission(leaf(n), opening(n))) for n in range(first, first + count)
            ]
            for receipt in await asyncio.gather(*waiting):
                claim = open_checkpoint(receipt.checkpoint, ORIGIN, [SIGNER.verifier])
                assert claim.root == self._roots[claim.size]

        for count in groups:
            for n in range(self.size, self.size + count):
                self._naive.append(leaf_hash(leaf(n)))
                self._roots.append(self._naive.root())
            self._runner.run(submit(count))

    @rule()
    def restart(self) -> None:
        self._close()
        self._open()

    @rule()
    def crash(self) -> None:
        """The next life finds what was written, nothing that a closing would have tidied up."""
        self._lives += 1
        with self._store._checkpointer._turn, self._store._committing:
            photograph(self._folder / str(self._lives - 1), self._folder / str(self._lives))
        self._close()
        shutil.rmtree(self._folder / str(self._lives - 1))
        self._open()

    @precondition(lambda self: self.size > self._floor)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        indices = data.draw(st.lists(st.integers(0, self.size + 3), max_size=40))
        there = [n for n in set(indices) - self._erased if self._floor <= n < self.size and opening(n)]
        assert self._store.erase_openings(indices) == len(there)
        self._erased |= set(there)

    @rule()
    def scrub(self) -> None:
        self._store.scrub()
        assert (self._folder / str(self._lives) / "log.db-wal").stat().st_size == 0

    @precondition(lambda self: highest_floor(self.size) > self._floor)
    @rule(data=st.data())
    def prune(self, data: st.DataObject) -> None:
        floor = 256 * data.draw(st.integers(0, highest_floor(self.size) // 256))
        self._store.prune(floor)
        self._floor = max(self._floor, floor)

    @precondition(lambda self: self.size > 0)
    @rule(data=st.data())
    def prove(self, data: st.DataObject) -> None:
        """Any entry, also a pruned one, in any size of the log; any two sizes."""
        old = data.draw(st.integers(1, self.size))
        size = data.draw(st.integers(old, self.size))
        index = data.draw(st.integers(0, size - 1))
        nodes = self._sequencer.proof_reader()
        proof = inclusion_proof(index, size, nodes)
        verify_inclusion(index, size, leaf_hash(leaf(index)), proof, self._roots[size])
        proof = consistency_proof(old, size, nodes)
        verify_consistency(old, size, proof, self._roots[old], self._roots[size])

    @invariant()
    def holds_what_was_acknowledged(self) -> None:
        assert self._sequencer.head.size == self.size
        assert self._sequencer.head.root == self._roots[-1]
        assert self._store.floor() == self._floor
        assert list(self._store.leaves(self._floor, self.size + 3)) == [
            leaf(n) for n in range(self._floor, self.size)
        ]
        assert list(self._store.openings(self._floor, self.size)) == [
            b"" if n in self._erased else opening(n) for n in range(self._floor, self.size)
        ]
        if self._floor:
            with pytest.raises(PrunedError):
                next(self._store.leaves(self._floor - 1, self.size))

    def teardown(self) -> None:
        self._close()
        self._runner.close()
        shutil.rmtree(self._folder)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.soak
def test_the_ledger_in_whatever_order_for_long() -> None:
    """The same machine, many more runs."""
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=300, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
