"""What the sequencer checks before it takes a log on: every tampering with its end is found."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from stepwarden.errors import BadSignatureError, CorruptLogError, MalformedNoteError, StepwardenError
from stepwarden.ledger.note import Ed25519Signer
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import Submission
from tests.fakes_ledger import Disk, MemoryStore

ORIGIN = "log.example/test"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(32))
OTHER = Ed25519Signer.from_seed(ORIGIN, b"\x01" * 32)


def opened(store: MemoryStore) -> Sequencer:
    return Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=100_000)


def grown(size: int) -> Disk:
    """A sound log."""
    disk = Disk()

    async def story() -> None:
        sequencer = opened(MemoryStore(disk))
        for number in range(size):
            sequencer.submit(Submission(b"leaf %d" % number))
        await sequencer.close()

    asyncio.run(story())
    assert len(disk.entries) == size
    return disk


def swap_tile_byte(disk: Disk) -> None:
    tile = disk.tiles[0, 1]
    disk.tiles[0, 1] = tile[:100] + bytes([tile[100] ^ 1]) + tile[101:]


def set_head(disk: Disk, **changes: object) -> None:
    assert disk.head is not None
    disk.head = replace(disk.head, **changes)  # type: ignore[arg-type]


ATTACKS: dict[str, tuple[Callable[[Disk], object], type[StepwardenError]]] = {
    "last entry changed": (lambda disk: disk.entries.__setitem__(-1, b"other"), CorruptLogError),
    "entry of the last full tile changed": (
        lambda disk: disk.entries.__setitem__(300, b"?"),
        CorruptLogError,
    ),
    "tail cut off": (lambda disk: disk.entries.pop(), CorruptLogError),
    "entry added behind the head": (lambda disk: disk.entries.append(b"more"), CorruptLogError),
    "tile changed": (swap_tile_byte, CorruptLogError),
    "tile lost": (lambda disk: disk.tiles.pop((0, 1)), CorruptLogError),
    "older tile lost": (lambda disk: disk.tiles.pop((0, 0)), CorruptLogError),
    "size changed": (lambda disk: set_head(disk, size=599), CorruptLogError),
    "root changed": (lambda disk: set_head(disk, root=bytes(32)), CorruptLogError),
    "head lost": (lambda disk: setattr(disk, "head", None), CorruptLogError),
    "checkpoint is no note": (lambda disk: set_head(disk, checkpoint="hello"), MalformedNoteError),
    "checkpoint of another log": (
        lambda disk: set_head(
            disk,
            checkpoint=Sequencer.open(
                MemoryStore(), origin="log.example/other", signer=SIGNER, limit=1
            ).head.checkpoint,
        ),
        MalformedNoteError,
    ),
    "checkpoint by another key": (
        lambda disk: set_head(
            disk,
            checkpoint=Sequencer.open(MemoryStore(), origin=ORIGIN, signer=OTHER, limit=1).head.checkpoint,
        ),
        BadSignatureError,
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_tampered_end_is_found_at_the_start(attack: str) -> None:
    """A log of 600 entries (two full tiles, 88 behind them) is not taken on when its end was touched."""
    disk = grown(600)
    opened(MemoryStore(disk))
    change, error = ATTACKS[attack]
    change(disk)
    with pytest.raises(error):
        opened(MemoryStore(disk))


def test_an_origin_that_cannot_name_a_log_is_refused() -> None:
    """Before anything is written."""
    disk = Disk()
    with pytest.raises(MalformedNoteError, match="cannot name a log"):
        Sequencer.open(MemoryStore(disk), origin="not a name", signer=SIGNER, limit=1)
    assert disk.head is None
