"""What the flow takes and gives back: the results of its operations, without any wire format.

``Service`` returns these; ``gateway`` turns them into JSON and ``console`` into pages. Times are microseconds
since 1970 UTC, ``risk`` a probability 0..1, ``weight`` log-odds in nats. Names are clear text, never tokens.

>>> receipt = ReceiptView(index=12, size=13, checkpoint="example.com/log\\n13\\n...")
>>> Recorded(id="12-abcdefgh", receipt=receipt).count
1

Not here: entries (``events``), and how an answer looks on the wire (``gateway.wire``).
"""

from typing import Literal

import msgspec

from stepwarden.events.attempt import Attempt, Outcome
from stepwarden.events.entries import AAL, Demand, Verdict
from stepwarden.flow.publishing import WitnessFigures

Scope = Literal["decide", "report", "read", "administer", "audit"]
"""What an API key may do. ``administer`` does not include the others.

``audit`` opens what ``read`` opens, and nothing else; but it is shown personal fields only with a reason."""


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of having been recorded: the entry's index and a signed checkpoint of ``size`` > ``index``."""

    index: int
    size: int
    checkpoint: str


class ReasonText(msgspec.Struct, frozen=True, kw_only=True):
    """One term of the score in words. ``technique`` is an ATT&CK id or empty."""

    rule: str
    text: str
    weight: float
    technique: str = ""


class ChallengeOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge that was issued: how it may be answered, until when, and whether already now."""

    id: str
    factors: tuple[str, ...]
    expires: int
    ready: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one attempt. ``challenge`` stands only beside ``step_up``, where one can help."""

    id: str
    decision: Verdict
    risk: float
    reasons: tuple[ReasonText, ...]
    demand: Demand
    policy: str
    receipt: ReceiptView
    challenge: ChallengeOffer | None = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """``count`` entries are durable; ``id`` names the one (or the last) of them."""

    id: str
    receipt: ReceiptView
    count: int = 1


class PastEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened elsewhere, to be recorded only. ``time`` None: now."""

    attempt: Attempt
    time: int | None = None
    source: str = ""


class PassedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge was passed. ``grant`` is the one copy in clear of what the next attempt uses up.

    ``session`` is a fresh id that the session should go on with: report it with the outcome of the attempt, and the old
    one holds nothing any more. ``device`` is the cookie of a device that is to be remembered, "" for none.
    """

    grant: str
    aal: AAL
    amr: tuple[str, ...]
    expires: int
    receipt: ReceiptView
    session: str = ""
    device: str = ""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """A person is erased: ``id`` names the entry that says so.

    ``openings`` counts the entries whose personal fields are gone, ``factors`` the secrets that went with them.
    """

    id: str
    openings: int
    factors: int
    receipt: ReceiptView


class TotpEnrolment(msgspec.Struct, frozen=True, kw_only=True):
    """A new TOTP secret (base32) and its ``otpauth:`` URI; shown once."""

    secret: str
    uri: str


class EntryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries to read. Empty and None filter nothing; ``cursor`` is what a page of the same order gave."""

    actor: str = ""
    ip: str = ""
    action: str = ""
    outcome: Outcome | None = None
    decision: Verdict | None = None
    kind: str = ""
    since: int | None = None
    until: int | None = None
    limit: int = 100
    cursor: str = ""
    newest_first: bool = False


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: ``entry`` is the leaf as stored; ``personal`` its opened fields, None where erased or not shown."""

    index: int
    id: str
    entry: bytes
    personal: dict[str, str] | None


class EntryPage(msgspec.Struct, frozen=True, kw_only=True):
    """``next_cursor`` is empty on the last page; ``opened``: whether personal fields are shown."""

    entries: tuple[EntryView, ...]
    next_cursor: str = ""
    opened: bool = True


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls: the key's id (never its secret) and what it may do."""

    id: str
    scopes: frozenset[Scope]


class ServiceMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the service in figures, read at one moment."""

    log_size: int
    queue_depth: int
    queue_limit: int
    uptime_s: float
    actors: int = 0
    open_challenges: int = 0
    archived: int = -1
    archive_failures: int = 0
    witnessing: WitnessFigures | None = None
    emergency: bool = False
    candidate: bool = False


class ArchiveFigures(msgspec.Struct, kw_only=True):
    """How archiving goes since the start: entries in the archive (-1: not known, or none), rounds that failed."""

    size: int = -1
    failures: int = 0
