"""The state of step-up: a fold of the log's entries, and nothing else.

It knows the open challenges, what they were asked for and how often they were answered wrongly; the prompts
that reached each person; the grants that wait to be used; and, in ``people`` and ``standings``, factors and
sessions.

The rules it keeps:

1. A challenge ends once: passed, failed, expired, or its first factor was refused. What is not open is
   closed.
2. It may be answered only when ready: a first factor was proved in its session, or reported for its attempt.
3. Becoming ready is what prompts a person. At most 3 prompts in 10 minutes for one actor that were not
   passed: a fourth challenge stays not ready. Whoever cannot prove a first factor can prompt, count or lock
   nothing.
4. A grant is for one binding, ends by itself, and is gone with the first attempt that is logged with it.
5. A sign-in that ended well and had been allowed opens a session with AAL1, or with what its grant had
   proved.
6. Time is the log's: a clock that runs backwards extends nothing.
7. A success that is held (witnesses have to sign first) uses its code up and ends its challenge, and gives
   nothing else: grant and standing count from its ``challenge.released`` on. A ``challenge.withheld`` voids it,
   and so does the end of the grant's time.

Bounded: open challenges and grants end within minutes and have a cap; at the cap, challenges that wait for
a first factor go before those that do not, older before newer. Sessions are capped, factors belong to
enrolled people.

Not here: looking at answers (``gate``) and deciding to ask (``policy``, ``issue``).
"""

import heapq
from typing import assert_never

import msgspec

from stepwarden.events import entries as e
from stepwarden.stepup.assurance import classes
from stepwarden.stepup.people import People
from stepwarden.stepup.standings import Standings

MINUTE = 60_000_000
MAX_PROMPTS = 3
PROMPT_WINDOW = 10 * MINUTE
WRONG_PER_CHALLENGE = 5
MAX_OPEN = 50_000
MAX_GRANTS = 50_000
MAX_HELD = 10_000
USED_FOR = 60 * MINUTE
"""How long after the attempt that used a grant its outcome may open a session with it."""

SIGN_OUT = frozenset({"logout", "sign_out", "signout", "session.end", "session.revoke"})


