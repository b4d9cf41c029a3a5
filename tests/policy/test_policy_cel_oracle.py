"""Our subset of CEL means what Google's implementation (cel-cpp) says it means, on random expressions and values."""

from collections.abc import Mapping
from typing import Any, Literal

import pytest
from cel_expr_python import cel
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stepwarden.errors import PolicyError
from stepwarden.events.entries import Evidence
from stepwarden.events.facts import Facts
from stepwarden.policy.cel.check import Scalar, check
from stepwarden.policy.cel.emit import Clause, Layout, compile_expression, compile_rules
from stepwarden.policy.cel.parser import parse
from stepwarden.policy.cel.regex import compile_pattern

VARIABLES: dict[str, Scalar] = {
    "a": "int", "b": "int", "c": "int", "p": "bool", "q": "bool", "s": "string", "t": "string",
}  # fmt: skip
LAYOUT = Layout(
    positions={name: position for position, name in enumerate(VARIABLES)}, texts=frozenset(("s", "t"))
)
Kind = Literal["int", "bool", "string"]
_OF = {"int": cel.Type.INT, "bool": cel.Type.BOOL, "string": cel.Type.STRING}
ENV = cel.NewEnv(variables={name: _OF[kind] for name, kind in VARIABLES.items()})
FACTS = Facts(time=0, action="x")
ERROR = "error"

EDGES = [0, 1, -1, 2, 3, -7, 10, 255, 2**31, 2**63 - 1, -(2**63), 2**62, -(2**62), 3037000500]
KINDS: tuple[Kind, ...] = ("int", "bool", "string")
NUMBERS = st.one_of(st.sampled_from(EDGES), st.integers(-20, 20), st.integers(-(2**63), 2**63 - 1))
TEXTS = st.one_of(
    st.sampled_from(["", "a", "ab", "é", "x\ny", "'", '"', "\\", "😀z", "a.b"]), st.text("abé.*", max_size=4)
)


