"""People whose devices have a name, and others: figures worked out by hand."""

import polars as pl

from stepwarden.lab.accuracy.devices import devices
from stepwarden.lab.accuracy.results import checked
from tests.lab.accuracy_house import SCHEMA, campaign, results, row


def test_both_kinds_of_people_are_counted_apart() -> None:
    """With a name: one of four known sign-ins challenged, both probes stopped. Without: none, and one of two."""
    rows = [row(0, n, decision="step_up" if n == 0 else "allow") for n in range(4)]
    rows += [row(1, n) for n in range(3)]
    rows += [row(0, 9, login=1, decision="step_up"), row(1, 9, login=2, decision="deny")]
    for person, decisions in enumerate((("deny", "step_up"), ("step_up", "allow"))):
        rows += [
            row(person, 10 + n, login=12, campaign=0, probe=True, decision=decision)
            for n, decision in enumerate(decisions)
        ]
        rows.append(row(person, 12, login=3, campaign=0, probe=True))
    probing = [campaign(0, "probe-targeted", takeover="targeted")]
    named, others = devices(results(rows, cohorts=("home", "home"), named=(True, False), campaigns=probing))
    assert (named.people, named.sign_ins, named.challenged, named.detected) == (1, 4, 0.25, {"targeted": 1.0})
    assert (others.people, others.sign_ins, others.challenged, others.detected) == (
        1,
        3,
        0.0,
        {"targeted": 0.5},
    )


def test_results_that_do_not_tell_them_apart_give_nothing() -> None:
    people = pl.DataFrame({"index": [0], "cohort": ["home"], "band": ["daily"]})
    assert devices(checked({"seed": 1}, people, [], pl.DataFrame([row()], schema=SCHEMA))) == []
