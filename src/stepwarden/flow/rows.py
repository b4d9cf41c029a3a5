"""From an entry to its row in the query index."""

from stepwarden.events.entries import (
    AttemptDecided,
    ChallengeAnswered,
    ChallengeExpired,
    ChallengeFailed,
    ChallengeIssued,
    ChallengePassed,
    Entry,
    EventRecorded,
    FactorEnrolled,
    FactorRemoved,
    LabelApplied,
    OutcomeReported,
)
from stepwarden.events.index import IndexRow


def row_of(index: int, entry: Entry) -> IndexRow:
    """The row of the entry at ``index``; kinds that concern nobody in particular have their time and kind only."""
    row = IndexRow(index, kind_of(entry), entry.time, id=entry.id, previous=entry.previous)
    if isinstance(entry, AttemptDecided | OutcomeReported | EventRecorded):
        facts = entry.facts
        row = row._replace(
            actor=facts.actor,
            address=facts.address,
            action=facts.action,
            outcome=facts.outcome,
            session=facts.session,
            decision="" if isinstance(entry, EventRecorded) else entry.decision,
        )
    elif isinstance(entry, ChallengeIssued):
        row = row._replace(actor=entry.actor, session=entry.session, action=entry.action)
    elif isinstance(
        entry,
        ChallengeAnswered
        | ChallengePassed
        | ChallengeFailed
        | ChallengeExpired
        | FactorEnrolled
        | FactorRemoved,
    ):
        row = row._replace(actor=entry.actor)
    elif isinstance(entry, LabelApplied):
        row = row._replace(actor=entry.actor, address=entry.address)
    return row


def kind_of(entry: Entry) -> str:
    """The entry's kind as its leaf spells it, such as ``attempt.decided``."""
    return str(entry.__struct_config__.tag)
