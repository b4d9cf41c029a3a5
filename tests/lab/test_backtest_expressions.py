"""Expressions over columns mean what they mean for one attempt: same values, same errors, row by row."""

from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stepwarden.errors import PolicyError
from stepwarden.events.facts import Facts
from stepwarden.lab.backtest.expressions import compile_column
from stepwarden.lab.backtest.operators import RANGES, Bounds
from stepwarden.policy.cel.check import check
from stepwarden.policy.cel.emit import compile_expression
from stepwarden.policy.cel.parser import parse
from stepwarden.policy.cel.runtime import INT_MAX, INT_MIN
from tests.policy.test_policy_cel_oracle import LAYOUT, PATTERN, VALUES, VARIABLES, Kind, expressions

FACTS = Facts(time=0, action="x")
SMALL = VALUES.map(lambda row: {k: v % 5 if type(v) is int else v for k, v in row.items()})
ROWS = st.lists(VALUES, min_size=1, max_size=6) | st.lists(SMALL, min_size=1, max_size=6)
TYPES: dict[str, Any] = {"int": pl.Int64, "bool": pl.Boolean, "string": pl.String}


def one_by_one(text: str, rows: list[dict[str, Any]]) -> list[Any]:
    """The value of each row as the policy evaluates it; None for an error."""
    rule = compile_expression(parse(text), LAYOUT)
    found = []
    for row in rows:
        try:
            found.append(rule([row[name] for name in VARIABLES], FACTS, 0, 0))
        except ArithmeticError:
            found.append(None)
    return found


def by_columns(text: str, rows: list[dict[str, Any]], *, bounded: bool, narrow: bool) -> list[Any]:
    """The same from columns. ``bounded``: by what lies in them; ``narrow``: in the smallest type they fit into."""
    known: dict[str, Bounds | str] = {}
    columns = []
    for name, kind in VARIABLES.items():
        values = [row[name] for row in rows]
        dtype = TYPES[kind]
        if kind == "int":
            low, high = (min(values), max(values)) if bounded else (INT_MIN, INT_MAX)
            if narrow:
                dtype = next(t for t, (a, b) in RANGES.items() if a <= min(values) and max(values) <= b)
            known[name] = Bounds(low=low, high=high, type=dtype)
        else:
            known[name] = kind
        columns.append(pl.Series(name, values, dtype))
    compiled = compile_column(parse(text), known)
    whole = pl.DataFrame(columns)
    # A column gives the expression its length: see ``operators``.
    of = {"int": pl.col("c") * 0, "bool": pl.col("p") | ~pl.col("p"), "string": pl.col("s").str.slice(0, 0)}
    expr = compiled.expr & of["bool"] if compiled.kind == "bool" else compiled.expr + of[compiled.kind]
    found = whole.with_columns(expr.alias("found"))["found"]
    assert compiled.fallible or not found.null_count()
    return list(found.to_list())


def agree(text: str, rows: list[dict[str, Any]], bounded: bool, narrow: bool) -> None:
    try:
        check(parse(text), VARIABLES)
    except PolicyError as exc:
        assume("deeply" not in str(exc) and "characters" not in str(exc))
        raise
    wanted = one_by_one(text, rows)
    assert by_columns(text, rows, bounded=bounded, narrow=narrow) == wanted


@settings(max_examples=400, deadline=None)
@given(expressions(), ROWS, st.booleans(), st.booleans())
def test_random_expressions_over_random_rows_are_what_they_are_one_by_one(
    text: str, rows: list[dict[str, Any]], bounded: bool, narrow: bool
) -> None:
    agree(text, rows, bounded, narrow)


