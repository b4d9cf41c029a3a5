"""A small fake of the service: fixed answers, and a memory of what it was asked."""

from collections.abc import Callable, Sequence
from typing import Any

from stepwarden.errors import NotFoundError, UnauthenticatedError
from stepwarden.events.attempt import Attempt, Method, Outcome
from stepwarden.events.entries import Demand
from stepwarden.flow.answers import (
    Answer,
    ApiKey,
    ChallengeOffer,
    EntryPage,
    EntryQuery,
    EntryView,
    Erased,
    PassedAnswer,
    PastEvent,
    ReasonText,
    ReceiptView,
    Recorded,
    Scope,
    ServiceMetrics,
    TotpEnrolment,
)
from stepwarden.flow.policies import StepAsked
from stepwarden.flow.policy_views import PoliciesView, PolicyRow, PolicyView
from stepwarden.gateway.service import Service
from stepwarden.ledger.tiles import TilePath
from tests.gateway.gateway_proving import FakeProving

CHECKPOINT = (
    "warden.example/log\n13\nKioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=\n\n— warden.example/log c2ln\n"
)
RECEIPT = ReceiptView(index=12, size=13, checkpoint=CHECKPOINT)
EXPIRES = 1_767_225_600_000_000
SCOPES: tuple[Scope, ...] = ("decide", "report", "read", "administer", "audit")
PASSED = PassedAnswer(
    grant="g-1", aal=2, amr=("pwd", "otp"), expires=EXPIRES, session="s-new", receipt=RECEIPT
)
KEYS = {"sw_all_secret": ApiKey(id="all", scopes=frozenset(SCOPES))} | {
    f"sw_{scope}_secret": ApiKey(id=scope, scopes=frozenset({scope})) for scope in SCOPES
}


class FakeFiles:
    """A published log of two entries: a partial tile of level 0 and a partial bundle."""

    def __init__(self) -> None:
        self.readers: list[str] = []
        self.asked: list[TilePath] = []

    def checkpoint(self, *, by: str) -> str:
        self.readers.append(by)
        return CHECKPOINT

    async def fetch(self, path: TilePath, *, by: str) -> bytes | None:
        self.readers.append(by)
        self.asked.append(path)
        if path.index == 0 and path.width in (1, 2, 256) and not path.level:
            return bytes(32 * path.width)
        return None

    async def receipt(self, index: int, *, by: str) -> str:
        self.readers.append(by)
        if index > 12:
            raise NotFoundError("not published yet")
        return "c2sp.org/tlog-proof@v1\nindex 12\n\n" + CHECKPOINT


class FakePolicies:
    """One live policy, and a memory of the steps that were asked for."""

    def __init__(self, called: Callable[[str, object], None]) -> None:
        self._called = called

    def find(self, word: str) -> str:
        if word.startswith("404"):
            raise NotFoundError("there is no such policy")
        return "ab" * 32

    def listing(self) -> PoliciesView:
        return PoliciesView(
            live="ab" * 32, candidate="", before="", file="ab" * 32, emergency=None, policies=[self._row()]
        )

    def show(self, word: str) -> PolicyView:
        return PolicyView(row=self._row(), text="version: 1\n", steps=[])

    def _row(self) -> PolicyRow:
        return PolicyRow(policy="ab" * 32, name="mine", stage="live")

    async def step(self, asked: StepAsked, *, by: str) -> Recorded:
        self._called("step", (asked, by))
        if asked.policy.startswith("404"):
            raise NotFoundError("there is no such policy")
        return Recorded(id="13-hgfedcba", receipt=RECEIPT)

    async def emergency(self, on: bool, *, reason: str, by: str) -> Recorded:
        self._called("emergency", (on, reason, by))
        return Recorded(id="13-hgfedcba", receipt=RECEIPT)


