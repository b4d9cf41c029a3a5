"""A site that is a running server, spoken to over HTTP as any application does.

The server decides by its own clock, so a plan of days is told to it in minutes: ``speed`` says how many seconds of the
plan pass in one of the clock. All that a signal measures in time shrinks with it; an authenticator's codes do not, and
whoever has just used one waits for the next. Probes are passed over, since a server records whatever it decides.
Where the server is slower than the plan, the plan waits: nothing is left out, and nothing overtakes.

The people of one run are new to the server: ``suffix`` is put behind every name. They enrol an authenticator before
anything else, and the secrets are kept in memory until the run ends.

>>> Pace(begin=1_000_000, speed=60.0, wall=500_000_000).wall_of(61_000_000) - 500_000_000
1000000

Not here: opening connections and starting servers (``cli``); who asks what when (``engine``).
"""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import msgspec

from stepwarden.errors import InputError, StepwardenError
from stepwarden.events.attempt import Attempt, Outcome
from stepwarden.events.entries import Evidence, Verdict
from stepwarden.lab.simulate.codes import first_unused, not_shown, shown
from stepwarden.lab.simulate.site import Decided
from stepwarden.stepup.factors import totp

SECOND: Final = 1_000_000
TRIES: Final = 20
"""How often a call is made that the server is too busy for."""
BUSY: Final = "service.busy"


T = TypeVar("T")


class Said(msgspec.Struct, frozen=True):
    """A server's answer. ``wait``: how many seconds it asks for before the next try."""

    status: int
    body: bytes
    wait: float = 0.0


class Post(Protocol):
    """``POST path`` with a JSON body and this run's API key.

    Raises:
        StepwardenError: nobody answered.
    """

    def __call__(self, path: str, body: bytes) -> Said: ...


class There(Decided, frozen=True, kw_only=True, gc=False):
    """A decision of the server. ``id`` is the attempt's public name; ``proved`` what had been reported with it."""

    id: str
    proved: tuple[str, ...]


@dataclass(slots=True)
class Pace:
    """Plan and clock: at ``wall`` (microseconds, the clock's) the plan was at ``begin``, ``speed`` times as fast."""

    begin: int
    speed: float
    wall: int

    def wall_of(self, time: int) -> int:
        """When something that is planned for ``time`` is due by the clock."""
        return self.wall + int((time - self.begin) / self.speed)


class _Reason(msgspec.Struct, frozen=True):
    rule: str
    weight: float = 0.0


class _Demand(msgspec.Struct, frozen=True):
    aal: int = 0


class _Challenge(msgspec.Struct, frozen=True):
    id: str
    factors: tuple[str, ...] = ()
    ready: bool = False


class _Answer(msgspec.Struct, frozen=True):
    id: str
    decision: Verdict
    risk: float
    reasons: tuple[_Reason, ...] = ()
    demand: _Demand = _Demand()
    challenge: _Challenge | None = None


class _Grant(msgspec.Struct, frozen=True):
    grant: str


class _Secret(msgspec.Struct, frozen=True):
    secret: str


class _Problem(msgspec.Struct, frozen=True):
    code: str = ""
    detail: str = ""


