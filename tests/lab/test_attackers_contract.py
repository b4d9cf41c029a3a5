"""Attackers know nothing of what they are run against, and the table of them is complete."""

import ast
import re
from pathlib import Path

import pytest

import stepwarden.lab.attackers as package
from stepwarden.lab.attackers.probes import CLASSES
from stepwarden.lab.attackers.registry import ATTACKERS

HERE = Path(package.__file__).parent
ALLOWED = (
    "stepwarden.lab.attackers",
    "stepwarden.lab.simulate.plan",
    "stepwarden.lab.simulate.world",
    "stepwarden.lab.simulate.networks",
    "stepwarden.lab.simulate.agents",
    "stepwarden.lab.simulate.cities",
    "stepwarden.lab.simulate.movements",
    "stepwarden.lab.simulate.people",
    "stepwarden.lab.simulate.life",
    "stepwarden.events.attempt",
)
LIBRARIES = {
    "__future__",
    "collections",
    "dataclasses",
    "random",
    "typing",
    "numpy",
    "itertools",
    "functools",
}


def imported(path: Path) -> list[str]:
    """All modules that a file imports."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.append(node.module or "")
    return found


@pytest.mark.parametrize("path", sorted(HERE.glob("*.py")), ids=lambda path: path.stem)
def test_attack_an_attacker_reads_the_rules(path: Path) -> None:
    """No module imports anything but the simulated world, the public shape of an attempt and libraries."""
    for name in imported(path):
        assert name.startswith(ALLOWED) or name.partition(".")[0] in LIBRARIES, f"{path.name} imports {name}"


def test_each_row_is_found_by_its_name_and_names_a_technique() -> None:
    """Names are unique, techniques are ids of ATT&CK, options are named."""
    for name, attacker in ATTACKERS.items():
        assert attacker.name == name
        assert re.fullmatch(r"T\d{4}(\.\d{3})?", attacker.technique)
        assert attacker.about
        assert len(set(attacker.options)) == len(attacker.options) >= 1


def test_each_class_of_takeover_has_a_script_and_a_probe() -> None:
    """The four classes that results are compared by are those of the probes."""
    assert [one.takeover for one in ATTACKERS.values() if one.takeover] == list(CLASSES)


def test_the_page_has_a_row_for_each_attacker() -> None:
    """docs/simulation-attacks.md names each attacker with its technique and each of its variants."""
    page = (Path(__file__).parents[2] / "docs" / "simulation-attacks.md").read_text()
    rows = {line.split("|")[1].strip(" `"): line for line in page.splitlines() if line.startswith("| `")}
    assert set(rows) == set(ATTACKERS)
    for name, attacker in ATTACKERS.items():
        assert attacker.technique in rows[name]
        for option in attacker.options:
            assert f"`{option}`" in rows[name] or not option
