"""One request on its way through the gateway, and the reply to it.

``Request`` is what its head said. ``Call`` is what a handler gets once all checks have passed: who calls, the whole
body within its limit, the parameters read strictly. ``Reply`` is what it gives back. Handlers raise
``StepwardenError`` for everything else.

``Site`` and ``Exchange`` are all that the listener knows of what it serves: it asks with the head, learns how much of
a body may be read, and hands that over.
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from stepwarden.errors import InputError
from stepwarden.flow.answers import ApiKey
from stepwarden.gateway.metrics import Metrics
from stepwarden.gateway.service import Service

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
MAX_IDEMPOTENCY_KEY = 255
CHUNKED: Final = -1
"""The length of a body that says itself where it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decides about the gateway.

    ``public_url`` is how callers reach it (``https://warden.example.com``, no slash at the end); it is never taken
    from a request's Host header. ``metrics_open`` lets ``/metrics`` be read without a key.
    ``body_timeout`` is how many seconds a body may take to arrive. ``opened`` are the names of more operations that
    the operator lets anybody use.
    """

    public_url: str
    version: str
    metrics_open: bool
    body_timeout: float
    opened: frozenset[str] = frozenset()

    def is_open(self, operation: str) -> bool:
        """Whether this operation, which has a scope, is for anybody all the same."""
        return operation in self.opened or (operation == "metrics" and self.metrics_open)


Headers = dict[bytes, bytes]
"""The few headers that matter, by lower-case name."""


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The head of a request. ``path`` and ``query`` as they came, undecoded.

    ``length`` is that of the body, or ``CHUNKED``. ``keep``: the connection may be used again. ``old``: HTTP/1.0.
    ``waits``: the body comes only if it is asked for (Expect: 100-continue).
    """

    method: str
    path: bytes
    query: bytes
    headers: Headers
    length: int
    keep: bool
    old: bool
    waits: bool


class Call(msgspec.Struct):
    """A request that may be handled. ``query`` is the operation's query struct, if it has one; ``peer`` the address of
    whoever is connected."""

    service: Service
    settings: Settings
    metrics: Metrics
    headers: Headers
    key: ApiKey | None = None
    segments: tuple[str, ...] = ()
    query: Any = None
    body: bytes = b""
    peer: str = ""

    @property
    def by(self) -> str:
        """The id of the key; handlers of open operations have no caller."""
        return "" if self.key is None else self.key.id


class Reply(msgspec.Struct, frozen=True):
    """Status, body, content type, and headers beyond those that every reply has."""

    body: bytes
    status: int = 200
    media: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Exchange(Protocol):
    """A request whose head has been judged."""

    limit: int
    """Bytes of body that may be collected; 0 where none is wanted, because it was refused or has no use for one."""

    def refuse(self, error: Exception) -> None:
        """The body did not come as it should; ``answer`` will say so."""
        ...

    def answer(self, body: bytes) -> Coroutine[Any, Any, Reply]:
        """Handle the request, or say why not. Raises nothing but cancellation."""
        ...


class Site(Protocol):
    """What a listener serves. ``body_timeout`` is how many seconds a body may take to arrive."""

    body_timeout: float

    def open(self, request: Request, peer: str) -> Exchange:
        """Judge a head, before a byte of the body is read. ``peer``: the address at the other end, "" unknown."""
        ...

    def refusal(self, code: str, detail: str) -> Reply:
        """The reply to what is no request; the code is one of ``problems``."""
        ...


def idempotency_key(headers: Headers) -> str:
    """The Idempotency-Key header: 1 to 255 visible ASCII characters; empty where there is none.

    Raises:
        InputError: anything else, two such headers included (they arrive joined by a comma and a blank).
    """
    raw = headers.get(b"idempotency-key")
    if raw is None:
        return ""
    text = raw.decode("latin-1")
    if (
        not 0 < len(text) <= MAX_IDEMPOTENCY_KEY
        or not text.isascii()
        or not text.isprintable()
        or " " in text
    ):
        raise InputError(
            f"1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters are read", field="Idempotency-Key"
        )
    return text
