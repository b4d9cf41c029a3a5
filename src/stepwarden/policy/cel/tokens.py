"""Expression text to tokens, as the CEL specification's lexis has them.

>>> [(t.kind, t.value) for t in tokens("a >= 0x10 // why")]
[('name', 'a'), ('op', '>='), ('int', 16), ('end', '')]

Errors are ``PolicyError`` with line 1 and the column in the expression; ``policy.fields`` maps both into the file.
"""

import re
from dataclasses import dataclass
from typing import Literal

from stepwarden.errors import PolicyError

INT_MAX = 2**63 - 1
RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"),
        *("namespace", "null", "package", "return", "var", "void", "while"),
    }
)

TokenKind = Literal["int", "text", "name", "op", "end"]
_SPACE = re.compile(r"(?:[ \t\r\n\f]+|//[^\n]*)+")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OP = re.compile(r"\|\||&&|==|!=|<=|>=|[-+*/%!<>?:()\[\],.]")
_STRING = re.compile(
    r"(?P<raw>[rR]?)(?P<q>'''|\"\"\"|'|\")",
)
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "?": "?", '"': '"', "'": "'", "`": "`",
}  # fmt: skip
_NUMERIC = re.compile(r"[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}")


@dataclass(frozen=True, slots=True)
class Token:
    kind: TokenKind
    value: int | str
    at: int


def fault(message: str, at: int) -> PolicyError:
    """An error that points at offset ``at`` of the expression."""
    return PolicyError(message, line=1, column=at + 1)


def tokens(text: str) -> list[Token]:
    """All tokens, the last of kind ``end``.

    Raises:
        PolicyError: something that no expression of the subset can hold.
    """
    found: list[Token] = []
    at = 0
    while True:
        if space := _SPACE.match(text, at):
            at = space.end()
        if at == len(text):
            found.append(Token("end", "", at))
            return found
        token, at = _next(text, at)
        found.append(token)


def _next(text: str, at: int) -> tuple[Token, int]:
    if opening := _STRING.match(text, at):
        return _string(text, at, opening)
    if number := _NUMBER.match(text, at):
        return _number(text, at, number.group()), number.end()
    if name := _NAME.match(text, at):
        word = name.group()
        if word in RESERVED:
            raise fault(f"{word!r} is a reserved word; expected the name of a signal", at)
        if word == "in":
            return Token("op", "in", at), name.end()
        return Token("name", word, at), name.end()
    if op := _OP.match(text, at):
        return Token("op", op.group(), at), op.end()
    hint = {"&": "; 'and' is written &&", "|": "; 'or' is written ||", "=": "; 'equal' is written =="}
    raise fault(f"{text[at]!r} has no meaning here{hint.get(text[at], '')}", at)


def _number(text: str, at: int, digits: str) -> Token:
    after = text[at + len(digits) : at + len(digits) + 1]
    if after == "." or after in ("e", "E"):
        raise fault("numbers are whole here; decimals do not exist in rules", at)
    if after and (after.isalnum() or after == "_"):
        raise fault(f"{digits + after!r} is neither a number nor a name", at)
    if len(digits) > 20:
        raise fault("the number does not fit into 64 bits", at)
    value = int(digits, 16) if digits[:2] in ("0x", "0X") else int(digits)
    # One more than the largest: only right after a minus sign, which the parser sees to.
    if value > INT_MAX + 1:
        raise fault("the number does not fit into 64 bits", at)
    return Token("int", value, at)


def _string(text: str, start: int, opening: re.Match[str]) -> tuple[Token, int]:
    quote, raw = opening["q"], bool(opening["raw"])
    parts: list[str] = []
    at = opening.end()
    while not text.startswith(quote, at):
        if at >= len(text) or (len(quote) == 1 and text[at] in "\r\n"):
            raise fault("the text is not closed; expected " + quote, start)
        if text[at] != "\\":
            parts.append(text[at])
            at += 1
        elif raw:
            # In a raw text the backslash stays, and the quote after it does not close.
            parts.append(text[at : at + 2])
            at += 2
        else:
            part, at = _escape(text, at)
            parts.append(part)
    if raw and at > len(text):
        raise fault("the text is not closed; expected " + quote, start)
    return Token("text", "".join(parts), start), at + len(quote)


def _escape(text: str, at: int) -> tuple[str, int]:
    letter = text[at + 1 : at + 2]
    if letter in _SIMPLE:
        return _SIMPLE[letter], at + 2
    if number := _NUMERIC.match(text, at + 1):
        digits = number.group()
        code = int(digits, 8) if digits[0].isdigit() else int(digits[1:], 16)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise fault("no such character", at)
        return chr(code), number.end()
    raise fault(f"'\\{letter}' is no escape; a backslash itself is written \\\\", at)
