"""A thread with an event loop of its own for the driver, which is asynchronous; callers of a store are not.

    bridge = Bridge("postgres")
    bridge.call(connection.fetchval("SELECT 1"))        # from any thread but the bridge's own

What PostgreSQL or the network meets comes out as our errors (``explain``).
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import asyncpg

from stepwarden.errors import (
    FencedError,
    StorageCorruptError,
    StorageError,
    StorageFullError,
    StorageLockedError,
)

T = TypeVar("T")


FENCED = "SW001"
HELD = "55P03"
"""lock_not_available: a transaction elsewhere holds a table."""

FULL = frozenset({"53100", "53200", "53400"})
"""disk_full, out_of_memory, configuration_limit_exceeded."""

CORRUPT = frozenset({"XX001", "XX002"})
SECONDS = 60.0
"""How long one statement may take before its connection is given up; larger reads are cut into pieces."""


class Bridge:
    """Runs coroutines for threads that cannot."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T], *, seconds: float = SECONDS) -> T:
        """The result of ``work``.

        Raises:
            StorageError: or a subclass, for everything that PostgreSQL or the network met.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError as exc:
            future.cancel()
            raise StorageError(
                f"PostgreSQL did not answer within {seconds:.0f} seconds: check the server and the network"
            ) from exc
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as exc:
            raise explain(exc) from exc

    def close(self) -> None:
        """End the thread. Twice is no error."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


def explain(exc: BaseException) -> StorageError:
    """The error to raise instead of ``exc``; never shows the connection's password."""
    state = getattr(exc, "sqlstate", None) or ""
    if state == FENCED:
        return FencedError(
            "another node took the log over, or it does not end where this one thought: this one stops; "
            "start it again to go on from where the log is now"
        )
    if state == HELD:
        return StorageLockedError(
            f"somebody reads the old data in PostgreSQL and does not end ({exc}): look for old transactions in "
            "pg_stat_activity, a dump perhaps"
        )
    if state in FULL:
        return StorageFullError(
            f"PostgreSQL has no room left ({exc}): make room on its disk, then start again; "
            "nothing was answered that is not recorded"
        )
    if state in CORRUPT:
        return StorageCorruptError(
            f"PostgreSQL met damaged data ({exc}): restore its last backup and compare its checkpoint with those "
            "that you published"
        )
    if state == "42501":
        return StorageError(
            f"PostgreSQL: {exc}: run the statements of `storage/postgres/sql/roles.sql` as the owner"
        )
    if state.startswith("28"):
        return StorageError("PostgreSQL refused this user: check the user and password of log.store")
    if isinstance(exc, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError) or state.startswith(
        ("08", "57")
    ):
        return StorageError(
            f"PostgreSQL is out of reach ({type(exc).__name__}: {exc}): check the server, then start again"
        )
    return StorageError(f"PostgreSQL: {exc}")