FORMS: list[tuple[str, tuple[Kind, ...]]] = [
    ("({} in ({} ? [{}] : [{}, {}]))", ("int", "bool", "int", "int", "int")),
    ("size({} ? [{}] : [{}, {}]) == {}", ("bool", "int", "int", "int", "int")),
    ("([{}, {}] == ({} ? [{}, {}] : []))", ("int", "int", "bool", "int", "int")),
    ("([{}] != ({} ? [{}] : [{}, {}]))", ("string", "bool", "string", "string", "string")),
    ("({} in [{}, {}]) || {}", ("int", "int", "int", "bool")),
    ("({} + {}).contains({} ? {} : {})", ("string", "string", "bool", "string", "string")),
]


@st.composite
def with_lists(draw: st.DrawFn) -> str:
    form, kinds = draw(st.sampled_from(FORMS))
    return form.format(*(draw(expressions(kind, 2)) for kind in kinds))


@settings(max_examples=200, deadline=None)
@given(with_lists(), ROWS, st.booleans(), st.booleans())
def test_lists_that_depend_on_a_condition_are_told_apart_in_each_row(
    text: str, rows: list[dict[str, Any]], bounded: bool, narrow: bool
) -> None:
    agree(text, rows, bounded, narrow)


@settings(max_examples=150, deadline=None)
@given(PATTERN, expressions("string", 2), expressions("bool", 1), ROWS)
def test_patterns_are_matched_by_the_policys_own_automaton(
    pattern: str, text: str, beside: str, rows: list[dict[str, Any]]
) -> None:
    quoted = pattern.replace("'", "\\'")
    whole = f"({text}).matches(r'{quoted}') && {beside}"
    try:
        parse(whole)
        check(parse(whole), VARIABLES)
    except PolicyError:
        return
    agree(whole, rows, True, True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a / b", [None, -3, 3, None]),
        ("a % b", [None, -1, 1, None]),
        ("a / b > 0 || !p", [None, False, True, None]),
        ("a / b > 0 && p", [None, False, True, None]),
        ("a / b > 0 && !p", [False, False, False, False]),
        ("a in [a / b, a]", [None, True, True, None]),
        ("a / b > 0 ? 1 : 2", [None, 2, 1, None]),
        ("a + 1 < a", [False, False, False, False]),
        ("b + a - 1 < b", [False, True, False, None]),
        ("-a == a", [False, False, False, None]),
        ("(1 / 0 == 1) ? a > 0 : p", [None, None, None, None]),
        ("(1 / 0 == 1 || p) && a > 0", [True, False, True, False]),
        ("a in ((true ? 1 : a) / 0 == 1 ? [b] : [a])", [None, None, None, None]),
        ("(a == a ? 9223372036854775807 : a) + 1 > b", [None, None, None, None]),
        ("'x' + 'y' == 'xy' && a > 0", [True, False, True, False]),
    ],
)
def test_semantics_that_columns_easily_get_wrong(text: str, wanted: list[object]) -> None:
    """Division and its sign, overflow in some rows alone, errors that are absorbed and errors that are not."""
    rows: list[dict[str, Any]] = [
        {"a": 7, "b": 0, "p": True},
        {"a": -7, "b": 2, "p": True},
        {"a": 7, "b": 2, "p": True},
        {"a": INT_MIN, "b": -1, "p": True},
    ]
    rows = [{"c": 0, "q": False, "s": "", "t": ""} | row for row in rows]
    assert one_by_one(text, rows) == wanted
    for bounded in (True, False):
        for narrow in (True, False):
            assert by_columns(text, rows, bounded=bounded, narrow=narrow) == wanted


def test_attack_a_text_that_would_be_another_pattern_elsewhere() -> None:
    """``$`` is the end of the text, not a line's, and ``\\d`` is ASCII; another engine would miss an attempt."""
    row = {"a": 0, "b": 0, "c": 0, "p": True, "q": True, "t": ""}
    rows = [row | {"s": text} for text in ("curl\n", "curl", "٣", "3")]
    for pattern, wanted in (("url$", [False, True, False, False]), ("^\\\\d$", [False, False, False, True])):
        assert by_columns(f"s.matches('{pattern}')", rows, bounded=True, narrow=True) == wanted
