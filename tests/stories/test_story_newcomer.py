"""The command line as a newcomer, or somebody tired at night, meets it: quick, quiet, no new log by mistake."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stepwarden import errors
from stepwarden.cli import ledger
from stepwarden.cli import main as command_line
from stepwarden.cli.later import Later, load
from stepwarden.errors import error_of
from tests.stories.running import Server, run, run_inside, until
from tests.stories.witnessing import WitnessProcess

HEAVY = {
    "stepwarden.flow.service",
    "stepwarden.gateway",
    "stepwarden.policy",
    "stepwarden.lab",
    "httpx",
    "jinja2",
}
TABLES = [*command_line.COMMANDS.items(), *ledger.COMMANDS.items()]
MISTYPED = (
    ("keys", "list"),
    ("keys", "revoke", "0123456789ab"),
    ("ledger", "verify"),
    ("ledger", "replay"),
    ("ledger", "show", "1"),
    ("ledger", "keys", "list"),
    ("ledger", "keys", "rotate"),
    ("ledger", "export", "--to", "ARCHIVE"),
    ("ledger", "prune", "--index", "256"),
    ("ledger", "trust", "--reason", "it is fine"),
    ("ledger", "anchor"),
    ("subject", "export", "alice"),
    ("subject", "erase", "alice", "--reason", "case 1", "--yes"),
    ("witness", "list"),
)


@pytest.mark.parametrize(("name", "one"), TABLES, ids=[one.where for _, one in TABLES])
def test_the_list_of_commands_says_what_each_command_says_of_itself(name: str, one: Later) -> None:
    """The line in the list is the first paragraph of the command's own help."""
    command = load(name, one)
    assert " ".join((command.help or "").split("\n\n")[0].split()) == one.help


def test_every_option_of_every_command_is_explained() -> None:
    """No option or argument without a word about it."""

    def look(command: Any, path: str) -> None:
        for parameter in command.params:
            assert getattr(parameter, "help", ""), f"{path} {parameter.name}"
        for name, inner in getattr(command, "commands", {}).items():
            known = ledger.COMMANDS.get(name) if path == "ledger" else None
            look(load(name, known) if known else inner, f"{path} {name}")

    for name, one in command_line.COMMANDS.items():
        look(load(name, one), name)


