"""The shipped policy: its cases, what no signal can make it do, and what happens when its rules fail."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from stepwarden.cli.policy import app
from stepwarden.errors import PolicyError
from stepwarden.events.entries import Demand, Evidence, Standing
from stepwarden.events.facts import Facts
from stepwarden.policy.cases import NOW, Case, load_cases, run
from stepwarden.policy.default import default_cases, default_text
from stepwarden.policy.demand import decide, strongest
from stepwarden.policy.loader import MINIMAL, load
from stepwarden.policy.policy import Assessment
from stepwarden.signals.catalogue import CATALOGUE, DEFAULTS, POSITION, Values, dense

TEXT = default_text()
POLICY = load(TEXT)
AGAIN = load(TEXT)
CASES = load_cases(default_cases(), POLICY)
LOGIN = Facts(time=NOW, action="login", address_kind="residential", country="DE")
NOBODY = Standing()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_case(case: Case) -> None:
    """Every shipped case is answered as it says."""
    assert run(POLICY, [case])[0].failures == ()


def test_every_rule_has_a_case_in_which_it_holds() -> None:
    """A rule without a case is a rule that nobody has seen at work; and there are more cases than 40."""
    assert len(CASES) >= 40
    shown = {rule for result in run(POLICY, CASES) for rule in result.rules}
    assert shown == {rule.id for rule in POLICY.rules}


def test_a_case_that_is_wrong_fails() -> None:
    """The runner can say no: each kind of expectation is violated once."""
    text = """
cases:
  - name: wrong in every way
    facts: {action: login, address_kind: residential}
    signals: {new_device: true}
    expect: {decision: deny, demand: aal3, max_age: 5m, bound: true, recovery: false, risk: [0.9, 1],
      rules: [new-country], with: [new-country], without: [new-device]}
