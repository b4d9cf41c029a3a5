"""``stepwarden replay`` as a person meets it: what it prints, what it refuses, how it ends."""

import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stepwarden.cli.main import app
from stepwarden.errors import InputError, StepwardenError
from stepwarden.lab.logs import labels
from tests.lab.commands_house import Run, runner
from tests.lab.lab_house import sshd_log

COMMAND = [sys.executable, "-m", "stepwarden.cli.main", "replay"]
LINES = sshd_log(400)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the developer's own directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The whole command, entry point included, in this process: an interpreter takes seconds to start."""

    return runner(monkeypatch, capfd, "replay")


def results(*given: str | Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The attempts and the summary of ``--json``, in this process."""
    found = CliRunner().invoke(app, ["replay", "--json", *map(str, given)], catch_exceptions=False)
    assert found.exit_code == 0
    *attempts, last = map(json.loads, found.stdout.splitlines())
    return attempts, last["summary"]


def log(tmp_path: Path, name: str = "auth.log", text: str = LINES) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def plain(attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without where they were found."""
    return [{name: value for name, value in one.items() if not name.startswith("source")} for one in attempts]


def test_json_is_one_object_per_attempt_and_then_the_summary(tmp_path: Path) -> None:
    """The fields and their spellings are what other programs rely on."""
    attempts, summary = results(log(tmp_path), "--year", "2026")
    assert len(attempts) == summary["attempts"]
    for one in attempts:
        assert one["time"].startswith("2026-03-01T")
        assert one["time"].endswith("Z")
        assert one["outcome"] in ("success", "failure", "unknown")
        assert one["decision"] in ("allow", "step_up", "deny")
        assert 0 <= one["risk"] <= 1
        assert one["reasons"] or one["decision"] == "allow"
        assert one["source"] == "auth.log"
        line = LINES.split("\n")[one["source_line"] - 1]
        assert one["actor"] in line
        assert one["ip"] in line
    assert summary["decisions"]["deny"] > 0
    assert summary["unknown"] == {"count": 0, "first": []}
    assert summary["files"] == [
        {
            "source": "auth.log",
            "format": "openssh",
            "attempts": len(attempts),
            "skipped": sum(summary["skipped"].values()),
            "unknown": 0,
        }
    ]


def test_the_order_of_lines_and_files_does_not_matter(tmp_path: Path) -> None:
    """Newest first, cut in two and given the wrong way round, one half packed and read twice: the same answers."""
    records = [
        json.dumps(
            {
                "time": f"2026-03-01T10:{number // 60:02d}:{number % 60:02d}Z",
                "action": "login",
                "id": str(number),
            }
            | {"actor": f"u{number % 9}", "ip": f"192.0.2.{number % 4}", "outcome": "failure"}
        )
        for number in range(300)
    ]
    shuffled = random.Random(3).sample(records, len(records))
    one, summary = results(log(tmp_path, "a.jsonl", "\n".join(records)))
    assert len(one) == 300
    assert plain(results(log(tmp_path, "b.jsonl", "\n".join(reversed(records))))[0]) == plain(one)
    assert plain(results(log(tmp_path, "c.jsonl", "\n".join(shuffled)))[0]) == plain(one)
    late = tmp_path / "late.gz"
    late.write_bytes(gzip.compress("\n".join(records[140:]).encode()))
    early = log(tmp_path, "early.jsonl", "\n".join(records[:160]))
    merged, found = results(late, early, late)
    assert plain(merged) == plain(one)
    assert found["skipped"] == {"a duplicate": 20 + 160}
    assert found["riskiest"][0]["risk"] == summary["riskiest"][0]["risk"]


def test_a_copy_of_a_log_in_another_directory_changes_nothing(tmp_path: Path) -> None:
    """Two hosts' directories, one file name, the same lines: they count once, under paths that tell them apart."""
    one, two = log(tmp_path, "one/auth.log"), log(tmp_path, "two/auth.log")
    attempts, summary = results(one, two, "--year", "2026")
    assert plain(attempts) == plain(results(one, "--year", "2026")[0])
    assert summary["skipped"]["a duplicate"] == len(attempts)
    assert {found["source"] for found in attempts} == {str(one)}


def test_files_are_called_by_what_tells_them_apart() -> None:
    """The name, else the path, else a number."""
    assert labels([Path("x/a"), Path("y/b")]) == ["a", "b"]
    assert labels([Path("x/a"), Path("y/a"), Path("x/a")]) == ["x/a", "y/a", "x/a (2)"]


def test_unknown_lines_are_counted_and_the_first_are_shown(tmp_path: Path, run: Run) -> None:
    """Nothing is dropped in silence, and what is shown cannot act on a terminal."""
    text = LINES + "what is \x1b[2Jthis [red]\n" * 25
    path = log(tmp_path, text=text)
    _, summary = results(path)
    assert summary["unknown"]["count"] == 25
    assert len(summary["unknown"]["first"]) == 10
    assert summary["unknown"]["first"][0]["source_line"] == 401
    shown = run(path).out
    assert "25 lines were not understood" in shown
    assert "\\x1b[2Jthis [red]" in shown
    assert "\x1b" not in shown


def test_a_hostile_name_does_nothing_to_the_terminal(tmp_path: Path, run: Run) -> None:
    """Names are an attacker's: no escape sequence, no markup, no line of their own."""
    record = {
        "action": "login",
        "time": "2026-03-01T10:00:00Z",
        "actor": "[bold red]x[/] [link=file:///]",
        "ip": "\x1b[2J\n",
    }
    done = run(log(tmp_path, "a.jsonl", json.dumps(record) + "\n"))
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "[bold red]x[/]" in done.out
    assert "\\x1b[2J\\n" in done.out


def test_the_table_says_what_was_asked(tmp_path: Path, run: Run) -> None:
    """Attempts, people, addresses, failures, the three answers, reasons, the riskiest."""
    shown = run(log(tmp_path), "--year", "2026").out
    for words in (
        "attempts", "people and accounts", "addresses", "really ended in failure", "allowed", "stepped up",
        "refused", "Why attempts were not simply allowed", "The ten riskiest attempts", "auth.log:",
        "Passwords of many accounts are being tried",
    ):  # fmt: skip
        assert words in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_the_report_is_written_where_it_was_asked_for(tmp_path: Path, run: Run) -> None:
    """And named on standard error, so that standard output stays the results'."""
    report = tmp_path / "report.html"
    done = run(log(tmp_path), "--report", report, "--json")
    assert done.code == 0
    assert report.read_text().startswith("<!doctype html>")
    assert str(report) in done.err
    assert json.loads(done.out.splitlines()[-1])["summary"]["attempts"] > 0


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("empty.log", b"", "is empty"),
        ("noise.bin", random.Random(1).randbytes(4096), "cannot tell the format"),
        ("cut.gz", gzip.compress(LINES.encode(), mtime=0)[:-9], "ended before the end"),
        ("bad.zip", b"PK\x03\x04 this is none", "cannot read"),
        ("directory", None, "Is a directory"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_names_it(
    tmp_path: Path, run: Run, name: str, content: bytes | None, why: str
) -> None:
    """Exit code 1, one message without a traceback, nothing on standard output."""
    path = tmp_path / name
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    done = run(path, "--json")
    shown = " ".join(done.err.split())
    assert done.code == 1
    assert done.out == ""
    assert name in shown
    assert why in shown
    assert "Traceback" not in shown


def test_a_gzip_that_breaks_off_later_stops_before_anything_is_decided(tmp_path: Path) -> None:
    """The beginning told the format; half a log would give wrong answers about the other half."""
    path = tmp_path / "auth.log.gz"
    packed = gzip.compress(sshd_log(30_000).encode())
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(StepwardenError, match=r"auth.log.gz: Compressed file ended"):
        CliRunner().invoke(app, ["replay", "--json", str(path)], catch_exceptions=False)


def test_all_files_that_cannot_be_read_are_named_at_once(tmp_path: Path) -> None:
    """Not one per run."""
    (tmp_path / "empty").touch()
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(LINES.encode())[:-20])
    with pytest.raises(InputError) as caught:
        results(log(tmp_path), tmp_path / "empty", cut, tmp_path / "missing.log")
    message = str(caught.value)
    assert "of 4 files cannot be replayed" in message
    for name in ("empty is empty", "cut.gz", "missing.log: No such file"):
        assert name in message
    assert "auth.log" not in message


def test_an_unknown_format_names_those_that_there_are(tmp_path: Path) -> None:
    """``--format ssh`` is a slip; the message has the right spelling."""
    with pytest.raises(InputError, match="no format 'ssh'; the formats are openssh, "):
        results(log(tmp_path), "--format", "ssh")


def test_a_csv_file_is_read_by_its_mapping(tmp_path: Path) -> None:
    """Columns of any name; an address with a port comes out without it."""
    text = "when,who,where,result\n2026-03-01 10:00:00,ann,192.0.2.7:4711,denied\n"
    mapping = "time=when,user=who,ip=where,outcome=result"
    [one], summary = results(log(tmp_path, "log.csv", text), "--map", mapping)
    assert (one["actor"], one["ip"], one["outcome"], one["source_line"]) == ("ann", "192.0.2.7", "failure", 2)
    assert summary["files"][0]["format"] == "csv"


def test_standard_input_is_a_log_too() -> None:
    """``journalctl | stepwarden replay -``: read as a file is, formats detected."""
    command = [*COMMAND, "-", "--json"]
    done = subprocess.run(command, input=LINES.encode(), capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout.splitlines()[-1])["summary"]["files"][0]["format"] == "openssh"


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_that_stops_is_no_error(tmp_path: Path, more: list[str]) -> None:
    """``stepwarden replay | head -1``: no traceback, no complaint."""
    path = log(tmp_path, text=sshd_log(20_000))
    command = " ".join([*COMMAND, str(path), *more]) + " | head -1 >/dev/null; exit ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=False)
    assert b"Traceback" not in done.stderr
    assert b"Broken" not in done.stderr
    assert done.returncode == 0


def test_results_are_utf_8_whatever_the_terminal_is(tmp_path: Path) -> None:
    """A name in another script, on a machine whose locale knows only Latin letters."""
    record = {"action": "login", "time": "2026-03-01T10:00:00Z", "actor": "Юлия"}
    path = log(tmp_path, "a.jsonl", json.dumps(record))
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [*COMMAND, str(path), "--json"], capture_output=True, env=environment, check=True, timeout=60
    )
    assert json.loads(done.stdout.splitlines()[0])["actor"] == "Юлия"
