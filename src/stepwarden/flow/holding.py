"""Held successes: a right answer that counts only once witnesses have signed a tree that holds it.

    challenge.passed, held   the code is used up, the challenge is over; nothing is granted yet
    challenge.released       a quorum signed a checkpoint beyond that entry: grant and standing count from here
    challenge.withheld       it did not in time, or the service was started again meanwhile: void

Whoever restores yesterday's log, or shows one log to the witnesses and another to the application, gets no success out
of it: the witnesses do not sign. The answer to the person leaves after the release is durable, never before.

Which successes: those of the actions named (all, if none are) whose challenge demands at least a level. A list of
actions is only as good as the policy: what is proved for another action raises the session too, so a listed action
must demand a proof bound to it (``bound: true``), not just a level.

Held ones are part of the log's fold (``stepup.state``): no attempt can use what is held, and a restart finds it.
"""

from dataclasses import dataclass
from typing import Protocol

from stepwarden.errors import NotWitnessedError
from stepwarden.events.entries import ChallengeIssued, ChallengePassed, ChallengeReleased, ChallengeWithheld
from stepwarden.flow.recorder import Appended, Recorder
from stepwarden.ledger.sequencer import Receipt


class Quorum(Protocol):
    """Waits for witnesses; ``Publisher`` is one."""

    async def witnessed(self, size: int, *, within: float) -> tuple[int, tuple[str, ...]]:
        """Raises: NotWitnessedError: too few signed in time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRule:
    """Whose success is held: these actions (none given: all), at this demanded level or above.

    ``within``: seconds that a quorum may take.
    """

    actions: frozenset[str]
    aal: int
    within: float

    def holds(self, issued: ChallengeIssued) -> bool:
        """Whether the success of this challenge is held."""
        return issued.aal >= self.aal and (not self.actions or issued.action in self.actions)


class Holding:
    """All calls on the loop's thread."""

    def __init__(self, recorder: Recorder, quorum: Quorum, rule: HoldRule | None) -> None:
        """``rule`` None: nothing is held."""
        self._recorder = recorder
        self._quorum = quorum
        self._rule = rule

    def holds(self, issued: ChallengeIssued) -> bool:
        """Whether the success of this challenge is held."""
        return self._rule is not None and self._rule.holds(issued)

    async def release(self, index: int, passed: ChallengePassed) -> Receipt:
        """Wait for the quorum over the held success at ``index``, and release it.

        Returns:
            The receipt of the release, whose checkpoint covers the success too.

        Raises:
            NotWitnessedError: too few signed in time, or the session ended meanwhile; the success is void.
        """
        within = self._rule.within if self._rule is not None else 0.0
        try:
            size, names = await self._quorum.witnessed(index + 1, within=within)
        except NotWitnessedError:
            await self._withhold(index, passed, "too few witnesses signed in time").durable
            raise
        now = self._recorder.now()
        if not self._recorder.state.stepup.is_held(index, now):
            await self._withhold(
                index, passed, "the session or the grant ended before witnesses signed"
            ).durable
            raise NotWitnessedError("the session ended before witnesses had signed: nothing was granted")
        entry = ChallengeReleased(
            time=now,
            id=self._recorder.new_id(),
            previous=index,
            challenge=passed.challenge,
            actor=passed.actor,
            session=passed.session,
            size=size,
            witnesses=names,
        )
        return await self._recorder.append(entry).durable

    def void(self, reason: str) -> int:
        """Withhold all that is held; how many. At the start: nobody waits for any of it."""
        held = self._recorder.state.stepup.held()
        for index, success in held.items():
            self._withhold(index, success.entry, reason)
        return len(held)

    def _withhold(self, index: int, passed: ChallengePassed, reason: str) -> Appended:
        entry = ChallengeWithheld(
            time=self._recorder.now(),
            id=self._recorder.new_id(),
            previous=index,
            challenge=passed.challenge,
            actor=passed.actor,
            session=passed.session,
            reason=reason,
        )
        return self._recorder.append(entry)
