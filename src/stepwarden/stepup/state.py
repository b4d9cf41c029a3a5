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
8. So does a success that is deferred (it was passed on our page), until its ``challenge.collected``: who sends
   somebody else the address of their own challenge, to be approved, gets nothing out of it.
9. A session that was revoked is over for good: nothing raises it any more.

Bounded: open challenges and grants end within minutes and have a cap; at the cap, challenges that wait for
a first factor go before those that do not, older before newer. Sessions are capped, factors belong to
enrolled people.

Not here: looking at answers (``gate``) and deciding to ask (``policy``, ``issue``).
"""

import heapq
from typing import assert_never

import msgspec

from stepwarden.events import entries as e
from stepwarden.stepup import successes
from stepwarden.stepup.assurance import TABLE, classes, kind_of
from stepwarden.stepup.people import People
from stepwarden.stepup.standings import Standings, proved_by, times_of
from stepwarden.stepup.successes import Grant, Held, Successes

MINUTE = 60_000_000
MAX_PROMPTS = 3
PROMPT_WINDOW = 10 * MINUTE
WRONG_PER_CHALLENGE = 5
MAX_OPEN = 50_000
MAX_SENDS = 5
"""Codes and requests sent to one person within ``PROMPT_WINDOW``."""
SIGN_OUT = frozenset({"logout", "sign_out", "signout", "session.end", "session.revoke"})


class OpenChallenge(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge that has not ended. ``index`` is where it was issued, ``decision`` what asked for it."""

    index: int
    decision: int
    issued: e.ChallengeIssued
    ready: bool
    proved: tuple[str, ...]
    wrong: int = 0
    sent: tuple[e.ChallengeSent, ...] = ()
    deliveries: int = 0


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
        self.successes = Successes()
        self._sends: dict[str, tuple[int, ...]] = {}

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
        found = self.successes.unused(grant_hash, self.now(now))
        return found.proof if found is not None and found.binding == binding else None

    def unused(self, grant_hash: str, now: int) -> Grant | None:
        """A grant that nobody has used, and that is not over."""
        return self.successes.unused(grant_hash, self.now(now))

    def due(self, now: int) -> list[OpenChallenge]:
        """Prompts that nobody answered in time: each wants a ``ChallengeExpired`` entry.

        A challenge that still waits for its first factor reached nobody, and is forgotten without one.
        """
        now = self.now(now)
        return [known for known in self._ready.values() if known.issued.expires <= now]

    def is_held(self, index: int, now: int) -> bool:
        """Whether the success at this index still waits for witnesses."""
        return self.successes.is_held(index, self.now(now))

    def is_deferred(self, index: int, now: int) -> bool:
        """Whether the success at this index may be collected: it waits for nothing else any more."""
        return self.successes.is_deferred(index, self.now(now))

    def waiting(self, index: int) -> e.ChallengePassed | None:
        """The success at this index, while it waits for something."""
        found = self.successes.waiting.get(index)
        return found.entry if found is not None else None

    def held(self) -> dict[int, Held]:
        """The successes that wait for witnesses, by the index of their ``challenge.passed``."""
        return {index: found for index, found in self.successes.waiting.items() if found.held}

    def may_send(self, actor: str, now: int) -> bool:
        """Whether another code may be sent to this person: at most ``MAX_SENDS`` in ``PROMPT_WINDOW``."""
        since = self.now(now) - PROMPT_WINDOW
        return sum(1 for time in self._sends.get(actor, ()) if time > since) < MAX_SENDS

    def open_count(self) -> int:
        """How many challenges are open, those that wait for a first factor included."""
        return len(self._waiting) + len(self._ready)

    def sizes(self) -> dict[str, int]:
        """How many records there are of each kind, for metrics and tests of the bounds."""
        return {
            "waiting": len(self._waiting),
            "ready": len(self._ready),
            "prompted": len(self._prompts),
            "grants": len(self.successes.grants),
            "used": len(self.successes.used),
            "held": len(self.successes.waiting),
            "sent": len(self._sends),
            "sessions": len(self.standings),
            "people": len(self.people),
        }

    # -- folding ---------------------------------------------------------------------------------

    def fold(self, entry: e.Entry, index: int) -> None:
        """Take in the entry at ``index`` of the log."""
        if entry.time > self.clock:
            self.clock = entry.time
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
            case e.ChallengeSent():
                self._delivered(entry)
            case e.ChallengeReleased():
                self._counts(self.successes.released(entry))
            case e.ChallengeCollected():
                self._counts(self.successes.collected(entry))
            case e.ChallengeWithheld():
                self.successes.withheld(entry.previous)
            case e.ChallengeFailed():
                self._missed(entry)
                self._close(entry.challenge)
            case e.ChallengeExpired():
                self._close(entry.challenge)
            case e.FactorEnrolled():
                self.people.enrol(entry)
            case e.FactorRemoved():
                self.people.remove(entry.actor, entry.factor, entry.credential)
            case e.SessionRevoked():
                self._revoked(entry)
            case e.GrantRedeemed():
                self.successes.redeemed(entry.grant)
            case e.SubjectErased():
                self._erased(entry.actor)
            case (
                e.PolicyChanged()
                | e.PolicyRefused()
                | e.PolicyStepped()
                | e.PolicyEmergency()
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
                | e.DeviceRemembered()
                | e.DeviceForgotten()
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
        self._sends.pop(actor, None)
        for name in [name for name, known in self._all_open() if known.issued.actor == actor]:
            self._close(name)
        self.successes.forget(actor)

    def _all_open(self) -> list[tuple[str, OpenChallenge]]:
        return [*self._ready.items(), *self._waiting.items()]

    def _signed_out(self, action: str, actor: str, session: str) -> None:
        if action in SIGN_OUT:
            self._ended(actor, session)

    def _ended(self, actor: str, session: str) -> None:
        """A session is over. What is held for it dies with it: a release must not bring it back."""
        self.standings.end(actor, session)
        self.successes.end_session(actor, session)

    def _revoked(self, entry: e.SessionRevoked) -> None:
        for session in self.standings.revoke(entry.actor, entry.session, entry.kept, self.clock):
            self._ended(entry.actor, session)

    def _decided(self, entry: e.AttemptDecided, index: int) -> None:
        if entry.decision == "allow":
            self._signed_out(entry.facts.action, entry.facts.actor, entry.facts.session)
        self.successes.use(entry, index, self.clock)

    def _reported(self, entry: e.OutcomeReported) -> None:
        name = self._by_decision.get(entry.previous)
        if name is not None:
            self._first_factor(name, entry)
        if entry.facts.outcome == "unknown":
            return
        used = self.successes.used.pop(entry.previous, None)
        if entry.facts.outcome == "success" and entry.decision == "allow" and entry.session:
            self._opened(entry, used)

    def _opened(self, entry: e.OutcomeReported, used: successes.Used | None) -> None:
        """A sign-in opened a session, or a step-up gave the session a new id."""
        actor, before, proved = entry.facts.actor, entry.facts.session, entry.facts.proved
        if used is not None and (used.actor != actor or entry.session == before):
            used = None
        if used is None and not classes(proved):
            return
        if before and before != entry.session:
            self._ended(actor, before)
        at = dict.fromkeys(proved, self.clock)
        if used is not None:
            at |= times_of(used.proof)
        self.standings.prove(actor, entry.session, proved_by(1, self.clock, at))
        if used is not None and used.proof.aal >= 2:
            self.standings.prove(actor, entry.session, proved_by(used.proof.aal, used.proof.since, at))

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
        if entry.result not in ("wrong", "replayed", "cloned"):
            return
        self._missed(entry)
        found = self.challenge(entry.challenge)
        if found is not None:
            self._put(msgspec.structs.replace(found, wrong=found.wrong + 1))

    def _missed(self, entry: e.ChallengeAnswered | e.ChallengeFailed) -> None:
        """A wrong answer counts, towards a lock, where a first factor was proved: else anybody could lock anybody."""
        found = self.challenge(entry.challenge)
        if found is None or found.ready:
            self.people.missed(entry.actor, entry.factor, self.clock)

    def _delivered(self, entry: e.ChallengeSent) -> None:
        sends = (*self._sends.pop(entry.actor, ()), self.clock)
        self._sends[entry.actor] = tuple(time for time in sends if self._is_recent(time))
        found = self.challenge(entry.challenge)
        if found is not None:
            # A new code to the same factor ends the one before.
            others = tuple(known for known in found.sent if known.factor != entry.factor)
            self._put(msgspec.structs.replace(found, sent=(*others, entry), deliveries=found.deliveries + 1))

    def _put(self, challenge: OpenChallenge) -> None:
        """The same challenge, changed, where it stands."""
        name = challenge.issued.challenge
        (self._ready if name in self._ready else self._waiting)[name] = challenge

    def _passed(self, entry: e.ChallengePassed, index: int) -> None:
        found = self.challenge(entry.challenge)
        proof = self._proof(entry, found)
        self._close(entry.challenge)
        self.people.passed(entry, self.clock)
        # The person was there and meant it: that was no bombing.
        left = [(time, name) for time, name in self._prompts.pop(entry.actor, []) if name != entry.challenge]
        if left:
            self._prompts[entry.actor] = left
        bound = found.issued.binding if found is not None else ""
        success = Held(entry, bound, proof, entry.held, entry.deferred)
        if entry.held or entry.deferred:
            self.successes.wait(index, success)
        else:
            self._counts(success)

    def _proof(self, entry: e.ChallengePassed, found: OpenChallenge | None) -> e.Standing:
        """What a success proves, and when each of its methods was proved: what stood already, at its own time."""
        before = self.standings.get(entry.actor, entry.session, entry.time)
        then = times_of(before)
        proved = found.proved if found is not None else ()
        issued = found.issued.time if found is not None else entry.time
        own = TABLE[kind].methods if (kind := kind_of(entry.factor)) is not None else ()
        at = {
            method: entry.time if method not in proved or method in own else then.get(method, issued)
            for method in entry.amr
        }
        return proved_by(entry.aal, entry.time, at)

    def _counts(self, success: Held | None) -> None:
        """The proof raises its session, and its grant may be used."""
        if success is not None:
            self.standings.prove(success.entry.actor, success.entry.session, success.proof)
            self.successes.give(success)

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
        self.successes.sweep(self.clock)
        while self._sends and not self._is_recent(self._sends[actor := next(iter(self._sends))][-1]):
            del self._sends[actor]
        while self._prompts and not self._is_recent(self._prompts[actor := next(iter(self._prompts))][-1][0]):
            del self._prompts[actor]
