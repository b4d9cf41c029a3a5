"""What is done to a log besides appending: openings are erased, old entries pruned, traces removed.

Each function does one bounded step in one transaction on the writer's connection, which must have ``secure_delete``
on: then SQLite overwrites with zeros what it frees. The caller (``log``) holds the writer off for a step at a time,
so that commits go on in between.

    erase   the bytes of a sealed opening are overwritten where they are (incremental blob I/O): nothing moves, so no
            copy is left on another page
    prune   blocks and openings wholly before the floor are deleted; the pages they leave are given back
    tidy    the side rows are written anew: when SQLite splits and joins pages of a table, it may leave copies of rows
            in the unused middle of a page, where a later deletion does not find them

Not here: the write-ahead log, which holds the old pages until it is emptied (``checkpointer``).
"""

from collections.abc import Sequence

import apsw

from stepwarden.storage.bundles import erased_openings
from stepwarden.storage.sqlite.statements import statement

STEP_BYTES = 250_000
"""Deleted in one step: some milliseconds."""

STEP_PAGES = 100
"""Given back in one step."""

STEP_BLOCKS = 32
"""Blocks whose openings are erased in one step."""


def block_of(connection: apsw.Connection, index: int) -> tuple[int, int] | None:
    """Where the block that holds the entry begins, and the entries that it holds; None where there is none."""
    row = connection.execute(
        "SELECT first, count FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1", (index,)
    ).fetchone()
    if row is None or index >= row[0] + row[1]:
        return None
    return int(row[0]), int(row[1])


def erase(connection: apsw.Connection, indices: Sequence[int]) -> tuple[int, int]:
    """Erase the openings of these entries, in ascending order, as far as one step goes.

    Returns:
        How many of the indices are dealt with, and how many openings were there.
    """
    done = found = blocks = 0
    while done < len(indices) and blocks < STEP_BLOCKS:
        block = block_of(connection, indices[done])
        if block is None:
            done += 1
            continue
        first, count = block
        stop = done + 1
        while stop < len(indices) and indices[stop] < first + count:
            stop += 1
        found += _erase_in(connection, first, count, {index - first for index in indices[done:stop]})
        done, blocks = stop, blocks + 1
    return done, found


def _erase_in(connection: apsw.Connection, first: int, count: int, places: set[int]) -> int:
    row = connection.execute("SELECT sealed FROM openings WHERE first = ?", (first,)).fetchone()
    if row is None:
        return 0
    writes = erased_openings(row[0], count, places)
    with connection.blob_open("main", "openings", "sealed", first, True) as blob:
        for at, data in writes:
            blob.seek(at)
            blob.write(data)
    return len(writes)


def prune(connection: apsw.Connection, floor: int) -> bool:
    """Delete the oldest blocks that lie wholly before the floor, some; tell whether there were any."""
    stop, freed = None, 0
    for first, count, size in connection.execute(statement("oldest"), (floor,)):
        stop, freed = first + count, freed + size
        if freed >= STEP_BYTES:
            break
    if stop is None:
        return False
    connection.execute("DELETE FROM openings WHERE first < ?", (stop,))
    connection.execute("DELETE FROM blocks WHERE first < ?", (stop,))
    return True


def give_back(connection: apsw.Connection) -> bool:
    """Give some free pages back; tell whether there may be more. The file shrinks at the next checkpoint."""
    if not connection.pragma("freelist_count") or connection.pragma("auto_vacuum") == 0:
        return False
    connection.execute(f"PRAGMA incremental_vacuum({STEP_PAGES})").fetchall()
    return True


def tidy(connection: apsw.Connection) -> None:
    """Write the side rows anew; SQLite overwrites every page that they were on."""
    connection.execute(statement("tidy"))
