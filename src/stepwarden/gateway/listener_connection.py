"""One connection: requests are read one after the other, and each is answered before the next one is read.

At each moment a connection is in one of these places, and ``deadline`` says how long it may stay there:

* idle: nothing of a request has come (``Limits.idle``; then it is closed)
* in a head: some of it has come (``Limits.head``; then 408)
* in a body: the head has been judged and its body is wanted (``Limits.body``; then 408)
* passing over a short body that nobody wants, beside its answer or after it (``Limits.body``; then it is closed)
* answering: the site is at work (no deadline of ours)
* full: the peer does not take the reply (``Limits.write``; then it is cut off), and nothing is read
* ending: the last reply is written (``Limits.linger`` for the peer to read it; then it is cut off)

Requests that come early wait in a buffer; when that is longer than ``AHEAD``, reading pauses. A reply is one write.
After a refusal that leaves input unread, more of it is taken and dropped for a moment, and "stop sending" is all the
peer hears: closing at once would reset the connection and could take the reply away from it.

A peer that hangs up ends its connection and never its request: the task goes on, its entry may be in the log already.

Not here: what the bytes mean (``listener_head``, ``listener_body``), who may have how many connections (``listener``).
"""

import asyncio
import logging
from dataclasses import dataclass
from math import inf
from typing import Any, Final, Protocol

from stepwarden.errors import MalformedBodyError, TooLargeError, TooSlowError
from stepwarden.gateway.exchange import CHUNKED, Exchange, Reply, Request, Site
from stepwarden.gateway.listener_body import Chunks, Length
from stepwarden.gateway.listener_head import ProtocolError, head_end, read_head
from stepwarden.gateway.listener_reply import CONTINUE, encode_reply

AHEAD: Final = 64 * 1024
"""Bytes that may wait while a request is answered."""
UNWANTED: Final = 64 * 1024
"""Bytes of an unwanted body that are passed over to keep the connection."""
DROPPED: Final = 1024 * 1024
"""Bytes that are taken and dropped after the last reply."""
SPARE: Final = 256
"""Connections above the limit that are told so; those above them are closed without a word."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many connections there may be, and how long, in seconds, each may stay in a place."""

    connections: int
    body: float
    head: float = 10.0
    idle: float = 65.0
    write: float = 20.0
    linger: float = 2.0


class Home(Protocol):
    """What all connections share. ``now`` is the loop's time at the last tick, ``date`` the Date header."""

    site: Site
    limits: Limits
    loop: asyncio.AbstractEventLoop
    connections: set["Connection"]
    stopping: bool
    now: float
    date: bytes

    def gone(self, connection: "Connection", task: asyncio.Task[None] | None) -> None:
        """A connection is lost; ``task`` is the answer that it will not hear."""
        ...


