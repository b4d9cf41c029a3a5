"""What the size of a log costs: entries per second, opening it, proofs, at 10^4, 10^5, 10^6 and 10^7 entries.

One log grows, in large groups; at each size it is opened anew and measured as in ``ledger_store``. In the list of
parts up to 10^6; ``python -m bench.ledger_growth 10000000`` goes on to 10^7 (250 bytes an entry, 4 GB of disk, some
minutes). Beside the rate stands the one at the first size: what has to stay the same. Beside the opening stands the
time that hashing a log's entries would take, which is what opening it must not do.
"""

import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import ledger_store
from bench.table import Row
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.storage.sqlite.log import SqliteLogStore

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
LEAF = 250


def rows(largest: int = 1_000_000) -> Iterator[Row]:
    """About a minute to 10^6."""
    with tempfile.TemporaryDirectory(prefix="stepwarden-bench-", dir=Path.cwd()) as folder:
        path = Path(folder) / "log.db"
        first = 0.0
        for size in (each for each in SIZES if each <= largest):
            name = f"10^{len(str(size)) - 1} entries"
            store = SqliteLogStore.open(path)
            held = store.load()
            added, start = size - (held.size if held else 0), time.perf_counter()
            ledger_store.grow(store, size, leaf=LEAF, opening=b"")
            grown = added / (time.perf_counter() - start)
            store.close()
            yield Row(f"{name}: reached in groups of 4,096", grown, "entries/s")
            start = time.perf_counter()
            store = SqliteLogStore.open(path)
            Sequencer.open(store, origin=ledger_store.ORIGIN, signer=ledger_store.SIGNER, limit=1)
            opened = time.perf_counter() - start
            found, cold = ledger_store.proofs(store)
            store.close()
            rate, _, p99 = ledger_store.durable(path, 256)
            first = first or rate
            yield Row(f"{name}: 256 submitters", rate, "entries/s", "at 10^4", first, floor=25_000.0)
            yield Row(f"{name}: 256 submitters, p99", p99 * 1e3, "ms")
            yield Row(f"{name}: open", opened, "s", "hashing them all, s", size * hashing(), ceiling=2.0)
            yield Row(f"{name}: inclusion proof", found, "proofs/s", "tiles not cached", cold)


def hashing() -> float:
    """Seconds to hash one entry."""
    data = bytes(LEAF + 1)
    start = time.perf_counter()
    for _ in range(100_000):
        hashlib.sha256(data).digest()
    return (time.perf_counter() - start) / 100_000


if __name__ == "__main__":
    for row in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        beside = "" if row.beside_value is None else f"{row.beside} {row.beside_value:,.2f}"
        print(f"{row.name:<48}{row.value:>12,.3f} {row.unit:<10} {beside} {row.verdict()}", flush=True)
