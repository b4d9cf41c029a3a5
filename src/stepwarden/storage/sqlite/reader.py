"""Reading a log's file, beside its writer if there is one: for the ledger, and for auditors.

A reader takes no lock and cannot write. It reads in short turns, each of some megabytes, so that the write-ahead log
can start over; entries that are pruned between two turns end the reading with PrunedError.

Not here: writing (``log``), hashing, the meaning of an entry.
"""

from collections.abc import Iterator
from pathlib import Path

from stepwarden.errors import PrunedError, StorageCorruptError, StorageError
from stepwarden.ledger.store import Head
from stepwarden.storage.bundles import unpack_entries, unpack_openings
from stepwarden.storage.sqlite.connection import ReadPool
from stepwarden.storage.sqlite.schema import schema_of
from stepwarden.storage.sqlite.statements import statement

CHUNK_BYTES = 4_000_000
"""How much a reader fetches in one turn."""

SIDE_ROWS = 1_000


class SqliteLogReader:
    """Reads a log, beside its writer if there is one. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            StorageCorruptError, StorageTooOldError, StorageError: it is not a log that this version reads.
        """
        self._path = path
        self._pool = ReadPool(path)
        with self._pool.use() as connection:
            self._schema = schema_of(connection, path)
        if not self._schema:
            raise StorageError(f"{path} holds no log: check the path")

    def load(self) -> Head | None:
        with self._pool.use() as connection:
            row = connection.execute(statement("load")).fetchone()
        if row is None:
            return None
        size, root, checkpoint, epoch = row
        return Head(size=size, root=root, checkpoint=checkpoint, epoch=epoch)

    def floor(self) -> int:
        if self._schema == 1:  # of an older version, and only looked at: nothing was ever pruned from it
            return 0
        with self._pool.use() as connection:
            return int(connection.execute("SELECT floor FROM head").get)

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        while first < stop:
            blocks = self._blocks("blocks_from", first, stop)
            for start, count, data in blocks:
                yield from unpack_entries(data or b"", count)[max(first - start, 0) : stop - start]
                first = start + count
            if not blocks:
                return

    def openings(self, first: int, stop: int) -> Iterator[bytes]:
        while first < stop:
            blocks = self._blocks("openings_from", first, stop)
            for start, count, data in blocks:
                found = [b""] * count if data is None else unpack_openings(data, count)
                yield from found[max(first - start, 0) : stop - start]
                first = start + count
            if not blocks:
                return

    def tile(self, level: int, index: int) -> bytes | None:
        with self._pool.use() as connection:
            row = connection.execute(statement("tile"), (level, index)).fetchone()
        return None if row is None else bytes(row[0])

    def side(self, space: str, key: bytes) -> bytes | None:
        with self._pool.use() as connection:
            row = connection.execute(statement("side"), (space, key)).fetchone()
        return None if row is None else bytes(row[0])

    def side_items(self, space: str) -> Iterator[tuple[bytes, bytes]]:
        last: bytes | None = None
        while True:
            with self._pool.use() as connection:
                rows: list[tuple[bytes, bytes]] = connection.execute(  # type: ignore[assignment]
                    statement("side_from"), (space, last, SIDE_ROWS)
                ).fetchall()  # the schema is STRICT: both are blobs
            yield from rows
            if len(rows) < SIDE_ROWS:
                return
            last = rows[-1][0]

    def close(self) -> None:
        self._pool.close()

    def _blocks(self, name: str, first: int, stop: int) -> list[tuple[int, int, bytes | None]]:
        """The blocks from the one that holds ``first`` on, some megabytes of them, without a gap."""
        self._check_floor(first)
        rows: list[tuple[int, int, bytes | None]] = []
        fetched = 0
        with self._pool.use() as connection:
            cursor = connection.cursor()
            try:
                for start, count, data in cursor.execute(statement(name), (first, stop)):
                    if start != (rows[-1][0] + rows[-1][1] if rows else min(start, first)):
                        # Pruned since we looked? The floor moves before the first block goes.
                        self._check_floor(first)
                        raise StorageCorruptError(
                            f"{self._path} lacks entries before {start}: restore the file from its last copy"
                        )
                    if start + count > first:
                        rows.append((start, count, data))
                    fetched += len(data or b"") + count
                    if fetched > CHUNK_BYTES:
                        break
            finally:
                cursor.close()
        return rows

    def _check_floor(self, first: int) -> None:
        floor = self.floor()
        if first < floor:
            raise PrunedError(
                f"{self._path} begins at entry {floor}; entry {first} was pruned: it is in the sealed archive that the "
                "last log.pruned entry names"
            )
