"""The process that is killed: 16 submitters append to a log and say what was acknowledged.

    python -m tests.crash.ledger_subject LOG ROUND

Each acknowledged entry is one line: index, leaf hash, size and root of the checkpoint that covers it.
"""

import asyncio
import os
import sys
from pathlib import Path

from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import Ed25519Signer
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import SideWrite, Submission
from stepwarden.storage.sqlite.log import SqliteLogStore

ORIGIN = "log.example/crash"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(32))
SUBMITTERS = 16


async def submitter(sequencer: Sequencer, number: int, life: str) -> None:
    while True:
        index = sequencer.next_index
        leaf = f"{index} {number} {life} ".encode() + os.urandom(200 + index % 700)
        side = (SideWrite("newest", b"%d" % number, leaf_hash(leaf)),)
        receipt = await sequencer.submit(Submission(leaf, b"sealed " + leaf[:40], side))
        signed = open_checkpoint(receipt.checkpoint, ORIGIN, [SIGNER.verifier])
        line = f"{index} {leaf_hash(leaf).hex()} {signed.size} {signed.root.hex()}\n"
        os.write(sys.stdout.fileno(), line.encode())


async def main(path: Path, life: str) -> None:
    # Often enough that many a kill meets a running checkpoint.
    store = SqliteLogStore.open(path, checkpoint_seconds=0.01)
    sequencer = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=1_000)
    await asyncio.gather(*(submitter(sequencer, number, life) for number in range(SUBMITTERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
