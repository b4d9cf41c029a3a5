"""The JSON shapes of the HTTP API: what requests must be and how answers look.

The schemas in ``/openapi.json`` are generated from these classes, and answers are encoded from them, so that the
document and the behaviour cannot drift apart. Times on the wire are RFC 3339 in UTC.

>>> iso(1_767_225_600_000_000)
'2026-01-01T00:00:00Z'

Not here: AuthZEN's shapes (``authzen``).
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from stepwarden.events.attempt import NO_CONTROL, Attempt, Method, Outcome, ShortText
from stepwarden.events.entries import AAL, Demand, Verdict
from stepwarden.flow.answers import (
    Answer,
    ChallengeOffer,
    EntryPage,
    PassedAnswer,
    ReasonText,
    ReceiptView,
    Recorded,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
encode = msgspec.json.Encoder().encode

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Text = Annotated[str, msgspec.Meta(max_length=256, pattern=NO_CONTROL)]


def iso(microseconds: int) -> str:
    """RFC 3339 in UTC, with as many decimals as needed."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A body: unknown fields are refused, so that a misspelt one is not taken for its default."""


class OutcomeReport(Request, frozen=True, kw_only=True):
    """How an attempt ended. `unknown` with `proved` says: the first factor was right, the challenge is open."""

    outcome: Outcome
    proved: Annotated[tuple[Method, ...], msgspec.Meta(max_length=8)] = ()
    session: Text = ""


class ChallengeAnswer(Request, frozen=True, kw_only=True):
    """One try to pass a challenge: a code, or (`webauthn`) the JSON text of the `PublicKeyCredential`."""

    factor: Literal["webauthn", "totp", "sms", "email", "recovery"]
    answer: Annotated[str, msgspec.Meta(min_length=1, max_length=16_384, pattern=NO_CONTROL)]


class FactorRequest(Request, frozen=True, kw_only=True):
    """`attempt`: the id of an allowed attempt `factor.enroll` by this person; needed once they have a factor."""

    attempt: Text = ""


class Event(Attempt, frozen=True, kw_only=True):
    """One line of the batch: an attempt that happened elsewhere, when, and who says so."""

    time: Instant | None = None
    source: ShortText = ""


class DemandShape(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold for the action to be allowed. `max_age` in seconds, -1: any time in this session."""

    aal: AAL
    max_age: int
    bound: bool
    recovery: bool
    deny: bool


class ChallengeShape(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge that may be answered until `expires`, and, if `ready`, already now. `url` is our page for it."""

    id: str
    factors: tuple[str, ...]
    expires: str
    ready: bool
    url: str


class AttemptAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The decision. `challenge` only beside `step_up`. `receipt` proves that the decision is in the log."""

    id: str
    decision: Verdict
    risk: float
    reasons: tuple[ReasonText, ...]
    demand: DemandShape
    policy: str
    receipt: ReceiptView
    challenge: ChallengeShape | None = None


class RecordedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The report is an entry of the log."""

    id: str
    receipt: ReceiptView


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All events of the batch are entries of the log."""

    recorded: int
    receipt: ReceiptView


class GrantAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The challenge was passed. Send `grant` with the same attempt again: it is used up by it.

    `session` is a fresh id that the session should go on with; report it as the outcome's `session`. `device` is the
    cookie of a device that is to be remembered, empty for none.
    """

    grant: str
    aal: AAL
    amr: tuple[str, ...]
    expires: str
    session: str
    device: str
    receipt: ReceiptView


class Nothing(Request, frozen=True, kw_only=True):
    """An empty object: `{}`."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """It is done, and an entry of the log where there is anything to record."""

    done: Literal[True] = True


class TotpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The new secret, shown once: as base32, as URI and as an SVG picture of its QR code."""

    uri: str
    secret: str
    svg: str


class RecoveryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The new codes, shown once."""

    codes: list[str]


class EntryShape(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as it stands in the log. `personal`: its opened personal fields; null where erased or not shown."""

    index: int
    id: str
    entry: msgspec.Raw
    personal: dict[str, str] | None


class EntriesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of entries. Give `next_cursor` as `cursor` to go on; empty on the last page.

    `opened`: whether personal fields are shown.
    """

    entries: list[EntryShape]
    next_cursor: str
    opened: bool


class InclusionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6962 audit path of entry `index` in the tree of `size` entries; hashes in base64."""

    index: int
    size: int
    hashes: list[str]


class ConsistencyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6962 consistency proof between two sizes; hashes in base64."""

    old: int
    new: int
    hashes: list[str]


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`ok`, or `unavailable`; `reason`, and whether every demand is raised, only for a key with the scope `read`."""

    status: Literal["ok", "unavailable"]
    reason: str = ""
    emergency: bool = False


class EntriesQuery(Request, frozen=True, kw_only=True):
    """The filters of the log."""

    actor: Annotated[Text, msgspec.Meta(description="The actor's id, in clear")] = ""
    ip: Annotated[Text, msgspec.Meta(description="The client's address, in clear")] = ""
    action: Annotated[ShortText, msgspec.Meta(description="The action's name")] = ""
    outcome: Annotated[Outcome | None, msgspec.Meta(description="How it ended")] = None
    decision: Annotated[Verdict | None, msgspec.Meta(description="What was decided")] = None
    kind: Annotated[ShortText, msgspec.Meta(description="The kind of entry, such as `attempt.decided`")] = ""
    since: Annotated[Instant | None, msgspec.Meta(description="Not before, RFC 3339")] = None
    until: Annotated[Instant | None, msgspec.Meta(description="Before, RFC 3339")] = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000, description="Entries on a page")] = 100
    cursor: Annotated[
        Text, msgspec.Meta(description="`next_cursor` of the page before, in the same order")
    ] = ""
    order: Annotated[Literal["oldest", "newest"], msgspec.Meta(description="Which entries come first")] = (
        "oldest"
    )
    reason: Annotated[
        str,
        msgspec.Meta(
            max_length=200,
            pattern=NO_CONTROL,
            description="Why; goes into the log. Without one an auditor sees no personal fields",
        ),
    ] = ""


