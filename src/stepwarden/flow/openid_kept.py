"""What our OpenID provider keeps in memory for a minute or so: by a hash of its name, bounded, and each for one use.

>>> kept = Kept[int](seconds=60, limit=2)
>>> kept.put("a", 1, now=0)
>>> kept.take("a", now=59_000_000), kept.take("a", now=59_000_000)
(1, None)

After a restart nothing is left, and the client begins again.
"""

from collections import OrderedDict
from hashlib import sha256
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """Times are microseconds. Of too many, the oldest are gone."""

    def __init__(self, *, seconds: int, limit: int) -> None:
        self.seconds = seconds
        self._limit = limit
        self._known: OrderedDict[bytes, tuple[V, int]] = OrderedDict()

    def put(self, name: str, value: V, *, now: int) -> None:
        """Keep ``value`` under ``name``, in place of what was there."""
        hidden = _hidden(name)
        self._known.pop(hidden, None)
        self._known[hidden] = (value, now + self.seconds * 1_000_000)
        while len(self._known) > self._limit:
            self._known.popitem(last=False)

    def take(self, name: str, *, now: int) -> V | None:
        """What is kept under ``name``, for the last time; None where there is none, or it is over."""
        value, until = self._known.pop(_hidden(name), (None, 0))
        return value if until > now else None

    def __len__(self) -> int:
        return len(self._known)


def _hidden(name: str) -> bytes:
    # Names are secrets: whoever reads the memory must not find one, and a look-up takes no time that tells of them.
    return sha256(b"stepwarden openid v1\n" + name.encode("utf-8", "replace")).digest()
