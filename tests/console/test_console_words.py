"""The words that a person approves: readable, complete, and not to be turned by what stands in a parameter."""

import doctest
import re
import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.console import visible as visible_module
from stepwarden.console import words as words_module
from stepwarden.console.visible import grouped, mixes_scripts, visible
from stepwarden.console.words import Words, approval_words
from stepwarden.policy.approval import Approval, parse_template
from stepwarden.policy.currencies import EXPONENTS
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load

IBAN = "DE89370400440532013000"
TRANSFER = load(default_text()).approval("transfer")
PAY: Mapping[str, str | int | bool] = {"amount": 120_000, "currency": "EUR", "to": IBAN}


def say(
    template: str | dict[str, str] | None,
    language: str = "en",
    /,
    resource: str = "",
    **values: str | int | bool,
) -> Words:
    texts = {"en": template} if isinstance(template, str) else template
    approval = texts and Approval({key: parse_template(text) for key, text in texts.items()})
    return approval_words(
        approval or None, action="transfer", resource=resource, parameters=values, language=language
    )


def transfer(language: str = "en", **values: str | int | bool) -> Words:
    """The shipped transfer, with these parameters instead of the usual ones."""
    return approval_words(
        TRANSFER, action="transfer", resource="", parameters={**PAY, **values}, language=language
    )


@pytest.mark.parametrize("module", [words_module, visible_module])
def test_examples_in_the_docstrings_run(module: object) -> None:
    """What the modules say of themselves is true."""
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted
    assert not found.failed


def test_a_transfer_reads_as_a_person_would_say_it() -> None:
    """In both languages, with the language's separators and the account by fours."""
    assert transfer().sentence == "Transfer 1,200.00 EUR to DE89 3704 0044 0532 0130 00"
    assert transfer("de").sentence == "1.200,00 EUR an DE89 3704 0044 0532 0130 00 überweisen"
    assert transfer("de-AT").sentence == transfer("de").sentence
    assert (
        transfer("fr").sentence
        == transfer("../../etc").sentence
        == transfer("").sentence
        == transfer().sentence
    )


def test_numbers_are_written_in_the_language_of_the_sentence() -> None:
    """On a German page an English sentence has English numbers: 1,200 must not be read as one and a fifth."""
    assert say("Pay {n|number}", "de", n=1_200).sentence == "Pay 1,200"
    assert say({"de": "Zahle {n|number}"}, "en", n=1_200).sentence == "Zahle 1.200"
    assert say({"zz": "Zz {n|number}"}, "zz", n=1_200).sentence == "Zz 1,200"


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (120_000, "EUR", "1,200.00 EUR"),
        (120_000, "JPY", "120,000 JPY"),
        (120_000, "KWD", "120.000 KWD"),
        (120_000, "CLF", "12.0000 CLF"),
        (120_050, "HUF", "1,200.50 HUF"),
        (5, "EUR", "0.05 EUR"),
        (0, "EUR", "0.00 EUR"),
        (-120_000, "EUR", "-1,200.00 EUR"),
        (-1, "KWD", "-0.001 KWD"),
        (2**53 - 1, "EUR", "90,071,992,547,409.91 EUR"),
        (10**24 - 1, "EUR", "9,999,999,999,999,999,999,999.99 EUR"),
    ],
)
def test_money_has_the_decimals_of_its_currency_and_its_sign(amount: int, currency: str, shown: str) -> None:
    """Minor units by ISO 4217, never rounded as cash is; a negative amount is seen to be one."""
    assert say("{a|money c}", a=amount, c=currency).sentence == shown
    assert say(f"{{a|money {currency}}}", a=amount).sentence == shown


