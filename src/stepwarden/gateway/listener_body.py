"""The body behind a head: by its announced length, or in chunks (RFC 9112, 7.1). Bytes in, bytes out; no socket.

``feed`` takes what belongs to the body and gives back the rest. A body of known length that nobody wants is
passed over, so that the next request can be found. Chunk extensions and trailers are checked and dropped; what they
and the sizes may cost beside the content is limited too.

>>> body = Chunks(limit=10)
>>> body.feed(b"4;a=b\\r\\nwolf\\r\\n0\\r\\n\\r\\nGET"), body.complete, bytes(body.content)
(b'GET', True, b'wolf')
"""

import re
from typing import Final

from stepwarden.gateway.listener_head import FIELD, TOKEN, ProtocolError

MAX_CHUNK_LINE: Final = 256
OVERHEAD: Final = 64 * 1024
"""Bytes that sizes, extensions and trailers may take beyond as many as the content's limit."""
_EXTENSION = rb";%b(?:=(?:%b|\"[\t !#-\[\]-~]*+\"))?" % (TOKEN, TOKEN)
# Plain repetition of the group: possessive groups match wrongly before Python 3.11.5 (gh-106052). It stays linear,
# because no extension can begin in the middle of another.
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:%b)*\r\n" % _EXTENSION)


class Length:
    """A body of known length, which its limit has been compared with already."""

    __slots__ = ("_left", "_wanted", "complete", "content", "over")

    def __init__(self, length: int, *, wanted: bool) -> None:
        self._left = length
        self._wanted = wanted
        self.content = bytearray()
        self.complete = False
        self.over = False

    def feed(self, data: bytes) -> bytes:
        """Take what belongs to the body; returns the rest."""
        left = self._left
        if self._wanted:
            self.content += data[:left]
        self._left = max(0, left - len(data))
        self.complete = not self._left
        return data[left:]


class Chunks:
    """A chunked body. ``over`` says that it is longer than its limit: feed it no more then."""

    __slots__ = ("_held", "_left", "_limit", "_read", "_spent", "_trailer", "complete", "content", "over")

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._held = b""
        self._left = 0  # of the chunk, with the CRLF behind it
        self._read = 0
        self._spent = 0
        self._trailer = False
        self.content = bytearray()
        self.complete = False
        self.over = False

    def feed(self, data: bytes) -> bytes:
        """Take what belongs to the body; returns the rest.

        Raises:
            ProtocolError: these are no chunks.
        """
        if self._held:
            data = self._held + data
            self._held = b""
        at = 0
        while not (self.complete or self.over):
            step = self._content(data, at) if self._left else self._line(data, at)
            if not step:
                self._held = data[at:]
                return b""
            at += step
        return data[at:]

    def _content(self, data: bytes, at: int) -> int:
        """How much of ``data`` from ``at`` is content or the CRLF behind it; 0 if more is needed."""
        if self._left > 2:
            piece = data[at : at + self._left - 2]
            self.content += piece
            self._left -= len(piece)
            return len(piece)
        end = data[at : at + 2]
        if not b"\r\n".startswith(end):
            raise ProtocolError("a chunk is longer than it says")
        if len(end) < 2:
            return 0
        self._left = 0
        return 2

    def _line(self, data: bytes, at: int) -> int:
        """The length of the line at ``at``: a size, or one behind the last chunk; 0 if it is not complete."""
        end = data.find(b"\n", at, at + MAX_CHUNK_LINE) + 1
        if not end:
            if len(data) - at >= MAX_CHUNK_LINE:
                raise ProtocolError("a line between chunks is too long")
            return 0
        self._spent += end - at
        if self._spent > OVERHEAD + self._limit:
            raise ProtocolError("more is said about the chunks than is in them")
        if self._trailer:
            self._end(data, at, end)
        else:
            self._size(data, at, end)
        return end - at

    def _size(self, data: bytes, at: int, end: int) -> None:
        match = _SIZE.fullmatch(data, at, end)
        if match is None:
            raise ProtocolError("not the size of a chunk")
        size = int(match[1], 16)
        self._read += size
        self.over = self._read > self._limit
        self._left = size + 2 if size else 0
        self._trailer = not size

    def _end(self, data: bytes, at: int, end: int) -> None:
        if end - at == 2 and data[at] == 0x0D:
            self.complete = True
        elif FIELD.fullmatch(data, at, end) is None:
            raise ProtocolError("not a trailer field")
