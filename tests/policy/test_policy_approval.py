"""What a policy says an action is called: one spelling, checked when it is loaded, found as the action is."""

import re
from pathlib import Path

import pytest
from babel.core import get_global
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stepwarden.errors import PolicyError
from stepwarden.policy.approval import KINDS, Approval, Placeholder, Template, parse_template
from stepwarden.policy.currencies import EXPONENTS
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import MINIMAL, load
from tests.policy.policy_house import refused

DOCS = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
PIECES = [
    "{",
    "}",
    "{{",
    "}}",
    "|",
    " ",
    "to",
    "money",
    "account",
    "number",
    "text",
    "EUR",
    "XYZ",
    "ü",
    "\u202e",
]


def policy_with(approve: str) -> str:
    """The minimal policy whose one action has this after ``approve:``."""
    return MINIMAL.replace(
        '"*": {sensitivity: 1, demand: none}',
        f'"*":\n    sensitivity: 1\n    demand: none\n    approve: {approve}',
    )


def test_a_template_is_texts_and_placeholders() -> None:
    """Every form of the grammar, with doubled braces next to single ones."""
    text = "{{{a}}}: {b|money c.d} {b|money JPY} to {to|account}{n|number}"
    assert parse_template(text) == Template(
        (
            "{",
            Placeholder("a"),
            "}: ",
            Placeholder("b", "money", "c.d"),
            " ",
            Placeholder("b", "money", "JPY"),
            " to ",
            Placeholder("to", "account"),
            Placeholder("n", "number"),
        )
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=40))
@example("{to|text}")
@example("{ to}")
@example("{b|money  EUR}")
@example("{b|account }")
@example("}}{{{{a}")
def test_parse_round_trips_or_refuses(text: str) -> None:
    """No text makes the parser raise anything else, or accept a second spelling."""
    try:
        again, place = parse_template(text).format(), (1, 1)
    except PolicyError as exc:
        again, place = text, (exc.line, exc.column)
    assert again == text
    assert place[0] == 1
    assert 1 <= place[1] <= len(text) + 1


PLACEHOLDERS = st.one_of(
    st.builds(Placeholder, st.sampled_from(["a", "_b", "resource.to"]), st.sampled_from(["text", "account"])),
    st.builds(
        Placeholder, st.just("n"), st.just("money"), st.sampled_from(["EUR", "KWD", "currency", "Cur"])
    ),
)
LITERALS = st.text(st.sampled_from("ab {}|ü"), min_size=1, max_size=9)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(LITERALS, PLACEHOLDERS), min_size=1, max_size=12))
def test_format_round_trips(pairs: list[tuple[str, Placeholder]]) -> None:
    """Every template can be written, braces in its words included, and is read back as itself."""
    template = Template(tuple(part for pair in pairs for part in pair))
    assert parse_template(template.format()) == template


@pytest.mark.parametrize(
    ("written", "message", "at"),
    [
        ('"Pay {amount|mony EUR}"', "no format 'mony'; did you mean money", "mony"),
        ('"Pay {amount|cash}"', "known are money, account, number", "cash"),
        ('"Pay {amount|money}"', "expected a currency (EUR), or the name", "}"),
        ('"Pay {amount|money EUX}"', "no currency 'EUX' in ISO 4217", "EUX"),
        ('"Pay {amount|money XAU}"', "no currency 'XAU'", "XAU"),
        ('"Pay {amount|money EUR x}"', "expected a currency", "EUR x"),
        ('"Pay {amount|money  EUR}"', "expected a currency", " EUR"),
        ('"To {to|account 4}"', "expected } after account", " 4"),
        ('"To {to|text}"', "expected {to}", "|text"),
        ('"To { to}"', "expected the name of a parameter", " to}"),
        ('"To {}"', "expected the name of a parameter", "}"),
        ('"To {to }"', "expected | or } after 'to', found ' '", " }"),
        ('"To {0.__class__}"', "expected the name", "0.__class__"),
        ('"To {to!r}"', "expected | or }", "!r"),
        ('"To {to"', "never closed", "{to"),
        ('"To to}"', "closes nothing", '}"'),
        ("'It''s {to'", "never closed", "{to"),
        (">-\n      Pay it\n      to {to", "never closed", "{to"),
        ('{en: "To {to}", de: "An {to|acount}"}', "did you mean account", "acount"),
        ('{en: "To {to}", de: "An jemanden"}', "expected the placeholders of 'en' in 'de' too", '"An'),
        ('{en: "To {to|account}", de: "An {to}"}', "expected the placeholders of 'en'", '"An'),
        ('{EN: "To"}', "expected text like en or de", "EN"),
        ('{en-GB: "To"}', "expected 1 to 3 characters", "en-GB"),
        ('{english: "To"}', "expected 1 to 3 characters", "english"),
        ('{no: "Til"}', "is written in quotes", "no:"),
        ("{}", "expected a text, or one for each language", "{}"),
        ("[To]", "expected a single value, found a list", "[To]"),
        ("{en: {to: x}}", "expected a single value, found a mapping", "{to"),
        ('""', "expected 1 to 300 characters", '""'),
        ('"  "', "that say what is approved", '  "'),
        ("7", "is written in quotes", "7"),
        ('"' + "x" * 301 + '"', "expected 1 to 300 characters", '"xxx'),
        ('"' + "{a}" * 12 + '{b}"', "at most 12 placeholders", "{b}"),
        ('"a\u202eb"', "characters that can be seen, found U+202E", "\u202eb"),
        ('"a\u200bb"', "found U+200B", "\u200bb"),
    ],
)
def test_a_mistake_is_refused_where_it_stands(written: str, message: str, at: str) -> None:
    """Message, line and column of every kind of mistake, however the text is quoted or folded."""
    text = policy_with(written)
    error = refused(text)
    assert message in str(error)
    assert text.split("\n")[error.line - 1][error.column - 1 :].startswith(at)


