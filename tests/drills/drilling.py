"""What the drills attack: a service with a witness, yesterday's copy of it, and the tools of whoever owns its disk.

The service that lived is the installed command in its own process, and so is the witness, which runs through all drills
of a module. Each drill works on a copy of the data directory; what only has to be refused is opened in this process.
"""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from stepwarden.app.node import open_node
from stepwarden.app.settings import load_settings
from stepwarden.errors import StepwardenError
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.keys import read_signer
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import sign_note
from stepwarden.ledger.tiles import Tail
from tests.stories.asking import FIREFOX, Browser
from tests.stories.running import Server, run_inside, until, words
from tests.stories.witnessing import WitnessProcess

EACH_DAY = 140
"""Attempts asked one after another; two days fill a tile."""
WITNESSED = """
[witnesses]
policy = "witnesses.policy"
seconds = 0.2
"""
ALONE = "\n"
ENVIRONMENT = {"STEPWARDEN_ADDRESSES_BUILTIN": "false"}


@dataclass(frozen=True)
class Site:
    """``today``: the data directory as it is. ``yesterday``: the copy that was made in between."""

    today: Path
    yesterday: Path
    kept: Path
    witness: WitnessProcess
    key: str

    def copy(self, folder: Path, settings: str = WITNESSED) -> Server:
        """A service to be attacked: today's data, with or without its witness."""
        shutil.copytree(self.today, folder / "data")
        (folder / "data" / "stepwarden.toml").write_text(settings)
        return Server(folder / "data", **ENVIRONMENT)


def live(server: Server, key: str, number: int) -> None:
    with server.client(key) as http:
        home = Browser(http, "198.51.100.7", FIREFOX, "laptop")
        for turn in range(number):
            home.ask("balance.read", f"person-{turn % 7}", session=f"s-{turn % 5}")


def size_of(data: Path) -> int:
    """How many entries the database holds, as its head says."""
    with looking(data) as connection:
        (size,) = connection.execute("SELECT size FROM head").fetchone()
    return int(size)


@contextmanager
def made(folder: Path) -> Iterator[Site]:
    """Two days of a service that a witness watches."""
    server = Server(folder / "today", **ENVIRONMENT)
    witness = WitnessProcess(folder / "witness")
    kept = folder / "kept.checkpoint"
    try:
        key = server.make_key()
        witness.start("--log", str(server.data / "keys" / "ledger.vkey"))
        policy = f"witness w1 {witness.vkey()} {witness.url}\ngroup one 1 w1\nquorum one\n"
        (server.data / "witnesses.policy").write_text(policy)
        (server.data / "stepwarden.toml").write_text(WITNESSED)
        server.start()
        live(server, key, EACH_DAY)
        assert server.stop() == 0
        shutil.copytree(server.data, folder / "yesterday")
        server.start()
        live(server, key, EACH_DAY)
        with server.client(key) as http:
            kept.write_text(http.get("/v1/log/checkpoint").text, encoding="utf-8")
        until(lambda: witness.seen() > size_of(folder / "yesterday"), "today, at the witness")
        assert server.stop() == 0
        yield Site(server.data, folder / "yesterday", kept, witness, key)
    finally:
        server.kill()
        witness.end()


def put_back(server: Server, what: Path, *names: str) -> None:
    """Restore files or folders of a data directory from a copy; none named: all of it but the settings."""
    for name in names or [path.name for path in what.iterdir() if path.name != "stepwarden.toml"]:
        for old in server.data.glob(f"{name}*" if name.endswith(".db") else name):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        for new in what.glob(f"{name}*" if name.endswith(".db") else name):
            target = server.data / new.name
            shutil.copytree(new, target) if new.is_dir() else shutil.copy(new, target)


