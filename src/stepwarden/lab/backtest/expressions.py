"""An expression of a policy as an expression over columns: the same value for each row, an error where there is none.

>>> import polars as pl
>>> from stepwarden.policy.cel.parser import parse
>>> frame = pl.DataFrame({"a": [6, 3], "b": [2, 0]})
>>> whole = Bounds(low=-(2**63), high=2**63 - 1)
>>> compiled = compile_column(parse("a / b > 2"), {"a": whole, "b": whole})
>>> frame.select(compiled.expr).to_series().to_list()
[True, None]

An error is a null. That is no trick: Polars joins truths as Kleene does (``null & false`` is false, ``null & true`` is
null), which is how CEL absorbs errors, and everything else of a null is null, as everything else of an error is one.
Where that is not so (``in``, ``? :``) it is written out.

Patterns are run by the policy's own automaton, once for each different text: another engine's idea of a pattern would
be another policy.

Lists are known by their length when they are written, so they are no columns: what is asked of ``c ? [1] : [2, 3]`` is
asked of both, and the condition chooses between the answers.

Not here: arithmetic and comparisons (``operators``), rules and weights (``assessing``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

import polars as pl

from stepwarden.lab.backtest.operators import (
    Bounds,
    Column,
    arithmetic,
    broken,
    choose,
    compare,
    constant,
    division,
    guarded,
    logic,
    logic_not,
)
from stepwarden.policy.cel.regex import compile_pattern
from stepwarden.policy.cel.syntax import (
    Binary,
    BinaryOp,
    Call,
    Choice,
    Constant,
    Expr,
    ListOf,
    Logic,
    Name,
    Unary,
)

LONGEST: Final = 2**32
"""More characters than any text has."""


Known = Mapping[str, "Bounds | str"]
"""Of each name: the bounds of an ``int``, or ``bool`` or ``string``."""


@dataclass(frozen=True, slots=True)
class _Items:
    """A list that was written out."""

    items: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class _Either:
    """One list or another."""

    condition: Column
    then: "_Items | _Either"
    otherwise: "_Items | _Either"


_Lists = _Items | _Either


def compile_column(node: Expr, known: Known) -> Column:
    """The expression over columns of these names; it must have been checked (``policy.cel.check``), and be no list."""
    return _scalar(_write(node, known))


def _write(node: Expr, known: Known) -> Column | _Lists:
    match node:
        case Constant():
            return constant(node.value)
        case Name():
            return _name(node.name, known)
        case ListOf():
            return _Items(tuple(compile_column(item, known) for item in node.items))
        case Unary():
            return _unary(node, known)
        case Binary():
            return _binary(node.op, _write(node.left, known), _write(node.right, known))
        case Logic():
            return logic(node.op == "&&", [compile_column(term, known) for term in node.terms])
        case Choice():
            condition = compile_column(node.condition, known)
            then, otherwise = _write(node.then, known), _write(node.otherwise, known)
            if isinstance(then, Column) and isinstance(otherwise, Column):
                return choose(condition, then, otherwise)
            return _Either(condition, _listed(then), _listed(otherwise))
        case Call():
            return _call(node, known)
        case _:
            assert_never(node)


def _name(name: str, known: Known) -> Column:
    found = known[name]
    if isinstance(found, str):
        return Column(expr=pl.col(name), kind=found)
    always = found.low if found.low == found.high else None
    return Column(
        expr=pl.col(name), kind="int", low=found.low, high=found.high, type=found.type, always=always
    )


def _scalar(found: Column | _Lists) -> Column:
    assert isinstance(found, Column)  # noqa: S101 - ``check`` has made sure
    return found


def _listed(found: Column | _Lists) -> _Lists:
    assert not isinstance(found, Column)  # noqa: S101 - ``check`` has made sure
    return found


def _unary(node: Unary, known: Known) -> Column:
    of = compile_column(node.of, known)
    if node.op == "-":
        return arithmetic("-", constant(0), of)
    return logic_not(of)


def _either(asked: _Lists, answer: Callable[[_Items], Column]) -> Column:
    """What ``answer`` says of the list, whichever of them it is."""
    if isinstance(asked, _Items):
        return answer(asked)
    return choose(asked.condition, _either(asked.then, answer), _either(asked.otherwise, answer))


def _binary(op: BinaryOp, left: Column | _Lists, right: Column | _Lists) -> Column:
    if op == "in":
        one = _scalar(left)
        return _either(_listed(right), lambda found: _within(one, found))
    if not isinstance(left, Column):
        other = _listed(right)
        same = _either(left, lambda one: _either(other, lambda two: _equal(one, two)))
        return same if op == "==" else logic_not(same)
    two = _scalar(right)
    if op in ("==", "!=", "<", "<=", ">", ">="):
        return compare(op, left, two)
    if left.broken or two.broken:
        return broken(left.kind)
    if left.kind == "string":
        if isinstance(left.always, str) and isinstance(two.always, str):
            return constant(left.always + two.always)
        return Column(expr=left.expr + two.expr, kind="string", fallible=left.fallible or two.fallible)
    return division(op, left, two) if op in ("/", "%") else arithmetic(op, left, two)


def _within(one: Column, found: _Items) -> Column:
    parts = (one, *found.items)
    return guarded(logic(False, [compare("==", one, item) for item in found.items]), parts)


def _equal(one: _Items, two: _Items) -> Column:
    parts = (*one.items, *two.items)
    if len(one.items) != len(two.items):
        return guarded(constant(False), parts)
    pairs = zip(one.items, two.items, strict=True)
    return guarded(logic(True, [compare("==", first, second) for first, second in pairs]), parts)


def _call(node: Call, known: Known) -> Column:
    if node.function.endswith("size"):
        found = _write(node.args[0], known)
        if not isinstance(found, Column):
            return _either(found, lambda one: guarded(constant(len(one.items)), one.items))
        if found.broken:
            return broken("int")
        if isinstance(found.always, str):
            return constant(len(found.always))
        size = found.expr.str.len_chars().cast(pl.Int64)
        return Column(expr=size, kind="int", fallible=found.fallible, low=0, high=LONGEST)
    text, part = (compile_column(arg, known) for arg in node.args)
    if text.broken or part.broken:
        return broken("bool")
    if node.function.endswith("matches"):
        return _matches(text, str(part.always))
    if isinstance(text.always, str) and isinstance(part.always, str):
        return constant(_PARTS[node.function](text.always, part.always))
    asked: Any = text.expr.str
    expr = {
        ".startsWith": asked.starts_with,
        ".endsWith": asked.ends_with,
        ".contains": lambda wanted: asked.contains(wanted, literal=True),
    }[node.function](part.expr)
    return Column(expr=expr, kind="bool", fallible=text.fallible or part.fallible)


_PARTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    ".startsWith": lambda text, part: text.startswith(part),
    ".endsWith": lambda text, part: text.endswith(part),
    ".contains": lambda text, part: part in text,
}


def _matches(text: Column, pattern: str) -> Column:
    matcher = compile_pattern(pattern)
    if isinstance(text.always, str):
        return constant(matcher(text.always))

    def look(texts: pl.Series) -> pl.Series:
        different = texts.drop_nulls().unique()
        if different.is_empty():
            return pl.Series(texts.name, [None] * len(texts), pl.Boolean)
        answers = [matcher(one) for one in different.to_list()]
        return texts.replace_strict(
            different, pl.Series(answers, dtype=pl.Boolean), default=None, return_dtype=pl.Boolean
        )

    expr = text.expr.map_batches(look, return_dtype=pl.Boolean, is_elementwise=True)
    return Column(expr=expr, kind="bool", fallible=text.fallible)
