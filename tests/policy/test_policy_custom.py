"""Signals that a policy defines: what is read, what is refused and where, and what rules and cases make of them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import PolicyError
from stepwarden.events.entries import Evidence, Standing
from stepwarden.events.facts import Facts
from stepwarden.policy.cases import NOW, load_cases, run
from stepwarden.policy.cel.check import FUNCTIONS
from stepwarden.policy.cel.tokens import RESERVED
from stepwarden.policy.loader import MINIMAL, VARIABLES, load
from stepwarden.policy.policy import Policy
from stepwarden.signals.catalogue import CATALOGUE, DEFAULTS, dense
from tests.policy.policy_house import pointed_at, refused

SIGNALS = """\
signals:
  exports_1h:
    primitive: count
    key: [actor, resource]
    window: 1h
    filter: action == "export" && outcome != "failure"
    doc: Exports of this thing by this person within an hour
  home:
    primitive: last_value
    key: [actor]
    of: country
  unseen: {primitive: first_seen, key: [actor, device]}
rules:
"""
TEXT = MINIMAL.replace("rules:\n", SIGNALS).replace(
    "when: new_device", "when: exports_1h > 2 || unseen && home == 'NO'"
)
LOGIN = Facts(time=NOW, action="login", address_kind="residential")


def test_definitions_are_read_as_they_stand() -> None:
    """Types and defaults follow from the primitive; an outcome in the filter says when it is taken in."""
    exports, home, unseen = load(TEXT).signals
    assert (exports.name, exports.primitive, exports.key, exports.window) == (
        "exports_1h",
        "count",
        ("actor", "resource"),
        3600,
    )
    assert (exports.type, exports.default, exports.unit, exports.ended) == ("int", 0, "events", True)
    assert (home.type, home.default, home.of, home.ended, home.matches) == ("str", "", "country", False, None)
    assert (unseen.type, unseen.default, unseen.window) == ("bool", False, 0)
    assert exports.matches is not None
    assert exports.matches(Facts(time=0, action="export", outcome="success"))
    assert not exports.matches(Facts(time=0, action="export", outcome="failure"))


@pytest.mark.parametrize(
    ("signals", "holds"),
    [
        ({}, False),
        ({"exports_1h": 3}, True),
        ({"unseen": True}, False),
        ({"unseen": True, "home": "NO"}, True),
        ({"home": "NO"}, False),
    ],
)
def test_rules_use_them(signals: dict[str, int | bool | str], holds: bool) -> None:
    """Their values come after the catalogue's, in the order of the file."""
    policy = load(TEXT)
    found = policy.assess(LOGIN, dense(signals, policy.signals), Standing())
    assert found.evidence == ((Evidence("new-device", 2000),) if holds else ())


def test_attack_values_without_those_of_the_policy_ask_for_less() -> None:
    """Who leaves out what the policy defines gets every rule that needs it held against the attempt."""
    found = load(TEXT).assess(LOGIN, DEFAULTS, Standing())
    assert found.evidence == (Evidence("new-device", 2000, True),)
    assert found.demand.aal >= 2


def test_cases_set_them_by_name() -> None:
    """A case may set a signal of the policy, of its type; no other."""
    policy = load(TEXT)
    cases = """\
cases:
  - name: many
    facts: {action: login}
    signals: {exports_1h: 3, home: SE}
    expect: {rules: [new-device]}
"""
    assert [one.failures for one in run(policy, load_cases(cases, policy))] == [()]
    for old, new, said in (
        ("exports_1h", "exports_2h", "did you mean exports_1h"),
        ("exports_1h: 3", "exports_1h: true", "expected a whole number"),
        ("exports_1h: 3", "unseen: 1", "expected true or false"),
    ):
        with pytest.raises(PolicyError, match=said):
            load_cases(cases.replace(old, new), policy)
    with pytest.raises(PolicyError, match="no 'exports_1h'"):
        load_cases(cases, load(MINIMAL))


@pytest.mark.parametrize("name", sorted({*VARIABLES, *RESERVED, "outcome", "in", "true"} - {"as", "if"})[::7])
def test_a_name_of_something_else_is_refused(name: str) -> None:
    """Neither a built-in signal nor a fact or a word of the language can be hidden by another meaning."""
    text = TEXT.replace("exports_1h:", f'"{name}":')
    error = refused(text)
    assert "expected one of your own" in str(error) or "expected text like" in str(error)
    assert pointed_at(text, error).startswith(f'"{name}"')


def test_no_name_of_the_language_is_free() -> None:
    taken = {*(name.lstrip(".") for name in FUNCTIONS), *RESERVED, "true", "false", "in", "outcome", "action"}
    for name in taken:
        refused(TEXT.replace("exports_1h", name))


