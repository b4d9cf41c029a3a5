"""The gate: a weakened policy fails it, an equal one passes; and only runs that are alike are compared."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stepwarden.cli.main import app
from stepwarden.errors import InputError, PolicyError
from stepwarden.lab.accuracy.gate import Difference, Margins, compare, worse
from stepwarden.lab.accuracy.results import Results
from stepwarden.policy.default import default_text
from tests.lab.accuracy_house import campaign, results, row, write

PEOPLE = 40
ALIKE = ("--people", "30", "--days", "14", "--attacks", "takeover-vpn")


def run_of(missed: int, challenged: int, *, seed: int = 1, inside: int = 0) -> Results:
    """40 people: so many of their probes are missed, so many of them are challenged at one of four sign-ins."""
    campaigns = [campaign(0, "probe-vpn", takeover="vpn"), *(campaign(n, "guessing") for n in range(1, 21))]
    rows = [row(who, n, decision="step_up" if n == 0 and who < challenged else "allow") for who in range(PEOPLE)
            for n in range(4)]  # fmt: skip
    rows += [row(who, 5, campaign=0, probe=True, login=4, decision="allow" if who < missed else "deny")
             for who in range(PEOPLE)]  # fmt: skip
    rows += [row(0, n, campaign=n, right=n <= inside) for n in range(1, 21)]
    return results(rows, cohorts=["home"] * 20 + ["vpn"] * 20, campaigns=campaigns, run={"seed": seed})


def verdicts(found: list[Difference]) -> dict[tuple[str, str], str]:
    return {(one.kind, one.of): one.verdict for one in found}


def test_a_policy_is_as_good_as_itself() -> None:
    """Every difference is exactly 0, however few people there are."""
    found = compare(run_of(3, 5), run_of(3, 5), Margins())
    assert {one.verdict for one in found} == {"as good"}
    assert {(one.change.value, one.change.low, one.change.high) for one in found} == {(0.0, 0.0, 0.0)}


def test_attack_a_policy_that_detects_less_is_found() -> None:
    """Half of the takeovers more get through: worse, and nothing else is."""
    found = compare(run_of(0, 5), run_of(20, 5), Margins())
    assert [(one.kind, one.of) for one in worse(found)] == [("takeovers stopped", "vpn, later")]
    (failed,) = worse(found)
    assert (failed.live, failed.candidate, failed.change.value) == (1.0, 0.5, -0.5)
    assert failed.change.low < -0.5 < failed.change.high < 0
    assert (
        verdicts(compare(run_of(20, 5), run_of(0, 5), Margins()))["takeovers stopped", "vpn, later"]
        == "better"
    )


def test_attack_a_policy_that_lets_attackers_in_is_found() -> None:
    """Probes alone do not show it: nine of twenty campaigns more get in."""
    found = compare(run_of(0, 5), run_of(0, 5, inside=9), Margins())
    assert [(one.kind, one.of) for one in worse(found)] == [("campaigns that got in", "guessing")]


def test_a_policy_that_bothers_people_more_is_found() -> None:
    """Everybody is challenged once more: worse for each kind of people; as good within a margin."""
    found = compare(run_of(0, 0), run_of(0, PEOPLE), Margins())
    failed = {one.of for one in worse(found)}
    assert failed == {"everybody, later", "home, later", "vpn, later", "daily, later"}
    assert worse(compare(run_of(0, 0), run_of(0, PEOPLE), Margins(challenges=0.25))) == []


def test_one_person_more_or_less_is_no_difference() -> None:
    """It might have been anybody: the interval holds 0."""
    assert worse(compare(run_of(0, 5), run_of(1, 6), Margins())) == []


def test_runs_that_are_not_alike_are_not_compared() -> None:
    """Other seeds, other people, other attacks: their differences are no policy's."""
    with pytest.raises(InputError, match="differ in seed"):
        compare(run_of(0, 5), run_of(0, 5, seed=2), Margins())
    other = run_of(0, 5)
    shifted = Results(other.run, other.people.reverse(), other.campaigns, other.attempts)
    with pytest.raises(InputError, match="not of the same people"):
        compare(run_of(0, 5), shifted, Margins())


def gate(*given: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["lab", "gate", *map(str, given)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.output


def test_results_that_are_there_are_compared(tmp_path: Path) -> None:
    """Exit code 0 and 1, as a table and as JSON that says what got worse."""
    live, weak = write(tmp_path / "live", run_of(0, 5)), write(tmp_path / "weak", run_of(20, 5))
    assert gate(live, live)[0] == 0
    code, shown = gate(live, weak)
    assert code == 1
    assert "worse in 1 of" in shown
    assert "takeovers stopped, vpn, later: 100 % before, 50 % now" in " ".join(shown.split())
    code, shown = gate(live, weak, "--json")
    found = json.loads(shown)
    assert (code, found["worse"]) == (1, True)
    assert gate(live, weak, "--detection-margin", "1")[0] == 0


def test_a_weakened_policy_fails_and_an_equal_one_passes(tmp_path: Path) -> None:
    """Simulated: the shipped policy against itself under another name, and without what it knows of devices."""
    equal, weak = tmp_path / "equal.yaml", tmp_path / "weak.yaml"
    equal.write_text(default_text().replace("name: default", "name: renamed"))
    weak.write_text(default_text().replace("weight: 2.7", "weight: 0.1"))
    code, shown = gate("--candidate", equal, *ALIKE, "--keep", tmp_path / "kept")
    assert code == 0, shown
    assert (tmp_path / "kept/candidate/attempts.parquet").exists()
    code, shown = gate("--candidate", weak, "--live", equal, *ALIKE)
    assert code == 1
    assert "The candidate is worse" in shown


def test_a_policy_with_a_mistake_is_refused_before_anything_is_simulated(tmp_path: Path) -> None:
    """A minute's work first, and then the error: no."""
    broken = tmp_path / "broken.yaml"
    broken.write_text(default_text().replace("when: new_device", "when: new_divice"))
    with pytest.raises(PolicyError):
        gate("--candidate", broken, "--people", "1000000")


@pytest.mark.parametrize(
    "given", [(), ("one",), ("one", "two", "three"), ("one", "two", "--candidate", "p.yaml")]
)
def test_either_two_results_or_a_policy(given: tuple[str, ...]) -> None:
    """Anything else is not understood: exit code 2."""
    code, shown = gate(*given)
    assert code == 2
    assert "--candidate" in shown
