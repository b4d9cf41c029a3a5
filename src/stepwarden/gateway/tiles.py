"""The log as files (c2sp.org/tlog-tiles) under ``/log``: what monitors, mirrors and auditors' own tools read.

    GET /log/checkpoint                      the newest published checkpoint, a signed note
    GET /log/tile/<L>/<N>[.p/<W>]            256 hashes of level L, or the first W of them
    GET /log/tile/entries/<N>[.p/<W>]        256 entries, or the first W of them

Nothing is served beyond the published checkpoint: what has no tile there is 404, and so is every second spelling of a
path. Any width up to the published one is served, cut from the full tile where that is there already, so a reader with
an older checkpoint always finds what it asks for.

Full tiles never change, and may be kept for a year; the checkpoint and partial tiles for seconds. What needs a key is
for nobody's cache but the caller's: ``private``.

Entries name nobody (ids are tokens, personal fields are commitments), and still tell how much happens and when; so who
may read what is the operator's choice, ``log.readers``: with ``key`` all of it needs a key, with ``tree`` checkpoint
and hashes are open, with ``all`` the entries too.
"""

from typing import Final, Literal

from stepwarden.errors import MalformedNoteError, NotFoundError
from stepwarden.gateway import wire
from stepwarden.gateway.exchange import TEXT, Call, Reply
from stepwarden.ledger.tiles import WIDTH, TilePath

Readers = Literal["key", "tree", "all"]
BINARY: Final = b"application/octet-stream"
OPEN: Final[dict[Readers, frozenset[str]]] = {
    "key": frozenset(),
    "tree": frozenset({"log_checkpoint", "log_tile"}),
    "all": frozenset({"log_checkpoint", "log_tile", "log_entries"}),
}
"""The operations that ask for no key, by ``log.readers``."""
YEAR: Final = b"max-age=31536000, immutable"
SECONDS: Final = b"max-age=2"


async def checkpoint(call: Call) -> Reply:
    """GET /log/checkpoint"""
    return Reply(call.service.files.checkpoint(by=call.by).encode(), media=TEXT, headers=_kept(call, SECONDS))


async def tile(call: Call) -> Reply:
    """GET /log/tile/{path}"""
    return await _file(call, f"tile/{call.segments[0]}")


async def entries(call: Call) -> Reply:
    """GET /log/tile/entries/{path}"""
    return await _file(call, f"tile/entries/{call.segments[0]}")


async def receipt(call: Call) -> Reply:
    """GET /v1/log/receipt"""
    query: wire.ReceiptQuery = call.query
    return Reply((await call.service.files.receipt(query.index, by=call.by)).encode(), media=TEXT)


async def _file(call: Call, path: str) -> Reply:
    try:
        wanted = TilePath.parse(path)
    except MalformedNoteError as exc:
        raise NotFoundError(str(exc)) from exc
    data = await call.service.files.fetch(wanted, by=call.by)
    if data is None:
        raise NotFoundError("the published log has no such tile")
    return Reply(data, media=BINARY, headers=_kept(call, YEAR if wanted.width == WIDTH else SECONDS))


def _kept(call: Call, how: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """For how long, and by whom, a reply may be kept. A shared cache would hand it to callers without a key."""
    return ((b"cache-control", (b"private, " if call.key is not None else b"public, ") + how),)
