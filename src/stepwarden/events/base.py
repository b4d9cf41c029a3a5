"""What all entries are made of: their common fields, and the values that several kinds hold.

Which kinds there are is in ``entries``; here stands what a kind is written with.
"""

from typing import Literal

import msgspec

Verdict = Literal["allow", "step_up", "deny"]
AAL = Literal[0, 1, 2, 3]
SCHEMA_VERSION = 1


class Base(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="kind",
):
    time: int
    id: str
    v: int = SCHEMA_VERSION
    previous: int = -1
    key: str = ""
    by: str = "service"
    personal: dict[str, str] = {}


class Demand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must hold for the action to be allowed.

    ``aal`` is the assurance level; ``max_age`` how many seconds ago, at most, it may have been proved (-1: any
    time in this session); ``bound`` that the proof must be for this very action; ``recovery`` that a recovery code
    will do too (the session stays at AAL1 all the same); ``deny`` that nothing helps. ``methods``: one of these
    (``amr``) must be what was proved, as recently as ``max_age`` asks; empty: any.
    """

    aal: AAL = 0
    max_age: int = -1
    bound: bool = False
    recovery: bool = False
    deny: bool = False
    methods: tuple[str, ...] = ()


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The assurance that a session holds: level, when it was proved (microseconds), and by which methods (``amr``).

    ``at``: when each of the methods was proved, in their order; empty: all of them at ``since``. A method that was
    proved long ago stays among them, and is not as fresh as the level.
    """

    aal: AAL = 0
    since: int = 0
    amr: tuple[str, ...] = ()
    at: tuple[int, ...] = ()


class Evidence(msgspec.Struct, frozen=True, array_like=True):
    """What one rule contributed: its id and its weight in thousandths of a nat. ``failed``: it raised."""

    rule: str
    weight: int
    failed: bool = False
