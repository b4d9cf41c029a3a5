"""Drills: an old copy is put back, in every way we could think of. Who notices, and what is said."""

import json
import shutil
from pathlib import Path

from tests.drills.drilling import (
    ALONE,
    WITNESSED,
    Site,
    live,
    put_back,
    refused,
    refused_by_command,
    size_of,
    verified,
)
from tests.stories.asking import FIREFOX, Browser
from tests.stories.running import check_log, run_inside


def test_drill_yesterdays_database_alone_is_put_back(site: Site, tmp_path: Path) -> None:
    """Our own note and the witness both know more; how much, and what to do, is said."""
    server = site.copy(tmp_path)
    longer = size_of(server.data)
    put_back(server, site.yesterday, "log.db")
    said = refused_by_command(server)
    assert "ledger.rolled_back" in said
    assert f"It holds {size_of(site.yesterday)} entries" in said
    assert "our own note" in said
    assert f"ahead, {longer} entries" in said
    assert "the witness w1: ahead" in said
    assert "Restore the newest copy" in said
    assert size_of(server.data) == size_of(site.yesterday)


def test_drill_the_database_is_put_back_with_its_index_and_snapshots(site: Site, tmp_path: Path) -> None:
    """Everything that is made from the log agrees with it; the note beside it does not."""
    server = site.copy(tmp_path, ALONE)
    put_back(server, site.yesterday, "log.db", "index.db", "snapshots")
    assert "our own note" in refused(server)


def test_drill_the_whole_directory_is_put_back_and_a_witness_knows(site: Site, tmp_path: Path) -> None:
    """Our own note went back with the rest: only somebody else can tell."""
    server = site.copy(tmp_path)
    put_back(server, site.yesterday)
    (server.data / "stepwarden.toml").write_text(WITNESSED)
    said = refused(server)
    assert "the witness w1: ahead" in said
    assert "our own note" not in said


def test_drill_our_note_is_deleted_too_and_a_witness_knows(site: Site, tmp_path: Path) -> None:
    server = site.copy(tmp_path)
    put_back(server, site.yesterday, "log.db")
    (server.data / "published.checkpoint").unlink()
    assert "the witness w1: ahead" in refused(server)


def test_drill_everything_here_is_put_back_and_nobody_outside_is_asked(site: Site, tmp_path: Path) -> None:
    """Nothing on this machine can tell, so it starts: that is why something has to be kept elsewhere. Whoever kept a
    checkpoint names it."""
    server = site.copy(tmp_path, ALONE)
    put_back(server, site.yesterday)
    with server:
        assert server.stop() == 0
    assert verified(server.data) == ""
    assert "FAILS" in verified(server.data, "--checkpoint", site.kept)


def test_drill_a_kept_checkpoint_on_a_stick_refuses_the_start(site: Site, tmp_path: Path) -> None:
    server = site.copy(tmp_path, f'[doubt]\ncheckpoints = ["{site.kept}"]\n')
    put_back(server, site.yesterday)
    (server.data / "stepwarden.toml").write_text(f'[doubt]\ncheckpoints = ["{site.kept}"]\n')
    assert f"checkpoints in {site.kept}: ahead" in refused(server)


def test_drill_our_note_is_kept_on_another_disk(site: Site, tmp_path: Path) -> None:
    """``doubt.published`` takes it out of what is put back with the data directory."""
    note = tmp_path / "elsewhere.checkpoint"
    shutil.copy(site.today / "published.checkpoint", note)
    server = site.copy(tmp_path, ALONE)
    put_back(server, site.yesterday)
    (server.data / "stepwarden.toml").write_text(f'[doubt]\npublished = "{note}"\n')
    assert "our own note" in refused(server)


