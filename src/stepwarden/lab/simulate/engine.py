"""The engine: lets people live and attackers attack, in order of time, against one site.

People's attempts come as one stream that minds no answer. Each attack is a generator that is sent the answer to its
attempt before it says the next one. What happens to one attempt:

1. It is decided. A probe is weighed instead, and that is all: nothing is recorded or folded.
2. Allowed: how it ended is reported at once. Refused: nobody looks at the password any more, nothing is reported.
3. A step-up of a sign-in with a wrong password is reported as the failure that it is: nobody gets to a second factor.
4. Any other step-up is passed, answered wrongly, left alone or denied, as planned, after the planned delay. Who
   passes it asks again with the grant, and the end of that attempt is reported.

Whoever has just used a code waits for the authenticator to show the next one. An attempt in a session whose sign-in
waits for a step-up comes after it; one in a session whose sign-in was not let in (by a person: attackers know what
they were answered) does not take place, and is counted in ``skipped``.

An attempt that is planned for before now, because an answer took longer than its script thought, takes place now.
The same plans against the same site give the same results in the same order: nothing here is random or asks a clock.

Not here: what is planned (``life``, ``lab.attackers``), how a site decides (``offline``, ``live``), files (``output``).
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic

import msgspec

from stepwarden.events.entries import Verdict
from stepwarden.lab.simulate.plan import Answered, Planned, Script
from stepwarden.lab.simulate.site import D, Decided, Site
from stepwarden.signals.actions import is_sign_in
from stepwarden.stepup.issue import CHALLENGE_SECONDS

PATIENCE: Final = CHALLENGE_SECONDS * 1_000_000
"""Microseconds after which no challenge is answered any more: from then on an attempt's row is final."""
REMEMBERED: Final = 100_000
"""Sessions that were never opened, of which it is remembered that they are not there."""


Probes = Callable[[int, int, int], Iterable[Planned]]
"""Called with a person, how many sign-ins of theirs have ended well by now, and the time."""


class Row(msgspec.Struct, kw_only=True):
    """What became of one attempt. ``time`` is when it was decided, in microseconds.

    ``login`` counts the sign-ins of this person (by themselves, not by whoever had their password) that ended well
    before; 0 for an account that nobody has. ``passed``: its step-up was; ``open``: it took place in the end. These two
    may become true until ``PATIENCE`` has passed.
    """

    time: int
    planned: Planned
    decided: Decided
    login: int
    passed: bool = False
    open: bool = False


class _Due(msgspec.Struct, frozen=True):
    """What comes later: a planned attempt (``row`` None), or the reply to the challenge of one that was decided.

    ``script`` is who waits for the answer, -1 for nobody.
    """

    planned: Planned
    script: int
    row: Row | None = None
    decided: Any = None


