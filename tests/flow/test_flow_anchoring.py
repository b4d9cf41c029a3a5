"""The log is stamped: the stamp is in the log, in files beside it, and contradicts a database from before."""

import asyncio
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwarden.app.anchoring import authority_of
from stepwarden.app.node import Node
from stepwarden.app.settings import Anchors, load_settings
from stepwarden.connect.timestamps import check_anchor
from stepwarden.errors import AnchorError, RollbackError, SettingsError
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode
from stepwarden.events.entries import LogAnchored
from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.keys import read_verifiers
from tests.connect.stamping_authority import StampingAuthority, now
from tests.flow.flow_house import House


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StampingAuthority]:
    with StampingAuthority(tmp_path_factory.mktemp("authority")).served() as made:
        yield made


@pytest.fixture
def anchored(house: House, authority: StampingAuthority) -> House:
    """A house whose log is stamped by a real authority; its clock is today's."""
    authority.behaviour = "good"
    house.time = now()
    house.given |= {"anchors.url": authority.url, "anchors.roots": str(authority.roots)}
    return house


async def anchor(node: Node) -> dict[str, object]:
    assert node.anchoring is not None
    return await node.anchoring.anchor(by="command")


def stamps(house: House) -> list[LogAnchored]:
    return [entry for leaf in house.leaves() if isinstance(entry := decode(leaf), LogAnchored)]


def test_a_stamp_is_an_entry_and_two_files_that_nobody_changes(anchored: House) -> None:
    """The response is in the log and beside it, over the text of the note that is kept with it."""
    told = anchored.live(anchor)
    (entry,) = stamps(anchored)
    folder = anchored.data / "anchors"
    assert sorted(path.name for path in folder.iterdir()) == [f"{entry.size}.checkpoint", f"{entry.size}.tsr"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}
    keys = read_verifiers(anchored.data / "keys" / "ledger.vkey")
    claim = open_checkpoint((folder / f"{entry.size}.checkpoint").read_text(), keys[0].name, keys)
    assert (claim.size, claim.root.hex()) == (entry.size, entry.root) == (told["size"], told["root"])
    settings = load_settings(anchored.data, {}, anchored.given)
    known = authority_of(anchored.data, settings.anchors)
    assert known is not None
    stamp = check_anchor(entry, keys[0].name, known)
    assert stamp.response == (folder / f"{entry.size}.tsr").read_bytes()


def test_attack_a_database_from_before_a_stamp_is_put_back(anchored: House, tmp_path: Path) -> None:
    """Our own note is gone, nobody else is asked: the stamped checkpoint is ahead."""

    async def nothing(node: Node) -> None:
        """Only the start and the stop."""

    anchored.live(nothing)
    shutil.copy(anchored.data / "log.db", tmp_path)
    anchored.live(anchor)
    for path in anchored.data.glob("log.db*"):
        path.unlink()
    shutil.copy(tmp_path / "log.db", anchored.data)
    (anchored.data / "published.checkpoint").unlink()
    with pytest.raises(RollbackError, match=r"anchors: ahead"):
        anchored.live(nothing)


def test_an_authority_that_fails_leaves_no_entry_and_no_file(
    anchored: House, authority: StampingAuthority
) -> None:
    authority.behaviour = "other imprint"
    with pytest.raises(AnchorError):
        anchored.live(anchor)
    assert stamps(anchored) == []
    assert not (anchored.data / "anchors").exists()


def test_the_timer_stamps_and_leaves_an_idle_log_alone(anchored: House) -> None:
    """Something to stamp at the start; after the stamp nothing but the stamp's own entry, so nothing more."""

    async def live(node: Node) -> None:
        assert node.anchoring is not None
        assert node.anchoring.due()
        running = asyncio.create_task(node.anchoring.run())
        while node.anchoring.due():  # noqa: ASYNC110 - the chore sets no event of ours
            await asyncio.sleep(0.01)
        await node.service.decide(Attempt(action="balance.read", actor="alice", session="s"), by="k")
        assert node.anchoring.due()
        running.cancel()

    anchored.live(live)
    assert len(stamps(anchored)) == 1


def test_decisions_are_made_while_the_authority_hangs(anchored: House, authority: StampingAuthority) -> None:
    """The stamp is asked for off the way of every attempt."""
    authority.behaviour = "silent"
    authority.release.clear()

    async def live(node: Node) -> str:
        assert node.anchoring is not None
        hanging = asyncio.create_task(node.anchoring.run())
        while not authority.queries:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.01)
        read = Attempt(action="balance.read", actor="alice", session="s", ip="198.51.100.7")
        answer = await node.service.decide(read, by="k")
        assert not hanging.done()
        hanging.cancel()
        authority.release.set()
        return answer.decision

    authority.queries.clear()
    assert anchored.live(live) == "allow"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Anchors(url="http://a/"), "needs anchors.roots"),
        (Anchors(url="http://a/", roots="/nowhere.pem"), "cannot be read"),
    ],
)
def test_an_authority_that_nobody_could_check_stops_the_start(given: Anchors, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        authority_of(Path(), given)
