"""The gateway as one ASGI application: route, check, handle, answer.

Every route is a row of ``operations``; whatever is not in the table is 404, another method on a known path 405 with
``Allow``. ``HEAD`` is answered like ``GET`` without the body, ``OPTIONS`` with ``Allow``. Paths are matched as they
came, undecoded, so that no second spelling of a path reaches a handler; a parameter is decoded once, afterwards.

Every refusal is a problem document, counted, and recorded as ``refusals`` says. Every reply, whatever it is, carries
the security headers. Nothing that goes wrong in a handler leaves as more than a code.
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from time import monotonic
from typing import Any

from stepwarden.errors import StepwardenError
from stepwarden.gateway import checks, problems, wire
from stepwarden.gateway.exchange import Call, Headers, Reply, Settings
from stepwarden.gateway.metrics import Metrics
from stepwarden.gateway.operations import Operation, table
from stepwarden.gateway.refusals import Refusals
from stepwarden.gateway.service import Service

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Methods = dict[str, Operation]

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)
PAGE_HEADERS = ((b"referrer-policy", b"no-referrer"), (b"cross-origin-resource-policy", b"same-origin"))
STRICT_CSP = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NAMELESS = "none"
_log = logging.getLogger(__name__)


class Gateway:
    """Raw ASGI. ``fallback`` takes the paths that are not in the table (people's pages), if given."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        *,
        extra: tuple[Operation, ...] = (),
        fallback: App | None = None,
    ) -> None:
        self._service = service
        self._settings = settings
        self._fallback = fallback
        self._refusals = Refusals()
        self.metrics = Metrics()
        self._static: dict[bytes, Methods] = {}
        self._patterns: list[tuple[tuple[str | None, ...], Methods]] = []
        for operation in table(extra).values():
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        segments = operation.segments
        if None not in segments:
            self._static.setdefault(operation.path.encode(), {})[operation.method] = operation
            return
        for known, methods in self._patterns:
            if known == segments:
                methods[operation.method] = operation
                return
        self._patterns.append((segments, {operation.method: operation}))

    def _match(self, path: bytes) -> tuple[Methods, tuple[str, ...]] | None:
        methods = self._static.get(path)
        if methods is not None:
            return methods, ()
        parts = path.decode("latin-1").split("/")[1:]
        for segments, methods in self._patterns:
            if len(segments) == len(parts) and all(
                wanted is None or wanted == part for wanted, part in zip(segments, parts, strict=True)
            ):
                return methods, tuple(
                    part for wanted, part in zip(segments, parts, strict=True) if wanted is None
                )
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        path = scope.get("raw_path") or scope["path"].encode()
        found = self._match(path)
        if found is None and self._fallback is not None:
            await self._fallback(scope, receive, send)
            return
        headers = checks.read_headers(scope["headers"])
        try:
            name, reply = await self._reply(scope, receive, headers, found)
        except checks.ClientGoneError:
            return
        self.metrics.answered(name, reply.status)
        await _send(send, reply, headers.get(b"x-request-id"), head=scope["method"] == "HEAD")

    async def _reply(
        self, scope: Scope, receive: Receive, headers: Headers, found: tuple[Methods, tuple[str, ...]] | None
    ) -> tuple[str, Reply]:
        if found is None:
            return _NAMELESS, self._problem(problems.problem("request.not_found"))
        methods, segments = found
        method = scope["method"]
        operation = methods.get("GET" if method == "HEAD" else method)
        if operation is None:
            return _NAMELESS, self._not_this_method(methods, method)
        call = Call(self._service, self._settings, self.metrics, headers)
        try:
            self._admit(operation, call)
            if segments:
                call.segments = tuple(map(checks.decode_segment, segments))
            if operation.request is not None:
                checks.check_media(headers, operation.media)
                call.body = await checks.read_body(
                    receive, headers, limit=operation.limit, timeout=self._settings.body_timeout
                )
            if scope["query_string"] or operation.query is not None:
                call.query = checks.read_query(scope["query_string"], operation.query)
            return operation.name, await operation.handler(call)
        except checks.ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001  # the last door: nothing leaves as a traceback
            return operation.name, await self._refuse(error, operation, call)

    def _admit(self, operation: Operation, call: Call) -> None:
        """The key and its scope. An open operation looks at a key only where it says so."""
        scope = operation.scope
        if scope is None or (operation.name == "metrics" and self._settings.metrics_open):
            if operation.optional_key and b"authorization" in call.headers:
                call.key = checks.authenticate(self._service, call.headers)
            return
        call.key = checks.authenticate(self._service, call.headers)
        checks.require(call.key, scope)

    async def _refuse(self, error: Exception, operation: Operation, call: Call) -> Reply:
        if not isinstance(error, StepwardenError):
            _log.error("internal error in %s", operation.name, exc_info=error)
        try:
            await self._refusals.log(self._service, error, where=operation.name, by=call.by, now=monotonic())
        except StepwardenError as second:
            # What cannot be recorded is not answered in detail: the caller hears that the log has no room or failed.
            error = second
        except Exception as second:  # noqa: BLE001
            _log.error("the exception entry of %s failed", operation.name, exc_info=second)
            error = second
        return self._problem(problems.problem_of(error), problems.headers_of(error))

    def _problem(self, problem: problems.Problem, headers: list[tuple[bytes, bytes]] | None = None) -> Reply:
        self.metrics.refused(problem.code)
        return Reply(
            wire.encode(problem), problem.status, problems.MEDIA_TYPE, tuple(headers) if headers else ()
        )

    def _not_this_method(self, methods: Methods, method: str) -> Reply:
        allowed = sorted({*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))
        allow = (b"allow", ", ".join(allowed).encode())
        if method == "OPTIONS":
            return Reply(b"", 204, b"", (allow,))
        return self._problem(problems.problem("request.method"), [allow])

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise ValueError(f"unknown ASGI scope {scope['type']!r}")


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing to start or stop here: whoever built the service closes it."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _send(send: Send, reply: Reply, request_id: bytes | None, *, head: bool) -> None:
    headers = list(_base(reply.media)) if not reply.headers else [*_base(reply.media), *reply.headers]
    if reply.status != 204:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    if request_id and len(request_id) <= 128 and _is_plain(request_id):
        headers.append((b"x-request-id", request_id))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})


@cache
def _base(media: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of every reply of one content type; a page brings its own content security policy."""
    if media.startswith(b"text/html"):
        return (*SECURITY_HEADERS, *PAGE_HEADERS, (b"content-type", media))
    return (*SECURITY_HEADERS, STRICT_CSP, *(((b"content-type", media),) if media else ()))


def _is_plain(value: bytes) -> bool:
    """Visible ASCII only: an echoed header must not carry anything else."""
    return all(0x21 <= byte <= 0x7E for byte in value)
