"""Every LogStore we have keeps the contract."""

from pathlib import Path

import pytest

from stepwarden.storage.sqlite.log import SqliteLogStore
from tests.fakes_ledger import Disk as MemoryDisk
from tests.fakes_ledger import MemoryStore
from tests.storage.conformance import Disk, LogStoreConformance


class TestMemory(LogStoreConformance):
    """The fake that the ledger's tests use is a LogStore like any other."""

    @pytest.fixture
    def disk(self) -> Disk:
        memory = MemoryDisk()
        return lambda: MemoryStore(memory)


class TestSqlite(LogStoreConformance):
    """The embedded default."""

    @pytest.fixture
    def disk(self, tmp_path: Path) -> Disk:
        return lambda: SqliteLogStore.open(tmp_path / "log.db")
