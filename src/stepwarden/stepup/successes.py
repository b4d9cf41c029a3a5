"""Successes: passed challenges that wait, grants that wait to be used, and what was used a moment ago.

A success counts at once, or waits: for witnesses (``held``), for the application to collect it (``deferred``), or
for the one and then the other. When it waits for nothing more it gives a grant: for one binding, once, until it
ends. What an attempt has used up is kept for an hour, so that its outcome may open a session with it.

Part of the fold of the log (``state``): changed by entries only. Bounded; what time has ended goes from the old end.
"""

import msgspec

from stepwarden.events import entries as e

MAX_GRANTS = 50_000
MAX_HELD = 10_000
USED_FOR = 60 * 60_000_000
"""How long after the attempt that used a grant its outcome may open a session with it."""


class Grant(msgspec.Struct, frozen=True):
    """A grant that waits to be used: whose, for which binding, until when, and what it proves."""

    actor: str
    binding: str
    expires: int
    proof: e.Standing


class Held(msgspec.Struct, frozen=True):
    """A success that waits: for witnesses (``held``), for the application (``deferred``), for both.

    ``binding`` is that of its challenge, "" where that was not known; ``proof`` what it proves.
    """

    entry: e.ChallengePassed
    binding: str
    proof: e.Standing
    held: bool = False
    deferred: bool = False


class Used(msgspec.Struct, frozen=True):
    """A grant that an allowed attempt has used up, and when."""

    time: int
    actor: str
    proof: e.Standing


class Successes:
    """All of them. Times in microseconds, by the log."""

    def __init__(self) -> None:
        self.grants: dict[str, Grant] = {}
        self.used: dict[int, Used] = {}
        self.waiting: dict[int, Held] = {}

    def unused(self, grant_hash: str, now: int) -> Grant | None:
        """A grant that nobody has used, and that is not over."""
        found = self.grants.get(grant_hash)
        return found if found is not None and found.expires > now else None

    def is_held(self, index: int, now: int) -> bool:
        """Whether the success at this index still waits for witnesses."""
        found = self.waiting.get(index)
        return found is not None and found.held and found.entry.expires > now

    def is_deferred(self, index: int, now: int) -> bool:
        """Whether the success at this index may be collected: it waits for nothing else any more."""
        found = self.waiting.get(index)
        return found is not None and found.deferred and not found.held and found.entry.expires > now

    def wait(self, index: int, success: Held) -> None:
        """A success that does not count yet."""
        self.waiting[index] = success
        while len(self.waiting) > MAX_HELD:
            del self.waiting[next(iter(self.waiting))]

    def released(self, entry: e.ChallengeReleased) -> Held | None:
        """Witnesses have signed a tree that holds the success: what counts now, if it waits for nothing else.

        A release of anything else, or of what was not signed, releases nothing.
        """
        found = self.waiting.get(entry.previous)
        if found is None or not found.held or found.entry.challenge != entry.challenge:
            return None
        if entry.size <= entry.previous:
            return None
        return self._no_more(entry.previous, msgspec.structs.replace(found, held=False))

    def collected(self, entry: e.ChallengeCollected) -> Held | None:
        """The application has it: what counts now. What witnesses have not signed yet cannot be collected."""
        found = self.waiting.get(entry.previous)
        if found is None or not found.deferred or found.held or found.entry.challenge != entry.challenge:
            return None
        return self._no_more(entry.previous, msgspec.structs.replace(found, deferred=False))

    def _no_more(self, index: int, success: Held) -> Held | None:
        if success.held or success.deferred:
            self.waiting[index] = success
            return None
        del self.waiting[index]
        return success

    def withheld(self, index: int) -> None:
        """A success is void."""
        self.waiting.pop(index, None)

    def give(self, success: Held) -> None:
        """The grant of a success that counts; one whose challenge was not known gives none."""
        entry = success.entry
        if not success.binding:
            return
        self.grants[entry.grant] = Grant(entry.actor, success.binding, entry.expires, success.proof)
        while len(self.grants) > MAX_GRANTS:
            del self.grants[next(iter(self.grants))]

    def redeemed(self, grant_hash: str) -> None:
        """A grant was used up without an attempt."""
        self.grants.pop(grant_hash, None)

    def use(self, entry: e.AttemptDecided, index: int, now: int) -> None:
        """An attempt came with a grant: it is gone, whatever came of it."""
        grant = self.grants.pop(entry.grant, None) if entry.grant else None
        if grant is None or entry.decision != "allow":
            return
        if grant.binding == entry.binding and grant.expires > now:
            self.used[index] = Used(now, grant.actor, grant.proof)

    def end_session(self, actor: str, session: str) -> None:
        """A session is over, and what waits for it dies with it: nothing must bring it back."""
        if not session:
            return
        for index in [
            index
            for index, found in self.waiting.items()
            if (found.entry.actor, found.entry.session) == (actor, session)
        ]:
            del self.waiting[index]

    def forget(self, actor: str) -> None:
        """Somebody was erased."""
        self.waiting = {index: found for index, found in self.waiting.items() if found.entry.actor != actor}
        self.grants = {name: found for name, found in self.grants.items() if found.actor != actor}
        self.used = {index: found for index, found in self.used.items() if found.actor != actor}

    def sweep(self, now: int) -> None:
        """Drop from the old end what time has ended."""
        while self.grants and self.grants[grant := next(iter(self.grants))].expires <= now:
            del self.grants[grant]
        while self.waiting and self.waiting[held := next(iter(self.waiting))].entry.expires <= now:
            del self.waiting[held]
        while self.used and self.used[first := next(iter(self.used))].time <= now - USED_FOR:
            del self.used[first]
