"""Cases: what a policy must answer, as data. ``stepwarden policy test`` runs them.

    defaults:                       # optional: what every case has unless it says otherwise
      facts: {action: login, address_kind: residential, country: DE}
    cases:
      - name: a new device in a known network is asked for a code
        facts: {action: login}      # fields of the attempt; action, country, asn, address_kind, browser, os...
        signals: {actor_logins: 30, new_device: true}      # what is not named has its default
        standing: {aal: 1, age: 2m} # level that the session holds, and how long ago it was proved; default: none
        grant: {aal: 2}             # a proof for this very action: aal, age, recovery; default: none
        expect:                     # at least one of these
          decision: step_up         # allow | step_up | deny
          demand: aal2              # none | aal1 | aal2 | aal3 | deny, and max_age, bound, recovery if named
          risk: [0.1, 0.5]          # least and most
          rules: [new-device]       # exactly the rules that hold, in any order
          with: [new-device]        # these hold, others may
          without: [new-country]    # these do not hold

A case is read as strictly as a policy: an unknown key, signal or rule is an error with its place, so that a typing
mistake does not make a case pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

import msgspec

from stepwarden.errors import InputError, PolicyError
from stepwarden.events.entries import AAL, Standing, Verdict
from stepwarden.events.facts import AddressKind, Facts
from stepwarden.policy import fields
from stepwarden.policy.cel.check import similar
from stepwarden.policy.demand import MICROSECONDS, RECOVERY, decide
from stepwarden.policy.document import Node, Scalar, parse
from stepwarden.policy.fields import DEMAND_KEYS, Fields, fault
from stepwarden.policy.policy import Policy
from stepwarden.signals.catalogue import CATALOGUE, Values, dense

NOW = 1_800_000_000 * MICROSECONDS
MAX_CASES = 2_000
_FACTS = ("action", "country", "asn", "address_kind", "browser", "os", "device_type")
_CASE = ("name", "facts", "signals", "standing", "grant", "expect")
_EXPECT = ("decision", "risk", "rules", "with", "without", *DEMAND_KEYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """None: anything will do. ``demand`` holds only the parts that were named, by field of ``Demand``."""

    decision: Verdict | None
    demand: dict[str, int | bool | tuple[str, ...]]
    risk: tuple[int, int] | None
    rules: frozenset[str] | None
    present: frozenset[str]
    absent: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``line`` is where it stands in its file."""

    name: str
    line: int
    facts: Facts
    values: Values
    standing: Standing
    grant: Standing | None
    expect: Expectation


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``failures`` says, in words, each thing that is not as expected; empty: the case passes."""

    case: Case
    decision: Verdict
    risk: int
    rules: tuple[str, ...]
    failures: tuple[str, ...]


def load_cases(text: str, policy: Policy) -> list[Case]:
    """Read cases for a policy, whose rules they may name.

    Raises:
        PolicyError: with line and column, for whatever is wrong.
    """
    root = Fields(parse(text), "a file of cases", ("defaults", "cases"))
    common: dict[str, Node] = {}
    if (node := root.get("defaults")) is not None:
        defaults = Fields(node, "defaults", ("facts", "signals", "standing"))
        common = {key: found for key in ("facts", "signals", "standing") if (found := defaults.get(key))}
    items = fields.listing(root.need("cases"), "cases", most=MAX_CASES)
    if not items:
        raise fault("expected at least one case", root.node)
    return [_case(item, common, policy) for item in items]


def run(policy: Policy, cases: Sequence[Case]) -> list[Result]:
    """What the policy answers to each case, and where that is not what the case expects."""
    return [_run(policy, case) for case in cases]


def _run(policy: Policy, case: Case) -> Result:
    found = policy.assess(case.facts, case.values, case.standing)
    decision = decide(found.demand, case.standing, case.facts.time, case.grant)
    rules = tuple(one.rule for one in found.evidence)
    expect = case.expect
    failures: list[str] = []
    if expect.decision is not None and decision != expect.decision:
        failures.append(f"expected {expect.decision}, found {decision}")
    for part, wanted in expect.demand.items():
        if (got := getattr(found.demand, part)) != wanted:
            failures.append(f"demand: expected {part} {wanted}, found {got}")
    if expect.risk is not None and not expect.risk[0] <= found.risk <= expect.risk[1]:
        low, high = expect.risk
        failures.append(f"risk: expected {low / 1e6:g} to {high / 1e6:g}, found {found.risk / 1e6:.4f}")
    if expect.rules is not None and expect.rules != set(rules):
        failures.append(f"rules: expected {_list(expect.rules)}, found {_list(rules)}")
    if missing := expect.present.difference(rules):
        failures.append(f"rules: {_list(missing)} should hold and does not")
    if extra := expect.absent.intersection(rules):
        failures.append(f"rules: {_list(extra)} should not hold and does")
    return Result(case=case, decision=decision, risk=found.risk, rules=rules, failures=tuple(failures))


def _list(names: Sequence[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _case(node: Node, common: dict[str, Node], policy: Policy) -> Case:
    case = Fields(node, "a case", _CASE)
    grant = case.get("grant")
    standing = case.get("standing") or common.get("standing")
    return Case(
        name=fields.text(case.need("name"), "name", most=200),
        line=node.line,
        facts=_facts([found for found in (common.get("facts"), case.get("facts")) if found]),
        values=_values([found for found in (common.get("signals"), case.get("signals")) if found], policy),
        standing=_standing(standing, "standing") if standing else Standing(),
        grant=_standing(grant, "grant") if grant else None,
        expect=_expectation(case.need("expect"), policy),
    )


def _facts(nodes: Sequence[Node]) -> Facts:
    found: dict[str, str] = {}
    for node in nodes:
        given = Fields(node, "facts", _FACTS)
        for key in _FACTS:
            if (value := given.get(key)) is None:
                continue
            found[key] = fields.scalar(value, key).text
            if key == "address_kind" and found[key] not in get_args(AddressKind):
                raise fault(f"address_kind: expected one of {', '.join(get_args(AddressKind))}", value)
    if "action" not in found:
        raise fault("facts need 'action'", nodes[-1]) if nodes else PolicyError("a case needs facts")
    return msgspec.convert({"time": NOW, **found}, Facts)


def _values(nodes: Sequence[Node], policy: Policy) -> Values:
    specs = (*CATALOGUE, *policy.signals)
    given: dict[str, int | str | bool] = {}
    for node in nodes:
        signals = Fields(node, "signals", [spec.name for spec in specs])
        for spec in specs:
            if (value := signals.get(spec.name)) is None:
                continue
            if spec.type == "bool":
                given[spec.name] = fields.truth(value, spec.name)
            elif spec.type == "int":
                given[spec.name] = fields.whole(value, spec.name, least=-999_999_999, most=999_999_999)
            else:
                given[spec.name] = fields.scalar(value, spec.name).text
    try:
        return dense(given, policy.signals)
    except InputError as exc:
        raise PolicyError(str(exc)) from exc


def _standing(node: Node, what: str) -> Standing:
    known = ("aal", "age", "recovery") if what == "grant" else ("aal", "age")
    given = Fields(node, what, known)
    age = fields.duration(found, "age") if (found := given.get("age")) is not None else 0
    recovery = (found := given.get("recovery")) is not None and fields.truth(found, "recovery")
    return Standing(
        aal=cast(AAL, fields.whole(given.need("aal"), "aal", least=0, most=3)),
        since=NOW - age * MICROSECONDS,
        amr=(RECOVERY,) if recovery else (),
    )


def _expectation(node: Node, policy: Policy) -> Expectation:
    given = Fields(node, "expect", _EXPECT)
    if not given.node.items:
        raise fault("expected at least one expectation", node)
    return Expectation(
        decision=_decision(found) if (found := given.get("decision")) is not None else None,
        demand=_demand(given),
        risk=_risk(found) if (found := given.get("risk")) is not None else None,
        rules=_rules(found, policy) if (found := given.get("rules")) is not None else None,
        present=_rules(found, policy) if (found := given.get("with")) is not None else frozenset(),
        absent=_rules(found, policy) if (found := given.get("without")) is not None else frozenset(),
    )


def _decision(node: Node) -> Verdict:
    text = fields.scalar(node, "decision").text
    if text not in get_args(Verdict):
        raise fault(f"decision: expected {', '.join(get_args(Verdict))}, found {text[:64]!r}", node)
    return cast(Verdict, text)


def _demand(given: Fields) -> dict[str, int | bool | tuple[str, ...]]:
    """Only what is named: a case may expect ``bound`` and leave the level open."""
    found: dict[str, int | bool | tuple[str, ...]] = {}
    aal, found_deny = fields.level(given)
    if "demand" in given or "deny" in given:
        found["deny"] = found_deny
        if not found_deny:
            found["aal"] = aal
    if (node := given.get("max_age")) is not None:
        found["max_age"] = fields.duration(node, "max_age")
    for key in ("bound", "recovery"):
        if (node := given.get(key)) is not None:
            found[key] = fields.truth(node, key)
    if (node := given.get("phishing_resistant")) is not None:
        found["methods"] = fields.PHISHING_RESISTANT if fields.truth(node, "phishing_resistant") else ()
    return found


def _risk(node: Node) -> tuple[int, int]:
    ends = fields.listing(node, "risk", most=2)
    if len(ends) != 2:
        raise fault("risk: expected [least, most]", node)
    low, high = (fields.decimal(end, "risk", places=6, least=0, most=1) for end in ends)
    return low, high


def _rules(node: Node, policy: Policy) -> frozenset[str]:
    known = {rule.id for rule in policy.rules}
    found: set[str] = set()
    for item in fields.listing(node, "rules", most=len(known) + 1):
        name: Scalar = fields.scalar(item, "a rule")
        if name.text not in known:
            hint = similar(name.text, dict.fromkeys(known))
            raise fault(f"the policy has no rule {name.text[:64]!r}{hint}", name)
        found.add(name.text)
    return frozenset(found)