@settings(max_examples=200, deadline=None)
@given(
    st.integers(-(10**24) + 1, 10**24 - 1),
    st.sampled_from(sorted(EXPONENTS)),
    st.sampled_from(["en", "de", "fr"]),
)
def test_no_digit_of_an_amount_is_lost(amount: int, currency: str, language: str) -> None:
    """The digits on the page are the digits that are approved, whatever the currency and the language."""
    shown = say({language: "{a|money c}"}, language, a=amount, c=currency).sentence
    assert int("".join(re.findall("[0-9]", shown))) == abs(amount)
    assert shown.endswith(currency)
    assert shown.startswith("-") == (amount < 0)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "Transfer (amount not given) to (to not given)"),
        ({"to": "x"}, 'Transfer (amount not given) to "x"'),
        ({"amount": 1, "to": "x"}, 'Transfer (currency not given) to "x"'),
        ({"amount": True, "currency": "EUR", "to": "x"}, 'Transfer (amount not readable) to "x"'),
        ({"amount": "120000", "currency": "EUR", "to": "x"}, 'Transfer (amount not readable) to "x"'),
        ({"amount": 10**5000, "currency": "EUR", "to": "x"}, 'Transfer (amount not readable) to "x"'),
        ({"amount": 1, "currency": "eur", "to": "x"}, 'Transfer (amount in an unknown currency) to "x"'),
        ({"amount": 1, "currency": "XAU", "to": "x"}, 'Transfer (amount in an unknown currency) to "x"'),
        ({"amount": 1, "currency": 978, "to": "x"}, 'Transfer (amount in an unknown currency) to "x"'),
        ({"amount": 1, "currency": "", "to": ""}, 'Transfer (amount in an unknown currency) to ""'),
        ({"amount": 1, "currency": "EUR", "to": True}, "Transfer 0.01 EUR to (to not readable)"),
        ({"amount": 1, "currency": "EUR", "to": 12345678}, "Transfer 0.01 EUR to 1234 5678"),
        ({"amount": 1, "currency": "EUR", "to": -12345678}, "Transfer 0.01 EUR to -12345678"),
    ],
)
def test_what_is_missing_or_of_another_type_is_said(
    values: dict[str, str | int | bool], sentence: str
) -> None:
    """Nothing raises, nothing is left blank, and all that came is in the details."""
    found = approval_words(TRANSFER, action="transfer", resource="", parameters=values, language="en")
    assert found.sentence == sentence
    assert [label for label, _ in found.details] == ["Action", *sorted(values)]


def test_what_is_missing_is_said_in_german_too() -> None:
    """Our own words are in the language of the sentence."""
    assert transfer("de", amount=True).sentence.startswith("(amount nicht lesbar) an ")
    assert say({"de": "{ok}, {n|number}"}, "de", ok=True).sentence == "ja, (n nicht angegeben)"


def test_an_action_without_words_is_called_by_its_name() -> None:
    """The name in quotation marks, and every parameter below it."""
    found = say(None, resource="account/7", b=True, a=7)
    assert found.sentence == 'Do "transfer"'
    assert found.details == (
        ("Action", "transfer"),
        ("Resource", "account/7"),
        ("a", "7"),
        ("b", "true"),
    )
    assert say(None, "de").sentence == 'Aktion "transfer" ausführen'


def test_texts_numbers_and_truths_can_be_told_apart() -> None:
    """A text has quotation marks; a number and a truth have none."""
    assert say("{a} {b} {c}", a="7", b=7, c=False).sentence == '"7" 7 no'


def test_an_account_is_shown_whole() -> None:
    """Grouped or not, no character of an account is hidden; what is no number is quoted and not cut up."""
    assert grouped("1234 5678 90") == "1234 5678 90"
    assert transfer(to="GB33 BUKB 2020 1555 5555 55").sentence.endswith("to GB33 BUKB 2020 1555 5555 55")
    assert transfer(to="1234567").sentence.endswith('to "1234567"')
    assert transfer(to="alice.smith").sentence.endswith('to "alice.smith"')
    assert transfer(to="9" * 40).sentence.endswith("to " + " ".join(["9999"] * 10))


def test_attack_details_leave_nothing_out() -> None:
    """A policy that names less than is approved: the person sees the rest, the action and the resource included."""
    found = say("Confirm your account", resource="account/7", to="mallory", amount=9, note="")
    assert found.sentence == "Confirm your account"
    assert found.details == (
        ("Action", "transfer"),
        ("Resource", "account/7"),
        ("amount", "9"),
        ("note", "(empty)"),
        ("to", "mallory"),
    )


