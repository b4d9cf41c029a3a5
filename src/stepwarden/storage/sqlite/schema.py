"""What a log's file is made of: its schema, and how an older one is brought to it.

    schema 1  head, blocks, openings, tiles, side (``sql/log.sql``), guarded (``sql/guards.sql``)
    schema 2  head.floor: entries before it may be deleted; the file can shrink (auto_vacuum)

``prepare`` makes a new file, or migrates an old one in place, in one transaction: a crash leaves the old schema or
the new. A reader reads both.

A migrated file is then written anew once (VACUUM): only so can it shrink later, and only so do the bytes go that
schema 1 left on free pages. That takes the file's size again in free space; where there is too little, it is left
for the next start, and until then a pruned log's space is used again but not given back.
"""

from contextlib import suppress
from pathlib import Path

import apsw

from stepwarden.errors import StorageError, StorageFullError, StorageTooOldError
from stepwarden.storage.sqlite.connection import keep_wal, sync_directory
from stepwarden.storage.sqlite.faults import explained
from stepwarden.storage.sqlite.statements import statement

APPLICATION_ID = 0x5354_574C
"""``STWL`` in the file's header: what ``file`` and we recognise a log by."""

SCHEMA = 2
INCREMENTAL = 2
"""``auto_vacuum``: free pages can be given back, a few at a time, when we ask for it."""


def schema_of(connection: apsw.Connection, path: Path) -> int:
    """The schema of the log in the file; 0 for an empty file.

    Raises:
        StorageTooOldError: a newer version's.
        StorageError: another program's file.
    """
    application = connection.pragma("application_id")
    version = connection.pragma("user_version")
    if application == APPLICATION_ID and isinstance(version, int) and 1 <= version <= SCHEMA:
        return version
    if application == APPLICATION_ID:
        raise StorageTooOldError(
            f"{path} has schema {version}; this version reads 1 to {SCHEMA}: start the newer version that wrote it"
        )
    if application or version or connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
        raise StorageError(f"{path} is a database of another program: check the path")
    return 0


def prepare(connection: apsw.Connection, path: Path) -> None:
    """Make the log's tables in an empty file, or bring an older log to this schema.

    Raises:
        StorageError: see ``schema_of`` and ``faults``.
    """
    with explained(path, connection):
        known = schema_of(connection, path)
        if not known:
            connection.pragma("auto_vacuum", INCREMENTAL)
        keep_wal(connection, path)
        if known < SCHEMA:
            with connection:
                connection.execute(statement("migrate_1" if known else "log"))
                connection.execute(statement("guards"))
                connection.pragma("application_id", APPLICATION_ID)
                connection.pragma("user_version", SCHEMA)
    with suppress(StorageFullError), explained(path, connection):
        if connection.pragma("auto_vacuum") != INCREMENTAL:
            connection.pragma("auto_vacuum", INCREMENTAL)
            connection.execute("VACUUM")
    sync_directory(path.parent)
