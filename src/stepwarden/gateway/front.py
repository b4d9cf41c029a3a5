"""The gateway as one dispatcher: route, check, handle, answer.

Every route is a row of ``operations``; whatever is not in the table is 404, another method on a known path 405 with
``Allow``. ``HEAD`` is answered like ``GET`` without the body, except on pages that are somebody's (``visits``),
``OPTIONS`` with ``Allow``. Paths are matched as they came, undecoded, so that no second spelling of a path reaches a
handler; a parameter is decoded once, afterwards.

A request comes in two steps: ``open`` judges its head, before a byte of the body is read, and says how much body may
be read; ``answer`` gets that body. Between the two lies the listener, which knows sockets and nothing of routes.

Every refusal is a problem document, counted, and recorded as ``refusals`` says. Nothing that goes wrong in a handler
leaves as more than a code.
"""

import logging
from time import monotonic

from stepwarden.errors import BusyError, StepwardenError
from stepwarden.gateway import checks, problems, wire
from stepwarden.gateway.exchange import Call, Reply, Request, Settings
from stepwarden.gateway.metrics import Metrics
from stepwarden.gateway.operation import Operation
from stepwarden.gateway.operations import table
from stepwarden.gateway.refusals import Refusals
from stepwarden.gateway.service import Service

Methods = dict[str, Operation]
_NAMELESS = "none"
_log = logging.getLogger(__name__)


class Gateway:
    """The API as a ``Site``."""

    def __init__(self, service: Service, settings: Settings, *, extra: tuple[Operation, ...] = ()) -> None:
        self._service = service
        self._settings = settings
        self._refusals = Refusals()
        self.body_timeout = settings.body_timeout
        self.metrics = Metrics()
        self._static: dict[bytes, Methods] = {}
        self._patterns: list[tuple[tuple[str | None, ...], Methods]] = []
        self._prefixes: dict[bytes, Methods] = {}
        for operation in table(extra).values():
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        if operation.rest:
            self._prefixes.setdefault(operation.prefix, {})[operation.method] = operation
            # The longest first, so that the closest one is found.
            self._prefixes = dict(sorted(self._prefixes.items(), key=lambda item: -len(item[0])))
            return
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
        for prefix, methods in self._prefixes.items():
            if path.startswith(prefix):
                return methods, (path[len(prefix) :].decode("latin-1"),)
        return None

    def open(self, request: Request, peer: str = "") -> "Opened | Answered":
        """Route the request and pass it through the checks that need no body."""
        found = self._match(request.path)
        if found is None:
            return Answered(self.refusal("request.not_found"))
        methods, segments = found
        method = request.method
        operation = methods.get("GET" if method == "HEAD" else method)
        if operation is None or (method == "HEAD" and not operation.head):
            return Answered(self._not_this_method(methods, method))
        call = Call(self._service, self._settings, self.metrics, request.headers, peer=peer)
        opened = Opened(self, operation, call, request.query)
        try:
            self._admit(operation, call)
            if segments:
                # What is left of a path has slashes, and one spelling: it is not decoded.
                call.segments = segments if operation.rest else tuple(map(checks.decode_segment, segments))
            if operation.has_body:
                checks.check_media(request.headers, operation.media)
                opened.limit = operation.limit
        except Exception as error:  # noqa: BLE001  # ``answer`` says and records what it was
            opened.error = error
        return opened

    def _admit(self, operation: Operation, call: Call) -> None:
        """The key and its scope. An open operation looks at a key only where it says so."""
        scope = operation.scope
        if scope is None or self._settings.is_open(operation.name):
            if operation.optional_key and b"authorization" in call.headers:
                call.key = checks.authenticate(self._service, call.headers)
            return
        call.key = checks.authenticate(self._service, call.headers)
        checks.require(call.key, scope)

    async def refuse(self, error: Exception, operation: Operation, call: Call) -> Reply:
        """Record what was wrong, as far as ``refusals`` wants it, and say it."""
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

    def refusal(self, code: str, detail: str = "") -> Reply:
        """The reply to what belongs to no operation. It is counted and not recorded: anybody can send it."""
        headers = problems.headers_of(BusyError("")) if code == BusyError.code else []
        reply = self._problem(problems.problem(code, detail), headers)
        self.metrics.answered(_NAMELESS, reply.status)
        return reply

    def _problem(self, problem: problems.Problem, headers: list[tuple[bytes, bytes]]) -> Reply:
        self.metrics.refused(problem.code)
        return Reply(wire.encode(problem), problem.status, problems.MEDIA_TYPE, tuple(headers))

    def _not_this_method(self, methods: Methods, method: str) -> Reply:
        heads = {"HEAD"} if "GET" in methods and methods["GET"].head else set()
        allowed = sorted({*methods, "OPTIONS"} | heads)
        allow = (b"allow", ", ".join(allowed).encode())
        if method == "OPTIONS":
            reply = Reply(b"", 204, b"", (allow,))
        else:
            reply = self._problem(problems.problem("request.method"), [allow])
        self.metrics.answered(_NAMELESS, reply.status)
        return reply


class Answered:
    """An exchange that is over before it began: there is no such route, or the answer needs none."""

    __slots__ = ("_reply", "limit")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.limit = 0

    def refuse(self, error: Exception) -> None:
        """Nothing is worse than what is said already."""

    async def answer(self, body: bytes) -> Reply:
        """The reply."""
        return self._reply


class Opened:
    """A request for one operation. ``error`` is what was wrong with it so far."""

    __slots__ = ("_call", "_gateway", "_operation", "_query", "error", "limit")

    def __init__(self, gateway: Gateway, operation: Operation, call: Call, query: bytes) -> None:
        self._gateway = gateway
        self._operation = operation
        self._call = call
        self._query = query
        self.limit = 0
        self.error: Exception | None = None

    def refuse(self, error: Exception) -> None:
        """The body did not come as it should."""
        self.error = error

    async def answer(self, body: bytes) -> Reply:
        """Handle the request, or say why not."""
        operation, call, gateway = self._operation, self._call, self._gateway
        try:
            if self.error is not None:
                raise self.error
            call.body = body
            if self._query or operation.query is not None:
                call.query = (
                    self._query if operation.visit else checks.read_query(self._query, operation.query)
                )
            reply = await operation.handler(call)
        except Exception as error:  # noqa: BLE001  # the last door: nothing leaves as a traceback
            reply = await gateway.refuse(error, operation, call)
        gateway.metrics.answered(operation.name, reply.status)
        return reply
