"""An operator's day: start, keys, a new policy, checking the log beside the running service, stop."""

import concurrent.futures
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from stepwarden.events.encoding import decode
from stepwarden.events.entries import (
    Administration,
    PolicyChanged,
    PolicyRefused,
    ServiceStarted,
    ServiceStopped,
)
from tests.stories.asking import send
from tests.stories.running import Server, check_log, run, run_beside, run_inside, until, words

LOGIN = {"action": "login", "actor": "alice", "ip": "198.51.100.7"}


def key_ids(listing: str) -> set[str]:
    return set(re.findall(r"\b[0-9a-f]{12}\b", listing))


def id_of(token: str) -> str:
    return token.split("_")[1]


def test_keys_and_checks_work_while_running_and_while_stopped(tmp_path: Path) -> None:
    """The same commands either way; a revoked key is refused at once, every step is an entry, the end is in order."""
    server = Server(tmp_path / "data")
    data = ("--data", str(server.data))
    first = server.make_key("decide", name="made while stopped")
    with server:
        with server.client(first) as http:
            send(http, "/v1/attempts", LOGIN)
            assert http.get("/v1/log/checkpoint").status_code == 403
        made = run("keys", "create", *data, "--name", "made while running", "--scopes", "read")
        second = made.stdout.strip()
        assert second not in made.stderr
        with server.client(second) as http:
            assert http.get("/v1/log/checkpoint").status_code == 200
        listed, wrong, unknown = run_beside(
            ["keys", "list", *data],
            ["keys", "create", *data, "--name", "x", "--scopes", "everything"],
            ["keys", "revoke", *data, "0123456789ab"],
        )
        assert key_ids(listed.stdout) == {id_of(first), id_of(second)}
        assert "made while stopped" in listed.stdout
        assert first.split("_")[2] not in listed.stdout
        assert wrong.returncode == unknown.returncode == 1
        assert "unknown scope everything" in words(wrong.stderr)
        assert "there is no key 0123456789ab" in words(unknown.stderr)
        assert run("keys", "revoke", *data, id_of(second)).returncode == 0
        with server.client(second) as http:
            assert http.get("/v1/log/checkpoint").status_code == 401
        assert server.stop() == 0
    assert not (server.data / "control.sock").exists()
    assert not (server.data / "log.db-wal").exists()
    assert run("keys", "revoke", *data, id_of(first)).returncode == 0
    check_log(server.data)
    log = [decode(leaf) for leaf in server.leaves()]
    done = [(entry.action, entry.target) for entry in log if isinstance(entry, Administration)]
    assert done == [
        ("key.created", id_of(first)),
        ("key.created", id_of(second)),
        ("key.revoked", id_of(second)),
        ("key.revoked", id_of(first)),
    ]
    runs = [entry for entry in log if isinstance(entry, ServiceStarted | ServiceStopped)]
    assert [entry.reason for entry in runs if isinstance(entry, ServiceStopped)][:3] == [
        "command done",
        "asked to stop",
        "command done",
    ]
    text = b"".join(server.leaves())
    assert all(token.split("_")[2].encode() not in text for token in (first, second))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("commands") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def asking(service: Server) -> Iterator[httpx.Client]:
    with service.client(service.make_key()) as client:
        yield client


@contextmanager
def busy(http: httpx.Client) -> Iterator[None]:
    """Attempts come without a pause meanwhile, so that the log grows under whoever reads it."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            send(http, "/v1/attempts", {"action": "balance.read", "actor": "somebody"})

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        try:
            yield
        finally:
            over.set()
        asked.result()


def test_beside_the_running_service_the_log_is_checked_and_a_second_one_refused(
    service: Server, asking: httpx.Client
) -> None:
    """Auditing needs no stop; a second writer is told which process holds the log, and disturbs nothing."""
    other = ["--data", str(service.data)]
    with busy(asking):
        second, verified, replayed = run_beside(
            ["serve", *other, "--port", "0"], ["ledger", "verify", *other], ["ledger", "replay", *other]
        )
    assert second.returncode == 1
    assert "storage.locked" in second.stderr
    assert f"is in use by process {service.process.pid}" in words(second.stderr)
    assert verified.returncode == 0, verified.stdout
    assert "FAILS" not in verified.stdout
    assert replayed.returncode == 0, replayed.stderr
    assert re.search(r"\d+ entries, [1-9]\d* decisions under 1 policy: all are", replayed.stdout)
    send(asking, "/v1/attempts", LOGIN)


def test_a_new_policy_is_live_within_seconds_and_a_bad_one_refused_by_line_and_column(
    service: Server, asking: httpx.Client
) -> None:
    """Edit the file: a good policy decides from then on; a bad one changes nothing; the log tells of both."""
    path = service.data / "policy.yaml"
    text = path.read_text()
    before = send(asking, "/v1/attempts", LOGIN)
    assert before["decision"] == "allow"
    closed = re.sub(r"^  login: {.*}$", "  login: {sensitivity: 1, demand: deny}", text, flags=re.M)
    assert closed != text
    path.write_text(closed)
    after = until(
        lambda: (answer := send(asking, "/v1/attempts", LOGIN))["policy"] != before["policy"] and answer,
        "a decision by the new policy",
    )
    assert after["decision"] == "deny"
    broken = re.sub(r"risk: 0\.(\d+), demand: deny", r"risk: 0,\1, demand: deny", closed)
    assert broken != closed
    path.write_text(broken)
    until(lambda: "refused" in service.said(), "the word that the policy is refused")
    lines = [line for line in service.said().splitlines() if "the new policy is refused" in line]
    assert len(lines) == 1
    found = re.search(r"\(line (\d+), column (\d+)\)", lines[0])
    assert found, lines
    assert "risk: 0," in broken.splitlines()[int(found[1]) - 1]
    assert send(asking, "/v1/attempts", LOGIN)["policy"] == after["policy"]
    path.unlink()
    until(lambda: service.said().count("refused") == 2, "the word that the policy cannot be read")
    assert send(asking, "/v1/attempts", LOGIN)["policy"] == after["policy"]
    path.write_text(text)
    until(
        lambda: send(asking, "/v1/attempts", LOGIN)["policy"] == before["policy"],
        "the first policy once more",
    )
    log = [decode(leaf) for leaf in service.leaves()]
    told = [entry for entry in log if isinstance(entry, PolicyChanged | PolicyRefused)]
    assert [type(entry) for entry in told] == [PolicyChanged, PolicyChanged, PolicyRefused, PolicyChanged]
    refused = told[2]
    assert isinstance(refused, PolicyRefused)
    assert (refused.line, refused.column) == (int(found[1]), int(found[2]))
    replayed = run_inside("ledger", "replay", "--data", service.data)
    assert replayed.returncode == 0, replayed.stderr
    assert "under 2 policies" in replayed.stdout


def test_ctrl_c_lets_the_log_get_its_last_entry(tmp_path: Path) -> None:
    """As soon as it says that it answers, it can be stopped in order, with an entry that says so, and with code 0."""
    with Server(tmp_path / "data") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.ended() == 0, server.said()
    last = decode(server.leaves()[-1])
    assert isinstance(last, ServiceStopped)
    assert last.reason == "asked to stop"
    assert "Traceback" not in server.said()
