r"""Texts that came from outside, so that a person sees every character of them.

>>> visible("Anna\u200b  Smith\u202e"), quoted('the "Post"')
('Anna\\u{200b} \\u{20}Smith\\u{202e}', '"the \\"Post\\""')
>>> mixes_scripts("Аnna"), spelled_out("Аnna")
(True, '\\u{410}nna')

Two different texts never look the same because of an escape: a backslash is doubled. Escaped is

* what has no picture: controls, line and paragraph ends, format characters (zero-width, direction), the
  fillers and selectors that Unicode has browsers ignore, code points that are private, halved or not assigned;
* a blank other than U+0020, and one that HTML would drop: at an end, or after another;
* an accent without a letter, and from the third on one letter: stacks of them reach into other lines.

The texts are plain. Not here: what is escaped for HTML (the templates), and isolating (``words``).
"""

import re
import unicodedata
from typing import Final

_UNSEEN: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Default_Ignorable_Code_Point that is no format character, and the empty pattern of Braille.
_FILLERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_QUOTES = re.compile('["“”„‟″‶＂ʺˮ˝״〃〝〞❝❞]')
_IBAN = re.compile(r"[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{10,30}")
_LONG = re.compile(r"[0-9]{8,40}")
_EAST_ASIAN: Final = dict.fromkeys(
    ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"), "EAST ASIAN"
)
MAX_ACCENTS: Final = 2


def visible(text: str) -> str:
    """The text, with escapes for all that would not be seen."""
    found: list[str] = []
    accents = MAX_ACCENTS  # none may stand at the start
    before = " "
    for at, char in enumerate(text):
        kind = unicodedata.category(char)
        accents = accents + 1 if kind[0] == "M" else 0
        if char == "\\":
            found.append("\\\\")
        elif char == " ":
            found.append(_escape(char) if before == " " or at == len(text) - 1 else char)
        elif kind in _UNSEEN or kind == "Zs" or accents > MAX_ACCENTS or _FILLERS.match(char):
            found.append(_escape(char))
        else:
            found.append(char)
        before = char
    return "".join(found)


def quoted(text: str) -> str:
    """In quotation marks, so that it is seen where it ends; whatever looks like one of them has a backslash."""
    return '"' + _QUOTES.sub(lambda mark: "\\" + mark[0], visible(text)) + '"'


def grouped(text: str) -> str | None:
    """An IBAN, or a number of 8 to 40 digits, by fours; ``None`` for every other text. Blanks do not count."""
    packed = text.replace(" ", "")
    if not (_IBAN.fullmatch(packed) or _LONG.fullmatch(packed)):
        return None
    return " ".join(packed[at : at + 4] for at in range(0, len(packed), 4))


def spelled_out(text: str) -> str:
    """As ``visible``, with an escape for everything that is not ASCII as well."""
    return "".join(char if char.isascii() else _escape(char) for char in visible(text))


def mixes_scripts(text: str) -> bool:
    """Whether letters or digits of different scripts stand in one text; those of East Asia count as one.

    The script is the first word of a character's Unicode name, which is also why full-width and mathematical
    letters are scripts of their own here.
    """
    scripts, digits = set(), set()
    for char in text:
        kind = unicodedata.category(char)
        if kind[0] == "L" or kind == "Nd":
            script = unicodedata.name(char, "?").split(" ", 1)[0]
            if kind == "Nd":
                digits.add(script)
            if script != "DIGIT":
                scripts.add(_EAST_ASIAN.get(script, script))
    return len(scripts) > 1 or len(digits) > 1


def right_to_left(text: str) -> bool:
    """Whether anything in the text is written from right to left, and so may reorder what is around it."""
    return any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text)


def _escape(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"
