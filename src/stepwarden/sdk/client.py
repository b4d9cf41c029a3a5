"""Clients for Stepwarden's API: ``Client`` (blocking) and ``AsyncClient`` (asyncio), with the same methods.

    client = Client("http://127.0.0.1:8700", key="sw_...")
    match client.attempt(Attempt(action="transfer", actor="alice", session=session_id), on_outage="deny"):
        case Allowed(): ...
        case StepUp(): ...
        case Denied(): ...

Make one client and keep it: it holds its connections open. A call ends within ``timeout`` seconds (the
blocking client may take one read longer), redirects are not followed, and an answer over ``LARGEST_ANSWER``
is nonsense.

Outages: ``attempt`` never raises for one, it returns what the call site chose, ``deny`` or ``step_up``;
there is no way to choose "allow". All other methods raise ``UnavailableError``. A decision whose connection
broke is asked once more under the same idempotency key, so it stays one entry in the log; nothing else is
ever sent twice.

Answers to challenges go to the answer call alone. The key appears in no ``repr`` and no error.
"""

import asyncio
import secrets
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import httpx

from stepwarden.sdk import wire
from stepwarden.sdk.answers import (
    Decision,
    OnOutage,
    Outcome,
    Passed,
    Recorded,
    RecoveryCodes,
    TotpEnrolment,
)
from stepwarden.sdk.calls import AsyncCalls, Calls
from stepwarden.sdk.errors import UnavailableError
from stepwarden.sdk.wire import Attempt, Event, Request, Response

TIMEOUT = 2.0
LARGEST_ANSWER = 4 * 1024 * 1024
_BROKEN = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError, httpx.CloseError)
"""The connection ended under us, typically because the server closed an idle one."""


def _settings(key: str, timeout: float) -> tuple[dict[str, str], httpx.Timeout, httpx.Limits]:
    if timeout <= 0:
        raise ValueError("a timeout must be positive: without one an outage would hang the application")
    headers = {"authorization": f"Bearer {key}", "accept": wire.JSON, "user-agent": "stepwarden-sdk"}
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=30)
    return headers, httpx.Timeout(timeout), limits


def _headers(request: Request) -> dict[str, str]:
    headers = {"content-type": request.content_type}
    if request.idempotency_key:
        headers["idempotency-key"] = request.idempotency_key
    return headers


class _Body:
    """Collects an answer and gives up on one that is too long or too slow."""

    def __init__(self, deadline: float) -> None:
        self.data = bytearray()
        self._deadline = deadline

    def add(self, chunk: bytes) -> None:
        self.data += chunk
        if len(self.data) > LARGEST_ANSWER:
            raise UnavailableError("an answer that is too long")
        if time.monotonic() > self._deadline:
            raise UnavailableError("no complete answer in time")


