"""One message about a sign-in, as an application writes it: what tells it, and what it says.

A table of these is all that is known of an application. Its lines that are none of them are no attempts.

**Names are the attacker's.** Whoever signs in chooses the name, so a name may hold whatever surrounds it. A pattern
that takes the address from behind the name takes the *last* one that can be the application's own; one that takes it
from before the name takes the first. Where an application escapes quotes in names, the pattern knows it.

**Time.** Patterns are searched in at most ``MOST`` characters. They are written so that this takes a time in
proportion: at most two parts repeat without a bound, and nothing repeats what repeats.
"""

import re
from dataclasses import dataclass
from typing import Final

from stepwarden.connect.importers.base import Skipped
from stepwarden.connect.importers.clean import address, text
from stepwarden.events.attempt import Attempt, Method, Outcome

MOST: Final = 4_096
"""Characters of a line that are looked at."""
OTHER: Final = Skipped("another message of an application")
"""What is no sign-in, in text and in JSON."""
CHANGED: Final = "a message about a sign-in in another shape"
"""Why a message is unknown that begins as one about a sign-in does."""
GROUPS: Final = frozenset(("user", "ip", "agent", "session", "time"))
IP: Final = r"(?P<ip>[0-9A-Fa-f:.]{1,48}[0-9A-Fa-f:])"
"""An address, with the port behind one of version 4; without the brackets that may be around it, or a full stop."""


@dataclass(frozen=True, slots=True)
class Message:
    """``application`` as people call it. ``hint``: a text that each line of this message holds, and few others do.

    ``pattern`` is searched for; its groups may be ``user``, ``ip``, ``agent``, ``session``, and ``time`` where the
    first point in time of the line is another one. ``action`` is the attempt's; ``proved``: what a success proved.
    """

    application: str
    hint: str
    pattern: re.Pattern[str]
    outcome: Outcome = "failure"
    action: str = "login"
    proved: tuple[Method, ...] = ()

    def attempt(self, found: re.Match[str]) -> Attempt:
        """What the message says; the application is the resource."""
        said = found.groupdict()
        return Attempt(
            action=self.action,
            actor=text(said.get("user")),
            resource=self.application,
            session=text(said.get("session")),
            ip=address(said.get("ip")),
            user_agent=text(said.get("agent"), 2048),
            outcome=self.outcome,
            proved=self.proved,
        )


def failed(application: str, hint: str, pattern: str, *, action: str = "login") -> Message:
    """A sign-in that failed."""
    return Message(application, hint, re.compile(pattern), action=action)


def passed(
    application: str, hint: str, pattern: str, *, action: str = "login", proved: tuple[Method, ...] = ()
) -> Message:
    """A sign-in that succeeded."""
    return Message(application, hint, re.compile(pattern), "success", action, proved)
