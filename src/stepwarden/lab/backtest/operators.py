"""Columns of whole numbers, truths and texts, and what CEL's operators make of them. An error is a null.

What is known of a column goes with it: whether it may be an error, between which bounds it lies, which value it has in
every row. So what cannot overflow is computed in 64 bits, and what the bounds decide is not computed.

Polars takes an expression without any column for one row, and a choice whose condition holds everywhere for one too if
it chooses a literal. So literals alone are worked out here; and whoever uses a compiled expression has to join it with
a column that is really there, which gives it its length (``assessing``).

>>> import polars as pl
>>> ten = Column(expr=pl.col("n"), kind="int", low=0, high=10, type=pl.Int8)
>>> compare("<", ten, constant(11)).always, compare("<", ten, constant(10)).always
(True, None)
>>> arithmetic("*", ten, constant(2**62)).fallible, arithmetic("*", ten, constant(2**58)).fallible
(True, False)

Not here: what an expression is made of (``expressions``).
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import polars as pl

from stepwarden.policy.cel.runtime import INT_MAX, INT_MIN, CelError, div, mod
from stepwarden.policy.cel.syntax import BinaryOp


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is known of a column of whole numbers; ``type`` is how it is stored."""

    low: int
    high: int
    type: Any = None

    @classmethod
    def of(cls, column: pl.Series) -> Self:
        """What lies in a column; of an empty one, and of one of nulls, as if it were all 0."""
        low, high = column.min(), column.max()
        return cls(
            low=low if isinstance(low, int) else 0,
            high=high if isinstance(high, int) else 0,
            type=column.dtype,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A compiled part. ``fallible``: it may be an error. ``always``: the value that it has in every row, if known.

    ``broken``: it is an error in every row.

    ``low`` and ``high`` bound an int where it is no error; ``type`` is that of the column that it is.
    """

    expr: pl.Expr
    kind: str
    fallible: bool = False
    broken: bool = False
    always: int | bool | str | None = None
    low: int = INT_MIN
    high: int = INT_MAX
    type: Any = None


def constant(value: int | bool | str) -> Column:
    """The same value in every row."""
    if isinstance(value, bool):
        return Column(expr=pl.lit(value), kind="bool", always=value)
    if isinstance(value, str):
        return Column(expr=pl.lit(value), kind="string", always=value)
    return Column(expr=pl.lit(value, dtype=pl.Int64), kind="int", always=value, low=value, high=value)


def broken(kind: str) -> Column:
    """An error in every row."""
    return Column(expr=pl.lit(None, dtype=_TYPES[kind]), kind=kind, fallible=True, broken=True)


_TYPES: Final[Mapping[str, Any]] = {"int": pl.Int64, "bool": pl.Boolean, "string": pl.String}


def logic(every: bool, terms: list[Column]) -> Column:
    """``&&`` or ``||``: what decides alone decides, whatever the rest is; else an error is one."""
    left = [term for term in terms if term.always is not every]
    if any(term.always is (not every) for term in left):
        return constant(not every)
    if not left:
        return constant(every)
    if all(term.broken for term in left):
        return broken("bool")
    expr = left[0].expr
    for term in left[1:]:
        expr = expr & term.expr if every else expr | term.expr
    return Column(expr=expr, kind="bool", fallible=any(term.fallible for term in left))


def logic_not(one: Column) -> Column:
    """The opposite."""
    if one.broken:
        return one
    if one.always is not None:
        return constant(not one.always)
    return Column(expr=~one.expr, kind="bool", fallible=one.fallible)


def choose(condition: Column, then: Column, otherwise: Column) -> Column:
    if condition.broken:
        return broken(then.kind)
    if condition.always is not None:
        return then if condition.always else otherwise
    # Without an ``otherwise`` the rest is null: where there is no condition there is no value.
    chosen = pl.when(condition.expr).then(wide(then)).when(~condition.expr).then(wide(otherwise))
    fallible = condition.fallible or then.fallible or otherwise.fallible
    return Column(
        expr=chosen,
        kind=then.kind,
        fallible=fallible,
        low=min(then.low, otherwise.low),
        high=max(then.high, otherwise.high),
    )


def wide(one: Column) -> pl.Expr:
    """The column as it is, whole numbers in 64 bits."""
    return one.expr.cast(pl.Int64) if one.kind == "int" and one.type is not None else one.expr


def guarded(found: Column, parts: tuple[Column, ...]) -> Column:
    """``found``, but an error where any of the parts is one: all of them are worked out before anything is compared."""
    if any(part.broken for part in parts):
        return broken(found.kind)
    fallible = [part for part in parts if part.fallible]
    if not fallible:
        return found
    sound = logic(True, [Column(expr=part.expr.is_not_null(), kind="bool") for part in fallible])
    return Column(expr=pl.when(sound.expr).then(found.expr), kind=found.kind, fallible=True)


_COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""Of values, and of columns of one type."""
_JOIN: Final[Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def compare(op: BinaryOp, left: Column, right: Column) -> Column:
    if left.broken or right.broken:
        return broken("bool")
    decide = _COMPARE[op]
    fallible = left.fallible or right.fallible
    if left.always is not None and right.always is not None and not fallible:
        return constant(decide(left.always, right.always))
    if left.kind == "int" and not fallible:
        found = _by_bounds(op, left, right)
        if found is not None:
            return constant(found)
    one, two = _alike(left, right)
    return Column(expr=decide(one, two), kind="bool", fallible=fallible)


def _by_bounds(op: BinaryOp, left: Column, right: Column) -> bool | None:
    """What a comparison comes to in every row, where the bounds of both sides say so already."""
    apart = left.high < right.low or left.low > right.high
    if op in ("==", "!="):
        return (op == "!=") if apart else None
    decide = _COMPARE[op]
    corners = {decide(one, two) for one in (left.low, left.high) for two in (right.low, right.high)}
    return corners.pop() if len(corners) == 1 else None


def _alike(left: Column, right: Column) -> tuple[pl.Expr, pl.Expr]:
    """Both sides in one type: that in which a column is stored where the other side is a number that fits into it."""
    if left.kind == "bool":
        return left.expr.cast(pl.Int8), right.expr.cast(pl.Int8)
    if left.kind != "int":
        return left.expr, right.expr
    if left.type == right.type and left.type is not None:
        return left.expr, right.expr
    for one, two in ((left, right), (right, left)):
        if one.type is not None and isinstance(two.always, int) and two.type is None and not two.fallible:
            if pl.Int64 != one.type and not _fits(two.always, one.type):
                continue
            number = pl.lit(two.always, dtype=one.type)
            return (one.expr, number) if one is left else (number, one.expr)
    return wide(left), wide(right)


def _fits(number: int, kind: Any) -> bool:
    low, high = RANGES[kind]
    return low <= number <= high


RANGES: Final[Mapping[Any, tuple[int, int]]] = {
    pl.Int8: (-(2**7), 2**7 - 1),
    pl.Int16: (-(2**15), 2**15 - 1),
    pl.Int32: (-(2**31), 2**31 - 1),
    pl.Int64: (INT_MIN, INT_MAX),
}
"""The types that columns of whole numbers are stored in, the smallest first."""


def arithmetic(op: str, left: Column, right: Column) -> Column:
    if left.broken or right.broken:
        return broken("int")
    low, high = _reach(op, left, right)
    fallible = left.fallible or right.fallible
    if low >= INT_MIN and high <= INT_MAX:
        if low == high and not fallible:
            return constant(low)
        expr = _JOIN[op](wide(left), wide(right))
        return Column(expr=expr, kind="int", fallible=fallible, low=low, high=high)
    if high < INT_MIN or low > INT_MAX:
        return broken("int")
    expr = _JOIN[op](left.expr.cast(pl.Int128), right.expr.cast(pl.Int128))
    return Column(
        # What does not fit becomes null.
        expr=expr.cast(pl.Int64, strict=False),
        kind="int",
        fallible=True,
        low=max(low, INT_MIN),
        high=min(high, INT_MAX),
    )


def _reach(op: str, left: Column, right: Column) -> tuple[int, int]:
    if op == "+":
        return left.low + right.low, left.high + right.high
    if op == "-":
        return left.low - right.high, left.high - right.low
    corners = [one * two for one in (left.low, left.high) for two in (right.low, right.high)]
    return min(corners), max(corners)


def division(op: str, left: Column, right: Column) -> Column:
    """Division that drops the fraction, or what it leaves over, with the sign of ``left``."""
    if left.broken or right.broken or right.low == right.high == 0:
        return broken("int")
    if isinstance(left.always, int) and isinstance(right.always, int):
        try:
            return constant((div if op == "/" else mod)(left.always, right.always))
        except CelError:
            return broken("int")
    by_zero = right.low <= 0 <= right.high
    overflows = left.low == INT_MIN and right.low <= -1 <= right.high
    # The least number has no absolute value in 64 bits.
    kind = pl.Int128 if INT_MIN in (left.low, right.low) else pl.Int64
    one, two = left.expr.cast(kind), right.expr.cast(kind)
    # What is divided by nothing is no value here, and never gets to the division.
    two = pl.when(two != 0).then(two) if by_zero else two
    size = one.abs() // two.abs() if op == "/" else one.abs() % two.abs()
    negative = ((one < 0) != (two < 0)) if op == "/" else (one < 0)
    found = pl.when(negative).then(0 - size).otherwise(size)
    if op == "%" and overflows:
        found = pl.when(~((one == INT_MIN) & (two == -1))).then(found)
    reach = max(abs(left.low), abs(left.high))
    return Column(
        expr=found.cast(pl.Int64, strict=False),
        kind="int",
        fallible=left.fallible or right.fallible or by_zero or overflows,
        low=max(-reach, INT_MIN),
        high=min(reach, INT_MAX),
    )
