"""A site in this process: describes, judges and folds what a running service would, and writes nothing down.

The state is that of signals and of step-up, and nothing gets into it except entries: the same kinds with the same
fields, in the same order, as ``flow.attempts`` and ``flow.stepups`` append for an application that holds a key of the
API. So a policy sees the same signals, standings, prompts and locks here and there; ``tests/lab`` drives both and
compares. What else a log amounts to (keys that were used, policies, doubts) decides nothing here, and is left out.

What differs: tokens are the values themselves, no entry has digests or random ids, and a challenge that nobody
answers expires at the microsecond, not with the server's next sweep. Everybody enrolled has one TOTP authenticator
(``codes``). Time is the plan's; nothing here asks a clock or for entropy.

Not here: who comes when (``engine``).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from stepwarden.events.attempt import Attempt, Outcome
from stepwarden.events.entries import (
    AttemptDecided,
    ChallengePassed,
    Entry,
    FactorEnrolled,
    OutcomeReported,
    PolicyChanged,
    ServiceStarted,
    Standing,
)
from stepwarden.events.facts import Facts
from stepwarden.flow.facts import Describer
from stepwarden.flow.judge import Around, Judgement, around_of, judge
from stepwarden.lab.simulate.codes import first_unused, not_shown, secret_of, shown
from stepwarden.lab.simulate.site import Decided
from stepwarden.policy.policy import Policy
from stepwarden.signals.limits import Limits
from stepwarden.signals.state import SignalState
from stepwarden.signals.travel import Position
from stepwarden.stepup import gate
from stepwarden.stepup.assurance import admitted, classes
from stepwarden.stepup.binding import binding, grant_hash
from stepwarden.stepup.factors import totp
from stepwarden.stepup.issue import ENTROPY_BYTES, ENTRY_ID_BYTES, already_proved, expired, issue, prospect
from stepwarden.stepup.means import Means, Minting
from stepwarden.stepup.state import StepUpState

FACTOR: Final = "totp"
CREDENTIAL: Final = "authenticator"


class Here(Decided, frozen=True, kw_only=True, gc=False):
    """A decision of this process: with what its report needs, and what ``whole`` keeps of it."""

    index: int
    facts: Facts
    position: Position | None
    standing: Standing
    granted: Standing | None
    around: Around | None
    bombed: bool


class _Authenticators:
    """Everybody's secret, without keeping any."""

    def get(self, actor: str, factor: str) -> Sequence[tuple[str, bytes]]:
        return [(CREDENTIAL, secret_of(actor))] if factor == FACTOR else []


class Folded:
    """What the entries so far amount to, as far as decisions depend on it. ``size`` of them, the last at ``time``."""

    def __init__(self, limits: Limits) -> None:
        self.signals = SignalState(limits)
        self.stepup = StepUpState()
        self.size = 0
        self.time = 0

    def fold(self, entry: Entry) -> int:
        """Take in the next entry; its index.

        Raises:
            ValueError: its time is before that of the entry before it.
        """
        if entry.time < self.time:
            raise ValueError("entries come in order of time")
        index = self.size
        self.size, self.time = index + 1, entry.time
        self.signals.fold(entry)
        self.stepup.fold(entry, index)
        return index