class LiveSite:
    """See the module. Satisfies ``site.Site``."""

    def __init__(
        self,
        post: Post,
        pace: Pace,
        *,
        clock: Callable[[], int],
        sleep: Callable[[float], None],
        suffix: str,
        prior: int,
    ) -> None:
        """``clock`` in microseconds since 1970; ``prior`` of the server's policy, in thousandths of a nat."""
        self._post = post
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._suffix = suffix
        self._prior = prior
        self._secrets: dict[str, bytes] = {}
        self._used: dict[str, int] = {}

    def enrol(self, actors: Iterable[str]) -> None:
        """Give each of them an authenticator; then the plan begins.

        Raises:
            InputError: somebody of this name has a factor on this server.
        """
        for actor in actors:
            said = self._call(f"/v1/actors/{actor}{self._suffix}/factors/totp", {})
            secret = _read(said, _Secret).secret
            self._secrets[actor] = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self._pace.wall = self._clock()

    def arrive(self, time: int) -> None:
        """See ``Site``."""
        ahead = self._pace.wall_of(time) - self._clock()
        if ahead > 0:
            self._sleep(ahead / SECOND)

    def decide(self, attempt: Attempt, time: int, grant: str = "") -> There:
        """See ``Site``. ``score`` is the sum of what the server says of its reasons."""
        actor = attempt.actor + self._suffix if attempt.actor else ""
        asked = msgspec.structs.replace(attempt, actor=actor, grant=grant or attempt.grant)
        found = _read(self._call("/v1/attempts", asked), _Answer)
        evidence = tuple(Evidence(one.rule, round(one.weight * 1000)) for one in found.reasons)
        challenge = found.challenge
        return There(
            decision=found.decision,
            score=self._prior + sum(one.weight for one in evidence),
            risk=round(found.risk * 1_000_000),
            aal=found.demand.aal,
            evidence=evidence,
            challenge=challenge.id if challenge is not None else "",
            ready=challenge is not None and challenge.ready and "totp" in challenge.factors,
            id=found.id,
            proved=attempt.proved,
        )

    def weigh(self, attempt: Attempt, time: int) -> None:
        """See ``Site``: it cannot."""

    def report(self, decided: There, outcome: Outcome, opens: str, time: int) -> None:
        """See ``Site``."""
        body = {"outcome": outcome, "proved": decided.proved, "session": opens}
        self._call(f"/v1/attempts/{decided.id}/outcome", body)

    def fresh_code(self, actor: str, time: int) -> int:
        """See ``Site``."""
        due = max(self._pace.wall_of(time), self._clock())
        waits = first_unused(self._used.get(actor, -1), due) - due
        return time + int(waits * self._pace.speed)

    def answer(self, decided: There, actor: str, time: int, *, right: bool) -> str:
        """See ``Site``."""
        secret, now = self._secrets.get(actor, b""), self._clock()
        if not secret:
            return ""
        code = shown(secret, now) if right else not_shown(secret, now)
        body = {"factor": "totp", "answer": code}
        said = self._call(f"/v1/challenges/{decided.challenge}/answer", body, refusable=True)
        if said.status != 200:
            return ""
        self._used[actor] = totp.step_of(now)
        return _read(said, _Grant).grant

    def deny(self, decided: There, time: int) -> None:
        """See ``Site``."""
        self._call(f"/v1/challenges/{decided.challenge}/deny", {}, refusable=True)

    def _call(self, path: str, body: object, *, refusable: bool = False) -> Said:
        """One call, again while the server is busy.

        Args:
            refusable: whether a refusal is an answer like others.

        Raises:
            InputError: the server refuses it.
            StepwardenError: it is still too busy after ``TRIES``, or something is wrong with it.
        """
        encoded = msgspec.json.encode(body)
        for _ in range(TRIES):
            said = self._post(path, encoded)
            problem = _problem(said)
            if problem.code == BUSY:
                self._sleep(max(said.wait, 0.05))
                continue
            if said.status < 300 or (refusable and said.status < 500):
                return said
            raise InputError(
                f"the server refused POST {path} with {said.status} {problem.code}: {problem.detail}",
                field="server",
            )
        raise StepwardenError("the server has been too busy for too long: use a lower --speed")


def _read(said: Said, kind: type[T]) -> T:
    """Raises: InputError: whatever answered was no Stepwarden."""
    try:
        return msgspec.json.decode(said.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InputError(
            f"the server's answer makes no sense, is it Stepwarden? {exc}", field="server"
        ) from exc


def _problem(said: Said) -> _Problem:
    """What the server says was wrong; nothing where it says it in no way of ours."""
    try:
        return msgspec.json.decode(said.body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Problem()