@pytest.mark.parametrize(
    "words", ["version", "--help", "ledger --help", "keys create --help", "ledger keys --help"]
)
def test_a_command_loads_only_what_it_needs(words: str) -> None:
    """Nobody waits for the service, the policy or the reports in order to see a version, or a page of help."""
    script = (
        "import sys\nfrom stepwarden.cli.main import main\n"
        f"sys.argv = ['stepwarden', *{words.split()!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stderr.split())


@pytest.mark.parametrize("words", MISTYPED, ids=" ".join)
def test_a_mistyped_directory_is_named_and_not_made(words: tuple[str, ...], tmp_path: Path) -> None:
    """Only ``serve``, ``keys create`` and a witness begin something; all else says that nothing is there."""
    missing = tmp_path / "wardne"
    given = [str(tmp_path / "archive") if word == "ARCHIVE" else word for word in words]
    done = run_inside(*given, "--data", missing)
    assert done.returncode == 1
    assert f"there is no {'witness' if words[0] == 'witness' else 'log'} in {missing}" in done.stderr
    assert done.stdout == ""
    assert not missing.exists()
    assert not (tmp_path / "archive").exists()


def test_the_first_start_says_where_it_answers_and_nothing_else(tmp_path: Path) -> None:
    """Of a log that begins nobody can know anything: no line about that."""
    with Server(tmp_path / "data") as server:
        server.make_key()
        assert server.stop() == 0
        assert [line for line in server.said().splitlines() if "answers on" not in line] == []


def test_errors_of_a_running_service_keep_their_code(tmp_path: Path) -> None:
    """What is looked up in the table of codes is what happened, also where another process tells it."""
    with Server(tmp_path / "data"):
        done = run_inside("ledger", "anchor", "--data", tmp_path / "data")
    assert done.returncode == 1
    assert done.stderr.startswith("error settings.invalid: no authority")


def test_output_that_goes_into_a_file_holds_no_empty_and_no_broken_lines(tmp_path: Path) -> None:
    """An error is one line however narrow the terminal is said to be, and no progress bar leaves a line behind."""
    done = run("subject", "check", tmp_path / ("no such file " * 12))
    assert len(done.stderr.splitlines()) == 1
    made = run("keys", "create", "--data", tmp_path / "data", "--name", "shop")
    assert made.stderr.splitlines() == ["This is the only time the key is shown: keep it like a password."]


def test_every_error_comes_back_from_its_code() -> None:
    """Each kind of error is told by its code and made again from it; another version's stays readable."""

    for kind in vars(errors).values():
        if not isinstance(kind, type) or not issubclass(kind, errors.StepwardenError):
            continue
        again = error_of(kind.code, "what happened")
        assert (type(again), str(again)) == (kind, "what happened")
    assert str(error_of("moon.full", "what happened")) == "what happened (moon.full)"


def test_a_directory_whose_socket_cannot_be_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    """The path of a socket is short by nature; a long one is named, by the service and by who looks for it."""
    deep = tmp_path / ("deep" * 30)
    for words in (["keys", "list"], ["subject", "export", "alice"], ["serve", "--port", "0"]):
        done = run(*words, "--data", deep)
        assert (done.returncode, done.stderr.splitlines()[-1][:6]) == (1, "error "), done.stderr
        assert "control.sock" in done.stderr


def test_verify_finds_who_witnessed_the_log_of_a_directory(tmp_path: Path) -> None:
    """With the policy that the service runs under, no more: also after an old copy was put back and trusted."""
    data, witness, server = tmp_path / "data", WitnessProcess(tmp_path / "w"), Server(tmp_path / "data")
    policy, kept = data / "witnesses.policy", data / "witnessed.checkpoint"

    def witnesses() -> tuple[bool, str]:
        done = run_inside("ledger", "verify", "--data", data, "--policy", policy, "--json")
        report = json.loads(done.stdout)
        others = [step for step in report["steps"] if step["number"] != 6 and step["result"] == "FAILED"]
        assert not others
        return done.returncode == 0, next(one["detail"] for one in report["steps"] if one["number"] == 6)

    with server:
        server.make_key()
        server.stop()
        witness.begin("--log", str(data / "keys" / "ledger.vkey"))
        try:
            witness.await_answers()
            policy.write_text(f"witness w {witness.vkey(0)} {witness.url}\ngroup all all w\nquorum all\n")
            (data / "stepwarden.toml").write_text('[witnesses]\npolicy = "witnesses.policy"\nseconds = 0.1\n')
            shutil.copytree(data, tmp_path / "old")
            server.start()
            until(kept.exists, "a checkpoint that the witness signed")
            server.stop()
            assert witnesses()[0]
            shutil.copy(tmp_path / "old" / "log.db", data / "log.db")
            assert run_inside("ledger", "trust", "--data", data, "--reason", "a drill").returncode == 0
            holds, why = witnesses()
            assert not holds, "it is another log now, which nobody witnessed"
            assert "too few" in why
        finally:
            witness.end()


def test_both_verifiers_report_in_one_shape(tmp_path: Path) -> None:
    """A program that reads the report of the command reads that of the auditor's file as well."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    assert run_inside("keys", "create", "--data", data, "--name", "shop").returncode == 0
    assert run_inside("ledger", "export", "--data", data, "--to", copy).returncode == 0
    given = ["--dir", str(copy), "--vkey", str(data / "keys" / "ledger.vkey"), "--json"]
    ours = json.loads(run_inside("ledger", "verify", *given).stdout)
    alone = subprocess.run(
        [sys.executable, "-m", "stepwarden.ledger", "verify", *given],
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(alone.stdout)
    assert ours["steps"] == theirs["steps"]
    assert ours["root"] == theirs["root"]
