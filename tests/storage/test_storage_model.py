"""The SQLite store against the naivest model there is, in whatever order things are done to it."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stepwarden.errors import FencedError
from stepwarden.ledger.store import SideWrite, Submission
from stepwarden.storage.sqlite.log import SqliteLogReader, SqliteLogStore
from tests.storage.conformance import group

keys = st.sampled_from([b"", b"a", b"\x00\xff"])
writes = st.builds(SideWrite, st.sampled_from(["totp", "people"]), keys, st.none() | st.binary(max_size=3))
submissions = st.lists(
    st.builds(
        Submission,
        st.binary(max_size=40),
        st.binary(max_size=5),
        st.lists(writes, max_size=3).map(tuple),
    ),
    max_size=6,
)


class StoreMachine(RuleBasedStateMachine):
    """Lists and a dict say what the store must hold."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="stepwarden-model-")
        self._path = Path(self._folder.name) / "log.db"
        self._store = SqliteLogStore.open(self._path)
        self._reader: SqliteLogReader | None = None
        self._epoch = self._store.take_over()
        self._entries: list[Submission] = []
        self._rows: dict[tuple[str, bytes], bytes] = {}
        self._tiles: list[bytes] = []
        self._headed = False

    @rule(added=submissions, tiles=st.lists(st.integers(0, 255), max_size=2))
    def commit(self, added: list[Submission], tiles: list[int]) -> None:
        new = [(0, len(self._tiles) + place, bytes([value]) * 8192) for place, value in enumerate(tiles)]
        self._store.commit(group(len(self._entries), added, self._epoch, new))
        self._entries += added
        self._tiles += [hashes for _, _, hashes in new]
        self._headed = True
        for submission in added:
            for space, key, value in submission.side:
                if value is None:
                    self._rows.pop((space, key), None)
                else:
                    self._rows[space, key] = value

    @rule(added=submissions, off=st.integers(-3, 3).filter(bool))
    def commit_elsewhere(self, added: list[Submission], off: int) -> None:
        """Refused; the store that refused takes nothing more."""
        first = len(self._entries) + (off if len(self._entries) + off >= 0 else 7)
        with pytest.raises(FencedError):
            self._store.commit(group(first, added, self._epoch))
        with pytest.raises(FencedError):
            self._store.commit(group(len(self._entries), added, self._epoch))
        self.restart()

    @rule()
    def restart(self) -> None:
        self._store.close()
        self._store = SqliteLogStore.open(self._path)
        self._epoch = self._store.take_over()

    @precondition(lambda self: self._headed)
    @rule()
    def look_from_outside(self) -> None:
        """An auditor's reader sees the same."""
        reader = SqliteLogReader(self._path)
        assert reader.load() == self._store.load()
        assert list(reader.leaves(0, 1_000)) == [each.leaf for each in self._entries]
        reader.close()

    @invariant()
    def holds_what_was_committed(self) -> None:
        size = len(self._entries)
        head = self._store.load()
        assert (head.size if head else None) == (size if self._headed else None)
        assert list(self._store.leaves(size // 2, size + 5)) == [
            each.leaf for each in self._entries[size // 2 :]
        ]
        assert list(self._store.openings(size // 3, size)) == [
            each.opening for each in self._entries[size // 3 :]
        ]
        for space in ("totp", "people"):
            wanted = sorted((key, value) for (name, key), value in self._rows.items() if name == space)
            assert list(self._store.side_items(space)) == wanted
        for index, hashes in enumerate(self._tiles):
            assert self._store.tile(0, index) == hashes
        assert self._store.tile(0, len(self._tiles)) is None

    def teardown(self) -> None:
        self._store.close()
        self._folder.cleanup()


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
