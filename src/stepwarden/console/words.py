r"""What is approved, in words: the policy's template with the attempt's values in it, and every value by itself.

>>> from stepwarden.policy.approval import parse_template
>>> approval = Approval({"en": parse_template("Transfer {amount|money currency} to {to|account}")})
>>> asked = {"amount": 120_000, "currency": "EUR", "to": "DE89370400440532013000"}
>>> words = approval_words(approval, action="transfer", resource="", parameters=asked, language="en")
>>> words.sentence
'Transfer 1,200.00 EUR to DE89 3704 0044 0532 0130 00'
>>> words.details
(('Action', 'transfer'), ('amount', '120000'), ('currency', 'EUR'), ('to', 'DE89370400440532013000'))

``details`` has the action, the resource and all parameters as the application sent them: whatever the template
leaves out or cannot show, nothing that is approved is hidden. Nothing here raises, whatever the values are: one
that is missing, or not of its format's type, is named as such in the sentence.

A value comes from the application, and often from somebody who wants this person to approve something else. So:

1. A value is put in once and never read as a template.
2. A text is in quotation marks, those within it marked by ``\``: it cannot go on as if it were our sentence.
3. What cannot be seen, breaks the line or turns the direction of writing is shown as ``\u{202e}``, see ``visible``.
   Neither isolated only, nor dropped: an isolate hides what is in it and can be closed from within, and
   without its zero-width characters another value would be shown than the one that is approved.
4. Letters that are written from right to left are honest and stay. Where there are any, each value stands between
   U+2068 and U+2069, so that it cannot reorder its neighbours; no value can contain the two, see 3.
5. A text that mixes scripts (a Cyrillic letter in a Latin name) is shown as it is, and in ``details`` once more,
   spelled out. A whole name in letters of another script that look alike is not noticed.
6. Money has its ISO code, never a sign that several currencies share, and all decimals that ISO 4217 gives it.

All texts are plain: escaping them for HTML is the page's work. Not here: the templates (they are the policy's).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Final, assert_never

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, format_decimal

from stepwarden.console.visible import grouped, mixes_scripts, quoted, right_to_left, spelled_out, visible
from stepwarden.policy.approval import RESOURCE, Approval, Placeholder
from stepwarden.policy.currencies import EXPONENTS

Value = str | int | bool

MAX_SHOWN: Final = 120
"""So many characters of a text stand in the sentence; the details have all of it."""

MAX_NUMBER: Final = 10**24
"""From here on a number is no amount that anybody means, and is shown in hexadecimal, and only as a detail."""

_DIGITS: Final = 40
_ISOLATE, _ISOLATED = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Words:
    """``sentence``: what is approved. ``details``: label and value of everything that is, the action first."""

    sentence: str
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phrases:
    """Our own words in one language. ``do`` stands before and after the name of an action."""

    do: tuple[str, str]
    action: str
    resource: str
    missing: str
    wrong: str
    no_currency: str
    empty: str
    longer: str
    yes: str
    no: str


_PHRASES: Final = {
    "en": _Phrases(
        do=("Do ", ""),
        action="Action",
        resource="Resource",
        missing="({} not given)",
        wrong="({} not readable)",
        no_currency="({} in an unknown currency)",
        empty="(empty)",
        longer="… ({} characters)",
        yes="yes",
        no="no",
    ),
    "de": _Phrases(
        do=("Aktion ", " ausführen"),
        action="Aktion",
        resource="Ressource",
        missing="({} nicht angegeben)",
        wrong="({} nicht lesbar)",
        no_currency="({} in unbekannter Währung)",
        empty="(leer)",
        longer="… ({} Zeichen)",
        yes="ja",
        no="nein",
    ),
}


def approval_words(
    approval: Approval | None,
    *,
    action: str,
    resource: str,
    parameters: Mapping[str, Value],
    language: str,
) -> Words:
    """What a person is asked to approve.

    Args:
        approval: the policy's words for this action; without any, the action's name has to do.
        resource: empty where the attempt has none.
        language: of the page, by BCP 47; only its first part counts. Where the policy has no text in it, the
            sentence is in the language that stands in, numbers included: in an English sentence, ``1,200`` must
            not mean one and a fifth.
    """
    primary = language.replace("_", "-").partition("-")[0].lower()
    # A parameter that is called "resource" is not the resource.
    values = {name: value for name, value in parameters.items() if name != RESOURCE}
    if resource:
        values[RESOURCE] = resource
    return Words(
        sentence=_named(action, _phrases(primary)) if approval is None else _said(approval, values, primary),
        details=_details(action, resource, parameters, _phrases(primary)),
    )


def _named(action: str, phrases: _Phrases) -> str:
    before, after = phrases.do
    return _joined([(before, False), (_text(action, phrases), True), (after, False)])


def _said(approval: Approval, values: Mapping[str, Value], language: str) -> str:
    chosen = approval.language_for(language)
    phrases, locale = _phrases(chosen), _locale(chosen)
    return _joined(
        [
            (part, False) if isinstance(part, str) else (_shown(part, values, phrases, locale), True)
            for part in approval.in_language(chosen).parts
        ]
    )


def _joined(parts: list[tuple[str, bool]]) -> str:
    """All parts; those marked as values are isolated if writing goes from right to left anywhere."""
    if not any(right_to_left(text) for text, _ in parts):
        return "".join(text for text, _ in parts)
    return "".join(f"{_ISOLATE}{text}{_ISOLATED}" if value else text for text, value in parts)


def _shown(place: Placeholder, values: Mapping[str, Value], phrases: _Phrases, locale: Locale) -> str:
    value = values.get(place.name)
    if value is None:
        return phrases.missing.format(place.name)
    match place.kind:
        case "text":
            return _text(value, phrases)
        case "account":
            if isinstance(value, bool):
                return phrases.wrong.format(place.name)
            return grouped(_plain(value)) or _text(value, phrases)
        case "number" | "money":
            if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= MAX_NUMBER:
                return phrases.wrong.format(place.name)
            with localcontext(prec=_DIGITS):
                if place.kind == "number":
                    return format_decimal(Decimal(value), locale=locale)
                return _money(place, value, values, phrases, locale)
        case _:
            assert_never(place.kind)


def _money(
    place: Placeholder, value: int, values: Mapping[str, Value], phrases: _Phrases, locale: Locale
) -> str:
    code = place.currency if place.code else values.get(place.currency)
    if code is None:
        return phrases.missing.format(place.currency)
    exponent = EXPONENTS.get(code) if isinstance(code, str) else None
    if not isinstance(code, str) or exponent is None:
        return phrases.no_currency.format(place.name)
    # Our own pattern: CLDR's decimals are those of cash, and its signs are shared ($).
    pattern = f"#,##0{'.' if exponent else ''}{'0' * exponent} ¤¤"
    amount = Decimal(value).scaleb(-exponent)
    return format_currency(amount, code, format=pattern, locale=locale, currency_digits=False)


def _text(value: Value, phrases: _Phrases) -> str:
    """A text in quotation marks, shortened where it is long; a number or a truth without."""
    if isinstance(value, bool):
        return phrases.yes if value else phrases.no
    text = _plain(value)
    cut = text[:MAX_SHOWN]
    more = phrases.longer.format(len(text)) if len(text) > MAX_SHOWN else ""
    return (quoted(cut) if isinstance(value, str) else cut) + more


def _plain(value: Value) -> str:
    """The value's characters, as they came."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) >= MAX_NUMBER:
        return hex(value)  # str() gives up at 4,300 digits
    return str(value)


def _details(
    action: str, resource: str, parameters: Mapping[str, Value], phrases: _Phrases
) -> tuple[tuple[str, str], ...]:
    rows: list[tuple[str, Value]] = [(phrases.action, action)]
    if resource:
        rows.append((phrases.resource, resource))
    rows += [(name, parameters[name]) for name in sorted(parameters)]
    return tuple((_detail(label, phrases), _detail(value, phrases)) for label, value in rows)


def _detail(value: Value, phrases: _Phrases) -> str:
    text = _plain(value)
    shown = visible(text) or phrases.empty
    if mixes_scripts(text) and (spelled := spelled_out(text)) != shown:
        shown += f" ({spelled})"
    return f"{_ISOLATE}{shown}{_ISOLATED}" if right_to_left(shown) else shown


def _phrases(language: str) -> _Phrases:
    return _PHRASES.get(language, _PHRASES["en"])


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    """How numbers are written in a language of the policy; English where the tables do not know it."""
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return Locale("en")