def test_attack_a_parameter_called_resource_is_not_the_resource() -> None:
    """The placeholder stands for the attempt's resource; the parameter of that name is only a detail."""
    approval = Approval({"en": parse_template("Open {resource}")})
    for resource, shown in (("vault/1", 'Open "vault/1"'), ("", "Open (resource not given)")):
        found = approval_words(
            approval, action="open", resource=resource, parameters={"resource": "fake"}, language="en"
        )
        assert found.sentence == shown
        assert ("resource", "fake") in found.details


@pytest.mark.parametrize(
    "hidden",
    ["\u202e", "\u2066", "\u2069", "\u200f", "\u200b", "\u200d", "\u2060", "\ufeff", "\xad", "\x00", "\n", "\r",
     "\x0b", "\x85", "\u2028", "\u2029", "\t", "\xa0", "\u2003", "\u3000", "\u034f", "\u115f", "\u3164", "\u2800",
     "\ufe0f", "\U000e0041", "\U000e0101", "\ue000", "\ud800", "\U0010ffff"],
)  # fmt: skip
def test_attack_a_payee_made_to_look_like_another_by_what_is_not_seen(hidden: str) -> None:
    """Direction, zero width, line ends, fillers: each is seen as its escape, in sentence, value and label."""
    payee = f"alice{hidden}bob"
    found = approval_words(
        TRANSFER, action="transfer", resource="", parameters={**PAY, "to": payee, payee: 1}, language="en"
    )
    escape = f"\\u{{{ord(hidden):x}}}"
    assert found.sentence == f'Transfer 1,200.00 EUR to "alice{escape}bob"'
    assert ("to", f"alice{escape}bob") in found.details
    assert (f"alice{escape}bob", "1") in found.details


def test_attack_an_iban_with_something_unseen_in_it_is_no_iban() -> None:
    """It is not grouped as if it were the account that it looks like."""
    found = transfer(to=IBAN[:4] + "\u200b" + IBAN[4:])
    assert found.sentence.endswith('to "DE89\\u{200b}370400440532013000"')


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_attack_two_payees_that_differ_never_read_the_same(one: str, other: str) -> None:
    """Escaping is one to one, idle blanks and written-out escapes included, and what it gives can be seen."""
    assert (visible(one) == visible(other)) == (one == other)
    for char in visible(one):
        assert char == " " or char.isprintable()
    assert not re.search(r"^ | $|  ", visible(one))
    assert visible("\u202e") != visible(r"\u{202e}")


def test_attack_a_stack_of_accents_stays_in_its_line() -> None:
    """Two accents are spelling; from the third on, and without a letter, they are escaped."""
    assert visible("e\u0302\u0301") == "e\u0302\u0301"
    assert visible("e" + "\u0301" * 3) == "e\u0301\u0301\\u{301}"
    assert visible("\u0301e") == "\\u{301}e"


def test_attack_a_value_with_a_placeholder_is_not_filled_in() -> None:
    """No second substitution, neither of ours nor of a formatting language."""
    for text in ("{amount}", "{{amount}}", "{0}", "{0.__class__}", "%s", "{amount|money EUR}", "{{ 7*7 }}"):
        assert transfer(to=text).sentence == f'Transfer 1,200.00 EUR to "{text}"'
    assert say(None).sentence == 'Do "transfer"'
    found = approval_words(None, action="{0}{}", resource="", parameters={"{to}": "x"}, language="de")
    assert found.sentence == 'Aktion "{0}{}" ausführen'
    assert found.details[1] == ("{to}", "x")


def test_attack_a_value_cannot_go_on_as_if_it_were_our_sentence() -> None:
    """It ends where its quotation mark does; whatever looks like one within it is marked."""
    for mark in '"“”„＂':
        sentence = transfer(to=f"Alice{mark} of 1.00 EUR (confirmed), not to {mark}Bob").sentence
        body = sentence.removeprefix('Transfer 1,200.00 EUR to "').removesuffix('"')
        assert body == f"Alice\\{mark} of 1.00 EUR (confirmed), not to \\{mark}Bob"


