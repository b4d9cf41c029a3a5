"""Keys of a real data directory: rotated, retired, found again after being stopped anywhere."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwarden.app.key_files import KeyFiles, settle
from stepwarden.app.node import Node
from stepwarden.app.paths import Paths
from stepwarden.errors import (
    ConflictError,
    InputError,
    KeyFileError,
    NotFoundError,
    SignerError,
    StepwardenError,
)
from stepwarden.events.encoding import decode
from stepwarden.events.entries import KeyRetired, KeyRotated
from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.keys import read_keyring, read_signer, read_verifiers
from stepwarden.ledger.note import Ed25519Signer, SignedNote
from tests.connect.test_ssh_agent import Agent, needs_openssh
from tests.flow.flow_house import House

DAY = 86_400


async def nothing(node: Node) -> None:
    """Only open and close."""


async def rotate(node: Node, overlap: int = DAY, *, keep: bool = False) -> None:
    await node.keeper.rotate(overlap=overlap, reason="each spring", by="command", keep=keep)


def files(house: House) -> KeyFiles:
    return Paths(house.data).keys


def signed_by(house: House) -> set[str]:
    """The ids of the keys that signed the head."""
    reader = house.reader()
    try:
        head = reader.load()
        assert head is not None
        open_checkpoint(
            head.checkpoint, read_signer(files(house).ledger).name, read_verifiers(files(house).vkey)
        )
        return {line.key_id.hex() for line in SignedNote.parse(head.checkpoint).signatures}
    finally:
        reader.close()


def key_id(path: Path) -> str:
    return read_signer(path).key_id.hex()


def test_an_old_data_directory_gets_a_cosigner(house: House) -> None:
    """A directory without one, made by an earlier version, gets its key and lists it."""
    house.live(nothing)
    files(house).cosigner.unlink()
    first = read_keyring(files(house).vkey).keys[0]
    files(house).vkey.write_text(first.key.format() + "\n")
    house.live(nothing)
    assert files(house).cosigner.stat().st_mode & 0o777 == 0o600
    ring = read_keyring(files(house).vkey)
    assert [type(known.key).__name__ for known in ring.keys] == [
        "Ed25519Verifier",
        "MlDsaCosignatureVerifier",
    ]


def test_both_keys_sign_until_the_overlap_ends_and_then_the_new_one_alone(house: House) -> None:
    """Rotation, overlap, retirement at a later start; the old secret is gone and the file says to which size."""
    house.live(nothing)
    old = key_id(files(house).ledger)
    house.live(rotate)
    new = key_id(files(house).ledger)
    assert new != old
    assert key_id(files(house).old) == old
    assert signed_by(house) == {old, new}
    house.forward(DAY + 1)
    house.live(nothing)
    assert signed_by(house) == {new}
    assert not files(house).old.exists()
    entries = [decode(leaf) for leaf in house.leaves()]
    (retired,) = [index for index, entry in enumerate(entries) if isinstance(entry, KeyRetired)]
    assert [(known.until, known.key.key_id.hex()) for known in read_keyring(files(house).vkey).keys] == [
        (None, new),
        (None, read_keyring(files(house).vkey).keys[1].key.key_id.hex()),
        (retired, old),
    ]


def test_a_stolen_key_is_retired_at_once(house: House) -> None:
    """Without overlap the two entries follow each other; a secret that is kept lies aside."""
    house.live(nothing)
    old = key_id(files(house).ledger)
    house.live(lambda node: rotate(node, 0, keep=True))
    assert signed_by(house) == {key_id(files(house).ledger)}
    kept = files(house).retired / f"{old}.key"
    assert key_id(kept) == old
    assert kept.stat().st_mode & 0o777 == 0o600
    kinds = [type(decode(leaf)) for leaf in house.leaves()]
    at = kinds.index(KeyRotated)
    assert kinds[at : at + 2] == [KeyRotated, KeyRetired]


def test_a_second_rotation_waits_for_the_first_and_a_key_is_used_once(house: House) -> None:
    """Refusals change nothing."""

    async def twice(node: Node) -> None:
        with pytest.raises(NotFoundError):
            await node.keeper.retire(by="command")
        with pytest.raises(InputError):
            await rotate(node, -1)
        await rotate(node)
        with pytest.raises(ConflictError):
            await rotate(node)
        assert len(node.keeper.signers) == 2
        await node.keeper.retire(by="command")
        await rotate(node)
        states = [key["state"] for key in node.keeper.listing()]
        assert states == ["retired", "leaving", "active", "cosigner"]

    house.live(twice)


@pytest.mark.parametrize("call", ["link", "replace", "unlink", "fsync"])
def test_a_rotation_that_is_stopped_anywhere_is_finished_at_the_next_start(
    house: House, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step on the key files fails once: the log opens again, one key or both sign, no secret is lost."""
    house.live(nothing)
    for turn in range(12):
        left = turn

        def fail(*arguments: object, real: object = getattr(os, call), **named: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(5, "stopped here")
            return real(*arguments, **named)  # type: ignore[operator]

        async def stopped(node: Node, fail: Callable[..., object] = fail) -> None:
            with monkeypatch.context() as patched, contextlib.suppress(StepwardenError):
                patched.setattr(os, call, fail)
                await rotate(node, 0)

        house.live(stopped)
        house.live(nothing)
        assert len(signed_by(house)) == 1
        assert not files(house).old.exists()
        if left >= 0:
            break


def test_keys_of_a_log_that_was_rolled_back_are_refused(house: House, tmp_path: Path) -> None:
    """Yesterday's database beside today's keys: the start says so, and signs nothing."""
    house.live(nothing)
    before = {path.name: path.read_bytes() for path in house.data.glob("*.db*")}
    house.live(lambda node: rotate(node, 0))
    for path in house.data.glob("*.db*"):
        path.unlink()
    for name, data in before.items():
        (house.data / name).write_bytes(data)
    with pytest.raises(StepwardenError):
        house.live(nothing)


def test_a_stranger_among_the_key_files_is_refused(house: House) -> None:
    """Another key in the place of the log's does not begin to sign."""
    house.live(rotate)
    name = read_signer(files(house).ledger).name
    files(house).old.unlink()
    files(house).old.write_text(Ed25519Signer.from_seed(name, bytes(32)).format() + "\n")
    files(house).old.chmod(0o600)
    with pytest.raises(KeyFileError, match="rolled back"):
        house.live(nothing)


def test_a_killed_writers_draft_is_removed_and_its_twin_survives(house: House) -> None:
    """A draft may be a second name of the key itself: then only the name goes."""
    house.live(nothing)
    secret = files(house).ledger.read_text()
    os.link(files(house).ledger, files(house).folder / ".ledger.key.4711")
    (files(house).folder / ".ledger.next.key.4712").write_text(secret)
    house.live(nothing)
    assert files(house).ledger.read_text() == secret
    assert not list(files(house).folder.glob(".*"))


def test_settling_twice_changes_nothing(house: House) -> None:
    """It may be stopped after its last step as well."""

    async def again(node: Node) -> None:
        await rotate(node)
        before = sorted((path.name, path.read_bytes()) for path in files(house).folder.iterdir())
        settle(files(house), node.keeper.history)
        assert sorted((path.name, path.read_bytes()) for path in files(house).folder.iterdir()) == before

    house.live(again)


@needs_openssh
def test_a_dead_agent_stops_the_log_and_nothing_else_signs(house: House, tmp_path: Path) -> None:
    """A log that began with an agent's key has no key file; without the agent it neither commits nor starts."""
    agent = Agent(tmp_path)
    house.given |= {"signer.kind": "ssh-agent", "signer.socket": str(agent.path), "signer.key": "log"}
    house.live(nothing)
    assert not files(house).ledger.exists()
    size = len(house.leaves())

    async def killed(node: Node) -> None:
        agent.stop()
        with pytest.raises(SignerError):
            await node.service.exception("input.invalid", "test", "nothing", "", "k")
        assert isinstance(node.service.failed, SignerError)

    house.live(killed)
    with pytest.raises(SignerError):
        house.live(nothing)
    assert len(house.leaves()) > size  # what was committed before the agent died
    assert not files(house).ledger.exists()


@needs_openssh
def test_a_log_goes_from_a_file_to_an_agent_and_back(house: House, tmp_path: Path) -> None:
    """The two kinds of signer follow each other; during the overlap each signs in its own way."""
    agent = Agent(tmp_path)
    house.given |= {"signer.kind": "ssh-agent", "signer.socket": str(agent.path)}

    async def there(node: Node) -> None:
        await node.keeper.rotate(overlap=DAY, reason="", by="command", kind="ssh-agent", key="log")

    async def back(node: Node) -> None:
        await node.keeper.rotate(overlap=0, reason="", by="command", kind="file")

    house.given["signer.kind"] = "file"
    house.live(nothing)
    house.given["signer.kind"] = "ssh-agent"
    house.live(there)
    assert files(house).old.exists()
    assert not files(house).ledger.exists()
    house.live(nothing)
    house.forward(DAY + 1)
    house.live(nothing)
    assert not files(house).old.exists()
    house.live(back)
    assert signed_by(house) == {key_id(files(house).ledger)}
    agent.stop()
    house.live(nothing)


@needs_openssh
def test_the_agent_is_asked_for_a_key_that_leaves_whatever_the_setting_says(
    house: House, tmp_path: Path
) -> None:
    """From an agent to a file with an overlap: both sign, though new keys are to be files."""
    agent = Agent(tmp_path)
    house.given |= {"signer.kind": "ssh-agent", "signer.socket": str(agent.path)}
    house.live(nothing)
    house.given["signer.kind"] = "file"
    house.live(rotate)
    house.live(nothing)
    assert len(signed_by(house)) == 2
    agent.stop()
    with pytest.raises(SignerError):
        house.live(nothing)
