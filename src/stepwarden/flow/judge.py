"""The decision itself: signals, risk, demand, verdict. Pure; the one scoring path of the whole project.

A running service, the recomputing of a log (``audit``) and the replay of somebody else's log (``lab``) all come
through here. What goes in: the state that the log so far amounts to, the policy, the facts. What comes out is what
the entry records.
"""

from dataclasses import dataclass

from stepwarden.events.entries import Standing, Verdict
from stepwarden.events.facts import Facts
from stepwarden.policy.policy import Assessment, Policy, decide
from stepwarden.signals.state import SignalState, Values
from stepwarden.stepup.issue import prospect
from stepwarden.stepup.state import StepUpState


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything that led to the verdict, and the verdict."""

    values: Values
    standing: Standing
    granted: Standing | None
    assessment: Assessment
    verdict: Verdict


def judge(
    signals: SignalState,
    stepup: StepUpState,
    policy: Policy,
    facts: Facts,
    *,
    now: int,
    binding: str,
    grant: str,
) -> Judgement:
    """Decide one attempt.

    Args:
        now: microseconds, the log's time of this entry; freshness is measured by it alone.
        binding: the keyed hash of action, person, session, resource and parameters.
        grant: SHA-256 (hex) of the grant that came with the attempt, "" for none.
    """
    values = signals.read(facts)
    standing = stepup.standing(facts.actor, facts.session, now)
    assessment = policy.assess(facts, values, standing)
    granted = stepup.grant(grant, binding, now) if grant else None
    verdict = decide(assessment.demand, standing, now, granted)
    if verdict == "step_up":
        asked = prospect(stepup, actor=facts.actor, session=facts.session, binding=binding, now=now)
        # Push bombing (T1621): whoever has just been asked three times in vain is not asked a fourth time.
        verdict = "deny" if asked == "bombed" else verdict
    return Judgement(values, standing, granted, assessment, verdict)
