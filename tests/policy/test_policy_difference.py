"""What two policies differ in, said in words: each kind of difference once, and nothing where they say the same."""

import pytest

from stepwarden.policy.default import default_text
from stepwarden.policy.difference import differences
from stepwarden.policy.loader import load

OLD = """\
version: 1
name: old
prior: -4
actions:
  login: {sensitivity: 1, demand: none}
  transfer: {sensitivity: 3, demand: aal2, max_age: 5m, bound: true, approve: "Send {amount}"}
  "*": {sensitivity: 1, demand: none}
bands:
  - {risk: 0.2, demand: aal2, max_age: 1h}
signals:
  exports_1h: {primitive: count, key: [actor, action], window: 1h}
rules:
  - {id: new-device, when: new_device, weight: 2.7, reason: A new device, technique: T1078}
  - {id: crowd, when: exports_1h > 3, weight: 1, demand: aal2, reason: Many, technique: T1110}
"""


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("prior: -4", "prior: -3.5", "prior: -4 -> -3.5"),
        ("login: {sensitivity: 1", "login: {sensitivity: 2", "actions: login: sensitivity 1 -> 2"),
        ("max_age: 5m, bound: true", "max_age: 1m", "demand aal2 max_age 300s bound -> aal2 max_age 60s"),
        ("Send {amount}", "Pay {amount}", "approve en 'Send {amount}' -> en 'Pay {amount}'"),
        ("  login:", "  logout:", "actions: logout: added (sensitivity 1, demand none)"),
        ("risk: 0.2", "risk: 0.25", "bands: from 25%: added (demand aal2 max_age 3600s)"),
        ("weight: 2.7", "weight: 2.75", "rules: new-device: weight 2.7 -> 2.75"),
        ("when: new_device", "when: new_network", "rules: new-device: when new_device -> new_network"),
        ("weight: 1, demand: aal2", "weight: 1", "rules: crowd: demand aal2 -> nothing"),
        ("id: crowd", "id: mob", "rules: crowd: removed (when exports_1h > 3, weight 1, text Many"),
        ("window: 1h", "window: 2h", "signals: exports_1h: window 3600s -> 7200s"),
        ("[actor, action]", "[actor]", "signals: exports_1h: key actor+action -> actor"),
    ],
)
def test_each_kind_of_difference_is_said(before: str, after: str, said: str) -> None:
    assert before in OLD
    found = differences(load(OLD), load(OLD.replace(before, after, 1)))
    assert any(said in line for line in found), found


def test_what_only_reads_otherwise_is_no_difference() -> None:
    """Comments, names and the spelling of numbers decide nothing; the order of rules is said and no more."""
    same = OLD.replace("name: old", "name: new").replace("rules:", "# what makes the risk\nrules:")
    assert differences(load(OLD), load(same.replace("weight: 1,", "weight: 1.0,"))) == []
    lines = OLD.splitlines()
    turned = "\n".join([*lines[:-2], lines[-1], lines[-2], ""])
    (said,) = differences(load(OLD), load(turned))
    assert "order" in said
    assert differences(load(default_text()), load(default_text())) == []
