"""One line of an application's log: does it say how a sign-in ended, and what does it say.

Which lines do stands in tables (``MESSAGES``). A line that holds a message's hint and is unlike it otherwise is
``Unknown``: the application has changed its words.
"""

import re
from collections.abc import Sequence
from typing import Final

from stepwarden.connect.importers.applications import collaboration, identity, mail, media, network, stores
from stepwarden.connect.importers.applications.messages import CHANGED, MOST, Message
from stepwarden.connect.importers.applications.stamps import Stamps
from stepwarden.connect.importers.base import Imported, Item, Unknown, shorten

MESSAGES: Final[tuple[Message, ...]] = (
    *identity.MESSAGES,
    *collaboration.MESSAGES,
    *media.MESSAGES,
    *mail.MESSAGES,
    *stores.MESSAGES,
    *network.MESSAGES,
)
_TWO: Final = "a message about a sign-in with another application's words in it"
_LONG: Final = "a message about a sign-in that is too long"


def read_line(line: str, source: str, number: int, stamps: Stamps, time: int | None = None) -> Item | None:
    """What a line says of a sign-in; ``None`` for a line that says nothing of any.

    Args:
        time: of the line, where whoever calls knows it (microseconds since 1970).
    """
    hinted = [message for message in MESSAGES if message.hint in line]
    if not hinted:
        return None
    if len(line) > MOST:
        # Its end is where an application puts what is its own.
        return Unknown(number, shorten(line), _LONG)
    said = _said(line, hinted)
    if isinstance(said, str):
        return Unknown(number, shorten(line), said)
    message, found = said
    own = found.groupdict().get("time")
    at = stamps.read(own) if own else time if time is not None else stamps.first(line)
    if at is None:
        return Unknown(number, shorten(line), "no time that can be read")
    return Imported(message.attempt(found), at, source, number)


def says_a_sign_in(line: str) -> bool:
    """Whether the line is a message of an application about a sign-in."""
    hinted = [one for one in MESSAGES if one.hint in line]
    return bool(hinted) and len(line) <= MOST and not isinstance(_said(line, hinted), str)


def _said(line: str, hinted: Sequence[Message]) -> tuple[Message, re.Match[str]] | str:
    """The message that the line is, or why it is none.

    Of several that one application may mean, a failure goes before a success, and what begins first before the rest.
    Where the line holds words of another application as well, somebody chose a name that is a message: no account is
    called so, and whose message it is cannot be told for sure.
    """
    matches = [(one, found) for one in hinted if (found := one.pattern.search(line)) is not None]
    if not matches:
        return CHANGED
    message, found = min(
        matches, key=lambda match: (match[0].outcome == "success", match[1].start(), line.find(match[0].hint))
    )
    others = [one.hint for one in hinted if one.application != message.application]
    if others:
        # What applications share is no sign of two of them, and a browser may call itself anything beside a real name.
        own = _places(line, message.hint)
        if "agent" in message.pattern.groupindex:
            own.append(found.span("agent"))
        if any(not _touches(place, own) for hint in others for place in _places(line, hint)):
            return _TWO
    return message, found


def _places(line: str, hint: str) -> list[tuple[int, int]]:
    """Where the hint stands."""
    return [found.span() for found in re.finditer(re.escape(hint), line)]


def _touches(place: tuple[int, int], others: Sequence[tuple[int, int]]) -> bool:
    return any(place[0] < stop and start < place[1] for start, stop in others)
