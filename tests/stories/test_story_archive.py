"""A served log as files, and its archive: real processes, the stand-alone verifier, kills in the middle."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.note import open_note
from stepwarden.ledger.tlog_proof import TlogProof
from tests.stories.asking import entries
from tests.stories.running import Server, run, run_inside, surroundings, until, words

LINE = '{{"action":"read","actor":"p{0}","outcome":"success","source":"archive story"}}'


def verifier(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What an auditor runs: the ledger alone, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "stepwarden.ledger", "verify", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=surroundings(),
    )


def record(http: httpx.Client, count: int) -> None:
    body = "\n".join(LINE.format(number) for number in range(count))
    reply = http.post("/v1/events", content=body, headers={"Content-Type": "application/x-ndjson"})
    assert reply.status_code == 200, reply.text


def size_of(note: str) -> int:
    return Checkpoint.parse(note.partition("\n\n")[0] + "\n").size


def published(http: httpx.Client, size: int) -> str:
    """The published checkpoint, once it covers so many entries."""

    def look() -> str | None:
        note = http.get("/log/checkpoint").text
        return note if size_of(note) >= size else None

    return until(look, f"a published checkpoint over {size} entries")


def test_an_auditor_verifies_a_running_server_with_their_own_tool(tmp_path: Path) -> None:
    """With a key that may only audit: the whole log by address; without it nothing; a receipt that holds offline."""
    with Server(tmp_path / "data") as server:
        key = server.make_key("audit", "an auditor")
        with server.client(server.make_key()) as writer, server.client(key) as auditor:
            record(writer, 600)
            note = published(auditor, 600)
            vkey, token = server.data / "keys" / "ledger.vkey", tmp_path / "token"
            token.write_text(key + "\n")
            url = f"{server.url}/log"
            done = verifier("--url", url, "--vkey", vkey, "--bearer", token)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "OK, the log" in done.stdout
            refused = verifier("--url", url, "--vkey", vkey)
            assert refused.returncode == 1
            assert "401" in refused.stdout + refused.stderr
            receipt = TlogProof.parse(auditor.get("/v1/log/receipt", params={"index": 300}).text)
            origin = server.verifiers()[0].name
            covered = receipt.verify(server.leaves()[300], origin, read_verifiers(vkey))
            assert covered.size >= size_of(note)
            # That somebody read the log as files is in the log, in one entry for them all.
            assert auditor.get("/v1/attempts").status_code in (404, 405)
        server.stop()
        server.start()
        with server.client(server.make_key()) as reader:
            read = [one for one in entries(reader, kind="administration") if one["action"] == "log.files"]
            assert read, "reads of files must be entries by the end of the run"
            assert "tile" in read[0]["detail"]
            assert read[0]["by"] == key.split("_")[1]


def test_anybody_may_read_the_tree_where_the_operator_says_so(tmp_path: Path) -> None:
    """``log.readers = tree``: checkpoint and hashes without a key, entries not."""
    with Server(tmp_path / "data", STEPWARDEN_LOG_READERS="tree") as server, server.client() as anybody:
        note = published(anybody, 1)
        assert open_note(note, server.verifiers())
        width = size_of(note)
        tile = anybody.get(f"/log/tile/0/000.p/{width}")
        assert (tile.status_code, len(tile.content)) == (200, 32 * width)
        assert anybody.get(f"/log/tile/entries/000.p/{width}").status_code == 401


def archived(folder: Path, at_least: int) -> int | None:
    """The size of what is archived, once it is enough."""
    try:
        size = size_of((folder / "checkpoint").read_text())
    except FileNotFoundError:
        return None
    return size if size >= at_least else None


def exported(http: httpx.Client, at_least: int) -> list[dict[str, Any]] | None:
    """The entries about exports, once there are enough."""
    found = [one for one in entries(http, kind="administration") if one["action"] == "log.export"]
    return found if len(found) >= at_least else None


def test_a_service_keeps_its_archive_up_and_comes_back_after_a_kill(tmp_path: Path) -> None:
    """Continuous export: grows by itself, survives kill -9, and is never told a rolled-back log."""
    folder = tmp_path / "archive"
    settings = {"STEPWARDEN_ARCHIVE_TO": str(folder), "STEPWARDEN_ARCHIVE_SECONDS": "1"}
    with Server(tmp_path / "data", **settings) as server:
        vkey = server.data / "keys" / "ledger.vkey"
        key = server.make_key()
        for count in (300, 900):
            with server.client(key) as http:
                record(http, count)
                size = len(server.leaves())
                until(partial(archived, folder, size), f"an archive of {size} entries")
                metrics = http.get("/metrics").text
                assert "stepwarden_archive_failures 0" in metrics
            server.kill()
            done = verifier("--dir", folder, "--vkey", vkey)
            assert done.returncode == 0, done.stdout + done.stderr
            server.start()
        with server.client(key) as http:  # the third start answers before its first export has begun
            exports = until(partial(exported, http, 3), "an entry of each start's export")
        assert [(one["by"], one["target"]) for one in exports] == [("archive", str(folder))] * 3
        assert run_inside("ledger", "replay", "--data", server.data).returncode == 0


def test_attack_an_archive_that_knows_more_is_never_overwritten(tmp_path: Path) -> None:
    """Yesterday's database put back: the service says so, records it, and leaves the archive as it is."""
    folder, data = tmp_path / "archive", tmp_path / "data"
    assert run("keys", "create", "--data", data, "--name", "first").returncode == 0
    yesterday = (data / "log.db").read_bytes()
    for name in ("second", "third"):
        assert run_inside("keys", "create", "--data", data, "--name", name).returncode == 0
    assert run_inside("ledger", "export", "--data", data, "--to", folder).returncode == 0
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for old in (*data.glob("log.db*"), data / "index.db", data / "published.checkpoint"):
        old.unlink(missing_ok=True)
    for snapshot in data.glob("snapshots/*"):
        snapshot.unlink()
    (data / "log.db").write_bytes(yesterday)
    refused = run_inside("ledger", "export", "--data", data, "--to", folder)
    assert refused.returncode == 1
    assert "rolled back or cut" in words(refused.stderr)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == kept


