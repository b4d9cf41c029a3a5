"""Publishing: rounds, quorums, and witnesses that are slow, dead or wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import NotWitnessedError, WitnessError
from stepwarden.flow.publishing import Prove, Publisher
from stepwarden.ledger.checkpoint import Checkpoint, open_checkpoint
from stepwarden.ledger.cosignature import Ed25519Cosigner, MlDsaCosigner
from stepwarden.ledger.note import Signature, SignedNote
from stepwarden.ledger.store import Head
from tests.ledger.witness_world import NOW, ORIGIN, Tree

OWN = MlDsaCosigner.from_seed(ORIGIN, bytes([3]) * 32)


class Log:
    """What the publisher reads of a sequencer, over a tree in memory."""

    def __init__(self, size: int) -> None:
        self.tree = Tree.of(size)
        self.move(size)

    def move(self, size: int) -> None:
        claim = self.tree.grow(size).claim()
        self.head = Head(size=size, root=claim.root, checkpoint=self.tree.note(), epoch=1)

    def proof_reader(self) -> Tree:
        return self.tree


class Helper:
    """A witness that does as it is told: ``signs``, ``fails``, or waits for ``gate``."""

    def __init__(self, name: str, *, dead: bool = False) -> None:
        self.name = name
        self.dead = dead
        self.gate: asyncio.Event | None = None
        self.asked: list[int] = []
        self.key = Ed25519Cosigner.from_seed(f"witness.example/{name}", name.encode().ljust(32, b"."))

    async def cosign(self, note: str, claim: Checkpoint, prove: Prove) -> Signature:
        self.asked.append(claim.size)
        if self.gate is not None:
            await self.gate.wait()
        if self.dead:
            raise WitnessError("gone")
        await asyncio.sleep(0)
        return self.key.cosign(SignedNote.parse(note).text, NOW)


def publisher(
    log: Log,
    helpers: Collection[Helper],
    *,
    quorum: int = 2,
    doubted: Callable[[], bool] = lambda: False,
    patience: float = 5.0,
) -> Publisher:
    return Publisher(
        cast(Any, log),
        cosigner=OWN,
        witnesses=tuple(helpers),
        satisfied=lambda names: len(names) >= quorum,
        doubted=doubted,
        clock=lambda: NOW * 1_000_000,
        timeout=patience,
    )


def signers(note: str) -> set[str]:
    """Who signed, beside the log and its own cosigner."""
    return {line.name for line in SignedNote.parse(note).signatures} - {ORIGIN}


def run(do: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await do()

    asyncio.run(limited())


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_head_is_published_with_our_own_cosignature_before_anybody_is_asked() -> None:
    """From the first instant there is a note; both our keys are in it."""
    log = Log(4)
    one = publisher(log, [], quorum=0)
    assert one.size == 4
    assert open_checkpoint(one.note, ORIGIN, [log.tree.signer.verifier]).size == 4
    assert open_checkpoint(one.note, ORIGIN, [OWN.verifier]).size == 4


def test_a_moved_head_is_published_with_who_signed_it() -> None:
    """Each round is one checkpoint for all, and ends at the quorum."""

    async def do() -> None:
        log, helpers = Log(4), [Helper("a"), Helper("b"), Helper("c")]
        one = publisher(log, helpers, quorum=3)
        await one.step()
        assert signers(one.note) == {helper.key.name for helper in helpers}
        log.move(9)
        await one.step()
        assert (one.size, len(signers(one.note))) == (9, 3)
        assert [helper.asked for helper in helpers] == [[4, 9]] * 3
        await one.step()
        assert [helper.asked for helper in helpers] == [[4, 9]] * 3
        figures = one.figures()
        assert (figures.reached, figures.cosignatures, figures.witnessed) == (3, 6, 9)

    run(do)


def test_one_dead_witness_of_three_delays_nobody() -> None:
    """It hangs; the quorum of the two others ends the round, and the next begins without it."""

    async def do() -> None:
        log, helpers = Log(4), [Helper("a"), Helper("b"), Helper("c")]
        helpers[2].gate = asyncio.Event()
        one = publisher(log, helpers)
        await one.step()
        log.move(7)
        await one.step()
        assert await one.witnessed(7, within=1) == (7, ("a", "b"))
        assert helpers[2].asked == [4]
        helpers[2].gate.set()
        await turns()
        assert helpers[2].asked == [4, 7]
        assert len(signers(one.note)) == 3
        await one.close()

    run(do)


class Late(Helper):
    """Signs the head that it was asked for first, long afterwards, and no other."""

    async def cosign(self, note: str, claim: Checkpoint, prove: Prove) -> Signature:
        line = await super().cosign(note, claim, prove)
        if claim.size != self.asked[0]:
            raise WitnessError("gone")
        return line


def test_late_cosignature_of_an_older_head_takes_nothing_back() -> None:
    """What a quorum has witnessed stays witnessed."""

    async def do() -> None:
        log, late = Log(4), Late("c")
        late.gate = asyncio.Event()
        one = publisher(log, [Helper("a"), Helper("b"), late])
        await one.step()
        log.move(7)
        await one.step()
        late.gate.set()
        await turns()
        assert (late.asked, one.figures().witnessed) == ([4, 7], 7)
        assert (one.size, len(signers(one.note))) == (7, 2)

    run(do)


def test_a_quorum_is_over_one_and_the_same_checkpoint() -> None:
    """Two witnesses that signed two different trees are no quorum of either."""

    async def do() -> None:
        log, helpers = Log(4), [Helper("a"), Helper("b")]
        helpers[1].gate = asyncio.Event()
        one = publisher(log, helpers, patience=0.05)
        await one.step()
        log.move(6)
        helpers[0].dead = True
        await one.step()
        helpers[1].gate.set()
        await turns()
        # a signed 4, b signed 4 and 6: only 4 has a quorum
        with pytest.raises(NotWitnessedError):
            await one.witnessed(5, within=0.05)
        await one.close()

    run(do)


def test_same_witness_twice_counts_once() -> None:
    """However often it is asked, one witness is one."""

    async def do() -> None:
        log, helper = Log(4), Helper("a")
        one = publisher(log, [helper, Helper("b", dead=True)])
        for size in (5, 6, 7):
            log.move(size)
            await one.step()
        assert one.figures().cosignatures == 3
        with pytest.raises(NotWitnessedError):
            await one.witnessed(5, within=0.05)

    run(do)


def test_too_few_witnesses_is_an_error_at_the_time_out() -> None:
    """Nobody waits for ever, and the waiting leaves nothing behind."""

    async def do() -> None:
        one = publisher(Log(4), [Helper("a"), Helper("b", dead=True)])
        with pytest.raises(NotWitnessedError):
            await one.witnessed(4, within=0.05)
        assert one.figures().waiting == 0

    run(do)


def test_whoever_waits_is_served_at_once_and_together() -> None:
    """The round begins when somebody waits, not at the next second, and serves all who wait."""

    async def do() -> None:
        log = Log(4)
        one = publisher(log, [Helper("a"), Helper("b")])
        task = asyncio.create_task(one.run(3600))
        await one.witnessed(4, within=5)
        log.move(50)
        found = await asyncio.gather(*(one.witnessed(size, within=5) for size in (5, 20, 50)))
        assert found == [(50, ("a", "b"))] * 3
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await one.close()

    run(do)


def test_a_witness_that_failed_is_left_alone_unless_somebody_waits() -> None:
    """The next second it is not asked again; for somebody who waits it is."""

    async def do() -> None:
        log, helper = Log(4), Helper("a", dead=True)
        one = publisher(log, [helper, Helper("b")])
        await one.step()
        log.move(5)
        await one.step()
        assert helper.asked == [4]
        helper.dead = False
        task = asyncio.create_task(one.run(3600))
        assert await one.witnessed(5, within=5) == (5, ("a", "b"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(do)


def test_in_doubt_nothing_is_published_and_nobody_is_asked() -> None:
    """Our cosignature would say what is not known to be true."""

    async def do() -> None:
        doubt = SimpleNamespace(now=True)
        log, helper = Log(4), Helper("a")
        one = publisher(log, [helper], quorum=1, doubted=lambda: doubt.now)
        with pytest.raises(Exception, match="no known key"):
            open_checkpoint(one.note, ORIGIN, [OWN.verifier])
        log.move(6)
        await one.step()
        assert (one.size, helper.asked) == (4, [])
        doubt.now = False
        await one.step()
        assert (one.size, helper.asked) == (6, [6])
        assert open_checkpoint(one.note, ORIGIN, [OWN.verifier]).size == 6

    run(do)


def test_an_empty_log_is_not_shown_to_witnesses() -> None:
    """There is nothing to witness in nothing."""

    async def do() -> None:
        helper = Helper("a")
        await publisher(Log(0), [helper], quorum=1).step()
        assert not helper.asked

    run(do)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["grow", "step", "a", "b", "c", "open a", "open b", "open c"]), max_size=25),
    st.integers(1, 3),
)
def test_whatever_witnesses_do_a_quorum_really_signed_that_size(steps: list[str], quorum: int) -> None:
    """Witnesses die, hang and come back; whoever is told of a quorum finds so many signatures over one size."""

    async def do() -> None:
        log = Log(1)
        helpers = {name: Helper(name) for name in "abc"}
        one = publisher(log, helpers.values(), quorum=quorum, patience=0.005)
        for helper in helpers.values():
            helper.gate = asyncio.Event()
        for step in steps:
            if step == "grow":
                log.move(log.head.size + 1)
            elif step == "step":
                await one.step()
            elif step.startswith("open"):
                helper = helpers[step[-1]]
                if helper.gate is not None:
                    helper.gate.set()
                    helper.gate = None
            else:
                helpers[step].dead = not helpers[step].dead
            await turns(5)
            assert one.size <= log.head.size
            size = one.figures().witnessed
            if size >= 0:
                reached, names = await one.witnessed(size, within=1)
                assert reached == size
                assert len(names) >= quorum
                assert all(size in helpers[name].asked for name in names)
        for helper in helpers.values():
            if helper.gate is not None:
                helper.gate.set()
        await one.close()

    run(do)