"""
    failures = run(POLICY, load_cases(text, POLICY))[0].failures
    assert len(failures) == 9


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("decision: allow", "decision: maybe", "expected allow, step_up, deny"),
        ("new_device: true", "new_devise: true", "did you mean new_device"),
        ("new_device: true", "new_device: 1", "expected true or false"),
        ("rules: [new-device]", "rules: [new-devise]", "no rule 'new-devise'; did you mean new-device"),
        ("action: login", "actoin: login", "did you mean action"),
        ("action: login, ", "", "facts need 'action'"),
        ("address_kind: vpn", "address_kind: cloud", "address_kind: expected one of"),
        ("decision: allow, rules: [new-device]", "", "expected at least one expectation"),
        ("signals:", "signal:", "did you mean signals"),
    ],
)
def test_a_mistake_in_a_case_is_refused(old: str, new: str, message: str) -> None:
    """A typing mistake must not make a case pass."""
    text = (
        "cases:\n- name: x\n  facts: {action: login, address_kind: vpn}\n  signals: {new_device: true}\n"
        "  expect: {decision: allow, rules: [new-device]}\n"
    )
    assert old in text
    load_cases(text, POLICY)
    with pytest.raises(PolicyError, match=re.escape(message)):
        load_cases(text.replace(old, new), POLICY)


# -- what a rule that fails does


def _assess(case: Case, policy_text: str) -> Assessment:
    return load(policy_text).assess(case.facts, case.values, case.standing)


def _raising(number: int) -> str:
    """The default policy with the condition of one rule replaced by one that always raises."""
    parts = re.split(r"(?m)^    when: ", TEXT)
    rest = parts[number + 1]
    parts[number + 1] = "1 / 0 == 1\n" + rest[re.search(r"(?m)^    weight:", rest).start() :]  # type: ignore[union-attr]
    return "    when: ".join(parts)


@pytest.mark.parametrize("number", range(len(POLICY.rules)), ids=lambda number: POLICY.rules[number].id)
def test_attack_a_failing_rule_lowers_the_demand(number: int) -> None:
    """Every rule raises in turn: risk and demand are never lower than without the error, and it is on record."""
    broken = load(_raising(number))
    rule = POLICY.rules[number]
    for case in CASES:
        before = POLICY.assess(case.facts, case.values, case.standing)
        after = broken.assess(case.facts, case.values, case.standing)
        assert after.risk >= before.risk
        assert strongest(after.demand, before.demand) == after.demand
        assert after.demand.aal >= 2
        worst = rule.most if rule.of else rule.weight
        assert Evidence(rule.id, max(worst, 0), True) in after.evidence
        held = Standing(aal=1, since=NOW)
        order = ("allow", "step_up", "deny")
        assert order.index(decide(after.demand, held, NOW, None)) >= order.index(
            decide(before.demand, held, NOW, None)
        )


class Broken:
    """A signal that cannot be used for anything."""

    def __bool__(self) -> bool:
        raise RuntimeError("no value")

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = lambda *_: (_ for _ in ()).throw(RuntimeError())  # type: ignore


@pytest.mark.parametrize("position", range(len(CATALOGUE)), ids=lambda position: CATALOGUE[position].name)
def test_attack_a_broken_signal_lowers_the_demand(position: int) -> None:
    """A signal that raises whenever it is looked at demands a second factor if any rule needs it."""
    values = list(dense({"actor_logins": 30}))
    values[position] = Broken()  # type: ignore[call-overload]
    found = POLICY.assess(LOGIN, values, NOBODY)
    before = POLICY.assess(LOGIN, dense({"actor_logins": 30}), NOBODY)
    assert strongest(found.demand, before.demand) == found.demand
    used = any(CATALOGUE[position].name in rule.when + rule.of for rule in POLICY.rules)
    failed = [one for one in found.evidence if one.failed]
    if CATALOGUE[position].name == "new_device":
        assert failed
    if failed:
        assert used
        assert found.demand.aal >= 2


def test_attack_missing_signals_lower_the_demand() -> None:
    """No values at all: what can still be evaluated is, the rest counts in full."""
    found = POLICY.assess(LOGIN, (), NOBODY)
    assert sum(one.failed for one in found.evidence) > 40
    assert found.demand.deny


def test_an_error_that_cannot_matter_is_absorbed() -> None:
    """``false && error`` is false, as CEL has it: the rule does not fail."""
    text = MINIMAL.replace("when: new_device", "when: 1 / dormancy_days > 0 && new_device")
    policy = load(text)
    assert policy.assess(LOGIN, DEFAULTS, NOBODY).evidence == ()
    found = policy.assess(LOGIN, dense({"new_device": True}), NOBODY)
    assert found.evidence == (Evidence("new-device", 2000, True),)
    assert policy.reasons(found.evidence)[0].text.startswith("This could not be checked")


# -- properties of the default policy


def _dense(given: Any) -> Values:
    return dense(given)


def _signals() -> st.SearchStrategy[Values]:
    kinds = {
        "int": st.one_of(st.sampled_from([-1, 0, 1, 3, 6, 12, 64, 256, 1000, 10**6]), st.integers(-1, 10**6)),
        "bool": st.booleans(),
        "str": st.just(""),
    }
    changed = st.dictionaries(st.sampled_from(sorted(POSITION)), st.none(), max_size=12).flatmap(
        lambda names: st.fixed_dictionaries({name: kinds[CATALOGUE[POSITION[name]].type] for name in names})
    )
    return changed.map(_dense)


ACTIONS = st.sampled_from(
    ["login", "logout", "transfer", "export", "mail.change", "factor.remove", "x.read", "other"]
)


@settings(max_examples=200, deadline=None)
@given(_signals(), ACTIONS)
def test_the_same_question_has_the_same_answer(values: Values, action: str) -> None:
    """Pure: asked twice, and by a policy loaded anew, the answer is equal; and no rule fails on any value."""
    facts = Facts(time=NOW, action=action, address_kind="residential")
    found = POLICY.assess(facts, values, NOBODY)
    assert found == POLICY.assess(facts, values, NOBODY) == AGAIN.assess(facts, values, NOBODY)
    assert not any(one.failed for one in found.evidence)
    assert found.score == POLICY.prior + sum(one.weight for one in found.evidence)


@settings(max_examples=200, deadline=None)
@given(_signals(), st.sampled_from(["transfer", "transfer.sepa", "payment"]))
def test_a_transfer_is_never_allowed_without_a_proof_for_itself(values: Values, action: str) -> None:
    """Whatever the signals and the standing."""
    facts = Facts(time=NOW, action=action)
    demand = POLICY.assess(facts, values, NOBODY).demand
    assert demand.aal >= 2
    assert demand.bound
    assert not demand.recovery
    assert decide(demand, Standing(aal=3, since=NOW), NOW, None) != "allow"


@settings(max_examples=200, deadline=None)
@given(
    _signals(),
    st.sampled_from(["factor.remove", "factor.totp.enrol", "mail.change", "password.change", "export"]),
)
def test_attack_a_weak_session_changes_a_factor(values: Values, action: str) -> None:
    """Level 1, or level 2 of a while ago, or a recovery code, never changes factors, credentials or takes data out."""
    facts = Facts(time=NOW, action=action)
    demand = POLICY.assess(facts, values, NOBODY).demand
    assert decide(demand, Standing(aal=1, since=NOW), NOW, None) != "allow"
    assert decide(demand, Standing(aal=2, since=NOW - 301 * 10**6), NOW, None) != "allow"
    assert decide(demand, NOBODY, NOW, Standing(aal=1, since=NOW, amr=("recovery",))) != "allow"


@pytest.mark.parametrize("action", ["login", "x.read", "transfer", "logout", "other"])
def test_attack_malformed_address_skips_policy(action: str) -> None:
    """An address that cannot be parsed is refused for every action and every standing."""
    facts = Facts(time=NOW, action=action, address_kind="malformed")
    found = POLICY.assess(facts, dense({"actor_logins": 900}), Standing(aal=3, since=NOW))
    assert found.demand.deny


def test_attack_password_failures_lock_a_person_out() -> None:
    """However many failures of a person there are, however fast, a known device still gets in with a second factor."""
    prefixes = ("actor_failures", "actor_addresses", "actor_attempts", "request_rate", "site_")
    specs = [spec for spec in CATALOGUE if spec.name.startswith(prefixes)]
    loud = {spec.name: True if spec.type == "bool" else 256 for spec in specs}
    found = POLICY.assess(LOGIN, dense({"actor_logins": 5, **loud}), NOBODY)
    proof = Standing(aal=2, since=NOW, amr=("pwd", "otp"))
    assert decide(found.demand, NOBODY, NOW, None) == "step_up"
    assert decide(found.demand, NOBODY, NOW, proof) == "allow"


def test_reasons_are_strongest_first_and_what_refuses_comes_before_all() -> None:
    """What refuses, then by weight, then what calms."""
    values = dense(
        {"new_device": True, "new_agent": True, "address_actors_1h": 12, "address_failures_1h": 40}
    )
    found = POLICY.assess(Facts(time=NOW, action="x.read"), values, NOBODY)
    reasons = POLICY.reasons(found.evidence)
    assert reasons[0].rule == "address-stuffing"
    weights = [reason.weight for reason in reasons[1:]]
    assert weights == sorted(weights, reverse=True)
    assert reasons[-1].rule == "nothing-at-stake"
    assert all(reason.text and reason.technique for reason in reasons)


def test_the_sensitivity_of_actions_and_patterns() -> None:
    """An exact name before a pattern, the longest pattern before a shorter one, ``*`` for the rest."""
    text = MINIMAL.replace(
        "actions:\n",
        'actions:\n  a.b: {sensitivity: 0, demand: none}\n  "a.*": {sensitivity: 2, demand: none}\n'
        '  "a.c.*": {sensitivity: 3, demand: aal1}\n  "*.end": {sensitivity: 0, demand: none}\n',
    )
    policy = load(text)
    found = [policy.sensitivity(action) for action in ("a.b", "a.x", "a.c.d", "x.end", "b", "a.")]
    assert found == [0, 2, 3, 0, 1, 2]
    assert policy.assess(Facts(time=NOW, action="a.c.d"), DEFAULTS, NOBODY).demand == Demand(aal=1)


# -- the commands


def test_check_says_where_a_policy_is_wrong(tmp_path: Path) -> None:
    """The exit code is 0 or 1, the place is file:line:column."""
    file = tmp_path / "p.yaml"
    file.write_text(MINIMAL)
    good = CliRunner().invoke(app, ["check", str(file)])
    assert (good.exit_code, "1 rules" in good.output) == (0, True)
    file.write_text(MINIMAL.replace("new_device", "new_devise"))
    bad = CliRunner().invoke(app, ["check", str(file)])
    assert bad.exit_code == 1
    assert f"{file}:10:11: there is no signal 'new_devise'" in bad.output


def test_test_runs_the_cases_beside_the_policy(tmp_path: Path) -> None:
    """The default's own cases pass, a changed policy fails them by name, a missing file is exit code 2."""
    assert CliRunner().invoke(app, ["test", "-"]).exit_code == 0
    file = tmp_path / "p.yaml"
    file.write_text(CliRunner().invoke(app, ["show-default"]).output.replace("weight: 2.7", "weight: 0.1"))
    missing = CliRunner().invoke(app, ["test", str(file)])
    assert missing.exit_code == 2
    (tmp_path / "p.cases.yaml").write_text(default_cases())
    failed = CliRunner().invoke(app, ["test", str(file)])
    assert failed.exit_code == 1
    assert "a new device in a known network is asked for a second factor" in failed.output


@pytest.mark.parametrize(("demanded", "expected"), [(False, True), (True, False)])
def test_attack_a_case_that_names_passkeys_passes_whatever_is_demanded(
    demanded: bool, expected: bool
) -> None:
    """Whoever takes the demand of passkeys out of a policy must fail its cases, and the other way round."""
    level = (
        "{sensitivity: 1, demand: aal2, phishing_resistant: true}"
        if demanded
        else "{sensitivity: 1, demand: aal2}"
    )
    policy = load(MINIMAL.replace('"*": {sensitivity: 1, demand: none}', f'"*": {level}'))
    case = "cases:\n- name: passkeys\n  facts: {action: x}\n  expect: {phishing_resistant: %s}\n"
    wrong, right = (
        run(policy, load_cases(case % str(said).lower(), policy)) for said in (expected, demanded)
    )
    assert [one.failures != () for one in (*wrong, *right)] == [True, False]
