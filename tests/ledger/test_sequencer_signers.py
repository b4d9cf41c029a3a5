"""Several keys sign each head, and change between two groups."""

import asyncio

import pytest

from stepwarden.errors import BadSignatureError, SignerError
from stepwarden.ledger.note import Ed25519Signer, SignedNote
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import Group, Submission
from tests.fakes_ledger import Disk, MemoryStore

ORIGIN = "log.example/signers"
OLD, NEW, THIRD = (Ed25519Signer.from_seed(ORIGIN, bytes([number]) * 32) for number in (1, 2, 3))


class Remembering(MemoryStore):
    """Keeps which keys signed which sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.signed: dict[int, set[bytes]] = {}

    def commit(self, group: Group) -> None:
        super().commit(group)
        self.signed[group.head.size] = {
            line.key_id for line in SignedNote.parse(group.head.checkpoint).signatures
        }


def test_keys_change_exactly_between_what_was_submitted_before_and_after() -> None:
    """In one turn of the loop: the group boundary lies where the keys changed, not where the turn ends."""
    store = Remembering()

    async def run() -> None:
        sequencer = Sequencer.open(store, origin=ORIGIN, signer=OLD, limit=100)
        before = [sequencer.submit(Submission(b"%d" % number)) for number in range(3)]
        sequencer.replace_signers(NEW, OLD)
        after = [sequencer.submit(Submission(b"%d" % number)) for number in range(3, 5)]
        sequencer.replace_signers(NEW)
        last = sequencer.submit(Submission(b"last"))
        await asyncio.gather(*before, *after, last)
        with pytest.raises(ValueError, match="signs once"):
            sequencer.replace_signers(NEW, NEW)
        await sequencer.close()

    asyncio.run(run())
    assert store.signed == {
        0: {OLD.key_id},
        3: {OLD.key_id},
        5: {OLD.key_id, NEW.key_id},
        6: {NEW.key_id},
    }


def test_a_head_is_believed_by_any_of_the_keys_that_are_accepted() -> None:
    """Of two that signed one is enough; a stranger's is not; a false signature by a known key spoils it."""
    disk = Disk()
    Sequencer.open(MemoryStore(disk), origin=ORIGIN, signer=OLD, beside=[NEW], limit=1)
    Sequencer.open(MemoryStore(disk), origin=ORIGIN, signer=NEW, limit=1)
    Sequencer.open(MemoryStore(disk), origin=ORIGIN, signer=THIRD, accepted=[OLD.verifier], limit=1)
    with pytest.raises(BadSignatureError):
        Sequencer.open(MemoryStore(disk), origin=ORIGIN, signer=THIRD, limit=1)


def test_a_key_that_does_not_sign_stops_the_log() -> None:
    """Never a head with fewer signatures than it should have."""

    class Gone(Ed25519Signer):
        def sign(self, message: bytes) -> bytes:
            raise SignerError("the agent is gone")

    store = Remembering()

    async def run() -> None:
        sequencer = Sequencer.open(store, origin=ORIGIN, signer=OLD, limit=100)
        sequencer.replace_signers(OLD, Gone.from_seed(ORIGIN, bytes([9]) * 32))
        with pytest.raises(SignerError):
            await sequencer.submit(Submission(b"entry"))
        assert isinstance(sequencer.failed, SignerError)
        await sequencer.close()

    asyncio.run(run())
    assert store.signed == {0: {OLD.key_id}}
