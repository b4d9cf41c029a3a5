"""Tokens: what stands for a session, a device, an address or an agent in the log.

A token is BLAKE2b of the value, keyed by a secret of this log, 96 bits in base64url: the same value gives the same
token within one log, and nothing can be said of the value without the key. A person's token is not made here: it
is random and lives beside their key (see ``people``), so that erasing the key leaves it meaning nothing.

Not a defence against somebody who holds the log's keys: they can hash every IPv4 address. ``docs/privacy.md``
says what follows from that.
"""

from binascii import b2a_base64
from collections.abc import Callable
from hashlib import blake2b

TOKEN_BYTES = 12
_URL = bytes.maketrans(b"+/", b"-_")


def encode_token(data: bytes) -> str:
    """Bytes as base64url: 12 as 16 characters, 6 as 8 (a multiple of 3 needs no padding)."""
    return b2a_base64(data, newline=False).translate(_URL).decode()


class Tokens:
    """Makes tokens with the log's token key (32 bytes)."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("a token key has 32 bytes")
        self._key = key
        self.session = self._maker(b"session")
        self.device = self._maker(b"device")
        self.address = self._maker(b"address")
        self.network = self._maker(b"network")
        self.agent = self._maker(b"agent")
        self.resource = self._maker(b"resource")

    def _maker(self, kind: bytes) -> Callable[[str], str]:
        # The keyed state is made once; a copy of it is cheaper than keying anew.
        keyed = blake2b(key=self._key, person=kind, digest_size=TOKEN_BYTES)

        def token(value: str) -> str:
            if not value:
                return ""
            state = keyed.copy()
            state.update(value.encode())
            return encode_token(state.digest())

        return token