def _literal(value: int | bool | str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if value >= 0 else f"({value})"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


FORMS: dict[Kind, list[tuple[str, tuple[Kind, ...]]]] = {
    "int": [
        *((form, ("int", "int")) for op in "+-*/%" for form in (f"({{}} {op} {{}})", f"{{}} {op} {{}}")),
        *((form, ("int",)) for form in ("-({})", "--({})", "(-({}))")),
        *((form, ("string",)) for form in ("size({})", "({}).size()")),
        ("size([{}, {}])", ("bool", "bool")),
        ("({} ? {} : {})", ("bool", "int", "int")),
    ],
    "bool": [
        *((f"({{}} {op} {{}})", (kind, kind)) for kind in KINDS for op in ("==", "!=", "<", "<=", ">", ">=")),
        *(("({} in [{}, {}])", (kind, kind, kind)) for kind in KINDS),
        *((form, ("bool", "bool")) for form in 2 * ("({} && {})", "({} || {})", "{} && {}", "{} || {}")),
        *(
            (form, ("bool",))
            for form in ("!({})", "!!({})", "!!!({})", "({} || 1 / 0 == 1)", "(1 / 0 == 1 && {})")
        ),
        *((f"({{}}).{name}({{}})", ("string", "string")) for name in ("startsWith", "endsWith", "contains")),
        ("({} in [])", ("string",)),
        ("([{}] == [{}, {}])", ("int", "int", "int")),
        ("([{}] != [{}])", ("string", "string")),
        ("({} ? {} : {})", ("bool", "bool", "bool")),
    ],
    "string": [("({} + {})", ("string", "string")), ("({} ? {} : {})", ("bool", "string", "string"))],
}
LEAVES: dict[Kind, st.SearchStrategy[str]] = {
    "int": st.one_of(st.sampled_from(["a", "b", "c"]), NUMBERS.map(_literal)),
    "bool": st.sampled_from(["p", "q", "true", "false"]),
    "string": st.one_of(st.sampled_from(["s", "t"]), TEXTS.map(_literal)),
}


@st.composite
def expressions(draw: st.DrawFn, kind: Kind | None = None, depth: int = 3) -> str:
    """The text of an expression; most parts get their parentheses, some show the precedence."""
    found: Kind = kind if kind is not None else draw(st.sampled_from(KINDS))
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(LEAVES[found])
    form, parts = draw(st.sampled_from(FORMS[found]))
    return form.format(*(draw(expressions(part, depth - 1)) for part in parts))


VALUES = st.fixed_dictionaries(
    {name: {"int": NUMBERS, "bool": st.booleans(), "string": TEXTS}[kind] for name, kind in VARIABLES.items()}
)


def theirs(text: str, values: Mapping[str, Any]) -> Any:
    found = ENV.compile(text).eval(data=dict(values))
    return ERROR if found.type() == cel.Type.ERROR else found.value()


def ours(text: str, values: Mapping[str, Any]) -> Any:
    tree = parse(text)
    check(tree, VARIABLES)
    try:
        return compile_expression(tree, LAYOUT)([values[name] for name in VARIABLES], FACTS, 0, 0)
    except ArithmeticError:
        return ERROR


@settings(max_examples=300, deadline=None)
@given(expressions(), VALUES)
def test_random_expressions_mean_the_same(text: str, values: dict[str, Any]) -> None:
    """Same value or both an error, for every expression that our parser takes (too deep is a refusal)."""
    try:
        found = ours(text, values)
    except PolicyError as exc:
        assume("deeply" not in str(exc) and "characters" not in str(exc))
        raise
    wanted = theirs(text, values)
    assert (type(found), found) == (type(wanted), wanted)


@settings(max_examples=300, deadline=None)
@given(st.lists(expressions("bool", 2), min_size=1, max_size=4), VALUES)
def test_the_fast_function_is_exact_or_raises(texts: list[str], values: dict[str, Any]) -> None:
    """All rules in one function give what the exact functions give, unless something in it raises."""
    try:
        trees = [parse(text) for text in texts]
    except PolicyError:
        return
    clauses = [
        Clause(condition=tree, weight=1 << number, evidence=Evidence(str(number), 1 << number), demand=None)
        for number, tree in enumerate(trees)
    ]
    program = compile_rules(clauses, LAYOUT)
    try:
        score, hits, _ = program.rules([values[name] for name in VARIABLES], FACTS, 0, 0)
    except ArithmeticError:
        return
    wanted = [theirs(text, values) for text in texts]
    assert wanted == [bool(score >> number & 1) for number in range(len(texts))]
    assert [one.rule for one in hits] == [str(number) for number, holds in enumerate(wanted) if holds]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abps19 ()[]!&|=<>+-*/%?:,.'\"\\intrue\n", max_size=16))
def test_what_we_accept_they_accept(text: str) -> None:
    """Random characters: never an exception but ``PolicyError``, and nothing accepted that CEL refuses."""
    try:
        kind = check(parse(text), VARIABLES)
    except PolicyError as exc:
        place = (exc.line, 0 < exc.column <= len(text) + 1)
        kind = None
    if kind is None:
        assert place == (1, True)
        return
    names = {"list(int)": "LIST<INT>", "list(bool)": "LIST<BOOL>", "list(string)": "LIST<STRING>"}
    found = ENV.compile(text).return_type().name()
    assert kind == "list()" or found == names.get(kind, kind.upper())


PATTERN = st.recursive(
    st.sampled_from(
        ["a", "b", ".", "[ab]", "[^a]", "[a-c.]", "\\d", "\\w", "\\S", "é", "^", "$", "\\.", "[\\d-]", " "]
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,1}", "{2,}", "{0}"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(PATTERN, st.lists(st.text("abcé1. \n-", max_size=7), min_size=3, max_size=8))
def test_patterns_match_as_in_re2(pattern: str, texts: list[str]) -> None:
    """``matches`` finds what RE2 finds, for every pattern of the subset."""
    try:
        found = compile_pattern(pattern)
    except PolicyError:
        return
    compiled = ENV.compile("s.matches(t)")
    for text in texts:
        wanted = compiled.eval(data={"s": text, "t": pattern}).value()
        # Asked twice: what the automaton remembers must not change its answer.
        assert found(text) is wanted
        assert found(text) is wanted


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab(|)[]{}^$.*+?\\-:,02d", max_size=12))
def test_patterns_that_we_accept_re2_accepts(pattern: str) -> None:
    """A random pattern is refused by ``PolicyError``, or is one that RE2 reads in the same way."""
    try:
        found = compile_pattern(pattern)
    except PolicyError:
        return
    for text in ("", "a", "ab", "ba0", "-\n"):
        wanted = ENV.compile("s.matches(t)").eval(data={"s": text, "t": pattern})
        assert wanted.type() != cel.Type.ERROR
        assert found(text) is wanted.value()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("5 % -3", 2),
        ("a / 0 == 1 || true", True),
        ("a / 0 == 1 && false", False),
        ("a / 0 == 1 && true", ERROR),
        ("9223372036854775807 + 1", ERROR),
        ("-9223372036854775808 / -1", ERROR),
        ("-9223372036854775808 % -1", ERROR),
        ("-(-9223372036854775808)", ERROR),
        ("(1 / 0 == 1) ? true : true", ERROR),
        ("1 in [1 / 0, 1]", ERROR),
        ("1 < 2 == true", True),
        ("'\\u00e9\\x41\\101\\n' == \"éAA\\n\"", True),
        ("r'\\d' == '\\\\d'", True),
        ("size('😀') == 1", True),
        ("0x1F // a comment", 31),
    ],
)
def test_semantics_that_are_easily_got_wrong(text: str, wanted: object) -> None:
    """Division, overflow, absorbed errors, precedence, escapes: pinned, and equal to cel-cpp."""
    values = dict.fromkeys(VARIABLES, 1) | {"p": True, "q": False, "s": "", "t": ""}
    assert ours(text, values) == wanted == theirs(text, values)


def test_a_pattern_cannot_take_exponential_time() -> None:
    """The classic that hangs a backtracking engine is one pass over the text here."""
    found = compile_pattern("^(?:(?:a|a)+)+b$")
    assert not found("a" * 50_000)
    assert found("a" * 1_000 + "b")


@pytest.mark.parametrize("pattern", ["\\d", "\\w", "\\s", "\\D", "\\W", "\\S", ".", "[^a]", "[!-/]", "[\\s]"])
def test_classes_hold_the_characters_that_re2_has_in_them(pattern: str) -> None:
    """Every ASCII character and some others, one by one."""
    found = compile_pattern(pattern)
    compiled = ENV.compile("s.matches(t)")
    for char in [*map(chr, range(1, 129)), "é", "٣", "\u2028", "😀"]:
        assert found(char) is compiled.eval(data={"s": char, "t": pattern}).value(), repr(char)
