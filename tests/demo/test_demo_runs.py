"""The whole demonstration, as ``make demo ATTACK=stuffing`` runs it: real processes, real attack, real summary."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "demo", "--data", str(tmp_path / "data"), "--port", "0", *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "COLUMNS": "160", "PYTHONUNBUFFERED": "1"},
    )


def children_of(data: Path) -> list[str]:
    """Command lines of live processes that mention this data directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if str(data) in text:
            found.append(text)
    return found


def test_an_attack_is_shown_answered_and_summed_up(tmp_path: Path) -> None:
    """People pass, the attacker is stepped up and refused, nothing is stolen, and no process is left behind.

    The attack ends by itself long before 45 s, unless the machine is busy.
    """
    run = start(tmp_path, "--seconds", "45", "--attack", "stuffing", "--pace", "1.5")
    out, _ = run.communicate(timeout=150)
    assert run.returncode == 0, out
    assert "Acme Bank" in out
    assert "blue-kettle-41" in out
    assert "The attack begins: stuffing" in out
    summary = out[out.index("Summary of the attack") :]
    counts = r" +attempts (\d+) +allowed (\d+) +stepped up (\d+) +denied (\d+) +wrong passwords (\d+)"
    attacker = re.search(f"attacker{counts}", summary)
    people = re.search(f"people{counts}", summary)
    assert attacker, summary
    assert people, summary
    attempts, allowed, stepped, denied, wrong = map(int, attacker.groups())
    assert attempts >= 20, summary
    assert allowed + stepped + denied == attempts
    # Whoever is let try still needs the password: what is neither wrong nor refused are the three right pairs at most.
    assert attempts - denied - wrong <= 3, summary
    assert denied + stepped > attempts * 0.5, summary
    assert denied > 0, summary
    assert "achieved   nothing" in summary
    honest, passed, _, refused, _ = map(int, people.groups())
    assert honest >= 20, summary
    assert passed > honest * 0.6, summary
    assert refused <= honest * 0.05, summary
    # People went to Stepwarden's page, and came back; the log told what the bank cannot see.
    assert re.search(r"^\w+ \S+ from \S+: page opened: ", out, re.MULTILINE), out
    assert re.search(r"^\w+ \S+ from \S+: passed with a code$", out, re.MULTILINE), out
    verified = out[out.index("verified from the first") :]
    assert "ok: 1 the head" in verified
    assert "FAILED" not in verified
    assert children_of(tmp_path) == []


def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    """An interrupt ends the demonstration cleanly, with exit code 0 and no child left."""
    run = start(tmp_path, "--no-traffic")
    try:
        assert run.stdout
        deadline = time.monotonic() + 60
        text = ""
        while "Ctrl-C stops everything" not in text and time.monotonic() < deadline:
            text += run.stdout.readline()
        assert "Ctrl-C stops everything" in text
        assert len(children_of(tmp_path)) >= 2
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)
        assert run.returncode == 0
        assert children_of(tmp_path) == []
    finally:
        if run.poll() is None:
            run.kill()
