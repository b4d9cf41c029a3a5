"""Retention from the command line: export, look, prune beside the running service, and check what is left."""

import json
from pathlib import Path

from stepwarden.app.pruning import parse_keep
from stepwarden.cli.ledger_prune import parse_date
from tests.stories.asking import send
from tests.stories.running import Server, check_log, run_inside, words

LOGIN = {"action": "login", "actor": "alice", "ip": "198.51.100.7", "proved": ["pwd"]}
RULE = "entries are kept for a day"


def test_old_entries_are_pruned_beside_the_running_service(tmp_path: Path) -> None:
    """Nothing goes on a dry run or without an archive; then the old entries go, and everything else holds."""
    archive = tmp_path / "archive"
    server = Server(tmp_path / "data")
    data = ("--data", str(server.data))
    with server, server.client(server.make_key()) as http:
        first = send(http, "/v1/attempts", LOGIN)
        lines = [
            json.dumps({**LOGIN, "session": f"s{number}", "outcome": "success"}) for number in range(600)
        ]
        headers = {"content-type": "application/x-ndjson"}
        assert http.post("/v1/events", content="\n".join(lines), headers=headers).status_code == 200
        prune = ("ledger", "prune", *data, "--index", "300")
        looked = run_inside(*prune, "--dry-run")
        assert looked.returncode == 0
        assert "Entries 0 to 255 would go" in words(looked.stdout)
        named = (*prune, "--archive", archive, "--rule", RULE, "--yes")
        assert run_inside(*prune, "--yes").returncode == 1
        assert run_inside(*named).returncode == 1
        assert run_inside("ledger", "export", *data, "--to", archive).returncode == 0
        done = run_inside(*named)
        assert done.returncode == 0, done.stderr
        assert "Removed 256 entries" in words(done.stdout)
        assert "Nothing to remove" in words(run_inside("ledger", "prune", *data, "--index", "256").stdout)
        gone = http.post(f"/v1/attempts/{first['id']}/outcome", json={"outcome": "success"})
        assert gone.status_code == 410
        assert gone.json()["code"] == "ledger.pruned"
        proof = http.get("/v1/log/proof/inclusion", params={"index": 2, "size": 500})
        assert proof.status_code == 200
        check_log(server.data)
        assert server.stop() == 0
    check_log(server.data)
    shown = run_inside("ledger", "show", "5", *data)
    assert shown.returncode == 1
    assert "ledger.pruned" in shown.stderr
    with server, server.client(server.make_key()) as http:
        send(http, "/v1/attempts", LOGIN)
    check_log(server.data)


def test_times_are_read_in_one_spelling_each(tmp_path: Path) -> None:
    """A length of time or a date that could be read in two ways is refused, with what to write."""
    assert parse_keep("400d") == 400 * 86_400
    assert parse_keep("7y") == 7 * 366 * 86_400
    assert parse_date("1970-01-02") == 86_400 * 1_000_000
    data = ("--data", str(tmp_path / "data"))
    assert run_inside("keys", "create", *data, "--name", "x").returncode == 0
    for options in (
        ("--keep", "400"),
        ("--keep", "0d"),
        ("--keep", "+4d"),
        ("--before", "2026-1-31"),
        ("--before", "31.1.2026"),
        ("--keep", "1d", "--index", "3"),
        (),
    ):
        refused = run_inside("ledger", "prune", *data, *options)
        assert refused.returncode == 1, options
        assert "input.invalid" in refused.stderr
