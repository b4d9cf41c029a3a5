"""Where the files of a published log are read from: a directory, or a server.

A source gives a file's bytes by its path under the log's prefix (``checkpoint``, ``tile/0/000``), None when there is no
such file, and raises when nobody can tell. It checks nothing of what it reads: ``published`` and ``verify`` do. What
it must not do is let the other side hurt whoever asks: files are read up to a limit, also when compressed, a server
gets so many bytes and seconds for each, whatever it fills them with (heads, chunks, redirects that lead to
redirects), and redirects lead nowhere else.

    >>> DirectorySource(Path("/nowhere")).fetch("checkpoint") is None
    True

With ``keys``, this is the ledger's only module that touches the world. It writes *nothing*.
"""

import http.client
import io
import os
import socket
import stat
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Iterator
from functools import partial
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any, Final, Protocol

from stepwarden.errors import StorageError
from stepwarden.ledger.publish import MAX_BUNDLE

CHUNK: Final = 1 << 16

TRIES: Final = 3
"""How often a server is asked before an answer like 503 or a broken connection counts."""

MAX_HEADS: Final = 1 << 20
"""Bytes that an answer may take beyond those of the file: heads, frames of chunks, redirects on the way."""

_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_GONE: Final = frozenset({404, 410})
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Source(Protocol):
    """The files of a log."""

    def fetch(self, path: str) -> bytes | None:
        """Return the bytes of a file, None when there is none. ``path`` is relative, with ``/`` between its parts.

        Raises:
            StorageError: nobody can tell: it is out of reach, too long or unreadable.
        """
        ...


