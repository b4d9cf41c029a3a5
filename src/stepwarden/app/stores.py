"""Where a log is kept: one SQLite file in the data directory, or PostgreSQL where ``log.store`` names one.

The driver for PostgreSQL is an extra and is asked for only where it is needed.
"""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from stepwarden.app.settings import Log
from stepwarden.errors import SettingsError
from stepwarden.ledger.store import LogStore
from stepwarden.storage.sqlite.log import SqliteLogStore
from stepwarden.storage.sqlite.reader import SqliteLogReader

if TYPE_CHECKING:
    from stepwarden.storage.postgres.reader import PostgresLogReader

LogReader: TypeAlias = "SqliteLogReader | PostgresLogReader"
"""What both offer to those that only read."""

SCHEMES = ("postgresql://", "postgres://")


def open_store(file: Path, log: Log) -> LogStore:
    """Open the log for writing; make it if there is none.

    Args:
        file: where it is kept if it is not in PostgreSQL.

    Raises:
        SettingsError: ``log.store`` is no address of a store, or its driver is not installed.
        StorageError: see the stores.
    """
    if not log.store:
        return SqliteLogStore.open(file)
    return _postgres("log", log).PostgresLogStore.open(log.store, schema=log.schema)  # type: ignore[no-any-return]


def open_reader(file: Path, log: Log) -> LogReader:
    """Open the log for reading, beside its writer if there is one. Raises as ``open_store``."""
    if not log.store:
        return SqliteLogReader(file)
    return _postgres("reader", log).PostgresLogReader(log.store, schema=log.schema)  # type: ignore[no-any-return]


def is_begun(file: Path, log: Log) -> bool:
    """Whether there is a log already. Raises as ``open_store``, where that cannot be found out."""
    if not log.store:
        return file.exists()
    return bool(_postgres("reader", log).holds_log(log.store, log.schema))


def _postgres(module: str, log: Log) -> ModuleType:
    if not log.store.startswith(SCHEMES):
        raise SettingsError(
            f"log.store is no address like postgresql://user@host/database: {log.store[:12]}..."
        )
    try:
        import asyncpg  # noqa: F401 - an extra
    except ImportError as exc:
        raise SettingsError(
            "log.store names PostgreSQL and its driver is not installed: pip install 'stepwarden[postgres]'"
        ) from exc
    from importlib import import_module

    return import_module(f"stepwarden.storage.postgres.{module}")
