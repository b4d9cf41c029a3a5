"""Step-ups that were begun at a provider and are not finished: kept in memory, found by their state, once.

Bounded in number and in time. A restart voids them; the person begins again. Only a hash of the state is kept, so
looking one up tells nothing about how much of it was right.

>>> kept = Pending()
>>> sent = Sent(
...     challenge="c1", nonce="n", verifier="v", token_endpoint="", requires_issuer=False, begun=0, max_age=0
... )
>>> kept.add("s1", sent)
>>> kept.take("s1", now=1).challenge
'c1'
>>> kept.take("s1", now=1) is None
True
"""

from hashlib import sha256
from typing import Final

import msgspec

from stepwarden.errors import ProviderError

TTL: Final = 600_000_000
"""Microseconds from sending the browser to its coming back: 10 minutes."""
MOST: Final = 4_096
"""That are kept at once; one more is refused rather than that somebody else's is dropped."""
PER_CHALLENGE: Final = 4
"""Of one challenge (tabs, second tries); the oldest goes."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be known again when the browser comes back.

    Args:
        verifier: PKCE's.
        token_endpoint: where the code is to be redeemed: fixed when the browser was sent (RFC 9700, 4.4: mix-up).
        requires_issuer: whether the answer has to name the issuer (RFC 9207).
        begun: microseconds since 1970 UTC by our clock.
        max_age: seconds, as it was asked for.
    """

    challenge: str
    nonce: str
    verifier: str
    token_endpoint: str
    requires_issuer: bool
    begun: int
    max_age: int

    def __repr__(self) -> str:
        return f"Sent({self.challenge!r})"


class Pending:
    """All of one provider."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Sent] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def check_room(self, now: int) -> None:
        """Drop what is over.

        Raises:
            ProviderError: there is no room for one more.
        """
        # They stand in the order in which they were begun; what a clock that jumped leaves out of order goes later.
        while self._kept and not _lasts(next(iter(self._kept.values())), now):
            del self._kept[next(iter(self._kept))]
        if len(self._kept) >= MOST:
            raise ProviderError("too many step-ups at the provider are under way")

    def add(self, state: str, sent: Sent) -> None:
        """Keep one.

        Raises:
            ProviderError: there is no room.
        """
        self.check_room(sent.begun)
        same = [key for key, other in self._kept.items() if other.challenge == sent.challenge]
        for key in same[: max(0, len(same) - PER_CHALLENGE + 1)]:
            del self._kept[key]
        self._kept[_hash(state)] = sent

    def take(self, state: str, *, now: int) -> Sent | None:
        """The one with this state, which is then gone; None where there is none, or it took too long."""
        found = self._kept.pop(_hash(state), None)
        return found if found is not None and _lasts(found, now) else None


def _lasts(sent: Sent, now: int) -> bool:
    # A clock that was set back extends nothing.
    return sent.begun <= now < sent.begun + TTL


def _hash(state: str) -> bytes:
    return sha256(state.encode("utf-8", "surrogatepass")).digest()
