"""Drills: the log is changed by somebody who owns the disk, and in the end the log's own key as well."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stepwarden.connect.witnesses import HttpWitness, make_http
from stepwarden.errors import WitnessError
from stepwarden.flow.publishing import WitnessFinding
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.compare import History
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.note import SignedNote
from stepwarden.ledger.proof import consistency_proof
from stepwarden.ledger.store import Head
from stepwarden.ledger.tiles import StoredNodes, Tail
from stepwarden.ledger.vkey import parse_vkey
from stepwarden.storage.sqlite.log import SqliteLogReader
from tests.drills.drilling import (
    ALONE,
    Site,
    edit,
    looking,
    put_back,
    refused,
    rename,
    sign_again,
    single_blocks,
    size_of,
    swap,
    unguarded,
    verified,
)
from tests.stories.running import PATIENCE, Server

NOTES = ("published.checkpoint", "witnessed.checkpoint")
"""What a data directory itself knows of its log, outside the database."""
EARLY = 20
"""Which of the single decisions is changed: in the first tile, which a start does not read again."""


def forged(server: Server, number: int = EARLY) -> Server:
    """One entry is another, in what no decision is recomputed from; everything is signed again by the stolen key."""
    with unguarded(server.data) as connection:
        rename(connection, single_blocks(connection)[number])
        sign_again(server.data, connection)
    return server


def test_drill_one_leaf_is_replaced(site: Site, tmp_path: Path) -> None:
    """The triggers are dropped and a row is edited: the tree is not the signed one."""
    server = site.copy(tmp_path, ALONE)
    with unguarded(server.data) as connection:
        edit(connection, single_blocks(connection)[EARLY])
    said = verified(server.data)
    assert "the tree FAILS" in said
    assert "the tiles FAILS" in said


def test_drill_one_of_the_last_leaves_is_replaced(site: Site, tmp_path: Path) -> None:
    """The end of the log is checked at each start."""
    server = site.copy(tmp_path, ALONE)
    with unguarded(server.data) as connection:
        edit(connection, single_blocks(connection)[-1])
    assert "ledger.corrupt" in refused(server)


def test_drill_two_leaves_are_swapped(site: Site, tmp_path: Path) -> None:
    """The same entries in another order are another log."""
    server = site.copy(tmp_path, ALONE)
    with unguarded(server.data) as connection:
        swap(connection, *single_blocks(connection)[EARLY : EARLY + 2])
    assert "the tree FAILS" in verified(server.data)


def test_drill_the_tail_is_cut_under_the_old_head(site: Site, tmp_path: Path) -> None:
    """Entries are gone that the signed head counts."""
    server = site.copy(tmp_path, ALONE)
    with unguarded(server.data) as connection:
        connection.execute("DELETE FROM blocks WHERE first > (SELECT max(first) FROM blocks) - 10")
    assert "ledger.corrupt" in refused(server)
    assert "the entries FAILS" in verified(server.data)


def test_drill_the_tail_is_cut_and_an_old_signed_head_put_in(site: Site, tmp_path: Path) -> None:
    """Whole by itself, and signed back then: only what is known elsewhere tells."""
    server = site.copy(tmp_path, ALONE)
    with looking(site.yesterday) as old:
        size, root, checkpoint = old.execute("SELECT size, root, checkpoint FROM head").fetchone()
    with unguarded(server.data) as connection:
        connection.execute("DELETE FROM openings WHERE first >= ?", (size,))
        connection.execute("DELETE FROM blocks WHERE first >= ?", (size,))
        connection.execute("DELETE FROM tiles WHERE level = 0 AND (idx + 1) * 256 > ?", (size,))
        connection.execute("UPDATE head SET size = ?, root = ?, checkpoint = ?", (size, root, checkpoint))
    assert "the past FAILS" in verified(server.data)
    assert "our own note" in refused(server)
    (server.data / "published.checkpoint").unlink()
    assert "the past FAILS" in verified(server.data), "what the witness signed lies there, too"
    (server.data / "witnessed.checkpoint").unlink()
    assert verified(server.data) == ""
    assert "the past FAILS" in verified(server.data, "--checkpoint", site.kept)


def test_drill_a_forged_tree_is_signed_with_the_stolen_key(site: Site, tmp_path: Path) -> None:
    """A perfect log of another past. Our own note, the witness, and whoever kept a checkpoint name the fork."""
    server = forged(site.copy(tmp_path))
    assert size_of(server.data) == size_of(site.today)
    assert "the past FAILS" in verified(server.data, "--checkpoint", site.kept)
    said = refused(server)
    assert "our own note" in said
    assert "fork" in said
    assert "the witness w1: fork" in said
    for name in NOTES:
        (server.data / name).unlink()
    assert verified(server.data) == ""
    said = refused(server)
    assert "the witness w1: fork" in said
    assert "another root over the first" in said


def test_drill_two_auditors_are_shown_two_trees(site: Site, tmp_path: Path) -> None:
    """Each is valid by itself. The witness signs one of them only, and two auditors who compare have the proof."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = site.copy(tmp_path / "a"), forged(site.copy(tmp_path / "b"))
    keys = read_verifiers(one.data / "keys" / "ledger.vkey")
    for server in (one, other):
        for name in NOTES:
            (server.data / name).unlink()
        assert verified(server.data) == ""
    with history_of(one.data) as ours, history_of(other.data) as theirs:
        assert ours.compare(ours.head.checkpoint, keys, keys[0].name).kind == "same"
        found = ours.compare(theirs.head.checkpoint, keys, keys[0].name)
        assert (found.kind, theirs.compare(ours.head.checkpoint, keys, keys[0].name).kind) == ("fork", "fork")
        assert "another root over the first" in found.detail
        findings: list[WitnessFinding] = []
        with pytest.raises(WitnessError, match="knows another log"):
            asyncio.run(cosigned(site, other.data, theirs.head, findings))
        assert [finding.kind for finding in findings] == ["fork"]
        (tmp_path / "other.checkpoint").write_text(theirs.head.checkpoint, encoding="utf-8")
    assert "another root over" in verified(one.data, "--checkpoint", tmp_path / "other.checkpoint")


