"""What a route is: one row of the table in ``operations``.

The table is *not* here, so that the rows of one topic can stand in a module of their own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from stepwarden.flow.answers import Scope
from stepwarden.gateway.exchange import Call, Reply

Handler = Callable[[Call], Awaitable[Reply]]
BODY_LIMIT = 64 * 1024
JSON_TYPES = ("application/json",)
Group = Literal[
    "Attempts", "Challenges", "Grants", "Factors", "People", "Policies", "Log", "AuthZEN", "Service", "Pages"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path.

    ``query`` and ``request`` are structs; ``answer`` a struct, or a content type for text; ``other_answer`` a
    second struct that it may be. ``optional_key``: a key is
    looked at if there is one, and is not needed. ``problems``: the statuses beyond those that every route has.
    ``rest``: the path's last parameter stands for all that follows, slashes included. ``visit``: it is one of the
    people's pages, which read query and body themselves and stand in no document of the API. ``head``: HEAD is
    answered as GET is, without the body.
    """

    method: Literal["GET", "POST"]
    path: str
    name: str
    group: Group
    summary: str
    description: str
    scope: Scope | None
    handler: Handler
    answer: type | str
    other_answer: type | None = None
    request: type | None = None
    media: tuple[str, ...] = JSON_TYPES
    limit: int = BODY_LIMIT
    query: type | None = None
    idempotent: bool = False
    optional_key: bool = False
    problems: tuple[int, ...] = ()
    example: str = ""
    parameters: dict[str, str] | None = None
    rest: bool = False
    visit: bool = False
    head: bool = True
    has_body: bool = field(init=False)
    """Whether a body is read."""

    def __post_init__(self) -> None:
        has = self.request is not None or (self.visit and self.method == "POST")
        object.__setattr__(self, "has_body", has)

    @property
    def prefix(self) -> bytes:
        """What the path begins with, where its last part stands for all that follows; else nothing."""
        return self.path.rpartition("{")[0].encode() if self.rest else b""

    @property
    def segments(self) -> tuple[str | None, ...]:
        """The path's parts; None where a parameter stands."""
        return tuple(None if part.startswith("{") else part for part in self.path.split("/")[1:])
