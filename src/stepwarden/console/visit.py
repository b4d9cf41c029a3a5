"""One visit to a page: what a browser asked for, read strictly; and what a page may answer.

>>> read_fields(b"answer=123+456&remember=on")
{'answer': '123 456', 'remember': 'on'}
>>> read_fields(b"answer=1&answer=2")
Traceback (most recent call last):
  ...
stepwarden.errors.InputError: a field stands there twice
>>> preferred("fr;q=0.9, de-AT;q=0.8, en;q=0.1"), preferred("fr"), preferred("de;q=0, en")
('de', 'en', 'en')

Handlers return one of three: a ``Screen`` (a page), a ``Redirect`` (always 303, so that going back or reloading sends
nothing twice) or ``Data`` (JSON for a script of ours). Not here: headers (``guard``), HTML (``render``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import parse_qsl

from stepwarden.console.way import Way
from stepwarden.errors import InputError
from stepwarden.flow.shown import Browser

Language = Literal["en", "de"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "de")
"""The first is what is shown to those who ask for none of them."""
MAX_FIELDS: Final = 32
MAX_CHALLENGE: Final = 128
_SECRET = re.compile(r"[A-Za-z0-9_-]{32,64}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_TOKEN = re.compile(r"[A-Za-z0-9_.-]{0,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """``session`` is the secret of the account page's cookie, "" without one. ``known``: the browser brought its
    cookie.

    ``here`` is the path and query that this page can be opened again by, "" for a form that was sent. ``json``: a
    script asks, and wants no page. ``now``: microseconds since 1970 UTC.
    """

    segments: tuple[str, ...]
    query: Mapping[str, str]
    form: Mapping[str, str]
    browser: Browser
    known: bool
    session: str
    language: Language
    way: Way
    here: str
    json: bool
    now: int

    @property
    def challenge(self) -> str:
        """The challenge that the path names; "" for what cannot be the name of one."""
        named = self.segments[0] if self.segments else ""
        return named if _CHALLENGE.fullmatch(named) else ""

    def token(self, name: str) -> str:
        """A field of the form that names something of ours.

        Raises:
            InputError: it cannot be such a name.
        """
        found = self.form.get(name, "")
        if not _TOKEN.fullmatch(found):
            raise InputError("no such name", field=name)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A page to be shown. ``values`` are for its template."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """``session``: the new secret of the account page's cookie, "" to end it, None to leave it alone."""

    location: str
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """JSON, for a script of ours on a page of ours."""

    value: Mapping[str, object]


Outcome = Screen | Redirect | Data


def read_fields(data: bytes) -> dict[str, str]:
    """The fields of a form, or of a query.

    Raises:
        InputError: not a form, a field twice, or more than 32.
    """
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as exc:
        raise InputError("not a form") from exc
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InputError("a field stands there twice")
    return fields


def read_cookies(header: bytes | None) -> dict[str, str]:
    """Cookies by name; of two of one name the first, which is the one with the longer path."""
    found: dict[str, str] = {}
    for part in (header or b"").decode("latin-1").split(";"):
        name, equals, value = part.strip().partition("=")
        if equals:
            found.setdefault(name, value)
    return found


def secret_in(cookies: Mapping[str, str], name: str) -> str:
    """A cookie that may be a secret of ours; "" for everything else."""
    value = cookies.get(name, "")
    return value if _SECRET.fullmatch(value) else ""


def preferred(accept: str) -> Language:
    """The language of ours that the header ``Accept-Language`` likes best."""
    best: tuple[float, Language] = (0.0, LANGUAGES[0])
    for one in accept[:512].split(","):
        tag, _, weight = one.strip().partition(";q=")
        primary = tag.strip().partition("-")[0].lower()
        try:
            liked = float(weight) if weight else 1.0
        except ValueError:
            continue
        if primary in LANGUAGES and liked > best[0]:
            best = (liked, primary)
    return best[1]


def language_of(asked: str, remembered: str, accept: str) -> Language:
    """By what was asked for just now, else before, else by the browser's setting."""
    for one in (asked, remembered):
        primary = one.partition("-")[0].lower()
        if primary in LANGUAGES:
            return primary
    return preferred(accept)
