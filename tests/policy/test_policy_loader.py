"""Reading policies: every mistake is a ``PolicyError`` at its place, and nothing else ever comes out."""

import doctest
import importlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import PolicyError
from stepwarden.policy import default
from stepwarden.policy.document import Listing, Scalar, Table, parse
from stepwarden.policy.loader import MINIMAL, VARIABLES, load
from tests.policy.policy_house import pointed_at, refused

MODULES = [
    *("loader", "demand", "risk", "document", "approval", "currencies", "custom", "difference"),
    *("cel.tokens", "cel.parser", "cel.check", "cel.regex", "cel.emit"),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_the_docstrings_run(name: str) -> None:
    """What the modules say of themselves is true."""
    module = importlib.import_module(f"stepwarden.policy.{name}")
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_the_shipped_policy_loads_and_its_hash_is_that_of_its_bytes() -> None:
    """The default is usable as it is, and one changed byte is another policy."""
    text = default.default_text()
    policy = load(text)
    assert policy.name == "default"
    assert policy.text == text
    assert re.fullmatch("[0-9a-f]{64}", policy.hash)
    assert load(text + "\n").hash != policy.hash


@pytest.mark.parametrize(
    ("old", "new", "message", "at"),
    [
        ("new_device", "new_divice", "no signal 'new_divice'; did you mean new_device", "new_divice"),
        ("when: new_device", "when: dormancy_days", "expected bool, and this is int", "dormancy_days"),
        ("when: new_device", "when: new_device && 3", "must be bool, and this is int", "3"),
        ("when: new_device", "when: 'country == ''DE'' && new'", "no signal 'new'", "new'"),
        ("when: new_device", 'when: "country == \\"DE\\" && new"', "no signal 'new'", 'new"'),
        (
            "when: new_device",
            "when: >-\n      new_device\n      || nw_device",
            "no signal 'nw_device'",
            "nw_device",
        ),
        ("when: new_device", "when: |\n      new_device\n\n      || nw_device", "no signal", "nw_device"),
        ("when: new_device", "when: new_device\n      ||  nw_device", "no signal 'nw_device'", "nw_device"),
        ("when: new_device", "when: new_device ||", "expected a value, found the end", ""),
        ("when: new_device", "when: 1.5 > 2", "numbers are whole", "1.5"),
        ("when: new_device", "when: country == 7", "string and int are never equal", "== 7"),
        ("when: new_device", "when: country in 'DE'", "expected a list after 'in'", "'DE'"),
        ("when: new_device", "when: country in ['DE', 1]", "every item of this list must be string", "1]"),
        ("when: new_device", "when: country.matches('(a')", "expected )", "'(a')"),
        ("when: new_device", "when: country.matches(asn)", "the pattern must be written out", "asn)"),
        ("when: new_device", "when: startsWith(country, 'D')", "text.startsWith(text)", "startsWith"),
        ("when: new_device", "when: country.length() > 1", "there is no function 'length'", "length"),
        ("when: new_device", "when: new_device and first_seen", "'and' is written &&", "and first_seen"),
        ("when: new_device", "when: new_device = true", "'equal' is written ==", "= true"),
        ("when: new_device", "when: __import__('os')", "there is no function", "__import__"),
        ("when: new_device", "when: country.__class__ == ''", "signals have no fields", "__class__"),
        ("when: new_device", "when: [new_device]", "expected a single value, found a list", "[new_device]"),
        ("weight: 2", "weight: 11", "expected a number from -10 to 10", "11"),
        ("weight: 2", "weight: -10.001", "expected a number from -10 to 10", "-10.001"),
        ("weight: 2", "weight: 1e3", "expected a number", "1e3"),
        ("weight: 2", "weight: '2'", "expected a number", "'2'"),
        ("weight: 2", "weight: 0x2", "expected a number", "0x2"),
        ("weight: 2", "weigth: 2", "no 'weigth'; did you mean weight?", "weigth"),
        ("    weight: 2\n", "", "a rule needs 'weight'", "id: new-device"),
        ("weight: 2", "weight: 2\n    weight: 3", "'weight' stands here twice", "weight: 3"),
        ("max_age: 10m", "max_age: 10 m", "expected a time like 90s, 5m, 12h or 7d", "10 m}"),
        ("max_age: 10m", "max_age: 600", "expected a time like", "600}"),
        ("max_age: 10m", "max_age: 31d", "at most 30d", "31d}"),
        ("max_age: 10m", "max_age: 0s", "expected a time like", "0s}"),
        ("demand: aal2", "demand: aal4", "there is no level 'aal4'", "aal4"),
        ("demand: none", "demand: none, bound: true", "goes only with demand", "true}"),
        ("demand: none", "demand: none, bound: yes", "expected true or false", "yes}"),
        ("risk: 0.2", "risk: 1.2", "expected a number from 0 to 1", "1.2"),
        ("sensitivity: 1", "sensitivity: 4", "expected a whole number from 0 to 3", "4,"),
        ("sensitivity: 1", "sensitivity: true", "expected a whole number", "true,"),
        ('"*":', "login:", 'actions needs "*"', "login:"),
        ('"*":', '"a*b":', "expected text like", '"a*b"'),
        ("version: 1", "version: 2", "expected a whole number from 1 to 1", "2"),
        ("name: minimal", "name: 7", "is written in quotes", "7"),
        ("technique: T1078", "technique: phishing", "expected text like T1110", "phishing"),
        ("reason: You", "reason: &a You", "anchors and aliases are not accepted", "&a"),
        ("reason: You", "reason: *a #You", "anchors and aliases are not accepted", "*a"),
        ("reason: You", "reason: !!python/object:os.system You", "YAML tags are not accepted", "!!python"),
        ("  - id: new-device", "  - id: New device", "expected text like new-device", "New device"),
        ("rules:", "---\nrules:", "one document", "---"),
        ("prior: -3", "prior: [-3]", "expected a single value, found a list", "[-3]"),
        ("prior: -3", "prior: -3: 4", "not YAML", ": 4"),
    ],
)
def test_a_mistake_is_refused_where_it_stands(old: str, new: str, message: str, at: str) -> None:
    """Message, line and column of every kind of mistake, also inside quoted and folded expressions."""
    assert old in MINIMAL
    text = MINIMAL.replace(old, new, 1)
    error = refused(text)
    assert message in str(error)
    assert pointed_at(text, error).startswith(at)


def test_two_rules_of_one_name_are_refused() -> None:
    """A rule's id names it in the log, so it is unique."""
    rule = MINIMAL[MINIMAL.index("  - id") :]
    error = refused(MINIMAL + rule)
    assert "two rules 'new-device'" in str(error)
    assert error.line == 1 + MINIMAL.count("\n") + 0


def test_bands_that_do_not_rise_are_refused() -> None:
    """The second band must begin above the first."""
    text = MINIMAL.replace("rules:", "  - {risk: 0.2, demand: deny}\nrules:")
    assert "bands rise" in str(refused(text))


def test_alias_bombs_huge_files_and_deep_nesting_are_refused() -> None:
    """Nothing in a policy can grow when it is read."""
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert "anchors" in str(refused(bomb))
    assert "too long" in str(refused(MINIMAL + "# " + "x" * 70_000))
    assert "too long" in str(refused(MINIMAL + "# " + "\\" * 35_000))
    assert "nested too deeply" in str(refused("[" * 20_000))
    assert "nested too deeply" in str(
        refused(MINIMAL.replace("new_device", "(" * 500 + "new_device" + ")" * 500))
    )
    assert "at most 2000 characters" in str(
        refused(MINIMAL.replace("new_device", "new_device || " * 300 + "true"))
    )


@pytest.mark.parametrize(
    "text", ["", "\n", "# only a comment", "7", "- a", "\x00", "\ud800", 'a: "\\UFFFFFFFF"', "\ufeff"]
)
def test_what_is_no_policy_at_all_is_refused(text: str) -> None:
    """Empty, scalar, binary, half a surrogate pair, an escape beyond Unicode."""
    refused(text)


SEEDS = [MINIMAL, default.default_text()[:2500]]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_a_mangled_policy_loads_or_is_refused_with_a_place(seed: str, data: st.DataObject) -> None:
    """Cut and insert anywhere: the outcome is a policy or a ``PolicyError`` inside the text."""
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, min(len(seed), start + 12)))
    junk = data.draw(st.text(alphabet="abn_ 01.-:{}[]\"'|>&*!#\n\t\\é\x00\ud800", max_size=6))
    text = seed[:start] + junk + seed[end:]
    try:
        load(text)
        place = (0, 0)
    except PolicyError as exc:
        place = (exc.line, exc.column)
    assert 0 <= place[0] <= text.count("\n") + 2
    assert place[1] >= 0


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_loads_or_is_refused(text: str) -> None:
    """No text makes the loader raise anything else."""
    try:
        load(text)
    except PolicyError:
        return
    pytest.fail("random text is no policy")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["alpha", "b", "'x'", "&&", "(", ")"]), min_size=1, max_size=8),
    st.sampled_from(["plain", "single", "folded", "literal"]),
    st.data(),
)
def test_every_character_of_an_expression_is_found_in_the_file(
    words: list[str], style: str, data: st.DataObject
) -> None:
    """However an expression is quoted and folded, a place in it maps to the same character in the file."""
    text = " ".join(["a", *words])
    broken = "".join(data.draw(st.sampled_from([" ", "\n      "])) if char == " " else char for char in text)
    if style == "literal":
        broken = broken.replace("\n      ", " ")
    written = {
        "plain": broken,
        "single": "'" + broken.replace("'", "''") + "'",
        "folded": ">-\n      " + broken,
        "literal": "|\n      " + broken,
    }[style]
    source = f"- 1\n- when: {written}\n  more: 2\n"
    node = parse(source)
    assert isinstance(node, Listing)
    table = node.items[1]
    assert isinstance(table, Table)
    scalar = table.items[0][1]
    assert isinstance(scalar, Scalar)
    for offset, char in enumerate(scalar.text.rstrip("\n")):
        if char != " ":
            line, column = scalar.place(offset)
            assert source.split("\n")[line - 1][column - 1] == char


def test_every_variable_that_rules_may_use_is_typed() -> None:
    """Signals, facts and the two numbers of the action and the session; nothing else."""
    assert {"sensitivity", "standing_aal", "action", "address_kind", "new_device"} < set(VARIABLES)
    assert set(VARIABLES.values()) <= {"int", "bool", "string"}


def test_a_phishing_resistant_demand_takes_a_passkey() -> None:
    """By its methods, and only beside a level."""
    action = "  transfer: {sensitivity: 3, demand: aal2, phishing_resistant: true}\n"
    policy = load(MINIMAL.replace("bands:", action + "bands:"))
    assert policy.actions["transfer"].demand.methods == ("hwk", "swk")
    with pytest.raises(PolicyError, match="goes only with demand"):
        load(MINIMAL.replace("bands:", action.replace("aal2", "none") + "bands:"))
