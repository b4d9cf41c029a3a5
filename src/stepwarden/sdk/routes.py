"""Which request is which action: a table that an application declares once, and that is read first match
first.

>>> table = RouteTable([Protected("GET", "/files/{name}", action="file.read", resource="{name}")])
>>> table.find("GET", "/files/plan.txt").resource
'plan.txt'
>>> table.find("DELETE", "/files/plan.txt") is None
True

``{name}`` stands for one path segment. HEAD counts as GET. Only paths in their plain spelling are looked up:
``//``, dot segments, backslashes and control characters are refused before, since frameworks differ in what
they make of them. A websocket has the method ``WEBSOCKET``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from stepwarden.sdk.answers import OnOutage
from stepwarden.sdk.grants import level_of

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_PLAIN = re.compile(r"/(?:[^/\\\x00-\x1f\x7f]+/)*(?:[^/\\\x00-\x1f\x7f]+)?")


@dataclass(frozen=True, slots=True)
class Open:
    """Anyone may; Stepwarden is not asked."""

    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Protected:
    """The middleware asks, before the handler runs, whether ``action`` may happen on ``resource``.

    ``acr_values`` (``nist-aal2``) and ``max_age`` (seconds) ask for more than the policy does, never for less.
    """

    method: str
    path: str
    action: str = field(kw_only=True)
    resource: str = field(default="", kw_only=True)
    on_outage: OnOutage = field(default="deny", kw_only=True)
    acr_values: str = field(default="", kw_only=True)
    max_age: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.acr_values:
            level_of(self.acr_values)  # a level that nobody knows is found at the start
        if self.max_age is not None and self.max_age < 0:
            raise ValueError("max_age is in seconds, from 0")


@dataclass(frozen=True, slots=True)
class SelfAsking:
    """The handler asks by itself, with details the middleware cannot know (amount, payee).

    An answer below 400 without having asked is a mistake in the handler, and becomes an error.
    """

    method: str
    path: str


Route: TypeAlias = Open | Protected | SelfAsking


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a request; ``resource`` with its placeholders filled in."""

    route: Route
    resource: str


def is_plain(path: str) -> bool:
    """Whether this path has one reading only."""
    if _PLAIN.fullmatch(path) is None:
        return False
    return not any(segment in {".", ".."} for segment in path.split("/"))


def _compile(path: str) -> re.Pattern[str]:
    if not path.startswith("/"):
        raise ValueError(f"a route's path starts with a slash: {path!r}")
    parts = _PLACEHOLDER.split(path)
    pattern = "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    return re.compile(pattern)


def _fill(template: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


class RouteTable:
    """Compiled once; a resource that names an unknown placeholder is a ``ValueError`` at once."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(route, _compile(route.path)) for route in routes]
        for route, pattern in self._routes:
            if isinstance(route, Protected):
                unknown = set(_PLACEHOLDER.findall(route.resource)) - set(pattern.groupindex)
                if unknown:
                    raise ValueError(f"{route.path} has no placeholder {sorted(unknown)}")

    def find(self, method: str, path: str) -> Found | None:
        method = "GET" if method == "HEAD" else method
        for route, pattern in self._routes:
            if route.method == method and (match := pattern.fullmatch(path)):
                resource = _fill(route.resource, match.groupdict()) if isinstance(route, Protected) else ""
                return Found(route, resource)
        return None