class Connection(asyncio.Protocol):
    """One peer."""

    __slots__ = (
        "_begun",
        "_body",
        "_buffer",
        "_deaf",
        "_dropped",
        "_ended",
        "_eof",
        "_exchange",
        "_full",
        "_home",
        "_keep",
        "_paused",
        "_peer",
        "_request",
        "_task",
        "_transport",
        "_unsent",
        "deadline",
    )
    _transport: Any  # as asyncio has it: Transport, with abort and pause_reading

    def __init__(self, home: Home) -> None:
        self._home = home
        self._buffer = b""
        self._begun = False  # some of a head is in the buffer
        self._body: Length | Chunks | None = None
        self._exchange: Exchange | None = None  # whose body is collected
        self._request: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._keep = True
        self._deaf = False  # input is dropped
        self._dropped = 0
        self._paused = False
        self._full = False
        self._unsent = 0
        self._eof = False
        self._ended = False
        self._peer = ""
        self.deadline = inf

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or say that there are too many."""
        self._transport = transport
        name = transport.get_extra_info("peername")
        self._peer = str(name[0]) if isinstance(name, tuple) and name else ""
        home = self._home
        others = len(home.connections) - home.limits.connections
        home.connections.add(self)
        if others >= SPARE:
            self.cut()
        elif others >= 0:
            self._refuse("service.busy", "too many connections")
        else:
            self.deadline = home.now + home.limits.head

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._deaf:
            self._drop(len(data))
            return
        self._buffer = self._buffer + data if self._buffer else data
        self._go()

    def eof_received(self) -> bool:
        """The peer sends nothing more; it may still read. Half a request is none."""
        self._eof = True
        return not self._ended and (self._task is not None or self._full)

    def pause_writing(self) -> None:
        """The peer does not take what was written."""
        self._full = True
        if not self._ended:
            self._unsent = self._transport.get_write_buffer_size()
            self.deadline = self._home.now + self._home.limits.write

    def resume_writing(self) -> None:
        """It does again."""
        self._full = False
        if not self._ended:
            self._rest()
            self._go()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever wanted it."""
        self._ended = True
        self._buffer = b""
        self._body = self._exchange = None
        self.deadline = inf
        self._home.gone(self, self._task)

    # What the listener says.

    def expire(self) -> None:
        """The deadline is over."""
        if self._full or self._ended or self._transport.is_closing():
            self._expire_unsent()
        elif self._exchange is not None:
            limit = self._home.limits.body
            self._give_up(TooSlowError(f"the body must arrive within {limit:g} seconds"))
        elif self._task is not None:
            self._deafen()  # an unwanted body: once the answer has left, that was all
            self.deadline = inf
        elif self._begun:
            self._refuse("request.too_slow", f"a head must arrive within {self._home.limits.head:g} seconds")
        else:
            self._end()

    def _expire_unsent(self) -> None:
        unsent = self._transport.get_write_buffer_size()
        if 0 < unsent < self._unsent:  # slow, but it reads
            self._unsent = unsent
            self.deadline = self._home.now + self._home.limits.write
        else:
            self.cut()

    def retire(self) -> None:
        """The listener stops: go, unless a request is under way."""
        if not (self._begun or self._full or self._ended or self._task or self._exchange):
            self._end()

    def cut(self) -> None:
        """Go now."""
        self._ended = True
        self._transport.abort()

    # Reading.

    def _go(self) -> None:
        try:
            self._advance()
        except Exception:  # noqa: BLE001  # one peer's connection, never the loop
            _log.exception("internal error in a connection")
            self._refuse("internal.error", "")

    def _advance(self) -> None:
        """Read as much as may be read now."""
        while self._buffer:
            if self._body is not None:
                if not self._take_body(self._body):
                    break
            elif self._task is not None or self._full or not self._take_head():
                break
        if self._task is not None or self._full:
            if len(self._buffer) > AHEAD and not self._paused:
                self._paused = True
                self._transport.pause_reading()
        elif self._eof and not self._ended:
            self._end()
        elif self._paused and not self._deaf:
            self._paused = False
            self._transport.resume_reading()

    def _take_head(self) -> bool:
        """Read a head; False if it is not complete."""
        data, home = self._buffer, self._home
        try:
            end = head_end(data)
            if not end:
                if not self._begun:
                    self._begun = True
                    self.deadline = home.now + home.limits.head
                return False
            request = read_head(data[:end])
        except ProtocolError as error:
            self._refuse(error.code, str(error))
            return False
        self._begun = False
        self._buffer = data[end:]
        self._request = request
        self._keep = request.keep
        exchange = home.site.open(request, self._peer)
        if not request.length:
            self._start(exchange, b"")
        elif exchange.limit:
            self._collect(exchange, request)
        else:
            self._pass_over(exchange, request)
        return True

    def _collect(self, exchange: Exchange, request: Request) -> None:
        length, buffer = request.length, self._buffer
        if 0 < length <= min(len(buffer), exchange.limit):  # nearly always
            self._buffer = buffer[length:]
            self._start(exchange, buffer[:length])
            return
        if length > exchange.limit:
            self._exchange = exchange
            self._give_up(TooLargeError(f"at most {exchange.limit} bytes are read", field="Content-Length"))
            return
        if request.waits and not buffer:
            self._transport.write(CONTINUE)
        self._exchange = exchange
        self._body = Chunks(limit=exchange.limit) if length == CHUNKED else Length(length, wanted=True)
        self.deadline = self._home.now + self._home.limits.body

    def _pass_over(self, exchange: Exchange, request: Request) -> None:
        """Answer at once; what nobody wants is waited for only if it is known to be short."""
        if request.waits or not 0 < request.length <= UNWANTED:
            self._deafen()
            self._start(exchange, b"")
            return
        self._start(exchange, b"")
        self._body = Length(request.length, wanted=False)
        self.deadline = self._home.now + self._home.limits.body

    def _take_body(self, body: Length | Chunks) -> bool:
        """Read of a body; False if it is not complete."""
        try:
            self._buffer = body.feed(self._buffer)
        except ProtocolError as error:
            self._give_up(MalformedBodyError(str(error)))
            return False
        if body.over:
            self._give_up(TooLargeError("more bytes came than are read here"))
            return False
        if not body.complete:
            return False
        self._body = None
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            self._start(exchange, bytes(body.content))
        elif self._task is not None:
            self.deadline = inf
        else:
            self._rest()
        return True

    def _give_up(self, error: Exception) -> None:
        """The body that is collected will not be one."""
        exchange, self._exchange = self._exchange, None
        self._deafen()
        if exchange is not None:
            exchange.refuse(error)
            self._start(exchange, b"")

    def _rest(self) -> None:
        """Wait for the next request, or for the end of an unwanted body."""
        limits = self._home.limits
        self.deadline = self._home.now + (limits.idle if self._body is None else limits.body)

    # Answering.

    def _start(self, exchange: Exchange, body: bytes) -> None:
        self.deadline = inf
        self._task = self._home.loop.create_task(self._answer(exchange, body))

    async def _answer(self, exchange: Exchange, body: bytes) -> None:
        """The task of one request. It is never cancelled by us."""
        try:
            reply = await exchange.answer(body)
            data = self._encode(reply)
        except Exception:  # noqa: BLE001  # whatever it is, the peer gets an answer
            _log.exception("internal error in a reply")
            self._keep = False
            data = self._encode(self._home.site.refusal("internal.error", ""))
        self._task = None
        if self._transport.is_closing():
            return  # nobody is there to hear it
        self._transport.write(data)
        if not self._keep:
            self._end()
            return
        if not self._full:
            self._rest()
        if self._buffer or self._eof or self._paused:
            self._go()

    def _encode(self, reply: Reply) -> bytes:
        home, request = self._home, self._request
        if home.stopping:
            self._keep = False
        return encode_reply(
            reply,
            date=home.date,
            request_id=None if request is None else request.headers.get(b"x-request-id"),
            bodiless=request is not None and request.method == "HEAD",
            close=not self._keep,
            old=request is not None and request.old,
        )

    def _refuse(self, code: str, detail: str) -> None:
        """Answer what is no request, and go."""
        if self._ended or self._transport.is_closing():
            return
        reply = self._home.site.refusal(code, detail)
        self._deafen()
        self._transport.write(encode_reply(reply, date=self._home.date, close=True))
        self._end()

    # Ending.

    def _deafen(self) -> None:
        """Read nothing more of what comes."""
        self._deaf = True
        self._keep = False
        self._buffer = b""
        self._body = None

    def _drop(self, count: int) -> None:
        self._dropped += count
        if self._dropped > DROPPED and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _end(self) -> None:
        """The last reply has been written: let it be read, and go."""
        unread = self._deaf or self._buffer
        self._deafen()
        self._ended = True
        limits = self._home.limits
        self._unsent = self._transport.get_write_buffer_size()
        self.deadline = self._home.now + (limits.write if self._unsent else limits.linger)
        if unread and not self._eof:
            self._transport.write_eof()
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
        else:
            self._transport.close()