def test_drill_the_witness_is_cut_off_while_the_old_copy_starts(site: Site, tmp_path: Path) -> None:
    """Out of reach is unknown, not agreement: where one must agree, there is no start without it."""
    server = site.copy(tmp_path)
    put_back(server, site.yesterday)
    policy = (server.data / "witnesses.policy").read_text().replace(f":{site.witness.port}", ":9")
    (server.data / "witnesses.policy").write_text(policy)
    (server.data / "stepwarden.toml").write_text(WITNESSED + "[doubt]\nrequire = 1\n")
    said = refused(server)
    assert "0 sources outside agree" in said
    assert "the witness w1: out of reach" in said


def test_drill_no_command_writes_on_top_of_an_old_copy(site: Site, tmp_path: Path) -> None:
    """A key made now would be an entry of a fork."""
    server = site.copy(tmp_path, ALONE)
    put_back(server, site.yesterday, "log.db")
    done = run_inside("keys", "create", "--data", server.data, "--name", "x")
    assert done.returncode == 1
    assert "ledger.rolled_back" in done.stderr
    assert size_of(server.data) == size_of(site.yesterday)


def test_drill_a_restored_log_is_trusted_with_a_reason_and_goes_on(site: Site, tmp_path: Path) -> None:
    """There is no newer copy: an operator says so, it becomes an entry, and the next start finds nothing new."""
    server = site.copy(tmp_path, ALONE)
    put_back(server, site.yesterday, "log.db")
    refused(server)
    done = run_inside(
        "ledger", "trust", "--data", server.data, "--reason", "the disk died, this is all there is"
    )
    assert done.returncode == 0, done.stderr
    assert "1 claims" in done.stdout
    with server:
        live(server, site.key, 2)
        assert server.stop() == 0
    check_log(server.data)


def test_drill_with_raise_an_old_copy_serves_with_the_highest_demand(site: Site, tmp_path: Path) -> None:
    """Everybody is asked for more, and told why, until somebody trusts the log; replay recomputes all of it."""
    server = site.copy(tmp_path, ALONE)
    put_back(server, site.yesterday, "log.db")
    (server.data / "stepwarden.toml").write_text('[doubt]\nthen = "raise"\n')
    with server:
        with server.client(site.key) as http:
            home = Browser(http, "198.51.100.7", FIREFOX, "laptop")
            asked = home.ask("balance.read", "person-1", session="s-1")
            assert asked["decision"] == "step_up"
            assert asked["demand"]["bound"] is True
            assert asked["reasons"][0]["rule"] == "log_doubted"
            done = run_inside("ledger", "trust", "--data", server.data, "--reason", "looked into it")
            assert done.returncode == 0, done.stderr
            assert home.ask("balance.read", "person-1", session="s-1")["decision"] == "allow"
        assert server.stop() == 0
    kinds = [json.loads(leaf)["kind"] for leaf in server.leaves()]
    assert [kind for kind in kinds if kind.startswith("log.")] == ["log.doubted", "log.trusted"]
    check_log(server.data)


def test_drill_the_longer_log_becomes_known_while_the_old_copy_serves(site: Site, tmp_path: Path) -> None:
    """A longer log that comes to be known elsewhere stops it: not ready, 503, and the reason in its own log."""
    folder = tmp_path / "mailed"
    folder.mkdir()
    server = site.copy(tmp_path, f'[doubt]\ncheckpoints = ["{folder}"]\nseconds = 1\n')
    put_back(server, site.yesterday)
    (server.data / "stepwarden.toml").write_text(f'[doubt]\ncheckpoints = ["{folder}"]\nseconds = 1\n')
    with server:
        with server.client(site.key) as http:
            home = Browser(http, "198.51.100.7", FIREFOX, "laptop")
            home.ask("balance.read", "person-1", session="s-1")
            shutil.copy(site.kept, folder)
            while http.get("/readyz").status_code == 200:
                pass
            assert http.get("/readyz").json()["reason"] == "ledger.rolled_back"
            answer = http.post("/v1/attempts", json={"action": "balance.read", "actor": "person-1"})
            assert answer.status_code == 503
            assert answer.json()["code"] == "ledger.rolled_back"
            assert "root" not in answer.text
        assert "nothing is decided any more" in server.said()
        server.stop()
