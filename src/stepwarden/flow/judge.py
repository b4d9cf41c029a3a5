"""The decision itself: signals, risk, demand, verdict. Pure; the one scoring path of the whole project.

A running service and the recomputing of a log (``audit``) come through ``deciding``, which holds a candidate beside
the live policy and asks ``weigh_here`` about each; one policy alone is ``judge``; the replay of somebody else's log
(``lab``) is ``weigh``, which all of them are made of. What goes in: the state that the log so far amounts to, the
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
EMERGENCY = "emergency"
"""The id that stands among the evidence while an operator has raised every demand."""
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


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is demanded beside the policy.

    ``asked`` is what the caller asks for, ``own`` what a change of factors takes of this person; ``recovery``: they
    lost everything, and have waited for as long as the hold lasts. ``revoked``: the session was, and nothing helps.
    """

    asked: Demand = NOTHING
    own: Demand = NOTHING
    recovery: bool = False
    revoked: bool = False

    def on(self, found: Assessment) -> Assessment:
        """The policy's assessment, joined with this."""
        if self.revoked:
            return msgspec.structs.replace(
                found,
                evidence=(*found.evidence, Evidence(SESSION_REVOKED, 0)),
                demand=msgspec.structs.replace(found.demand, deny=True),
            )
        demand = strongest(found.demand, self.asked, self.own)
        if self.recovery and not demand.deny:
            # Whoever lost everything has waited for as long as the hold lasts.
            demand = msgspec.structs.replace(demand, recovery=True)
        return msgspec.structs.replace(found, demand=demand)


def around_of(stepup: StepUpState, facts: Facts, now: int) -> Around | None:
    """What is demanded of this attempt beside the policy; None where nothing is, which is nearly always."""
    if stepup.standings.is_revoked(facts.actor, facts.session) and not is_sign_in(facts.action):
        return Around(revoked=True)
    protected = facts.action.startswith(PROTECTED)
    if not protected and not facts.asked_aal and facts.asked_max_age < 0:
        return None
    levels: tuple[AAL, ...] = (0, 1, 2, 3)
    asked = Demand(aal=levels[min(3, facts.asked_aal)], max_age=facts.asked_max_age)
    own, recovery = NOTHING, False
    if protected:
        kind = stepup.people.strongest(facts.actor)
        recovery = stepup.people.recovery_open(facts.actor, now)
        if kind is not None:
            own = Demand(aal=reach(kind), max_age=PROTECTED_AGE, methods=at_least(kind))
    return Around(asked=asked, own=own, recovery=recovery)


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
    values: Values | None = None,
) -> Judgement:
    """Decide one attempt against a standing. ``now`` in microseconds; freshness is measured by it alone.

    Args:
        doubted: the log may have lost entries, and risk with them, so what is demanded is the highest.
        beside: adds what is demanded beside the policy.
        values: what the signals are, where they have been read already.
    """
    if values is None:
        values = signals.read(facts, policy.signals)
    assessment = policy.assess(facts, values, standing)
    if beside is not None:
        assessment = beside(assessment)
    if doubted:
        assessment = _highest(assessment, LOG_DOUBTED)
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
    """Decide one attempt by one policy, with the standing and the grant that the log knows of, outside any emergency.

    Args:
        bind: gives the keyed hash of action, person, session, resource and parameters. Asked only where it matters:
            when a grant came along, or a step-up is asked for.
        grant: SHA-256 (hex) of the grant that came with the attempt, "" for none.
        doubted: whether the log so far is in doubt (``LogState.doubted``).
    """
    found = weigh_here(
        signals, stepup, policy, facts, now=now, bind=bind, grant=grant, doubted=doubted, emergency=False
    )
    return capped(stepup, facts, found, now=now, bind=bind)


def weigh_here(
    signals: SignalState,
    stepup: StepUpState,
    policy: Policy,
    facts: Facts,
    *,
    now: int,
    bind: Callable[[], str],
    grant: str,
    doubted: bool,
    emergency: bool,
) -> Judgement:
    """What one policy answers, with the standing and the grant that the log knows of; the cap on prompts is apart.

    Args:
        emergency: an operator has raised every demand to the highest.
    """
    standing = stepup.standing(facts.actor, facts.session, now)
    granted = stepup.grant(grant, bind(), now) if grant else None
    beside = beside_of(stepup, facts, now, emergency=emergency)
    return weigh(signals, policy, facts, standing, granted, now, doubted=doubted, beside=beside)


def beside_of(
    stepup: StepUpState, facts: Facts, now: int, *, emergency: bool
) -> Callable[[Assessment], Assessment] | None:
    """Adds what is demanded beside whichever policy; None where nothing is."""
    around = around_of(stepup, facts, now)
    beside: Callable[[Assessment], Assessment] | None = around.on if around is not None else None
    return _raised(beside) if emergency else beside


def capped(
    stepup: StepUpState, facts: Facts, found: Judgement, *, now: int, bind: Callable[[], str]
) -> Judgement:
    """The judgement, but a refusal where this person has been asked too often to be asked again."""
    if found.verdict == "step_up":
        asked = prospect(stepup, actor=facts.actor, session=facts.session, binding=bind(), now=now)
        if asked == "bombed":
            # Push bombing (T1621): whoever has just been asked three times in vain is not asked a fourth time.
            return Judgement(found.values, found.standing, found.granted, found.assessment, "deny")
    return found


def _raised(beside: Callable[[Assessment], Assessment] | None) -> Callable[[Assessment], Assessment]:
    """Whatever is demanded beside the policy, and then the highest."""

    def both(found: Assessment) -> Assessment:
        return _highest(beside(found) if beside is not None else found, EMERGENCY)

    return both


def _highest(found: Assessment, why: str) -> Assessment:
    """The assessment with the highest demand; why stands among the evidence."""
    return msgspec.structs.replace(
        found, evidence=(*found.evidence, Evidence(why, 0)), demand=raised(found.demand)
    )
