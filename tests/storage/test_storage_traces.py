"""After an erasure the bytes are in no file: searched for as somebody would who got hold of the disk."""

import random
import re
from pathlib import Path

import apsw
import pytest

from stepwarden.errors import StorageLockedError
from stepwarden.events.index import EntryFilter, IndexRow
from stepwarden.ledger.store import SideWrite, Submission
from stepwarden.storage.sqlite.index import EntryIndex
from stepwarden.storage.sqlite.log import SqliteLogStore
from tests.storage.conformance import group

PEOPLE = 1_500
PIECE = 8
"""Bytes that must not be found in a row: by chance they never are."""


def traces(folder: Path, secrets: list[bytes]) -> list[tuple[str, bytes]]:
    """Where pieces of the secrets are in any file of the folder."""
    wanted = {
        secret[at : at + PIECE] for secret in secrets for at in range(0, len(secret) - PIECE + 1, PIECE)
    }
    found = []
    for path in folder.iterdir():
        data = path.read_bytes()
        found += [(path.name, piece) for at in range(len(data)) if (piece := data[at : at + PIECE]) in wanted]
    return found


class House:
    """A log of people: each has a key in the side rows and some sealed openings, among everybody else's."""

    def __init__(self, folder: Path) -> None:
        chance = random.Random(3)
        self.store = SqliteLogStore.open(folder / "log.db", checkpoint_seconds=0.02)
        self.epoch = self.store.take_over()
        self.keys = {chance.randbytes(32): chance.randbytes(80) for _ in range(PEOPLE)}
        self.openings: list[bytes] = []
        self.size = 0
        rows = list(self.keys.items())
        while rows:
            new = [rows.pop() for _ in range(min(len(rows), chance.randrange(1, 40)))]
            sealed = [chance.randbytes(chance.choice([16, 90, 300, 5_000])) for _ in new]
            added = [
                Submission(
                    b"leaf", opening, (SideWrite("subject", *row), SideWrite("token", row[0][:16], row[0]))
                )
                for row, opening in zip(new, sealed, strict=True)
            ]
            self.store.commit(group(self.size, added, self.epoch))
            self.openings += sealed
            self.size += len(added)

    def drop_keys(self, keys: list[bytes]) -> None:
        """As an erasure does: side rows go with the entry that says so."""
        side = tuple(SideWrite("subject", key, None) for key in keys)
        side += tuple(SideWrite("token", key[:16], None) for key in keys)
        self.store.commit(group(self.size, [Submission(b"erased", side=side)], self.epoch))
        self.size += 1


def test_erased_keys_and_openings_are_in_no_file(tmp_path: Path) -> None:
    """A third of all people, in an open log that goes on: tables, free pages, unused middles of pages, WAL."""
    house = House(tmp_path)
    gone = list(house.keys)[::3]
    indices = list(range(0, PEOPLE, 3))
    secrets = [house.keys[key] for key in gone] + gone + [house.openings[index] for index in indices]
    assert traces(tmp_path, secrets[:3])
    house.drop_keys(gone)
    assert house.store.erase_openings(indices) == len(indices)
    house.store.scrub()
    assert traces(tmp_path, secrets) == []
    house.store.commit(group(house.size, [Submission(b"goes on", b"sealed")], house.epoch))
    kept = {key: house.keys[key] for key in house.keys if key not in set(gone)}
    assert dict(house.store.side_items("subject")) == kept
    assert list(house.store.openings(0, PEOPLE)) == [
        b"" if n % 3 == 0 else opening for n, opening in enumerate(house.openings)
    ]
    house.store.close()
    assert traces(tmp_path, secrets) == []


def test_pruned_openings_are_in_no_file(tmp_path: Path) -> None:
    """Those of a block that reaches over the floor too. What is kept can be erased without a trace as before."""
    house = House(tmp_path)
    assert house.store.prune(512) > 0
    house.store.scrub()
    assert traces(tmp_path, house.openings[:512]) == []
    rest = list(range(512, PEOPLE))
    assert list(house.store.openings(512, PEOPLE)) == house.openings[512:]
    assert house.store.erase_openings(rest) == len(rest)
    house.store.scrub()
    assert traces(tmp_path, house.openings) == []
    house.store.close()


def test_scrubbing_waits_for_readers_and_says_when_one_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader in the middle of the old data keeps the write-ahead log; commits go on all the same."""
    monkeypatch.setattr("stepwarden.storage.sqlite.checkpointer.PATIENCE", 0.2)
    house = House(tmp_path)
    other = apsw.Connection(str(tmp_path / "log.db"), flags=apsw.SQLITE_OPEN_READONLY)
    other.execute("BEGIN; SELECT size FROM head").fetchall()
    house.drop_keys(list(house.keys)[:3])
    with pytest.raises(StorageLockedError, match="end it and try again"):
        house.store.scrub()
    house.store.commit(group(house.size, [Submission(b"goes on")], house.epoch))
    other.execute("COMMIT")
    house.store.scrub()
    assert traces(tmp_path, [house.keys[key] for key in list(house.keys)[:3]]) == []
    other.close()
    house.store.close()


def test_a_forgotten_token_is_in_no_file_of_the_index(tmp_path: Path) -> None:
    """Rows stay, searches for the token find nothing, and neither does somebody who reads the file."""
    chance = random.Random(4)
    tokens = [f"token-{number:04}-{chance.randrange(10**6):06}" for number in range(400)]
    index = EntryIndex.open(tmp_path / "index.db", log="log.example/index", size=0)
    (tmp_path / "index.db.damaged").write_bytes(tokens[7].encode())
    rows = [
        IndexRow(
            idx=idx,
            kind="attempt.decided",
            time=idx,
            actor=chance.choice(tokens),
            action="login",
            id="abcdefgh",
        )
        for idx in range(20_000)
    ]
    index.extend(rows)
    for token in tokens[:60]:
        wanted = EntryFilter(actor=token)
        found = index.find(wanted, after=-1, limit=20_000)
        assert index.forget(token) == len(found) > 0
        assert index.find(wanted, after=-1, limit=9) == []
        for path in tmp_path.iterdir():
            assert not re.search(token.encode(), path.read_bytes()), path
    assert index.forget(tokens[0]) == 0
    assert index.find(EntryFilter(action="login"), after=-1, limit=20_000) == list(range(20_000))
    last = EntryFilter(actor=tokens[-1])
    assert index.find(last, after=-1, limit=20_000) == [row.idx for row in rows if row.actor == tokens[-1]]
    index.add([rows[0]._replace(idx=20_000)])
    index.close()
