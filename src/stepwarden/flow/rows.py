"""From an entry to its row in the query index."""

from typing import get_args

from stepwarden.events.entries import (
    AttemptDecided,
    ChallengeAnswered,
    ChallengeCollected,
    ChallengeExpired,
    ChallengeFailed,
    ChallengeIssued,
    ChallengePassed,
    ChallengeReleased,
    ChallengeSent,
    ChallengeWithheld,
    DeviceForgotten,
    DeviceRemembered,
    Entry,
    EventRecorded,
    FactorEnrolled,
    FactorRemoved,
    GrantRedeemed,
    LabelApplied,
    OutcomeReported,
    SessionRevoked,
    SubjectErased,
)
from stepwarden.events.index import IndexRow

_KINDS = {kind: str(kind.__struct_config__.tag) for kind in get_args(Entry)}


def row_of(index: int, entry: Entry) -> IndexRow:
    """The row of the entry at ``index``; kinds that concern nobody in particular have their time and kind only."""
    kind = kind_of(entry)
    if isinstance(entry, AttemptDecided | OutcomeReported):
        facts = entry.facts
        return IndexRow(
            index,
            kind,
            entry.time,
            facts.actor,
            facts.address,
            facts.action,
            facts.outcome,
            entry.decision,
            facts.session,
            entry.id,
            entry.previous,
        )
    row = IndexRow(index, kind, entry.time, id=entry.id, previous=entry.previous)
    if isinstance(entry, EventRecorded):
        facts = entry.facts
        row = row._replace(
            actor=facts.actor,
            address=facts.address,
            action=facts.action,
            outcome=facts.outcome,
            session=facts.session,
        )
    elif isinstance(entry, ChallengeIssued):
        row = row._replace(actor=entry.actor, session=entry.session, action=entry.action)
    elif isinstance(
        entry,
        ChallengeAnswered
        | ChallengePassed
        | ChallengeFailed
        | ChallengeExpired
        | ChallengeSent
        | ChallengeCollected
        | ChallengeReleased
        | ChallengeWithheld
        | FactorEnrolled
        | FactorRemoved
        | SessionRevoked
        | DeviceRemembered
        | DeviceForgotten
        | GrantRedeemed
        | SubjectErased,
    ):
        row = row._replace(actor=entry.actor)
    elif isinstance(entry, LabelApplied):
        row = row._replace(actor=entry.actor, address=entry.address)
    return row


def kind_of(entry: Entry) -> str:
    """The entry's kind as its leaf spells it, such as ``attempt.decided``."""
    return _KINDS[type(entry)]