class DirectorySource:
    """A log in a directory, as an export or a mirror leaves it."""

    def __init__(self, root: Path) -> None:
        """Read below ``root``, which need not exist."""
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def fetch(self, path: str) -> bytes | None:
        """Return a file's bytes, None when there is no such file.

        Raises:
            StorageError: it cannot be read, is longer than any file of a log, or is no plain file.
        """
        _check(path)
        target = self._root / path
        try:
            # Non-blocking, so that a pipe in the file's place cannot hang us.
            with open(os.open(target, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise StorageError(f"{target} is not a file")
                data = file.read(MAX_BUNDLE + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except IsADirectoryError as exc:
            raise StorageError(f"{target} is not a file") from exc
        except OSError as exc:
            raise StorageError(f"{target} cannot be read: {exc.strerror}") from exc
        if len(data) > MAX_BUNDLE:
            raise StorageError(f"{target} is longer than any file of a log")
        return data


class UrlSource:
    """A log behind a web address: ``<url>/checkpoint``, ``<url>/tile/...``. Proxies are those of the environment."""

    def __init__(self, url: str, *, timeout: float = 30.0, bearer: str = "") -> None:
        """Read below ``url`` (http or https). ``timeout``: seconds for one file, from first to last byte.

        Args:
            bearer: the token that the server asks for, "" for none. It goes to that host alone, and over https or to
                this machine.

        Raises:
            StorageError: this is no such address, or the token cannot be sent.
        """
        try:
            parts = urllib.parse.urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.query or parts.fragment:
            raise StorageError(f"{url!r} is no address of a log: give https://host/path")
        if bearer and parts.scheme == "http" and parts.hostname not in _HERE:
            raise StorageError(f"a token is not sent to {url!r}, where others could read it: use https")
        self._url = url.rstrip("/")
        self._timeout = timeout
        if not (bearer.isascii() and bearer.isprintable()) or " " in bearer:
            raise StorageError("the token for the server holds characters that no token has")
        self._headers = {"Accept-Encoding": "gzip, identity"}
        if bearer:
            self._headers["Authorization"] = f"Bearer {bearer}"

    def __str__(self) -> str:
        return self._url

    def fetch(self, path: str) -> bytes | None:
        """Return a file's bytes, None when the server says that there is none (404 or 410).

        Raises:
            StorageError: no answer, another answer, too long, or too slow.
        """
        _check(path)
        url = f"{self._url}/{path}"
        for again in range(TRIES):
            if again:
                time.sleep(again)
            try:
                return self._get(url)
            except _PassingError as exc:
                failure = exc
        raise StorageError(f"{url} cannot be read: {failure}") from failure

    def _get(self, url: str) -> bytes | None:
        allowed = _Allowed(self._timeout)
        opener = urllib.request.build_opener(_Http(allowed), _Https(allowed), _NearbyRedirects())
        # The constructor allows http and https only.
        request = urllib.request.Request(url, headers=self._headers)  # noqa: S310
        try:
            with opener.open(request, timeout=self._timeout) as answer:
                chunks = iter(lambda: answer.read1(CHUNK), b"")
                if answer.headers.get("Content-Encoding", "identity") == "gzip":
                    chunks = _unpacked(chunks)
                data = _limited(url, chunks)
                # What is left of the promised length: read1 does not complain of a connection that broke.
                if answer.length:
                    raise _PassingError("the answer was cut short")
                return data
        except urllib.error.HTTPError as exc:
            with exc:
                if exc.code in _GONE:
                    return None
                if exc.code in _BUSY:
                    raise _PassingError(f"the server answers {exc.code}") from exc
                raise StorageError(f"{url} cannot be read: the server answers {exc.code}") from exc
        except urllib.error.URLError as exc:
            raise _PassingError(str(exc.reason)) from exc
        except (OSError, HTTPException) as exc:
            raise _PassingError(str(exc) or type(exc).__name__) from exc
        except ValueError as exc:
            # A redirect to what is no address, or a host's name that no machine can have.
            raise StorageError(f"{url} cannot be read: the address there is none: {exc}") from exc
        except zlib.error as exc:
            raise StorageError(f"{url} cannot be read: broken gzip") from exc


class _PassingError(Exception):
    """A failure that may be gone in a second."""


class _Allowed:
    """What is left, in bytes and until when, of what one file may take: through all that the server sends for it."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._bytes = MAX_BUNDLE + MAX_HEADS

    def seconds(self) -> float:
        """How long the next bytes may take."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _PassingError("the server is too slow")
        return left

    def take(self, count: int) -> None:
        """So many bytes have come."""
        self._bytes -= count
        if self._bytes < 0:
            raise StorageError("the server sends more than any file of a log has")


class _AllowedBytes(io.RawIOBase):
    """A connection's bytes, as far as they are allowed.

    The library's own limits are for one call of the operating system or one line, and some of its loops have none: one
    "100 Continue" after the other, the body of a redirect, what follows the last chunk.
    """

    def __init__(self, connection: socket.socket, raw: io.RawIOBase, allowed: _Allowed) -> None:
        self._connection = connection
        self._raw = raw
        self._allowed = allowed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(self._allowed.seconds())
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError as exc:
            raise _PassingError("the server is too slow") from exc
        self._allowed.take(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that reads no more than is allowed."""

    def __init__(self, allowed: _Allowed, sock: socket.socket, debuglevel: int = 0, **more: Any) -> None:
        super().__init__(sock, debuglevel, **more)
        self.fp = io.BufferedReader(_AllowedBytes(sock, self.fp.detach(), allowed))


class _Http(urllib.request.HTTPHandler):
    """Opens connections whose answers are ``_Answer``s."""

    def __init__(self, allowed: _Allowed) -> None:
        super().__init__()
        self._allowed = allowed

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connecting(http.client.HTTPConnection, self._allowed), req)


class _Https(urllib.request.HTTPSHandler):
    """The same over TLS, with the library's own checks of certificates."""

    def __init__(self, allowed: _Allowed) -> None:
        super().__init__()
        self._allowed = allowed

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connecting(http.client.HTTPSConnection, self._allowed), req)


def _connecting(kind: type[http.client.HTTPConnection], allowed: _Allowed) -> Any:
    """What the library calls for a connection, also for each redirect."""

    def connect(host: str, **arguments: Any) -> http.client.HTTPConnection:
        connection = kind(host, **{**arguments, "timeout": allowed.seconds()})
        # The library calls it, and asks nothing else of it.
        connection.response_class = partial(_Answer, allowed)  # type: ignore[assignment]
        return connection

    return connect


class _NearbyRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to the same host only, and never from https to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        same = (old.hostname, old.port) == (new.hostname, new.port) and old.scheme == new.scheme
        if not same:
            raise StorageError(
                f"{req.full_url} leads to another host, {new.netloc!r}: give that address if it is right"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check(path: str) -> None:
    parts = path.split("/")
    plain = all(part.strip(".") and part.replace(".", "").isalnum() and part.isascii() for part in parts)
    if not plain:
        raise ValueError(f"{path!r} is no path in a log")


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Undo gzip piece by piece, so that a small answer cannot unpack to fill the memory."""
    packed = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        yield packed.decompress(chunk, CHUNK)
        while packed.unconsumed_tail:
            yield packed.decompress(packed.unconsumed_tail, CHUNK)
    if not packed.eof or packed.unused_data:
        raise zlib.error("cut short, or followed by something")


def _limited(url: str, chunks: Iterator[bytes]) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > MAX_BUNDLE:
            raise StorageError(f"{url} is longer than any file of a log")
    return bytes(data)