@contextmanager
def looking(data: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(data / "log.db", isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def unguarded(data: Path) -> Iterator[sqlite3.Connection]:
    """The database as somebody opens it who means harm: the triggers are the first to go."""
    with looking(data) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection


def single_blocks(connection: sqlite3.Connection) -> list[int]:
    """The first indices of the blocks that hold one decision each."""
    found = connection.execute(
        "SELECT first, leaves FROM blocks WHERE count = 1 AND instr(leaves, ?) ORDER BY first",
        (b'"kind":"attempt.decided"',),
    )
    return [int(first) for first, _ in found.fetchall()]


def edit(connection: sqlite3.Connection, first: int) -> None:
    """One digit of one decision's risk; the length stays."""
    (leaves,) = connection.execute("SELECT leaves FROM blocks WHERE first = ?", (first,)).fetchone()
    at = leaves.index(b'"risk":') + 7
    changed = leaves[:at] + (b"1" if leaves[at : at + 1] != b"1" else b"2") + leaves[at + 1 :]
    connection.execute("UPDATE blocks SET leaves = ? WHERE first = ?", (changed, first))


def rename(connection: sqlite3.Connection, first: int) -> None:
    """One character of one entry's name: nothing that any decision is recomputed from."""
    (leaves,) = connection.execute("SELECT leaves FROM blocks WHERE first = ?", (first,)).fetchone()
    at = leaves.index(b'"id":"') + 6
    changed = leaves[:at] + (b"A" if leaves[at : at + 1] != b"A" else b"B") + leaves[at + 1 :]
    connection.execute("UPDATE blocks SET leaves = ? WHERE first = ?", (changed, first))


def swap(connection: sqlite3.Connection, one: int, other: int) -> None:
    rows = dict(connection.execute("SELECT first, leaves FROM blocks WHERE first IN (?, ?)", (one, other)))
    connection.execute("UPDATE blocks SET leaves = ? WHERE first = ?", (rows[other], one))
    connection.execute("UPDATE blocks SET leaves = ? WHERE first = ?", (rows[one], other))


def leaves_of(connection: sqlite3.Connection) -> list[bytes]:
    found = []
    for (block,) in connection.execute("SELECT leaves FROM blocks ORDER BY first").fetchall():
        at = 0
        while at < len(block):
            stop = at + 2 + int.from_bytes(block[at : at + 2], "big")
            found.append(block[at + 2 : stop])
            at = stop
    return found


def sign_again(data: Path, connection: sqlite3.Connection) -> None:
    """Make the log whole again around its changed entries, with the log's own key: tiles, root, head, signature."""
    signer = read_signer(data / "keys" / "ledger.key")
    tail = Tail()
    tail.extend([leaf_hash(leaf) for leaf in leaves_of(connection)])
    connection.execute("DELETE FROM tiles")
    for level, index, hashes in tail.take_full():
        connection.execute("INSERT INTO tiles (level, idx, hashes) VALUES (?, ?, ?)", (level, index, hashes))
    claim = Checkpoint(origin=signer.name, size=tail.size, root=tail.root())
    note = sign_note(claim.format(), [signer])
    connection.execute("UPDATE head SET size = ?, root = ?, checkpoint = ?", (tail.size, claim.root, note))


def refused(server: Server) -> str:
    """Open and start a node on it, which must be refused. What was said, in one line."""

    async def start() -> None:
        node = open_node(server.data, load_settings(server.data, ENVIRONMENT, {}), lambda *_: None)
        try:
            await node.start()
        finally:
            with suppress(StepwardenError):
                await node.close("refused")

    with pytest.raises(StepwardenError) as caught:
        asyncio.run(start())
    return re.sub(r"\s+", " ", f"{caught.value.code}: {caught.value}")


def refused_by_command(server: Server) -> str:
    """The same by ``stepwarden serve``, which must end by itself with code 1."""
    server.begin()
    assert server.ended() == 1, server.said()
    return re.sub(r"\s+", " ", server.said())


def verified(data: Path, *more: str | Path) -> str:
    """``ledger verify``: what it printed, "" if everything holds."""
    done = run_inside("ledger", "verify", "--data", data, *more)
    return "" if done.returncode == 0 else words(done.stdout + done.stderr)
