"""Step 8 of the audit: decision -> challenge -> proof -> grant -> outcome, each link of it.

- ``challenge.issued`` follows a step-up decision, for the same actor, session and action, and ends in time;
- ``challenge.answered``, ``.passed``, ``.failed``, ``.expired`` follow a challenge that was issued to this actor, is
  still open, was ready, and whose time is not over (for ``.expired``: is); the fifth wrong answer ends it;
- ``challenge.released`` and ``.withheld`` follow a held success that nobody released or withheld before; a release one
  that still waits: not one whose session or time, or whose person, had ended;
- ``challenge.sent`` follows a challenge that is open; ``challenge.collected`` a success that was deferred and waits;
- a grant is used by an attempt for the binding it was given for, before it ends, and once;
- ``outcome.reported`` follows an attempt, says the same facts of it, and nothing follows its final one;
- ``factor.enrolled``: who has a factor already needs an allowed attempt to get another one, recent and used once; so
  does ``factor.removed`` that names one.

What is open is asked of the fold of the log before the entry (``stepup.state``), which knows issued challenges only; so
a link that was invented finds nothing at its other end. Attempts further back than ``REMEMBERED`` are read again.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from stepwarden.events import entries as e
from stepwarden.flow.audit_steps import Findings
from stepwarden.flow.enrolments import ENROL_ACTION, ENROL_WITHIN, REMOVE_ACTION
from stepwarden.flow.state import LogState
from stepwarden.stepup.gate import FIRST_FACTORS
from stepwarden.stepup.issue import CHALLENGE_SECONDS
from stepwarden.stepup.state import WRONG_PER_CHALLENGE, OpenChallenge
from stepwarden.stepup.successes import MAX_HELD

REMEMBERED: Final = 4_096
SECOND: Final = 1_000_000
Fetch = Callable[[int], e.Entry | None]
"""Reads an earlier entry again; None where it was pruned, or is no entry."""
_Ending = e.ChallengeAnswered | e.ChallengePassed | e.ChallengeFailed | e.ChallengeExpired
_Following = _Ending | e.ChallengeSent


class Links:
    """Takes each entry with the state before it."""

    def __init__(self, fetch: Fetch, floor: int) -> None:
        self.findings = Findings(8)
        self._fetch = fetch
        self._floor = floor
        self._attempts: OrderedDict[int, e.AttemptDecided] = OrderedDict()
        self._held: OrderedDict[int, e.ChallengePassed] = OrderedDict()

    def check(self, state: LogState, index: int, entry: e.Entry) -> None:
        """Look at the entry at ``index``; ``state`` is that of the log before it."""
        why: str | None = None
        match entry:
            case e.AttemptDecided():
                why = self._attempt(state, index, entry)
            case e.ChallengeIssued():
                why = self._issued(entry)
            case e.ChallengeAnswered() | e.ChallengePassed() | e.ChallengeFailed() | e.ChallengeExpired():
                why = _answer(state, entry)
                if isinstance(entry, e.ChallengePassed) and entry.held:
                    self._hold(index, entry)
            case e.ChallengeReleased() | e.ChallengeWithheld():
                why = self._ended(state, entry)
            case e.OutcomeReported():
                why = self._outcome(state, entry)
            case e.ChallengeSent():
                found = _open(state, entry)
                why = found if isinstance(found, str) else None
            case e.ChallengeCollected():
                why = _collected(state, entry)
            case e.GrantRedeemed():
                if state.stepup.unused(entry.grant, entry.time) is None:
                    why = "it uses up a grant that was never given, is over, or was used before"
            case e.FactorEnrolled():
                why = self._enrolled(state, entry)
            case e.FactorRemoved():
                why = self._changed(state, entry, REMOVE_ACTION) if entry.previous >= 0 else None
            case _:
                return
        self.findings.count += 1
        if why:
            self.findings.fail(f"entry {index}: {why}")

    def _attempt(self, state: LogState, index: int, entry: e.AttemptDecided) -> str | None:
        self._attempts[index] = entry
        if len(self._attempts) > REMEMBERED:
            self._attempts.popitem(last=False)
        if entry.grant and state.stepup.grant(entry.grant, entry.binding, entry.time) is None:
            return "it uses a grant that was never given for this action, is over, or was used before"
        return None

    def attempt(self, index: int) -> e.AttemptDecided | None:
        """The attempt at ``index``, as far as it can be had."""
        found = self._attempts.get(index)
        if found is not None or index < self._floor:
            return found
        again = self._fetch(index)
        return again if isinstance(again, e.AttemptDecided) else None

    def _pruned(self, index: int) -> bool:
        if 0 <= index < self._floor:
            self.findings.unchecked = "links to pruned entries were left out"
            return True
        return False

    def _issued(self, entry: e.ChallengeIssued) -> str | None:
        if self._pruned(entry.previous):
            return None
        decided = self.attempt(entry.previous)
        if decided is None or decided.decision != "step_up":
            return "the challenge follows no decision that asked for a step-up"
        facts = decided.facts
        if (entry.actor, entry.session, entry.action) != (facts.actor, facts.session, facts.action):
            return "the challenge is for another actor, session or action than the decision that asked for it"
        wanted = decided.demand
        if (entry.aal, entry.recovery, entry.methods) != (wanted.aal, wanted.recovery, wanted.methods):
            return "the challenge asks for something else than the decision"
        if not entry.time < entry.expires <= entry.time + CHALLENGE_SECONDS * SECOND:
            return f"the challenge may be answered for other than {CHALLENGE_SECONDS} s"
        return None

    def _outcome(self, state: LogState, entry: e.OutcomeReported) -> str | None:
        if self._pruned(entry.previous):
            return None
        decided = self.attempt(entry.previous)
        if decided is None:
            return "the outcome follows no attempt"
        said = msgspec.structs.replace(
            decided.facts, outcome=entry.facts.outcome, proved=entry.facts.proved or decided.facts.proved
        )
        if entry.facts != said or entry.decision != decided.decision:
            return f"the outcome tells another story than the attempt {entry.previous} that it follows"
        if state.outcomes.get(entry.previous, "unknown") != "unknown":
            return f"the outcome of attempt {entry.previous} had been reported already"
        return None

    def _hold(self, index: int, entry: e.ChallengePassed) -> None:
        self._held[index] = entry
        if len(self._held) > MAX_HELD:
            self._held.popitem(last=False)

    def _ended(self, state: LogState, entry: e.ChallengeReleased | e.ChallengeWithheld) -> str | None:
        """What was held may be withheld whatever became of it meanwhile; released only while it waits."""
        waits = state.stepup.held().get(entry.previous)
        passed = self._held.pop(entry.previous, None) or (waits.entry if waits is not None else None)
        if passed is None:
            withheld = isinstance(entry, e.ChallengeWithheld) and self._pruned(entry.previous)
            return None if withheld else "it follows no success that was held and waits"
        if (passed.challenge, passed.actor, passed.session) != (entry.challenge, entry.actor, entry.session):
            return "it is about another challenge, actor or session than the success it follows"
        if isinstance(entry, e.ChallengeWithheld):
            return None
        if waits is None:
            return "it releases a success that had ended before"
        if entry.size <= entry.previous:
            return f"the witnesses signed {entry.size} entries, among which the success is not"
        return None

    def _enrolled(self, state: LogState, entry: e.FactorEnrolled) -> str | None:
        if entry.previous < 0:
            if state.stepup.people.enrolled(entry.actor):
                return "somebody who has a factor got another one without an allowed attempt"
            return None
        return self._changed(state, entry, ENROL_ACTION)

    def _changed(self, state: LogState, entry: e.FactorEnrolled | e.FactorRemoved, action: str) -> str | None:
        """A change of factors follows an allowed attempt of this action."""
        if self._pruned(entry.previous):
            return None
        decided = self.attempt(entry.previous)
        if (
            decided is None
            or decided.decision != "allow"
            or decided.facts.action != action
            or decided.facts.actor != entry.actor
        ):
            return f"the factor follows no allowed {action} of the same actor"
        if entry.time - decided.time > ENROL_WITHIN or entry.previous in state.spent:
            return f"the allowed {action} {entry.previous} was too old, or used before"
        return None


def _open(state: LogState, entry: _Following) -> OpenChallenge | str:
    """The challenge that an entry follows, or why there is none."""
    found = state.stepup.challenge(entry.challenge)
    if found is None or found.index != entry.previous:
        return "it follows no challenge that was issued and is open"
    if found.issued.actor != entry.actor:
        return "it is by another actor than the challenge was issued to"
    return found


def _collected(state: LogState, entry: e.ChallengeCollected) -> str | None:
    if not state.stepup.is_deferred(entry.previous, entry.time):
        return "it collects a success that was not deferred, is over, or was collected before"
    passed = state.stepup.waiting(entry.previous)
    if passed is None or (passed.challenge, passed.actor, passed.session) != (
        entry.challenge,
        entry.actor,
        entry.session,
    ):
        return "it is about another challenge, actor or session than the success it follows"
    return None


def _answer(state: LogState, entry: _Ending) -> str | None:
    if isinstance(entry, e.ChallengeAnswered) and entry.result == "closed":
        return None  # an answer to nothing: it names no challenge and counts for nothing
    found = _open(state, entry)
    if isinstance(found, str):
        return found
    over = found.issued.expires <= entry.time
    if isinstance(entry, e.ChallengeExpired):
        return None if over else "the challenge expired before its time was over"
    if over:
        return "it answers a challenge whose time was over"
    if isinstance(entry, e.ChallengeAnswered) and entry.result == "not_ready":
        return "the challenge was ready" if found.ready else None
    if not found.ready and entry.factor not in FIRST_FACTORS:
        return "it answers a challenge whose first factor had not been proved"
    if isinstance(entry, e.ChallengePassed):
        if entry.session != found.issued.session:
            return "it raises another session than the challenge was issued in"
        return None
    if isinstance(entry, e.ChallengeFailed):
        if entry.reason == "denied":
            return None
        return (
            None
            if found.wrong + 1 == WRONG_PER_CHALLENGE
            else f"it failed after {found.wrong + 1} wrong answers"
        )
    if entry.result in ("wrong", "replayed", "cloned") and found.wrong + 1 >= WRONG_PER_CHALLENGE:
        return f"it is wrong answer {found.wrong + 1}, and the challenge stays open"
    return None
