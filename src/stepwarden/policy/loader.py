"""A policy file to a ``Policy``. Whatever is wrong with the text is a ``PolicyError`` that says where and
what.

>>> policy = load(MINIMAL)
>>> policy.name, policy.sensitivity("anything")
('minimal', 1)
>>> load(MINIMAL.replace("new_device", "new_divice"))
Traceback (most recent call last):
  ...
stepwarden.errors.PolicyError: there is no signal 'new_divice'; did you mean new_device?

The format is described in ``docs/policy.md``. Everything is checked here: keys, values, that rules' ids are
unique, that bands rise, that there is an action ``*``, that every expression is bool (``of``: int) over known signals,
and that what is approved names the same parameters in every language. A column points into the expression or the
text itself, however it is quoted or folded.
"""

import hashlib
from collections.abc import Mapping, Sequence

from stepwarden.errors import PolicyError
from stepwarden.events.entries import Demand, Evidence
from stepwarden.policy import fields
from stepwarden.policy.approval import FALLBACK, MAX_TEXT, Approval, Template, parse_template
from stepwarden.policy.cel.check import Scalar as CelType
from stepwarden.policy.cel.emit import FACTS, Clause, Layout, Program, compile_rules
from stepwarden.policy.cel.syntax import Expr
from stepwarden.policy.custom import read_signals
from stepwarden.policy.document import Node, Table
from stepwarden.policy.document import parse as parse_document
from stepwarden.policy.fields import DEMAND_KEYS, Fields, fault, placed
from stepwarden.policy.policy import Action, Band, Policy, Rule
from stepwarden.signals.catalogue import CATALOGUE
from stepwarden.signals.custom import CustomSpec

MAX_RULES, MAX_ACTIONS, MAX_BANDS = 200, 500, 16
ACTION = r"\*|[a-z][a-z0-9_.:-]*\*?|\*[a-z0-9_.:-]+"
POLICY_KEYS = ("version", "name", "prior", "actions", "bands", "signals", "rules")
RULE_KEYS = ("id", "when", "weight", "of", "least", "most", "reason", "technique", *DEMAND_KEYS)
Written = tuple[Rule, Expr, Expr | None]
"""A rule with its condition and, of a graded one, its amount."""
MINIMAL = """\
version: 1
name: minimal
prior: -3
actions:
  "*": {sensitivity: 1, demand: none}
bands:
  - {risk: 0.2, demand: aal2, max_age: 10m}
rules:
  - id: new-device
    when: new_device
    weight: 2
    reason: You have not used this device before
    technique: T1078
"""

_TYPES: dict[str, CelType] = {"int": "int", "bool": "bool", "str": "string"}
VARIABLES: dict[str, CelType] = {
    **{spec.name: _TYPES[spec.type] for spec in CATALOGUE},
    **dict.fromkeys(FACTS, "string"),
    "sensitivity": "int",
    "standing_aal": "int",
}
"""Every name that an expression of any policy may use, with its type."""


def load(text: str) -> Policy:
    """Read, check and compile a policy.

    Raises:
        PolicyError: and nothing else, whatever the text is.
    """
    root = Fields(parse_document(text), "a policy", POLICY_KEYS)
    fields.whole(root.need("version"), "version", least=1, most=1)
    defined = root.get("signals")
    signals = () if defined is None else read_signals(defined, VARIABLES)
    rules = _rules(root.need("rules"), {**VARIABLES, **{one.name: _TYPES[one.type] for one in signals}})
    return Policy(
        digest=hashlib.sha256(text.encode()).hexdigest(),
        name=fields.text(root.need("name"), "name", most=64),
        text=text,
        prior=_nats(root.need("prior"), "prior"),
        actions=_actions(root.need("actions")),
        bands=_bands(root.need("bands")),
        rules=[rule for rule, _, _ in rules],
        program=_compile(rules, _layout(signals)),
        signals=signals,
    )


def _actions(node: Node) -> dict[str, Action]:
    found: dict[str, Action] = {}
    for key, value in fields.table(node, "actions").items:
        name = fields.text(
            key, "an action", most=64, pattern=ACTION, example='login, factor.*, *.read or "*"'
        )
        action = Fields(value, f"action {name!r}", ("sensitivity", "approve", *DEMAND_KEYS))
        recovery = action.get("recovery")
        approve = action.get("approve")
        if "demand" not in action and "deny" not in action:
            raise fault(f"action {name!r} needs 'demand' (none, aal1, aal2, aal3 or deny)", value)
        found[name] = Action(
            sensitivity=fields.whole(action.need("sensitivity"), "sensitivity", least=0, most=3),
            demand=fields.demand(action),
            recovery=recovery is not None and fields.truth(recovery, "recovery"),
            approve=None if approve is None else _approval(approve),
        )
    if "*" not in found:
        raise fault('actions needs "*": what holds for every action that is not named', node)
    if len(found) > MAX_ACTIONS:
        raise fault(f"actions: at most {MAX_ACTIONS}", node)
    return found