class FakeService:
    """``decision`` is what it answers; ``fails`` is raised by whatever is asked next; ``calls`` is what came."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.files = FakeFiles()
        self.calls: list[tuple[str, Any]] = []
        self.exceptions: list[tuple[str, str, str, str, str]] = []
        self.decisions: list[str] = []
        self.fails: Exception | None = None
        self.exception_fails: Exception | None = None
        self.is_ready: tuple[bool, str] = (True, "")
        self.proving = FakeProving(self._called, PASSED)
        self.policies = FakePolicies(self._called)

    def _called(self, name: str, what: object) -> None:
        self.calls.append((name, what))
        if self.fails is not None:
            raise self.fails

    async def decide(self, attempt: Attempt, *, by: str, idempotency_key: str = "") -> Answer:
        self._called("decide", (attempt, by, idempotency_key))
        decision = self.decisions.pop(0) if self.decisions else "allow"
        return answer_of(decision)

    async def report(
        self, attempt_id: str, *, outcome: Outcome, proved: Sequence[Method], session: str, by: str
    ) -> Recorded:
        self._called("report", (attempt_id, outcome, tuple(proved), session, by))
        if attempt_id.startswith("404"):
            raise NotFoundError("there is no such attempt")
        return Recorded(id="13-hgfedcba", receipt=RECEIPT)

    async def record(self, events: Sequence[PastEvent], *, by: str) -> Recorded:
        self._called("record", (list(events), by))
        return Recorded(id="14-hgfedcba", receipt=RECEIPT, count=len(events))

    async def answer(self, challenge_id: str, *, factor: str, answer: str, by: str) -> PassedAnswer:
        self._called("answer", (challenge_id, factor, answer, by))
        return PASSED

    async def enrol_totp(self, actor: str, *, attempt: str, by: str) -> TotpEnrolment:
        self._called("enrol_totp", (actor, attempt, by))
        return TotpEnrolment(
            secret="JBSWY3DPEHPK3PXP", uri="otpauth://totp/S:a?secret=JBSWY3DPEHPK3PXP&issuer=S"
        )

    async def make_recovery_codes(self, actor: str, *, attempt: str, by: str) -> list[str]:
        self._called("make_recovery_codes", (actor, attempt, by))
        return ["aaaa-bbbb", "cccc-dddd"]

    async def read_recorded(self, action: str, *, by: str, target: str = "", rows: int = 0) -> None:
        self._called("read_recorded", (action, by, target, rows))

    async def erase(self, actor: str, *, reason: str, by: str) -> Erased:
        self._called("erase", (actor, reason, by))
        return Erased(id="14-hgfedcba", openings=3, factors=1, receipt=RECEIPT)

    async def export(self, actor: str, *, reason: str, by: str) -> bytes:
        self._called("export", (actor, reason, by))
        return (
            b'{"format":"stepwarden/subject@v1","log":"warden.example/log","made":"2026-01-01T00:00:00Z",'
            b'"actor":"alice","address":"","token":"t","entries":[\n],"factors":[],"sessions":[],"count":0}\n'
        )

    async def entries(
        self, query: EntryQuery, *, by: str, opened: bool = True, reason: str = ""
    ) -> EntryPage:
        self._called("entries", (query, by))
        leaf = b'{"id":"abcdefgh","kind":"service.stopped","reason":"asked to","time":1}'
        views = (
            EntryView(index=0, id="0-abcdefgh", entry=leaf, personal={"actor": "alice"}),
            EntryView(index=1, id="1-abcdefgh", entry=leaf, personal=None),
        )
        return EntryPage(entries=views, next_cursor="2", opened=opened)

    def checkpoint(self) -> str:
        return CHECKPOINT

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        self._called("inclusion_proof", (index, size))
        return [bytes(32), bytes(31) + b"\x01"]

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        self._called("consistency_proof", (old, new))
        return [bytes(32)]

    async def exception(self, code: str, where: str, detail: str, field: str, by: str) -> None:
        if self.exception_fails is not None:
            raise self.exception_fails
        self.exceptions.append((code, where, detail, field, by))

    def authenticate(self, bearer: str) -> ApiKey:
        try:
            return KEYS[bearer]
        except KeyError:
            raise UnauthenticatedError(f"unknown key {bearer}") from None

    def ready(self) -> tuple[bool, str]:
        return self.is_ready

    def metrics_snapshot(self) -> ServiceMetrics:
        return ServiceMetrics(log_size=13, queue_depth=2, queue_limit=4096, uptime_s=1.5, actors=3)


def answer_of(decision: str) -> Answer:
    step_up = decision == "step_up"
    return Answer(
        id="12-abcdefgh",
        decision=decision,  # type: ignore[arg-type]  # the tests name only the three
        risk=0.31,
        reasons=(
            ReasonText(rule="new_device", text="A device not seen before", weight=1.2, technique="T1078"),
        ),
        demand=Demand(aal=2, max_age=300, bound=True) if step_up else Demand(aal=1),
        policy="ab" * 32,
        receipt=RECEIPT,
        challenge=ChallengeOffer(id="c-abcdefgh", factors=("totp", "recovery"), expires=EXPIRES, ready=True)
        if step_up
        else None,
    )


def shape(fake: FakeService) -> Service:
    """The type checker's word that the fake has the Protocol's shape."""
    return fake
