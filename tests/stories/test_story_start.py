"""What stops a start: each time a message that says what happened and what to do, exit code 1, and no new harm."""

import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwarden.ledger.keys import read_signer, write_signer
from stepwarden.ledger.note import Ed25519Signer
from tests.stories.asking import FIREFOX, Browser
from tests.stories.running import Server, run_beside, words

Tamper = Callable[[Path], None]
NO_TABLE = {"STEPWARDEN_ADDRESSES_BUILTIN": "false"}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A data directory with a life behind it."""
    server = Server(tmp_path_factory.mktemp("start") / "data", **NO_TABLE)
    with server, server.client(server.make_key()) as http:
        home = Browser(http, "198.51.100.7", FIREFOX, "laptop")
        for number in range(80):
            home.ask("balance.read", f"person-{number % 7}")
        assert server.stop() == 0
    return server


def lose_the_signing_key(data: Path) -> None:
    (data / "keys" / "ledger.key").unlink()


def lose_the_master_key(data: Path) -> None:
    (data / "keys" / "master.key").unlink()


def open_the_master_key(data: Path) -> None:
    (data / "keys" / "master.key").chmod(0o644)


def exchange_the_signing_key(data: Path) -> None:
    """A key of the same name, and not the one that signed."""
    path = data / "keys" / "ledger.key"
    origin = read_signer(path).name
    path.unlink()
    write_signer(path, Ed25519Signer.from_seed(origin, bytes(32)))


def exchange_the_master_key(data: Path) -> None:
    (data / "keys" / "master.key").write_text("00" * 32 + "\n")


def overwrite_a_page(data: Path) -> None:
    """A page of entries, as a failing disk leaves it."""
    path = data / "log.db"
    raw = bytearray(path.read_bytes())
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'blocks'").fetchone()
    connection.close()
    raw[(root - 1) * 4096 : root * 4096] = b"\xa5" * 4096
    path.write_bytes(raw)


def overwrite_the_first_page(data: Path) -> None:
    path = data / "log.db"
    raw = bytearray(path.read_bytes())
    raw[:4096] = b"\xa5" * 4096
    path.write_bytes(raw)


def break_the_policy(data: Path) -> None:
    (data / "policy.yaml").write_text("version: 1\nname: mine\nrules: [\n")


CASES: list[tuple[Tamper, str, str]] = [
    (lose_the_signing_key, "key.unreadable", "restore the key from its backup"),
    (lose_the_master_key, "key.unreadable", "restore the key from its backup"),
    (open_the_master_key, "key.unreadable", "run `chmod 600 "),
    (exchange_the_signing_key, "ledger.bad_signature", "no known key signed"),
    (exchange_the_master_key, "key.unreadable", "master key"),
    (overwrite_a_page, "storage.corrupt", "restore the last copy"),
    (overwrite_the_first_page, "storage.corrupt", "restore the file from its last copy"),
    (break_the_policy, "policy.invalid", "(line 4, column 1)"),
]


@pytest.fixture(scope="module")
def ended(
    original: Server, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Server, int, list[str]]]:
    """A copy for each case, changed and started, all at once: the server, its exit code, the names of its keys."""
    begun: dict[str, tuple[Server, list[str]]] = {}
    for change, _, _ in CASES:
        copy = tmp_path_factory.mktemp(change.__name__) / "data"
        shutil.copytree(original.data, copy)
        change(copy)
        server = Server(copy, **NO_TABLE)
        names = sorted(path.name for path in (copy / "keys").iterdir())
        server.begin()
        begun[change.__name__] = (server, names)
    try:
        return {name: (server, server.ended(), names) for name, (server, names) in begun.items()}
    finally:
        for server, _ in begun.values():
            server.kill()


@pytest.mark.parametrize(("change", "code", "advice"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_start_that_cannot_be_says_what_to_do(
    ended: dict[str, tuple[Server, int, list[str]]], change: Tamper, code: str, advice: str
) -> None:
    """Exit code 1, one message with a code, no traceback; no key is made anew."""
    server, exit_code, keys = ended[change.__name__]
    said = words(server.said())
    assert exit_code == 1, said
    assert said.startswith(f"error {code}"), said
    assert advice in said
    assert "Traceback" not in said
    assert sorted(path.name for path in (server.data / "keys").iterdir()) == keys


def test_a_taken_port_and_a_file_for_a_directory_are_named(tmp_path: Path) -> None:
    """The two usual slips of a first start."""
    (tmp_path / "file").write_text("not a directory")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        busy, file = run_beside(
            ["serve", "--data", tmp_path / "data", "--port", str(port)],
            ["serve", "--data", tmp_path / "file", "--port", "0"],
        )
    assert (busy.returncode, file.returncode) == (1, 1)
    assert f"cannot listen on 127.0.0.1 port {port}" in words(busy.stderr)
    assert str(tmp_path / "file") in words(file.stderr)
    assert "Traceback" not in busy.stderr + file.stderr
