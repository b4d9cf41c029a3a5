"""One line of an application's log: does it say how a sign-in ended, and what does it say.

Which lines do stands in tables (``MESSAGES``). A line that holds a message's hint and is unlike it otherwise is
``Unknown``: the application has changed its words.
"""

from typing import Final

from stepwarden.connect.importers.applications import collaboration, identity, mail, media, network, stores
from stepwarden.connect.importers.applications.messages import MOST, Message
from stepwarden.connect.importers.applications.stamps import Stamps
from stepwarden.connect.importers.base import Imported, Item, Unknown, shorten
from stepwarden.connect.importers.times import parse_time

MESSAGES: Final[tuple[Message, ...]] = (
    *identity.MESSAGES,
    *collaboration.MESSAGES,
    *media.MESSAGES,
    *mail.MESSAGES,
    *stores.MESSAGES,
    *network.MESSAGES,
)
_CHANGED: Final = "a message about a sign-in in another shape"


def read_line(line: str, source: str, number: int, stamps: Stamps, time: int | None = None) -> Item | None:
    """What a line says of a sign-in; ``None`` for a line that says nothing of any.

    Args:
        time: of the line, where whoever calls knows it (microseconds since 1970).
    """
    line = line[:MOST]
    hinted = False
    for message in MESSAGES:
        if message.hint in line:
            hinted = True
            found = message.pattern.search(line)
            if found is not None:
                own = found.groupdict().get("time")
                at = parse_time(own) if own else time if time is not None else stamps.first(line)
                if at is None:
                    return Unknown(number, shorten(line), "no time that can be read")
                return Imported(message.attempt(found), at, source, number)
    return Unknown(number, shorten(line), _CHANGED) if hinted else None


def says_a_sign_in(line: str) -> bool:
    """Whether the line is a message of an application about a sign-in."""
    line = line[:MOST]
    return any(one.hint in line and one.pattern.search(line) is not None for one in MESSAGES)
