"""The worked example of docs/policy-life-cycle.md: its files, its commands, and what it says that they answer."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.stories.running import check_log, run_inside, words

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/policy-life-cycle.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.M | re.S)


def test_the_worked_example_answers_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command in its order; what it prints is what stands below it, where … stands for anything."""
    monkeypatch.chdir(tmp_path)
    shop, cases = blocks("yaml")
    Path("shop.yaml").write_text(shop)
    Path("new.cases.yaml").write_text(cases)
    data = Path("stepwarden-data")
    data.mkdir()
    (data / "stepwarden.toml").write_text('policy = "shop.yaml"\n')
    assert run_inside("keys", "create", "--name", "app").returncode == 0
    (console,) = blocks("console")
    commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", console, re.M)
    assert len(commands) == 10
    for command, said in commands:
        first, *arguments = shlex.split(command.partition(" > ")[0])
        if first == "stepwarden":
            done = run_inside(*arguments)
            expected = ".*".join(map(re.escape, words(said).split("…")))
            assert re.fullmatch(expected, words(done.stdout + done.stderr)), (command, done)
        else:
            Path(command.partition(" > ")[2]).write_bytes(subprocess.check_output([first, *arguments]))
    check_log(data)


def test_every_attack_of_the_page_is_a_test_that_is_there() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_attack_\w+)`", PAGE)
    assert named
    assert all(f"def {name}(" in written for name in named)
