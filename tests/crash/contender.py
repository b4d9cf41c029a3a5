"""A process that wants to be the writer of a log, again and again, among others that want it too.

    python -m tests.crash.contender LOG NAME TURNS

For each turn it waits for the lock, appends with some submitters until it had its share acknowledged, and closes. Each
acknowledged entry is one line: index, leaf hash, size and root of the checkpoint that covers it. It is killed at times.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from stepwarden.errors import StorageLockedError
from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import Submission
from stepwarden.storage.sqlite.log import SqliteLogStore
from tests.crash.scenes import ORIGIN, SIGNER

SUBMITTERS = 8
SHARE = 15
"""Entries of each submitter in a turn."""


def wait_for(path: Path) -> SqliteLogStore:
    while True:
        try:
            return SqliteLogStore.open(path, checkpoint_seconds=0.01)
        except StorageLockedError:
            time.sleep(0.002)


async def submitter(sequencer: Sequencer, name: str) -> None:
    for number in range(SHARE):
        index = sequencer.next_index
        leaf = f"{name} {number}".encode()
        receipt = await sequencer.submit(Submission(leaf, b"sealed"))
        claim = open_checkpoint(receipt.checkpoint, ORIGIN, [SIGNER.verifier])
        line = f"{index} {leaf_hash(leaf).hex()} {claim.size} {claim.root.hex()}\n"
        os.write(sys.stdout.fileno(), line.encode())


async def turn(store: SqliteLogStore, name: str) -> None:
    sequencer = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=1_000)
    try:
        await asyncio.gather(*(submitter(sequencer, f"{name}/{number}") for number in range(SUBMITTERS)))
    finally:
        await sequencer.close()


def main(path: Path, name: str, turns: int) -> None:
    for number in range(turns):
        store = wait_for(path)
        try:
            asyncio.run(turn(store, f"{name}/{number}"))
        finally:
            store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
