"""Standings: the assurance that each session holds now, and when it was proved.

A session has a base (AAL1, from its sign-in) and may have been raised (AAL2). What was raised lapses after
12 hours and the base shows again; the base lapses after 30 days (NIST SP 800-63B sections 2.1.3 and 2.2.3).
How fresh a proof must be for one action is the policy's business, on top of this. A session belongs to one
actor: the same session named with another actor holds nothing.

A session that was revoked holds nothing and is not raised again; that is remembered as long as a base would last. Of
revoking all sessions of an actor, those are remembered that held something.

Bounded: at most ``MAX_SESSIONS``, the one proved longest ago is forgotten first. Forgetting only ever
demands more.
"""

from collections import OrderedDict
from typing import NamedTuple

from stepwarden.events.entries import AAL, Standing

HOUR = 3_600_000_000
RAISED_FOR = 12 * HOUR
BASE_FOR = 30 * 24 * HOUR
MAX_SESSIONS = 200_000
NOTHING = Standing()


class _Held(NamedTuple):
    base: Standing
    raised: Standing


_NONE = _Held(NOTHING, NOTHING)


def proved_by(aal: AAL, since: int, at: dict[str, int]) -> Standing:
    """The standing of a level that was proved at ``since``, by these methods, each at its own time."""
    if len(at) == 1:
        # Nearly every sign-in: a password, now.
        [(method, when)] = at.items()
        return Standing(aal=aal, since=since, amr=(method,), at=() if when == since else (when,))
    amr = tuple(sorted(at))
    times = tuple(at[method] for method in amr)
    # One spelling: times are written down only where they differ.
    return Standing(aal=aal, since=since, amr=amr, at=times if set(times) != {since} else ())


def times_of(standing: Standing) -> dict[str, int]:
    """When each method of a standing was proved (microseconds)."""
    at = standing.at or (standing.since,) * len(standing.amr)
    return dict(zip(standing.amr, at, strict=True))


class Standings:
    """What sessions hold. Part of the fold of the log: changed by entries only."""

    def __init__(self) -> None:
        # Not a plain dict: finding its first key costs more with every key deleted before it.
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._revoked: dict[str, int] = {}

    def get(self, actor: str, session: str, now: int) -> Standing:
        """The standing at ``now`` (microseconds)."""
        held = self._held.get(f"{actor}\n{session}")
        if held is None:
            return NOTHING
        if held.raised.aal and now - held.raised.since < RAISED_FOR:
            return held.raised
        if held.base.aal and now - held.base.since < BASE_FOR:
            return held.base
        return NOTHING

    def prove(self, actor: str, session: str, proof: Standing) -> None:
        """A session has proved a level. A proof never lowers one, and an older one never replaces a newer."""
        key = f"{actor}\n{session}"
        if not actor or not session or not proof.aal or key in self._revoked:
            return
        base, raised = self._held.pop(key, _NONE)
        if proof.aal >= 2:
            raised = proof if proof.since >= raised.since else raised
        else:
            base = proof if proof.since >= base.since else base
        self._held[key] = _Held(base, raised)
        while len(self._held) > MAX_SESSIONS:
            self._held.popitem(last=False)

    def end(self, actor: str, session: str) -> None:
        """The session is over."""
        self._held.pop(f"{actor}\n{session}", None)

    def revoke(self, actor: str, session: str, kept: str, now: int) -> tuple[str, ...]:
        """End one session for good, or (empty) all that hold something but ``kept``; which they are."""
        prefix = f"{actor}\n"
        over = (session,) if session else self.sessions(actor, but=kept)
        for name in over:
            self._revoked.pop(prefix + name, None)
            self._revoked[prefix + name] = now
        while self._revoked:
            first = next(iter(self._revoked))
            if len(self._revoked) <= MAX_SESSIONS and now - self._revoked[first] < BASE_FOR:
                break
            del self._revoked[first]
        return over

    def is_revoked(self, actor: str, session: str) -> bool:
        """Whether this session was revoked."""
        return bool(self._revoked) and f"{actor}\n{session}" in self._revoked

    def sessions(self, actor: str, *, but: str = "") -> tuple[str, ...]:
        """The sessions (tokens) of this actor that hold something."""
        prefix = f"{actor}\n"
        found = (key[len(prefix) :] for key in self._held if key.startswith(prefix))
        return tuple(name for name in found if name != but)

    def forget(self, actor: str) -> None:
        """All sessions of somebody who was erased."""
        prefix = f"{actor}\n"
        for key in [key for key in self._held if key.startswith(prefix)]:
            del self._held[key]
        for key in [key for key in self._revoked if key.startswith(prefix)]:
            del self._revoked[key]

    def __len__(self) -> int:
        return len(self._held)