@contextmanager
def history_of(data: Path) -> Iterator[History]:
    reader = SqliteLogReader(data / "log.db")
    try:
        head = reader.load()
        assert head is not None
        yield History(reader, head)
    finally:
        reader.close()


async def cosigned(site: Site, data: Path, head: Head, findings: list[WitnessFinding]) -> None:
    """Have the witness sign the head of this log, with the proofs of this log."""
    reader = SqliteLogReader(data / "log.db")
    nodes = StoredNodes(reader, Tail.load(reader, head.size))
    async with make_http(PATIENCE) as http:
        witness = HttpWitness(
            "w1",
            parse_vkey(site.witness.vkey()),
            site.witness.url,
            http,
            seconds=PATIENCE,
            findings=findings.append,
        )
        claim = Checkpoint.parse(SignedNote.parse(head.checkpoint).text)
        try:
            await witness.cosign(head.checkpoint, claim, lambda old, new: consistency_proof(old, new, nodes))
        finally:
            reader.close()


def test_drill_the_archive_knows_what_the_database_lost(site: Site, tmp_path: Path) -> None:
    """Put back with everything in the data directory, and no witness: the archive's newest checkpoint is ahead."""
    archive = tmp_path / "archive"
    (archive / "checkpoints").mkdir(parents=True)
    size = size_of(site.today)
    note = (site.today / "published.checkpoint").read_text(encoding="utf-8")
    (archive / "checkpoints" / str(size)).write_text(note, encoding="utf-8")
    settings = f'[archive]\nto = "{archive}"\n'
    server = site.copy(tmp_path, settings)
    put_back(server, site.yesterday)
    (server.data / "stepwarden.toml").write_text(settings)
    said = refused(server)
    assert f"the archive {archive}: ahead, {size} entries" in said
    # The newest checkpoint wound back, the kept one forgotten: it still tells.
    shutil.copy(site.yesterday / "published.checkpoint", archive / "checkpoint")
    assert f"the archive {archive}: ahead, {size} entries" in refused(server)