class Client(Calls):
    """Blocking client; safe to share between threads. ``key`` is an API key, ``sw_<id>_<secret>``."""

    def __init__(self, url: str, *, key: str, timeout: float = TIMEOUT) -> None:
        headers, patience, limits = _settings(key, timeout)
        self._url = url
        self._timeout = timeout
        # trust_env off: a proxy from the environment must not see attempts and codes.
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=patience, limits=limits, trust_env=False
        )

    def __repr__(self) -> str:
        return f"Client({self._url!r})"

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _once(self, request: Request, deadline: float) -> Response:
        with self._http.stream(
            request.method, request.path, content=request.body, headers=_headers(request)
        ) as answer:
            body = _Body(deadline)
            for chunk in answer.iter_bytes():
                body.add(chunk)
            return Response(answer.status_code, bytes(body.data))

    def _send(self, request: Request) -> Response:
        deadline = time.monotonic() + self._timeout
        try:
            try:
                return self._once(request, deadline)
            except _BROKEN:
                if not request.repeatable or time.monotonic() > deadline:
                    raise
                return self._once(request, deadline)
        except httpx.HTTPError as exc:
            raise UnavailableError(f"{type(exc).__name__} at {request.path}") from exc

    def attempt(
        self, attempt: Attempt, *, on_outage: OnOutage = "deny", idempotency_key: str = ""
    ) -> Decision:
        """May this happen?

        Raises:
            RequestRefusedError: the attempt is malformed, or the key lacks the scope ``decide``.
        """
        request = wire.attempt_request(attempt, idempotency_key or secrets.token_urlsafe(16))
        try:
            return wire.read_decision(self._send(request))
        except UnavailableError:
            return wire.outage_decision(on_outage)

    def report(
        self, attempt_id: str, outcome: Outcome, *, proved: Iterable[str] = (), session: str = ""
    ) -> Recorded:
        """How the attempt ended. ``unknown`` with ``proved`` opens its challenge for an answer."""
        return wire.read_recorded(self._send(wire.report_request(attempt_id, outcome, proved, session)))

    def record(self, events: Iterable[Event]) -> int:
        """Record what already happened elsewhere; returns how many were recorded. Sent in batches."""
        return sum(wire.read_batch(self._send(request)) for request in wire.event_requests(events))

    def answer(self, challenge_id: str, *, factor: str, answer: str) -> Passed:
        """Answer a challenge.

        Raises:
            WrongAnswerError, NotReadyError, ClosedError, LockedError: see ``errors``.
            UnavailableError: nobody knows whether it passed; ask for the action again.
        """
        return wire.read_passed(self._send(wire.answer_request(challenge_id, factor, answer)))

    def enrol_totp(self, actor: str, *, attempt: str = "") -> TotpEnrolment:
        """A new authenticator; ``attempt`` names an allowed ``factor.enroll`` if they have a factor already."""
        return wire.read_totp(self._send(wire.factor_request(actor, "totp", attempt)))

    def make_recovery_codes(self, actor: str, *, attempt: str = "") -> RecoveryCodes:
        """New recovery codes for this actor; the former ones are void. ``attempt`` as for ``enrol_totp``."""
        return wire.read_codes(self._send(wire.factor_request(actor, "recovery", attempt)))


class AsyncClient(AsyncCalls):
    """The same for asyncio; belongs to the loop that first uses it."""

    def __init__(self, url: str, *, key: str, timeout: float = TIMEOUT) -> None:
        headers, patience, limits = _settings(key, timeout)
        self._url = url
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=patience, limits=limits, trust_env=False
        )

    def __repr__(self) -> str:
        return f"AsyncClient({self._url!r})"

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _once(self, request: Request, deadline: float) -> Response:
        async with self._http.stream(
            request.method, request.path, content=request.body, headers=_headers(request)
        ) as answer:
            body = _Body(deadline)
            async for chunk in answer.aiter_bytes():
                body.add(chunk)
            return Response(answer.status_code, bytes(body.data))

    async def _send(self, request: Request) -> Response:
        deadline = time.monotonic() + self._timeout
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    return await self._once(request, deadline)
                except _BROKEN:
                    if not request.repeatable:
                        raise
                    return await self._once(request, deadline)
        except (httpx.HTTPError, TimeoutError) as exc:
            raise UnavailableError(f"{type(exc).__name__} at {request.path}") from exc

    async def attempt(
        self, attempt: Attempt, *, on_outage: OnOutage = "deny", idempotency_key: str = ""
    ) -> Decision:
        """As ``Client.attempt``."""
        request = wire.attempt_request(attempt, idempotency_key or secrets.token_urlsafe(16))
        try:
            return wire.read_decision(await self._send(request))
        except UnavailableError:
            return wire.outage_decision(on_outage)

    async def report(
        self, attempt_id: str, outcome: Outcome, *, proved: Iterable[str] = (), session: str = ""
    ) -> Recorded:
        """As ``Client.report``."""
        request = wire.report_request(attempt_id, outcome, proved, session)
        return wire.read_recorded(await self._send(request))

    async def record(self, events: Iterable[Event]) -> int:
        """As ``Client.record``."""
        recorded = 0
        for request in wire.event_requests(events):
            recorded += wire.read_batch(await self._send(request))
        return recorded

    async def answer(self, challenge_id: str, *, factor: str, answer: str) -> Passed:
        """As ``Client.answer``."""
        return wire.read_passed(await self._send(wire.answer_request(challenge_id, factor, answer)))

    async def enrol_totp(self, actor: str, *, attempt: str = "") -> TotpEnrolment:
        """As ``Client.enrol_totp``."""
        return wire.read_totp(await self._send(wire.factor_request(actor, "totp", attempt)))

    async def make_recovery_codes(self, actor: str, *, attempt: str = "") -> RecoveryCodes:
        """As ``Client.make_recovery_codes``."""
        return wire.read_codes(await self._send(wire.factor_request(actor, "recovery", attempt)))
