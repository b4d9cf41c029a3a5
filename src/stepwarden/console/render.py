"""From a ``Screen`` to HTML, and the files that pages load.

Templates escape everything by themselves, and refuse a name that nobody gave them. A text from outside goes through
``shown``: every character of it can be seen, and it turns no writing around it (``<bdi>``). Times are written in
UTC and carry the exact moment, so that a script can show them in the reader's own zone.

A static file's name holds its hash, so it may be kept for ever; only ``step-up.js``, which applications name in their
own code, has a name for good.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

import jinja2
from babel import Locale
from babel.dates import format_date, format_time
from markupsafe import Markup, escape

from stepwarden.console.catalogue import NAMES, TEXTS, speak
from stepwarden.console.visible import visible
from stepwarden.console.visit import Language, Screen, Visit

EMBEDDED: Final = "step-up.js"
_MEDIA: Final = {
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}
_HASH_DIGITS: Final = 16
_CLOCK: Final = "HH:mm 'UTC'"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent. ``public``: also to pages of other sites."""

    content: bytes
    media: bytes
    public: bool


@lru_cache(maxsize=1)
def static_files() -> dict[str, StaticFile]:
    """All files, by the name they are asked for."""
    return {_public_name(name): file for name, file in _by_name().items()}


@lru_cache(maxsize=1)
def _by_name() -> dict[str, StaticFile]:
    folder = files("stepwarden.console") / "static"
    return {
        entry.name: StaticFile(
            entry.read_bytes(), _MEDIA[entry.name.rpartition(".")[2]], entry.name == EMBEDDED
        )
        for entry in folder.iterdir()
        if entry.name.rpartition(".")[2] in _MEDIA
    }


def _public_name(name: str) -> str:
    if name == EMBEDDED:
        return name
    stem, _, kind = name.rpartition(".")
    return f"{stem}.{sha256(_by_name()[name].content).hexdigest()[:_HASH_DIGITS]}.{kind}"


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("stepwarden.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def shown(text: object) -> Markup:
    """A text from outside."""
    return Markup("<bdi>{}</bdi>").format(visible(str(text)))


class Renderer:
    """``base`` is the path before all of ours ("" mostly), ``issuer`` and ``provider`` what people are shown."""

    def __init__(self, *, base: str, issuer: str, provider: str) -> None:
        self._base = base
        self._issuer = issuer
        self._provider = provider

    def page(self, screen: Screen, visit: Visit, *, csrf: str) -> bytes:
        """The page, whole."""
        language = visit.language
        values: dict[str, object] = {
            "t": speak(language),
            "language": language,
            "languages": NAMES,
            "here": visit.here,
            "in_language": lambda code: _in_language(visit.here, code),
            "base": self._base,
            "issuer": self._issuer,
            "provider": self._provider,
            "file": lambda name: f"{self._base}/static/{_public_name(name)}",
            "csrf": csrf,
            "way": visit.way,
            "challenge": visit.challenge,
            "error": "cancelled",
            "shown": shown,
            "country": lambda code: shown(_territories(language).get(code, code)),
            "action": lambda name: _action(name, language),
            "moment": lambda at: _time(at, language, "moment"),
            "clock": lambda at: _time(at, language, "clock"),
            "day": lambda at: _time(at, language, "day"),
        }
        return _environment().get_template(screen.template).render(values | dict(screen.values)).encode()


def _in_language(here: str, code: Language) -> str:
    """This page's address in another language. What is said once (``note``) is not said again."""
    return f"{here}{'&' if '?' in here else '?'}lang={code}"


@lru_cache(maxsize=2)
def _territories(language: Language) -> Mapping[str, str]:
    """Names of countries by their ISO code."""
    return dict(Locale.parse(language).territories)


def _action(name: str, language: Language) -> Markup:
    """What an action is called: in words where we have some, else as the application names it."""
    key = f"action_{name}"
    return speak(language)(key) if key in TEXTS[language] else shown(name)


def _time(at: int, language: Language, kind: str) -> Markup:
    """A moment (microseconds), as ``kind``: ``clock`` (time of day), ``day`` or ``moment`` (both)."""
    when = datetime.fromtimestamp(at // 1_000_000, UTC)
    locale = "en_GB" if language == "en" else language
    if kind == "day":
        text = format_date(when, "medium", locale=locale)
    elif kind == "clock":
        text = format_time(when, _CLOCK, locale=locale)
    else:
        text = f"{format_date(when, 'medium', locale=locale)}, {format_time(when, _CLOCK, locale=locale)}"
    exact = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}" class="{}">{}</time>').format(exact, kind, escape(text))