@pytest.mark.parametrize(
    ("old", "new", "said", "at"),
    [
        (
            "primitive: count",
            "primitive: cuont",
            "expected one of count, distinct, rate, first_seen",
            "cuont",
        ),
        ("    primitive: count\n", "", "signal 'exports_1h' needs 'primitive'", "key"),
        ("    key: [actor, resource]\n", "", "signal 'exports_1h' needs 'key'", "primitive"),
        ("key: [actor, resource]", "key: actor", "expected a list", "actor"),
        ("key: [actor, resource]", "key: [actor, actor]", "'actor' stands here twice", "actor]"),
        ("key: [actor, resource]", "key: [actor, resuorce]", "did you mean resource", "resuorce"),
        ("key: [actor, resource]", "key: [actor, outcome]", "found 'outcome'", "outcome]"),
        ("    window: 1h\n", "", "needs 'window'", "primitive"),
        ("window: 1h", "window: 59s", "expected a time from 1m to 30d", "59s"),
        ("window: 1h", "window: 31d", "at most 30d", "31d"),
        ("window: 1h", "window: 1h\n    of: address", "count has no 'of'", "address"),
        ("primitive: count", "primitive: first_seen", "first_seen has no 'window'", "1h"),
        ("of: country", "of: address", "of: expected one of country, asn", "address"),
        ("    of: country\n", "", "needs 'of'", "primitive"),
        (
            "of: country",
            "of: country\n    filter: outcome == 'success'",
            "cannot ask for the outcome",
            "outcome ==",
        ),
        (
            'action == "export" &&',
            "new_device &&",
            "a filter sees facts of the attempt, and there is no 'new_device'",
            "new_",
        ),
        ('action == "export" &&', "standing_aal > 1 &&", "there is no 'standing_aal'", "standing_aal"),
        (
            'action == "export" && outcome != "failure"',
            "size(action)",
            "expected bool, and this is int",
            "size",
        ),
        ('action == "export" &&', "action == 7 &&", "never equal", "== 7"),
        ("  home:", "  exports_1h:", "stands here twice", "exports_1h"),
        ("  home:", "  Home:", "expected text like exports_by_resource_24h", "Home"),
        ("signals:\n", "signals: [1]\nbands2:\n", "a policy has no 'bands2'", "bands2"),
        ("exports_1h > 2", "exports_1h == 'x'", "int and string are never equal", "== 'x'"),
        ("exports_1h > 2", "export_1h > 2", "did you mean exports_1h", "export_1h"),
    ],
)
def test_a_mistake_is_refused_where_it_stands(old: str, new: str, said: str, at: str) -> None:
    """Message, line and column of every kind of mistake."""
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    error = refused(text)
    assert said in str(error)
    assert pointed_at(text, error).startswith(at)


def test_more_than_thirty_two_are_refused() -> None:
    many = "".join(f"  s{n}: {{primitive: first_seen, key: [actor]}}\n" for n in range(33))
    assert "signals: at most 32" in str(refused(MINIMAL.replace("rules:\n", f"signals:\n{many}rules:\n")))
    assert (
        len(load(MINIMAL.replace("rules:\n", f"signals:\n{many[: many.index('  s32')]}rules:\n")).signals)
        == 32
    )


def _filtered(text: str) -> Policy:
    return load(TEXT.replace('action == "export" && outcome != "failure"', text))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 / size(country) > 0 && false", False),
        ("1 / size(country) > 0 || true", True),
        ("size(country) == 0 || 1 / size(country) > 0", True),
    ],
)
def test_an_error_that_cannot_matter_is_absorbed(text: str, wanted: bool) -> None:
    """As CEL has it, in filters too."""
    matches = _filtered(text).signals[0].matches
    assert matches is not None
    assert matches(Facts(time=0, action="login")) is wanted


def test_attack_an_error_of_a_filter_is_an_answer() -> None:
    """A filter without a value says so, for ``signals.custom`` to fail towards more: it is never simply false."""
    matches = _filtered("1 / size(country) > 0").signals[0].matches
    assert matches is not None
    with pytest.raises(ArithmeticError):
        matches(Facts(time=0, action="login"))


TEXTS = st.sampled_from(["", "a", "export", "success", "failure", "NO"])
PARTS = st.sampled_from(
    [
        'action == "export"',
        'outcome != "failure"',
        "size(country) > 1",
        "1 / size(asn) > 0",
        'os in ["a", ""]',
        "true",
    ]
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(PARTS, min_size=1, max_size=4),
    st.lists(st.sampled_from(["&&", "||"]), min_size=4, max_size=4),
    st.data(),
)
def test_the_plain_way_and_the_exact_way_agree(
    parts: list[str], joints: list[str], data: st.DataObject
) -> None:
    """A filter gives what the exact reading of a rule with the same text gives, or raises where that fails."""
    text = parts[0] + "".join(f" {joint} {part}" for joint, part in zip(joints, parts[1:], strict=False))
    drawn: dict[str, Any] = {name: data.draw(TEXTS) for name in ("action", "country", "asn", "os")}
    facts = Facts(time=0, **drawn)
    matches = _filtered(text).signals[0].matches
    assert matches is not None
    try:
        found = [matches(facts)]
    except ArithmeticError:
        found = []
    # Without an outcome the rule is the same expression; "unknown" is what the facts have.
    rule = text.replace('outcome != "failure"', "true")
    policy = load(MINIMAL.replace("when: new_device", f"when: {rule!r}"))
    (evidence,) = policy.assess(facts, DEFAULTS, Standing()).evidence or (None,)
    assert found == ([] if evidence is not None and evidence.failed else [evidence is not None])


def test_the_names_of_built_in_signals_are_all_taken() -> None:
    assert {spec.name for spec in CATALOGUE} <= set(VARIABLES)
