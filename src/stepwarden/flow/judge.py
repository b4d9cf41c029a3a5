"""The decision itself: signals, risk, demand, verdict. Pure; the one scoring path of the whole project.

A running service and the recomputing of a log (``audit``) come through ``judge``, the replay of somebody else's log
(``lab``) through ``weigh``, which ``judge`` is made of. What goes in: the state that the log so far amounts to, the
policy, the facts. What comes out is what the entry records.
"""

from collections.abc import Callable

import msgspec

from stepwarden.events.entries import Evidence, Standing, Verdict
from stepwarden.events.facts import Facts
from stepwarden.policy.demand import raised
from stepwarden.policy.policy import Assessment, Policy, decide
from stepwarden.signals.state import SignalState, Values
from stepwarden.stepup.issue import prospect
from stepwarden.stepup.state import StepUpState

LOG_DOUBTED = "log_doubted"
"""The id that stands among the evidence while the log is in doubt: something outside knows another one."""


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
) -> Judgement:
    """Decide one attempt against a standing. ``now`` in microseconds; freshness is measured by it alone.

    ``doubted``: the log may have lost entries, and risk with them, so what is demanded is the highest.
    """
    values = signals.read(facts)
    assessment = policy.assess(facts, values, standing)
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
    found = weigh(signals, policy, facts, standing, granted, now, doubted=doubted)
    if found.verdict == "step_up":
        asked = prospect(stepup, actor=facts.actor, session=facts.session, binding=bind(), now=now)
        if asked == "bombed":
            # Push bombing (T1621): whoever has just been asked three times in vain is not asked a fourth time.
            return Judgement(found.values, standing, granted, found.assessment, "deny")
    return found
