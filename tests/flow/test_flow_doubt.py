"""A log that was put back: what outside knows of it stops it, or raises every demand until somebody has looked."""

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest

from stepwarden.app.node import Node
from stepwarden.errors import InputError, RollbackError, StepwardenError
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode
from stepwarden.events.entries import AttemptDecided, Demand, LogDoubted, LogTrusted, ServiceStopped
from stepwarden.flow.answers import Answer
from stepwarden.flow.audit import recompute
from stepwarden.flow.state import claim_of
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.keys import read_signer
from stepwarden.ledger.note import sign_note
from stepwarden.policy.demand import HIGHEST
from tests.flow.flow_house import House

READ = Attempt(
    action="balance.read", actor="alice", session="signed-in", ip="198.51.100.7", user_agent="Mozilla/5.0"
)
GUESS = Attempt(action="login", actor="alice", ip="203.0.113.9", user_agent="curl/8")


async def nothing(node: Node) -> None:
    """Only the start and the stop."""


async def read(node: Node) -> Answer:
    return await node.service.decide(READ, by="k")


def put_away(house: House, where: Path) -> None:
    """Yesterday's copy of the database."""
    where.mkdir()
    for path in house.data.glob("log.db*"):
        shutil.copy(path, where)


def put_back(house: House, where: Path) -> None:
    for path in house.data.glob("log.db*"):
        path.unlink()
    for path in where.iterdir():
        shutil.copy(path, house.data)


@pytest.fixture
def yesterday(house: House, tmp_path: Path) -> Path:
    """A house in which something happened after the copy was made; its database is still the newer one."""
    house.live(read)
    put_away(house, tmp_path / "yesterday")
    house.live(read)
    return tmp_path / "yesterday"


def entries(house: House) -> list[object]:
    return [decode(leaf) for leaf in house.leaves()]


def replayed(house: House) -> int:
    leaves = house.leaves()
    return recompute(lambda first, stop: iter(leaves[first:stop]), len(leaves), lambda _: None).decisions


def test_rollback_of_the_database_alone_is_refused_by_our_own_note(house: House, yesterday: Path) -> None:
    """Nothing is set up, and still: the note beside the database knows more. Nothing is written on top."""
    longer = len(house.leaves())
    put_back(house, yesterday)
    shorter = house.leaves()
    with pytest.raises(RollbackError) as caught:
        house.live(nothing)
    said = str(caught.value)
    assert f"It holds {len(shorter)} entries" in said
    assert f"ahead, {longer} entries under root" in said
    assert "published.checkpoint" in said
    assert "stepwarden ledger trust --reason" in said
    assert "Restore the newest copy" in said
    assert house.leaves() == shorter
    with pytest.raises(RollbackError):
        house.live(nothing)


def test_a_log_that_was_not_touched_starts_as_ever(house: House, yesterday: Path) -> None:
    house.given["doubt.checkpoints"] = (str(house.data / "published.checkpoint"),)
    house.given["doubt.require"] = 1
    assert house.live(read).decision == "allow"


def test_attack_the_database_is_deleted_and_a_new_log_is_begun(house: House, yesterday: Path) -> None:
    """An empty log under the same keys is a rollback to the beginning."""
    for path in house.data.glob("log.db*"):
        path.unlink()
    with pytest.raises(RollbackError, match="It holds 0 entries"):
        house.live(nothing)


@pytest.mark.parametrize("note", ["", "garbage", "log.example/other\n1\nAAAA\n\n— x AAAA\n"])
def test_attack_our_own_note_is_emptied_or_replaced(house: House, yesterday: Path, note: str) -> None:
    """Only we write that file: what proves nothing in there was put there by somebody else."""
    put_back(house, yesterday)
    (house.data / "published.checkpoint").write_text(note)
    with pytest.raises(RollbackError):
        house.live(nothing)


def test_a_fork_is_told_from_a_rollback(house: House, yesterday: Path, tmp_path: Path) -> None:
    """Put back, and lived in until it is longer than before: another root over the same number."""
    kept = tmp_path / "kept.checkpoint"
    shutil.copy(house.data / "published.checkpoint", kept)
    put_back(house, yesterday)
    (house.data / "published.checkpoint").unlink()
    for _ in range(3):
        house.live(read)
    house.given["doubt.checkpoints"] = (str(kept),)
    with pytest.raises(RollbackError, match=r"fork, .*another root over the first"):
        house.live(nothing)


