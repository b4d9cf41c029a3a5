"""What the entries about one person amount to: factors enrolled, sessions seen. Pure; made and checked alike.

>>> tally = Tally()
>>> tally.add(FactorEnrolled(time=0, id="abcdefgh", actor="t", factor="totp", credential="c1"))
>>> tally.factors()[0].since
'1970-01-01T00:00:00Z'
"""

from stepwarden.events.disclosure import FactorHeld, SessionSeen, rfc3339
from stepwarden.events.entries import (
    AttemptDecided,
    ChallengeIssued,
    ChallengePassed,
    Entry,
    EventRecorded,
    FactorEnrolled,
    FactorRemoved,
    OutcomeReported,
)


class Tally:
    """Takes in the entries of one person, in their order."""

    def __init__(self) -> None:
        self._factors: dict[tuple[str, str], FactorHeld] = {}
        self._sessions: dict[str, tuple[int, int, int]] = {}
        self.kinds: dict[str, int] = {}
        """How many entries of each kind."""

    def add(self, entry: Entry) -> None:
        """The next entry."""
        kind = str(entry.__struct_config__.tag)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        for session in _sessions(entry):
            first, _, count = self._sessions.get(session, (entry.time, 0, 0))
            self._sessions[session] = (first, entry.time, count + 1)
        if isinstance(entry, FactorEnrolled):
            self._factors[entry.factor, entry.credential] = FactorHeld(
                factor=entry.factor,
                credential=entry.credential,
                since=rfc3339(entry.time),
                codes=entry.count,
            )
        elif isinstance(entry, FactorRemoved):
            self._factors.pop((entry.factor, entry.credential), None)

    def factors(self) -> tuple[FactorHeld, ...]:
        """What is enrolled, in the order of enrolment."""
        return tuple(self._factors.values())

    def sessions(self) -> tuple[SessionSeen, ...]:
        """The sessions, in the order in which they were first seen."""
        return tuple(
            SessionSeen(session=token, first=rfc3339(first), last=rfc3339(last), entries=count)
            for token, (first, last, count) in self._sessions.items()
        )


def _sessions(entry: Entry) -> set[str]:
    found: set[str] = set()
    if isinstance(entry, AttemptDecided | OutcomeReported | EventRecorded):
        found.add(entry.facts.session)
    if isinstance(entry, OutcomeReported | ChallengeIssued | ChallengePassed):
        found.add(entry.session)
    return found - {""}
