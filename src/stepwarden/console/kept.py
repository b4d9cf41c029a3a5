"""What the pages keep between two visits of the same browser: in memory, bounded, each for minutes only.

Nothing here decides anything. After a restart a person begins the page they were on once more.

>>> shelf = Shelf(minutes=1, limit=2, clock=lambda: 0)
>>> shelf.put("a", 1); shelf.put("b", 2); shelf.put("c", 3)
>>> shelf.get("a"), shelf.take("c"), shelf.get("c")
(None, 3, None)
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Generic, TypeVar

from stepwarden.console.way import Way
from stepwarden.flow.shown import PagePassed, TotpDraft

MINUTE: Final = 60_000_000
MAX_PENDING: Final = 8
K = TypeVar("K")
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Things under names, the newest last; those that are over, or too many, are gone."""

    def __init__(self, *, minutes: int, limit: int, clock: Callable[[], int]) -> None:
        """``clock`` gives microseconds."""
        self._known: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lasts = minutes * MINUTE
        self._limit = limit
        self._clock = clock

    def put(self, name: K, value: V) -> None:
        """Keep ``value``, in place of what was there."""
        self._known.pop(name, None)
        self._known[name] = (value, self._clock() + self._lasts)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)

    def get(self, name: K) -> V | None:
        """What is kept under this name."""
        found = self._known.get(name)
        return found[0] if found is not None and found[1] > self._clock() else None

    def take(self, name: K) -> V | None:
        """The same, for the last time."""
        found = self.get(name)
        self._known.pop(name, None)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A challenge that was passed in this browser, until the application has been told. Holds a secret (its code)."""

    browser: bytes
    passed: PagePassed


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A browser is at the OpenID provider, for this challenge, and will go back this way."""

    challenge: str
    way: Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A change that waits for a challenge. ``fields`` are those of its form, and never a secret."""

    operation: str
    fields: Mapping[str, str]


@dataclass(slots=True)
class Desk:
    """What one account page has open. ``attempt``: the allowed attempt to enrol something, None for no such.

    ``draft`` and ``codes`` are secrets, shown to this person once; ``codes_of`` the challenges' codes, by challenge.
    """

    pending: dict[str, Pending] = field(default_factory=dict)
    codes_of: dict[str, str] = field(default_factory=dict)
    attempt: str | None = None
    draft: TotpDraft | None = None
    passkey: str = ""
    address: tuple[str, str] | None = None
    codes: tuple[str, ...] = ()

    def wait(self, challenge: str, pending: Pending) -> None:
        """Put a change off until this challenge has been passed; of many, the oldest are forgotten."""
        self.pending[challenge] = pending
        while len(self.pending) > MAX_PENDING:
            oldest = next(iter(self.pending))
            del self.pending[oldest]
            self.codes_of.pop(oldest, None)


def hidden(secret: str) -> bytes:
    """A secret as it is kept: whoever reads our memory does not find it there."""
    return sha256(b"stepwarden console v1\n" + secret.encode("utf-8", "replace")).digest()