_Size = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class InclusionQuery(Request, frozen=True, kw_only=True):
    """Which entry, in which tree."""

    index: Annotated[_Size, msgspec.Meta(description="The entry; less than `size`")]
    size: Annotated[_Size, msgspec.Meta(description="Of the tree; at most the size of the newest checkpoint")]


class ReceiptQuery(Request, frozen=True, kw_only=True):
    """Which entry."""

    index: Annotated[_Size, msgspec.Meta(description="The entry; the published checkpoint must cover it")]


class ConsistencyQuery(Request, frozen=True, kw_only=True):
    """Between which trees."""

    old: Annotated[_Size, msgspec.Meta(description="At least 1")]
    new: Annotated[
        _Size, msgspec.Meta(description="At least `old`, at most the size of the newest checkpoint")
    ]


@lru_cache(maxsize=1024)
def demand_shape(demand: Demand) -> DemandShape:
    """All fields spelled out. A policy has few distinct demands, so they are kept."""
    return DemandShape(
        aal=demand.aal,
        max_age=demand.max_age,
        bound=demand.bound,
        recovery=demand.recovery,
        deny=demand.deny,
    )


def challenge_shape(offer: ChallengeOffer, base: str) -> ChallengeShape:
    """The offer as callers see it; ``base`` is our public URL."""
    return ChallengeShape(
        id=offer.id,
        factors=offer.factors,
        expires=iso(offer.expires),
        ready=offer.ready,
        url=f"{base}/step-up/{offer.id}",
    )


def recorded_answer(done: Recorded) -> bytes:
    """The JSON of what says only that it is recorded."""
    return encode(RecordedAnswer(id=done.id, receipt=done.receipt))


def attempt_answer(answer: Answer, base: str) -> bytes:
    """The JSON of a decision; ``base`` is our public URL."""
    offer = answer.challenge
    return encode(
        AttemptAnswer(
            id=answer.id,
            decision=answer.decision,
            risk=answer.risk,
            reasons=answer.reasons,
            demand=demand_shape(answer.demand),
            policy=answer.policy,
            receipt=answer.receipt,
            challenge=None if offer is None else challenge_shape(offer, base),
        )
    )


DONE = encode(Done())


def grant_answer(passed: PassedAnswer) -> bytes:
    return encode(
        GrantAnswer(
            grant=passed.grant,
            aal=passed.aal,
            amr=passed.amr,
            expires=iso(passed.expires),
            session=passed.session,
            device=passed.device,
            receipt=passed.receipt,
        )
    )


def entries_answer(page: EntryPage) -> bytes:
    """The leaves go out byte for byte as they are stored."""
    shapes = [
        EntryShape(index=view.index, id=view.id, entry=msgspec.Raw(view.entry), personal=view.personal)
        for view in page.entries
    ]
    return encode(EntriesAnswer(entries=shapes, next_cursor=page.next_cursor, opened=page.opened))