def test_restoring_an_old_database_never_resets_risk_silently(house: House, yesterday: Path) -> None:
    """What was known of an attacker is gone with the entries; so everybody is asked for the highest proof."""

    async def guess(node: Node) -> Answer:
        for _ in range(12):
            attempt = await node.service.decide(GUESS, by="k")
            await node.service.report(attempt.id, outcome="failure", proved=[], session="", by="k")
        return await node.service.decide(GUESS, by="k")

    put_back(house, yesterday)
    (house.data / "published.checkpoint").unlink()
    assert house.live(guess).decision != "allow"  # the risk of guessing is known ...
    put_back(house, yesterday)  # ... and forgotten
    house.given["doubt.then"] = "raise"
    found = house.live(lambda node: node.service.decide(GUESS, by="k"))
    assert found.decision == "step_up"
    assert found.demand == HIGHEST
    assert found.reasons[0].rule == "log_doubted"


def test_raise_serves_with_the_highest_demand_until_somebody_trusts(house: House, yesterday: Path) -> None:
    """The doubt is an entry, outlives restarts, is recomputed by replay, and ends with a reason."""
    longer = len(house.leaves())
    put_back(house, yesterday)
    house.given["doubt.then"] = "raise"
    for _ in range(2):
        found = house.live(read)
        assert (found.decision, found.demand) == ("step_up", HIGHEST)
        assert found.reasons[0].rule == "log_doubted"
    (doubted,) = [entry for entry in entries(house) if isinstance(entry, LogDoubted)]
    assert (doubted.finding, doubted.size) == ("ahead", longer)
    assert "published.checkpoint" in doubted.source

    async def trust(node: Node) -> Answer:
        with pytest.raises(InputError):
            await node.watch.trust("  ", by="command")
        told = await node.watch.trust("the disk died, no newer copy", by="command")
        assert claim_of(doubted.size, doubted.root) in told["known"]  # type: ignore[operator]
        return await read(node)

    assert house.live(trust).decision == "allow"
    assert house.live(read).decision == "allow"
    (trusted,) = [entry for entry in entries(house) if isinstance(entry, LogTrusted)]
    assert trusted.reason == "the disk died, no newer copy"
    assert replayed(house) == 1 + 2 + 1 + 1


def test_attack_the_database_is_put_back_to_before_the_trust(house: House, yesterday: Path) -> None:
    """What an operator accepted stands in the log: a log from before that is in doubt again."""
    put_back(house, yesterday)
    house.given["doubt.then"] = "raise"

    async def trust(node: Node) -> None:
        await node.watch.trust("looked into it", by="command")

    house.live(trust)
    house.live(read)
    put_back(house, yesterday)
    house.given["doubt.then"] = "refuse"
    with pytest.raises(RollbackError):
        house.live(nothing)


def test_a_recorded_decision_of_a_doubted_time_is_recomputed_as_one(house: House, yesterday: Path) -> None:
    """Taking the doubt out of the log changes what follows, and replay names it."""
    put_back(house, yesterday)
    house.given["doubt.then"] = "raise"
    house.live(read)
    leaves = [leaf for leaf in house.leaves() if not isinstance(decode(leaf), LogDoubted)]
    with pytest.raises(StepwardenError, match=r"evidence|demand"):
        recompute(lambda first, stop: iter(leaves[first:stop]), len(leaves), lambda _: None)


def test_while_serving_a_finding_stops_deciding_and_trust_goes_on(house: House, tmp_path: Path) -> None:
    """Not ready, every attempt refused with the reason, nothing appended; then an operator ends it."""
    kept = tmp_path / "kept.checkpoint"
    house.given["doubt.checkpoints"] = (str(tmp_path),)
    house.given["doubt.seconds"] = 3_600
    tmp_path.joinpath("other").mkdir()

    async def live(node: Node) -> None:
        watching = asyncio.create_task(node.watch.run())
        assert (await read(node)).decision == "allow"
        await node.watch.keep()
        published = (house.data / "published.checkpoint").read_text()
        size = node.state.size
        claim = Checkpoint(
            origin=node.sequencer.head.checkpoint.split("\n")[0], size=size + 50, root=bytes(32)
        )
        kept.write_text(sign_note(claim.format(), [read_signer(node.paths.ledger_key)]))
        node.watch.suspect()
        while node.service.ready()[0]:  # noqa: ASYNC110 - the watch sets no event of ours
            await asyncio.sleep(0.01)
        assert node.service.ready() == (False, "ledger.rolled_back")
        with pytest.raises(RollbackError, match=f"ahead, {size + 50} entries"):
            await read(node)
        assert node.state.size == size
        await node.watch.keep()
        assert (house.data / "published.checkpoint").read_text() == published
        await node.watch.trust("a test wrote that note", by="command")
        assert node.service.ready() == (True, "")
        assert (await read(node)).decision == "allow"
        watching.cancel()

    house.live(live)
    assert replayed(house) == 2
    house.live(read)


