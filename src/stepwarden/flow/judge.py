"""The decision itself: signals, risk, demand, verdict. Pure; the one scoring path of the whole project.

A running service and the recomputing of a log (``audit``) come through ``judge``, the replay of somebody else's log
(``lab``) through ``weigh``, which ``judge`` is made of. What goes in: the state that the log so far amounts to, the
policy, the facts. What comes out is what the entry records.
"""

from collections.abc import Callable

import msgspec

from stepwarden.events.entries import AAL, Demand, Evidence, Standing, Verdict
from stepwarden.events.facts import Facts
from stepwarden.policy.demand import NOTHING, raised, strongest
from stepwarden.policy.policy import Assessment, Policy, decide
from stepwarden.signals.actions import is_sign_in
from stepwarden.signals.state import SignalState, Values
from stepwarden.stepup.assurance import at_least, reach
from stepwarden.stepup.issue import prospect
from stepwarden.stepup.state import StepUpState

LOG_DOUBTED = "log_doubted"
"""The id that stands among the evidence while the log is in doubt: something outside knows another one."""
SESSION_REVOKED = "session_revoked"
"""The id that stands among the evidence of what was tried in a session that was revoked."""
PROTECTED = ("factor.", "security.")
"""Actions that begin so change how somebody proves who they are: they take the strongest factor that person has."""
PROTECTED_AGE = 300
"""Seconds since that proof."""


class Judgement(msgspec.Struct, frozen=True):
    """Everything that led to the verdict, and the verdict."""

    values: Values
    standing: Standing
    granted: Standing | None
    assessment: Assessment
    verdict: Verdict


def weigh(
    signals: SignalState,
    policy: Policy,
    facts: Facts,
    standing: Standing,
    granted: Standing | None,
    now: int,
    *,
    doubted: bool,
    beside: Callable[[Assessment], Assessment] | None = None,
) -> Judgement:
    """Decide one attempt against a standing. ``now`` in microseconds; freshness is measured by it alone.

    Args:
        doubted: the log may have lost entries, and risk with them, so what is demanded is the highest.
        beside: adds what is demanded beside the policy.
    """
    values = signals.read(facts)
    assessment = policy.assess(facts, values, standing)
    if beside is not None:
        assessment = beside(assessment)
    if doubted:
        assessment = msgspec.structs.replace(
            assessment,
            evidence=(*assessment.evidence, Evidence(LOG_DOUBTED, 0)),
            demand=raised(assessment.demand),
        )
    return Judgement(values, standing, granted, assessment, decide(assessment.demand, standing, now, granted))


def judge(
    signals: SignalState,
    stepup: StepUpState,
    policy: Policy,
    facts: Facts,
    *,
    now: int,
    bind: Callable[[], str],
    grant: str,
    doubted: bool,
) -> Judgement:
    """Decide one attempt with the standing and the grant that the log knows of.

    Args:
        bind: gives the keyed hash of action, person, session, resource and parameters. Asked only where it matters:
            when a grant came along, or a step-up is asked for.
        grant: SHA-256 (hex) of the grant that came with the attempt, "" for none.
        doubted: whether the log so far is in doubt (``LogState.doubted``).
    """
    standing = stepup.standing(facts.actor, facts.session, now)
    granted = stepup.grant(grant, bind(), now) if grant else None
    beside = None
    if facts.asked_aal or facts.asked_max_age >= 0 or facts.action.startswith(PROTECTED):
        beside = _beside(stepup, facts, now)
    if stepup.standings.is_revoked(facts.actor, facts.session) and not is_sign_in(facts.action):
        beside = _revoked
    found = weigh(signals, policy, facts, standing, granted, now, doubted=doubted, beside=beside)
    if found.verdict == "step_up":
        asked = prospect(stepup, actor=facts.actor, session=facts.session, binding=bind(), now=now)
        if asked == "bombed":
            # Push bombing (T1621): whoever has just been asked three times in vain is not asked a fourth time.
            return Judgement(found.values, standing, granted, found.assessment, "deny")
    return found


def _beside(stepup: StepUpState, facts: Facts, now: int) -> Callable[[Assessment], Assessment]:
    """What the caller asks for, and what a change of factors takes, on top of the policy's demand."""
    levels: tuple[AAL, ...] = (0, 1, 2, 3)
    asked = Demand(aal=levels[min(3, facts.asked_aal)], max_age=facts.asked_max_age)
    own, recovery = NOTHING, False
    if facts.action.startswith(PROTECTED):
        kind = stepup.people.strongest(facts.actor)
        recovery = stepup.people.recovery_open(facts.actor, now)
        if kind is not None:
            own = Demand(aal=reach(kind), max_age=PROTECTED_AGE, methods=at_least(kind))

    def joined(found: Assessment) -> Assessment:
        demand = strongest(found.demand, asked, own)
        if recovery and not demand.deny:
            # Whoever lost everything has waited for as long as the hold lasts.
            demand = msgspec.structs.replace(demand, recovery=True)
        return msgspec.structs.replace(found, demand=demand)

    return joined


def _revoked(found: Assessment) -> Assessment:
    return msgspec.structs.replace(
        found,
        evidence=(*found.evidence, Evidence(SESSION_REVOKED, 0)),
        demand=msgspec.structs.replace(found.demand, deny=True),
    )
