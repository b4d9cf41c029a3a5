"""A witness's HTTP interface (c2sp.org/tlog-witness): a ``Site`` of its own, beside nothing else.

    POST /add-checkpoint             a log's signed checkpoint and the proof that it continues the last one
    GET  /<sha256 of origin>/checkpoint   the newest checkpoint that this witness signed, for monitors
    GET  /healthz                    whether it signs

Nobody needs a key: what is signed is decided by the log's own signature. A body is at most 256 KiB, and arrives in
time or is refused. Answers are short text; those of the protocol have their own type (``text/x.tlog.size``).

Each decision syncs a file, so it is made in a thread: the loop goes on. Not here: the decision (``ledger.witness``).
"""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Final

from stepwarden.errors import StepwardenError, StorageError
from stepwarden.gateway.exchange import Reply, Request
from stepwarden.gateway.problems import MEDIA_TYPE, problem, problem_of
from stepwarden.gateway.wire import encode
from stepwarden.ledger.witness import MAX_REQUEST, TEXT, Witness

_NEWEST: Final = re.compile(rb"/([0-9a-f]{64})/checkpoint")
_log = logging.getLogger("stepwarden.witness")


class WitnessSite:
    """What the listener serves. ``failed`` tells why nothing is signed any more, None while it is."""

    def __init__(
        self, witness: Witness, *, failed: Callable[[], StorageError | None], body_timeout: float
    ) -> None:
        self.witness = witness
        self.failed = failed
        self.body_timeout = body_timeout

    def open(self, request: Request, peer: str = "") -> "_Exchange":
        """Judge a head. A query is nowhere asked for, so one is another path."""
        post, path = request.method == "POST", request.path + (b"?" if request.query else b"")
        if path == b"/add-checkpoint":
            return _Add(self) if post else _Ready(self.refusal("request.method", "use POST"))
        newest = _NEWEST.fullmatch(path)
        if newest is None and path != b"/healthz":
            return _Ready(self.refusal("request.not_found", ""))
        if request.method not in ("GET", "HEAD"):
            return _Ready(self.refusal("request.method", "use GET"))
        return _Newest(self, newest[1].decode()) if newest is not None else _Ready(self.health())

    def refusal(self, code: str, detail: str) -> Reply:
        """The reply to what is no request of ours."""
        found = problem(code, detail)
        return Reply(encode(found), found.status, MEDIA_TYPE)

    def health(self) -> Reply:
        """200 while it signs."""
        failed = self.failed()
        return Reply(
            b"ok\n" if failed is None else b"failed\n", 200 if failed is None else 503, TEXT.encode()
        )

    def wrong(self, error: Exception) -> Reply:
        """The reply to an error on the way; what is not for strangers stays here."""
        if isinstance(error, StorageError):
            # 503: a log should come again later, and not take this for the witness's judgement on it.
            _log.error("nothing is signed: %s", error)
            return Reply(b"the witness cannot sign now\n", 503, TEXT.encode())
        if not isinstance(error, StepwardenError):
            _log.error("internal error", exc_info=error)
        found = problem_of(error)
        return Reply(encode(found), found.status, MEDIA_TYPE)


class _Exchange:
    """One request: the ``Exchange`` of ``exchange``."""

    limit = 0

    def __init__(self, site: WitnessSite) -> None:
        self._site = site
        self._error: Exception | None = None

    def refuse(self, error: Exception) -> None:
        self._error = error

    async def answer(self, body: bytes) -> Reply:
        try:
            if self._error is not None:
                return self._site.wrong(self._error)
            return await asyncio.to_thread(self._handle, body)
        except Exception as error:  # noqa: BLE001  # an answer always comes
            return self._site.wrong(error)

    def _handle(self, body: bytes) -> Reply:
        """In a thread of its own."""
        raise ValueError("each kind of request handles itself")


class _Ready(_Exchange):
    """What is answered whatever the body."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def refuse(self, error: Exception) -> None:
        """The head was refused already."""

    async def answer(self, body: bytes) -> Reply:
        return self._reply


class _Add(_Exchange):
    limit = MAX_REQUEST

    def _handle(self, body: bytes) -> Reply:
        verdict = self._site.witness.add(body)
        if verdict.alarm:
            _log.warning("%s", verdict.alarm)
        return Reply(verdict.body.encode(), verdict.status, verdict.media.encode())


class _Newest(_Exchange):
    def __init__(self, site: WitnessSite, digest: str) -> None:
        super().__init__(site)
        self._digest = digest

    def _handle(self, body: bytes) -> Reply:
        note = self._site.witness.checkpoint(self._digest)
        if note is None:
            return self._site.refusal("request.not_found", "no checkpoint of this log was signed here")
        return Reply(note.encode(), media=TEXT.encode())