def _approval(node: Node) -> Approval:
    if not isinstance(node, Table):
        return Approval({FALLBACK: _template(node)})
    found: dict[str, Template] = {}
    for key, value in node.items:
        language = fields.text(key, "a language", most=3, pattern="[a-z]{2,3}", example="en or de")
        template = found[language] = _template(value)
        first = next(iter(found))
        # Whoever reads the page in another language must not be shown less.
        if template.placeholders != found[first].placeholders:
            raise fault(f"approve: expected the placeholders of {first!r} in {language!r} too", value)
    if not found:
        raise fault("approve: expected a text, or one for each language", node)
    return Approval(found)


def _template(node: Node) -> Template:
    written = fields.scalar(node, "approve")
    text = fields.text(written, "approve", most=MAX_TEXT)
    try:
        return parse_template(text)
    except PolicyError as exc:
        raise placed(exc, written) from exc


def _bands(node: Node) -> list[Band]:
    found: list[Band] = []
    for item in fields.listing(node, "bands", most=MAX_BANDS):
        band = Fields(item, "a band", ("risk", *DEMAND_KEYS))
        place = band.need("risk")
        risk = fields.decimal(place, "risk", places=6, least=0, most=1)
        if found and risk <= found[-1].risk:
            raise fault("bands rise: expected more than the risk of the band before", place)
        demand = fields.demand(band)
        if demand == Demand():
            raise fault("a band needs 'demand' (aal1, aal2, aal3 or deny)", item)
        found.append(Band(risk=risk, demand=demand))
    return found


def _rules(node: Node, variables: Mapping[str, CelType]) -> list[Written]:
    found: list[Written] = []
    seen: set[str] = set()
    for item in fields.listing(node, "rules", most=MAX_RULES):
        rule = Fields(item, "a rule", RULE_KEYS)
        place = rule.need("id")
        name = fields.text(place, "id", most=64, pattern=r"[a-z][a-z0-9-]*", example="new-device")
        if name in seen:
            raise fault(f"there are two rules {name!r}", place)
        seen.add(name)
        when = fields.scalar(rule.need("when"), "when")
        amount = rule.get("of")
        of = None if amount is None else fields.scalar(amount, "of")
        least, most = _bounds(rule)
        demand = fields.demand(rule)
        made = Rule(
            id=name,
            when=when.text,
            weight=_nats(rule.need("weight"), "weight"),
            text=fields.text(rule.need("reason"), "reason", most=300),
            technique=fields.text(
                rule.need("technique"),
                "technique",
                most=9,
                pattern=r"T[0-9]{4}(\.[0-9]{3})?",
                example="T1110 or T1110.003 (MITRE ATT&CK)",
            ),
            demand=None if demand == Demand() else demand,
            of="" if of is None else of.text,
            least=least,
            most=most,
        )
        holds = fields.expression(when, variables, "bool", "a rule holds or not")
        weighed = None if of is None else fields.expression(of, variables, "int", "'of' is a number")
        found.append((made, holds, weighed))
    return found


def _bounds(rule: Fields) -> tuple[int, int]:
    """Between what the term of a graded rule stays: ``least`` (0 if it is not given) and ``most``."""
    if "of" not in rule:
        for key in ("least", "most"):
            if (node := rule.get(key)) is not None:
                raise fault(f"{key!r} goes only with 'of': it bounds what a graded rule adds", node)
        return 0, 0
    place = rule.need("most")
    most = _nats(place, "most")
    node = rule.get("least")
    least = 0 if node is None else _nats(node, "least")
    if least > most:
        raise fault("expected 'least' (0 if it is not given) to be no more than 'most'", node or place)
    return least, most


def _nats(node: Node, what: str) -> int:
    """What is added to a score: nats in the file, thousandths of them here."""
    return fields.decimal(node, what, places=3, least=-10, most=10)


def _compile(rules: list[Written], layout: Layout) -> Program:
    clauses = [
        Clause(
            condition=holds,
            weight=rule.weight,
            evidence=Evidence(rule.id, rule.weight),
            demand=rule.demand,
            amount=amount,
            least=rule.least,
            most=rule.most,
        )
        for rule, holds, amount in rules
    ]
    return compile_rules(clauses, layout)


def _layout(signals: Sequence[CustomSpec]) -> Layout:
    """Values are those of the catalogue, then those of the policy's own signals in their order."""
    specs = (*CATALOGUE, *signals)
    return Layout(
        positions={spec.name: place for place, spec in enumerate(specs)},
        texts=frozenset(spec.name for spec in specs if spec.type == "str"),
    )
