"""What a mail says, in English and in German: titles and bodies, as text only.

A title never holds the code, because locked screens show titles. They show the first words of a body, too, so what is
being approved stands first and the code comes after it, on a line of its own. Nothing can be followed or answered.

>>> mail = write_mail("code", words="Transfer 20 EUR to ACME", code="123456", minutes=5, language="en")
>>> mail.title
'Your code to confirm an action'
>>> print(mail.body.split("\\n\\n")[1])
  Transfer 20 EUR to ACME
>>> "\\n  123456\\n" in mail.body and "123456" not in mail.title
True
"""

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

_OVERRIDES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e")
_CODE_EN: Final = """Your confirmation is needed for:

  {words}

If this is what you are doing, type this code where you are asked for it:

  {code}

It is valid {minutes}.

Never tell it to anybody, whoever asks and whatever for: no member of staff needs it.
If this was not you, do not use the code. Somebody may know your password:
change it, and tell those who run the service.
"""
_CODE_DE: Final = """Ihre Bestätigung wird gebraucht für:

  {words}

Wenn es das ist, was Sie gerade tun, geben Sie diesen Code dort ein, wo nach ihm gefragt wird:

  {code}

Er gilt {minutes}.

Nennen Sie ihn niemandem, wer auch fragt und wozu auch immer: kein Mitarbeiter braucht ihn.
Wenn Sie das nicht waren, verwenden Sie den Code nicht. Vielleicht kennt jemand Ihr Passwort:
ändern Sie es und melden Sie es dem Betreiber.
"""
_NOTICE_EN: Final = """This happened in your account:

  {words}

If this was you, there is nothing to do.
If this was not you, change your password, and tell those who run the service.
"""
_NOTICE_DE: Final = """In Ihrem Konto ist dies geschehen:

  {words}

Wenn Sie das waren, ist nichts zu tun.
Wenn Sie das nicht waren, ändern Sie Ihr Passwort und melden Sie es dem Betreiber.
"""
_TITLES: Final = {
    ("code", "en"): "Your code to confirm an action",
    ("code", "de"): "Ihr Code zur Bestätigung",
    ("notice", "en"): "Security notice for your account",
    ("notice", "de"): "Sicherheitshinweis zu Ihrem Konto",
}
_BODIES: Final = {
    ("code", "en"): _CODE_EN,
    ("code", "de"): _CODE_DE,
    ("notice", "en"): _NOTICE_EN,
    ("notice", "de"): _NOTICE_DE,
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A title of one line, and a body that ends with a newline."""

    title: str
    body: str


def write_mail(
    kind: Literal["code", "notice"], *, words: str, code: str, minutes: int, language: str
) -> Mail:
    """Write one mail; a language that is not known is answered in English.

    Args:
        minutes: whole ones that the code is still valid, at least 1.
    """
    known = "de" if language == "de" else "en"
    body = _BODIES[kind, known].format(words=one_line(words), code=code, minutes=_duration(minutes, known))
    return Mail(_TITLES[kind, known], body)


def one_line(words: str) -> str:
    """Words as one line that shows all of itself: what would break it or turn it round shows as U+FFFD.

    >>> one_line("to ACME\\n\\n  999999")
    'to ACME\ufffd\ufffd  999999'
    """
    return "".join("\ufffd" if _hides(char) else char for char in words)


def _hides(char: str) -> bool:
    return char in _OVERRIDES or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


def _duration(minutes: int, language: str) -> str:
    if language == "de":
        return "1 Minute lang" if minutes == 1 else f"{minutes} Minuten lang"
    return "for 1 minute" if minutes == 1 else f"for {minutes} minutes"