def test_while_serving_a_finding_can_raise_every_demand_instead(house: House, tmp_path: Path) -> None:
    house.given |= {"doubt.checkpoints": (str(tmp_path / "kept"),), "doubt.then": "raise"}

    async def live(node: Node) -> None:
        watching = asyncio.create_task(node.watch.run())
        claim = Checkpoint(origin=node.sequencer.head.checkpoint.split("\n")[0], size=3, root=bytes(32))
        (tmp_path / "kept").write_text(sign_note(claim.format(), [read_signer(node.paths.ledger_key)]))
        assert (await read(node)).decision == "allow"
        node.watch.suspect()
        while not node.state.doubted:  # noqa: ASYNC110 - the watch sets no event of ours
            await asyncio.sleep(0.01)
        assert (await read(node)).decision == "step_up"
        watching.cancel()

    house.live(live)
    (doubted,) = [entry for entry in entries(house) if isinstance(entry, LogDoubted)]
    assert doubted.finding == "fork"
    assert replayed(house) == 2


def test_a_refused_run_leaves_no_last_entry(house: House, yesterday: Path) -> None:
    """Not even ``service.stopped`` is put on top of a log that was put back."""
    put_back(house, yesterday)
    before = entries(house)
    with pytest.raises(RollbackError):
        house.live(nothing)
    assert entries(house) == before
    assert isinstance(before[-1], ServiceStopped)


def test_too_few_who_agree_is_no_start_where_so_many_are_required(house: House, tmp_path: Path) -> None:
    """Out of reach is unknown, and unknown is not agreement. A new log, of which nobody can know, starts."""
    house.given["doubt.require"] = 1
    house.given["doubt.checkpoints"] = (str(tmp_path / "nowhere"),)
    house.live(read)
    with pytest.raises(
        RollbackError, match=r"0 sources outside agree.*doubt\.require asks for 1(.|\n)*nowhere"
    ):
        house.live(nothing)
    shutil.copy(house.data / "published.checkpoint", tmp_path / "nowhere")
    house.live(read)


def test_attack_a_note_by_another_key_counts_as_agreement(house: House, tmp_path: Path) -> None:
    """Notes that prove nothing neither stop a log nor make up the number that is required."""
    (tmp_path / "kept").write_text("a note\n\n— log.example/other AAAAAAAA\n")
    house.given["doubt.checkpoints"] = (str(tmp_path / "kept"),)
    house.live(read)
    house.live(read)
    house.given["doubt.require"] = 1
    with pytest.raises(RollbackError, match="unusable"):
        house.live(nothing)


def test_nothing_to_trust_is_said_and_not_recorded(house: House) -> None:
    async def trust(node: Node) -> None:
        size = node.state.size
        with pytest.raises(InputError, match="no doubt to end"):
            await node.watch.trust("just in case", by="command")
        assert node.state.size == size

    house.live(trust)


def test_the_highest_demand_can_be_met(house: House, yesterday: Path) -> None:
    """Whoever has a factor gets through, by a proof for this very action; it is used up by it."""

    async def enrol(node: Node) -> object:
        sign_in = Attempt(action="login", actor="alice", ip="198.51.100.7", user_agent="Mozilla/5.0")
        answer = await node.service.decide(sign_in, by="k")
        await node.service.report(answer.id, outcome="success", proved=["pwd"], session="signed-in", by="k")
        return await node.service.enrol_totp("alice", attempt="", by="k")

    put_back(house, yesterday)
    (house.data / "published.checkpoint").unlink()
    enrolment = house.live(enrol)
    house.given["doubt.then"] = "raise"
    shutil.copy(house.data / "published.checkpoint", house.data.parent / "kept")

    async def prove(node: Node) -> list[str]:
        asked = await read(node)
        assert asked.challenge is not None
        passed = await node.service.answer(
            asked.challenge.id,
            factor="totp",
            answer=house.code(enrolment),  # type: ignore[arg-type]
            by="k",
        )
        again = msgspec.structs.replace(READ, grant=passed.grant)
        return [(await node.service.decide(again, by="k")).decision for _ in range(2)]

    async def doubt(node: Node) -> None:
        claim = Checkpoint(origin=node.sequencer.head.checkpoint.split("\n")[0], size=2, root=bytes(32))
        (house.data.parent / "kept").write_text(
            sign_note(claim.format(), [read_signer(node.paths.ledger_key)])
        )

    house.live(doubt)
    house.given["doubt.checkpoints"] = (str(house.data.parent / "kept"),)
    assert house.live(prove) == ["allow", "step_up"]
    decided = [entry for entry in entries(house) if isinstance(entry, AttemptDecided)]
    assert decided[-1].demand == Demand(aal=2, max_age=60, bound=True)
    replayed(house)
