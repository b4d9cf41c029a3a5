"""One line of an application's log: does it say how a sign-in ended, and what does it say.

Which lines do stands in tables (``MESSAGES``). A line that holds a message's hint and is unlike it otherwise is
``Unknown``: the application has changed its words.
"""

import re
from collections.abc import Sequence
from typing import Final

from stepwarden.connect.importers.applications import collaboration, identity, mail, media, network, stores
from stepwarden.connect.importers.applications.messages import MOST, Message
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
_CHANGED: Final = "a message about a sign-in in another shape"
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
    said = _first(line, hinted)
    if said is None:
        return Unknown(number, shorten(line), _CHANGED)
    message, found = said
    own = found.groupdict().get("time")
    at = stamps.read(own) if own else time if time is not None else stamps.first(line)
    if at is None:
        return Unknown(number, shorten(line), "no time that can be read")
    return Imported(message.attempt(found), at, source, number)


def says_a_sign_in(line: str) -> bool:
    """Whether the line is a message of an application about a sign-in."""
    return len(line) <= MOST and _first(line, [one for one in MESSAGES if one.hint in line]) is not None


def _first(line: str, hinted: Sequence[Message]) -> tuple[Message, re.Match[str]] | None:
    """The failure that begins first in the line, else the success that does.

    A name may hold any message of any application. Its own message begins before it, and nobody is let in by a name.
    """
    matches = [(one, found) for one in hinted if (found := one.pattern.search(line)) is not None]
    return min(matches, key=lambda match: (match[0].outcome == "success", match[1].start()), default=None)