def export_process(arguments: Sequence[str | Path]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "stepwarden.cli.main", "ledger", "export", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=surroundings(),
    )


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with some ten thousand entries, not served."""
    data = tmp_path_factory.mktemp("grown") / "data"
    with Server(data) as server:
        with server.client(server.make_key()) as http:
            for _ in range(2):
                record(http, 8_000)
        server.stop()
    return data


def test_an_export_killed_at_any_moment_goes_on(grown: Path, tmp_path: Path) -> None:
    """kill -9 again and again, at moments chosen at random: what a reader saw stays readable, and it ends complete."""
    folder = tmp_path / "archive"
    vkey = grown / "keys" / "ledger.vkey"
    chance = random.Random(20_261_123)
    for _ in range(2):
        process = export_process(("--data", grown, "--to", folder))
        # From the first file on, some files later: a fixed time would hit the start of the process.
        wanted = sum(1 for _ in folder.rglob("[0-9]*")) + chance.randrange(1, 40)
        while process.poll() is None and sum(1 for _ in folder.rglob("[0-9]*")) < wanted:
            time.sleep(0.001)
        process.kill()
        process.wait(60)
    if (folder / "checkpoint").exists():  # it was quicker than the second kill
        assert verifier("--dir", folder, "--vkey", vkey).returncode == 0
    done = run_inside("ledger", "export", "--data", grown, "--to", folder, "--verify-remote")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as they should be" in done.stdout
    assert verifier("--dir", folder, "--vkey", vkey).returncode == 0
    again = run_inside(
        "ledger", "export", "--data", grown, "--to", folder, "--verify-remote", "--sample", "3"
    )
    assert "read back 3 of" in again.stdout
    assert all(path.name.startswith(".draft-") for path in folder.rglob(".*"))


def test_attack_one_changed_byte_in_an_archive_is_named(grown: Path, tmp_path: Path) -> None:
    """``--verify-remote`` exits with 1 and says which file; the archive is not repaired in silence."""
    folder = tmp_path / "archive"
    assert run_inside("ledger", "export", "--data", grown, "--to", folder).returncode == 0
    victim = folder / "tile" / "entries" / "007"
    whole = victim.read_bytes()
    victim.chmod(0o644)
    victim.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    found = run_inside("ledger", "export", "--data", grown, "--to", folder, "--verify-remote")
    assert found.returncode == 1
    assert "tile/entries/007" in words(found.stdout)
    assert "NOT as they should be" in found.stdout
    assert os.stat(victim).st_size == len(whole)
