"""Remembered devices: a signed cookie, for one person and one kind of agent, whose use is a signal and nothing more.

    v1.<device>.<second until>.<HMAC-SHA-256>

The application keeps it in the browser and sends it with attempts (``device.token``). It is signed under a key of the
log, over the person's token, the device, the end and the kind of agent (browser, system, type of device): in another
person's hands, on another kind of device, or after its end it says nothing. Revoked is what the log says is forgotten.

>>> cookies = DeviceCookies(bytes(32), entropy=bytes)
>>> device, text = cookies.make("alice", "Firefox/Linux/desktop", until=2_000_000_000)
>>> cookies.read(text, "alice", "Firefox/Linux/desktop", now=1_900_000_000) == device
True
>>> cookies.read(text, "alice", "Chrome/Linux/desktop", now=1_900_000_000)
''
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable

from stepwarden.flow.tokens import TOKEN_BYTES, encode_token

REMEMBER_SECONDS = 90 * 86_400
_VERSION = "v1"


class DeviceCookies:
    """Makes and reads the cookies of one log. ``key`` has 32 bytes."""

    def __init__(self, key: bytes, *, entropy: Callable[[int], bytes]) -> None:
        self._key = key
        self._entropy = entropy

    def make(self, actor: str, family: str, *, until: int) -> tuple[str, str]:
        """A new device's id, and its cookie. ``until`` in seconds since 1970."""
        device = encode_token(self._entropy(TOKEN_BYTES))
        return device, f"{_VERSION}.{device}.{until}.{self._sign(actor, family, device, until)}"

    def read(self, text: str, actor: str, family: str, *, now: int) -> str:
        """The device that a cookie is for; empty where it is none of this person and kind, or over."""
        parts = text.split(".")
        if len(parts) != 4 or parts[0] != _VERSION or not (parts[2].isascii() and parts[2].isdigit()):
            return ""
        _, device, until, mac = parts
        if len(until) > 15 or str(int(until)) != until or int(until) <= now:
            return ""
        right = self._sign(actor, family, device, int(until))
        return device if hmac.compare_digest(right.encode(), mac.encode("utf-8", "replace")) else ""

    def _sign(self, actor: str, family: str, device: str, until: int) -> str:
        data = "\n".join(("stepwarden device v1", actor, device, str(until), family))
        mac = hmac.digest(self._key, data.encode("utf-8", "surrogatepass"), "sha256")
        return urlsafe_b64encode(mac).rstrip(b"=").decode()
