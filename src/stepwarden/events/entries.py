"""Entries: one frozen type for each kind of thing that the log records.

An entry says who, what, on what, from where, when and how it ended. The union ``Entry`` is closed: a new kind is a
new class here, a row in ``catalogue`` and an arm in every ``match``. Numbers are integers only (risk in parts per
million, weights in thousandths of a nat, times in microseconds), which keeps the encoding canonical.

Fields that all kinds have:
``time`` is given by the log, microseconds since 1970 UTC, and never runs backwards in one log.
``id`` is 8 random characters; together with the index it makes the public name ``<index>-<id>``.
``previous`` is the index of the entry that this one follows up, -1 for none.
``key`` is the hash of the caller's idempotency key; ``by`` the id of the API key, or ``service``.
``personal`` maps the name of a personal field to the commitment to its value (see ``personal``).
"""

from typing import Literal

from stepwarden.events.base import AAL, SCHEMA_VERSION, Base, Demand, Evidence, Standing, Verdict
from stepwarden.events.facts import Facts
from stepwarden.events.policies import (
    Beside,
    PolicyChanged,
    PolicyEmergency,
    PolicyRefused,
    PolicyStepped,
)
from stepwarden.events.proofs import (
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
    FactorEnrolled,
    FactorRemoved,
    GrantRedeemed,
    SessionRevoked,
)

__all__ = [
    "AAL",
    "SCHEMA_VERSION",
    "Administration",
    "AttemptDecided",
    "Base",
    "Beside",
    "ChallengeAnswered",
    "ChallengeCollected",
    "ChallengeExpired",
    "ChallengeFailed",
    "ChallengeIssued",
    "ChallengePassed",
    "ChallengeReleased",
    "ChallengeSent",
    "ChallengeWithheld",
    "Demand",
    "DeviceForgotten",
    "DeviceRemembered",
    "Entry",
    "EventRecorded",
    "Evidence",
    "ExceptionRaised",
    "FactorEnrolled",
    "FactorRemoved",
    "GrantRedeemed",
    "KeyRetired",
    "KeyRotated",
    "LabelApplied",
    "LogAnchored",
    "LogDoubted",
    "LogPruned",
    "LogTrusted",
    "OutcomeReported",
    "PolicyChanged",
    "PolicyEmergency",
    "PolicyRefused",
    "PolicyStepped",
    "ServiceStarted",
    "ServiceStopped",
    "SessionRevoked",
    "Standing",
    "SubjectErased",
    "Verdict",
]


class AttemptDecided(Base, frozen=True, kw_only=True, tag="attempt.decided"):
    """An attempt and the answer to it. ``signals`` holds only values that differ from their default.

    ``binding`` is there when a grant came along or a step-up was asked for; ``grant`` when it was used up.
    ``policy`` is the hash of the one that decided; ``beside`` what a second one says, while there is a candidate.
    """

    facts: Facts
    signals: dict[str, int | str | bool]
    evidence: tuple[Evidence, ...]
    score: int
    risk: int
    demand: Demand
    standing: Standing
    decision: Verdict
    policy: str
    binding: str = ""
    grant: str = ""
    beside: Beside | None = None


class OutcomeReported(Base, frozen=True, kw_only=True, tag="outcome.reported"):
    """How an attempt ended, as the application says. ``facts`` are the attempt's, with this outcome.

    ``outcome`` ``unknown`` with ``proved`` says that the first factor was right while the step-up is open.
    ``session`` is the token of the session that a sign-in opened. ``decision`` is what had been answered.
    ``learn`` says whether habits may be learned from it: it ended well and had been allowed.
    """

    facts: Facts
    decision: Verdict
    session: str = ""
    learn: bool = False


class EventRecorded(Base, frozen=True, kw_only=True, tag="event.recorded"):
    """Something that happened elsewhere and is only recorded. ``facts.time`` may lie before ``time``."""

    facts: Facts
    source: str = ""


class ExceptionRaised(Base, frozen=True, kw_only=True, tag="exception"):
    """Something was wrong: a refused input, a failing rule, a missing lookup. ``code`` is a public error code."""

    code: str
    where: str
    detail: str
    field: str = ""


class Administration(Base, frozen=True, kw_only=True, tag="administration"):
    """An administrator, an auditor or a command did something: made a key, read the log. ``target``: on what.

    ``rows``: how many entries were read or exported; ``reason``: why, where one has to be given.
    """

    action: str
    target: str = ""
    detail: str = ""
    rows: int = 0
    reason: str = ""


