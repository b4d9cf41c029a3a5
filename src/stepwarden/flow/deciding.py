"""Which policy decides an attempt, and what a candidate beside it says: the one way from a log's state to an answer.

1. Without a candidate the live policy decides.
2. In shadow the candidate assesses the same signals, for the same standing; its answer is recorded and changes nothing.
   If it cannot be evaluated at all, that is recorded.
3. In canary it decides for the actors that it is the canary of. What is demanded of them is the stronger of its and the
   live policy's demand, unless the canary was begun ``alone``. If it cannot be evaluated, the live policy decides,
   and level 2 is demanded on top. For everybody else it goes on as in shadow.
4. Whom a canary decides for: SHA-256 over the policy's hash and the actor's token, modulo 10,000, is below its share.
   So it is the same people throughout, more of them with a larger share, and others for another policy. An attempt
   without an actor is the live policy's.

What is gained by being in a canary, or out of it? Nobody outside can tell who is: the token is a secret of the log, and
who is erased, or opens another account, draws anew. But an attacker may try many accounts and see where less is asked.
So by default being in it never asks for less than the live policy does, and being out of it is what everybody had
before. ``alone`` gives that up, to see what a milder policy does to real people.

A service and the audit of its log both come through here, so that an answer by the wrong policy is found.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Final

import msgspec

from stepwarden.errors import PolicyError
from stepwarden.events.entries import Beside, Demand, Evidence
from stepwarden.events.facts import Facts
from stepwarden.flow.judge import Judgement, beside_of, capped, weigh, weigh_here
from stepwarden.flow.lifecycle import WHOLE
from stepwarden.flow.state import LogState
from stepwarden.policy.demand import FAILED_RULE, decide, strongest
from stepwarden.policy.policy import Policy
from stepwarden.signals.state import Values

LIVE_ASKS_MORE: Final = "live_policy"
"""The id that stands among the evidence of a canary's decision where the live policy demands more."""
CANDIDATE_FAILED: Final = "candidate_failed"
"""The id that stands among the evidence where a canary should have decided and could not be evaluated."""
WORST: Final = 1_000_000
MOST_RULES: Final = 32
"""Rules that are named as added, or as removed: an entry must fit into its leaf, whatever two policies say."""
_PREFIX: Final = b"stepwarden canary v1\n"


class Decision(msgspec.Struct, frozen=True):
    """The judgement, by which policy, and what the other one says."""

    judgement: Judgement
    policy: Policy
    beside: Beside | None


def chosen(policy: str, actor: str, share: int) -> bool:
    """Whether a canary of this policy and share (of 10,000) decides for an actor, given by their token.

    >>> sum(chosen("ab" * 32, f"actor{n}", 1_000) for n in range(10_000))
    965
    >>> chosen("ab" * 32, "", 10_000)
    False
    """
    if not actor:
        return False
    drawn = sha256(_PREFIX + f"{policy}\n{actor}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") % WHOLE < share


def deciding(state: LogState, facts: Facts, *, now: int, bind: Callable[[], str], grant: str) -> Decision:
    """Decide one attempt from all that the log so far amounts to. Arguments as for ``judge.judge``.

    Raises:
        PolicyError: no policy is live, so nothing can be allowed.
    """
    live = state.policy
    if live is None:
        raise PolicyError("no policy is live: nothing can be allowed")
    stepup = state.stepup
    own = weigh_here(
        state.signals,
        stepup,
        live,
        facts,
        now=now,
        bind=bind,
        grant=grant,
        doubted=state.doubted,
        emergency=state.cycle.emergency is not None,
    )
    candidate = state.candidate
    if candidate is None:
        return Decision(capped(stepup, facts, own, now=now, bind=bind), live, None)
    theirs = _assessed(state, candidate, facts, own, now)
    record = state.cycle.records[candidate.hash]
    if record.stage != "canary" or not chosen(candidate.hash, facts.actor, record.share):
        found = capped(stepup, facts, own, now=now, bind=bind)
        return Decision(found, live, _said(candidate, theirs, own, theirs))
    if theirs is None:
        found = _raised(own, FAILED_RULE, CANDIDATE_FAILED, now)
        return Decision(
            capped(stepup, facts, found, now=now, bind=bind), live, _said(candidate, None, own, None)
        )
    found = theirs if record.alone else _raised(theirs, own.assessment.demand, LIVE_ASKS_MORE, now)
    found = capped(stepup, facts, found, now=now, bind=bind)
    said = _said(live, own, own, theirs)
    if found.verdict != theirs.verdict:
        said = msgspec.structs.replace(said, alone=theirs.verdict)
    return Decision(found, candidate, said)


def _assessed(state: LogState, candidate: Policy, facts: Facts, own: Judgement, now: int) -> Judgement | None:
    """What the candidate says to the signals and the standing that the live policy saw; None where it raises."""
    try:
        return weigh(
            state.signals,
            candidate,
            facts,
            own.standing,
            own.granted,
            now,
            doubted=state.doubted,
            beside=beside_of(state.stepup, facts, now, emergency=state.cycle.emergency is not None),
            values=_values(state, candidate, facts, own),
        )
    except Exception:  # noqa: BLE001 - whatever a candidate raises must not touch the live answer
        return None


def _values(state: LogState, candidate: Policy, facts: Facts, own: Judgement) -> Values:
    """The signals as the candidate expects them: those that it defines itself in place of the live policy's."""
    defined = state.policy.signals if state.policy is not None else ()
    if candidate.signals == defined:
        return own.values
    shared = own.values[: len(own.values) - len(defined)]
    return shared + state.signals.read_custom(facts, candidate.signals)


@lru_cache(maxsize=1_024)
def _joined(one: Demand, other: Demand) -> Demand:
    # Joining costs microseconds, and the same few demands meet again and again.
    return strongest(one, other)


def _said(policy: Policy, its: Judgement | None, live: Judgement, candidate: Judgement | None) -> Beside:
    """What ``policy``, which does not decide, says; with the rules by which the candidate differs from the live one."""
    if its is None or candidate is None:
        return Beside(policy=policy.hash, risk=WORST, decision="deny", failed=True)
    ours = [one.rule for one in live.assessment.evidence]
    theirs = [one.rule for one in candidate.assessment.evidence]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    if ours != theirs:
        added = tuple(rule for rule in theirs if rule not in ours)[:MOST_RULES]
        removed = tuple(rule for rule in ours if rule not in theirs)[:MOST_RULES]
    return Beside(
        policy=policy.hash, risk=its.assessment.risk, decision=its.verdict, added=added, removed=removed
    )


def _raised(found: Judgement, demand: Demand, why: str, now: int) -> Judgement:
    """The judgement with this demanded too; why stands among the evidence where that is more."""
    assessment = found.assessment
    joined = _joined(assessment.demand, demand)
    if joined == assessment.demand:
        return found
    evidence = (*assessment.evidence, Evidence(why, 0))
    return Judgement(
        found.values,
        found.standing,
        found.granted,
        msgspec.structs.replace(assessment, evidence=evidence, demand=joined),
        decide(joined, found.standing, now, found.granted),
    )