def test_the_limits_themselves_are_accepted() -> None:
    """300 characters and 12 placeholders."""
    assert parse_template("x" * 300).format() == "x" * 300
    assert len(parse_template("{a} " * 12).parts) == 24


def test_a_plain_text_is_english_and_stands_in_for_every_language() -> None:
    """One text is enough; with several, English stands in, and without English the first."""
    plain = load(policy_with("Remove it")).approval("anything")
    assert plain is not None
    assert plain.in_language("de") == plain.in_language("en") == Template(("Remove it",))
    both = load(policy_with("{de: Weg, en: Away}")).approval("anything")
    assert both is not None
    assert [both.in_language(one).format() for one in ("de", "en", "fr", "")] == [
        "Weg",
        "Away",
        "Away",
        "Away",
    ]
    assert Approval({"de": parse_template("Weg"), "fr": parse_template("Ôter")}).language_for("en") == "de"


def test_an_action_has_the_words_of_the_row_that_holds_for_it() -> None:
    """An exact name goes before a pattern, a longer pattern before a shorter one, as for all else."""
    rows = (
        '"*": {sensitivity: 1, demand: none}\n'
        '  "a.*": {sensitivity: 1, demand: none, approve: short}\n'
        '  "a.b.*": {sensitivity: 1, demand: none, approve: longer}\n'
        "  a.b.c: {sensitivity: 1, demand: none, approve: exact}\n"
        "  a.silent: {sensitivity: 1, demand: none}"
    )
    policy = load(MINIMAL.replace('"*": {sensitivity: 1, demand: none}', rows))

    def words(action: str) -> str | None:
        found = policy.approval(action)
        return None if found is None else found.in_language("en").format()

    assert [words(one) for one in ("a.x", "a.b.x", "a.b.c")] == ["short", "longer", "exact"]
    assert words("a.silent") is None
    assert words("else") is None


def test_words_are_part_of_the_policy_s_hash() -> None:
    """Who changes what people read changes the policy, and that stands in the log."""
    assert load(policy_with("Pay {a}")).hash != load(policy_with("Pay {b}")).hash


def test_the_shipped_policy_has_words_in_english_and_german() -> None:
    """What must be proved for itself is named; only transfers and payments name parameters."""
    policy = load(default_text())
    named = {name: action.approve for name, action in policy.actions.items() if action.approve is not None}
    assert {"transfer", "payment", "mail.change", "factor.*", "export", "*.export"} < set(named)
    payee = {"amount", "to"}
    own = {"transfer": payee, "payment": payee, "openid.step_up": {"application"}}
    for name, words in named.items():
        assert set(words.templates) == {"en", "de"}
        fields = {place.name for place in words.in_language("en").placeholders}
        assert fields == own.get(name, set())


def test_every_currency_in_use_is_known_with_the_decimals_of_the_standard() -> None:
    """All legal tender of CLDR's tables; the exponents that CLDR itself has otherwise, because of cash."""
    periods = get_global("territory_currencies").values()
    tender = {code for found in periods for code, _, end, legal in found if legal and end is None}
    assert tender
    assert tender <= set(EXPONENTS)
    shown = {
        code: EXPONENTS[code] for code in ("EUR", "HUF", "IDR", "JPY", "KRW", "IQD", "KWD", "CLF", "MRU")
    }
    assert shown == {"EUR": 2, "HUF": 2, "IDR": 2, "JPY": 0, "KRW": 0, "IQD": 3, "KWD": 3, "CLF": 4, "MRU": 2}


def test_the_page_s_example_loads() -> None:
    """What ``docs/policy.md`` shows under "What is approved, in words" is a policy's actions, and works."""
    section = DOCS.split("## What is approved, in words")[1].split("\n## ")[0]
    rows = "\n".join(line[4:] for line in re.findall(r"^    .*$", section, flags=re.MULTILINE))
    policy = load(MINIMAL.replace('actions:\n  "*": {sensitivity: 1, demand: none}', rows, 1))
    found = policy.approval("transfer")
    assert found is not None
    assert set(found.templates) == {"en", "de"}
    assert policy.approval("factor.remove") is not None
    for kind in KINDS:
        assert f"`{kind}" in section or f"|{kind}" in section
