"""What our pages say, by language: texts by key, and the reasons of a decision.

>>> speak("de")("left", minutes=1, seconds="05")
Markup('(noch 1:05)')
>>> speak("en")("asked_of", actor="<b>")
Markup('Asked of &lt;b&gt;')

Every language has every key, with the same values in braces; a test holds that. Values are escaped, whatever they
are.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from stepwarden.console import reasons_de, texts_de, texts_en
from stepwarden.console.visible import visible
from stepwarden.console.visit import LANGUAGES, Language
from stepwarden.flow.answers import ReasonText

TEXTS: Final[dict[Language, dict[str, str]]] = {"en": texts_en.TEXTS, "de": texts_de.TEXTS}
NAMES: Final[tuple[tuple[Language, str], ...]] = (("en", "English"), ("de", "Deutsch"))
MAX_REASONS: Final = 3
Speak = Callable[..., Markup]


@dataclass(frozen=True, slots=True)
class Reason:
    """``language`` is the one that ``text`` is in, as far as we know: a policy's own reasons are taken to be
    English."""

    text: str
    language: Language


@lru_cache(maxsize=len(LANGUAGES))
def speak(language: Language) -> Speak:
    """The texts of a language, as a template asks for them: ``t("left", minutes=1, seconds=5)``."""
    texts = TEXTS[language]

    def say(key: str, **values: object) -> Markup:
        text = Markup(texts[key])  # noqa: S704  # our own text; what is put in below is escaped
        return text.format(**values) if values else text

    return say


def reasons_shown(reasons: Iterable[ReasonText], language: Language) -> tuple[Reason, ...]:
    """Why somebody is asked: the strongest three reasons that speak against the attempt, in plain words.

    What calmed is left out: nobody asks why they are trusted. The level that an action needs by itself is said
    without its number.
    """
    found: list[Reason] = []
    for one in reasons:
        if one.rule == "action":
            found.append(Reason(TEXTS[language]["reason_action"], language))
        elif one.weight >= 0:
            german = reasons_de.REASONS.get(one.text) if language == "de" else None
            found.append(Reason(german, "de") if german else Reason(visible(one.text), "en"))
    return tuple(found[:MAX_REASONS])
