"""kill -9 at any moment loses no acknowledged entry, and leaves a log that goes on.

It shows the order of writing and answering; it cannot show what a loss of power does to the disk.
"""

import random
import subprocess
import sys
import time
from pathlib import Path

from stepwarden.ledger.merkle import Edge, leaf_hash
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.storage.sqlite.log import SqliteLogStore
from tests.crash.ledger_subject import ORIGIN, SIGNER, SUBMITTERS

ROUNDS = 15
ROOT = Path(__file__).parents[2]


def killed(path: Path, life: int, seconds: float) -> list[tuple[int, bytes, int, bytes]]:
    """Let a process append, kill it ``seconds`` after its first acknowledgement; what it acknowledged."""
    command = [sys.executable, "-m", "tests.crash.ledger_subject", str(path), str(life)]
    said = path.with_name(f"acknowledged-{life}")
    # A file, not a pipe: a full pipe would make the process wait, and the kill meet it idle.
    with said.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, cwd=ROOT)
    while said.stat().st_size == 0 and process.poll() is None:
        time.sleep(0.002)
    time.sleep(seconds)
    process.kill()
    process.wait()
    lines = said.read_bytes().split(b"\n")
    # A last line without its end was cut off by the kill.
    found = [line.split() for line in lines[:-1]]
    return [
        (int(index), bytes.fromhex(leaf.decode()), int(size), bytes.fromhex(root.decode()))
        for index, leaf, size, root in found
    ]


def check(path: Path, acknowledged: list[tuple[int, bytes, int, bytes]]) -> int:
    """Reopen as the service would, and compare everything with what was acknowledged in all lives."""
    store = SqliteLogStore.open(path)
    sequencer = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=1)
    size = sequencer.head.size
    leaves = list(store.leaves(0, size + 1))
    assert len(leaves) == size
    hashes = [leaf_hash(leaf) for leaf in leaves]
    roots = {size: root for _, _, size, root in acknowledged}
    edge = Edge()
    for count, each in enumerate(hashes, 1):
        edge.append(each)
        if count in roots:
            assert edge.root() == roots[count], f"the checkpoint given for {count} entries is another log's"
    assert edge.root() == sequencer.head.root
    for index, leaf, covered, _ in acknowledged:
        assert index < covered <= size, "an acknowledged entry is lost"
        assert hashes[index] == leaf, "an acknowledged entry has other bytes"
    assert list(store.openings(0, size)) == [b"sealed " + leaf[:40] for leaf in leaves]
    newest = {leaf.split(b" ", 2)[1]: each for leaf, each in zip(leaves, hashes, strict=True)}
    assert dict(store.side_items("newest")) == newest, "side rows and entries were not written together"
    for index, leaf in enumerate(leaves):
        assert leaf.startswith(b"%d " % index)
    store.close()
    return size


def test_kill_at_any_moment_loses_no_acknowledged_entry(tmp_path: Path) -> None:
    """One log, fifteen lives of 16 submitters, each ended at a random moment."""
    chance = random.Random(20_261_123)
    path = tmp_path / "log.db"
    acknowledged: list[tuple[int, bytes, int, bytes]] = []
    before = 0
    for life in range(ROUNDS):
        new = killed(path, life, chance.random() ** 2 * 0.2)
        assert new, "the subject did not start"
        acknowledged += new
        size = check(path, acknowledged)
        # Each submitter has at most one entry that it does not know about.
        assert before < size
        assert size - before <= len(new) + SUBMITTERS
        before = size
    assert len(acknowledged) > 1_000