class ServiceStarted(Base, frozen=True, kw_only=True, tag="service.started"):
    """The service opened this log. ``signal_limits`` are the bounds that the fold of signals runs with."""

    version: str
    size: int
    settings: str
    signal_limits: dict[str, int]


class ServiceStopped(Base, frozen=True, kw_only=True, tag="service.stopped"):
    reason: str


class LabelApplied(Base, frozen=True, kw_only=True, tag="label.applied"):
    """Somebody says what an attempt really was. ``reliability`` in percent; ``previous`` is the attempt."""

    label: Literal["attack", "benign"]
    source: str
    reliability: int
    actor: str = ""
    address: str = ""


class SubjectErased(Base, frozen=True, kw_only=True, tag="subject.erased"):
    """A person's key was destroyed, and with it every opening of theirs before this entry.

    ``actor`` is their token, which means nobody from here on; ``openings`` how many sealed openings were removed;
    ``key`` the SHA-256 (hex) of the destroyed key: shows which key it was, and nothing of it. ``factors`` counts
    the factors' secrets that went with it. What names no actor is erased by ``address`` (a token): then ``actor`` is
    empty, and the openings are those of the entries from there that name nobody.
    """

    actor: str
    openings: int
    key: str
    reason: str
    factors: int = 0
    address: str = ""


class KeyRotated(Base, frozen=True, kw_only=True, tag="key.rotated"):
    """The log gets a new signing key. ``old`` and ``new`` are public keys (vkey texts) of the same origin.

    Both keys sign the statement (see ``ledger.rotation``), in base64, and every checkpoint until ``until``
    (microseconds); after it ``key.retired`` ends the old one. ``keep``: its secret is then put aside, not destroyed.
    """

    old: str
    new: str
    until: int
    by_old: str
    by_new: str
    keep: bool = False
    reason: str = ""


class KeyRetired(Base, frozen=True, kw_only=True, tag="key.retired"):
    """From the checkpoint over this entry on, the key ``vkey`` signs no more; what it signs is a forgery."""

    vkey: str


class LogAnchored(Base, frozen=True, kw_only=True, tag="log.anchored"):
    """An authority stamped the checkpoint over ``size`` entries with root ``root`` (hex) at ``stamped``.

    ``token`` is the RFC 3161 response in base64: it can be checked again without the authority.
    """

    authority: str
    size: int
    root: str
    stamped: int
    token: str


class LogDoubted(Base, frozen=True, kw_only=True, tag="log.doubted"):
    """Something outside knows a longer or another log. Until ``log.trusted`` every demand is the highest.

    ``source`` is who knows; ``finding`` ``ahead`` or ``fork``; ``size`` and ``root`` (hex) are what it knows.
    """

    source: str
    finding: Literal["ahead", "fork"]
    size: int
    root: str
    detail: str


class LogTrusted(Base, frozen=True, kw_only=True, tag="log.trusted"):
    """An operator has looked into the doubt, and ends it.

    ``known`` are the claims that this log is not, ``<size>:<root in hex>``: from here on these are no reason to doubt.
    """

    reason: str
    known: tuple[str, ...] = ()


class LogPruned(Base, frozen=True, kw_only=True, tag="log.pruned"):
    """Entries before ``floor`` were removed under a retention rule, after they were sealed in an archive.

    ``rule`` is the retention rule as stated; ``archive`` where they are; ``checkpoint`` the archive's signed note.
    ``state`` is the SHA-256 (hex) of the fold of the removed entries, from which the rest is recomputed.
    """

    floor: int
    rule: str
    archive: str
    checkpoint: str
    state: str


Entry = (
    AttemptDecided
    | OutcomeReported
    | EventRecorded
    | ChallengeIssued
    | ChallengeSent
    | ChallengeAnswered
    | ChallengePassed
    | ChallengeCollected
    | ChallengeReleased
    | ChallengeWithheld
    | ChallengeFailed
    | ChallengeExpired
    | FactorEnrolled
    | FactorRemoved
    | SessionRevoked
    | DeviceRemembered
    | DeviceForgotten
    | GrantRedeemed
    | PolicyChanged
    | PolicyRefused
    | PolicyStepped
    | PolicyEmergency
    | ExceptionRaised
    | Administration
    | ServiceStarted
    | ServiceStopped
    | LabelApplied
    | SubjectErased
    | KeyRotated
    | KeyRetired
    | LogAnchored
    | LogDoubted
    | LogTrusted
    | LogPruned
)