class OpenChallenge(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge that has not ended. ``index`` is where it was issued, ``decision`` what asked for it."""

    index: int
    decision: int
    issued: e.ChallengeIssued
    ready: bool
    proved: tuple[str, ...]
    wrong: int = 0


class _Grant(msgspec.Struct, frozen=True):
    actor: str
    binding: str
    expires: int
    proof: e.Standing


class Held(msgspec.Struct, frozen=True):
    """A success that waits for witnesses. ``binding`` is that of its challenge, "" where that was not known."""

    entry: e.ChallengePassed
    binding: str


class _Used(msgspec.Struct, frozen=True):
    time: int
    actor: str
    proof: e.Standing


class StepUpState:
    """All of it. ``fold`` is the only way in; the rest reads."""

    def __init__(self) -> None:
        self.people = People()
        self.standings = Standings()
        self.clock = 0
        self._waiting: dict[str, OpenChallenge] = {}
        self._ready: dict[str, OpenChallenge] = {}
        self._by_decision: dict[int, str] = {}
        self._expiries: list[tuple[int, str]] = []
        self._prompts: dict[str, list[tuple[int, str]]] = {}
        self._grants: dict[str, _Grant] = {}
        self._used: dict[int, _Used] = {}
        self._held: dict[int, Held] = {}

    # -- reading ---------------------------------------------------------------------------------

    def now(self, now: int) -> int:
        """``now``, or the log's time where that is later."""
        return max(now, self.clock)

    def standing(self, actor: str, session: str, now: int) -> e.Standing:
        """The assurance that this actor's session holds."""
        return self.standings.get(actor, session, self.now(now))

    def challenge(self, challenge: str) -> OpenChallenge | None:
        """An open challenge; its time may be over already."""
        return self._ready.get(challenge) or self._waiting.get(challenge)

    def prompts(self, actor: str, now: int) -> tuple[OpenChallenge | None, ...]:
        """This actor's prompts of the last 10 minutes that were not passed; None for closed ones."""
        since = self.now(now) - PROMPT_WINDOW
        return tuple(self.challenge(name) for time, name in self._prompts.get(actor, ()) if time > since)

    def grant(self, grant_hash: str, binding: str, now: int) -> e.Standing | None:
        """What a grant proves of this very action, if it is one and unused."""
        found = self._grants.get(grant_hash)
        if found is None or found.binding != binding or found.expires <= self.now(now):
            return None
        return found.proof

    def due(self, now: int) -> list[OpenChallenge]:
        """Prompts that nobody answered in time: each wants a ``ChallengeExpired`` entry.

        A challenge that still waits for its first factor reached nobody, and is forgotten without one.
        """
        now = self.now(now)
        return [known for known in self._ready.values() if known.issued.expires <= now]

    def is_held(self, index: int, now: int) -> bool:
        """Whether the success at this index still waits for witnesses."""
        held = self._held.get(index)
        return held is not None and held.entry.expires > self.now(now)

    def held(self) -> dict[int, Held]:
        """The successes that wait for witnesses, by the index of their ``challenge.passed``."""
        return dict(self._held)

    def open_count(self) -> int:
        """How many challenges are open, those that wait for a first factor included."""
        return len(self._waiting) + len(self._ready)

    def sizes(self) -> dict[str, int]:
        """How many records there are of each kind, for metrics and tests of the bounds."""
        return {
            "waiting": len(self._waiting),
            "ready": len(self._ready),
            "prompted": len(self._prompts),
            "grants": len(self._grants),
            "used": len(self._used),
            "held": len(self._held),
            "sessions": len(self.standings),
            "people": len(self.people),
        }

    # -- folding ---------------------------------------------------------------------------------

    def fold(self, entry: e.Entry, index: int) -> None:
        """Take in the entry at ``index`` of the log."""
        self.clock = max(self.clock, entry.time)
        self._sweep()
        match entry:
            case e.AttemptDecided():
                self._decided(entry, index)
            case e.EventRecorded():
                self._signed_out(entry.facts.action, entry.facts.actor, entry.facts.session)
            case e.OutcomeReported():
                self._reported(entry)
            case e.ChallengeIssued():
                self._issued(entry, index)
            case e.ChallengeAnswered():
                self._answered(entry)
            case e.ChallengePassed():
                self._passed(entry, index)
            case e.ChallengeReleased():
                self._released(entry)
            case e.ChallengeWithheld():
                self._held.pop(entry.previous, None)
            case e.ChallengeFailed():
                self.people.missed(entry.actor, entry.factor, self.clock)
                self._close(entry.challenge)
            case e.ChallengeExpired():
                self._close(entry.challenge)
            case e.FactorEnrolled():
                self.people.enrol(entry.actor, entry.factor, entry.credential, entry.count)
            case e.FactorRemoved():
                self.people.remove(entry.actor, entry.factor, entry.credential)
            case e.SubjectErased():
                self._erased(entry.actor)
            case (
                e.PolicyChanged()
                | e.PolicyRefused()
                | e.ExceptionRaised()
                | e.Administration()
                | e.ServiceStarted()
                | e.ServiceStopped()
                | e.LabelApplied()
                | e.KeyRotated()
                | e.KeyRetired()
                | e.LogAnchored()
                | e.LogDoubted()
                | e.LogTrusted()
                | e.LogPruned()
            ):
                pass
            case _:
                assert_never(entry)

    def _erased(self, actor: str) -> None:
        """Nothing of a person counts any more: factors, sessions, open challenges, grants, held successes."""
        if not actor:
            return
        self.people.forget(actor)
        self.standings.forget(actor)
        self._prompts.pop(actor, None)
        for name in [name for name, known in self._all_open() if known.issued.actor == actor]:
            self._close(name)
        for held in [index for index, known in self._held.items() if known.entry.actor == actor]:
            del self._held[held]
        for grant in [grant for grant, known in self._grants.items() if known.actor == actor]:
            del self._grants[grant]
        for used in [index for index, known in self._used.items() if known.actor == actor]:
            del self._used[used]

    def _all_open(self) -> list[tuple[str, OpenChallenge]]:
        return [*self._ready.items(), *self._waiting.items()]

    def _signed_out(self, action: str, actor: str, session: str) -> None:
        if action in SIGN_OUT:
            self._ended(actor, session)

    def _ended(self, actor: str, session: str) -> None:
        """A session is over. What is held for it dies with it: a release must not bring it back."""
        self.standings.end(actor, session)
        of_it = [
            index
            for index, held in self._held.items()
            if session and held.entry.actor == actor and held.entry.session == session
        ]
        for index in of_it:
            del self._held[index]

    def _decided(self, entry: e.AttemptDecided, index: int) -> None:
        if entry.decision == "allow":
            self._signed_out(entry.facts.action, entry.facts.actor, entry.facts.session)
        grant = self._grants.pop(entry.grant, None) if entry.grant else None
        if grant is None or entry.decision != "allow":
            return
        if grant.binding == entry.binding and grant.expires > self.clock:
            self._used[index] = _Used(self.clock, grant.actor, grant.proof)

    def _reported(self, entry: e.OutcomeReported) -> None:
        name = self._by_decision.get(entry.previous)
        if name is not None:
            self._first_factor(name, entry)
        if entry.facts.outcome == "unknown":
            return
        used = self._used.pop(entry.previous, None)
        if entry.facts.outcome == "success" and entry.decision == "allow" and entry.session:
            self._opened(entry, used)

    def _opened(self, entry: e.OutcomeReported, used: _Used | None) -> None:
        """A sign-in opened a session, or a step-up gave the session a new id."""
        actor, before, proved = entry.facts.actor, entry.facts.session, entry.facts.proved
        if used is not None and (used.actor != actor or entry.session == before):
            used = None
        if used is None and not classes(proved):
            return
        if before and before != entry.session:
            self._ended(actor, before)
        amr = tuple(sorted({*proved, *(used.proof.amr if used is not None else ())}))
        self.standings.prove(actor, entry.session, e.Standing(aal=1, since=self.clock, amr=amr))
        if used is not None and used.proof.aal >= 2:
            raised = e.Standing(aal=used.proof.aal, since=used.proof.since, amr=amr)
            self.standings.prove(actor, entry.session, raised)

    def _first_factor(self, name: str, entry: e.OutcomeReported) -> None:
        """The outcome of an attempt whose challenge is open: makes it ready, or closes it."""
        waiting = self._waiting.get(name)
        if waiting is None or entry.facts.actor != waiting.issued.actor:
            return
        if entry.facts.outcome == "failure":
            self._close(name)
        elif entry.facts.outcome == "unknown" and classes(entry.facts.proved):
            proved = tuple(sorted({*waiting.proved, *entry.facts.proved}))
            self._prompt(msgspec.structs.replace(waiting, proved=proved))

    def _prompt(self, challenge: OpenChallenge) -> None:
        """The challenge reaches the person now, unless too many did lately."""
        name, actor = challenge.issued.challenge, challenge.issued.actor
        recent = [(time, known) for time, known in self._prompts.pop(actor, []) if self._is_recent(time)]
        if len(recent) < MAX_PROMPTS:
            recent.append((self.clock, name))
            self._waiting.pop(name, None)
            self._ready[name] = msgspec.structs.replace(challenge, ready=True)
        if recent:
            self._prompts[actor] = recent

    def _is_recent(self, time: int) -> bool:
        return time > self.clock - PROMPT_WINDOW

    def _issued(self, entry: e.ChallengeIssued, index: int) -> None:
        opened = OpenChallenge(
            index=index, decision=entry.previous, issued=entry, ready=False, proved=entry.proved
        )
        self._waiting[entry.challenge] = opened
        self._by_decision[entry.previous] = entry.challenge
        heapq.heappush(self._expiries, (entry.expires, entry.challenge))
        if entry.ready:
            self._prompt(opened)
        while self.open_count() > MAX_OPEN:
            self._close(next(iter(self._waiting or self._ready)))
        if len(self._expiries) > 4 * MAX_OPEN:
            self._expiries = [known for known in self._expiries if self.challenge(known[1]) is not None]
            heapq.heapify(self._expiries)

    def _answered(self, entry: e.ChallengeAnswered) -> None:
        if entry.result != "wrong" and entry.result != "replayed":
            return
        self.people.missed(entry.actor, entry.factor, self.clock)
        found = self._ready.get(entry.challenge)
        if found is not None:
            self._ready[entry.challenge] = msgspec.structs.replace(found, wrong=found.wrong + 1)

    def _passed(self, entry: e.ChallengePassed, index: int) -> None:
        found = self.challenge(entry.challenge)
        self._close(entry.challenge)
        self.people.passed(entry.actor, entry.factor, entry.credential, entry.step)
        # The person was there and meant it: that was no bombing.
        left = [(time, name) for time, name in self._prompts.pop(entry.actor, []) if name != entry.challenge]
        if left:
            self._prompts[entry.actor] = left
        success = Held(entry, found.issued.binding if found is not None else "")
        if not entry.held:
            self._counts(success)
            return
        self._held[index] = success
        while len(self._held) > MAX_HELD:
            del self._held[next(iter(self._held))]

    def _released(self, entry: e.ChallengeReleased) -> None:
        """Witnesses have signed a tree that holds the success; a release of anything else releases nothing."""
        held = self._held.get(entry.previous)
        if held is None or held.entry.challenge != entry.challenge or entry.size <= entry.previous:
            return
        del self._held[entry.previous]
        self._counts(held)

    def _counts(self, success: Held) -> None:
        """The proof raises its session, and its grant may be used."""
        entry = success.entry
        proof = e.Standing(aal=entry.aal, since=entry.time, amr=entry.amr)
        self.standings.prove(entry.actor, entry.session, proof)
        if not success.binding:
            return
        self._grants[entry.grant] = _Grant(entry.actor, success.binding, entry.expires, proof)
        while len(self._grants) > MAX_GRANTS:
            del self._grants[next(iter(self._grants))]

    def _close(self, name: str) -> None:
        found = self._ready.pop(name, None) or self._waiting.pop(name, None)
        if found is not None and self._by_decision.get(found.decision) == name:
            del self._by_decision[found.decision]

    def _sweep(self) -> None:
        """Drop from the old end of each map what time has ended."""
        while self._expiries and self._expiries[0][0] <= self.clock:
            name = heapq.heappop(self._expiries)[1]
            if name in self._waiting:
                self._close(name)
        while self._grants and self._grants[grant := next(iter(self._grants))].expires <= self.clock:
            del self._grants[grant]
        while self._held and self._held[held := next(iter(self._held))].entry.expires <= self.clock:
            del self._held[held]
        while self._used and self._used[first := next(iter(self._used))].time <= self.clock - USED_FOR:
            del self._used[first]
        while self._prompts and not self._is_recent(self._prompts[actor := next(iter(self._prompts))][-1][0]):
            del self._prompts[actor]