def test_attack_a_huge_value_does_not_push_the_rest_away() -> None:
    """The sentence has its beginning and its length, and goes on; the details have all of it."""
    payee = "alice" + "x" * 100_000 + "mallory"
    found = say("To {to}, for {n|number}", to=payee, n=5)
    assert found.sentence == f'To "{payee[:120]}"… (100,012 characters), for 5'.replace("100,012", "100012")
    assert ("to", payee) in found.details
    number = dict(say("{n} {n|account}", n=10**9000).details)["n"]
    assert int(number, 16) == 10**9000
    assert len(say("{n} {n|account}", n=10**9000).sentence) < 400


def test_attack_html_in_a_value_is_text() -> None:
    """The words are plain text, unchanged, for the page to escape."""
    html = "<b onmouseover='x'>&amp;</b>"
    found = transfer(to=html)
    assert found.sentence == f'Transfer 1,200.00 EUR to "{html}"'
    assert ("to", html) in found.details


def test_attack_a_homograph_is_spelled_out_in_the_details() -> None:
    """A Cyrillic letter in a Latin name, a foreign digit in a number: shown as it is, and with its escape."""
    found = transfer(to="Аlice")
    assert found.sentence.endswith('to "Аlice"')
    assert ("to", "Аlice (\\u{410}lice)") in found.details
    iban = transfer(to=IBAN.replace("E", "Е"))
    assert iban.sentence.endswith(f'to "{IBAN.replace("E", "Е")}"')
    assert ("to", "DЕ89370400440532013000 (D\\u{415}89370400440532013000)") in iban.details
    assert mixes_scripts("1২34")
    assert mixes_scripts("pаypal")
    assert mixes_scripts("ｐaypal")


def test_honest_names_of_every_script_are_left_alone() -> None:
    """No warning for a name in one script, with accents or digits, or for the scripts that East Asia mixes."""
    for name in (
        "Zoë Müller 2",
        "Ромашка",
        "Ελένη",
        "山田タロウさん",
        "김철수",
        "שלום",
        "محمد",
        "O'Neil-Smith",
    ):
        assert not mixes_scripts(name)
        assert visible(name) == name


def test_attack_a_payee_written_from_right_to_left_does_not_reorder_the_amount() -> None:
    """Where any value has such letters each is isolated, without a control character of the value's own."""
    found = say("To {to} {amount|money EUR} now", to="שלום 1", amount=2_000)
    assert found.sentence == 'To \u2068"שלום 1"\u2069 \u206820.00 EUR\u2069 now'
    assert ("to", "\u2068שלום 1\u2069") in found.details
    closing = say("To {to} {amount|money EUR} now", to="\u2069שלום", amount=2_000).sentence
    assert closing == 'To \u2068"\\u{2069}שלום"\u2069 \u206820.00 EUR\u2069 now'
    assert "\u2068" not in transfer().sentence


VALUES = st.one_of(st.text(max_size=20), st.integers(), st.booleans())
NAMES = st.sampled_from(["amount", "currency", "to", "resource"]) | st.text(max_size=8)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(NAMES, VALUES, max_size=6),
    st.text(max_size=10),
    st.text(max_size=10),
    st.sampled_from(["en", "de", "he", ""]) | st.text(max_size=5),
    st.booleans(),
)
def test_nothing_raises_and_nothing_is_hidden(
    parameters: dict[str, str | int | bool], action: str, resource: str, language: str, named: bool
) -> None:
    """Whatever comes, there is a sentence of one line and a row for everything, and isolates are in pairs."""
    found = approval_words(
        TRANSFER if named else None,
        action=action,
        resource=resource,
        parameters=parameters,
        language=language,
    )
    assert found.sentence
    assert len(found.details) == 1 + bool(resource) + len(parameters)
    for text in (found.sentence, *(cell for row in found.details for cell in row)):
        assert text.count("\u2068") == text.count("\u2069")
        assert text
        unseen = {unicodedata.category(char) for char in text.replace("\u2068", "").replace("\u2069", "")}
        assert not unseen & {"Cc", "Cf", "Cs", "Zl", "Zp"}
