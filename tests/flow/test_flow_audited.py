"""Reads of files are counted into one entry per key and minute; nothing is handed out that cannot be recorded."""

import pytest

from stepwarden.app.node import Node
from stepwarden.errors import BusyError
from stepwarden.events.encoding import decode
from stepwarden.events.entries import Administration
from stepwarden.flow.answers import EntryQuery
from stepwarden.flow.recorder import Recorder
from tests.flow.flow_house import House


def told(house: House) -> list[tuple[str, str, int]]:
    """Who read how many files of what, as the log says."""
    found = [entry for entry in map(decode, house.leaves()) if isinstance(entry, Administration)]
    return [(entry.by, entry.detail, entry.rows) for entry in found if entry.action == "log.files"]


def test_files_are_counted_into_one_entry_per_key_and_minute(house: House) -> None:
    """A thousand tiles are one entry; another key and another minute are others; the rest is written at the end."""

    async def read(node: Node) -> None:
        service = node.service
        for _ in range(1_000):
            service.reads.count("tile", by="k1")
        service.reads.count("checkpoint", by="k1")
        service.reads.count("entries", by="", files=3)
        service.sweep()
        house.forward(61)
        service.sweep()
        service.sweep()
        service.reads.count("tile", by="k1", files=2)

    house.live(read)
    assert told(house) == [
        ("k1", "checkpoint 1, tile 1000", 1_001),
        ("anonymous", "entries 3", 3),
        ("k1", "tile 2", 2),
    ]


def test_what_is_counted_waits_for_room(house: House) -> None:
    """A full queue loses no count."""

    async def read(node: Node) -> None:
        node.service.reads.count("tile", by="k1", files=5)
        house.forward(61)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Recorder, "append", full)
            node.service.sweep()
        node.service.reads.count("tile", by="k1")
        node.service.sweep()

    house.live(read)
    assert told(house) == [("k1", "tile 6", 6)]


def test_attack_reading_while_nothing_can_be_recorded(house: House) -> None:
    """With a full queue a query, a proof, an export and a disclosure give nothing."""

    async def read(node: Node) -> None:
        service = node.service
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Recorder, "append", full)
            with pytest.raises(BusyError):
                await service.entries(EntryQuery(), by="k1")
            with pytest.raises(BusyError):
                await service.read_recorded("log.proof", by="k1")
            with pytest.raises(BusyError):
                await service.disclosing.disclose("0-1", "", reason="x", by="k1")

    house.live(read)


def full(*_: object, **__: object) -> object:
    raise BusyError("full")
