"""The one canonical encoding of entries: RFC 8785 (JCS) JSON in UTF-8, at most 65,535 bytes.

>>> from stepwarden.events.entries import ServiceStopped
>>> leaf = encode(ServiceStopped(time=1, id="abcdefgh", reason="asked to"))
>>> leaf
b'{"id":"abcdefgh","kind":"service.stopped","reason":"asked to","time":1}'
>>> decode(leaf).reason
'asked to'

An entry has exactly one spelling: ``decode`` encodes again and compares. Hashes are always taken over the stored
bytes; encoding again is a check, never a source of what was hashed.
"""

import msgspec

from stepwarden.errors import InputError, MalformedEntryError
from stepwarden.events.entries import SCHEMA_VERSION, Entry

MAX_LEAF = 65_535
_encoder = msgspec.json.Encoder(order="sorted")
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The bytes of the leaf.

    Raises:
        InputError: the entry does not fit into a leaf.
    """
    leaf = _encoder.encode(entry)
    if len(leaf) > MAX_LEAF:
        raise InputError(f"the entry has {len(leaf)} bytes; a leaf holds at most {MAX_LEAF}")
    return leaf


def decode_trusted(leaf: bytes) -> Entry:
    """Read a leaf that this process wrote or has already checked; skips the comparison of spellings.

    Raises:
        MalformedEntryError: not an entry of this version.
    """
    try:
        entry = _decoder.decode(leaf)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise MalformedEntryError(f"not an entry: {exc}") from exc
    if entry.v != SCHEMA_VERSION:
        raise MalformedEntryError(f"entry of schema version {entry.v}; this version reads {SCHEMA_VERSION}")
    return entry


def decode(leaf: bytes) -> Entry:
    """Read back what ``encode`` wrote, and nothing else.

    Raises:
        MalformedEntryError: for all other bytes, a second spelling of an entry included.
    """
    entry = decode_trusted(leaf)
    if _encoder.encode(entry) != leaf:
        raise MalformedEntryError("not the canonical spelling of this entry")
    return entry
