"""What a simulation asks of the site that it is run against: the calls of an application, and a clock.

Two things answer them: the same code without server and disk (``offline``), and a running server over HTTP
(``live``). The engine cannot tell which. Times are those of the plan, in microseconds since 1970; a live site has
another clock, and maps the one to the other by itself.

Not here: who asks what when (``engine``).
"""

from typing import Protocol, TypeVar

import msgspec

from stepwarden.events.attempt import Attempt, Outcome
from stepwarden.events.entries import Evidence, Verdict
from stepwarden.events.facts import AddressKind
from stepwarden.signals.catalogue import Values


class Decided(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decision as the site gave it.

    ``score`` in thousandths of a nat, ``risk`` in parts per million, ``aal`` the level demanded. ``challenge`` names
    the challenge of a step-up, "" where there is none; ``ready`` whether an authenticator's code would answer it now.
    ``values`` are all signals in the order of the catalogue and the policy, ``address_kind`` what was found about the
    address; a server tells neither: () and "missing".
    """

    decision: Verdict
    score: int
    risk: int
    aal: int
    evidence: tuple[Evidence, ...]
    challenge: str = ""
    ready: bool = False
    values: Values = ()
    address_kind: AddressKind = "missing"


D = TypeVar("D", bound=Decided)
"""What this site's own decisions are: it may have put more into them."""


class Site(Protocol[D]):
    """Answers one call after the other, in order of time. What a call raises stops the simulation for good."""

    def arrive(self, time: int) -> None:
        """It is ``time`` now: a site with a clock of its own waits until then; what is over by now ends."""
        ...

    def decide(self, attempt: Attempt, time: int, grant: str = "") -> D:
        """May this happen? Recorded for good. ``grant``: what ``answer`` gave for this very attempt."""
        ...

    def weigh(self, attempt: Attempt, time: int) -> D | None:
        """What ``decide`` would say; nothing is recorded. None: this site cannot be asked so."""
        ...

    def report(self, decided: D, outcome: Outcome, opens: str, time: int) -> None:
        """How it ended, and which session it opened ("" for none)."""
        ...

    def fresh_code(self, actor: str, time: int) -> int:
        """From when on this person's authenticator shows a code that was not used yet; ``time`` or later."""
        ...

    def answer(self, decided: D, actor: str, time: int, *, right: bool) -> str:
        """Answer the challenge with the person's code, or with a wrong one. The grant that it gives, or ""."""
        ...

    def deny(self, decided: D, time: int) -> None:
        """The person says that it was not them."""
        ...
