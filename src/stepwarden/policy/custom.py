"""The ``signals:`` section of a policy: definitions of signals that this policy brings along.

>>> from stepwarden.policy.document import parse
>>> [one] = read_signals(parse('''
... exports_by_resource_24h:
...   primitive: count
...   key: [actor, resource]
...   window: 24h
...   filter: action == "export" && outcome != "failure"
... '''), {})
>>> one.name, one.type, one.window, one.ended
('exports_by_resource_24h', 'int', 86400, True)

Checked here: names that nothing else has, keys, windows, filters (CEL over the facts of the attempt, ``FILTER_FACTS``),
and that each primitive has what it needs and nothing that it would not look at. What the primitives mean is said where
they are computed (``signals.custom``); a filter goes there as a function.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal, cast, get_args

from stepwarden.errors import PolicyError
from stepwarden.events.facts import Facts
from stepwarden.policy import fields
from stepwarden.policy.cel.check import FUNCTIONS
from stepwarden.policy.cel.check import Scalar as CelType
from stepwarden.policy.cel.emit import FACTS, Layout, compile_expression, names_in
from stepwarden.policy.cel.syntax import Expr
from stepwarden.policy.cel.tokens import RESERVED
from stepwarden.policy.document import Node, Scalar
from stepwarden.policy.fields import Fields, fault
from stepwarden.signals.custom import (
    DEFAULTS,
    MOST_SIGNALS,
    OF_SOMETHING,
    SHORTEST,
    SHOWN,
    THINGS,
    WINDOWED,
    CustomSpec,
    Primitive,
)

OUTCOME: Final = "outcome"
FILTER_FACTS: Final = (*FACTS, OUTCOME)
"""What a filter sees, all texts."""
SIGNAL_KEYS: Final = ("primitive", "key", "window", "of", "filter", "doc")
_NAME: Final = r"[a-z][a-z0-9_]*"
_TAKEN: Final = frozenset(
    (OUTCOME, "true", "false", "in", *RESERVED, *(name.lstrip(".") for name in FUNCTIONS))
)
_LAYOUT: Final = Layout(positions={}, facts=FILTER_FACTS)
_VARIABLES: Final[dict[str, CelType]] = dict.fromkeys(FILTER_FACTS, "string")
_UNITS: Final = {"count": "events", "distinct": "values", "rate": "percent"}
_TYPES: Final[dict[type, Literal["int", "bool", "str"]]] = {int: "int", bool: "bool", str: "str"}


def read_signals(node: Node, known: Iterable[str]) -> tuple[CustomSpec, ...]:
    """The definitions, in their order.

    Args:
        known: names that expressions have already.

    Raises:
        PolicyError: with line and column.
    """
    items = fields.table(node, "signals").items
    if len(items) > MOST_SIGNALS:
        raise fault(f"signals: at most {MOST_SIGNALS}", node)
    taken = _TAKEN.union(known)
    found = []
    for key, value in items:
        name = fields.text(key, "a signal", most=64, pattern=_NAME, example="exports_by_resource_24h")
        if name in taken:
            raise fault(f"{name!r} is the name of something else: expected one of your own", key)
        found.append(_signal(name, value))
    return tuple(found)


def _signal(name: str, node: Node) -> CustomSpec:
    given = Fields(node, f"signal {name!r}", SIGNAL_KEYS)
    primitive = _primitive(given.need("primitive"))
    for key, having in (("window", WINDOWED), ("of", OF_SOMETHING)):
        if key in given and primitive not in having:
            raise fault(f"{primitive} has no {key!r}", given.need(key))
    window = _window(given.need("window")) if primitive in WINDOWED else 0
    things = SHOWN if primitive == "last_value" else THINGS
    of = fields.one_of(given.need("of"), "of", things) if primitive in OF_SOMETHING else ""
    condition = given.get("filter")
    written = None if condition is None else fields.scalar(condition, "filter")
    tree = None if written is None else _condition(written)
    ended = tree is not None and OUTCOME in names_in(tree)
    if condition is not None and ended and primitive not in WINDOWED:
        raise fault(
            f"{primitive} learns from what ended well: its filter cannot ask for the outcome", condition
        )
    doc = given.get("doc")
    default = DEFAULTS[primitive]
    return CustomSpec(
        name=name,
        type=_TYPES[type(default)],
        default=default,
        unit=_UNITS.get(primitive, ""),
        doc="" if doc is None else fields.text(doc, "doc", most=300),
        primitive=primitive,
        key=_key(given.need("key")),
        window=window,
        of=of,
        filter="" if written is None else written.text.strip(),
        ended=ended,
        matches=None if tree is None else _compile(tree),
    )


def _primitive(node: Node) -> Primitive:
    return cast(Primitive, fields.one_of(node, "primitive", get_args(Primitive)))


def _window(node: Node) -> int:
    seconds = fields.duration(node, "window")
    if seconds < SHORTEST:
        raise fault("window: expected a time from 1m to 30d", node)
    return seconds


def _key(node: Node) -> tuple[str, ...]:
    found: list[str] = []
    for item in fields.listing(node, "key", most=len(THINGS)):
        thing = fields.one_of(item, "key", THINGS)
        if thing in found:
            raise fault(f"key: {thing!r} stands here twice", item)
        found.append(thing)
    return tuple(found)


def _condition(written: Scalar) -> Expr:
    try:
        return fields.expression(written, _VARIABLES, "bool", "a filter holds or not")
    except PolicyError as exc:
        said = str(exc).replace(
            "there is no signal", "a filter sees facts of the attempt, and there is no", 1
        )
        raise PolicyError(said, line=exc.line, column=exc.column) from exc


def _compile(tree: Expr) -> Callable[[Facts], bool]:
    """The plain way first; where it raises, CEL's own, in which an error may not matter. That one may raise."""
    plain, exact = compile_expression(tree, _LAYOUT, exact=False), compile_expression(tree, _LAYOUT)

    def matches(facts: Facts) -> bool:
        try:
            return bool(plain((), facts, 0, 0))
        except Exception:  # noqa: BLE001 - whatever it was, the exact way knows
            return bool(exact((), facts, 0, 0))

    return matches
