"""Rows of the query index: what people look entries up by.

The index is a projection of the log: it holds tokens only, may be dropped at any time and is made again
from the log. One entry has one row. The flow makes the rows (``storage`` knows no entries), a store keeps
and searches them.

>>> EntryFilter(actor="kfUh8t0_qK2mPz3x", since=1_700_000_000_000_000).actor
'kfUh8t0_qK2mPz3x'
"""

from dataclasses import dataclass
from typing import NamedTuple


class IndexRow(NamedTuple):
    """One entry. Empty strings: the entry has no such thing. Actor, address and session are tokens.

    ``time`` is microseconds since 1970 UTC; ``previous`` the index of the entry that this one follows up,
    -1: none; ``id`` the 8 random characters of the entry's name.
    """

    idx: int
    kind: str
    time: int
    actor: str = ""
    address: str = ""
    action: str = ""
    outcome: str = ""
    decision: str = ""
    session: str = ""
    id: str = ""
    previous: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """What to look for: all that is given must hold. Empty or None: any.

    ``since`` is inclusive, ``until`` is not; both are microseconds since 1970 UTC. ``previous`` finds what
    followed up an entry.
    """

    kind: str = ""
    actor: str = ""
    address: str = ""
    action: str = ""
    outcome: str = ""
    decision: str = ""
    session: str = ""
    since: int | None = None
    until: int | None = None
    previous: int | None = None
