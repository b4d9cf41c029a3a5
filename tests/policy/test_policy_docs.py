"""What ``docs/policy.md`` says works: its example loads, its cases pass, it names every function and key."""

import re
from pathlib import Path
from typing import Any

import msgspec

from stepwarden.events.entries import EventRecorded, Standing
from stepwarden.events.facts import Facts
from stepwarden.policy.cases import NOW, load_cases, run
from stepwarden.policy.cel.check import FUNCTIONS
from stepwarden.policy.cel.emit import FACTS
from stepwarden.policy.custom import FILTER_FACTS, SIGNAL_KEYS
from stepwarden.policy.fields import DEMAND_KEYS
from stepwarden.policy.loader import POLICY_KEYS, RULE_KEYS, load
from stepwarden.signals.catalogue import dense
from stepwarden.signals.custom import DEFAULTS, THINGS
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.state import SignalState

TEXT = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
POLICY, SIGNALS, CASES = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)


def test_the_worked_example_works() -> None:
    """The policy loads, the score and the risk are those in the text, and the cases pass."""
    policy = load(POLICY)
    facts = Facts(time=NOW, action="login", address_kind="residential")
    found = policy.assess(facts, dense({"new_device": True, "actor_failures_10m": 3}), Standing())
    assert (found.score, round(found.risk, -3)) == (-100, 475_000)
    assert [reason.rule for reason in policy.reasons(found.evidence)] == ["new-device", "guessing"]
    assert [result.failures for result in run(policy, load_cases(CASES, policy))] == [(), (), ()]


def test_the_signals_of_ones_own_work() -> None:
    """Somebody exports one resource after another: each example rule holds when it should, and not before."""
    policy = load(POLICY[: POLICY.index("rules:")] + SIGNALS)
    state = SignalState(STANDARD)
    state.define([policy.signals])

    def rules(second: int, **given: Any) -> set[str]:
        facts = Facts(time=NOW + second * 1_000_000, **given)
        found = policy.assess(facts, state.read(facts, policy.signals), Standing())
        done = msgspec.structs.replace(facts, outcome="success")
        state.fold(EventRecorded(time=facts.time, id="abcdefgh", facts=done))
        return {one.rule for one in found.evidence}

    for number in range(5):
        assert rules(number, action="export", actor="ann", resource=f"r{number}") == set()
    assert rules(5, action="export", actor="ann", resource="r5") == {"bulk-export"}
    assert rules(6, action="export", actor="bob", resource="r6") == set()
    for number in range(41):
        assert rules(10, action="doc.read", actor="eve", session="s", resource=f"d{number}") == set()
    assert rules(11, action="doc.read", actor="eve", session="s", resource="new") == {
        "session-reads-everything"
    }
    assert rules(11, action="doc.read", actor="eve", session="s", resource="new") == set()
    for number in range(20):
        assert rules(100 + number, action="export", actor=f"p{number}", resource="plan") == set()
    assert rules(200, action="doc.read", actor="bob", resource="plan") == {"resource-taken-often"}


def test_every_function_variable_and_key_is_described() -> None:
    """Nothing that a policy may use is left out."""
    names = [name.lstrip(".") for name in FUNCTIONS] + [*FACTS, *DEMAND_KEYS, "sensitivity", "standing_aal"]
    names += [*RULE_KEYS, *POLICY_KEYS, *SIGNAL_KEYS, *FILTER_FACTS, *THINGS, *DEFAULTS]
    assert [name for name in names if name not in TEXT] == []
