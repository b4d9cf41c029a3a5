"""Whom and what an entry is about: the tokens by which one step of a trace leads to another.

Not here: which of them are followed (``trace``).
"""

from dataclasses import dataclass
from typing import Final

from stepwarden.events.entries import AttemptDecided, Entry, EventRecorded, OutcomeReported

CREDENTIAL_KINDS: Final = frozenset(
    {
        "factor.enrolled",
        "factor.removed",
        "session.revoked",
        "device.remembered",
        "device.forgotten",
        "challenge.failed",
        "challenge.expired",
        "challenge.answered",
    }
)
"""Entries about how somebody proves who they are, or about a proof that did not come: always worth a look."""
_SAID_OF_OTHERS: Final = frozenset({"label.applied", "subject.erased"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Tokens, "" where there is none. ``credential`` is the challenge or the factor that an entry is about."""

    actor: str = ""
    session: str = ""
    device: str = ""
    address: str = ""
    network: str = ""
    credential: str = ""
    action: str = ""


def subject_of(entry: Entry) -> Subject | None:
    """What the entry is about; None for what is about nobody, and for what only says how an earlier one ended."""
    if isinstance(entry, OutcomeReported):
        return None
    if isinstance(entry, AttemptDecided | EventRecorded):
        facts = entry.facts
        return Subject(
            actor=facts.actor,
            session=facts.session,
            device=facts.device,
            address=facts.address,
            network=facts.network,
            action=facts.action,
        )
    tag = entry.__struct_config__.tag
    actor = getattr(entry, "actor", "")
    if not actor or tag in _SAID_OF_OTHERS:
        return None
    return Subject(
        actor=actor,
        session=getattr(entry, "session", ""),
        credential=getattr(entry, "credential", "") or getattr(entry, "challenge", ""),
        action=getattr(entry, "action", ""),
    )
