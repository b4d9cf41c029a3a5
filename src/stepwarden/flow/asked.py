"""What each open challenge is for, in clear: who, what, on what, with which details.

The state (``stepup.state``) knows tokens and hashes only. What people are shown, and what a grant says, is the personal
field ``approval`` of the challenge's entry: kept at hand for the challenges of the last minutes, and read again from
its opening after a restart. Erase the person and it is gone.
"""

from collections import OrderedDict

import msgspec

from stepwarden.errors import MalformedEntryError, StepwardenError
from stepwarden.events.attempt import Attempt
from stepwarden.events.entries import ChallengeIssued
from stepwarden.events.personal import verify
from stepwarden.events.redaction import redact, redact_values
from stepwarden.flow.recorder import Recorder
from stepwarden.ledger.store import LogStore
from stepwarden.stepup.binding import action_hash, approval, read_approval

REMEMBERED = 20_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a challenge is for, in the application's own words."""

    actor: str
    action: str
    resource: str
    parameters: dict[str, str | int | bool]

    def hash(self) -> str:
        """The claim ``action_hash`` of its grant."""
        return action_hash(self.action, self.actor, self.resource, self.parameters)


def asked_of(attempt: Attempt) -> Asked:
    """What the challenge of this attempt is for; without secrets, as all that can be read again."""
    return Asked(
        actor=redact(attempt.actor, random=False),
        action=attempt.action,
        resource=redact(attempt.resource),
        parameters=redact_values(attempt.parameters) if attempt.parameters else {},
    )


def fields_of(asked: Asked) -> dict[str, str]:
    """The personal fields of the challenge's entry."""
    return {
        "actor": asked.actor,
        "approval": approval(asked.action, asked.resource, asked.parameters),
    }


class AskedFor:
    """Finds what a challenge is for. All calls on the loop's thread."""

    def __init__(self, recorder: Recorder, store: LogStore) -> None:
        self._recorder = recorder
        self._store = store
        self._known: OrderedDict[str, Asked] = OrderedDict()

    def remember(self, challenge: str, asked: Asked) -> None:
        """A challenge was issued for this."""
        self._known[challenge] = asked
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def clear(self) -> None:
        """Somebody is erased: what is at hand is read again from the openings that are left."""
        self._known.clear()

    def find(self, index: int, issued: ChallengeIssued) -> Asked | None:
        """What the challenge at ``index`` is for; None where nobody can say any more."""
        known = self._known.get(issued.challenge)
        if known is None and issued.personal:
            known = self._read(index, issued)
        return known

    def _read(self, index: int, issued: ChallengeIssued) -> Asked | None:
        people = self._recorder.people
        person = people.owner(issued)
        sealed = next(iter(self._store.openings(index, index + 1)), b"") if person is not None else b""
        if person is None or not sealed:
            return None
        try:
            values = verify(issued.personal, people.unseal(person, index, sealed))
            action, resource, parameters = read_approval(values.get("approval", ""))
        except (MalformedEntryError, StepwardenError, ValueError):
            return None
        return Asked(actor=values.get("actor", ""), action=action, resource=resource, parameters=parameters)
