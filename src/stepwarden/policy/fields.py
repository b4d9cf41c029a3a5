"""What the scalars and mappings of a policy mean: one small reader for each kind of value.

Every reader gives a value or raises ``PolicyError`` with the place and what was expected. A value has one
spelling: ``5m``, never ``300`` or ``5 m``; ``true``, never ``yes``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, cast

from stepwarden.errors import PolicyError
from stepwarden.events.entries import AAL, Demand
from stepwarden.policy.cel.check import Scalar as CelType
from stepwarden.policy.cel.check import check, similar
from stepwarden.policy.cel.parser import parse as parse_expression
from stepwarden.policy.cel.syntax import Expr
from stepwarden.policy.cel.tokens import fault as fault_within
from stepwarden.policy.document import Listing, Node, Scalar, Table

_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]{0,5})(?:\.([0-9]{1,6}))?")
LEVELS = {"none": 0, "aal1": 1, "aal2": 2, "aal3": 3}
_NOT_TEXT = re.compile(r"|~|null|true|false|yes|no|on|off|[-+]?[0-9][0-9_.]*", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MAX_AGE = 30 * 86_400

DEMAND_KEYS = ("demand", "deny", "max_age", "bound", "recovery", "phishing_resistant")
PHISHING_RESISTANT = ("hwk", "swk")
"""The methods that no other site can ask for: the keys of passkeys."""


def fault(message: str, node: Node) -> PolicyError:
    return PolicyError(message, line=node.line, column=node.column)


def placed(exc: PolicyError, written: Scalar) -> PolicyError:
    """An error in the language of a text counts columns from its start, on line 1: the same, at its place."""
    line, column = written.place(exc.column - 1)
    return PolicyError(str(exc), line=line, column=column)


class Fields:
    """A mapping whose keys are known beforehand; an unknown one is refused at once."""

    def __init__(self, node: Node, what: str, known: Sequence[str]) -> None:
        self.node = table(node, what)
        self._what = what
        self._found = {key.text: value for key, value in self.node.items}
        for key, _ in self.node.items:
            if key.text not in known:
                hint = similar(key.text, dict.fromkeys(known)) or f"; known are {', '.join(known)}"
                raise fault(f"{what} has no {key.text[:64]!r}{hint}", key)

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def need(self, key: str) -> Node:
        if key not in self._found:
            raise fault(f"{self._what} needs {key!r}", self.node)
        return self._found[key]

    def get(self, key: str) -> Node | None:
        return self._found.get(key)


def table(node: Node, what: str) -> Table:
    if not isinstance(node, Table):
        raise fault(f"{what}: expected a mapping (key: value)", node)
    return node


def listing(node: Node, what: str, *, most: int) -> tuple[Node, ...]:
    if not isinstance(node, Listing):
        raise fault(f"{what}: expected a list (- item)", node)
    if len(node.items) > most:
        raise fault(f"{what}: at most {most}", node)
    return node.items


def scalar(node: Node, what: str) -> Scalar:
    if not isinstance(node, Scalar):
        kind = "a list" if isinstance(node, Listing) else "a mapping"
        raise fault(f"{what}: expected a single value, found {kind}", node)
    return node


def text(node: Node, what: str, *, most: int, pattern: str = "", example: str = "") -> str:
    """One line of text; with a pattern, text of that shape."""
    found = scalar(node, what)
    if found.style == "" and _NOT_TEXT.fullmatch(found.text):
        raise fault(
            f"{what}: expected text; {found.text or 'nothing'!r} as a text is written in quotes", found
        )
    value = found.text.rstrip("\n")
    if not value or len(value) > most:
        raise fault(f"{what}: expected 1 to {most} characters", found)
    if _CONTROL.search(value):
        raise fault(f"{what}: expected one line without control characters", found)
    if pattern and not re.fullmatch(pattern, value):
        raise fault(f"{what}: expected text like {example}, found {value[:64]!r}", found)
    return value


def one_of(node: Node, what: str, known: Sequence[str]) -> str:
    found = scalar(node, what)
    if found.text not in known:
        hint = similar(found.text, dict.fromkeys(known))
        raise fault(f"{what}: expected one of {', '.join(known)}, found {found.text[:64]!r}{hint}", found)
    return found.text


def expression(written: Scalar, variables: Mapping[str, CelType], wanted: CelType, what: str) -> Expr:
    """An expression of CEL over these names; ``what`` says why it has to be of this type."""
    try:
        tree = parse_expression(written.text)
        if (found := check(tree, variables)) != wanted:
            raise fault_within(f"{what}: expected {wanted}, and this is {found}", tree.at)
    except PolicyError as exc:
        raise placed(exc, written) from exc
    return tree


def whole(node: Node, what: str, *, least: int, most: int) -> int:
    found = scalar(node, what)
    if found.style == "" and re.fullmatch(r"0|-?[1-9][0-9]{0,8}", found.text):
        value = int(found.text)
        if least <= value <= most:
            return value
    raise fault(f"{what}: expected a whole number from {least} to {most}, found {found.text[:64]!r}", found)


def decimal(node: Node, what: str, *, places: int, least: int, most: int) -> int:
    """A decimal number in units of 10**-``places``: ``1.25`` with three places is 1250. Bounds are whole."""
    found = scalar(node, what)
    expected = f"{what}: expected a number from {least} to {most} with at most {places} decimals"
    match = _DECIMAL.fullmatch(found.text) if found.style == "" else None
    if match is None or len(match[3] or "") > places:
        raise fault(f"{expected}, found {found.text[:64]!r}", found)
    value = int(match[2] + (match[3] or "").ljust(places, "0"))
    value = -value if match[1] else value
    if not least * 10**places <= value <= most * 10**places:
        raise fault(f"{expected}, found {found.text[:64]!r}", found)
    return value


def truth(node: Node, what: str) -> bool:
    found = scalar(node, what)
    if found.style == "" and found.text in ("true", "false"):
        return found.text == "true"
    raise fault(f"{what}: expected true or false, found {found.text[:64]!r}", found)


def duration(node: Node, what: str) -> int:
    """Seconds of ``90s``, ``5m``, ``12h`` or ``7d``; at most 30 days."""
    found = scalar(node, what)
    match = _DURATION.fullmatch(found.text)
    if match is None or int(match[1]) * _SECONDS[match[2]] > MAX_AGE:
        raise fault(
            f"{what}: expected a time like 90s, 5m, 12h or 7d, at most 30d, found {found.text[:64]!r}", found
        )
    return int(match[1]) * _SECONDS[match[2]]


def demand(fields: Fields) -> Demand:
    """What ``DEMAND_KEYS`` of a mapping say together."""
    aal, deny = level(fields)
    recovery = (node := fields.get("recovery")) is not None and truth(node, "recovery")
    found = Demand(
        aal=aal,
        max_age=duration(node, "max_age") if (node := fields.get("max_age")) is not None else -1,
        bound=(node := fields.get("bound")) is not None and truth(node, "bound"),
        recovery=recovery and aal > 0,
        deny=deny,
        methods=PHISHING_RESISTANT
        if (node := fields.get("phishing_resistant")) is not None and truth(node, "phishing_resistant")
        else (),
    )
    if aal == 0 and (found.bound or found.max_age >= 0 or found.methods):
        where = fields.need("bound" if found.bound else "phishing_resistant" if found.methods else "max_age")
        raise fault("this goes only with demand: aal1, aal2 or aal3", where)
    return found


def level(fields: Fields) -> tuple[AAL, bool]:
    """What ``demand`` or ``deny`` says: the level, and whether nothing helps."""
    short = fields.get("deny")
    if short is not None:
        if "demand" in fields or not truth(short, "deny"):
            raise fault("deny: true stands for demand: deny; write one of them", short)
        return 0, True
    node = fields.get("demand")
    if node is None:
        return 0, False
    found = scalar(node, "demand")
    if found.text == "deny":
        return 0, True
    aal = LEVELS.get(found.text)
    if aal is None:
        known: Mapping[str, object] = {**LEVELS, "deny": None}
        raise fault(
            f"there is no level {found.text[:64]!r}; known are {', '.join(known)}",
            found,
        )
    return cast(Literal[0, 1, 2, 3], aal), False
