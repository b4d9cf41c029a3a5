"""Many processes, one log: it stays one line of entries, with everything acknowledged in it once."""

import base64
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.merkle import Edge, leaf_hash
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.verify import verify_log
from stepwarden.storage.sqlite.log import SqliteLogStore
from tests.crash.contender import SHARE, SUBMITTERS
from tests.crash.scenes import ORIGIN, SIGNER
from tests.stories.running import PATIENCE, Server, check_log

ROOT = Path(__file__).parents[2]


def begin(module: str, *arguments: object, said: Path) -> "subprocess.Popen[bytes]":
    with said.open("wb") as file:
        return subprocess.Popen([sys.executable, "-m", module, *map(str, arguments)], stdout=file, cwd=ROOT)


def lines(folder: Path) -> list[list[str]]:
    """What all processes said; the last line of a killed one may be cut off."""
    found = []
    for path in folder.glob("said-*"):
        found += [
            line.split(" ") for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")
        ]
    return found


def roots_of(leaves: list[bytes], sizes: set[int]) -> dict[int, bytes]:
    edge, found = Edge(), {}
    for count, leaf in enumerate(leaves, 1):
        edge.append(leaf_hash(leaf))
        if count in sizes:
            found[count] = edge.root()
    return found


def contend(folder: Path, processes: int, turns: int, kills: int) -> None:
    """Let them fight for the log; kill whoever holds it, now and then, and send another in."""
    chance = random.Random(5)
    log, names = folder / "log.db", iter(range(1_000))
    running = []

    def send_in() -> None:
        name = next(names)
        running.append(begin("tests.crash.contender", log, name, turns, said=folder / f"said-{name}"))

    for _ in range(processes):
        send_in()
    for _ in range(kills):
        before = len(lines(folder))
        until = time.monotonic() + PATIENCE
        while len(lines(folder)) < before + chance.randrange(20, 150) and time.monotonic() < until:
            time.sleep(0.01)
        holder = int(log.with_name("log.db.lock").read_text().strip() or 0)
        for process in running:
            if process.pid == holder and process.poll() is None:
                process.kill()
                send_in()
                break
    codes = [process.wait(PATIENCE) for process in running]
    assert set(codes) <= {0, -9}, codes
    assert codes.count(0) >= processes


def check_contended(folder: Path) -> int:
    with closing(SqliteLogStore.open(folder / "log.db")) as store:
        size = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=1).head.size
        verify_log(store, origin=ORIGIN, verifiers=[SIGNER.verifier]).raise_failure()
        leaves = list(store.leaves(0, size))
    assert len(set(leaves)) == size, "an entry is there twice"
    said = lines(folder)
    roots = roots_of(leaves, {int(line[2]) for line in said})
    for index, leaf, covered, root in said:
        assert leaf_hash(leaves[int(index)]).hex() == leaf, (
            "an acknowledged entry is lost, or stands elsewhere"
        )
        assert int(index) < int(covered)
        assert roots[int(covered)].hex() == root.strip(), "a receipt is of another log"
    return len(said)


def test_processes_that_fight_for_a_log_write_one_log(tmp_path: Path) -> None:
    """Four processes of eight submitters take turns by the lock; the holder is killed, and the next goes on."""
    contend(tmp_path, processes=4, turns=2, kills=3)
    assert check_contended(tmp_path) >= 4 * 2 * SUBMITTERS * SHARE


@pytest.mark.soak
def test_processes_that_fight_for_long_write_one_log(tmp_path: Path) -> None:
    """The same with many turns and kills."""
    contend(tmp_path, processes=8, turns=25, kills=100)
    assert check_contended(tmp_path) >= 8 * 25 * SUBMITTERS * SHARE


def test_client_processes_of_one_service_write_one_log(tmp_path: Path) -> None:
    """Four processes of eight callers each, over HTTP: each answer's entry is there once, where its receipt says."""
    processes, callers, each = 4, 8, 12
    with Server(tmp_path / "data", STEPWARDEN_ADDRESSES_BUILTIN="false") as server:
        key = server.make_key()
        running = [
            begin("tests.crash.caller", server.url, key, name, callers, each, said=tmp_path / f"said-{name}")
            for name in "abcd"
        ]
        assert [process.wait(PATIENCE) for process in running] == [0] * processes
        leaves, verifiers = server.leaves(), server.verifiers()
        server.stop()
    said = lines(tmp_path)
    assert len(said) == processes * callers * each
    actions = [msgspec.json.decode(leaf).get("facts", {}).get("action") for leaf in leaves]
    counted = Counter(actions)
    notes = {
        line[3]: open_checkpoint(base64.b64decode(line[3]).decode(), verifiers[0].name, verifiers)
        for line in said
    }
    roots = roots_of(leaves, {claim.size for claim in notes.values()})
    for action, index, size, note in said:
        assert counted[action] == 1
        assert actions[int(index)] == action
        assert int(index) < int(size) == notes[note].size
        assert notes[note].root == roots[int(size)], "a receipt is of another log"
    check_log(tmp_path / "data")