class OfflineSite:
    """See the module. Satisfies ``site.Site``."""

    def __init__(
        self, describer: Describer, policy: Policy, limits: Limits, time: int, *, whole: bool = True
    ) -> None:
        """A site that starts at ``time`` (microseconds) and knows nobody.

        Args:
            whole: whether its decisions say what was demanded beside the policy (``around``, ``bombed``): another
                policy can be put in the place of this one by that (``whole``), and nothing else asks.
        """
        self.describer = describer
        self.policy = policy
        self.state = Folded(limits)
        self.state.signals.define([policy.signals])
        self._means = Means(
            secrets=_Authenticators(), keyed=_hashed, mint=_mint, rp_id="", origins=frozenset()
        )
        self._whole = whole
        self._numbers = 0
        self._expiries: deque[int] = deque()
        bounds = limits.as_dict()
        self.state.fold(
            ServiceStarted(time=time, id="", version="", size=0, settings="", signal_limits=bounds)
        )
        self.state.fold(
            PolicyChanged(time=time, id="", policy=policy.hash, text=policy.text, name=policy.name)
        )

    def enrol(self, actors: Iterable[str], time: int) -> None:
        """These people have an authenticator, since ``time``; not before what was folded last."""
        for actor in actors:
            self.state.fold(
                FactorEnrolled(time=time, id="", actor=actor, factor=FACTOR, credential=CREDENTIAL)
            )

    def arrive(self, time: int) -> None:
        """See ``Site``. Challenges that nobody answered in time end, each when its time was over."""
        while self._expiries and self._expiries[0] <= time:
            over = self._expiries.popleft()
            for challenge in self.state.stepup.due(over):
                self.state.fold(expired(challenge, now=over, entropy=bytes(ENTRY_ID_BYTES)))

    def decide(self, attempt: Attempt, time: int, grant: str = "") -> Here:
        """See ``Site``."""
        grant = grant or attempt.grant
        facts, position = self._describe(attempt, time)
        found, bound = self._judge(attempt, facts, time, grant)
        around, bombed = self._beside(facts, bound, time)
        assessment = found.assessment
        entry = AttemptDecided(
            time=time,
            id="",
            facts=facts,
            signals={},
            evidence=assessment.evidence,
            score=assessment.score,
            risk=assessment.risk,
            demand=assessment.demand,
            standing=found.standing,
            decision=found.verdict,
            policy=self.policy.hash,
            binding=bound,
            grant=grant_hash(grant) if found.granted is not None else "",
        )
        index = self.state.fold(entry)
        challenge, ready = self._challenge(entry, index) if found.verdict == "step_up" else ("", False)
        return _here(found, facts, position, index, challenge, ready, around, bombed)

    def weigh(self, attempt: Attempt, time: int) -> Here:
        """See ``Site``. Whether a challenge would be ready is told, though none is issued."""
        facts, position = self._describe(attempt, time)
        found, bound = self._judge(attempt, facts, time, attempt.grant)
        ready = found.verdict == "step_up" and self._could(found, facts)
        return _here(found, facts, position, -1, "", ready, *self._beside(facts, bound, time))

    def _beside(self, facts: Facts, bound: str, time: int) -> tuple[Around | None, bool]:
        """What is demanded beside the policy, and whether a step-up would be refused for too many prompts."""
        if not self._whole:
            return None, False
        stepup = self.state.stepup
        asked = prospect(stepup, actor=facts.actor, session=facts.session, binding=bound, now=time)
        return around_of(stepup, facts, time), asked == "bombed"

    def _could(self, found: Judgement, facts: Facts) -> bool:
        demand = found.assessment.demand
        able = FACTOR in self.state.stepup.people.enrolled(facts.actor)
        would_do = FACTOR in admitted(demand.aal, demand.recovery, demand.methods)
        return able and would_do and bool(classes(already_proved(found.standing, facts.proved)))

    def report(self, decided: Here, outcome: Outcome, opens: str, time: int) -> None:
        """See ``Site``."""
        facts = msgspec.structs.replace(decided.facts, outcome=outcome)
        learn = outcome == "success" and decided.decision == "allow"
        self.state.fold(
            OutcomeReported(
                time=time,
                id="",
                previous=decided.index,
                facts=facts,
                decision=decided.decision,
                session=opens,
                learn=learn,
            )
        )
        if learn and decided.position is not None:
            self.describer.places.arrived(facts.actor, decided.position, facts.time)

    def fresh_code(self, actor: str, time: int) -> int:
        """See ``Site``."""
        people, step = self.state.stepup.people, totp.step_of(time)
        used = people.fresh(actor, FACTOR, CREDENTIAL, step) is False
        # What was used is a step that the server accepted: this one, or the one after it.
        return self.fresh_code(actor, first_unused(step, time)) if used else time

    def answer(self, decided: Here, actor: str, time: int, *, right: bool) -> str:
        """See ``Site``."""
        secret = secret_of(actor)
        code = shown(secret, time) if right else not_shown(secret, time)
        entry, passed = gate.answer(
            self.state.stepup,
            self._means,
            decided.challenge,
            FACTOR,
            code,
            time,
            self._entropy(gate.ENTROPY_BYTES),
        )
        self.state.fold(entry)
        return passed.grant if isinstance(entry, ChallengePassed) and passed is not None else ""

    def deny(self, decided: Here, time: int) -> None:
        """See ``Site``."""
        entry = gate.denied(
            self.state.stepup, decided.challenge, time, self._entropy(ENTRY_ID_BYTES), by="service"
        )
        if entry is not None:
            self.state.fold(entry)

    def _describe(self, attempt: Attempt, time: int) -> tuple[Facts, Position | None]:
        return self.describer.facts(attempt, actor=attempt.actor, time=time)

    def _judge(self, attempt: Attempt, facts: Facts, time: int, grant: str) -> tuple[Judgement, str]:
        """The judgement, and the binding where it was asked for."""
        bound = ""

        def bind() -> str:
            nonlocal bound
            bound = bound or binding(
                facts.action, facts.actor, facts.session, attempt.resource, attempt.parameters
            )
            return bound

        state = self.state
        found = judge(
            state.signals,
            state.stepup,
            self.policy,
            facts,
            now=time,
            bind=bind,
            grant=grant_hash(grant) if grant else "",
            doubted=False,
        )
        return found, bound

    def _challenge(self, entry: AttemptDecided, index: int) -> tuple[str, bool]:
        """Issue a challenge, or offer the one that is open for the same; its name, and whether a code would do now."""
        stepup = self.state.stepup
        issued, offered = issue(stepup, entry, index, now=entry.time, entropy=self._entropy(ENTROPY_BYTES))
        able = FACTOR in offered.factors
        if issued is None:
            return offered.challenge, offered.ready and able
        self.state.fold(issued)
        self._expiries.append(issued.expires)
        opened = stepup.challenge(issued.challenge)
        return issued.challenge, opened is not None and opened.ready and able

    def _entropy(self, size: int) -> bytes:
        """Never the same twice: what ids need. Nobody guesses at them here."""
        self._numbers += 1
        return self._numbers.to_bytes(size, "little")


def _here(
    found: Judgement,
    facts: Facts,
    position: Position | None,
    index: int,
    challenge: str,
    ready: bool,
    around: Around | None,
    bombed: bool,
) -> Here:
    assessment = found.assessment
    return Here(
        decision=found.verdict,
        score=assessment.score,
        risk=assessment.risk,
        aal=assessment.demand.aal,
        evidence=assessment.evidence,
        challenge=challenge,
        ready=ready,
        values=found.values,
        address_kind=facts.address_kind,
        index=index,
        facts=facts,
        position=position,
        standing=found.standing,
        granted=found.granted,
        around=around,
        bombed=bombed,
    )


def _hashed(data: bytes) -> str:
    return blake2b(data, digest_size=32).hexdigest()


def _mint(minting: Minting) -> str:
    return f"grant {minting.id}"
