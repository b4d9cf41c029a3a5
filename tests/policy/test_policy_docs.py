"""What ``docs/policy.md`` says works: its example loads, its cases pass, it names every function and key."""

import re
from pathlib import Path

from stepwarden.events.entries import Standing
from stepwarden.events.facts import Facts
from stepwarden.policy.cases import NOW, load_cases, run
from stepwarden.policy.cel.check import FUNCTIONS
from stepwarden.policy.cel.emit import FACTS
from stepwarden.policy.fields import DEMAND_KEYS
from stepwarden.policy.loader import load
from stepwarden.signals.catalogue import dense

TEXT = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
POLICY, CASES = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)


def test_the_worked_example_works() -> None:
    """The policy loads, the score and the risk are those in the text, and the cases pass."""
    policy = load(POLICY)
    facts = Facts(time=NOW, action="login", address_kind="residential")
    found = policy.assess(facts, dense({"new_device": True, "actor_failures_10m": 3}), Standing())
    assert (found.score, round(found.risk, -3)) == (-100, 475_000)
    assert [reason.rule for reason in policy.reasons(found.evidence)] == ["new-device", "guessing"]
    assert [result.failures for result in run(policy, load_cases(CASES, policy))] == [(), (), ()]


def test_every_function_variable_and_key_is_described() -> None:
    """Nothing that a policy may use is left out."""
    names = [name.lstrip(".") for name in FUNCTIONS] + [*FACTS, *DEMAND_KEYS, "sensitivity", "standing_aal"]
    assert [name for name in names if name not in TEXT] == []