class Engine(Generic[D]):
    """One run. ``skipped`` counts what people did not do because they had not been let in."""

    def __init__(self, site: Site[D], probes: Probes | None = None) -> None:
        """``probes``: what is to be weighed after somebody's sign-in ended well; None: nothing is."""
        self._site = site
        self._probes = probes
        self._due: list[tuple[int, int, _Due]] = []
        self._order = 0
        self._scripts: list[Script] = []
        self._logins: dict[int, int] = {}
        self._opening: dict[str, int] = {}
        self._shut: dict[str, None] = {}
        self._made: deque[Row] = deque()
        self.skipped = 0

    def run(self, people: Iterable[Planned], scripts: Iterable[Script]) -> Iterator[Row]:
        """All rows, in order of time, each once nothing about it can change any more.

        Args:
            people: in order of time.
        """
        for script in scripts:
            self._scripts.append(script)
            self._go_on(len(self._scripts) - 1, None, 0)
        due, made = self._due, self._made
        stream = iter(people)
        coming = next(stream, None)
        while coming is not None or due:
            if coming is not None and (not due or coming.time < due[0][0]):
                now = coming.time
                self._site.arrive(now)
                self._attempt(coming, now, -1)
                coming = next(stream, None)
            else:
                now, _, one = heapq.heappop(due)
                self._site.arrive(now)
                if one.row is None:
                    self._attempt(one.planned, now, one.script)
                else:
                    self._reply(one, one.row, now)
            while made and made[0].time < now - PATIENCE:
                yield made.popleft()
        yield from made

    def _later(self, time: int, what: _Due) -> None:
        self._order += 1
        heapq.heappush(self._due, (time, self._order, what))

    def _go_on(self, script: int, answered: Answered | None, now: int) -> None:
        """Give a script its answer, and note what it does next."""
        if script < 0:
            return
        try:
            # A generator that has not begun takes None, and nothing else.
            planned = (
                next(self._scripts[script]) if answered is None else self._scripts[script].send(answered)
            )
        except StopIteration:
            return
        self._later(max(now, planned.time), _Due(planned, script))

    def _attempt(self, planned: Planned, now: int, script: int) -> None:
        session = planned.attempt.session
        if planned.campaign < 0 and session:
            if session in self._shut:
                self.skipped += 1
                return
            if session in self._opening:
                self._later(self._opening[session] + 1, _Due(planned, script))
                return
        if planned.probe:
            self._probe(planned, now, script)
            return
        decided = self._site.decide(planned.attempt, now)
        login = self._logins.get(planned.person, 0)
        row = Row(time=now, planned=planned, decided=decided, login=login)
        self._made.append(row)
        if decided.decision == "allow":
            self._ended(row, decided, now)
        elif decided.decision == "step_up":
            if _wrong_password(planned):
                self._site.report(decided, "failure", "", now)
            elif self._stands(planned, decided, now, script, row):
                return
        self._settled(row, script, now, decided.decision)

    def _stands(self, planned: Planned, decided: D, now: int, script: int, row: Row) -> bool:
        """Whether somebody replies to the challenge, later."""
        if not decided.ready or planned.reply == "ignore":
            return False
        at = now + planned.delay
        if planned.reply == "pass":
            at = self._site.fresh_code(planned.attempt.actor, at)
        if planned.opens:
            self._opening[planned.opens] = at
        self._later(at, _Due(planned, script, row, decided))
        return True

    def _reply(self, one: _Due, row: Row, now: int) -> None:
        planned, decided = one.planned, one.decided
        actor = planned.attempt.actor
        match planned.reply:
            case "pass":
                at = self._site.fresh_code(actor, now)
                if at > now:
                    # The same person has used this code in another place meanwhile.
                    if planned.opens:
                        self._opening[planned.opens] = at
                    self._later(at, one)
                    return
                grant = self._site.answer(decided, actor, now, right=True)
                if grant:
                    row.passed = True
                    again = self._site.decide(planned.attempt, now, grant)
                    if again.decision == "allow":
                        self._ended(row, again, now)
            case "fail":
                self._site.answer(decided, actor, now, right=False)
            case "deny":
                self._site.deny(decided, now)
            case "ignore":
                pass
        self._settled(row, one.script, now, decided.decision)

    def _ended(self, row: Row, decided: D, now: int) -> None:
        """Let in: how it ended is known."""
        planned = row.planned
        row.open = planned.outcome == "success"
        if planned.outcome != "unknown":
            self._site.report(decided, planned.outcome, planned.opens if row.open else "", now)
        if row.open and planned.campaign < 0 and is_sign_in(planned.attempt.action):
            logins = self._logins[planned.person] = self._logins.get(planned.person, 0) + 1
            for probe in self._probes(planned.person, logins, now) if self._probes is not None else ():
                self._probe(probe, now, -1)

    def _settled(self, row: Row, script: int, now: int, decision: Verdict) -> None:
        """All is known: whoever waits is told, and a session that was not opened is not there."""
        planned = row.planned
        if planned.opens and planned.campaign < 0:
            self._opening.pop(planned.opens, None)
            if not row.open:
                self._shut[planned.opens] = None
                if len(self._shut) > REMEMBERED:
                    del self._shut[next(iter(self._shut))]
        if script >= 0:
            answered = Answered(time=now, decision=decision, passed=row.passed, open=row.open)
            self._go_on(script, answered, now)

    def _probe(self, planned: Planned, now: int, script: int) -> None:
        decided = self._site.weigh(planned.attempt, now)
        if decided is None:
            self.skipped += 1
            decision: Verdict = "deny"
            passed = False
        else:
            decision = decided.decision
            passed = decision == "step_up" and decided.ready and planned.reply == "pass"
            through = (decision == "allow" or passed) and planned.outcome == "success"
            login = self._logins.get(planned.person, 0)
            self._made.append(
                Row(time=now, planned=planned, decided=decided, login=login, passed=passed, open=through)
            )
        self._go_on(script, Answered(time=now, decision=decision, passed=passed, open=False), now)


def _wrong_password(planned: Planned) -> bool:
    attempt = planned.attempt
    return planned.outcome == "failure" and not attempt.proved and is_sign_in(attempt.action)
