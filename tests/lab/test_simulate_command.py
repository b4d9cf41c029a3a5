"""``stepwarden lab simulate`` as a person meets it: what it prints and writes, what it refuses, that it cleans up."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwarden.cli.lab_simulated import spelled
from stepwarden.cli.own_server import own_server
from stepwarden.errors import StepwardenError
from tests.lab.commands_house import Run, runner
from tests.stories.running import Server

COMMAND = [sys.executable, "-m", "stepwarden.cli.main", "lab", "simulate"]
SMALL = ("--people", "30", "--days", "6", "--attacks", "guessing")
OPEN = "version: 1\nname: open\nprior: -4\nactions: {'*': {sensitivity: 1, demand: none}}\nbands: []\nrules: []\n"
PATIENCE = 60.0


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The whole command, entry point included, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STEPWARDEN_KEY", raising=False)

    return runner(monkeypatch, capfd, "lab", "simulate")


def test_a_run_leaves_its_files_and_says_what_came_of_it(run: Run, tmp_path: Path) -> None:
    """A line for people, one for each attacker, and what to do next."""
    done = run(*SMALL, "--out", tmp_path / "made" / "here")
    assert done.code == 0
    assert {path.name for path in (tmp_path / "made" / "here").iterdir()} == {
        "run.json", "policy.yaml", "people.parquet", "campaigns.json", "attempts.parquet"
    }  # fmt: skip
    assert re.search(r"^people +[\d,]+", done.out, re.MULTILINE)
    assert re.search(r"^guessing +[\d,]+.* of 3", done.out, re.MULTILINE)
    assert "stepwarden lab report" in done.err
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_policy_that_is_named_decides(run: Run, tmp_path: Path) -> None:
    """With nothing demanded of anybody nobody is asked."""
    (tmp_path / "policy.yaml").write_text(OPEN)
    done = run(*SMALL, "--policy", tmp_path / "policy.yaml", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "People were asked in 0.00 % of their attempts" in done.out
    assert "name: open" in (tmp_path / "out" / "policy.yaml").read_text()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "--out DIR"),
        (("--attacks", "gessing", "--out", "x"), "spraying-slow"),
        (("--start", "tomorrow", "--out", "x"), "2026-01-05"),
        (("--policy", "missing.yaml", "--out", "x"), "missing.yaml"),
        (("--server", "http://127.0.0.1:1"), "--i-own-this-server"),
        (("--server", "http://127.0.0.1:1", "--key", "sw_a_b"), "--i-own-this-server"),
        (("--server", "http://127.0.0.1:1", "--i-own-this-server"), "STEPWARDEN_KEY"),
    ],
)
def test_errors_say_what_to_do_next(run: Run, given: tuple[str, ...], said: str) -> None:
    """One line that names the option, or what there is to choose from."""
    done = run(*given)
    assert done.code == 1
    assert said in done.err


def test_results_that_cannot_be_written_are_said_so_before_anything_is_done(run: Run, tmp_path: Path) -> None:
    """Nobody waits for an hour to hear of it."""
    (tmp_path / "file").write_text("")
    done = run(*SMALL, "--out", tmp_path / "file" / "out")
    assert done.code == 1
    assert "cannot be written" in done.err


def test_without_the_extra_it_says_how_to_install_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab's libraries are not part of the service."""
    for name in [name for name in sys.modules if name.startswith("stepwarden.lab.simulate")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "polars", None)
    done = run("--out", "x")
    assert done.code == 1
    assert "pip install 'stepwarden[lab]'" in done.err


def test_the_command_line_starts_without_the_extra() -> None:
    """Neither help nor list import what only a run needs."""
    script = (
        "import sys; from stepwarden.cli import lab_simulate; "
        "print(sorted({'polars', 'numpy', 'httpx', 'stepwarden.lab.simulate.engine'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_server_that_is_not_there_is_named(run: Run) -> None:
    """The address, and what to look at."""
    done = run(
        "--server",
        "http://127.0.0.1:9",
        "--key",
        "sw_a_b",
        "--i-own-this-server",
        "--people",
        "3",
        "--days",
        "1",
    )
    assert done.code == 1
    assert "http://127.0.0.1:9" in done.err
    assert "sw_a_b" not in done.err + done.out


def test_a_given_server_is_run_against(run: Run, tmp_path: Path) -> None:
    """People of a run have names of their own, so the same server can be used again; a key that may not is told so."""
    # Nobody is asked for a code: the second one within half a minute would have to be waited for.
    (tmp_path / "open.yaml").write_text(OPEN)
    with Server(tmp_path / "data", "--policy", str(tmp_path / "open.yaml")) as server:
        key = server.make_key("decide,report,administer")
        for _ in range(2):
            done = run(
                "--server", server.url, "--key", key, "--i-own-this-server", "--people", "4", "--days", "20",
                "--attacks", "takeover-naive", "--minutes", "0.05", "--out", tmp_path / "out",
            )  # fmt: skip
            assert done.code == 0, done.err
        size = len(server.leaves())
        key = server.make_key("decide")
        refused = run("--server", server.url, "--key", key, "--i-own-this-server", "--people", "2")
    assert re.search(r"^takeover-naive +[\d,]+", done.out, re.MULTILINE)
    assert '"live": true' in (tmp_path / "out" / "run.json").read_text()
    assert size > 40
    assert refused.code == 1
    assert "auth.forbidden" in refused.err


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Where temporary files go: near the root, for the path of a socket may not be long."""
    with tempfile.TemporaryDirectory(prefix="sw-") as name:
        yield Path(name)


def left(temporary: Path) -> list[str]:
    """What is left of servers and their directories in a directory for temporary files."""
    found = [path.name for path in temporary.iterdir()] if temporary.exists() else []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if str(temporary) in words and process.name != str(os.getpid()):
            found.append(words)
    return found


def gone(temporary: Path) -> bool:
    """Whether all of it is gone before patience is over."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not left(temporary):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_attack_the_server_of_a_killed_run_does_not_live_on(temporary: Path, sign: signal.Signals) -> None:
    """However the command ends, nobody is left with a server that has keys, and no directory stays behind."""
    script = """
import time
import httpx
from stepwarden.cli.own_server import own_server
from stepwarden.policy.default import default_text
with own_server(default_text(), {"vpn": ["198.51.100.0/24"]}) as (url, key):
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, trust_env=False) as http:
        print(http.post("/v1/attempts", json={"action": "login", "ip": "198.51.100.9"}).text, flush=True)
    time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    try:
        assert process.stdout is not None
        # It decides by the lists that it was given.
        assert '"address-vpn"' in process.stdout.readline()
        assert left(temporary)
        process.send_signal(sign)
        process.wait(PATIENCE)
        assert gone(temporary), left(temporary)
    finally:
        process.kill()
        process.wait()


def test_a_server_that_cannot_start_is_an_error_that_says_why(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is left of it."""
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with pytest.raises(StepwardenError, match="did not start"), own_server("version: nine", {}):
        pass
    assert gone(temporary), left(temporary)


def test_a_duration_is_spelled_in_one_unit() -> None:
    """From seconds to days."""
    assert [spelled(value) for value in (0, 59, 90, 7_200, 172_800)] == [
        "at once",
        "59 s",
        "1.5 min",
        "2.0 h",
        "2.0 d",
    ]
