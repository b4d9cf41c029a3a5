"""Personal fields: committed to in the leaf, opened beside it.

The leaf holds, for each personal field, ``SHA-256(JSON [salt, name, value])`` in unpadded base64url, the digest of an
SD-JWT disclosure. The disclosures themselves (the opening) are kept beside the log, encrypted under a key per
person. Without the salt (128 random bits, in hex) a digest says nothing, not even to somebody who guesses the value.

>>> digests, opening = commit({"ip": "192.0.2.7"}, entropy=bytes(16))
>>> verify(digests, opening)
{'ip': '192.0.2.7'}

Not here: keys and encryption (``flow``), and where openings are kept (``ledger``, ``storage``).
"""

from binascii import b2a_base64
from collections.abc import Mapping
from hashlib import sha256

import msgspec

from stepwarden.errors import MalformedEntryError

SALT_BYTES = 16
SALT_HEX = 2 * SALT_BYTES
_URL = bytes.maketrans(b"+/", b"-_")
Disclosure = tuple[str, str, str]
_encode = msgspec.json.Encoder().encode
_decode_opening = msgspec.json.Decoder(list[Disclosure]).decode


def _base64url(data: bytes) -> str:
    return b2a_base64(data, newline=False).translate(_URL, b"=").decode()


def digest(disclosure: Disclosure) -> str:
    """The commitment to one disclosure ``(salt, name, value)``."""
    return _base64url(sha256(_encode(disclosure)).digest())


def commit(fields: Mapping[str, str], entropy: bytes) -> tuple[dict[str, str], bytes]:
    """Commit to each field; empty values are left out.

    Args:
        entropy: at least 16 fresh random bytes for each field, from the operating system.

    Returns:
        The digests by field name, and the opening (JSON list of disclosures) to be encrypted.
    """
    salts = entropy.hex()
    names: list[str] = []
    disclosures: list[bytes] = []
    at = 0
    for name, value in fields.items():
        if value:
            names.append(name)
            disclosures.append(_encode((salts[at : at + SALT_HEX], name, value)))
            at += SALT_HEX
    if len(salts) < at:
        raise ValueError("too little entropy for the salts")
    if not names:
        return {}, b""
    # One base64 for all: with a zero byte after each digest, each fills 44 characters, of which the last says nothing.
    digests = b"\0".join([sha256(disclosure).digest() for disclosure in disclosures])
    text = b2a_base64(digests, newline=False).translate(_URL).decode()
    found = {name: text[44 * n : 44 * n + 43] for n, name in enumerate(names)}
    # The encoding of the list, put together from what was hashed.
    return found, b"[" + b",".join(disclosures) + b"]"


def verify(digests: Mapping[str, str], opening: bytes) -> dict[str, str]:
    """The values that an opening discloses, each checked against its commitment.

    Raises:
        MalformedEntryError: the opening is malformed, or a value is not the one that was committed to.
    """
    try:
        disclosures = _decode_opening(opening)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise MalformedEntryError("not an opening") from exc
    values: dict[str, str] = {}
    for disclosure in disclosures:
        name = disclosure[1]
        if name in values or digests.get(name) != digest(disclosure):
            raise MalformedEntryError(f"the opening of {name!r} is not what the leaf commits to", field=name)
        values[name] = disclosure[2]
    return values
