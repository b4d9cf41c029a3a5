"""What an action is called when a person is asked to approve it: a text with places for its parameters.

>>> template = parse_template("Transfer {amount|money currency} to {to|account}")
>>> template.parts[1]
Placeholder(name='amount', kind='money', currency='currency')
>>> template.format()
'Transfer {amount|money currency} to {to|account}'
>>> parse_template("Transfer {amount|cash}")
Traceback (most recent call last):
  ...
stepwarden.errors.PolicyError: there is no format 'cash'; known are money, account, number

In words: ``{name}`` stands for the parameter of that name, ``{resource}`` for the attempt's resource, ``{{`` and
``}}`` for braces. After ``|`` comes how it is shown:

* nothing: as a text;
* ``account``: an IBAN, or a number of eight digits or more, in groups of four, every character of it;
* ``number``: a whole number with the language's separators;
* ``money CURRENCY``: a whole number of minor units (cents). CURRENCY is a code of ISO 4217 in capitals, or the
  name of the parameter that holds one.

A template has exactly one text, so ``{to|text}`` or a blank within the braces is refused. At most 300
characters and 12 placeholders. Characters that cannot be seen or that turn the direction of writing are refused:
what is read in the policy is what is read on the page.

Not here: how it looks with the values in it (``console.words``), and where in the file a mistake stands
(``loader``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast

from stepwarden.errors import PolicyError
from stepwarden.policy.cel.check import similar
from stepwarden.policy.currencies import EXPONENTS

MAX_TEXT, MAX_PLACEHOLDERS = 300, 12
FALLBACK: Final = "en"
"""The language of a text that names none, and the one that stands in for any that is missing."""

RESOURCE: Final = "resource"
KINDS: Final = ("money", "account", "number")
Kind = Literal["text", "money", "account", "number"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_CODE = re.compile(r"[A-Z]{3}")
# Spelled out, not asked of the Unicode tables: those differ between versions of Python, and a policy that loaded
# once has to load for ever. The joiners U+200C and U+200D are let through: Persian and Hindi are spelled with them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Where a value goes. ``currency``, of money only: a code (see ``code``) or a parameter's name."""

    name: str
    kind: Kind = "text"
    currency: str = ""

    @property
    def code(self) -> bool:
        """Whether ``currency`` is a code itself, not the name of a parameter."""
        return _CODE.fullmatch(self.currency) is not None

    def format(self) -> str:
        """As it stands in a policy, with its braces."""
        shown = "" if self.kind == "text" else f"|{self.kind}"
        return f"{{{self.name}{shown}{' ' if self.currency else ''}{self.currency}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """Texts, without doubled braces, and placeholders, in their order; no two texts are neighbours."""

    parts: tuple[str | Placeholder, ...]

    @property
    def placeholders(self) -> frozenset[Placeholder]:
        return frozenset(part for part in self.parts if isinstance(part, Placeholder))

    def format(self) -> str:
        """The text that ``parse_template`` read."""
        return "".join(
            part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else part.format()
            for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class Approval:
    """One template for each language, by its BCP 47 primary tag; there is at least one."""

    templates: Mapping[str, Template]

    def language_for(self, language: str) -> str:
        """The language that is used for this one: itself, else English, else the first in the policy."""
        for one in (language, FALLBACK):
            if one in self.templates:
                return one
        return next(iter(self.templates))

    def in_language(self, language: str) -> Template:
        return self.templates[self.language_for(language)]


def parse_template(text: str) -> Template:
    """Read what ``Template.format`` writes, and nothing else.

    Raises:
        PolicyError: for every other text; ``line`` is 1, ``column`` counts from the text's start.
    """
    if not text.strip() or len(text) > MAX_TEXT:
        raise _fault(f"approve: expected 1 to {MAX_TEXT} characters that say what is approved", 0)
    parts: list[str | Placeholder] = []
    literal, at = "", 0
    while at < len(text):
        if text.startswith(("{{", "}}"), at):
            literal += text[at]
            at += 2
        elif text[at] == "{":
            found, end = _placeholder(text, at)
            parts += [literal, found] if literal else [found]
            literal, at = "", end
            if sum(isinstance(part, Placeholder) for part in parts) > MAX_PLACEHOLDERS:
                raise _fault(f"approve: at most {MAX_PLACEHOLDERS} placeholders", at - len(found.format()))
        else:
            literal += _plain(text, at)
            at += 1
    return Template((*parts, literal) if literal else tuple(parts))


def _plain(text: str, at: int) -> str:
    if text[at] == "}":
        raise _fault("a brace that closes nothing; expected }} for a brace", at)
    if _UNSEEN.match(text[at]):
        raise _fault(f"expected characters that can be seen, found U+{ord(text[at]):04X}", at)
    return text[at]


def _placeholder(text: str, start: int) -> tuple[Placeholder, int]:
    """The placeholder whose brace opens at ``start``, and the offset after its closing one."""
    end = text.find("}", start)
    if end < 0:
        raise _fault("this brace is never closed; expected {name}, or {{ for a brace", start)
    name = _NAME.match(text, start + 1, end)
    if name is None:
        raise _fault("expected the name of a parameter after {", start + 1)
    at = name.end()
    if at == end:
        return Placeholder(name[0]), end + 1
    if text[at] != "|":
        raise _fault(f"expected | or }} after {name[0]!r}, found {text[at]!r}", at)
    kind, blank, currency = text[at + 1 : end].partition(" ")
    if kind == "text":
        raise _fault(f"text is how it is shown anyway; expected {{{name[0]}}}", at)
    if kind not in KINDS:
        hint = similar(kind, dict.fromkeys(KINDS)) or f"; known are {', '.join(KINDS)}"
        raise _fault(f"there is no format {kind!r}{hint}", at + 1)
    if kind == "money":
        _check_currency(currency, at + 1 + len(kind) + len(blank))
    elif blank:
        raise _fault(f"expected }} after {kind}", at + 1 + len(kind))
    return Placeholder(name[0], cast(Kind, kind), currency), end + 1


def _check_currency(currency: str, at: int) -> None:
    if not _NAME.fullmatch(currency):
        raise _fault("money: expected a currency (EUR), or the name of the parameter that holds it", at)
    if _CODE.fullmatch(currency) and currency not in EXPONENTS:
        hint = similar(currency, EXPONENTS)
        raise _fault(f"there is no currency {currency!r} in ISO 4217{hint}", at)


def _fault(message: str, at: int) -> PolicyError:
    return PolicyError(message, line=1, column=at + 1)
